"""Groq's wire format, and what goes wrong with it.

Each shape is from the page named beside it; the words of an error are those that users have reported.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from doubles import faults
from doubles.faults import ANSWER, NOTHING, SOME, Fault, Format, Mistake, OpenAILike, answers, refuses
from doubles.provider import Asked, Response, Script, Step, Wait, chunk, event

# https://console.groq.com/docs/rate-limits: requests are counted by the day, tokens by the minute.
LIMITS = {
    "x-ratelimit-limit-requests": "14400",
    "x-ratelimit-limit-tokens": "18000",
    "x-ratelimit-remaining-requests": "14370",
    "x-ratelimit-remaining-tokens": "17997",
    "x-ratelimit-reset-requests": "2m59.56s",
    "x-ratelimit-reset-tokens": "7.66s",
}
TOO_MANY = (
    "Rate limit reached for model `some-model` in organization `org_01hrsv` service tier `on_demand` "
    "on tokens per minute (TPM): Limit 6000, Used 5034, Requested 1443. Please try again in 4.77s."
)
TOO_LARGE = (
    "Request too large for model `some-model` in organization `org_01hrsv` service tier `on_demand` on "
    "tokens per minute (TPM): Limit 6000, Requested 14368, please reduce your message size and try again."
)


class Groq(OpenAILike):
    """One answer as Groq sends it."""

    request_id = "req_01jbd6g2qdfw2adyrt2az8hz4w"
    counts_cached = False

    def headers(self) -> dict[str, str]:
        own = {"x-request-id": self.request_id, "x-groq-region": "us-west-1", "vary": "Origin"}
        return {"content-type": "text/event-stream", "cache-control": "no-cache", **own, **LIMITS}

    def chunk(self, delta: dict[str, Any] | None, finish: str | None = None, **more: Any) -> bytes:
        head = {"id": "chatcmpl-f51b2cd2-bef7-417e-964e-a08f0b513c22", "system_fingerprint": "fp_179b0f92c9"}
        return chunk(delta, finish, **head, model=self.asked.model, **more)

    # https://console.groq.com/docs/api-reference: x_groq.id is in the first and the last chunk.
    def opening(self) -> list[Step]:
        return [self.chunk({"role": "assistant", "content": ""}, x_groq={"id": self.request_id})]

    # https://console.groq.com/docs/reasoning: with reasoning_format "parsed" in a field of its own.
    def reasoning(self, text: str) -> bytes:
        return self.chunk({"reasoning": text, "channel": "analysis"})

    def answer(self, text: str) -> bytes:
        return self.chunk({"content": text})

    def finish(self, reason: str = "stop") -> bytes:
        return self.chunk({}, reason, x_groq={"id": self.request_id})

    def usage(self, completion: int, reasoning: int = 0) -> bytes:
        return self.chunk(None, usage=self.counts(completion, reasoning))

    def counts(self, completion: int, reasoning: int = 0) -> dict[str, Any]:
        times = {"queue_time": 0.0378, "prompt_time": 0.0006, "completion_time": 0.4635, "total_time": 0.4641}
        details = {"completion_tokens_details": {"reasoning_tokens": reasoning}} if reasoning else {}
        return (
            {"prompt_tokens": 100, "completion_tokens": completion, "total_tokens": 100 + completion} | times | details
        )

    def closing(self, completion: int, reasoning: int = 0, reason: str = "") -> list[Step]:
        counts = self.counts(completion, reasoning)
        last = self.chunk({}, reason or "stop", x_groq={"id": self.request_id, "usage": counts})
        return [last, self.chunk(None, usage=counts), event("[DONE]")]

    # https://console.groq.com/docs/errors
    def error(self, status: int, message: str, *, headers: Mapping[str, str] | None = None, **more: Any) -> Response:
        body = {"error": {"message": self.echo(message), "type": "invalid_request_error"} | more}
        own = {"content-type": "application/json", "x-request-id": self.request_id}
        return Response([json.dumps(body).encode()], status, own | LIMITS | dict(headers or {}))

    # Not in the documentation; so it comes: https://github.com/sashabaranov/go-openai/pull/1057
    def error_event(self, code: int, message: str) -> bytes:
        error = {"message": self.echo(message), "type": "internal_server_error", "status_code": code}
        return b"event: error\n" + event({"error": error})


FORMAT = Groq


def good(asked: Asked) -> Response:
    """A whole answer."""
    return answers(Groq, lambda reply: reply.stream())(asked)


def thinking(*pieces: str) -> Script:
    """A whole answer whose reasoning is within its content (reasoning_format "raw", the default for some models)."""
    return answers(Groq, lambda reply: [*reply.opening(), *map(reply.answer, pieces), *reply.closing(len(pieces))])


def _refused(status: int, failure_kind: str, message: str, **more: Any) -> Fault:
    expected = NOTHING | {"http_status": status, "failure_kind": failure_kind, "provider_request_id": Groq.request_id}
    return Fault(refuses(Groq, status, message, **more), expected)


def _stopped_early(reply: Format) -> list[Step]:
    # groq-python's types: x_groq.error, "an error string indicating why a stream was stopped early"
    assert isinstance(reply, Groq)
    stopped = reply.chunk({}, x_groq={"id": reply.request_id, "error": reply.echo("over capacity")})
    return [*reply.opening(), reply.answer("Home"), stopped]


def _told_midway(failure_kind: str, **error: Any) -> Fault:
    def build(reply: Format) -> list[Step]:
        told = {"error": {"message": reply.echo("told midway")} | error}
        return [*reply.opening(), reply.answer("Home"), b"event: error\n" + event(told)]

    return Fault(answers(Groq, build), _MIDWAY | {"failure_kind": failure_kind})


_MIDWAY = {
    "http_status": 200,
    "provider_request_id": Groq.request_id,
    "answer": "Home",
    "ttft_sec": SOME,
    "response_tokens": 1,
    "token_source": "estimated",
}

FAULTS: dict[str, Fault] = {
    **faults.common(Groq),
    **faults.openai_like(Groq),
    "400, context too long": _refused(
        400,
        "context_too_long",
        "Please reduce the length of the messages or completion.",
        code="context_length_exceeded",
        param="messages",
    ),
    "400, model decommissioned": _refused(
        400,
        "model_unavailable",
        "The model `some-model` has been decommissioned and is no longer supported.",
        code="model_decommissioned",
    ),
    "404, no such model": _refused(
        404,
        "model_unavailable",
        "The model `some-model` does not exist or you do not have access to it.",
        code="model_not_found",
    ),
    "413, too large": _refused(413, "context_too_long", TOO_LARGE, type="tokens", code="rate_limit_exceeded"),
    "429, with retry-after": _refused(
        429, "rate_limited", TOO_MANY, type="tokens", code="rate_limit_exceeded", headers={"retry-after": "5"}
    ),
    "429, without retry-after": _refused(429, "rate_limited", TOO_MANY, type="tokens", code="rate_limit_exceeded"),
    # https://console.groq.com/docs/flex-processing
    "498, flex tier": _refused(498, "rate_limited", "Flex tier capacity exceeded", code="capacity_exceeded"),
    "503": _refused(503, "server_error", "Service Unavailable", type="internal_server_error"),
    "stopped early": Fault(answers(Groq, _stopped_early), _MIDWAY | {"failure_kind": "stream_error"}),
    "error event, rate limit": _told_midway("rate_limited", code="rate_limit_exceeded", type="tokens"),
    "error event, 429": _told_midway("rate_limited", status_code=429),
    "error event, context": _told_midway(
        "context_too_long", message="Please reduce the length of the messages or completion."
    ),
    "within <think>": Fault(
        answers(Groq, lambda reply: [*reply.opening(), reply.answer("<thi"), reply.answer("nk>Hm"), Wait(0.01)]),
        _MIDWAY
        | {"answer": None, "first_answer_sec": None, "response_tokens": SOME, "failure_kind": "truncated_stream"},
    ),
    "after </think>": Fault(
        answers(Groq, lambda reply: [*reply.opening(), reply.answer("<think>Hm</think>"), reply.answer(ANSWER)]),
        _MIDWAY
        | {"answer": ANSWER, "first_answer_sec": SOME, "response_tokens": SOME, "failure_kind": "truncated_stream"},
    ),
}

MISTAKES: dict[str, Mistake] = {
    "400, ours": Mistake(
        refuses(Groq, 400, "`max_tokens` must be less than or equal to `8192`, the maximum for this model"),
        "RequestError",
    ),
    "422": Mistake(refuses(Groq, 422, "temperature must be below 2"), "RequestError"),
    "404, no such address": Mistake(
        refuses(Groq, 404, "Unknown request URL: POST /v1/chat. Please check the URL", code="unknown_url"),
        "RequestError",
    ),
    "401": Mistake(refuses(Groq, 401, "Invalid API Key", code="invalid_api_key"), "CredentialsError"),
    "402": Mistake(refuses(Groq, 402, "Payment required"), "CredentialsError"),
    "403": Mistake(
        refuses(
            Groq,
            403,
            "The model `some-model` is blocked at the organization level.",
            type="permissions_error",
            code="model_permission_blocked_org",
        ),
        "CredentialsError",
    ),
    # https://console.groq.com/docs/spend-limits
    "400, spend limit": Mistake(
        refuses(Groq, 400, "API access is blocked: spend limit reached", code="blocked_api_access"), "CredentialsError"
    ),
    "400, organization restricted": Mistake(
        refuses(Groq, 400, "Organization has been restricted.", code="organization_restricted"), "CredentialsError"
    ),
}
