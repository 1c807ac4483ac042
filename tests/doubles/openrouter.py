"""OpenRouter's wire format, and what goes wrong with it.

Each shape is from the page named beside it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from doubles import faults
from doubles.faults import NOTHING, SOME, Fault, Format, Mistake, OpenAILike, answers, refuses
from doubles.provider import Asked, Response, Step, chunk, event

PROCESSING = b": OPENROUTER PROCESSING\n\n"
"""https://openrouter.ai/docs/api-reference/streaming: a comment that keeps the connection alive."""

COST = 0.000_0125


class OpenRouter(OpenAILike):
    """One answer as OpenRouter sends it."""

    request_id = "gen-1762000000-Q2xhdWRlTm90SGVyZQ"
    upstream = "DeepInfra"

    # https://openrouter.ai/docs/api-reference/streaming: the generation's id is in X-Generation-Id, too.
    def headers(self) -> dict[str, str]:
        own = {"x-generation-id": self.request_id, "cf-ray": "8f0c2e7a0c5d2e1a-FRA"}
        return {"content-type": "text/event-stream", "cache-control": "no-cache", **own}

    def chunk(
        self, delta: dict[str, Any] | None, finish: str | None = None, native: str | None = None, **more: Any
    ) -> bytes:
        head = {"id": self.request_id, "provider": self.upstream, "model": self.asked.model}
        choice = {"index": 0, "delta": delta, "finish_reason": finish, "native_finish_reason": native or finish}
        choices = [] if delta is None else [{**choice, "logprobs": None}]
        return chunk(None, **head, **{"choices": choices, **more})

    def opening(self) -> list[Step]:
        return [PROCESSING, PROCESSING, self.chunk({"role": "assistant", "content": ""})]

    # https://openrouter.ai/docs/use-cases/reasoning-tokens: told twice, as text and in detail.
    def reasoning(self, text: str) -> bytes:
        details = [{"type": "reasoning.text", "text": text, "format": "unknown", "index": 0}]
        return self.chunk({"role": "assistant", "content": "", "reasoning": text, "reasoning_details": details})

    def answer(self, text: str) -> bytes:
        return self.chunk({"role": "assistant", "content": text})

    def finish(self, reason: str = "stop") -> bytes:
        return self.chunk({"role": "assistant", "content": ""}, reason)

    # https://openrouter.ai/docs/use-cases/usage-accounting
    def usage(self, completion: int, reasoning: int = 0) -> bytes:
        counts = {"prompt_tokens": 100, "completion_tokens": completion, "total_tokens": 100 + completion}
        details = {
            "cost": COST,
            "is_byok": False,
            "cost_details": {"upstream_inference_cost": None},
            "prompt_tokens_details": {"cached_tokens": 64, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": reasoning},
        }
        return self.chunk(None, usage=counts | details)

    # https://openrouter.ai/docs/api-reference/errors
    def error(self, status: int, message: str, *, headers: Mapping[str, str] | None = None, **more: Any) -> Response:
        body = {"error": {"message": self.echo(message), "code": status} | more, "user_id": "user_2xAbC"}
        own = {"content-type": "application/json", "x-generation-id": self.request_id}
        return Response([json.dumps(body).encode()], status, own | dict(headers or {}))

    # https://openrouter.ai/docs/api-reference/streaming: the status is 200 by then, so the chunk holds the error.
    def error_event(self, code: int | str, message: str, **more: Any) -> bytes:
        error = {"code": code, "message": self.echo(message)} | more
        return self.chunk({"role": "assistant", "content": ""}, "error", error=error)


FORMAT = OpenRouter


def good(asked: Asked) -> Response:
    """A whole answer."""
    return answers(OpenRouter, lambda reply: reply.stream())(asked)


def _refused(status: int, failure_kind: str, message: str, **more: Any) -> Fault:
    seen = {"http_status": status, "provider_request_id": OpenRouter.request_id}
    return Fault(refuses(OpenRouter, status, message, **more), NOTHING | seen | {"failure_kind": failure_kind})


def _midway(failure_kind: str, code: int | str, message: str = "told midway", **more: Any) -> Fault:
    def build(reply: Format) -> list[Step]:
        assert isinstance(reply, OpenRouter)
        return [*reply.opening(), reply.answer("Home"), reply.error_event(code, message, **more), event("[DONE]")]

    seen = {
        "http_status": 200,
        "provider_request_id": OpenRouter.request_id,
        "answer": "Home",
        "ttft_sec": SOME,
        "response_tokens": 1,
        "token_source": "estimated",
        "finish_reason": "error",
    }
    return Fault(answers(OpenRouter, build), seen | {"failure_kind": failure_kind})


def _accepted_then_failed(code: int, failure_kind: str) -> Fault:
    """An error in the body of a 200: OpenRouter had begun to process (https://openrouter.ai/docs/api-reference/errors)."""

    def script(asked: Asked) -> Response:
        refusal = OpenRouter(asked).error(code, "Provider returned error")
        return Response(refusal.body, 200, refusal.headers)

    seen = {"http_status": 200, "provider_request_id": OpenRouter.request_id}
    return Fault(script, NOTHING | seen | {"failure_kind": failure_kind})


UPSTREAM = {"provider_name": "DeepInfra", "raw": '{"detail":"engine overloaded"}'}
MODERATED = {
    "reasons": ["violence"],
    "flagged_input": "Which product … revenue?",
    "provider_name": "OpenAI",
    "model_slug": "openai/gpt-4o",
}

FAULTS: dict[str, Fault] = {
    **faults.common(OpenRouter),
    **faults.openai_like(OpenRouter),
    "400, context too long": _refused(
        400,
        "context_too_long",
        "This endpoint's maximum context length is 32768 tokens. However, you requested about 40123 tokens.",
    ),
    "400, context too long, says its type": _refused(
        400, "context_too_long", "Provider returned error", metadata={"error_type": "context_length_exceeded"}
    ),
    "400, context too long, in the upstream's words": _refused(
        400, "context_too_long", "Provider returned error", metadata=UPSTREAM | {"raw": "exceeds the context window"}
    ),
    "400, no such model": _refused(400, "model_unavailable", "vendor/some-model is not a valid model ID"),
    # https://openrouter.ai/docs/api_reference/limits: what is in flight has reserved the credits that are left.
    "402, in flight": _refused(
        402,
        "rate_limited",
        "This request would exceed your available credits given your current in-flight requests.",
        metadata={"reason": "in_flight_budget_exhausted", "limit_source": "openrouter_in_flight_budget"},
        headers={"retry-after": "2"},
    ),
    "403, moderated": _refused(
        403, "content_filtered", "Your chosen model requires moderation and your input was flagged", metadata=MODERATED
    ),
    "403, guardrail": _refused(
        403,
        "content_filtered",
        "Request blocked: prompt injection patterns detected",
        metadata={"patterns": ["ignore previous"]},
    ),
    "404, no endpoints": _refused(404, "model_unavailable", "No endpoints found for vendor/some-model."),
    "413": _refused(413, "context_too_long", "Payload Too Large"),
    "429, with retry-after": _refused(
        429,
        "rate_limited",
        "Rate limit exceeded: free-models-per-min.",
        metadata={"headers": {"X-RateLimit-Limit": "20", "X-RateLimit-Remaining": "0"}},
        headers={
            "retry-after": "5",
            "x-ratelimit-limit": "20",
            "x-ratelimit-remaining": "0",
            "x-ratelimit-reset": "1762000060000",
        },
    ),
    "429, upstream": _refused(
        429,
        "rate_limited",
        "Provider returned error",
        metadata=UPSTREAM | {"raw": "vendor/some-model is temporarily rate-limited upstream."},
    ),
    "502, upstream": _refused(502, "server_error", "Provider returned error", metadata=UPSTREAM),
    "503, no provider": _refused(
        503, "server_error", "There is no available model provider that meets your routing requirements"
    ),
    "502 under 200": _accepted_then_failed(502, "server_error"),
    "429 under 200": _accepted_then_failed(429, "rate_limited"),
    "401 under 200": _accepted_then_failed(401, "bad_response"),
    "error event, 429": _midway("rate_limited", 429, metadata=UPSTREAM),
    "error event, 503": _midway("stream_error", 503),
    "error event, 401": _midway("stream_error", 401),
    "error event, in words": _midway("stream_error", "server_error", "Provider disconnected unexpectedly"),
    "error event, moderated": _midway("content_filtered", 403, metadata=MODERATED),
    "error event, context": _midway("context_too_long", 400, "maximum context length is 32768 tokens"),
}

MISTAKES: dict[str, Mistake] = {
    "400, ours": Mistake(refuses(OpenRouter, 400, "temperature: must be at most 2"), "RequestError"),
    "401": Mistake(refuses(OpenRouter, 401, "User not found."), "CredentialsError"),
    "402": Mistake(
        refuses(
            OpenRouter,
            402,
            "This request requires more credits, or fewer max_tokens.",
            metadata={"limit_source": "openrouter_credits"},
        ),
        "CredentialsError",
    ),
    "403": Mistake(refuses(OpenRouter, 403, "Key lacks the permission for this"), "CredentialsError"),
}
