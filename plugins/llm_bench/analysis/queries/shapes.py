"""What a page and a report are made of: numbers, aggregated, with what is left out of each.

Wherever a class says ``approximate``, its medians and quantiles come from bins of a relative width of 0.5 %, because
there were too many records to sort; show "≈". Means, rates and counts are exact always. With more than 200 slots, runs
of consecutive slots are the clusters of every interval. ``left_out`` counts the records of the group that have no such
number (a failure has no latency). Times are in seconds, moments aware and in UTC.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from llm_bench.analysis.statistics import Interval
    from llm_bench.analysis.statistics.scopes import Scope
    from llm_bench.analysis.verdicts import Verdict

PRIMARY, EXPLORATORY = "primary", "exploratory"
"""Roles of a comparison: what a study is for, and all else."""

Group = Literal["llm", "industry", "question"]


@dataclass(frozen=True, slots=True)
class Choices:
    """What a filter can choose from: of the whole study.

    :param first: slot; None without a record.
    :param last: slot.
    :param warm: records that were asked once more, right after the cold ones.
    :param cached: records whose prompt a provider's cache knew, at least in part.
    :param upstreams: "unnamed" last, where some records name none; empty where none names one.
    :param clients: likewise.
    """

    industries: tuple[str, ...]
    llms: tuple[str, ...]
    run_types: tuple[str, ...]
    first: datetime | None
    last: datetime | None
    records: int
    suspect: int
    warm: int
    cached: int
    upstreams: tuple[str, ...]
    clients: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Headline:
    """One LLM in a few numbers: medians of times and speeds, means of shares.

    :param left_out: records without a latency.
    :param cost_usd: of the ``cost_known`` records with a known cost; None where there is none.
    :param cut: how often an answer reached its limit of tokens, of those that say why they ended.
    :param cached: share of the prompts' tokens that were read from a cache; None where no provider says so.
    """

    llm: str
    records: int
    slots: int
    success: Interval
    latency: Interval | None
    ttft: Interval | None
    ttft_less_rtt: Interval | None
    first_answer: Interval | None
    throughput: Interval | None
    coverage: Interval | None
    groundedness: Interval | None
    left_out: int
    suspect: int
    cost_usd: float | None
    cost_known: int
    cut: Interval
    cached: Interval | None
    approximate: bool = False


@dataclass(frozen=True, slots=True)
class Point:
    """One LLM in one slot, or in a bucket of slots.

    :param at: the slot, or the first one of the bucket.
    :param n: records with the metric; 0 where all failed.
    :param low: first quartile; None without a value, as the other two.
    :param middle: median; the mean of a share.
    :param high: third quartile.
    """

    llm: str
    at: datetime
    n: int
    left_out: int
    low: float | None
    middle: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Series:
    """A metric over time: points by LLM, then by time. A slot without any record has no point.

    :param bucket: how many slots a point stands for.
    :param width: from the first slot of a bucket to the first of the next, at the median; None where a point is a slot.
    """

    points: Sequence[Point]
    bucket: int
    width: timedelta | None
    approximate: bool = False


@dataclass(frozen=True, slots=True)
class Bin:
    """How many values lie in [low, high)."""

    low: float
    high: float
    count: int


@dataclass(frozen=True, slots=True)
class Spread:
    """How a metric is distributed for one LLM.

    :param quantiles: 0.05, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99 → value; empty without a value.
    :param bins: the same edges for all LLMs: log-spaced, or evenly for a share; a value of 0 lies in a first bin that
        starts at 0.
    """

    llm: str
    n: int
    left_out: int
    minimum: float | None
    maximum: float | None
    quantiles: Mapping[float, float]
    bins: Sequence[Bin]
    approximate: bool = False


@dataclass(frozen=True, slots=True)
class HourPoint:
    """One LLM in one hour of the day.

    :param hour: 0 to 23, in the study's time zone.
    :param low: first quartile.
    :param middle: median; the mean of a share.
    :param high: third quartile.
    """

    llm: str
    hour: int
    n: int
    low: float
    middle: float
    high: float


@dataclass(frozen=True, slots=True)
class HourTest:
    """Whether the same times of day are the slow ones on every day (see ``statistics.time_of_day``).

    :param p: Holm-corrected over the LLMs; None where nothing can be compared.
    :param effect: mean rank correlation of two days: 1, all go alike; about 0, there is no effect. None as p.
    :param days: compared; of a long study, runs of days count as one.
    """

    llm: str
    p: float | None
    effect: float | None
    days: int = 0


@dataclass(frozen=True, slots=True)
class TimeOfDay:
    """A metric by the hour of the day, and whether it matters."""

    points: Sequence[HourPoint]
    tests: Sequence[HourTest]
    approximate: bool = False


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Whether slots that follow one another go together (see ``statistics.carry_over``).

    :param correlation: of slots with the next, by ranks; None where too few follow one another.
    :param p: Holm-corrected over the LLMs. None as the correlation.
    :param wider: how many times as wide as it is an interval would have to be. None as the correlation.
    :param pairs: of slots, or of buckets of slots, that follow one another.
    """

    llm: str
    correlation: float | None
    p: float | None
    wider: float | None
    pairs: int


