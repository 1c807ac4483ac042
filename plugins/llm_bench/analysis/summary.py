"""A batch in a few numbers, per LLM. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import fmean, median
from typing import Any

from llm_bench.records import llm_of


@dataclass(frozen=True, slots=True)
class Row:
    """One LLM. Medians and means are over the successful records, None without any.

    :param latency_sec: median.
    :param ttft_sec: median, seconds.
    :param throughput_tps: median, tokens/s.
    :param coverage: mean coverage_score.
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

    def middle(name: str) -> float | None:
        return median(known(name)) if known(name) else None

    return Row(
        llm=llm,
        records=len(group),
        succeeded=len(succeeded),
        latency_sec=middle("latency_sec"),
        ttft_sec=middle("ttft_sec"),
        throughput_tps=middle("throughput_tps"),
        coverage=fmean(scores) if (scores := known("coverage_score")) else None,
    )
