"""A table: for reading on a page and in a report, for computing as CSV, for print as LaTeX. Pure.

What stands in it is values; its columns know how each is written, so that a number is the same text wherever it is
read, and has all its digits in CSV.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from llm_bench.analysis import format as text
from llm_bench.analysis.doubts import doubts
from llm_bench.analysis.metrics import Metric
from llm_bench.analysis.statistics import Interval
from llm_bench.inert import cell as inert_cell

if TYPE_CHECKING:
    from llm_bench.analysis.charts import Looks

_CUT = 300
"""Letters of a long text that are shown."""
_LIKE = "Intervals are for questions like these"
_THESE = f"{_LIKE}; where that for these questions is another one, it stands below."
_OPEN = "“open”: too little was measured beyond it to bound it."
_FAILED = "“failed”: so many failed that the time of all that were asked lies among the failures."
_APPROXIMATE = "≈: there are too many records to sort, so that it is within half a percent."


class Scoped(NamedTuple):
    """A number with its interval for questions like these, and the interval for these questions."""

    like: Interval
    these: Interval | None

    @property
    def estimate(self) -> float | None:
        return self.like.estimate

    @property
    def low(self) -> float | None:
        return self.like.low

    @property
    def high(self) -> float | None:
        return self.like.high


def scoped(like: Interval | None, these: Interval | None) -> Scoped | None:
    """Both; None without a number."""
    return None if like is None else Scoped(like, these)


def _interval(value: Any) -> Interval | None:
    """The one that a value has."""
    known = value.like if isinstance(value, Scoped) else value
    return known if isinstance(known, Interval) else None


Row = Mapping[str, Any]
"""A row's values by the names of their columns."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    :param name: in CSV.
    :param title: for reading.
    :param unit: of its numbers; it stands beside the title.
    :param hint: what its title means, in a few words.
    :param form: a value as text; never given None.
    :param ends: the ends of an interval as text: then its values are ``Interval``.
    :param both: its values are ``Scoped``.
    :param note: what is said in a fainter line below a value.
    :param is_text: its values are words, so that they begin at the left.
    :param is_llm: its values are LLMs, which have a colour and a shape.
    :param is_share: its values are pairs: how many of how many.
    :param approximate: its numbers were read off bins.
    :param remark: what has to be known to read it.
    """

    name: str
    title: str
    unit: str = ""
    hint: str = ""
    form: Callable[[Any], str] = str
    ends: Callable[[float | None, float | None], str] | None = None
    both: bool = False
    note: Callable[[Any], str] | None = None
    is_text: bool = False
    is_llm: bool = False
    is_share: bool = False
    approximate: bool = False
    remark: str = ""

    @property
    def heading(self) -> str:
        """Its title with the unit."""
        return f"{self.title} ({self.unit})" if self.unit else self.title

    @property
    def line(self) -> str:
        """The same with what it means beside it."""
        return " ".join(filter(None, (self.heading, self.hint)))

    @property
    def names(self) -> list[str]:
        """Its names in CSV, where an interval is three columns, and a share is two."""
        parts = ("", "_low", "_high") if self.ends else ("", "_of") if self.is_share else ("",)
        these = ("_these_low", "_these_high") if self.both else ()
        return [self.name + part for part in (*parts, *these)]

    def parts(self, value: Any) -> Sequence[Any]:
        """A value as CSV has it."""
        if self.both:
            these = value.these if value else None
            ends = (these.low, these.high) if these else (None, None)
            return (*((value.estimate, value.low, value.high) if value else (None,) * 3), *ends)
        if self.ends:
            return (value.estimate, value.low, value.high) if isinstance(value, Interval) else (None, None, None)
        if self.is_share:
            return (None, None) if value is None else tuple(value)
        return (value,)

    def cell(self, value: Any, href: str | None = None) -> Cell:
        """A value as it is read."""
        estimate = value.estimate if isinstance(value, Interval | Scoped) else value
        if estimate is None:
            return Cell(text.NONE, href=href)
        return Cell(
            text=text.about(self.form(estimate)) if self.approximate else self.form(estimate),
            interval=self.ends(value.low, value.high) if self.ends else "",
            these=self._these(value) if isinstance(value, Scoped) else "",
            note=self.note(value) if self.note else "",
            llm=value if self.is_llm else None,
            href=href,
        )

    def _these(self, value: Scoped) -> str:
        """The interval for these questions, where it is another one."""
        if self.ends is None or value.these is None:
            return ""
        like, these = (self.ends(part.low, part.high) for part in (value.like, value.these))
        return "" if these in (like, text.NO_INTERVAL) else f"these {these}"


@dataclass(frozen=True, slots=True)
class Cell:
    """What stands in a cell.

    :param interval: around the number; it stands below.
    :param these: the interval for these questions; it stands below that.
    :param note: said in a fainter line below.
    :param llm: the LLM whose colour and shape stand before the text.
    :param href: what it leads to.
    """

    text: str
    interval: str = ""
    these: str = ""
    note: str = ""
    llm: str | None = None
    href: str | None = None

    @property
    def line(self) -> str:
        """The number and its intervals beside one another."""
        return " ".join(filter(None, (self.text, self.interval, self.these)))


@dataclass(frozen=True, slots=True)
class Table:
    """A table; the first cell of a row is its heading.

    :param name: of its files.
    :param rows: values; None where there is none.
    :param notes: what has to be known to read it.
    :param links: name of a column → what a row's cell leads to.
    """

    name: str
    title: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Any]]
    notes: Sequence[str] = ()
    links: Mapping[str, Callable[[Row], str | None]] = field(default_factory=dict)

    @property
    def cells(self) -> list[list[Cell]]:
        """The cells as they are read; of a column without any interval a note says so, and not each cell."""
        bare = self._bare
        return [
            [replace(cell, interval="") if place in bare else cell for place, cell in enumerate(self._cells(row))]
            for row in self.rows
        ]

    def _cells(self, row: Sequence[Any]) -> Iterator[Cell]:
        named = {column.name: value for column, value in zip(self.columns, row, strict=True)}
        for column, value in zip(self.columns, row, strict=True):
            link = self.links.get(column.name)
            yield column.cell(value, link(named) if link else None)

    @property
    def all_notes(self) -> list[str]:
        """Its notes, its columns' remarks, and what ≈ and a missing interval mean where they stand."""
        cells = [cell for row in self.cells for cell in row]
        signs = [
            *self._scopes(cells),
            *(
                [_FAILED]
                if any(getattr(value, "estimate", value) == math.inf for row in self.rows for value in row)
                else []
            ),
            *([_OPEN] if any(f"{text.OPEN}]" in cell.interval + cell.these for cell in cells) else []),
        ]
        approximate = any(column.approximate for column in self.columns) and bool(self.rows)
        remarks = [column.remark for column in self.columns if column.remark]
        level = ["Intervals are of 95 %."] if len(self._bare) < len(self._places) else []
        approximately = [_APPROXIMATE] if approximate else []
        return [*self.notes, *remarks, *approximately, *signs, *level, *self._doubts()]

    def _doubts(self) -> list[str]:
        """What a missing interval means."""
        by_column = [list(filter(None, (_interval(row[place]) for row in self.rows))) for place in self._places]
        bare = self._bare
        shown = [held for place in self._places if place not in bare for held in by_column[place]]
        return doubts(shown, [held for place in bare for held in by_column[place]])

    def _scopes(self, cells: Iterable[Cell]) -> list[str]:
        """For which questions its intervals of two scopes are."""
        if any(cell.these for cell in cells):
            return [_THESE]
        there = any(isinstance(value, Scoped) and value.low is not None for row in self.rows for value in row)
        return [f"{_LIKE}."] if there else []

    @property
    def _bare(self) -> frozenset[int]:
        """The places of the columns without any interval."""
        known = {place: [_interval(row[place]) for row in self.rows] for place in self._places}
        return frozenset(
            place for place, column in known.items() if all(held is None or held.low is None for held in column)
        )

    @property
    def _places(self) -> range:
        return range(len(self.columns))

    def only(self, *names: str) -> Table:
        """The same of some columns alone, in the table's order."""
        return self._keep([place for place, column in enumerate(self.columns) if column.name in names])

    def without(self, *names: str) -> Table:
        """The same without some columns."""
        return self._keep([place for place, column in enumerate(self.columns) if column.name not in names])

    def _keep(self, places: Sequence[int]) -> Table:
        rows = [[row[place] for place in places] for row in self.rows]
        return replace(self, columns=[self.columns[place] for place in places], rows=rows)

    def linked(self, name: str, address: Callable[[Row], str | None]) -> Table:
        """The same with what the cells of a column lead to."""
        return replace(self, links={**self.links, name: address})

    def descending(self, name: str) -> Table:
        """The same with the rows of the greatest numbers first."""
        place = [column.name for column in self.columns].index(name)
        return replace(self, rows=sorted(self.rows, key=lambda row: -row[place]))

    def pivot(
        self,
        rows: Sequence[str],
        column: str,
        value: str,
        order: Iterable[Any],
        *,
        missing: Any = None,
        total: str = "",
    ) -> Table:
        """One row for each group, and in it one column for each value of another column.

        :param rows: names of the columns that tell the groups apart.
        :param column: its values are the new columns.
        :param value: the column whose values stand in them.
        :param order: of the new columns; those that no row has are left out, unless something is missing there.
        :param missing: what stands where there is no value.
        :param total: title of a last column with a row's sum; none where empty.
        """
        places = {known.name: place for place, known in enumerate(self.columns)}
        across, shown = self.columns[places[column]], self.columns[places[value]]
        cells: dict[tuple[Any, ...], dict[Any, Any]] = {}
        for row in self.rows:
            cells.setdefault(tuple(row[places[name]] for name in rows), {})[row[places[column]]] = row[places[value]]
        keys = [key for key in order if missing is not None or any(key in held for held in cells.values())]
        columns = [
            *(self.columns[places[name]] for name in rows),
            *(replace(shown, name=str(key), title=across.form(key)) for key in keys),
            *([replace(shown, name="total", title=total)] if total else []),
        ]
        made = [
            [*group, *(held.get(key, missing) for key in keys), *([sum(held.values())] if total else [])]
            for group, held in cells.items()
        ]
        return replace(self, columns=columns, rows=made, links={})

    def to_csv(self) -> bytes:
        """The table as CSV, with all digits and texts that no spreadsheet computes; what there is none of is empty."""
        out = io.StringIO()
        writer = csv.writer(out)  # its lines end as RFC 4180 has them: a cell may hold any other end of line
        writer.writerow(name for column in self.columns for name in column.names)
        for row in self.rows:
            writer.writerow(
                inert_cell(part) if isinstance(part, str) else part
                for column, value in zip(self.columns, row, strict=True)
                for part in column.parts(value)
            )
        return out.getvalue().encode(errors="backslashreplace")  # lone surrogates