@dataclass(frozen=True, slots=True)
class Summary:
    """A metric of one LLM, in one industry or for one question where asked so.

    :param group: the industry or the question's id; None where only LLMs are told apart.
    :param title: the question's text; else as group.
    :param value: median, or mean of a share; None without a value.
    """

    llm: str
    group: str | None
    title: str | None
    n: int
    left_out: int
    value: Interval | None
    approximate: bool = False


@dataclass(frozen=True, slots=True)
class Success:
    """How often one LLM succeeded.

    :param cut: answers that reached their limit of tokens, of the ``finished`` ones that say why they ended.
    :param kinds: failure kind → records, the most frequent first.
    """

    llm: str
    records: int
    succeeded: int
    rate: Interval
    cut: int
    finished: int
    cut_rate: Interval
    kinds: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class FailureCount:
    """Failures of one kind of one LLM in a slot or a bucket."""

    at: datetime
    llm: str
    kind: str
    n: int


@dataclass(frozen=True, slots=True)
class RatePoint:
    """How often one LLM succeeded in a slot or a bucket."""

    at: datetime
    llm: str
    n: int
    succeeded: int

    @property
    def rate(self) -> float:
        return self.succeeded / self.n


@dataclass(frozen=True, slots=True)
class Failures:
    """Failures over time, in the same buckets as ``Series``."""

    counts: Sequence[FailureCount]
    rates: Sequence[RatePoint]
    bucket: int
    width: timedelta | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two LLMs on the same questions in the same slots: the first beside the second, everywhere.

    :param metric: a name of METRICS, or "success".
    :param first: LLM; of the two the one that was named first, as by the study.
    :param second: LLM.
    :param n: pairs in which both have the metric; of success, pairs in which both were asked.
    :param slots: in which these pairs are.
    :param days: in which they are.
    :param questions: of which they are.
    :param left_out: pairs in which one or both failed, or lack the metric.
    :param size: first − second; where ``is_ratio``, how many times as long, as fast or as dear the first is as the
        second, above 0. None without a pair.
    :param p: that there is no difference, in the headline ``scope``; None where there is nothing to test.
    :param p_holm: corrected over all comparisons of the same role; of twins, over those of twins.
    :param is_ratio: of times, speeds and cost; scores and success are differences.
    :param these: of ratios, the same size for these questions alone; None as ``size``.
    :param won: of times, the share of all pairs in which the first is faster: a failure is a loss. None of others.
    :param scope: what size, p and verdict hold for.
    :param interest: the smallest size that matters to the study; None where it has none for the metric.
    :param verdict: what can be concluded of the first.
    :param reason: why it can't be told, where it is more than that too little was measured: ``size.doubt``, or
        ``verdicts.WITHIN_NOISE``.
    :param role: what it is for: "primary" or EXPLORATORY; of a study that was sealed late, as its protocol has it.
    :param twins: the second is the first, measured once more.
    """

    metric: str
    first: str
    second: str
    n: int
    slots: int
    days: int
    questions: int
    left_out: int
    size: Interval | None
    p: float | None = None
    p_holm: float | None = None
    is_ratio: bool = False
    these: Interval | None = None
    won: Interval | None = None
    scope: Scope = "questions like these"
    interest: float | None = None
    verdict: Verdict = "can't tell"
    reason: str | None = None
    approximate: bool = False
    role: str = EXPLORATORY
    twins: bool = False


@dataclass(frozen=True, slots=True)
class Network:
    """How far an LLM is, and what opening a connection to it takes: medians, in seconds; None without a value.

    :param known: records whose round trip is known.
    :param opened: connections.
    :param dns: of a connection, finding the address.
    :param connect: opening it, the look-up and the TLS handshake included.
    :param tls: of that, the TLS handshake.
    """

    llm: str
    known: int
    rtt: float | None
    opened: int
    dns: float | None
    connect: float | None
    tls: float | None


@dataclass(frozen=True, slots=True)
class Order:
    """What places the questions had in their cells. A place is 0 for the first of a cell and 1 for its last.

    :param questions: how many there are.
    :param first: how many of these were the first one in some slot.
    :param lowest: the mean place of the question that is early most.
    :param highest: that of the one that is late most.
    :param asked: questions in slots.
    :param apart: of these, the ones that not all LLMs had at the same place.
    """

    questions: int
    first: int
    lowest: float
    highest: float
    asked: int
    apart: int


@dataclass(frozen=True, slots=True)
class FirstPlace:
    """A metric of one LLM at the first place of a cell, and at the others.

    :param n: values at the first place.
    :param n_others: values at others.
    :param first: median; None without a value, as ``others``.
    :param ratio: how many times as long, or as much, the first is as the others of its cell, for questions like these;
        None without a cell that has both.
    :param p: that it is 1, Holm-corrected over the LLMs; None where there is nothing to test.
    """

    llm: str
    n: int
    n_others: int
    first: float | None
    others: float | None
    ratio: Interval | None
    p: float | None


@dataclass(frozen=True, slots=True)
class Tradeoff:
    """One LLM's speed, quality and price.

    :param latency: median, seconds.
    :param throughput: median, tokens/s.
    :param coverage: mean.
    :param success: rate.
    :param cost_per_thousand: USD for 1,000 questions, from the mean of the records with a known cost.
    """

    llm: str
    latency: float | None
    throughput: float | None
    coverage: float | None
    success: float
    cost_per_thousand: float | None
    approximate: bool = False
