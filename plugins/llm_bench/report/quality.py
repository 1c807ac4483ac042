"""The parts of a report on what came of the questions: success, coverage, comparisons; and what was asked when."""

from __future__ import annotations

from llm_bench.analysis import charts, grading, queries, table, tables
from llm_bench.analysis.agreement import agreement
from llm_bench.analysis.metrics import METRICS
from llm_bench.analysis.queries import Factor
from llm_bench.analysis.queries.caches import CACHE_WORTH
from llm_bench.analysis.statistics.blocks import DAYS
from llm_bench.analysis.statistics.factors import LEVELS
from llm_bench.analysis.statistics.scopes import CONCLUSIONS, MEANS
from llm_bench.analysis.statistics.success import RATES
from llm_bench.analysis.table import Table
from llm_bench.analysis.tables.pairs import name_of
from llm_bench.records import UNNAMED, utc_text
from llm_bench.report.facts import Facts, basis
from llm_bench.report.source import Figure, Section, Source
from llm_bench.store.grades import RUBRIC, Grading

COMPARED = ("latency_sec", "ttft_sec", "throughput_tps", "coverage_score", "groundedness", "success")
"""Metrics whose pairs are drawn; the tables have all."""

COVERAGE, GROUNDED, USED = (METRICS[name] for name in ("coverage_score", "groundedness", "context_utilization"))


def success(source: Source) -> Section:
    """How often each LLM answered, and how it failed."""
    outcomes = source.looks.ordered(queries.success(source.records, source.view))
    times = queries.failures_over_time(source.records, source.view)
    looks, zone = source.looks, source.zone
    drawn = [
        Figure("success", charts.success_rate(outcomes, looks)),
        Figure("failures", charts.failures(outcomes, looks)),
        Figure("failed-over-time", charts.success_rate_over_time(times, looks, zone)),
        Figure("failures-over-time", charts.failures_over_time(times, looks, zone)),
    ]
    numbers = [tables.success(outcomes, looks), tables.failures(outcomes, looks)]
    often = tables.cut_often({outcome.llm: outcome.cut_rate for outcome in outcomes}, looks)
    return Section("Success and failures", drawn, numbers, [often], [RATES])


def coverage(source: Source) -> Section:
    """How much of the contexts the answers use, and how much of the answers they support."""
    records, view, looks = source.records, source.view, source.looks
    industries = queries.summary(records, view, COVERAGE, by="industry")
    questions = queries.summary(records, view, COVERAGE, by="question")
    series = queries.over_time(records, view, COVERAGE)
    drawn = [
        Figure("coverage", charts.bars(queries.summary(records, view, COVERAGE), COVERAGE, looks)),
        Figure("groundedness", charts.bars(queries.summary(records, view, GROUNDED), GROUNDED, looks)),
        Figure("context-utilization", charts.bars(queries.summary(records, view, USED), USED, looks)),
        Figure("coverage-over-time", charts.over_time(series, COVERAGE, looks, source.zone)),
        Figure("coverage-by-industry", charts.bars(industries, COVERAGE, looks, "industry")),
        Figure("coverage-by-question", charts.bars(questions, COVERAGE, looks, "question")),
    ]
    numbers = [
        tables.grouped(industries, COVERAGE, looks, "industry"),
        tables.grouped(questions, COVERAGE, looks, "question"),
        tables.least_covered(queries.least_covered(records, view), looks),
        *([tables.citations(cited, looks)] if (cited := queries.citations(records, view)) else []),
    ]
    return Section("Coverage", drawn, numbers, methods=[CONCLUSIONS, DAYS, MEANS])


def agreed(source: Source, graded: Grading) -> Section:
    """How well the scores agree with people: with grades of this study's answers, and wherever else it was measured."""
    known = agreement()
    public = tables.agreement(known, queries.scorers(source.records, source.view))
    title = "Agreement of the scores with people"
    if not graded.grades:
        return Section(title, [], [public], [known.in_words])
    scored = queries.scored(source.records, {grade.record_id for grade in graded.grades}, source.view)
    own = tables.graded(grading.agreed(scored, graded.latest.values(), RUBRIC))
    return Section(title, [], [own, public], [known.in_words], [grading.GRADED])


