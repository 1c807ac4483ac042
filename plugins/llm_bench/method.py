"""What a method does, in words that stand beside the function that does it. Pure."""

from __future__ import annotations

from typing import NamedTuple


class Method(NamedTuple):
    """One method, as the methods of a report say it: a report has those that were run for it, each once.

    :param term: its name, as a heading.
    :param text: full sentences, with the numbers that the function really has.
    :param cites: keys of its sources in ``references.bib``.
    """

    term: str
    text: str
    cites: tuple[str, ...] = ()
