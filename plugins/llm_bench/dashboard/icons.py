"""Small drawings of pages: the LLMs' shapes, as the charts have them, and the states of slots."""

from __future__ import annotations

from collections.abc import Mapping

from markupsafe import Markup

SHAPES: Mapping[str, str] = {
    "circle": "M6 1a5 5 0 1 0 0 10a5 5 0 1 0 0-10z",
    "square": "M1.5 1.5h9v9h-9z",
    "triangle-up": "M6 1l5.5 10h-11z",
    "diamond": "M6 0l5 6l-5 6l-5-6z",
    "cross": "M4 .5h4v3.5h3.5v4h-3.5v3.5h-4v-3.5h-3.5v-4h3.5z",
    "triangle-down": "M.5 1h11l-5.5 10z",
    "triangle-right": "M1 .5l10 5.5l-10 5.5z",
    "triangle-left": "M11 .5v11l-10-5.5z",
}
"""Name of a shape → its outline, in a square of 12."""

STATES: Mapping[str, Markup] = {
    "done": Markup(
        '<circle cx="8" cy="8" r="7" fill="currentColor"/>'
        '<path d="M4.8 8.3l2.2 2.2l4.2-4.6" fill="none" stroke="var(--card)" stroke-width="1.7"/>'
    ),
    "late": Markup(
        '<circle cx="8" cy="8" r="6.2" fill="none" stroke="currentColor" stroke-width="1.6"/>'
        '<path d="M8 4.5v3.8l2.6 1.6" fill="none" stroke="currentColor" stroke-width="1.6"/>'
    ),
    "incomplete": Markup(
        '<circle cx="8" cy="8" r="6.2" fill="none" stroke="currentColor" stroke-width="1.6"/>'
        '<path d="M8 1.8a6.2 6.2 0 0 0 0 12.4z" fill="currentColor"/>'
    ),
    "running": Markup(
        '<circle cx="8" cy="8" r="6" fill="none" stroke="currentColor" stroke-width="1.6" stroke-dasharray="3 1.7"/>'
        '<circle cx="8" cy="8" r="2.4" fill="currentColor"/>'
    ),
    "missed": Markup(
        '<rect x="1" y="1" width="14" height="14" rx="3" fill="currentColor"/>'
        '<path d="M5 5l6 6m0-6l-6 6" stroke="var(--card)" stroke-width="1.8"/>'
    ),
    "to come": Markup('<circle cx="8" cy="8" r="3" fill="none" stroke="currentColor" stroke-width="1.4"/>'),
}
"""State of a slot → its drawing, in a square of 16; each has a form of its own, so that it needs no colour."""