def comparison(source: Source) -> Section:
    """The LLMs side by side."""
    pairs = source.pairs
    points = queries.tradeoff(source.records, source.view)
    drawn = [
        *(Figure(name_of(name), charts.comparison(pairs, name, source.looks)) for name in COMPARED),
        Figure("coverage-against-latency", charts.tradeoff(points, source.looks, "latency")),
        Figure("coverage-against-throughput", charts.tradeoff(points, source.looks, "throughput")),
        Figure("coverage-against-cost", charts.tradeoff(points, source.looks, "cost_per_thousand")),
    ]
    metrics = dict.fromkeys(pair.metric for pair in pairs)
    numbers = [tables.differences(pairs, name, source.looks) for name in metrics]
    notes = [*tables.conclusions(pairs, source.looks), *tables.noise_floor(pairs, source.looks)]
    by = {name_of(name): queries.methods_of([pair for pair in pairs if pair.metric == name]) for name in metrics}
    return Section("Comparison", drawn, numbers, notes, queries.methods_of(pairs), by=by)


def factors(source: Source, factor: Factor) -> Section | None:
    """The LLMs by who answered, or by where it was asked from; None where there is nothing to tell apart."""
    by_level = queries.by_level(source.records, source.view, factor)
    if by_level is None:
        return None
    drawn = [
        Figure(f"latency-by-{factor}", charts.levels(by_level, source.looks)),
        Figure(f"first-token-by-{factor}", charts.levels(by_level, source.looks, "ttft_sec")),
    ]
    numbers = [tables.levels(by_level, source.looks), tables.level_tests(by_level, source.looks)]
    note = tables.levels_differ(by_level, source.looks)
    return Section(tables.heading(factor), drawn, numbers, [note], [LEVELS])


def cache(source: Source) -> Section | None:
    """What a known prompt saves; None where no question was asked cold and warm, or the view is of the cold alone."""
    if source.view.cache == "cold" or not (worth := queries.cache_worth(source.records, source.view)):
        return None
    worth = source.looks.ordered(worth)
    drawn = [
        Figure("cache-first-token", charts.cache_worth(worth, source.looks)),
        Figure("cache-dollars", charts.cache_worth(worth, source.looks, "usd")),
    ]
    note = "Each question was asked cold and, right after, once more, warm: the two are compared as a pair."
    both = basis(source.records, source.view.whole)
    return Section("Cache", drawn, [tables.cache_worth(worth, source.looks)], [note], [CACHE_WORTH], basis=both)


def appendix(facts: Facts) -> Section:
    """What was asked, and which slots weren't measured as planned."""
    prompts = Table(
        "prompts",
        "Prompts: the questions as asked, and the hashes of their prompts and contexts",
        [
            table.words("industry", "Industry"),
            table.words("question_id", "Id"),
            table.words("question", "Question"),
            table.digits("prompt_sha256", "Prompt"),
            table.digits("context_sha256", "Context"),
        ],
        [
            [row["industry"], row["question_id"], row["question"], " ".join(row["prompts"]), " ".join(row["contexts"])]
            for row in facts.prompts
        ],
        ["Hashes are SHA-256: their beginning here, whole in the CSV."],
    )
    several = len(facts.places) > 1
    slots = Table(
        "slots",
        "Slots that weren't measured whole and in time",
        [
            *([table.words("client", "Client")] if several else []),
            table.count("number", "Slot"),
            table.words("due", "Due (UTC)"),
            table.words("state", "State"),
            table.count("records", "Records"),
            table.count("quarantined", "Quarantined"),
        ],
        [
            [
                *([place.client or UNNAMED] if several else []),
                *(slot.number + 1, utc_text(slot.due), slot.state),
                *(slot.batch.records if slot.batch else 0, slot.quarantined),
            ]
            for place in facts.places
            for slot in place.slots
            if slot.state != "done"
        ],
        ["As of the last record: a slot that wasn't due by then is “to come”."],
    )
    return Section("Prompts and slots", [], [prompts, slots])
