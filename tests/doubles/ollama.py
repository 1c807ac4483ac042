"""Ollama's stream of ``/api/chat``, and what goes wrong with it.

https://docs.ollama.com/api/chat, https://docs.ollama.com/api/errors.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from doubles import faults
from doubles.faults import NOTHING, SOME, Fault, Format, Mistake, answers, refuses
from doubles.provider import Asked, Response, Step

MODEL = "ollama_chat/some-model"


class Ollama(Format):
    """One answer as Ollama sends it: a line a token."""

    request_id = None
    filtered = None
    counts_cached = False
    counts_reasoning = False

    def headers(self) -> dict[str, str]:
        return {"content-type": "application/x-ndjson"}

    def line(self, message: dict[str, str], **more: Any) -> bytes:
        content = {
            "model": "some-model",
            "created_at": "2026-11-29T07:00:00.097767Z",
            "message": {"role": "assistant", "content": ""} | message,
            "done": False,
        }
        return json.dumps(content | more).encode() + b"\n"

    def opening(self) -> list[Step]:
        return []

    def reasoning(self, text: str) -> bytes:
        return self.line({"thinking": text})

    def answer(self, text: str) -> bytes:
        return self.line({"content": text})

    def closing(self, completion: int, reasoning: int = 0, reason: str = "") -> list[Step]:
        times = {"total_duration": 174560334, "load_duration": 101397084, "prompt_eval_duration": 13074791}
        counts = {"prompt_eval_count": 100, "eval_count": completion, "eval_duration": 52479709}
        return [self.line({}, done=True, done_reason=reason or "stop", **times, **counts)]

    def ping(self) -> bytes:
        return b"\n"

    def half(self) -> bytes:
        return b'{"model": "some-model", "message": {"role": "assis'

    def garbage(self) -> bytes:
        return self.half() + b"\n"

    def error(self, status: int, message: str, *, headers: Mapping[str, str] | None = None, **_more: Any) -> Response:
        body = {"error": self.echo(message)}
        return Response([json.dumps(body).encode()], status, {"content-type": "application/json"} | dict(headers or {}))

    def error_event(self, _code: int, message: str) -> bytes:
        return json.dumps({"error": self.echo(message)}).encode() + b"\n"


FORMAT = Ollama


def good(asked: Asked) -> Response:
    """A whole answer."""
    return answers(Ollama, lambda reply: reply.stream())(asked)


def _refused(status: int, failure_kind: str, message: str) -> Fault:
    return Fault(refuses(Ollama, status, message), NOTHING | {"http_status": status, "failure_kind": failure_kind})


FAULTS: dict[str, Fault] = {
    **faults.of_streams(Ollama),
    "only loaded": Fault(
        answers(Ollama, lambda reply: reply.closing(0, 0, "load")),
        NOTHING | {"http_status": 200, "failure_kind": "stream_error", "response_tokens": 0, "token_source": SOME},
    ),
    "404": _refused(404, "model_unavailable", 'model "some-model" not found, try pulling it first'),
    "500": _refused(500, "server_error", "model requires more system memory (8.4 GiB) than is available (6.1 GiB)"),
}
MISTAKES: dict[str, Mistake] = {
    "401": Mistake(refuses(Ollama, 401, "unauthorized"), "CredentialsError"),
}
