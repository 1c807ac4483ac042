"""What the join of a batch costs: validating and loading into a folder, in fresh processes.

Goals: a batch of 80 records under 8 s, cold imports included; 1,000,000 records (400 cells of 2,500 questions each)
under 60 s and 2 GB of memory at its peak. The million are made chunk by chunk, which isn't counted.
Each record has an answer of 300 characters and 16 events.
"""

from __future__ import annotations

import argparse
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

from llm_bench.batch.load import load
from llm_bench.gate.completeness import Due
from llm_bench.gate.validate import validate
from llm_bench.records import SCHEMA_VERSION, Record, complete, record_id, utc_text
from llm_bench.store.base import open_store
from llm_bench.study import Study

PROJECT = Path(__file__).resolve().parents[1]
SLOT = datetime(2026, 12, 7, 7, tzinfo=UTC)
GOALS = {"batch": (8.0, 2.0), "million": (60.0, 2.0)}
"""Seconds and GB."""
SHAPES = {"batch": (4, 10), "million": (200, 2500)}
"""LLMs and questions in each of two industries."""
CHUNK = 20_000
EVENTS = 16
TOKENS = 120


def main() -> int:
    """Runs both in processes of their own; 0 where every goal is met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=SHAPES, help=argparse.SUPPRESS)
    only = parser.parse_args().only
    if only:
        measure(*SHAPES[only])
        return 0
    outcomes, met = [], True
    for name, (goal_sec, goal_gb) in GOALS.items():
        started = time.monotonic()
        command = [sys.executable, __file__, "--only", name]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        wall = time.monotonic() - started
        rows, making, cpu, peak = map(float, done.stdout.split())
        took = wall - making
        outcomes.append(f"{rows:,.0f} records {took:.1f} s (goal {goal_sec:g}), {peak:.2f} GB (goal {goal_gb:g})")
        print(f"{outcomes[-1]}; {cpu:.1f} s of CPU", flush=True)
        met &= took < goal_sec and peak < goal_gb
    print(f"join: {'; '.join(outcomes)}: {'met' if met else 'MISSED'}")
    return 0 if met else 1


def measure(llms: int, questions: int) -> None:
    """Validates and loads one batch; prints its records, seconds spent making them, CPU seconds and peak GB."""
    asked = {
        industry: {f"{industry}-{n:04}": f"Question {n}: which category sells most?" for n in range(questions)}
        for industry in ("retail", "finance")
    }
    models = [{"model": f"groq/maker/model-{n}"} for n in range(llms)]
    study = Study.model_validate({"name": "bench", "llms": models, "industries": list(asked)})
    due = Due(study, SLOT, asked)
    making = 0.0

    def chunks() -> Iterator[list[Record]]:
        nonlocal making
        rows = records(due)
        while True:
            started, cpu = time.monotonic(), time.process_time()
            chunk = list(islice(rows, CHUNK))
            making += time.monotonic() - started
            spent[0] += time.process_time() - cpu
            if not chunk:
                return
            yield chunk

    spent = [0.0]
    with tempfile.TemporaryDirectory() as folder:
        verdict = validate(chunks(), due)
        loaded = load(open_store(f"file://{folder}", PROJECT), study.name, SLOT, verdict)
    expected = llms * 2 * questions
    assert (loaded.records, loaded.quarantined) == (expected, 0), loaded
    usage = resource.getrusage(resource.RUSAGE_SELF)
    print(loaded.records, making, usage.ru_utime + usage.ru_stime - spent[0], usage.ru_maxrss * 1024 / 1e9)


def records(due: Due) -> Iterator[Record]:
    """Every record of a batch, each with times, an answer and an identity of its own."""
    chance = random.Random(1)
    study, slot = due.study, utc_text(due.slot)
    common: dict[str, object] = {
        "success": True,
        "prompt_tokens": 812,
        "response_tokens": TOKENS,
        "study": study.name,
        "slot": slot,
        "run_id": f"scheduled__{slot}",
        "run_type": "scheduled",
        "attempt": 1,
        "headers_sec": 0.15,
        "wait_sec": 0.0,
        "token_source": "provider",
        "http_status": 200,
        "finish_reason": "stop",
        "cost_usd": 0.0000712,
        "price_source": "litellm 1.96.2",
        "answerable": True,
        "declined": False,
        "client_load": 0.4,
        "client_delay_sec": 0.0001,
        "llm_bench_version": "1.0.0",
        "litellm_version": "1.96.2",
        "embedding_model": "all-MiniLM-L6-v2",
        "schema_version": SCHEMA_VERSION,
        "timing_source": "wire",
        "settings_hash": "e" * 64,
        "context_hash": "c" * 64,
        "prompt_hash": "p" * 64,
    }
    words = "".join(chance.choices("etaoin shrdlu", k=100_000))
    number = 0
    for llm in study.llms:
        for industry, questions in due.questions.items():
            for position, (key, text) in enumerate(questions.items(), 1):
                ttft, gap, at = 0.2 + chance.random(), 0.01 + chance.random() / 100, chance.randrange(99_000)
                events = [round(ttft + step * gap, 6) for step in range(EVENTS)]
                late = number % 3000 + 1
                number += 1
                measured_at = utc_text(due.slot + timedelta(seconds=late))
                yield complete(
                    common
                    | {
                        "timestamp": measured_at,
                        "measured_at": measured_at,
                        "late_sec": float(late),
                        "industry": industry,
                        "question": text,
                        "question_id": key,
                        "llm_provider": llm.provider,
                        "llm_model": llm.model_name,
                        "llm": llm.name,
                        "position": position,
                        "response_model": llm.model_name,
                        "latency_sec": events[-1],
                        "throughput_tps": TOKENS / events[-1],
                        "decode_tps": (TOKENS - 1) / (events[-1] - events[0]),
                        "first_byte_sec": events[0],
                        "ttft_sec": events[0],
                        "first_answer_sec": events[0],
                        "itl_mean_sec": gap,
                        "itl_p99_sec": gap,
                        "itl_max_sec": gap,
                        "event_times_sec": events,
                        "record_id": record_id(study.name, slot, llm.name, key),
                        "provider_request_id": f"req_{number}",
                        "answer": words[at : at + 300],
                        "coverage_score": 0.75,
                        "groundedness": 0.9,
                        "context_utilization": 0.4,
                        "citations": [1, 3],
                        "citation_support": 0.8,
                    }
                )


if __name__ == "__main__":
    sys.exit(main())
