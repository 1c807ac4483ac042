"""The numbers of a record that are worth a chart, and how each is summarised. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from llm_bench.fields import Field
from llm_bench.method import Method
from llm_bench.records import FIELDS

Better = Literal["lower", "higher"]


@dataclass(frozen=True, slots=True)
class Metric:
    """One number of a record.

    :param name: the record's field, or that of ``DERIVED``.
    :param unit: "s", "tokens/s", "tokens", "USD" or "" for a share.
    :param better: which way is better; None where neither is.
    :param share: in [0, 1]: summarised by its mean; any other by its median.
    """

    name: str
    title: str
    unit: str
    better: Better | None
    share: bool

    @property
    def waited(self) -> bool:
        """Whether it is how long one waits for an answer: a failure has none, and is later than any."""
        return self.name in _WAITED

    @property
    def statistic(self) -> str:
        """What a summary of it is: "mean" or "median"."""
        return "mean" if self.share else "median"

    @property
    def short_name(self) -> str:
        """Its name without the unit, as files have it: "latency", "first-answer"."""
        return self.name.rsplit("_", 1)[0].replace("_", "-")

    @property
    def scale(self) -> str:
        """What its numbers are in, as a title says it."""
        return "from 0 to 1" if self.share else f"in {self.unit}"


_WAITED = frozenset({"latency_sec", "ttft_sec", "first_answer_sec"})
_TITLES: Mapping[str, tuple[str, Better | None]] = {
    "latency_sec": ("Latency", "lower"),
    "ttft_sec": ("Time to first token", "lower"),
    "ttft_less_rtt_sec": ("Time to first token less a round trip", "lower"),
    "first_answer_sec": ("Time to first answer", "lower"),
    "throughput_tps": ("Throughput", "higher"),
    "text_cps": ("Throughput of text", "higher"),
    "decode_tps": ("Decoding speed", "higher"),
    "itl_mean_sec": ("Gap between tokens", "lower"),
    "itl_p99_sec": ("Gap between tokens, 99th percentile", "lower"),
    "coverage_score": ("Coverage", "higher"),
    "groundedness": ("Groundedness", "higher"),
    "context_utilization": ("Context utilization", None),
    "citation_support": ("Citation support", "higher"),
    "cost_usd": ("Cost of a question", "lower"),
    "prompt_tokens": ("Tokens of the prompt", None),
    "response_tokens": ("Tokens generated", None),
    "reasoning_tokens": ("Tokens spent on reasoning", None),
    "connect_sec": ("Opening the connection", "lower"),
    "headers_sec": ("Time to headers", "lower"),
    "wait_sec": ("Waited for the rate limit", None),
    "late_sec": ("Asked after the slot", None),
}


def _metric(field: Field) -> Metric:
    title, better = _TITLES[field.name]
    return Metric(field.name, title, field.unit, better, share=(field.minimum, field.maximum) == (0, 1))


DERIVED: Mapping[Field, str] = {
    Field(
        "ttft_less_rtt_sec",
        "float",
        "ttft_sec − network_rtt_sec: what is left of it without the network's round trip; null where that isn't known, "
        "or is the longer one.",
        "clock",
        unit="s",
        nullable=True,
        minimum=0,
    ): "CASE WHEN network_rtt_sec <= ttft_sec THEN ttft_sec - network_rtt_sec END",
    Field(
        "answer_chars",
        "integer",
        "Characters (Unicode code points) of the answer that is shown, reasoning left out; null when it failed.",
        "exchange",
        unit="characters",
        nullable=True,
        minimum=0,
    ): "CASE WHEN success THEN length(answer) END",
    Field(
        "text_cps",
        "float",
        "answer_chars / latency_sec: as throughput_tps, in a unit that doesn't depend on a tokenizer; null when it "
        "failed.",
        "clock",
        unit="characters/s",
        nullable=True,
        minimum=0,
    ): "CASE WHEN success AND latency_sec > 0 THEN length(answer) / latency_sec END",
    Field(
        "cited_passages",
        "integer",
        "How many passages the answer cites, be they there or not; null without a score.",
        "quality",
        unit="passages",
        nullable=True,
        minimum=0,
    ): "len(citations)",
    Field(
        "cited_beyond",
        "integer",
        "How many of them aren't there; null where it isn't known how many are.",
        "quality",
        unit="passages",
        nullable=True,
        minimum=0,
    ): "CASE WHEN context_passages IS NOT NULL THEN len(list_filter(citations, lambda n: n > context_passages)) END",
}
"""What follows from a record's fields, each as DuckDB computes it."""

LESS_ROUND_TRIP = Method(
    "Less a round trip",
    "The time to first token less the shortest round trip to where the connection ends that the kernel saw on it: what "
    "the distance of this client doesn't explain. "
    "It isn't known where the round trip isn't, or where the round trip is the longer one.",
)

UTILIZATION = Method(
    "Context utilization",
    "The utilization of a context is the mean support that an answer's claims give the sentences of its context, each "
    "weighted by its words, from 0 to 1. "
    "An answer that claims nothing uses nothing.",
    ("friel2024",),
)
CITATIONS = Method(
    "Citations",
    "Where an answer cites passages by their numbers, the citations are no part of what it says. "
    "Citation support is the mean support that the cited passages alone give what is claimed with a citation, each "
    "sentence weighted by its words; a passage that isn't there supports nothing.",
    ("gao2023citations",),
)

_FIELDS = {field.name: field for field in (*FIELDS, *DERIVED)}
METRICS: Mapping[str, Metric] = {name: _metric(_FIELDS[name]) for name in _TITLES}
"""By the record's field, or the name of what follows from some; the most asked for first."""
