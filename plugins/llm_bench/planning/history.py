"""What the records of a study, or of a pilot, show of its LLMs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from llm_bench.analysis.cache import Cache
from llm_bench.analysis.statistics import Codes, Floats
from llm_bench.analysis.statistics.blocks import days_of
from llm_bench.records import WARM_SQL
from llm_bench.study import LLM, Study

_RECORDS = f"""
SELECT llm, llm_provider || '/' || llm_model AS model, industry, prompt_hash, run_type, attempt,
  dense_rank() OVER (ORDER BY slot) AS slot,
  epoch(slot) AS slot_sec,
  dense_rank() OVER (ORDER BY industry, question_id) AS question,
  row_number() OVER cell = 1 AS opens,
  lead(epoch(measured_at) - wait_sec) OVER cell - epoch(measured_at) AS busy_sec,
  late_sec - wait_sec AS start_sec,
  NOT {WARM_SQL} AS compared,
  latency_sec, coverage_score, CAST(success AS DOUBLE) AS success, cost_usd,
  CAST(prompt_tokens AS DOUBLE) AS prompt_tokens, CAST(response_tokens AS DOUBLE) AS response_tokens
FROM records
WINDOW cell AS (PARTITION BY slot, llm, industry, client, attempt ORDER BY measured_at)
ORDER BY slot, llm, question
"""  # noqa: S608
"""Comparisons rest on the cold records, as the report's do."""


@dataclass(frozen=True, slots=True)
class History:
    """The records of one LLM, as columns of the same length; what is missing is NaN.

    :param study: whose records they are.
    """

    study: str
    columns: Mapping[str, npt.NDArray[Any]]

    def numbers(self, name: str) -> Floats:
        """A column's numbers, without the missing ones."""
        values = self.columns[name].astype(np.float64)
        return values[~np.isnan(values)]

    @property
    def records(self) -> int:
        return int(self.columns["slot"].size)

    def count(self, name: str) -> int:
        """How many different values a column has."""
        return int(np.unique(self.columns[name]).size)

    @property
    def busy_sec(self) -> Floats:
        """From a request to the moment at which the next could go; the latencies where no request had a next one."""
        busy = self.numbers("busy_sec")
        return busy[busy > 0] if (busy > 0).any() else self.numbers("latency_sec")

    @property
    def start_sec(self) -> float | None:
        """From a slot to a cell's first request, at the median; None where nothing but backfills measured."""
        starts = self.columns["start_sec"][self.columns["opens"] & (self.columns["run_type"] != "backfill")]
        return float(np.median(starts)) if starts.size else None


class Histories:
    """The LLMs of a study's records, found by name, or else by their model string."""

    def __init__(self, study: Study, home: Path) -> None:
        """Reads the records.

        :raises StorageError: the store can't be read.
        """
        table = Cache(home).records(study).query(_RECORDS)
        columns = {name: table.column(name).to_numpy() for name in table.column_names}
        columns["day"] = days_of(columns["slot_sec"])
        self.by_name: dict[str, History] = {}
        models: dict[str, History] = {}
        for name in dict.fromkeys(columns["llm"]):
            there = columns["llm"] == name
            history = History(study.name, {column: values[there] for column, values in columns.items()})
            self.by_name[name] = history
            models.setdefault(str(history.columns["model"][0]), history)
        self._by_model = models

    def of(self, llm: LLM) -> History | None:
        """The records of an LLM; None where there are none."""
        return self.by_name.get(llm.name) or self._by_model.get(llm.model)


@dataclass(frozen=True, slots=True)
class Differences:
    """What one LLM has over another on the same question in the same slot, where both have a value."""

    differences: Floats
    questions: Codes
    slots: Codes
    days: Codes


def differences(first: History, second: History, metric: str) -> Differences:
    """The differences of two LLMs of the same study; of times, those of their logarithms.

    :param metric: a column.
    """
    sides = []
    for history in (first, second):
        values = history.columns[metric].astype(np.float64)
        if metric.endswith("_sec"):
            values = np.log(values, out=np.full_like(values, np.nan), where=values > 0)
        kept = history.columns["compared"] & ~np.isnan(values)
        place = history.columns["slot"] * 1_000_000 + history.columns["question"]
        sides.append((place[kept], values[kept], history.columns["question"][kept], history.columns["day"][kept]))
    (places, values, questions, days), (others, other_values, _, _) = sides
    both, here, there = np.intersect1d(places, others, return_indices=True)
    return Differences(values[here] - other_values[there], questions[here], both // 1_000_000, days[here])


def failures(history: History) -> tuple[Floats, Floats]:
    """The failures of each slot, in order, and how many were asked."""
    kept = history.columns["compared"]
    success = history.columns["success"][kept].astype(np.float64)
    _, slot = np.unique(history.columns["slot"][kept], return_inverse=True)
    return np.bincount(slot, 1 - success).astype(np.float64), np.bincount(slot).astype(np.float64)
