"""How charts look: each LLM's name, colour, shape and dash, the same in all of a study's charts; light, dark, printed.

The colours are told apart with any of the common kinds of colour blindness, and stand out from their background by at
least 3 : 1. Nothing is shown by colour alone: lines have dashes and points have shapes, for black and white print.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any, Literal, Protocol, TypeVar

Theme = Literal["light", "dark", "print"]

SHAPES = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down", "triangle-right", "triangle-left")
DASHES = ((1, 0), (7, 3), (2, 2), (8, 2, 2, 2), (4, 2), (12, 3))

_ON_WHITE = ("#0072b2", "#d55e00", "#2e7d32", "#a8327e", "#7a6a00", "#5b4bb5", "#4d5866", "#8c3b1f")
_ON_BLACK = ("#58b0f0", "#ff9040", "#3ecfa0", "#f08fc8", "#d9c332", "#a99bf5", "#b4c0cc", "#d98b6a")

_LONGEST = 30
_TWIN = " (twin)"

FONT = "Liberation Sans"
"""It comes with vl-convert, so that a figure is drawn alike everywhere. One face alone: of two, which comes first
in a PDF is left to chance, and the same figure isn't the same bytes."""


class OfLLM(Protocol):
    """Anything that is of one LLM."""

    @property
    def llm(self) -> str: ...


Item = TypeVar("Item", bound=OfLLM)


