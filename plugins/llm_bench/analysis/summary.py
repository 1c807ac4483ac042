"""A batch in a few numbers, per LLM. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import fmean, median
from typing import Any

from llm_bench.records import llm_of


@dataclass(frozen=True, slots=True)
class Row:
    """One LLM.

    :param latency_sec: median of all that were asked, a failure being later than any answer: infinite where so many
        failed.
    :param ttft_sec: likewise, seconds.
    :param throughput_tps: median of the successful records, tokens/s; None without any.
    :param coverage: mean coverage_score of these; None without any.
    """

    llm: str
    records: int
    succeeded: int
    latency_sec: float | None
    ttft_sec: float | None
    throughput_tps: float | None
    coverage: float | None


def summarise(records: Iterable[Mapping[str, Any]]) -> list[Row]:
    """One row for each LLM, in the order in which they first appear."""
    by_llm: dict[str, list[Mapping[str, Any]]] = {}
    for record in records:
        by_llm.setdefault(llm_of(record), []).append(record)
    return [_row(llm, group) for llm, group in by_llm.items()]


def _row(llm: str, group: list[Mapping[str, Any]]) -> Row:
    succeeded = [record for record in group if record["success"]]

    def known(name: str) -> list[float]:
        return [record[name] for record in succeeded if record[name] is not None]

    def middle(values: list[float]) -> float | None:
        return median(values) if values else None

    def waited(name: str) -> float | None:
        return middle([*known(name), *[math.inf] * (len(group) - len(succeeded))])

    return Row(
        llm=llm,
        records=len(group),
        succeeded=len(succeeded),
        latency_sec=waited("latency_sec"),
        ttft_sec=waited("ttft_sec"),
        throughput_tps=middle(known("throughput_tps")),
        coverage=fmean(scores) if (scores := known("coverage_score")) else None,
    )
