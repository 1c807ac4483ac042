"""LLMs in a few numbers each."""

from __future__ import annotations

import numpy as np

from llm_bench.analysis.cache import Records
from llm_bench.analysis.metrics import METRICS, Metric
from llm_bench.analysis.queries.comparisons import MAIN
from llm_bench.analysis.queries.counts import count
from llm_bench.analysis.queries.numbers import Key, Scan
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
    figures = {key: _by_llm(scan, METRICS[name]) for key, name in _HEADLINE.items()}
    return [
        Headline(
            llm=llm,
            records=int(counts.records[i].sum()),
            slots=int(np.count_nonzero(counts.records[i])),
            success=counts.rate(i),
            **{key: values[i] for key, (values, _) in figures.items()},
            left_out=int(figures["latency"][1][i]),
            suspect=int(counts.suspect[i].sum()),
            cost_usd=float(counts.cost_usd[i]) if counts.cost_known[i] else None,
            cost_known=int(counts.cost_known[i]),
            cut=counts.cut_rate(i),
            cached=counts.cached_share(i),
            approximate=scan.approximate,
        )
        for i, llm in enumerate(scan.llms)
    ]


def _by_llm(scan: Scan, metric: Metric) -> tuple[list[Interval | None], Codes]:
    values, _, left_out = _values(scan, metric, scan.llm)
    return values, left_out


def _values(scan: Scan, metric: Metric, key: Key) -> tuple[list[Interval | None], Codes, Codes]:
    """Mean or median of each group, of how many values, and the records left out of it."""
    if metric.share:
        return scan.means(metric, key)
    groups = scan.groups(metric, key, clusters=True)
    return [groups.interval(group) for group in range(key.size)], groups.counts, groups.left_out


def summary(records: Records, view: View, metric: Metric, by: Group = "llm") -> list[Summary]:
    """A metric of each LLM, in each industry or for each question where asked so; by LLM, then by group."""
    scan = Scan.of(records, view, [metric])
    titles, key = _grouped(records, scan, by)
    values, counts, left_out = _values(scan, metric, key)
    names = list(titles)
    return [
        Summary(
            llm=scan.llms[i // len(names)],
            group=names[i % len(names)],
            title=titles[names[i % len(names)]],
            n=int(counts[i]),
            left_out=int(left_out[i]),
            value=values[i],
            approximate=scan.approximate and not metric.share,
        )
        for i in np.flatnonzero(counts + left_out).tolist()
    ]


def _grouped(records: Records, scan: Scan, by: Group) -> tuple[dict[str | None, str | None], Key]:
    """Groups with their titles, in order; and each LLM's groups as a key."""
    if by == "llm":
        return {None: None}, scan.llm
    questions = records.once("questions", lambda known: known.rows("FROM questions ORDER BY question_no"))
    key, title = ("industry", "industry") if by == "industry" else ("question_id", "question")
    titles: dict[str | None, str | None] = {row[key]: row[title] for row in sorted(questions, key=lambda row: row[key])}
    places = {name: place for place, name in enumerate(titles)}
    of_question = np.array([places[row[key]] for row in questions], np.intp)
    groups = scan.key(len(scan.llms) * len(titles), len(titles))
    return titles, groups._replace(question=of_question, by_industry=by == "industry")


def tradeoff(records: Records, view: View) -> list[Tradeoff]:
    """Speed, quality and price of each LLM, in name order."""
    scan = Scan.of(records, view, [METRICS[name] for name in MAIN])
    counts = count(records, view)
    latency, throughput = (
        scan.groups(METRICS[name], scan.llm).quantile(0.5) for name in ("latency_sec", "throughput_tps")
    )
    coverage, known, _ = scan.sums(METRICS["coverage_score"], scan.llm)
    return [
        Tradeoff(
            llm=llm,
            latency=None if np.isnan(latency[i]) else float(latency[i]),
            throughput=None if np.isnan(throughput[i]) else float(throughput[i]),
            coverage=float(coverage[i] / known[i]) if known[i] else None,
            success=float(counts.succeeded[i].sum() / counts.records[i].sum()),
            cost_per_thousand=float(1000 * counts.cost_usd[i] / counts.cost_known[i]) if counts.cost_known[i] else None,
            approximate=scan.approximate,
        )
        for i, llm in enumerate(scan.llms)
    ]
