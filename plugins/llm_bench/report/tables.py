"""A table of a report, for reading and for computing: as text with its intervals, as CSV, as LaTeX. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from llm_bench.analysis.charts.axes import bare, number
from llm_bench.analysis.charts.pairs import p_value
from llm_bench.analysis.metrics import Metric
from llm_bench.analysis.statistics import LEAST_SLOTS, Interval

NONE = "–"
NO_INTERVAL = "[–]"
_CUT = 300
"""Letters of a long text that are shown."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    :param name: in CSV.
    :param title: for reading, with the unit.
    :param form: a value as text; never given None.
    :param interval: its values are ``Interval``.
    :param text: its values are words, so that they begin at the left.
    """

    name: str
    title: str
    form: Callable[[Any], str] = str
    interval: bool = False
    text: bool = False


@dataclass(frozen=True, slots=True)
class Cell:
    """What stands in a cell, and the interval below it."""

    text: str
    interval: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A table of a report.

    :param name: of its files.
    :param rows: values; None where there is none.
    :param notes: what has to be known to read it.
    """

    name: str
    title: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Any]]
    notes: Sequence[str] = ()

    @property
    def cells(self) -> list[list[Cell]]:
        """As it is read."""
        return [[_cell(column, value) for column, value in zip(self.columns, row, strict=True)] for row in self.rows]

    @property
    def all_notes(self) -> list[str]:
        """Its notes, and what a missing interval means where one is."""
        without = any(cell.interval == NO_INTERVAL for row in self.cells for cell in row)
        why = f"{NO_INTERVAL}: no honest interval, e.g. with fewer than {LEAST_SLOTS} slots."
        return [*self.notes, *([why] if without else [])]

    def to_csv(self) -> bytes:
        """With all digits; an interval is three columns, and what there is none of is empty."""
        out = io.StringIO()
        writer = csv.writer(out)  # its lines end as RFC 4180 has them: a cell may hold any other end of line
        writer.writerow(name for column in self.columns for name in _names(column))
        for row in self.rows:
            writer.writerow(
                part for column, value in zip(self.columns, row, strict=True) for part in _parts(column, value)
            )
        return out.getvalue().encode(errors="backslashreplace")  # lone surrogates


def words(name: str, title: str) -> Column:
    """A column of text."""
    return Column(name, title, text=True)


def long(name: str, title: str) -> Column:
    """A column of texts that are cut for reading."""
    return Column(name, title, lambda text: text if len(text) <= _CUT else f"{text[:_CUT]}…", text=True)


def digits(name: str, title: str) -> Column:
    """A column of hashes and ids, whose beginning is enough for reading."""
    return Column(name, title, lambda text: " ".join(f"{part[:8]}…" for part in text.split()), text=True)


def count(name: str, title: str) -> Column:
    """A column of whole numbers."""
    return Column(name, title, "{:,}".format)


def value(name: str, metric: Metric, title: str = "", *, interval: bool = True) -> Column:
    """A column of a metric's medians or means."""
    unit = f" ({metric.unit})" if metric.unit else ""
    return Column(name, f"{title or metric.title}{unit}", lambda amount: bare(amount, metric), interval)


def percent(name: str, title: str) -> Column:
    """A column of shares with their intervals, in per cent."""
    return Column(name, f"{title} (%)", lambda share: f"{share * 100:.1f}", interval=True)


def amount(name: str, title: str, *, interval: bool = False) -> Column:
    """A column of numbers of three significant digits."""
    return Column(name, title, number, interval)


def chance(name: str, title: str) -> Column:
    """A column of p-values."""
    return Column(name, title, p_value)


def _cell(column: Column, found: Any) -> Cell:
    if isinstance(found, Interval):
        if found.estimate is None:
            return Cell(NONE)
        known = found.low is not None and found.high is not None
        ends = f"[{column.form(found.low)}, {column.form(found.high)}]" if known else NO_INTERVAL
        return Cell(column.form(found.estimate), ends)
    return Cell(NONE if found is None else column.form(found))


def _names(column: Column) -> Iterator[str]:
    yield column.name
    if column.interval:
        yield from (f"{column.name}_low", f"{column.name}_high")


def _parts(column: Column, found: Any) -> Iterator[Any]:
    """Floats as Python writes them, with all their digits."""
    if column.interval:
        known = isinstance(found, Interval)
        yield from (found.estimate, found.low, found.high) if known else (None, None, None)
    else:
        yield found
