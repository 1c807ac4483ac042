"""A study of any size, filled with records that were never measured, for benchmarks."""

from __future__ import annotations

import functools
import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import yaml

from llm_bench.records import FIELDS, SCHEMA_VERSION, arrow_schema, utc_text
from llm_bench.store.base import Store, object_path, write_table
from llm_bench.study import Study, load_study

FIRST = datetime(2026, 1, 5, 8, tzinfo=UTC)


def make_study(home: Path, llms: int, industries: int, questions: int, slots: int) -> Study:
    """A study with a window of that many slots, 14 in 12 hours each day, and its question sets."""
    names = [f"industry-{number}" for number in range(industries)]
    include = home / "include"
    for name in names:
        asked = [
            {"id": f"{name}-{number:03}", "text": f"Question {number} of {name}: which category sells most?"}
            for number in range(questions)
        ]
        write(include / "questions" / f"{name}.yaml", {"industry": name, "questions": asked})
        (include / "knowledge" / name).mkdir(parents=True, exist_ok=True)
        (include / "knowledge" / name / "document.md").write_text("# A document\n\nHome & Kitchen sells most.\n")
    days, rest = divmod(slots - 1, 14)
    end = FIRST + timedelta(days=days, hours=12 * (rest + 0.5) / 14)
    content = {
        "window": {"start": FIRST.isoformat(), "end": end.isoformat()},
        "llms": [{"model": f"provider-{number % 3}/maker/model-{number:02}"} for number in range(llms)],
        "industries": names,
        "storage": f"file://{home / 'data'}",
    }
    write(include / "studies" / "bench.yaml", content)
    return load_study(include / "studies" / "bench.yaml")


def write(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(content))


def fill(store: Store, study: Study, slots: Sequence[datetime]) -> None:
    """One object for each slot that isn't there yet."""
    there = set(store.list("records/"))
    for slot in slots:
        path = object_path("records", study.name, slot)
        if path not in there:
            store.commit(path, write_table(batch(study, slot)), 0)


@functools.cache
def asked(home: str) -> list[tuple[str, str, str]]:
    """Every question: industry, id, text."""
    return [
        (content["industry"], question["id"], question["text"])
        for file in sorted((Path(home) / "include" / "questions").glob("*.yaml"))
        for content in [yaml.safe_load(file.read_text())]
        for question in content["questions"]
    ]


def batch(study: Study, slot: datetime) -> pa.Table:
    """The records of a slot, made up column by column."""
    chance = np.random.default_rng(int(slot.timestamp()))
    questions = asked(os.environ["LLM_BENCH_HOME"])
    many = len(study.llms) * len(questions)
    llm, question = np.divmod(np.arange(many), len(questions))
    failed = chance.random(many) < 0.03
    speed = np.exp(0.1 * llm + 0.3 * np.sin(slot.hour / 4) + 0.2 * chance.normal())
    ttft = 0.3 * speed * np.exp(0.3 * chance.normal(size=many))
    latency = ttft + 1.2 * speed * np.exp(0.4 * chance.normal(size=many))
    tokens = chance.integers(40, 300, many)
    late = np.round(1 + chance.random(many) * 60, 6)
    asked_at = pa.array(int(slot.timestamp() * 1e6) + (late * 1e6).astype(np.int64), pa.timestamp("us", tz="UTC"))
    words = "".join(chance.choice(list("etaoin shrdlu"), 4096))
    events = ttft[:, None] + (latency - ttft)[:, None] * np.linspace(0, 1, 8)

    def texts(values: Sequence[str], codes: Any) -> pa.Array:
        return pa.array(values).take(pa.array(codes))

    def known(values: Any) -> pa.Array:
        return pa.array(values, mask=failed)

    industries, ids, wordings = zip(*questions, strict=True)
    columns: dict[str, Any] = {
        "timestamp": asked_at,
        "measured_at": asked_at,
        "industry": texts(industries, question),
        "question": texts(wordings, question),
        "question_id": texts(ids, question),
        "llm_provider": texts([entry.provider for entry in study.llms], llm),
        "llm_model": texts([entry.model_name for entry in study.llms], llm),
        "llm": texts([entry.name for entry in study.llms], llm),
        "latency_sec": known(latency),
        "throughput_tps": known(tokens / latency),
        "success": pa.array(~failed),
        "coverage_score": known(np.clip(0.8 - 0.01 * llm + 0.2 * chance.normal(size=many), 0, 1)),
        "context_utilization": known(np.clip(0.3 + 0.1 * chance.normal(size=many), 0, 1)),
        "citation_support": known(np.clip(0.8 + 0.1 * chance.normal(size=many), 0, 1)),
        "groundedness": known(np.clip(0.9 + 0.1 * chance.normal(size=many), 0, 1)),
        "response_tokens": known(tokens),
        "record_id": pa.array([f"{int(slot.timestamp()):016x}{number:016x}" for number in range(many)]),
        "late_sec": pa.array(late),
        "ttft_sec": known(ttft),
        "first_answer_sec": known(ttft * 1.1),
        "headers_sec": known(ttft * 0.8),
        "first_byte_sec": known(ttft * 0.9),
        "itl_mean_sec": known((latency - ttft) / 7),
        "event_times_sec": pa.array(list(events.round(6)), pa.list_(pa.float64())),
        "decode_tps": known((tokens - 1) / (latency - ttft)),
        "cost_usd": known(tokens * 1e-6),
        "failure_kind": texts(["rate_limited", "server_error", "timeout_total"], chance.integers(0, 3, many)),
        "suspect": pa.array(["the client waited for a core"] * many, mask=chance.random(many) >= 0.02),
        "answer": pa.array([words[at : at + 120] for at in chance.integers(0, 3900, many)], mask=failed),
    }
    answerable = question % 10 > 0
    columns["answerable"] = pa.array(answerable)
    columns["declined"] = known(chance.random(many) < np.where(answerable, 0.05, 0.8))
    columns["failure_kind"] = pa.array(columns["failure_kind"].to_pylist(), mask=~failed)
    same = {
        "study": study.name,
        "slot": slot,
        "run_id": f"synthetic__{utc_text(slot)}",
        "run_type": "scheduled",
        "attempt": 1,
        "wait_sec": 0.0,
        "prompt_tokens": 812,
        "context_hash": "c" * 64,
        "prompt_hash": "p" * 64,
        "llm_bench_version": "0+synthetic",
        "litellm_version": "synthetic",
        "embedding_model": "all-MiniLM-L6-v2",
        "schema_version": SCHEMA_VERSION,
    }
    schema = arrow_schema()
    arrays = [
        columns[field.name].cast(kind)
        if field.name in columns
        else pa.repeat(pa.scalar(same.get(field.name), kind), many)
        for field, kind in zip(FIELDS, schema.types, strict=True)
    ]
    return pa.Table.from_arrays(arrays, schema=schema)
