"""The page of one record: where its time went, what was asked and answered, and every field."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from itertools import pairwise
from typing import Any

from fastapi import APIRouter, HTTPException, Response

from llm_bench.analysis import charts, queries, table
from llm_bench.analysis import format as text
from llm_bench.analysis.table import Column, Table
from llm_bench.dashboard import highlight
from llm_bench.dashboard.components import Figure
from llm_bench.dashboard.context import Look, Looked
from llm_bench.dashboard.templating import show
from llm_bench.errors import StorageError
from llm_bench.fields import GROUPS as FIELD_GROUPS
from llm_bench.fields import Field
from llm_bench.paths import home
from llm_bench.records import FIELDS, WARM, WARM_SQL, Record, is_cut, is_warm, llm_of, record_id
from llm_bench.store.base import open_store
from llm_bench.store.contexts import read_context

GROUPS = {
    group.capitalize(): tuple(field.name for field in FIELDS if field.group == group)
    for group in FIELD_GROUPS
    if group != "exchange"
}
"""Each group's heading → its fields. What was exchanged is shown in places of its own."""

_FIELDS = {field.name: field for field in FIELDS}
_NEIGHBOUR = f"""
    SELECT record_id FROM records
    WHERE llm = $llm AND question_id = $question AND slot {{sign}} $slot
        AND client IS NOT DISTINCT FROM $client AND {WARM_SQL} = $warm
    ORDER BY slot {{order}} LIMIT 1
"""  # noqa: S608

router = APIRouter()


@router.get("/{study}/records/{record_id}", response_model=None)
def page(look: Looked, record_id: str) -> Response:
    """A record, whatever the view is.

    :raises HTTPException: 404: the study has none of that id.
    """
    record = queries.record(look.records, record_id)
    if record is None:
        raise HTTPException(404, f"The study {look.study.name} has no record {record_id}.")
    slot = datetime.fromisoformat(record["slot"])
    llm = llm_of(record)
    values: Mapping[str, Any] = record
    return show(
        look,
        "records",
        "record.html",
        record=record,
        slot=slot,
        llm=llm,
        cut=is_cut(record),
        before=_neighbour(look, record, slot, "<", "DESC"),
        after=_neighbour(look, record, slot, ">", "ASC"),
        counterpart=_counterpart(look, record),
        waterfall=Figure("waterfall", charts.waterfall(record)),
        tokens=Figure("tokens", charts.tokens_over_time(record), _events(record)),
        groups=[(name, [_written(_FIELDS[field], values[field]) for field in names]) for name, names in GROUPS.items()],
        context=context_of(look, record),
        cited=record["citations"] or [],
        facts=_facts(record),
    )


def _neighbour(look: Look, record: Record, slot: datetime, sign: str, order: str) -> str | None:
    """Address of the same question to the same LLM in the slot before or after."""
    rows = look.records.rows(
        _NEIGHBOUR.format(sign=sign, order=order),
        {
            "llm": llm_of(record),
            "question": record["question_id"],
            "slot": slot,
            "client": record["client"],
            "warm": is_warm(record),
        },
    )
    return look.record(rows[0]["record_id"]) if rows else None


def _counterpart(look: Look, record: Record) -> str | None:
    """Address of the same question asked warm, or cold, in the same slot."""
    names = (record["study"], record["slot"], llm_of(record), record["question_id"])
    probe = None if is_warm(record) else WARM
    other = record_id(*names, cache_probe=probe, client=record["client"])
    there = look.records.rows("SELECT 1 FROM records WHERE record_id = $other LIMIT 1", {"other": other})
    return look.record(other) if there else None


def _events(record: Record) -> list[Table]:
    times = record["event_times_sec"]
    if not times:
        return []
    gaps = [None, *(after - before for before, after in pairwise(times))]
    rows = [[number, at, gap] for number, (at, gap) in enumerate(zip(times, gaps, strict=True), 1)]
    seconds = [Column(name, name.title(), "s", form="{:.4f}".format) for name in ("at", "gap")]
    columns = [table.words("event", "Event"), *seconds]
    return [Table("events", "Events with a generated token, in seconds from the request", columns, rows)]


def _written(field: Field, value: Any) -> tuple[Field, str]:
    if value is None:
        return field, text.NONE
    if isinstance(value, bool):
        return field, "yes" if value else "no"
    if isinstance(value, float):
        return field, f"{value:.6f}".rstrip("0").rstrip(".") + text.behind(field.unit)
    if isinstance(value, list):
        return field, ", ".join(map(str, value)) or "none"
    if isinstance(value, int):
        return field, text.count(value) + text.behind(field.unit)
    return field, str(value)


def _facts(record: Record) -> list[tuple[str, str]]:
    """What is looked for first."""
    return [
        ("Latency", text.value(record["latency_sec"], "s")),
        ("First token", text.value(record["ttft_sec"], "s")),
        ("First answer", text.value(record["first_answer_sec"], "s")),
        ("Throughput", text.value(record["throughput_tps"], "tokens/s")),
        ("Tokens", text.count(record["response_tokens"])),
        *([("Of the prompt cached", _cached(record))] if record["cached_tokens"] is not None else []),
        ("Coverage", text.value(record["coverage_score"], "")),
        ("Groundedness", text.value(record["groundedness"], "")),
        ("Context used", text.value(record["context_utilization"], "")),
        ("Cost", text.value(record["cost_usd"], "USD")),
    ]


def _cached(record: Record) -> str:
    cached, tokens = record["cached_tokens"], record["prompt_tokens"]
    return text.value(cached / tokens if cached is not None and tokens else None, "%")


def context_of(look: Look, record: Record) -> list[highlight.Passage] | str:
    """The passages with their marks; or why there are none."""
    try:
        store = open_store(look.study.storage, home())
        prompt = read_context(store, look.study.name, record["question_id"], record["prompt_hash"])
    except StorageError as fault:
        return str(fault)
    passages, documents = prompt.get("passages", []), prompt.get("documents", [])
    return highlight.mark(passages, documents, record["question"], record["answer"] or "")
