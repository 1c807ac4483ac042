"""A study's records in memory: each belongs to a stratum, of which a table has all that a view asks about.

Records of one stratum have the same slot, LLM, industry, type of run, upstream and client, and are all suspect or none
of them, all asked warm or none, all
with cached tokens or none. So which of them a view takes, and where they belong, is found out for the strata
rather than for each record. What is read is kept until the data change: 6 bytes for a record, 2 more for each metric in
bins, 8 more for each whose values are needed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from llm_bench.analysis.cache import Records
from llm_bench.analysis.statistics import Codes
from llm_bench.analysis.view import IS_CACHED, View
from llm_bench.records import CUT_SQL, WARM_SQL

Array = npt.NDArray[Any]
Table = Mapping[str, Array]

_CACHEABLE = "cached_tokens IS NOT NULL AND prompt_tokens > 0"
_STEP = 1 << 18
"""Records that are looked at together: what is made of them on the way stays in the processor's cache."""
_STRATUM = (
    f"slot_no, llm_no, industry, run_type, suspect IS NOT NULL AS suspect, {WARM_SQL} AS warm, {IS_CACHED} AS hit, "
    "upstream_no, client_no"
)
NUMBERED = f"{WARM_SQL}::UTINYINT AS warm, upstream_no, client_no"
"""Columns of a record by which groups can be told apart, beside LLM, slot and question: each a number from 0."""


def strata(records: Records) -> Table:
    """The strata in their order; of each, one of its questions, and what is counted.

    cut: records whose answer was cut; finished: that say why the LLM stopped; cached: tokens read from a cache, of
    cacheable ones in the prompts of the cache_known records that say so.
    """
    return records.once("strata", _strata)


def _strata(records: Records) -> Table:
    return table(
        records,
        f"SELECT {_STRATUM}, any_value(question_no) AS question_no, count(*) AS records, "  # noqa: S608
        "count(*) FILTER (success) AS succeeded, "
        "coalesce(sum(cost_usd), 0) AS cost_usd, count(cost_usd) AS cost_known, "
        f"count(*) FILTER ({CUT_SQL}) AS cut, count(finish_reason) AS finished, "
        f"count(*) FILTER ({_CACHEABLE}) AS cache_known, "
        f"coalesce(sum(cached_tokens) FILTER ({_CACHEABLE}), 0)::DOUBLE AS cached, "
        f"coalesce(sum(prompt_tokens) FILTER ({_CACHEABLE}), 0)::DOUBLE AS cacheable "
        "FROM records GROUP BY ALL ORDER BY ALL",
    )


def met(records: Records, *conditions: str) -> list[Array]:
    """How many records of each stratum meet each of some conditions of columns, in the order of the strata."""
    return sums(records, *(f"({condition})::INTEGER" for condition in conditions))


def sums(records: Records, *expressions: str) -> list[Array]:
    """What expressions of columns add up to in each stratum, in the order of the strata."""
    added = ", ".join(f"coalesce(sum({sql}), 0)::DOUBLE AS n{number}" for number, sql in enumerate(expressions))
    sql = f"SELECT {_STRATUM}, {added} FROM records GROUP BY ALL ORDER BY ALL"  # noqa: S608
    totals = records.once(f"sums {added}", lambda known: table(known, sql))
    return [totals[f"n{number}"] for number in range(len(expressions))]


def failures(records: Records) -> Table:
    """The kinds of failure in each stratum that has any, by place in ``failure_kinds``, and how many failed so."""
    return records.once("failures", _failures)


def _failures(records: Records) -> Table:
    return table(
        records,
        f"SELECT {_STRATUM}, list_position($kinds, failure_kind) - 1 AS kind, count(*) AS n FROM records "  # noqa: S608
        "WHERE failure_kind IS NOT NULL GROUP BY ALL ORDER BY ALL",
        {"kinds": failure_kinds(records)},
    )


def failure_kinds(records: Records) -> list[str]:
    """Those that there are."""
    return records.once("failure kinds", _failure_kinds)


def _failure_kinds(records: Records) -> list[str]:
    rows = records.rows("SELECT DISTINCT failure_kind AS kind FROM records WHERE failure_kind IS NOT NULL ORDER BY 1")
    return [row["kind"] for row in rows]


def scorers(records: Records) -> Table:
    """What scored the records of each stratum that have a score."""
    return records.once("scorers", _scorers)


def _scorers(records: Records) -> Table:
    return table(
        records,
        f"SELECT DISTINCT {_STRATUM}, coalesce(scoring_version, 0) AS version, "  # noqa: S608
        "coalesce(scoring_model, embedding_model) AS model FROM records "
        "WHERE coalesce(coverage_score, groundedness) IS NOT NULL",
    )


def score_notes(records: Records) -> Table:
    """Why answers weren't scored in each stratum that has any such, and how many."""
    return records.once("score notes", _score_notes)


def _score_notes(records: Records) -> Table:
    return table(
        records,
        f"SELECT {_STRATUM}, score_note, count(*) AS n FROM records "  # noqa: S608
        "WHERE score_note IS NOT NULL GROUP BY ALL ORDER BY ALL",
    )


def totals(records: Records, name: str) -> tuple[Array, Array]:
    """A column's sum in each stratum, and how many records have it."""
    return records.once(f"totals {name}", lambda known: _totals(known, name))


def _totals(records: Records, name: str) -> tuple[Array, Array]:
    size = strata(records)["slot_no"].size
    sums, counts = np.zeros(size), np.zeros(size)
    for place, values in placed(of_record(records), np.arange(size), column(records, name)):
        known = ~np.isnan(values)
        add(sums, place[known], values[known])
        add(counts, place[known])
    return sums, counts