@dataclass(frozen=True, slots=True)
class Looks:
    """How the LLMs of a study look.

    :param names: LLM → a short name of its own.
    :param twins: LLM → its twin.
    """

    names: Mapping[str, str]
    twins: Mapping[str, str] = field(default_factory=dict)

    def beside(self, llm: str) -> str:
        """What an LLM's short name leaves out, and whose twin it is."""
        short = self.names.get(llm, llm)
        originals = [name for name, twin in self.twins.items() if twin == llm]
        twin = [f"twin of {self.names.get(name, name)}" for name in originals]
        rest = llm.removesuffix(short if llm.endswith(short) else short.removesuffix(_TWIN)).rstrip("/")
        return ", ".join(filter(None, [rest, *twin]))

    def present(self, llms: Iterable[str]) -> list[str]:
        """The names of some of the LLMs, in the order of the study."""
        wanted = set(llms)
        return [name for llm, name in self.names.items() if llm in wanted]

    def ordered(self, items: Iterable[Item]) -> list[Item]:
        """The items in the order that their LLMs have in the study."""
        place = {llm: number for number, llm in enumerate(self.names)}
        return sorted(items, key=lambda item: place[item.llm])

    @property
    def domain(self) -> list[str]:
        return list(self.names.values())

    @property
    def shapes(self) -> list[str]:
        """The shape of each LLM; where the colours start again, a colour gets another shape."""
        turn = len(_ON_WHITE)
        return [SHAPES[(number + number // turn) % len(SHAPES)] for number in range(len(self.names))]

    @property
    def dashes(self) -> list[list[int]]:
        return [list(DASHES[number % len(DASHES)]) for number in range(len(self.names))]


def looks(llms: Sequence[str], twins: Mapping[str, str] | None = None) -> Looks:
    """The looks of a study's LLMs. A twin's name says that it is one, unless it does so already.

    :param llms: all of them, whether a chart shows them or not.
    :param twins: LLM → its twin.
    """
    last = {llm: llm if llm.startswith("baseline/") else llm.rsplit("/", 1)[-1] for llm in llms}
    alone = Counter(last.values())
    plain = {llm: name if alone[name] == 1 else llm for llm, name in last.items()}
    names = _short(plain)
    return Looks(
        {llm: _marked(name) if llm in (twins or {}).values() else name for llm, name in names.items()}, twins or {}
    )


def _short(plain: Mapping[str, str]) -> dict[str, str]:
    """LLM → its name, a long one without its middle; where that makes several alike, with what tells them apart."""
    cut = {llm: _cut(name) for llm, name in plain.items()}
    together: dict[str, list[str]] = {}
    for llm, name in cut.items():
        together.setdefault(name, []).append(llm)
    for llms in (group for group in together.values() if len(group) > 1):
        whole = [plain[llm] for llm in llms]
        place = next(at for at, letters in enumerate(zip_longest(*whole)) if len(set(letters)) > 1)
        apart = [_around(name, place) for name in whole]
        cut |= dict(zip(llms, apart if len(set(apart)) == len(apart) else whole, strict=True))
    return cut


def _around(name: str, place: int) -> str:
    """A long name with its beginning, and with what stands around a place."""
    start = max(0, min(place - _LONGEST // 4, len(name) - _LONGEST * 3 // 5))
    rest = name[start : start + _LONGEST * 3 // 5]
    return f"{name[: _LONGEST // 3]}…{rest}{'…' if start + len(rest) < len(name) else ''}"


def _marked(name: str) -> str:
    return name if "twin" in name.lower() else name + _TWIN


def _cut(name: str) -> str:
    """A long name without its middle: its beginning and its end say more."""
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST // 2]}…{name[-_LONGEST // 2 + 1 :]}"


def colours(llms: Sequence[str], theme: Theme = "light") -> dict[str, str]:
    """LLM → its colour in the charts, for what is drawn beside them."""
    palette = _ON_BLACK if theme == "dark" else _ON_WHITE
    return {llm: palette[number % len(palette)] for number, llm in enumerate(llms)}


def config(theme: Theme) -> dict[str, Any]:
    """Vega-Lite's configuration of a theme."""
    text, faint, line, ramp, soft = {
        "light": ("#1c2430", "#5b6675", "#dfe4ea", ["#eef2f6", "#7fb2d8", "#0b3c6b"], ["#f1f4f8", "#a9cdea"]),
        "dark": ("#e4e9ef", "#98a4b3", "#2c3542", ["#222b37", "#3f83bd", "#cfe8ff"], ["#222b37", "#2c5f8f"]),
        "print": ("#000000", "#333333", "#d4d4d4", ["#f0f0f0", "#8fb3d0", "#08305c"], ["#f4f4f4", "#b5cfe4"]),
    }[theme]
    # What was laid out for print is seen with another font where a machine lacks this one: by a seventh wider.
    apart = 36 if theme == "print" else 10
    font = f"{FONT}, Arial, sans-serif" if theme == "print" else f"system-ui, {FONT}, sans-serif"
    words = {"labelColor": faint, "titleColor": text, "labelFontSize": 11, "titleFontSize": 11}
    plain = {"labelFontWeight": "normal", "titleFontWeight": "normal"}
    return {
        "font": font,
        "background": "white" if theme == "print" else "transparent",
        "range": {
            "category": list(_ON_BLACK if theme == "dark" else _ON_WHITE),
            "ordinal": [
                text,
                text,
                faint,
                faint,
                faint,
                faint,
            ],  # of verdicts: no LLM's colour, told apart by their shapes
            "ramp": ramp,
            "heatmap": soft,
        },
        "view": {"stroke": None},
        "axis": words | plain | {"gridColor": line, "domainColor": line, "tickColor": line, "titlePadding": 8},
        # On a narrow page a title is wider than its plot, and a label at its edge would reach out of it.
        "axisX": {"titleAnchor": "end", "labelFlush": 24},
        "axisY": {"domain": False, "ticks": False},
        "legend": words | plain | {"symbolStrokeWidth": 2, "symbolSize": 70, "title": None, "columnPadding": apart},
        "title": {
            "color": text,
            "subtitleColor": faint,
            "fontSize": 13,
            "fontWeight": "normal",
            "subtitleFontSize": 11,
            "anchor": "start",
            "frame": "bounds",
            "offset": 10,
        },
        "text": {"color": text, "fontSize": 11},
        "rule": {"color": faint},
        "tick": {"color": text},
        "line": {"strokeWidth": 1.75},
        "point": {"size": 40},
    }