def words(name: str, title: str, form: Callable[[Any], str] = str) -> Column:
    """A column of text."""
    return Column(name, title, form=form, is_text=True)


def long(name: str, title: str) -> Column:
    """A column of texts that are cut for reading."""
    return words(name, title, lambda whole: whole if len(whole) <= _CUT else f"{whole[:_CUT]}…")


def digits(name: str, title: str) -> Column:
    """A column of hashes and ids, whose beginning is enough for reading."""
    return words(name, title, lambda ids: " ".join(f"{part[:8]}…" for part in ids.split()))


def llm(looks: Looks, name: str = "llm", title: str = "LLM") -> Column:
    """A column of LLMs: the charts' short names for reading, with what these leave out below."""

    def short(of: str) -> str:
        return looks.names.get(of, of)

    return Column(name, title, form=short, note=looks.beside, is_text=True, is_llm=True)


def count(name: str, title: str, hint: str = "", remark: str = "") -> Column:
    """A column of whole numbers."""
    return Column(name, title, hint=hint, form=text.count, remark=remark)


def share(name: str, title: str) -> Column:
    """A column of how many of how many."""
    return Column(name, title, form=lambda pair: f"{text.count(pair[0])} of {text.count(pair[1])}", is_share=True)


def number(
    name: str, title: str, unit: str = "", *, approximate: bool = False, hint: str = "", remark: str = ""
) -> Column:
    """A column of numbers; without a unit, of scores from 0 to 1."""
    return Column(
        name, title, unit, hint, form=lambda amount: text.bare(amount, unit), approximate=approximate, remark=remark
    )