def table(records: Records, sql: str, parameters: Mapping[str, Any] | None = None) -> Table:
    """What a query finds, as arrays."""
    arrow = records.query(sql, parameters)
    return {name: column.to_numpy() for name, column in zip(arrow.column_names, arrow.columns, strict=True)}


def taken(records: Records, held: Table, view: View, slots: Array, names: Mapping[int, str]) -> Codes:
    """Which of some strata a view takes.

    :param slots: of each slot in the copy: whether it is between the view's dates.
    :param names: number of an LLM → the LLM.
    """
    kept = slots[held["slot_no"]]
    if view.llms:
        kept &= np.isin(held["llm_no"], [number for number, name in names.items() if name in view.llms])
    for name, chosen in (("industry", view.industries), ("run_type", view.run_types)):
        if chosen:
            kept &= np.isin(held[name], np.array(chosen, object))
    for column, chosen, known in (
        ("upstream_no", view.upstreams, upstreams(records)),
        ("client_no", view.clients, clients(records)),
    ):
        if chosen:
            kept &= np.isin(held[column], [number for number, name in enumerate(known) if name in chosen])
    if view.suspect != "include":
        kept &= held["suspect"] == (view.suspect == "only")
    if view.cached != "include":
        kept &= held["hit"] == (view.cached == "only")
    if not (view.has_cold and view.has_warm):
        kept &= held["warm"] == view.has_warm
    return np.flatnonzero(kept)


def asked(records: Records) -> Sequence[Mapping[str, Any]]:
    """The questions of the copy, by their numbers."""
    return records.once("questions", lambda known: known.rows("FROM questions ORDER BY question_no"))


def questions(records: Records) -> int:
    """How many questions the copy has."""
    return len(asked(records))


def upstreams(records: Records) -> tuple[str, ...]:
    """Who answered behind gateways, by their numbers; ``UNNAMED`` stands for nobody."""
    return _names(records, "upstream")


def clients(records: Records) -> tuple[str, ...]:
    """Where was asked from, by their numbers; ``UNNAMED`` stands for a place without a name."""
    return _names(records, "client")


def _names(records: Records, what: str) -> tuple[str, ...]:
    sql = f"SELECT {what} FROM {what}s ORDER BY {what}_no"  # noqa: S608
    return records.once(f"{what}s", lambda known: tuple(str(row[what]) for row in known.rows(sql)))


def of_record(records: Records) -> Array:
    """The stratum of each record."""
    return records.once("stratum of record", _of_record)


def _of_record(records: Records) -> Array:
    held = strata(records)
    industries, run_types = (np.unique(held[name]).tolist() for name in ("industry", "run_type"))
    place = {
        row["question_no"]: industries.index(row["industry"])
        for row in records.rows("FROM questions SEMI JOIN records USING (question_no)")
    }
    industry = np.array([place.get(number, 0) for number in range(max(place, default=0) + 1)], np.uint64)
    columns = table(
        records,
        "SELECT slot_no, llm_no, list_position($run_types, run_type)::UTINYINT AS run_type, "  # noqa: S608
        f"suspect IS NOT NULL AS suspect, {IS_CACHED} AS hit, {NUMBERED} FROM records",
        {"run_types": run_types},
    )
    key = columns["slot_no"].astype(np.uint64)
    for many, codes in (
        (int(held["llm_no"].max(initial=0)) + 1, columns["llm_no"]),
        (len(industries), industry[column(records, "question_no")]),
        (len(run_types) + 1, columns["run_type"]),
        (2, columns["suspect"]),
        (2, columns["warm"]),
        (2, columns["hit"]),
        (len(upstreams(records)) + 1, columns["upstream_no"]),
        (len(clients(records)) + 1, columns["client_no"]),
    ):
        key *= np.uint64(many)
        key += codes.astype(np.uint64)
    return np.unique(key, return_inverse=True)[1].astype(np.uint32)


def column(records: Records, sql: str) -> Array:
    """The value of an expression of columns, for each record."""
    statement = f"SELECT {sql} AS content FROM records"  # noqa: S608
    return records.once(f"column {sql}", lambda known: table(known, statement)["content"])


def bins(records: Records, name: str) -> tuple[Array, Array]:
    """The bin of each record's metric, as a place among those in use, from 1; 0 without a value. And these bins."""
    return records.once(f"bins {name}", lambda known: _bins(known, name))


def _bins(records: Records, name: str) -> tuple[Array, Array]:
    sql = f"SELECT coalesce({name}_bin + 1, 0)::USMALLINT AS content FROM records"  # noqa: S608
    bin_numbers = table(records, sql)["content"]
    often = np.bincount(bin_numbers, minlength=1)
    used = np.flatnonzero(often[1:])
    places = np.zeros(often.size, np.uint16)
    places[used + 1] = np.arange(1, used.size + 1)
    return places[bin_numbers], used


def placed(stratum: Array, places: Codes, *columns: Array) -> Iterator[tuple[Array, ...]]:
    """Records with their places, some at a time, in the order of the records.

    :param stratum: of each record.
    :param places: of each stratum; −1: its records are left out.
    :param columns: of each record, to be given along.
    """
    whole = bool((places >= 0).all())
    for start in range(0, len(stratum), _STEP):
        part = slice(start, start + _STEP)
        place = places[stratum[part]]
        given = (place, *(column[part] for column in columns))
        if not whole:
            kept = place >= 0
            given = tuple(column[kept] for column in given)
        yield given


def add(totals: Array, places: Array, weights: Array | None = None) -> None:
    """Count places, or add up what they weigh.

    Records come by slot, so those of a part stand close together where places go by slot first.
    """
    if places.size:
        low = int(places.min())
        sums = np.bincount(places - low, weights)
        totals[low : low + sums.size] += sums
