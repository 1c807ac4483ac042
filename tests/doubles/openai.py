"""OpenAI's own wire format, which most providers speak, and what goes wrong with it.

https://platform.openai.com/docs/api-reference/chat-streaming, https://platform.openai.com/docs/guides/error-codes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, ClassVar

from doubles import faults
from doubles.faults import NOTHING, Fault, Mistake, OpenAILike, answers, refuses
from doubles.provider import Asked, Response, Step, chunk, event

MODEL = "openai/gpt-4o"


class OpenAI(OpenAILike):
    """One answer as OpenAI sends it. Those that differ override what does."""

    request_id = "req_4a7c3f1b9e2d"
    thinks = False
    extra: ClassVar[dict[str, Any]] = {"system_fingerprint": "fp_44709d6fcb", "service_tier": "default"}
    """What stands in each chunk besides."""
    if_asked: ClassVar[bool] = True
    """Whether it counts tokens only where the request asks for it (``stream_options``)."""

    def headers(self) -> dict[str, str]:
        return {"content-type": "text/event-stream; charset=utf-8", "x-request-id": self.request_id}

    def chunk(self, delta: dict[str, Any] | None, finish: str | None = None, **more: Any) -> bytes:
        return chunk(delta, finish, **{"id": "chatcmpl-BxTq2mV7bWcYxAa", "model": self.asked.model} | self.extra | more)

    def opening(self) -> list[Step]:
        return [self.chunk({"role": "assistant", "content": "", "refusal": None})]

    def reasoning(self, text: str) -> bytes:
        return self.chunk({"reasoning_content": text})

    def answer(self, text: str) -> bytes:
        return self.chunk({"content": text})

    def finish(self, reason: str = "stop") -> bytes:
        return self.chunk({}, reason)

    def usage(self, completion: int, reasoning: int = 0) -> bytes:
        return self.chunk(None, usage=self.counts(completion, reasoning)) if self.counting else b""

    @property
    def counting(self) -> bool:
        """Whether this request gets counts."""
        return not self.if_asked or bool((self.asked.content.get("stream_options") or {}).get("include_usage"))

    def counts(self, completion: int, reasoning: int = 0) -> dict[str, Any]:
        details: dict[str, Any] = {}
        if self.counts_cached:
            details["prompt_tokens_details"] = {"cached_tokens": 64, "audio_tokens": 0}
        if self.counts_reasoning:
            details["completion_tokens_details"] = {"reasoning_tokens": reasoning, "audio_tokens": 0}
        return {"prompt_tokens": 100, "completion_tokens": completion, "total_tokens": 100 + completion} | details

    def error(self, status: int, message: str, *, headers: Mapping[str, str] | None = None, **more: Any) -> Response:
        body = self.error_body(status, self.echo(message), more)
        return Response([json.dumps(body).encode()], status, {"content-type": "application/json"} | dict(headers or {}))

    def error_body(self, status: int, message: str, more: dict[str, Any]) -> dict[str, Any]:
        """The body of a refusal; its message is echoed already."""
        return {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": None} | more}

    def error_event(self, code: int, message: str) -> bytes:
        return event({"error": {"message": self.echo(message), "type": "server_error", "code": str(code)}})


class CountsLast(OpenAI):
    """The counts stand in the last chunk of the answer, beside its finish reason, asked for or not."""

    if_asked = False

    def closing(self, completion: int, reasoning: int = 0, reason: str = "") -> list[Step]:
        counts = self.counts(completion, reasoning)
        return [self.chunk({"content": ""}, reason or "stop", usage=counts), event("[DONE]")]


FORMAT = OpenAI


def good(asked: Asked) -> Response:
    """A whole answer."""
    return answers(OpenAI, lambda reply: reply.stream())(asked)


def refused(kind: type[OpenAI], status: int, failure_kind: str, message: str, **more: Any) -> Fault:
    """A refusal that is the provider's fault, or no one's."""
    return Fault(
        refuses(kind, status, message, **more), NOTHING | {"http_status": status, "failure_kind": failure_kind}
    )


def mistaken(kind: type[OpenAI], status: int, error: str, message: str, **more: Any) -> Mistake:
    """A refusal that is the user's mistake."""
    return Mistake(refuses(kind, status, message, **more), error)


FAULTS: dict[str, Fault] = {
    **faults.common(OpenAI),
    **faults.openai_like(OpenAI),
    "400, too long": refused(
        OpenAI,
        400,
        "context_too_long",
        "This model's maximum context length is 128000 tokens. However, your messages resulted in 130011 tokens.",
        code="context_length_exceeded",
        param="messages",
    ),
    "404, no such model": refused(
        OpenAI,
        404,
        "model_unavailable",
        "The model `gpt-4o` does not exist or you do not have access to it.",
        code="model_not_found",
    ),
    "429": refused(
        OpenAI,
        429,
        "rate_limited",
        "Rate limit reached for gpt-4o in organization org-x on tokens per min (TPM): Limit 30000, Used 29000.",
        type="tokens",
        code="rate_limit_exceeded",
    ),
    "503": refused(OpenAI, 503, "server_error", "The engine is currently overloaded", type="server_error"),
}
MISTAKES: dict[str, Mistake] = {
    "401": mistaken(OpenAI, 401, "CredentialsError", "Incorrect API key provided", code="invalid_api_key"),
    "429, quota": mistaken(
        OpenAI,
        429,
        "CredentialsError",
        "You exceeded your current quota, please check your plan and billing details.",
        type="insufficient_quota",
        code="insufficient_quota",
    ),
    "400, parameter": mistaken(
        OpenAI,
        400,
        "RequestError",
        "Unsupported parameter: 'max_tokens' is not supported with this model.",
        code="unsupported_parameter",
        param="max_tokens",
    ),
}
