"""Cohere's chat stream, version 2, and what goes wrong with it.

https://docs.cohere.com/v2/docs/streaming, https://docs.cohere.com/v2/reference/chat-stream,
https://docs.cohere.com/reference/errors.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from doubles import faults
from doubles.anthropic import named
from doubles.faults import NOTHING, SOME, Fault, Format, Mistake, answers, refuses
from doubles.provider import Asked, Response, Step

MODEL = "cohere_chat/command-a-reasoning"


class Cohere(Format):
    """One answer as Cohere sends it."""

    request_id = "29f14a5a-11de-4cae-9800-25e4747408ea"
    filtered = None
    counts_reasoning = False

    def __init__(self, asked: Asked) -> None:
        super().__init__(asked)
        self._block = -1
        self._kind = ""

    def headers(self) -> dict[str, str]:
        return {"content-type": "text/event-stream", "x-api-warning": "none"}

    def opening(self) -> list[Step]:
        message = {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}
        return [named("message-start", {"id": self.request_id, "delta": {"message": message}})]

    def reasoning(self, text: str) -> bytes:
        return self._delta("thinking", text)

    def answer(self, text: str) -> bytes:
        return self._delta("text", text)

    def closing(self, completion: int, reasoning: int = 0, reason: str = "") -> list[Step]:
        usage = {
            "billed_units": {"input_tokens": 90, "output_tokens": completion},
            "tokens": {"input_tokens": 100, "output_tokens": completion},
            "cached_tokens": 64,
        }
        end = named("message-end", {"delta": {"finish_reason": reason or "COMPLETE", "usage": usage}})
        return [named("content-end", {"index": max(self._block, 0)}), end, b"data: [DONE]\n\n"]

    def half(self) -> bytes:
        return b'event: content-delta\ndata: {"type": "content-delta", "index": 0, "delta": {"mess'

    def garbage(self) -> bytes:
        return self.half() + b"\n\n"

    def error(self, status: int, message: str, *, headers: Mapping[str, str] | None = None, **more: Any) -> Response:
        body = {"id": self.request_id, "message": self.echo(message)} | more
        return Response([json.dumps(body).encode()], status, {"content-type": "application/json"} | dict(headers or {}))

    def error_event(self, _code: int, message: str) -> bytes:
        return named("message-end", {"delta": {"finish_reason": "ERROR", "error": self.echo(message)}})

    def _delta(self, kind: str, text: str) -> bytes:
        begin = b""
        if self._kind != kind:
            self._block, self._kind = self._block + 1, kind
            content = {"type": kind, kind: ""}
            begin = named("content-start", {"index": self._block, "delta": {"message": {"content": content}}})
        delta = {"message": {"content": {kind: text}}}
        return begin + named("content-delta", {"index": self._block, "delta": delta})


FORMAT = Cohere


def good(asked: Asked) -> Response:
    """A whole answer."""
    return answers(Cohere, lambda reply: reply.stream())(asked)


def _refused(status: int, failure_kind: str, message: str) -> Fault:
    return Fault(refuses(Cohere, status, message), NOTHING | {"http_status": status, "failure_kind": failure_kind})


FAULTS: dict[str, Fault] = {
    **faults.of_streams(Cohere),
    "timeout at Cohere": Fault(
        answers(Cohere, lambda it: [*it.opening(), it.answer("Home"), *it.closing(1, 0, "TIMEOUT")]),
        {"http_status": 200, "answer": "Home", "ttft_sec": SOME, "failure_kind": "stream_error"},
    ),
    "400, too long": _refused(400, "context_too_long", "too many tokens: size limit exceeded by 11326 tokens."),
    "404": _refused(404, "model_unavailable", "model 'command-a-reasoning' not found"),
    "429": _refused(429, "rate_limited", "You are using a Trial key, which is limited to 20 API calls / minute."),
    "498": _refused(498, "content_filtered", "The request contains a deny-listed token."),
}
MISTAKES: dict[str, Mistake] = {
    "401": Mistake(refuses(Cohere, 401, "invalid api token"), "CredentialsError"),
    "422": Mistake(refuses(Cohere, 422, "temperature must be at most 1"), "RequestError"),
}
