"""Studies in the situations that a dashboard has to cope with, filled with made-up records: for tests and screenshots.

Each is a study of its own in one project, so that one server shows them all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import yaml

from analysis.studies import fill_study, make_batch, make_prompts
from llm_bench.store.base import object_path, open_store, to_parquet
from llm_bench.store.contexts import keep_contexts
from llm_bench.study import Study, load_study

_LONG = "an-experimental-mixture-of-experts-instruct-preview-2026-11-{:02}-quantised-8-bit"
"""80 letters, with a number near the end."""


@dataclass(frozen=True)
class Situation:
    """What a study is like.

    :param llms: model strings; empty takes the thesis study's.
    :param industries: how many made-up ones; 0 takes retail and finance.
    :param slots: of its window, by periods of 14.
    :param measured: how many of them have records, from the first on.
    :param ahead: its window begins in the future, whatever the clock says.
    :param fails: every request failed.
    """

    llms: Sequence[str] = ()
    industries: int = 0
    slots: int = 56
    measured: int = 56
    ahead: bool = False
    fails: bool = False


SITUATIONS: Mapping[str, Situation] = {
    "nothing": Situation(measured=0, ahead=True),
    "one-slot": Situation(measured=1),
    "one-llm": Situation(llms=["groq/llama3-70b-8192"], measured=20),
    "half-done": Situation(measured=45),
    "all-failed": Situation(measured=8, fails=True),
    "twelve-by-six": Situation(llms=[f"provider-{n % 3}/maker/model-{n:02}" for n in range(12)], industries=6),
    "forty": Situation(llms=[f"provider-{n % 5}/maker/model-{n:02}" for n in range(40)], industries=1),
    "long-names": Situation(llms=[f"openrouter/maker/{_LONG.format(n)}" for n in range(5)], industries=2),
}


def make(name: str, home: Path) -> Study:
    """Writes a study of ``SITUATIONS`` into a project with the thesis study, and fills it."""
    situation = SITUATIONS[name]
    include = home / "include"
    industries = [f"industry-{number}" for number in range(situation.industries)] or ["retail", "finance"]
    for industry in industries[: situation.industries]:
        _ask(include, industry)
    content = yaml.safe_load((include / "studies" / "thesis.yaml").read_text())
    content |= {"description": f"Made up: {name}", "industries": industries, "storage": f"file://{home / 'data'}"}
    content["window"] = _window(situation)
    if situation.llms:
        content["llms"] = [{"model": model} for model in situation.llms]
    file = include / "studies" / f"{name}.yaml"
    file.write_text(yaml.safe_dump(content))
    study = load_study(file)
    assert study.window is not None
    slots = list(study.window.schedule)[: situation.measured]
    if situation.fails:
        _fail(study, home, slots)
    elif slots:
        fill_study(open_store(study.storage, home), study, include, slots=slots)
    return study


def _window(situation: Situation) -> dict[str, Any]:
    days = -(-situation.slots // 14)
    end = datetime.now(UTC).replace(hour=7, minute=0, second=0, microsecond=0) + timedelta(days=30 * situation.ahead)
    # The last slot with records is of yesterday, so that what isn't measured lies ahead.
    start = end - timedelta(days=-(-situation.measured // 14))
    return {"start": start.isoformat(), "end": (start + timedelta(days=days)).isoformat(), "period": "PT12H"} | {
        "batches_per_period": 14,
        "periods_per_day": 1,
    }


def _ask(include: Path, industry: str) -> None:
    """A question set and a document of an industry."""
    points = [
        {"text": f"Home & Kitchen of {industry} sold for € {n} million in 2025.", "document": "d"} for n in (7, 9)
    ]
    asked = [
        {"id": f"{industry}-{n}", "text": f"What sells most in {industry}, {n}?", "points": points} for n in (1, 2)
    ]
    asked += [{"id": f"{industry}-3", "text": f"Who leads {industry}?", "answerable": False}]
    asked += [
        {"id": f"{industry}-{n}", "text": f"How much was sold in {n} of {industry}?", "points": points}
        for n in (4, 5, 6)
    ]
    (include / "questions" / f"{industry}.yaml").write_text(yaml.safe_dump({"industry": industry, "questions": asked}))
    (include / "knowledge" / industry).mkdir(parents=True, exist_ok=True)
    (include / "knowledge" / industry / "d.md").write_text(
        "# Sales\n\n" + "\n\n".join(point["text"] for point in points) + "\n"
    )


def _fail(study: Study, home: Path, slots: Sequence[datetime]) -> None:
    """Records of requests that all failed."""
    prompts = make_prompts(study, home / "include")
    store = open_store(study.storage, home)
    keep_contexts(store, study.name, prompts.values())
    for number, slot in enumerate(slots):
        batch = list(make_batch(study, slot, number, prompts, Random(f"7 {number}")))
        store.commit(object_path("records", study.name, slot), to_parquet(list(map(_failed, batch))), 0)


_KEPT = ("connect_sec", "dns_sec", "tls_sec", "network_rtt_sec")


def _failed(record: dict[str, Any]) -> dict[str, Any]:
    from analysis import studies

    if not record["success"]:
        return record
    answered = {name: record[name] for name in _ANSWERED}
    return record | studies._failed("server_error", answered)


_ANSWERED = (
    *("success", "latency_sec", "throughput_tps", "coverage_score", "response_tokens", "headers_sec"),
    *("first_byte_sec", "ttft_sec", "first_answer_sec", "itl_mean_sec", "itl_p99_sec", "itl_max_sec"),
    *("event_times_sec", "decode_tps", "reasoning_tokens", "token_source", "http_status", "finish_reason"),
    *("answer", "cost_usd", "price_source", "groundedness", "declined", "context_utilization", "citations"),
    *("citation_support", "scoring_version", "client_delay_sec", "suspect"),
)
