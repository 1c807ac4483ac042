"""How many records there are and how they ended: choices, success, failures."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np

from llm_bench.analysis import inference
from llm_bench.analysis.cache import Records
from llm_bench.analysis.figures.numbers import Buckets, buckets, llm_names
from llm_bench.analysis.figures.shapes import Choices, FailureCount, Failures, RatePoint, Success
from llm_bench.analysis.inference import Codes, Floats, Interval
from llm_bench.analysis.view import View


def choices(records: Records) -> Choices:
    """What a filter can choose from, of the whole study."""
    return records.once("choices", _choices)


def _choices(records: Records) -> Choices:
    row = records.rows(
        "SELECT min(slot) AS first, max(slot) AS last, count(*) AS records, count(suspect) AS suspect FROM records"
    )[0]
    names = {
        "llms": "SELECT llm FROM llms SEMI JOIN records USING (llm_no)",
        "industries": "SELECT DISTINCT industry FROM questions SEMI JOIN records USING (question_no)",
        "run_types": "SELECT DISTINCT run_type FROM records",
    }
    lists = {key: tuple(sorted(str(*found.values()) for found in records.rows(sql))) for key, sql in names.items()}
    return Choices(**row | lists)


def embedding_models(records: Records, view: View) -> list[str]:
    """The models that scored the view's records: where there are several, their scores can't be compared."""
    where, parameters = view.where()
    found = records.rows(f"SELECT DISTINCT embedding_model AS name FROM records WHERE {where}", parameters)  # noqa: S608
    return sorted(row["name"] for row in found)


@dataclass(frozen=True, slots=True)
class Counts:
    """By LLM and slot, arrays of the shape (LLMs, slots of the view), but for costs, which are by LLM.

    :param llms: in name order.
    """

    llms: tuple[str, ...]
    buckets: Buckets
    records: Codes
    succeeded: Codes
    suspect: Codes
    cost_usd: Floats
    cost_known: Codes

    def rate(self, llm: int) -> Interval:
        """How often an LLM succeeded; by buckets, where there are more slots than these."""
        good, all_of_them = (self.by_bucket(counts[llm]) for counts in (self.succeeded, self.records))
        return inference.success_rate(good.tolist(), all_of_them.tolist())

    def by_bucket(self, counts: Codes) -> Codes:
        """Counts by slot as counts by bucket, along the last axis."""
        return np.add.reduceat(counts, np.arange(0, counts.shape[-1], self.buckets.size), axis=-1)


def count(records: Records, view: View) -> Counts:
    """The view's records, counted."""
    where, parameters = view.where()
    found = records.query(
        "SELECT llm_no, slot_no, count(*) AS records, count(*) FILTER (success) AS succeeded, "  # noqa: S608
        "count(suspect) AS suspect, coalesce(sum(cost_usd), 0) AS cost_usd, count(cost_usd) AS cost_known "
        f"FROM records WHERE {where} GROUP BY ALL",
        parameters,
    )
    columns = {name: column.to_numpy() for name, column in zip(found.column_names, found.columns, strict=True)}
    slots = buckets(records, view)
    names = llm_names(records)
    llms = tuple(sorted(names[number] for number in set(columns["llm_no"].tolist())))
    ranks = {name: rank for rank, name in enumerate(llms)}
    rows = np.array([ranks[names[number]] for number in columns["llm_no"].tolist()], np.intp)
    places = slots.place[columns["slot_no"]]

    def table(name: str) -> Any:
        held = np.zeros((len(llms), len(slots.slots)), columns[name].dtype)
        held[rows, places] = columns[name]
        return held

    return Counts(
        llms=llms,
        buckets=slots,
        records=table("records"),
        succeeded=table("succeeded"),
        suspect=table("suspect"),
        cost_usd=table("cost_usd").sum(axis=1),
        cost_known=table("cost_known").sum(axis=1),
    )


def success(records: Records, view: View) -> list[Success]:
    """How often each LLM succeeded, and how it failed; in name order."""
    counts = count(records, view)
    kinds: dict[str, Counter[str]] = {llm: Counter() for llm in counts.llms}
    where, parameters = view.where()
    for row in records.rows(
        f"SELECT llm, failure_kind, count(*) AS n FROM records WHERE failure_kind IS NOT NULL AND {where} "  # noqa: S608
        "GROUP BY ALL ORDER BY ALL",
        parameters,
    ):
        kinds[row["llm"]][row["failure_kind"]] = row["n"]
    return [
        Success(
            llm=llm,
            records=int(counts.records[i].sum()),
            succeeded=int(counts.succeeded[i].sum()),
            rate=counts.rate(i),
            kinds=dict(kinds[llm].most_common()),
        )
        for i, llm in enumerate(counts.llms)
    ]


def failures_over_time(records: Records, view: View) -> Failures:
    """Failures by kind and the rate of success, in each slot or bucket that has records."""
    counts = count(records, view)
    where, parameters = view.where()
    found: Counter[tuple[int, str, str]] = Counter()
    for row in records.rows(
        "SELECT slot_no, llm, failure_kind, count(*) AS n FROM records "  # noqa: S608
        f"WHERE failure_kind IS NOT NULL AND {where} GROUP BY ALL",
        parameters,
    ):
        found[int(counts.buckets.of_slot[row["slot_no"]]), row["llm"], row["failure_kind"]] += row["n"]
    at = counts.buckets.at
    asked, good = counts.by_bucket(counts.records), counts.by_bucket(counts.succeeded)
    return Failures(
        counts=[FailureCount(at[bucket], llm, kind, n) for (bucket, llm, kind), n in sorted(found.items())],
        rates=[
            RatePoint(at[bucket], llm, int(asked[i, bucket]), int(good[i, bucket]))
            for i, llm in enumerate(counts.llms)
            for bucket in np.flatnonzero(asked[i]).tolist()
        ],
        bucket=counts.buckets.size,
        width=counts.buckets.width,
    )
