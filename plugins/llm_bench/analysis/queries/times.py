"""A metric over time, by the hour, and how it is spread."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, time, tzinfo
from typing import NamedTuple

import numpy as np

from llm_bench.analysis import statistics
from llm_bench.analysis.cache import Records
from llm_bench.analysis.metrics import Metric
from llm_bench.analysis.queries.groups import Groups
from llm_bench.analysis.queries.numbers import MAX_BUCKETS, Key, Scan
from llm_bench.analysis.queries.shapes import (
    Bin,
    Drift,
    HourPoint,
    HourTest,
    Neighbours,
    Point,
    Series,
    Spread,
    TimeOfDay,
)
from llm_bench.analysis.statistics import Codes, Floats
from llm_bench.analysis.statistics.blocks import DAY, clock
from llm_bench.analysis.statistics.sample import numbered
from llm_bench.analysis.statistics.scopes import Ascending
from llm_bench.analysis.view import View

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99)
_BINS = 40
_DAYS = 14
"""With more than 200 slots: days that are compared; of more, runs of consecutive days count as one."""
_HOUR = 3600.0


def over_time(records: Records, view: View, metric: Metric) -> Series:
    """The quartiles of a metric in each slot, or bucket of slots; a share's mean stands in the middle.

    Of what is waited for they are those of all that were asked: infinite where so many failed.
    """
    scan = Scan.of(records, view, [metric])
    many = len(scan.buckets.at)
    groups = scan.by_llm_and_bucket(metric)
    low, high, counts = groups.quantile(0.25), groups.quantile(0.75), groups.counts
    failed, left_out = scan.matrices.lost(metric, many)
    middle = scan.means(metric).ravel() if metric.share else groups.quantile(0.5)
    return Series(
        points=[
            Point(
                llm=scan.llms[i // many],
                at=scan.buckets.at[i % many],
                n=int(counts[i]),
                failed=int(failed[i]),
                left_out=int(left_out[i]),
                low=_known(low[i]),
                middle=_known(middle[i]),
                high=_known(high[i]),
            )
            for i in np.flatnonzero(counts + failed + left_out).tolist()
        ],
        bucket=scan.buckets.size,
        width=scan.buckets.width,
        approximate=scan.approximate,
    )


def _quartiles(scan: Scan, metric: Metric, key: Key) -> tuple[Floats, Floats, Floats, Codes]:
    groups = scan.groups(metric, key)
    middle = _means(groups) if metric.share else groups.quantile(0.5)
    return groups.quantile(0.25), middle, groups.quantile(0.75), groups.counts


def _means(groups: Groups) -> Floats:
    sums = np.concatenate([[0.0], np.cumsum(groups.values * groups.weights)])[groups.starts]
    counts = groups.counts
    return np.where(counts > 0, np.diff(sums) / np.maximum(counts, 1), np.nan)


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def distribution(records: Records, view: View, metric: Metric) -> list[Spread]:
    """How a metric is spread, for each LLM in name order."""
    scan = Scan.of(records, view, [metric])
    held = scan.ascending(metric)
    edges = _edges(np.concatenate([ascending.values for ascending, _, _ in held]) if held else np.zeros(0), metric)
    return [
        _spread(llm, ascending, edges, failed=failed, left_out=left_out, approximate=scan.approximate)
        for llm, (ascending, failed, left_out) in zip(scan.llms, held, strict=True)
    ]


def _edges(values: Floats, metric: Metric) -> Floats:
    """The edges of the bins, the last one included."""
    if metric.share:
        return np.linspace(0, 1, 21)
    positive = values[(values > 0) & np.isfinite(values)]
    if not positive.size:
        return np.array([0.0, 1.0])
    low, high = float(positive.min()), float(positive.max())
    if low == high:
        low, high = low / 1.05, high * 1.05
    edges = np.geomspace(low, high, _BINS + 1)
    edges[-1] = np.nextafter(high, np.inf)
    edges[0] = low
    return np.concatenate([[0.0], edges]) if (values == 0).any() else edges


def _spread(llm: str, ascending: Ascending, edges: Floats, *, failed: int, left_out: int, approximate: bool) -> Spread:
    values, upto = ascending
    answered = values[np.isfinite(values)]
    counts, _ = np.histogram(answered, edges, weights=np.diff(upto, prepend=0)[: answered.size])
    bins = zip(edges, edges[1:], counts, strict=False)
    return Spread(
        llm=llm,
        n=int(upto[-1]) if upto.size else 0,
        failed=failed,
        left_out=left_out,
        minimum=float(answered[0]) if answered.size else None,
        maximum=float(answered[-1]) if answered.size else None,
        quantiles={q: ascending.at(q) for q in QUANTILES} if values.size else {},
        bins=[Bin(float(low), float(high), int(n)) for low, high, n in bins],
        approximate=approximate,
    )


def time_of_day(records: Records, view: View, metric: Metric, zone: tzinfo) -> TimeOfDay:
    """A metric by the hour in a time zone, and whether the days go alike; of a share only the hours."""
    scan = Scan.of(records, view, [metric])
    hours = _of_slot(scan, [slot.astimezone(zone).hour for slot in scan.buckets.slots])
    tests = [] if metric.share else _hour_tests(scan, _cells(scan, metric, zone))
    return TimeOfDay(_points(scan, metric, hours), tests, scan.approximate)


def _points(scan: Scan, metric: Metric, hours: Codes) -> list[HourPoint]:
    if metric.share:
        low, middle, high, counts = _quartiles(scan, metric, scan.key(len(scan.llms) * 24, 24, hours))
    else:
        asked = scan.by_llm_and(hours, metric, 24)
        low, middle, high = (asked.quantile(q) for q in (0.25, 0.5, 0.75))
        counts = asked.counts
    return [
        HourPoint(scan.llms[i // 24], i % 24, int(counts[i]), float(low[i]), float(middle[i]), float(high[i]))
        for i in np.flatnonzero(counts).tolist()
    ]


class _Cells(NamedTuple):
    """A metric of each LLM in slots, or in the hours of runs of days where there are too many.

    :param values: (LLMs, cells): medians of all that were asked; NaN without a value.
    :param days: of each cell, in whole days; the mean of a run.
    :param times: of each cell, in seconds since its day began.
    :param begin: when days begin, in seconds after midnight.
    """

    llms: Sequence[str]
    values: Floats
    days: Floats
    times: Floats
    begin: float


def _cells(scan: Scan, metric: Metric, zone: tzinfo) -> _Cells:
    local = [slot.astimezone(zone) for slot in scan.buckets.slots]
    moments = np.array([moment.replace(tzinfo=UTC).timestamp() for moment in local])
    days, times = clock(moments)
    begin = float((moments[0] - times[0]) % DAY) if moments.size else 0.0
    cell = np.arange(moments.size)
    if moments.size > MAX_BUCKETS:
        run = np.floor(days / -(-(days[-1] + 1) // _DAYS))
        times = np.floor((times + 1.0) / _HOUR) * _HOUR  # a second more: moments are rounded
        _, first, cell = np.unique(run * 24 + times / _HOUR, return_index=True, return_inverse=True)
        middles = np.bincount(numbered(run), days) / np.bincount(numbered(run))
        days, times = middles[numbered(run)][first], times[first]
    many, llms = int(cell.max(initial=-1)) + 1, len(scan.llms)
    values = scan.by_llm_and(_of_slot(scan, cell.tolist()), metric, many).quantile(0.5)
    return _Cells(scan.llms, values.reshape(llms, many), days, times, begin)


def _hour_tests(scan: Scan, cells: _Cells) -> list[HourTest]:
    tests = scan.by_threads(lambda values: statistics.time_of_day(values, cells.days, cells.times), cells.values)
    adjusted = statistics.holm([test.p_value for test in tests])
    return [
        HourTest(llm, p, test.size, _times(test.highest, cells.begin), _times(test.lowest, cells.begin))
        for llm, p, test in zip(cells.llms, adjusted, tests, strict=True)
    ]


def _times(part: tuple[float, float] | None, begin: float) -> tuple[time, time] | None:
    if part is None:
        return None
    first, last = (datetime.fromtimestamp((begin + end) % DAY, UTC).time() for end in part)
    return first, last


def drift(records: Records, view: View, metric: Metric, zone: tzinfo) -> list[Drift]:
    """Whether a metric that isn't a share rises or falls from day to day, for each LLM in name order."""
    scan = Scan.of(records, view, [metric])
    cells = _cells(scan, metric, zone)
    known = scan.by_threads(lambda values: statistics.drift(values, cells.days, cells.times), cells.values)
    adjusted = statistics.holm([trend.p_value for trend in known])
    return [Drift(llm, p, trend.size) for llm, p, trend in zip(cells.llms, adjusted, known, strict=True)]


def neighbours(records: Records, view: View, metric: Metric) -> list[Neighbours]:
    """Whether slots, or the buckets that stand for them in intervals, keep something of the one before."""
    scan = Scan.of(records, view, [metric])
    moments = [at.timestamp() for at in scan.buckets.at]
    kept = [statistics.carry_over(values, moments) for values in scan.levels(metric)]
    adjusted = statistics.holm([carried.p_value for carried in kept])
    return [
        Neighbours(llm, carried.correlation, p, carried.pairs, bool(lasting))
        for llm, p, carried, lasting in zip(scan.llms, adjusted, kept, scan.days_last(metric), strict=True)
    ]


def _of_slot(scan: Scan, values: Sequence[int]) -> Codes:
    """Values by the order of slots → by the slots' numbers in the copy."""
    return np.append(np.array(values, np.intp), -1)[scan.buckets.place]