def estimate(name: str, title: str, unit: str = "", *, approximate: bool = False, hint: str = "") -> Column:
    """A column of numbers with their intervals."""
    plain = number(name, title, unit, approximate=approximate, hint=hint)
    return replace(plain, ends=lambda low, high: text.ends(low, high, unit))


def metric(
    name: str, of: Metric, title: str = "", *, interval: bool = True, both: bool = False, approximate: bool = False
) -> Column:
    """A column of a metric's medians or means.

    :param both: its values are ``Scoped``, of what isn't a share.
    """
    kind = estimate if interval else number
    column = kind(name, title or of.title, of.unit, approximate=approximate and not of.share)
    return replace(column, both=both and not of.share)


def rate(name: str, title: str, *, interval: bool = True, remark: str = "") -> Column:
    """A column of shares in per cent."""
    column = Column(name, title, form=lambda amount: text.value(amount, "%"), remark=remark)
    return replace(column, ends=lambda low, high: text.ends(low, high, "%")) if interval else column


def times(name: str, title: str) -> Column:
    """A column of how many times as much."""
    return Column(name, title, form=text.number)


def ratio(name: str, title: str, hint: str = "") -> Column:
    """A column of ratios with their intervals."""
    return Column(name, title, hint=hint, form=text.number, ends=text.ratio_ends)


def effect(name: str, title: str) -> Column:
    """A column of effects or correlations, from −1 to 1."""
    return Column(name, title, form=text.effect)


def difference(name: str, title: str, unit: str) -> Column:
    """A column of differences with their intervals; of "%", in percentage points."""
    return Column(
        name,
        title,
        text.difference_unit(unit),
        form=lambda amount: text.difference(amount, unit),
        ends=lambda low, high: text.difference_ends(low, high, unit),
    )


def amount(name: str, title: str, unit: str) -> Column:
    """A column of how large differences are, whichever way they go, as precise as differences."""
    return replace(
        difference(name, title, unit),
        form=lambda size: text.difference(size, unit).removeprefix("+"),
        ends=lambda low, high: text.difference_ends(low, high, unit).replace("+", ""),
    )


def chance(name: str, title: str, hint: str = "") -> Column:
    """A column of p-values."""
    return Column(name, title, hint=hint, form=text.p_value)
