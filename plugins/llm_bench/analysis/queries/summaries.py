"""LLMs in a few numbers each."""

from __future__ import annotations

import numpy as np

from llm_bench.analysis.cache import Records
from llm_bench.analysis.metrics import METRICS, Metric
from llm_bench.analysis.queries import strata
from llm_bench.analysis.queries.comparisons import MAIN
from llm_bench.analysis.queries.counts import count
from llm_bench.analysis.queries.numbers import Scan
from llm_bench.analysis.queries.shapes import Group, Headline, Summary, Tradeoff
from llm_bench.analysis.statistics import Codes, Interval
from llm_bench.analysis.view import View

_HEADLINE = {
    "latency": "latency_sec",
    "ttft": "ttft_sec",
    "ttft_less_rtt": "ttft_less_rtt_sec",
    "first_answer": "first_answer_sec",
    "throughput": "throughput_tps",
    "text": "text_cps",
    "coverage": "coverage_score",
    "groundedness": "groundedness",
}


def headline(records: Records, view: View) -> list[Headline]:
    """One for each LLM, in name order."""
    scan = Scan.of(records, view, [METRICS[name] for name in _HEADLINE.values()])
    counts = count(records, view)
    known = {key: [of for (of,) in scan.estimated(METRICS[name])] for key, name in _HEADLINE.items()}
    medians = [key for key, name in _HEADLINE.items() if not METRICS[name].share]
    return [
        Headline(
            llm=llm,
            records=int(counts.records[i].sum()),
            slots=int(np.count_nonzero(counts.records[i])),
            success=counts.rate(i),
            **{key: _possible(estimated[i].like, METRICS[_HEADLINE[key]]) for key, estimated in known.items()},
            these={key: known[key][i].these for key in medians},
            failed=known["latency"][i].failed,
            suspect=int(counts.suspect[i].sum()),
            cost_usd=float(counts.cost_usd[i]) if counts.cost_known[i] else None,
            cost_known=int(counts.cost_known[i]),
            cut=counts.cut_rate(i),
            cached=counts.cached_share(i),
            approximate=scan.approximate,
        )
        for i, llm in enumerate(scan.llms)
    ]


def summary(
    records: Records, view: View, metric: Metric, by: Group = "llm", *, at_most: int | None = None
) -> list[Summary]:
    """A metric of each LLM, in each industry or for each question where asked so; by LLM, then by group.

    :param at_most: nothing where LLMs times groups are more than this.
    """
    scan = Scan.of(records, view, [metric])
    titles, parts = _grouped(records, view, by)
    if at_most is not None and len(scan.llms) * len(titles) > at_most:
        return []
    return [
        Summary(
            llm=llm,
            group=name,
            title=titles[name],
            n=known.n,
            failed=known.failed,
            left_out=known.left_out,
            value=_possible(known.these if by == "question" else known.like, metric),
            these=None if by == "question" or metric.share else known.these,
            approximate=scan.approximate and not metric.share,
        )
        for llm, of_parts in zip(scan.llms, scan.estimated(metric, parts), strict=True)
        for name, known in zip(titles, of_parts, strict=True)
        if known.n + known.failed + known.left_out
    ]


def _possible(value: Interval | None, metric: Metric) -> Interval | None:
    """The same; a score's interval within what a score can be."""
    return value.within(0.0, 1.0) if value and metric.share else value


def _grouped(records: Records, view: View, by: Group) -> tuple[dict[str | None, str | None], Codes | None]:
    """Groups with their titles, in order; and the place of each question's among them, −1 where it has none."""
    if by == "llm":
        return {None: None}, None
    questions = strata.asked(records)
    key, title = ("industry", "industry") if by == "industry" else ("question_id", "question")
    asked = [row for row in questions if not view.industries or row["industry"] in view.industries]
    titles: dict[str | None, str | None] = {row[key]: row[title] for row in sorted(asked, key=lambda row: row[key])}
    places = {name: place for place, name in enumerate(titles)}
    return titles, np.array([places.get(row[key], -1) for row in questions], np.intp)


def tradeoff(records: Records, view: View) -> list[Tradeoff]:
    """Speed, quality and price of each LLM, in name order."""
    scan = Scan.of(records, view, [METRICS[name] for name in MAIN])
    counts = count(records, view)
    latency, throughput = (
        [held.at(0.5) if held.values.size else None for held, _, _ in scan.ascending(METRICS[name])]
        for name in ("latency_sec", "throughput_tps")
    )
    coverage, known, _ = scan.sums(METRICS["coverage_score"], scan.llm)
    return [
        Tradeoff(
            llm=llm,
            latency=latency[i],
            throughput=throughput[i],
            coverage=float(coverage[i] / known[i]) if known[i] else None,
            success=float(counts.succeeded[i].sum() / counts.records[i].sum()),
            cost_per_thousand=float(1000 * counts.cost_usd[i] / counts.cost_known[i]) if counts.cost_known[i] else None,
            approximate=scan.approximate,
        )
        for i, llm in enumerate(scan.llms)
    ]
