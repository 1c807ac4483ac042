"""From a reply to a record. Pure but for reading this machine's load."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from importlib.metadata import version
from typing import Any

from llm_bench import __version__
from llm_bench.inert import storable
from llm_bench.measure import timing
from llm_bench.measure.client import Reply
from llm_bench.measure.hiding import hide
from llm_bench.rag.prompt import canonical_hash
from llm_bench.records import SCHEMA_VERSION, Record, complete, record_id, utc_text
from llm_bench.study import LLM

_REQUEST_IDS = ("x-request-id", "request-id", "x-amzn-requestid")
"""Headers with the provider's id of the request: OpenAI's and most, Anthropic's, Amazon's."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What all records of one cell share.

    :param slot: when the batch was due.
    :param run_type: ``scheduled``, ``backfill`` or ``manual``.
    :param attempt: Airflow's attempt, from 1.
    :param client: name of the place that is measured from.
    """

    study: str
    slot: datetime
    run_id: str
    run_type: str
    attempt: int
    llm: LLM
    industry: str
    embedding_model: str
    client: str | None = None

    @property
    def cell_id(self) -> str:
        """Names the cell of this run, in every attempt alike: 64 hexadecimal digits."""
        return canonical_hash([self.study, self.run_id, self.llm.name, self.industry, self.client])

    def at(self, attempt: int) -> Batch:
        """The same in another attempt."""
        return replace(self, attempt=attempt)


def machine_load() -> float | None:
    """1-minute load average per core, or None where the system doesn't tell."""
    try:
        return os.getloadavg()[0] / (os.cpu_count() or 1)
    except OSError:
        return None


def make_record(
    batch: Batch,
    prompt: Mapping[str, Any],
    reply: Reply,
    *,
    measured_at: datetime,
    wait_sec: float,
    load: float | None,
    position: int | None = None,
    cache_probe: str | None = None,
    unique_line: str | None = None,
) -> Record:
    """The whole record of one question; scores are null until the batch is scored.

    :param prompt: question_id, question, answerable, context_hash, prompt_hash.
    :param measured_at: wall-clock time when it was asked.
    :param wait_sec: time waited before, for the rate limit.
    :param load: this machine's load when it was asked.
    :param position: of the question in its cell's order, from 1; None outside a batch.
    :param cache_probe: ``cold`` or ``warm``; None where the prompt was asked as it is.
    :param unique_line: that stood before the prompt.
    """
    slot = utc_text(batch.slot)
    success = reply.failure_kind is None
    clock = _clock(reply, success=success)
    own = {
        "timestamp": utc_text(measured_at),
        "industry": batch.industry,
        "question": prompt["question"],
        "llm_provider": batch.llm.provider,
        "llm_model": batch.llm.model_name,
        "success": success,
        "record_id": record_id(
            batch.study,
            slot,
            batch.llm.name,
            prompt["question_id"],
            cache_probe=cache_probe,
            client=batch.client,
        ),
        "study": batch.study,
        "slot": slot,
        "run_id": batch.run_id,
        "run_type": batch.run_type,
        "measured_at": utc_text(measured_at),
        "late_sec": (measured_at - batch.slot).total_seconds(),
        "attempt": batch.attempt,
        "question_id": prompt["question_id"],
        "llm": batch.llm.name,
        "position": position,
        "cache_probe": cache_probe,
        "client": batch.client,
        "unique_line": unique_line,
        "wait_sec": wait_sec,
        "context_hash": prompt["context_hash"],
        "context_passages": len(prompt["passages"]) if "passages" in prompt else None,
        "prompt_hash": prompt["prompt_hash"],
        "answerable": prompt["answerable"],
        "client_load": load,
        "client_delay_sec": reply.exchange.delay_sec,
        "suspect": timing.suspicion(reply.exchange.delay_sec, clock.get("ttft_sec")),
        "llm_bench_version": __version__,
        "litellm_version": version("litellm"),
        "embedding_model": batch.embedding_model,
        "schema_version": SCHEMA_VERSION,
        "settings_hash": reply.settings_hash,
    }
    values = own | clock | _tokens(reply) | _outcome(reply)
    secrets = reply.exchange.secrets  # any text of a provider's may echo them
    return complete(
        {name: hide(storable(value), secrets) if isinstance(value, str) else value for name, value in values.items()}
    )


def _clock(reply: Reply, *, success: bool) -> dict[str, Any]:
    exchange, answer, tokens = reply.exchange, reply.answer, reply.response_tokens
    if exchange.sent is None:
        return {"timing_source": reply.timing_source}

    def since_sent(moment: float | None) -> float | None:
        return timing.elapsed(exchange.sent, moment)

    arrivals = answer.token_times
    gaps = timing.gaps(arrivals)
    latency = since_sent(answer.ended) if success else None
    return {
        "latency_sec": latency,
        "throughput_tps": timing.throughput(tokens, latency),
        "connect_sec": timing.elapsed(exchange.connect_started, exchange.connected),
        "tls_sec": timing.elapsed(exchange.tcp_connected, exchange.connected) or None,
        "headers_sec": since_sent(exchange.headers_read),
        "first_byte_sec": since_sent(exchange.first_byte),
        "ttft_sec": since_sent(arrivals[0] if arrivals else None),
        "first_answer_sec": since_sent(answer.first_answer),
        "itl_mean_sec": sum(gaps) / len(gaps) if gaps else None,
        "itl_p99_sec": timing.percentile(gaps, 0.99),
        "itl_max_sec": max(gaps, default=None),
        "event_times_sec": [round(arrival - exchange.sent, 6) for arrival in arrivals] or None,
        "decode_tps": timing.decode_rate(tokens, arrivals[0], arrivals[-1]) if success and arrivals else None,
        "network_rtt_sec": exchange.rtt_sec,
        "provider_queue_sec": answer.spent.queue,
        "provider_prompt_sec": answer.spent.prompt,
        "provider_completion_sec": answer.spent.completion,
        "timing_source": reply.timing_source,
        "dns_sec": exchange.dns_sec,
    }


def _tokens(reply: Reply) -> dict[str, Any]:
    usage = reply.answer.usage
    return {
        "prompt_tokens": reply.prompt_tokens,
        "response_tokens": reply.response_tokens,
        "reasoning_tokens": usage.reasoning,
        "cached_tokens": usage.cached,
        "token_source": reply.token_source,
        "cache_write_tokens": usage.cache_write,
    }


def _outcome(reply: Reply) -> dict[str, Any]:
    exchange, answer = reply.exchange, reply.answer
    return {
        "failure_kind": reply.failure_kind,
        "http_status": exchange.status,
        "finish_reason": answer.finish_reason,
        "error": reply.error,
        "answer": answer.text or None,
        "response_model": answer.model,
        "provider_request_id": next(filter(None, map(exchange.headers.get, _REQUEST_IDS)), answer.request_id),
        "cost_usd": reply.cost_usd,
        "price_source": reply.price_source,
        "upstream_provider": answer.upstream,
        "system_fingerprint": answer.fingerprint,
        "service_tier": answer.service_tier,
        "note": answer.note if reply.failure_kind is None else None,
    }
