"""Tables of LLMs in a few numbers each: at a glance, one metric, by industry or question, side by side. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from llm_bench.analysis import table
from llm_bench.analysis.metrics import DERIVED, METRICS, Metric
from llm_bench.analysis.table import Table
from llm_bench.records import FIELDS

if TYPE_CHECKING:
    from llm_bench.analysis.charts import Looks
    from llm_bench.analysis.queries import Covered, Group, Headline, Spread, Summary, Tradeoff

OF_ALL = "Times are of all that were asked: a failure is later than any answer."
OF_ANSWERED = "It is of the answers alone: what failed has none."
_SPEED = (
    "records",
    "success",
    "failed",
    "latency_sec",
    "ttft_sec",
    "first_answer_sec",
    "ttft_less_rtt_sec",
    "throughput_tps",
    "text_cps",
)
_MEDIANS = ("latency", "ttft", "first_answer", "ttft_less_rtt", "throughput", "text")
DESCRIPTIONS = {field.name: field.description for field in (*FIELDS, *DERIVED)}
COVERAGE, GROUNDED = METRICS["coverage_score"], METRICS["groundedness"]
CUT = (
    "Cut: answers that reached their limit of tokens, of those that say why they ended, with intervals for these "
    "questions."
)
SUCCESS = "Success: of all that were asked, with intervals for these questions."
CACHED = "Cached: share of the prompts' tokens that the provider says it read from its cache."
QUANTILES = (0.05, 0.25, 0.75, 0.9, 0.95, 0.99)
"""Those that stand beside a median."""

_QUANTILES = f"From {QUANTILES[0] * 100:g} to {QUANTILES[-1] * 100:g} %: quantiles, without intervals."


def headline(headlines: Sequence[Headline], looks: Looks) -> Table:
    """Each LLM in a few numbers."""
    approximate = any(headline.approximate for headline in headlines)
    cached = any(headline.cached for headline in headlines)

    def middle(name: str, title: str = "", remark: str = "") -> table.Column:
        column = table.metric(name, METRICS[name], title, both=True, approximate=approximate)
        return replace(column, remark=remark)

    return Table(
        "summary",
        "Each LLM at a glance",
        [
            table.llm(looks),
            table.count("records", "Records"),
            table.count("slots", "Slots"),
            table.rate("success", "Success", remark=SUCCESS),
            table.count("failed", "Failed"),
            middle("latency_sec", remark=f"Times and speeds are medians. {OF_ALL}"),
            middle("ttft_sec", "First token"),
            middle("first_answer_sec", "First answer"),
            middle(
                "ttft_less_rtt_sec",
                "First token less a round trip",
                "First token less a round trip: of the answers alone, less the connection's shortest round trip.",
            ),
            middle("throughput_tps", remark="Throughput and text: of the answers alone."),
            middle("text_cps", "Text"),
            middle(
                "coverage_score",
                remark="Coverage and grounded: means of the answers alone, with intervals for questions like these.",
            ),
            middle("groundedness", "Grounded"),
            table.rate("cut", "Cut", remark=CUT),
            *([table.rate("cached", "Cached", remark=CACHED)] if cached else []),
            table.number("cost_usd", "Cost", "USD", remark="Cost: of the records with a known one, “Cost known”."),
            table.count("cost_known", "Cost known"),
            table.count("suspect", "Suspect"),
        ],
        [
            [
                *(headline.llm, headline.records, headline.slots, headline.success, headline.failed),
                *(table.scoped(getattr(headline, name), headline.these[name]) for name in _MEDIANS),
                *(headline.coverage, headline.groundedness),
                headline.cut,
                *([headline.cached] if cached else []),
                *(headline.cost_usd, headline.cost_known, headline.suspect),
            ]
            for headline in looks.ordered(headlines)
        ],
        [],
    )


def glance(headlines: Sequence[Headline], looks: Looks) -> Table:
    """Each LLM in so few numbers that they fit beside one another."""
    approximate = any(known.approximate for known in headlines)

    def middle(name: str, title: str = "") -> table.Column:
        return table.metric(name, METRICS[name], title, approximate=approximate)

    return Table(
        "glance",
        "Each LLM at a glance",
        [
            table.llm(looks),
            table.rate("success", "Success", remark=SUCCESS),
            table.count("failed", "Failed"),
            replace(middle("latency_sec"), remark=f"Times and speeds are medians. {OF_ALL}"),
            middle("ttft_sec", "First token"),
            replace(middle("throughput_tps"), remark="Throughput and coverage are of the answers alone."),
            middle("coverage_score"),
            table.number("cost_per_thousand", "1,000 questions", "USD", remark="Cost: where the price is known."),
        ],
        [
            [
                *(known.llm, known.success, known.failed, known.latency, known.ttft, known.throughput, known.coverage),
                None if known.cost_usd is None else 1000 * known.cost_usd / known.cost_known,
            ]
            for known in looks.ordered(headlines)
        ],
        ["Intervals are for questions like these."],
    )


def in_two(whole: Table) -> tuple[Table, Table]:
    """What each LLM did when, and how well and for how much."""
    return (
        replace(whole.only("llm", *_SPEED), name="summary-speed", title="Success and speed of each LLM"),
        replace(whole.without(*_SPEED), name="summary-quality", title="Quality and cost of each LLM"),
    )


def quantiles(summaries: Sequence[Summary], spreads: Sequence[Spread], metric: Metric, looks: Looks) -> Table:
    """A metric of each LLM: how many records, how much with its interval, and how it is spread."""
    by_llm = {spread.llm: spread for spread in spreads}
    bins = any(spread.approximate for spread in spreads)
    return Table(
        f"{metric.short_name}-quantiles",
        f"{metric.title} of each LLM, {metric.scale}",
        [
            table.llm(looks),
            *_counts(metric),
            table.metric(
                "mean" if metric.share else "p50",
                metric,
                metric.statistic.capitalize(),
                both=True,
                approximate=any(summary.approximate for summary in summaries),
            ),
            *(
                table.number(f"p{share * 100:g}", f"{share * 100:g} %", metric.unit, approximate=bins)
                for share in QUANTILES
            ),
            table.number("maximum", "Slowest answer" if metric.waited else "Maximum", metric.unit),
        ],
        [_quantile_row(summary, by_llm.get(summary.llm)) for summary in looks.ordered(summaries)],
        [f"{DESCRIPTIONS[metric.name].partition(';')[0].rstrip('.')}.", _rests_on(metric), *_like(metric), _QUANTILES],
    )


def _counts(metric: Metric) -> list[table.Column]:
    """How many values there are, how many failed, and how many others lack it."""
    return [
        table.count("n", "Records"),
        table.count("failed", "Failed", hint="of them" if metric.waited else "without it"),
        table.count("left_out", "Left out", hint="answered without it"),
    ]


def _rests_on(metric: Metric) -> str:
    return OF_ALL if metric.waited else OF_ANSWERED


def _like(metric: Metric) -> list[str]:
    """For which questions a score's intervals are; a table says it by itself of times and speeds."""
    return ["Intervals are for questions like these."] if metric.share else []


