"""The parts of a report on what came of the questions: success, coverage, comparisons; and what was asked when."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from llm_bench.analysis import charts, queries
from llm_bench.analysis.metrics import METRICS
from llm_bench.analysis.queries import Comparison, Summary
from llm_bench.records import utc_text
from llm_bench.report import tables
from llm_bench.report.facts import Facts
from llm_bench.report.source import Figure, Section, Source
from llm_bench.report.tables import Column, Table

COMPARED = ("latency_sec", "ttft_sec", "throughput_tps", "coverage_score", "groundedness", "success")
"""Metrics whose paired differences are drawn; the tables have all."""

COVERAGE, GROUNDED = METRICS["coverage_score"], METRICS["groundedness"]


def success(source: Source) -> Section:
    """How often each LLM answered, and how it failed."""
    found = source.looks.ordered(queries.success(source.records, source.view))
    times = queries.failures_over_time(source.records, source.view)
    looks, zone = source.looks, source.zone
    drawn = [
        Figure("success", charts.success_rate(found, looks)),
        Figure("failures", charts.failures(found, looks)),
        Figure("failed-over-time", charts.success_rate_over_time(times, looks, zone)),
        Figure("failures-over-time", charts.failures_over_time(times, looks, zone)),
    ]
    asked, succeeded = tables.count("records", "Records"), tables.count("succeeded", "Succeeded")
    rates = Table(
        "success",
        "Success of each LLM, with 95 % intervals",
        [source.llm(), asked, succeeded, tables.percent("rate", "Rate")],
        [[one.llm, one.records, one.succeeded, one.rate] for one in found],
    )
    kinds = Table(
        "failures",
        "Failures of each LLM by kind",
        [source.llm(), tables.words("failure_kind", "Failure"), tables.count("n", "Records"), tables.count("of", "Of")],
        [[one.llm, kind, n, one.records] for one in found for kind, n in one.kinds.items()],
    )
    return Section("Success and failures", drawn, [rates, kinds])


def coverage(source: Source) -> Section:
    """How much of the contexts the answers use, and how much of the answers they support."""
    records, view, looks = source.records, source.view, source.looks
    industries = queries.summary(records, view, COVERAGE, by="industry")
    questions = queries.summary(records, view, COVERAGE, by="question")
    series = queries.over_time(records, view, COVERAGE)
    drawn = [
        Figure("coverage", charts.bars(queries.summary(records, view, COVERAGE), COVERAGE, looks)),
        Figure("groundedness", charts.bars(queries.summary(records, view, GROUNDED), GROUNDED, looks)),
        Figure("coverage-over-time", charts.over_time(series, COVERAGE, looks, source.zone)),
        Figure("coverage-by-industry", charts.bars(industries, COVERAGE, looks, "industry")),
        Figure("coverage-by-question", charts.bars(questions, COVERAGE, looks, "question")),
    ]
    told = [_by(source, "industry", industries), _by(source, "question", questions), _least_covered(source)]
    return Section("Coverage", drawn, told)


def _by(source: Source, group: str, found: Sequence[Summary]) -> Table:
    return Table(
        f"coverage-by-{group}",
        f"Mean coverage by {group}, with 95 % intervals",
        [
            tables.words(group, group.title()),
            source.llm(),
            tables.count("n", "Records"),
            tables.count("left_out", "Left out"),
            tables.value("coverage_score", COVERAGE),
        ],
        [[one.title or one.group, one.llm, one.n, one.left_out, one.value] for one in found],
    )


def _least_covered(source: Source) -> Table:
    return Table(
        "least-covered",
        "The least covered questions, each with its least covered answer",
        [
            tables.words("question", "Question"),
            tables.count("n", "Records"),
            tables.value("coverage_score", COVERAGE, interval=False),
            source.llm(title="LLM of the answer"),
            tables.value("answer_coverage", COVERAGE, "Its coverage", interval=False),
            tables.long("answer", "Answer"),
            tables.digits("record_id", "Record"),
        ],
        [
            [one.question, one.n, one.coverage, one.llm, one.answer_coverage, one.answer, one.record_id]
            for one in queries.least_covered(source.records, source.view)
        ],
        ["Coverage: the mean of all LLMs in this report. Answers are cut here, and whole in the CSV."],
    )


def comparison(source: Source) -> Section:
    """The LLMs side by side."""
    pairs = queries.compare(source.records, source.view, source.llms)
    points = queries.tradeoff(source.records, source.view)
    drawn = [
        *(Figure(_name(name), charts.comparison(pairs, name, source.looks)) for name in COMPARED),
        Figure("coverage-against-latency", charts.tradeoff(points, source.looks, "latency")),
        Figure("coverage-against-throughput", charts.tradeoff(points, source.looks, "throughput")),
        Figure("coverage-against-cost", charts.tradeoff(points, source.looks, "cost_per_thousand")),
    ]
    by_metric = groupby(pairs, key=lambda one: one.metric)
    return Section("Comparison", drawn, [_differences(source, name, list(found)) for name, found in by_metric])


def _name(metric: str) -> str:
    """Of its files."""
    return f"compare-{metric.rsplit('_', 1)[0].replace('_', '-')}"


def _differences(source: Source, name: str, pairs: Sequence[Comparison]) -> Table:
    metric = METRICS.get(name)
    title = metric.title.lower() if metric else name
    unit = f" ({metric.unit})" if metric and metric.unit else ""
    return Table(
        _name(name),
        f"Paired differences in {title}, first minus second, with 95 % intervals",
        [
            source.llm("first", "First"),
            source.llm("second", "Second"),
            tables.count("n", "Pairs"),
            tables.count("left_out", "Left out"),
            tables.amount("difference", f"Difference{unit}", interval=True),
            tables.chance("p", "p"),
            tables.chance("p_holm", "p, Holm"),
            Column("effect", "Effect", "{:+.2f}".format),
        ],
        [[one.first, one.second, one.n, one.left_out, one.difference, one.p, one.p_holm, one.effect] for one in pairs],
        [
            "On the same questions in the same slots; p corrected over all comparisons of the report. Effect: "
            "rank-biserial correlation, positive where the first is larger."
        ],
    )


def appendix(facts: Facts) -> Section:
    """What was asked, and which slots weren't measured as planned."""
    prompts = Table(
        "prompts",
        "Prompts: the questions as asked, and the hashes of their prompts and contexts",
        [
            tables.words("industry", "Industry"),
            tables.words("question_id", "Id"),
            tables.words("question", "Question"),
            tables.digits("prompt_sha256", "Prompt"),
            tables.digits("context_sha256", "Context"),
        ],
        [
            [row["industry"], row["question_id"], row["question"], " ".join(row["prompts"]), " ".join(row["contexts"])]
            for row in facts.prompts
        ],
        ["Hashes are SHA-256: their beginning here, whole in the CSV."],
    )
    slots = Table(
        "slots",
        "Slots that weren't measured whole and in time",
        [
            tables.count("number", "Slot"),
            tables.words("due", "Due (UTC)"),
            tables.words("state", "State"),
            tables.count("records", "Records"),
            tables.count("quarantined", "Quarantined"),
        ],
        [
            [slot.number + 1, utc_text(slot.due), slot.state, slot.batch.records if slot.batch else 0, slot.quarantined]
            for slot in facts.slots
            if slot.state != "done"
        ],
        ["As of the last record: a slot that wasn't due by then is “to come”."],
    )
    return Section("Prompts and slots", [], [prompts, slots])
