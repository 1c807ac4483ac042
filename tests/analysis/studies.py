"""A study full of records that were never measured: made up from a seed, for tests and screenshots alone.

It is marked as made up wherever a record can say so: in run_id, provider_request_id and llm_bench_version.
"""

from __future__ import annotations

import hashlib
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from llm_bench import __version__
from llm_bench.measure import timing
from llm_bench.measure.turns import turns
from llm_bench.rag.documents import load_documents, passages
from llm_bench.rag.embeddings import model_identity
from llm_bench.rag.prompt import build_messages, context_hash, prompt_hash
from llm_bench.rag.questions import Question, load_question_sets
from llm_bench.rag.ranking import bm25
from llm_bench.records import FIELD_NAMES, SCHEMA_VERSION, Record, record_id, utc_text
from llm_bench.store.base import Store, object_path, to_parquet
from llm_bench.store.contexts import keep_contexts
from llm_bench.study import LLM, Study, load_study

SYNTHETIC = "synthetic"
MISSED, INCOMPLETE, BACKFILLED, OUTAGE = 20, 33, 10, 41
"""Numbers of slots, from 0: not measured; without one cell; measured hours late; with a provider out of order."""

HOSTILE = (
    '<script>document.title = "pwned"</script><img src=x onerror="document.title=\'pwned\'">',
    "</textarea></script><svg/onload=alert(1)>{{ 7 * 7 }}${7*7}%{7*7}",
    '=HYPERLINK("http://example.com","click") & <b>bold</b> \u202eright to left \x07 bell',
)
_ERRORS = {
    "rate_limited": (429, "Rate limit reached for requests per minute. Please try again in 2.1s."),
    "timeout_total": (200, "no end of the answer within 180 s"),
    "truncated_stream": (200, "the stream ended without finish_reason and [DONE]"),
    "server_error": (503, "<html><body><h1>503 Service Unavailable</h1>" + HOSTILE[0] + "</body></html>"),
    "empty_answer": (200, None),
    "connection": (None, "Connection reset by peer"),
    "content_filtered": (200, "finish_reason content_filter"),
}
_EVENTS = 60
RTT = defaultdict(lambda: 0.02, {"groq": 0.014, "openrouter": 0.031})
"""Provider → the made-up round trip to it."""
_PROBES = {"as_is": (None,), "unique": ("cold",), "both": ("cold", "warm")}
WARM_SAVES = 0.3
"""The share of its time to the first token that a prompt saves which the provider knows already."""
CACHED = 0.75
"""The share of such a prompt's tokens that are read from the cache."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How a made-up LLM behaves.

    :param ttft: median, seconds.
    :param speed: tokens/s while it generates.
    :param reasoning: mean tokens before the answer.
    :param uses: share of the facts that its answers use.
    :param fails: failure kind → share.
    :param usd: per token; None where no price is known.
    """

    ttft: float
    speed: float
    reasoning: int
    uses: float
    fails: Mapping[str, float]
    usd: float | None


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What else there is to a study.

    :param client: where it is measured from.
    :param farther: seconds that the way there adds to all times.
    :param upstreams: LLM → who answers for it, each by ``SLOWER`` slower than the one before.
    :param cut: LLM → the share of its answers that reach their limit of tokens.
    """

    client: str | None = None
    farther: float = 0.0
    upstreams: Mapping[str, Sequence[str]] = field(default_factory=dict)
    cut: Mapping[str, float] = field(default_factory=dict)


PLAIN = Circumstances()
SLOWER = 0.4
"""By what share of the first one's times each further upstream is slower."""

MANNERS = (
    Manner(0.24, 310, 0, 0.82, {"rate_limited": 0.012, "connection": 0.002}, None),
    Manner(0.41, 190, 0, 0.88, {"rate_limited": 0.006, "server_error": 0.004}, 2.2e-6),
    Manner(0.78, 65, 0, 0.66, {"server_error": 0.01, "truncated_stream": 0.006, "content_filtered": 0.003}, 1.5e-7),
    Manner(0.92, 75, 420, 0.8, {"timeout_total": 0.012, "empty_answer": 0.01, "truncated_stream": 0.01}, 1.1e-7),
)
"""In the order of the LLMs of the default study; others take their turn."""


def thesis(include: Path, **changes: Any) -> Study:
    """The default study, with its four LLMs and 56 slots; changed where said, e.g. its name or storage."""
    return load_study(include / "studies" / "thesis.yaml").model_copy(update=changes)