def _quantile_row(summary: Summary, spread: Spread | None) -> list[object]:
    known = spread.quantiles if spread else {}
    numbers = [known.get(share) for share in QUANTILES]
    value = summary.value if summary.these is None else table.scoped(summary.value, summary.these)
    counts = (summary.n, summary.failed, summary.left_out)
    return [summary.llm, *counts, value, *numbers, spread.maximum if spread else None]


def grouped(summaries: Sequence[Summary], metric: Metric, looks: Looks, group: Group) -> Table:
    """A metric of each LLM in each industry or for each question: one row for each two of them."""
    name = group if group != "question" else "question_id"
    columns = [table.words(name, "Id" if group == "question" else group.title())]
    if group == "question":
        columns.insert(0, table.words("question", "Question"))
    return Table(
        f"{metric.short_name}-by-{group}",
        f"{metric.title} by {group}, {metric.statistic}, {metric.scale}",
        [
            *columns,
            table.llm(looks),
            *_counts(metric),
            table.metric(
                metric.name,
                metric,
                both=group != "question",
                approximate=any(summary.approximate for summary in summaries),
            ),
        ],
        [
            [
                *([summary.title] if group == "question" else []),
                *(summary.group, summary.llm, summary.n, summary.failed, summary.left_out),
                summary.value if summary.these is None else table.scoped(summary.value, summary.these),
            ]
            for summary in looks.ordered(summaries)
        ],
        [
            *(["Intervals are for this question, on other days."] if group == "question" else _like(metric)),
            _rests_on(metric),
        ],
    )


def tradeoff(points: Sequence[Tradeoff], looks: Looks) -> Table:
    """Each LLM's quality, speed and price."""
    approximate = any(point.approximate for point in points)
    return Table(
        "side-by-side",
        "Each LLM's quality, speed and price",
        [
            table.llm(looks),
            table.rate("success", "Success", interval=False),
            table.number("coverage_score", "Coverage", hint="mean"),
            table.number("latency_sec", "Latency", "s", hint="median", approximate=approximate),
            table.number("throughput_tps", "Throughput", "tokens/s", hint="median", approximate=approximate),
            table.number("cost_per_thousand", "1,000 questions", "USD", hint="where the price is known"),
        ],
        [
            [point.llm, point.success, point.coverage, point.latency, point.throughput, point.cost_per_thousand]
            for point in looks.ordered(points)
        ],
    )


def least_covered(questions: Sequence[Covered], looks: Looks) -> Table:
    """The questions that are covered least, each with the answer that covers least of its context."""
    return Table(
        "least-covered",
        "The least covered questions, each with its least covered answer",
        [
            table.words("question", "Question"),
            table.words("question_id", "Id"),
            table.count("n", "Answers"),
            table.metric("coverage_score", COVERAGE, interval=False),
            table.metric("groundedness", GROUNDED, interval=False),
            table.llm(looks, title="LLM of the answer"),
            table.metric("answer_coverage", COVERAGE, "Its coverage", interval=False),
            table.long("answer", "Answer"),
            table.digits("record_id", "Record"),
        ],
        [
            [
                *(question.question, question.question_id, question.n, question.coverage, question.groundedness),
                *(question.llm, question.answer_coverage, question.answer, question.record_id),
            ]
            for question in questions
        ],
        ["Coverage and groundedness: means of all LLMs. Answers are cut here, and whole in the CSV."],
    )
