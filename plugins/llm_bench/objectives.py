"""What a study holds its LLMs to: objectives of service, and the smallest differences that matter to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from llm_bench.inputs import Part

Time = Literal["latency_sec", "ttft_sec", "first_answer_sec"]
_SAID: Mapping[Time, str] = {
    "latency_sec": "answered",
    "ttft_sec": "with a first token",
    "first_answer_sec": "with a first word of the answer",
}
DEADLINES: Mapping[Time, str] = {
    "latency_sec": "total_sec",
    "ttft_sec": "first_token_sec",
    "first_answer_sec": "total_sec",
}
"""Time → the key in a study's ``deadlines`` that ends the wait for it."""


class Objective(Part):
    """An objective of service: which share of all that was asked has to be answered within a time."""

    metric: Annotated[
        Time,
        Field(description="The time; what failed has none, and so misses every objective."),
    ] = "latency_sec"
    within_sec: Annotated[
        float,
        Field(
            gt=0,
            description="The longest time that is good enough, in seconds; at most the study's deadline for it: "
            "`total_sec`, or `first_token_sec` of `ttft_sec`.",
        ),
    ]
    share: Annotated[
        float, Field(gt=0, lt=1, description="The smallest share of all that was asked that is good enough.")
    ] = 0.95

    @property
    def words(self) -> str:
        """What it asks for: "95 % answered within 3 s"; of two objectives that differ, it differs."""
        return f"{self.share * 100:.12g} % {_SAID[self.metric]} within {self.within_sec:.12g} s"


Ratio = Annotated[float, Field(gt=1, le=10)]
Points = Annotated[float, Field(gt=0, lt=1)]


class Interest(Part):
    """The smallest difference between two LLMs that matters to the study, for each metric that is compared."""

    latency_sec: Annotated[
        Ratio, Field(description="Times as long: 1.1 means that less than a tenth more doesn't matter.")
    ] = 1.1
    ttft_sec: Annotated[Ratio, Field(description="As `latency_sec`.")] = 1.1
    first_answer_sec: Annotated[Ratio, Field(description="As `latency_sec`.")] = 1.1
    throughput_tps: Annotated[Ratio, Field(description="Times as fast.")] = 1.1
    cost_usd: Annotated[Ratio, Field(description="Times as dear.")] = 1.1
    coverage_score: Annotated[Points, Field(description="A difference, of scores from 0 to 1.")] = 0.05
    groundedness: Annotated[Points, Field(description="As `coverage_score`.")] = 0.05
    success: Annotated[Points, Field(description="A difference of rates: 0.02 is two percentage points.")] = 0.02

    def of(self, metric: str) -> float | None:
        """That of a metric; None where the study has none for it."""
        size: float | None = getattr(self, metric, None)
        return size