def with_twin(study: Study, llm: str, twin: str) -> Study:
    """The same study, in which an LLM has a twin."""
    entries = [entry.model_dump() | ({"twin": twin} if entry.name == llm else {}) for entry in study.llms]
    return Study.model_validate(study.model_dump() | {"llms": entries})


def fill_study(
    store: Store,
    study: Study,
    include: Path,
    *,
    slots: Sequence[datetime] | None = None,
    seed: int = 7,
    circumstances: Circumstances = PLAIN,
) -> int:
    """Put made-up records of a study's window into its store, and the contexts of its questions; how many records.

    One slot is missed, one incomplete, one backfilled, and in one a provider is out of order.

    :param slots: aware; those of the study's window where left out.
    """
    prompts = make_prompts(study, include)
    keep_contexts(store, study.name, prompts.values())
    chosen = study.window.schedule if slots is None else slots
    count = 0
    for number, slot in enumerate(chosen):
        records = list(
            make_batch(study, slot, number, prompts, Random(f"{seed} {number}"), circumstances=circumstances)
        )
        if number == INCOMPLETE:
            records = records[: -(len(records) // 8)]
        if records and number != MISSED:
            path = object_path("records", study.name, slot, client=circumstances.client)
            store.commit(path, to_parquet(records), 0)
            count += len(records)
    return count


def make_prompts(study: Study, include: Path) -> dict[str, dict[str, Any]]:
    """Question id → its prompt: the real question, and the passages that have most words in common with it."""
    made = {}
    for industry, questions in load_question_sets(include, study.industries).items():
        pieces = [piece for document in load_documents(include, industry) for piece in passages(document)]
        scores = bm25([question.text for question in questions], [piece.text for piece in pieces])
        for question, ranked in zip(questions, scores, strict=True):
            best = sorted(range(len(pieces)), key=lambda i: -ranked[i])[:4]
            made[question.id] = _prompt(industry, question, [pieces[i] for i in best])
    return made


def _prompt(industry: str, question: Question, pieces: Sequence[Any]) -> dict[str, Any]:
    texts = [piece.text for piece in pieces]
    return {
        "industry": industry,
        "question_id": question.id,
        "question": question.text,
        "passages": texts,
        "documents": [piece.document for piece in pieces],
        "answerable": question.answerable,
        "points": [point.text for point in question.points],
        "context_hash": context_hash(texts),
        "prompt_hash": prompt_hash(build_messages(question.text, texts)),
    }


def make_batch(
    study: Study,
    slot: datetime,
    number: int,
    prompts: Mapping[str, Mapping[str, Any]],
    chance: Random,
    *,
    circumstances: Circumstances = PLAIN,
) -> Iterator[Record]:
    """Every question of a slot, put to every LLM.

    :param number: of the slot: some slots are out of the ordinary.
    """
    apart = Random(f"{chance.random()} {circumstances}") if circumstances is not PLAIN else chance
    models = list(dict.fromkeys(llm.model for llm in study.llms))
    places = _positions(study, slot, prompts)
    for llm in study.llms:
        place = models.index(llm.model)  # a twin behaves as its LLM
        manner = MANNERS[place % len(MANNERS)]
        busy = 1 + 0.35 * math.sin((slot.hour - 9) / 24 * 2 * math.pi) + 0.12 * chance.gauss(0, 1)
        for position, prompt in enumerate(prompts.values()):
            late = 1.5 + position % 10 * 3 + chance.random() + (5 * 3600 if number == BACKFILLED else 0)
            record = _asked(study, slot, llm, prompt, late=late, chance=chance)
            record["run_type"] = "backfill" if number == BACKFILLED else "scheduled"
            record["position"] = places[prompt["question_id"]]
            out = number == OUTAGE and llm.provider == study.llms[-1].provider and chance.random() < 0.7
            kind = "server_error" if out else _kind(manner, chance)
            hostile = HOSTILE[position % len(HOSTILE)] if (number + place + position) % 23 == 0 else ""
            answered = _answered(manner, prompt, max(busy, 0.4), hostile, chance)
            record |= failed(kind, answered) if kind else answered
            if circumstances is not PLAIN:
                _befall(record, circumstances, apart)
            yield from _probed(study, record)


def _befall(record: Record, circumstances: Circumstances, chance: Random) -> None:
    """Changes a record by its circumstances."""
    record["client"] = circumstances.client
    if upstreams := circumstances.upstreams.get(record["llm"]):
        place = chance.randrange(len(upstreams))
        if record["failure_kind"] != "connection":  # then nobody answered who could be named
            record["upstream_provider"] = upstreams[place]
        _shift(record, place * SLOWER * (record["ttft_sec"] or 0))
    _shift(record, circumstances.farther)
    if record["success"] and chance.random() < circumstances.cut.get(record["llm"], 0):
        record["finish_reason"] = "MAX_TOKENS" if chance.random() < 0.5 else "length"


def _probed(study: Study, record: Record) -> Iterator[Record]:
    """A record as it is, or cold; and once more, warm, where the study asks so."""
    for probe in _PROBES[study.cache]:
        again = dict(record)
        names = (record["study"], record["slot"], record["llm"], record["question_id"])
        again["record_id"] = record_id(*names, cache_probe=probe, client=record["client"])
        if study.cache == "both":
            again["cached_tokens"] = round(CACHED * record["prompt_tokens"]) if probe == "warm" else 0
        if probe:
            again |= {
                "cache_probe": probe,
                "unique_line": hashlib.sha256(record["record_id"].encode()).hexdigest()[:16],
            }
        if probe == "warm":
            _shift(again, -WARM_SAVES * (record["ttft_sec"] or 0))
            again["cost_usd"] = record["cost_usd"] and record["cost_usd"] * 0.8
        yield again


def _shift(record: Record, seconds: float) -> None:
    """Moves all that a record's clock saw."""
    names = ("latency_sec", "ttft_sec", "first_answer_sec", "headers_sec", "first_byte_sec")
    moved = {name: round(record[name] + seconds, 6) for name in names if record[name] is not None}
    if record["event_times_sec"]:
        moved["event_times_sec"] = [round(at + seconds, 6) for at in record["event_times_sec"]]
    if record["success"]:
        moved["throughput_tps"] = record["response_tokens"] / moved["latency_sec"]
    record |= moved


def _positions(study: Study, slot: datetime, prompts: Mapping[str, Mapping[str, Any]]) -> dict[str, int]:
    """Question id → its place in its cell."""
    return {
        turn.prompt["question_id"]: turn.position
        for industry in study.industries
        for turn in turns(study, slot, industry, [part for part in prompts.values() if part["industry"] == industry])
    }


def _kind(manner: Manner, chance: Random) -> str | None:
    drawn = chance.random()
    for kind, share in manner.fails.items():
        drawn -= share
        if drawn < 0:
            return kind
    return None


def _asked(study: Study, slot: datetime, llm: LLM, prompt: Mapping[str, Any], *, late: float, chance: Random) -> Record:
    late = round(late, 6)
    measured_at = utc_text(slot + timedelta(seconds=late))
    opened = round(0.03 + 0.05 * chance.random(), 6) if chance.random() < 0.1 else None
    return dict.fromkeys(FIELD_NAMES) | {
        "timestamp": measured_at,
        "measured_at": measured_at,
        "late_sec": late,
        "industry": prompt["industry"],
        "question": prompt["question"],
        "question_id": prompt["question_id"],
        "llm_provider": llm.provider,
        "llm_model": llm.model_name,
        "llm": llm.name,
        "timing_source": "wire",
        "record_id": record_id(study.name, utc_text(slot), llm.name, prompt["question_id"]),
        "study": study.name,
        "slot": utc_text(slot),
        "run_id": f"{SYNTHETIC}__{utc_text(slot)}",
        "attempt": 1,
        "connect_sec": opened,
        "tls_sec": opened and round(opened * 0.6, 6),
        "dns_sec": opened and round(opened * 0.1, 6),
        "network_rtt_sec": RTT[llm.provider],
        "wait_sec": round(max(0.0, chance.gauss(0.5, 0.6)), 3),
        "prompt_tokens": 40 + sum(map(len, prompt["passages"])) // 4,
        "answerable": prompt["answerable"],
        "context_hash": prompt["context_hash"],
        "prompt_hash": prompt["prompt_hash"],
        "context_passages": len(prompt["passages"]),
        "client_load": round(chance.random(), 3),
        "client_delay_sec": round(chance.expovariate(1 / 0.0003), 6),
        "provider_request_id": f"{SYNTHETIC}-{chance.getrandbits(48):012x}",
        "llm_bench_version": f"{__version__}+{SYNTHETIC}",
        "litellm_version": SYNTHETIC,
        "embedding_model": model_identity(study.retrieval.embedding_model),
        "schema_version": SCHEMA_VERSION,
        "settings_hash": hashlib.sha256(llm.name.encode()).hexdigest(),
    }


def _answered(manner: Manner, prompt: Mapping[str, Any], busy: float, hostile: str, chance: Random) -> Record:
    points = prompt["points"]
    used = [point for point in points if chance.random() < manner.uses]
    text = " ".join(filter(None, [*used, hostile])) or "The context does not say."
    cited = sorted({1, len(text) % 7 + 1}) if used and len(text) % 2 else []
    answer_tokens = max(2, len(text) // 4)
    reasoning = round(manner.reasoning * math.exp(chance.gauss(0, 0.4))) if manner.reasoning else 0
    times, first_answer = _events(manner, busy, reasoning, answer_tokens, chance)
    latency = round(times[-1] + 0.001 + 0.002 * chance.random(), 6)
    tokens, gaps = answer_tokens + reasoning, timing.gaps(times)
    # One machine in a few dozen questions is busy with something else.
    delay = round(times[0] * (0.06 + 0.1 * chance.random()), 6) if chance.random() < 0.015 else 0.0002
    prompt_tokens = 40 + sum(map(len, prompt["passages"])) // 4
    return {
        "success": True,
        "latency_sec": latency,
        "throughput_tps": tokens / latency,
        "coverage_score": _near(len(used) / len(points), chance) if points else 0.0,
        "response_tokens": tokens,
        "headers_sec": round(times[0] * 0.8, 6),
        "first_byte_sec": round(times[0] * 0.9, 6),
        "ttft_sec": times[0],
        "first_answer_sec": first_answer,
        "itl_mean_sec": sum(gaps) / len(gaps),
        "itl_p99_sec": timing.percentile(gaps, 0.99),
        "itl_max_sec": max(gaps),
        "event_times_sec": times,
        "decode_tps": timing.decode_rate(tokens, times[0], times[-1]),
        "reasoning_tokens": reasoning if manner.reasoning else None,
        "token_source": "provider",
        "http_status": 200,
        "finish_reason": "stop",
        "answer": text,
        "cost_usd": manner.usd and (tokens + prompt_tokens) * manner.usd,
        "price_source": manner.usd and f"litellm {SYNTHETIC}",
        "groundedness": _near(0.9 if used else 0.5, chance) if used or hostile else None,
        "declined": not used,
        "context_utilization": min(0.1 + 0.15 * len(used), 1.0),
        "citations": cited,
        "citation_support": round(0.6 + 0.1 * len(used), 2) if cited else None,
        "scoring_version": 4,
        "client_delay_sec": delay,
        "suspect": timing.suspicion(delay, times[0]),
    }


def _events(
    manner: Manner, busy: float, reasoning: int, answer_tokens: int, chance: Random
) -> tuple[list[float], float]:
    """The times of the events, and of the first of the answer's."""
    ttft = manner.ttft * busy * math.exp(chance.gauss(0, 0.18))
    thought = min(_EVENTS, reasoning // 8)
    said = max(2, min(_EVENTS, answer_tokens // 2))
    gap = (reasoning + answer_tokens) / (thought + said) / manner.speed * busy
    times = [round(ttft, 6)]
    while len(times) < thought + said:
        times.append(round(times[-1] + gap * chance.expovariate(1.0) + 1e-6, 6))
    return times, times[thought]


def _near(share: float, chance: Random) -> float:
    return round(min(1.0, max(0.0, share + chance.gauss(0, 0.07))), 4)


def failed(kind: str, answered: Record) -> Record:
    """What is left of an answer when the request failed."""
    status, error = _ERRORS[kind]
    lost: Record = dict.fromkeys(answered)
    if kind in ("truncated_stream", "timeout_total"):
        half = answered["event_times_sec"][: len(answered["event_times_sec"]) // 2] or [answered["ttft_sec"]]
        names = ("headers_sec", "first_byte_sec", "ttft_sec", "client_delay_sec", "suspect")
        lost |= {name: answered[name] for name in names} | {"event_times_sec": half}
        if answered["first_answer_sec"] <= half[-1]:
            lost |= {"first_answer_sec": answered["first_answer_sec"], "answer": answered["answer"][:40]}
    return lost | {"success": False, "failure_kind": kind, "http_status": status, "error": error}
