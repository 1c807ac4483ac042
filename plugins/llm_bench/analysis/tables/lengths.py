"""Tables of LLMs at equal length: characters a second, and the latency that each would have. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from llm_bench.analysis import format as text
from llm_bench.analysis import table
from llm_bench.analysis.doubts import doubt_in_words
from llm_bench.analysis.metrics import METRICS
from llm_bench.analysis.statistics.length import APART, SEEN
from llm_bench.analysis.table import Table
from llm_bench.analysis.verdicts import verdict as ruled
from llm_bench.analysis.verdicts import words

if TYPE_CHECKING:
    from llm_bench.analysis.charts import Looks
    from llm_bench.analysis.queries import Lengths, PairAtLength
    from llm_bench.analysis.statistics import Interval

TEXT = METRICS["text_cps"]
_CUT = "failures and cut answers out"
_SCOPES = (
    "Intervals are for questions like these, on days like these; “At equal length, these questions” is for these "
    "questions alone."
)


def answer_lengths(lengths: Lengths, looks: Looks) -> Table:
    """How long each LLM's answers are, and how many characters come in a second."""
    return Table(
        "answer-lengths",
        "Characters: how long the answers of each LLM are, and how many come in a second",
        [
            table.llm(looks),
            table.count("n", "Answers"),
            table.count("cut", "Cut"),
            table.count("failed", "Failed"),
            table.metric("text_cps", TEXT, "Text"),
            _amount("tokens_per_char", "Tokens", "a character"),
            _amount("length", "Length", "median"),
            _amount("shortest", f"{SEEN[0] * 100:g} %", "quantile"),
            _amount("longest", f"{SEEN[1] * 100:g} %", "quantile"),
        ],
        [
            [
                *(row.llm, row.n, row.cut, row.failed, row.text, row.tokens_per_char),
                *(row.length, row.shortest, row.longest),
            ]
            for row in looks.ordered(lengths.llms)
        ],
        [
            "Text: median of characters a second, reasoning left out, with intervals for questions like these. Lengths "
            "are in characters, and the two in per cent are quantiles of them. Tokens: how many a character of what is "
            f"shown has. Text is of all answers; the other columns leave {_CUT}.",
        ],
    )


def equal_length(lengths: Lengths, looks: Looks) -> Table:
    """Each LLM's latency as measured, and at equal length."""
    return Table(
        "equal-length",
        f"Latency of each LLM, as measured and with {_characters(lengths)}",
        [
            table.llm(looks),
            table.count("n", "Answers"),
            table.estimate("measured", "As measured", "s"),
            table.estimate("equal", "At equal length", "s"),
            table.estimate("these", "At equal length, these questions", "s"),
            table.words("doubt", "No conclusion"),
        ],
        [
            [row.llm, row.n, row.measured, row.equal, row.these, _doubt(row.equal)]
            for row in looks.ordered(lengths.llms)
        ],
        [
            f"n = {sum(row.n for row in lengths.llms):,} answers. Latencies are geometric means, and leave {_CUT}. "
            f"{_SCOPES}",
        ],
    )


def equal_length_pairs(lengths: Lengths, looks: Looks, interest: float) -> Table:
    """How many times as long one LLM takes as another, as measured and at equal length.

    :param interest: the smallest ratio that matters, above 1.
    """
    return Table(
        "equal-length-pairs",
        f"Ratios of latencies, first to second, as measured and with {_characters(lengths)}",
        [
            table.llm(looks, "first", "First"),
            table.llm(looks, "second", "Second"),
            _ratio("measured", "As measured"),
            _ratio("equal", "At equal length"),
            _ratio("these", "At equal length, these questions"),
            table.chance("p", "p"),
            table.chance("p_holm", "p, Holm", hint="corrected"),
            table.words("verdict", "Verdict on the first"),
        ],
        [
            [
                *(pair.first, pair.second, pair.measured, pair.equal, pair.these),
                *(pair.p, pair.p_holm, verdict(pair, interest)),
            ]
            for pair in lengths.pairs
        ],
        [
            f"How many times as long the first takes as the second: ratios of geometric mean latencies. {_SCOPES} p "
            "and verdict are of the ratio at equal length, for questions like these; they are exploratory, and p is "
            "corrected by Holm over the pairs of this table, those of twins apart. No difference that matters: the "
            f"whole interval lies within {interest:g} times either way.",
        ],
    )


def verdict(pair: PairAtLength, interest: float) -> str:
    """Whether the first is slower than the second at equal length, in words.

    :param interest: the smallest ratio that matters, above 1.
    """
    ruling = ruled(pair.equal, pair.p_holm, is_ratio=True, interest=interest)
    return _doubt(pair.equal) or words("latency_sec", ruling.verdict)


def at_equal_length(lengths: Lengths) -> list[str]:
    """What has to be known to read a latency at equal length, a paragraph each; nothing without an answer."""
    if lengths.length is None:
        return []
    return [*_told(lengths)]


def _told(lengths: Lengths) -> Iterator[str]:
    yield (
        f"At equal length: as if every answer had {text.number(lengths.length)} characters, the median of all answers "
        "here. Each LLM's line is fitted to its own answers. What tells its slope is that answers to different "
        "questions differ in length: whether a longer answer to the same question would take longer isn't seen at "
        "temperature 0."
    )
    if any(row.equal and row.equal.doubt == APART for row in lengths.llms):
        yield (
            "The lengths of some LLMs overlap too little with the others': nothing is said of what they would take at "
            "a length that their answers hardly ever have."
        )
    if any(row.cut for row in lengths.llms):
        yield (
            f"{sum(row.cut for row in lengths.llms):,} answers that were cut at their limit of tokens are left out: "
            "they would have been longer."
        )


def _doubt(interval: Interval | None) -> str | None:
    return doubt_in_words(interval.doubt, interval.clusters) if interval and interval.doubt else None


def _characters(lengths: Lengths) -> str:
    return "answers of one length" if lengths.length is None else f"{text.number(lengths.length)} characters"


def _amount(name: str, title: str, hint: str) -> table.Column:
    return replace(table.times(name, title), hint=hint)


def _ratio(name: str, title: str) -> table.Column:
    return replace(_amount(name, title, "times as long"), ends=text.ratio_ends)
