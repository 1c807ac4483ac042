"""Anthropic's Messages stream, and what goes wrong with it.

https://docs.anthropic.com/en/api/messages-streaming, https://docs.anthropic.com/en/api/errors.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from doubles import faults
from doubles.faults import NOTHING, SOME, Fault, Format, Mistake, answers, refuses
from doubles.provider import Asked, Response, Script, Step

MODEL = "anthropic/claude-sonnet-4-5"


def named(name: str, content: dict[str, Any]) -> bytes:
    """One event, named as its type."""
    return f"event: {name}\ndata: {json.dumps({'type': name} | content)}\n\n".encode()


class Anthropic(Format):
    """One answer as Anthropic sends it: blocks, each begun, filled and closed."""

    request_id = "req_011CSHoEeqs5C35K2UUqR7Fy"
    filtered = "refusal"
    counts_first = True

    def __init__(self, asked: Asked) -> None:
        super().__init__(asked)
        self._block = -1
        self._kind = ""

    def headers(self) -> dict[str, str]:
        return {"content-type": "text/event-stream; charset=utf-8", "request-id": self.request_id}

    # The counts of the prompt come first; what it says of the output is a placeholder.
    def opening(self) -> list[Step]:
        usage = {"input_tokens": 36, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 64}
        message = {
            "id": "msg_01XFDUDYJgAACzvnptvVoYEL",
            "type": "message",
            "role": "assistant",
            "model": "claude-sonnet-4-5-20250929",
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": usage | {"output_tokens": 2},
        }
        return [named("message_start", {"message": message}), self.ping()]

    def reasoning(self, text: str) -> bytes:
        return self._delta("thinking", {"type": "thinking_delta", "thinking": text})

    def answer(self, text: str) -> bytes:
        return self._delta("text", {"type": "text_delta", "text": text})

    def closing(self, completion: int, reasoning: int = 0, reason: str = "") -> list[Step]:
        counts = {"input_tokens": 36, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 64}
        thought = {"output_tokens_details": {"thinking_tokens": reasoning}} if reasoning else {}
        delta = {"stop_reason": reason or "end_turn", "stop_sequence": None}
        usage = counts | {"output_tokens": completion} | thought
        last = named("message_delta", {"delta": delta, "usage": usage})
        return [self._stop(), last, named("message_stop", {})]

    def ping(self) -> bytes:
        return named("ping", {})

    def half(self) -> bytes:
        return b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_del'

    def garbage(self) -> bytes:
        return self.half() + b"\n\n"

    def error(self, status: int, message: str, *, headers: Mapping[str, str] | None = None, **more: Any) -> Response:
        error = {"type": "invalid_request_error", "message": self.echo(message)} | more
        body = {"type": "error", "error": error, "request_id": self.request_id}
        own = {"content-type": "application/json", "request-id": self.request_id}
        return Response([json.dumps(body).encode()], status, own | dict(headers or {}))

    def error_event(self, _code: int, message: str, kind: str = "api_error") -> bytes:
        return named("error", {"error": {"type": kind, "message": self.echo(message)}})

    def _delta(self, kind: str, delta: dict[str, str]) -> bytes:
        begin = b""
        if self._kind != kind:
            begin = self._stop()
            self._block, self._kind = self._block + 1, kind
            empty = {"type": kind, kind: ""} | ({"signature": ""} if kind == "thinking" else {})
            begin += named("content_block_start", {"index": self._block, "content_block": empty})
        return begin + named("content_block_delta", {"index": self._block, "delta": delta})

    def _stop(self) -> bytes:
        if self._block < 0:
            return b""
        signed = b""
        if self._kind == "thinking":
            delta = {"type": "signature_delta", "signature": "EqQBCgIYAhIM1gbcDa9GJwZA2b3h"}
            signed = named("content_block_delta", {"index": self._block, "delta": delta})
        return signed + named("content_block_stop", {"index": self._block})


FORMAT = Anthropic


def good(asked: Asked) -> Response:
    """A whole answer."""
    return answers(Anthropic, lambda reply: reply.stream())(asked)


def _refused(status: int, failure_kind: str, message: str, **more: Any) -> Fault:
    seen = {"http_status": status, "failure_kind": failure_kind, "provider_request_id": Anthropic.request_id}
    return Fault(refuses(Anthropic, status, message, **more), NOTHING | seen)


def _lacks(events: int) -> Script:
    """A whole answer but for its last events, which ends cleanly."""
    return answers(Anthropic, lambda reply: [*reply.opening(), reply.answer("Home"), *reply.closing(1)[:-events]])


_SEEN = {"http_status": 200, "answer": "Home", "ttft_sec": SOME, "provider_request_id": Anthropic.request_id}

FAULTS: dict[str, Fault] = {
    **faults.of_streams(Anthropic),
    "no message_stop": Fault(_lacks(1), _SEEN | {"failure_kind": "truncated_stream", "response_tokens": 1}),
    "no message_delta": Fault(_lacks(2), _SEEN | {"failure_kind": "truncated_stream", "finish_reason": None}),
    "window exceeded": Fault(
        answers(
            Anthropic,
            lambda it: [*it.opening(), it.answer("Home"), *it.closing(1, 0, "model_context_window_exceeded")],
        ),
        _SEEN | {"failure_kind": "context_too_long"},
    ),
    "overloaded midway": Fault(
        answers(
            Anthropic,
            lambda it: [
                *it.opening(),
                it.answer("Home"),
                named("error", {"error": {"type": "overloaded_error", "message": it.echo("Overloaded")}}),
            ],
        ),
        _SEEN | {"failure_kind": "stream_error"},
    ),
    "400, prompt too long": _refused(
        400, "context_too_long", "prompt is too long: 210542 tokens > 200000 maximum", type="invalid_request_error"
    ),
    "404, no such model": _refused(404, "model_unavailable", "model: claude-sonnet-4-5", type="not_found_error"),
    "413": _refused(413, "context_too_long", "Request exceeds the maximum size", type="request_too_large"),
    "429": _refused(
        429,
        "rate_limited",
        "This request would exceed your organization's rate limit of 40,000 input tokens per minute",
        type="rate_limit_error",
        headers={"retry-after": "12"},
    ),
    "529": _refused(529, "server_error", "Overloaded", type="overloaded_error"),
}
MISTAKES: dict[str, Mistake] = {
    "401": Mistake(refuses(Anthropic, 401, "invalid x-api-key", type="authentication_error"), "CredentialsError"),
    "400, credit": Mistake(
        refuses(Anthropic, 400, "Your credit balance is too low to access the Anthropic API."), "CredentialsError"
    ),
    "403": Mistake(
        refuses(Anthropic, 403, "Your API key does not have permission to use it", type="permission_error"),
        "CredentialsError",
    ),
    "400, ours": Mistake(
        refuses(Anthropic, 400, "max_tokens: 999999 > 64000, which is not allowed for this model"), "RequestError"
    ),
}
