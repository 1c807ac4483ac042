from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from llm_bench.join.completeness import Due
from llm_bench.records import FIELD_NAMES, SCHEMA_VERSION, Record, record_id, utc_text
from llm_bench.study import Study

SLOT = datetime(2026, 12, 7, 7, 51, 25, 714285, tzinfo=UTC)
LLMS = (
    ("groq", "llama3-70b-8192"),
    ("groq", "moonshotai/kimi-k2-instruct"),
    ("openrouter", "mistralai/mistral-7b-instruct"),
    ("openrouter", "deepseek/deepseek-r1-0528-qwen3-8b"),
)

MakeRecord = Callable[..., Record]
MakeBatch = Callable[..., list[Record]]
MakeDue = Callable[..., Due]


def _question(number: int) -> tuple[str, str, str]:
    """Industry, id and text of question ``number``, 0 to 19."""
    industry = "retail" if number < 10 else "finance"
    text = f"Question {number}: which category generates the highest revenue?"
    return industry, f"{industry}-{number % 10 + 1:02}", text


def _make_record(
    number: int = 0, *, llm: tuple[str, str] = LLMS[0], slot: datetime = SLOT, study: str = "thesis", **changes: Any
) -> Record:
    industry, question_id, question = _question(number)
    measured_at = slot + timedelta(seconds=2 + number)
    record: Record = dict.fromkeys(FIELD_NAMES)
    record |= {
        "timestamp": utc_text(measured_at),
        "industry": industry,
        "question": question,
        "llm_provider": llm[0],
        "llm_model": llm[1],
        "latency_sec": 0.8 + number / 100,
        "throughput_tps": 120 / (0.8 + number / 100),
        "success": True,
        "coverage_score": 0.75,
        "prompt_tokens": 812,
        "response_tokens": 120,
        "record_id": record_id(study, utc_text(slot), "/".join(llm), question_id),
        "study": study,
        "slot": utc_text(slot),
        "run_id": "scheduled__2026-12-07T07:51:25.714285+00:00",
        "run_type": "scheduled",
        "measured_at": utc_text(measured_at),
        "late_sec": 2.0 + number,
        "attempt": 1,
        "question_id": question_id,
        "connect_sec": 0.031,
        "tls_sec": 0.02,
        "headers_sec": 0.15,
        "first_byte_sec": 0.16,
        "ttft_sec": 0.2,
        "first_answer_sec": 0.25,
        "itl_mean_sec": 0.005,
        "itl_p99_sec": 0.009,
        "itl_max_sec": 0.011,
        "event_times_sec": [0.2, 0.25, 0.25, 0.8],
        "decode_tps": 119 / 0.6,
        "wait_sec": 0.0,
        "token_source": "provider",
        "http_status": 200,
        "finish_reason": "stop",
        "answer": "Home & Kitchen, € 148.2 million.\n“Toys” came next.",
        "response_model": llm[1],
        "provider_request_id": f"req_{number}",
        "cost_usd": 0.0000712,
        "groundedness": 0.9,
        "answerable": True,
        "declined": False,
        "context_hash": "c" * 64,
        "prompt_hash": "p" * 64,
        "client_load": 0.4,
        "client_delay_sec": 0.0001,
        "llm_bench_version": "1.0.0",
        "litellm_version": "1.96.2",
        "embedding_model": "all-MiniLM-L6-v2",
        "schema_version": SCHEMA_VERSION,
    }
    if "ttft_sec" in changes:
        record["event_times_sec"] = None  # it would no longer begin with it
    return record | changes


@pytest.fixture(scope="session")
def make_record() -> MakeRecord:
    """A valid record: question ``number`` (0 to 19) to one LLM, with changes to any field."""
    return _make_record


@pytest.fixture(scope="session")
def make_failure() -> MakeRecord:
    """A valid record of a request that failed: rate-limited where nothing else is said."""

    def make(number: int = 0, **changes: Any) -> Record:
        empty = dict.fromkeys(
            (
                *(
                    "latency_sec",
                    "throughput_tps",
                    "coverage_score",
                    "groundedness",
                    "declined",
                    "response_tokens",
                    "answer",
                ),
                *("ttft_sec", "first_answer_sec", "itl_mean_sec", "itl_p99_sec", "itl_max_sec", "decode_tps"),
                *("finish_reason", "token_source", "cost_usd", "response_model"),
            )
        )
        failed = {"success": False, "failure_kind": "rate_limited", "http_status": 429, "error": "slow down"}
        return _make_record(number, **{**empty, **failed, **changes})

    return make


@pytest.fixture(scope="session")
def make_batch() -> MakeBatch:
    """The default study's batch: 20 questions to each of four LLMs, 80 records."""

    def make(**changes: Any) -> list[Record]:
        return [_make_record(number, llm=llm, **changes) for llm in LLMS for number in range(20)]

    return make


@pytest.fixture(scope="session")
def make_due() -> MakeDue:
    """What that batch is due to hold."""

    def make(slot: datetime = SLOT, study: str = "thesis") -> Due:
        questions: dict[str, dict[str, str]] = {"retail": {}, "finance": {}}
        for industry, key, text in map(_question, range(20)):
            questions[industry][key] = text
        window = {"start": "2026-12-07T08:00:00+01:00", "end": "2026-12-11T08:00:00+01:00"}
        llms = [{"model": "/".join(llm)} for llm in LLMS]
        content = {"name": study, "window": window, "llms": llms, "industries": list(questions)}
        return Due(Study.model_validate(content), slot, questions)

    return make


@pytest.fixture(scope="session")
def due(make_due: MakeDue) -> Due:
    """What ``make_batch`` without changes is due to hold."""
    return make_due()
