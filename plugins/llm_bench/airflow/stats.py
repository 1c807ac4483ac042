"""A loaded batch as gauges among Airflow's own metrics, for StatsD, Datadog or OpenTelemetry.

All are gauges, failures too: a task that is cleared and run again then sets the same numbers, where a counter would
count its failures twice.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from llm_bench.analysis.summary import summarise
from llm_bench.gate.completeness import request_of
from llm_bench.records import FAILURE_KINDS, is_warm, llm_of

if TYPE_CHECKING:
    from llm_bench.gate.columns import Rows
    from llm_bench.gate.completeness import Due

COMPLETENESS = "llm_bench.completeness"
LATENCY = "llm_bench.latency_sec"
FAILURES = "llm_bench.failures"
START_LAG = "llm_bench.start_lag_sec"
NAMES = (COMPLETENESS, LATENCY, FAILURES, START_LAG)
"""All that is sent; Airflow puts its prefix before them."""

_LONGEST_TAG = 140
"""Of an LLM in a plain name: Airflow sends no name of over 250 letters, and says so in a log alone."""
_CUT_TAG = 60
"""Letters that stay of a longer one: few enough, were each of them a dot, which takes two."""

_COLUMNS = (
    *("llm", "llm_provider", "llm_model", "industry", "question_id", "run_type", "late_sec", "cache_probe"),
    *("success", "failure_kind", "latency_sec", "ttft_sec", "throughput_tps", "coverage_score"),
)


@dataclass(frozen=True, slots=True)
class Gauge:
    """One number of a batch.

    :param name: one of ``NAMES``.
    :param tags: ``study``, and where it is one LLM's ``llm``, and where it is of one kind ``kind``, in this order; of
        letters that every metrics system takes, each LLM's its own.
    """

    name: str
    value: float
    tags: Mapping[str, str]

    @property
    def plain_name(self) -> str:
        """The name with the tags' values in it, each a part of its own: for a StatsD that carries no tags."""
        return ".".join([self.name, *map(_part, self.tags.values())])


def gauges(due: Due, records: Sequence[Mapping[str, Any]]) -> list[Gauge]:
    """The gauges of a batch. Pure.

    What isn't known has no gauge: no latency of an LLM of whose requests half failed, nothing but the completeness
    of one that has no record, and no lag of a batch that no schedule started.

    :param records: the valid ones.
    """
    study = {"study": _clean(due.study.name)}
    by_llm: dict[str, list[Mapping[str, Any]]] = {}
    for record in records:
        if not is_warm(record):  # as in figures: no question counts twice
            by_llm.setdefault(llm_of(record), []).append(record)
    tags = _tags({*by_llm, *(llm.name for llm in due.study.llms)})
    return [
        Gauge(COMPLETENESS, _completeness(due, records), study),
        *(Gauge(START_LAG, lag, study) for lag in _start_lag(records)),
        *(gauge for llm, group in by_llm.items() for gauge in _of_llm({**study, "llm": tags[llm]}, group)),
    ]


def _completeness(due: Due, records: Iterable[Mapping[str, Any]]) -> float:
    """The share of the records due that are there, in [0, 1]."""
    wanted = due.requests
    return len(wanted & set(map(request_of, records))) / len(wanted)


def _start_lag(records: Iterable[Mapping[str, Any]]) -> Iterator[float]:
    """Seconds from the slot to the first question, of a batch that the schedule started."""
    lags = [record["late_sec"] for record in records if record["run_type"] == "scheduled"]
    if lags:
        yield min(lags)


def _of_llm(tags: Mapping[str, str], records: Sequence[Mapping[str, Any]]) -> Iterator[Gauge]:
    (row,) = summarise(records)
    if row.latency_sec is not None and math.isfinite(row.latency_sec):
        yield Gauge(LATENCY, row.latency_sec, tags)
    failed = Counter(record["failure_kind"] for record in records)
    for kind in FAILURE_KINDS:  # also those that didn't happen: a gauge keeps its value until it is given another
        yield Gauge(FAILURES, failed[kind], {**tags, "kind": kind})


def _tags(llms: Iterable[str]) -> dict[str, str]:
    """Each LLM's tag. One that would be too long, or another's too, ends with a digest of the LLM's name."""
    clean = {llm: _clean(llm) for llm in llms}
    named = Counter(map(_part, clean.values()))
    return {
        llm: tag if named[_part(tag)] == 1 and len(_part(tag)) <= _LONGEST_TAG else f"{tag[:_CUT_TAG]}_{_digest(llm)}"
        for llm, tag in clean.items()
    }


def _clean(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_./-]", "_", text)


def _part(tag: str) -> str:
    """A tag as a part of a plain name."""
    return re.sub(r"[./]", "__", tag)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def send(due: Due, rows: Rows | None) -> None:
    """Gives the gauges of a batch to Airflow, which sends them where its ``[metrics]`` say, or nowhere.

    :param rows: the valid records; None where nothing was measured.
    """
    from airflow.sdk.observability import stats  # noqa: PLC0415

    tables = rows.tables() if rows is not None else ()
    records = [record for table in tables for record in table.select(_COLUMNS).to_pylist()]
    tagged = _carries_tags()
    for gauge in gauges(due, records):
        if tagged:
            stats.gauge(gauge.name, gauge.value, tags=dict(gauge.tags))
        else:
            stats.gauge(gauge.plain_name, gauge.value)


def _carries_tags() -> bool:
    """Whether that to which Airflow sends its metrics takes tags.

    A plain StatsD drops them: under one name, each LLM would overwrite the one before it.
    """
    from airflow.sdk import conf  # noqa: PLC0415

    def is_on(option: str) -> bool:
        return bool(conf.getboolean("metrics", option, fallback=False))

    # In the order in which Airflow chooses.
    return is_on("statsd_datadog_enabled") or is_on("statsd_influxdb_enabled") or not is_on("statsd_on")
