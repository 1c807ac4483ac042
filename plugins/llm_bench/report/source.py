"""What the parts of a report are made from, and what they are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from llm_bench.analysis import charts, queries
from llm_bench.analysis.cache import Records
from llm_bench.analysis.charts import Looks
from llm_bench.analysis.metrics import METRICS
from llm_bench.analysis.queries.comparisons import Compared
from llm_bench.analysis.table import Table
from llm_bench.analysis.view import View
from llm_bench.method import Method
from llm_bench.objectives import Interest
from llm_bench.study import Study

if TYPE_CHECKING:
    from llm_bench.analysis.charts.drawing import Chart


class Figure(NamedTuple):
    """A chart and the name of its files."""

    name: str
    chart: Chart


class Basis(NamedTuple):
    """How much something rests on."""

    records: int
    llms: int
    questions: int
    slots: int
    days: int

    def __str__(self) -> str:
        parts = [
            f"{_many(self.records, 'record')} of {_many(self.llms, 'LLM')}",
            _many(self.questions, "question"),
            f"{_many(self.slots, 'slot')} on {_many(self.days, 'day')}",
        ]
        return ", ".join(parts)


def _many(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


class Section(NamedTuple):
    """A part of the results.

    :param notes: what has to be known to read it, a paragraph each.
    :param answers: to the questions that people have: the question, and what there is to say.
    :param methods: of the statistics that were run for it.
    :param by: name of a figure or table → its own methods, where they aren't all of the section's.
    :param basis: the records that its figures and tables are of; None where they are of something else.
    """

    title: str
    figures: Sequence[Figure]
    tables: Sequence[Table]
    notes: Sequence[str] = ()
    methods: Sequence[Method] = ()
    basis: Basis | None = None
    by: Mapping[str, Sequence[Method]] = MappingProxyType({})
    answers: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True)
class Source:
    """What the sections are made from.

    :param llms: of the view, in the order of the study.
    :param twins: LLM → its twin.
    :param zone: of the study's file.
    :param roles: of the comparisons that aren't exploratory; None where nobody chose any.
    :param interest: the smallest differences that matter to the study.
    """

    records: Records
    view: View
    looks: Looks
    llms: Sequence[str]
    twins: Mapping[str, str]
    zone: tzinfo
    roles: Mapping[Compared, str] | None
    interest: Interest

    @classmethod
    def of(cls, records: Records, study: Study, view: View, roles: Mapping[Compared, str] | None = None) -> Source:
        """The study's LLMs come first, in its order; then those that only the records know."""
        known = queries.choices(records).llms
        named = tuple(dict.fromkeys([*(llm.name for llm in study.llms), *known]))
        llms = [llm for llm in named if llm in known and (not view.llms or llm in view.llms)]
        looks = charts.looks(named, study.twins)
        return cls(records, view, looks, llms, study.twins, study.zone, roles, study.interest)

    @cached_property
    def pairs(self) -> Sequence[queries.Comparison]:
        """Each two LLMs compared in each of the main metrics."""
        return queries.compare(
            self.records, self.view, self.llms, twins=self.twins, roles=self.roles, interest=self.interest
        )

    @cached_property
    def hours(self) -> queries.TimeOfDay:
        """Whether latency depends on the time of day."""
        return queries.time_of_day(self.records, self.view, METRICS["latency_sec"], self.zone)

    @cached_property
    def trends(self) -> Sequence[queries.Drift]:
        """Whether latency drifts over the days."""
        return queries.drift(self.records, self.view, METRICS["latency_sec"], self.zone)
