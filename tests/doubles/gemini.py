"""Gemini's ``streamGenerateContent`` as server-sent events, and what goes wrong with it.

https://ai.google.dev/api/generate-content, https://ai.google.dev/gemini-api/docs/troubleshooting.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from doubles import faults
from doubles.faults import NOTHING, SOME, Fault, Format, Mistake, answers
from doubles.provider import Asked, Response, Step, event

MODEL = "gemini/gemini-2.5-flash"
INVALID_KEY = [
    {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID", "domain": "googleapis.com"}
]


class Gemini(Format):
    """One answer as Gemini sends it: each event a whole response with one more part."""

    request_id = "0a4xaPqJOcCgvdIPl8fXqAU"
    filtered = "SAFETY"
    counts_first = True

    def headers(self) -> dict[str, str]:
        return {"content-type": "text/event-stream", "server": "scaffolding on HTTPServer2"}

    def response(self, *parts: dict[str, Any], finish: str | None = None, **counts: int) -> bytes:
        candidate: dict[str, Any] = {"content": {"parts": list(parts), "role": "model"}, "index": 0}
        usage = {"promptTokenCount": 100, "cachedContentTokenCount": 64} | counts
        return event(
            {
                "candidates": [candidate | ({"finishReason": finish} if finish else {})],
                "usageMetadata": usage | {"totalTokenCount": sum(usage.values()) - 64},
                "modelVersion": "gemini-2.5-flash",
                "responseId": self.request_id,
            }
        )

    def opening(self) -> list[Step]:
        return [self.response()]

    def reasoning(self, text: str) -> bytes:
        return self.response({"text": text, "thought": True})

    def answer(self, text: str) -> bytes:
        return self.response({"text": text})

    def closing(self, completion: int, reasoning: int = 0, reason: str = "") -> list[Step]:
        counts = {"candidatesTokenCount": completion - reasoning}
        thought = {"thoughtsTokenCount": reasoning} if reasoning else {}
        return [self.response({"text": ""}, finish=reason or "STOP", **counts, **thought)]

    def half(self) -> bytes:
        return b'data: {"candidates": [{"content": {"parts": [{"te'

    def garbage(self) -> bytes:
        return self.half() + b"\n\n"

    def refusal(self, code: int, message: str, **more: Any) -> Response:
        """A refusal; ``status`` is Google's word for it."""
        body = {"error": {"code": code, "message": self.echo(message)} | more}
        return Response([json.dumps(body).encode()], code, {"content-type": "application/json"})

    def error(self, status: int, message: str, *, headers: Mapping[str, str] | None = None, **more: Any) -> Response:
        raise NotImplementedError("its word for a status is named status, too: see refusal")

    def error_event(self, code: int, message: str) -> bytes:
        return event({"error": {"code": code, "message": self.echo(message), "status": "UNAVAILABLE"}})


FORMAT = Gemini


def good(asked: Asked) -> Response:
    """A whole answer."""
    return answers(Gemini, lambda reply: reply.stream())(asked)


def _refused(code: int, failure_kind: str, message: str, status: str, **more: Any) -> Fault:
    def script(asked: Asked) -> Response:
        return Gemini(asked).refusal(code, message, status=status, **more)

    return Fault(script, NOTHING | {"http_status": code, "failure_kind": failure_kind})


def _listed(asked: Asked) -> Response:
    """A refusal in a list, as a stream without ``alt=sse`` has it."""
    error = {"code": 400, "message": f"API key not valid. (key {asked.key})", "details": INVALID_KEY}
    return Response([json.dumps([{"error": error}]).encode()], 400, {"content-type": "application/json"})


FAULTS: dict[str, Fault] = {
    **faults.of_streams(Gemini),
    "prompt blocked": Fault(
        answers(
            Gemini,
            lambda _it: [
                event(
                    {
                        "promptFeedback": {"blockReason": "PROHIBITED_CONTENT"},
                        "usageMetadata": {"promptTokenCount": 100, "totalTokenCount": 100},
                    }
                )
            ],
        ),
        NOTHING
        | {"http_status": 200, "failure_kind": "content_filtered", "finish_reason": "PROHIBITED_CONTENT"}
        | {"token_source": SOME, "prompt_tokens": 100},
    ),
    "400, too long": _refused(
        400,
        "context_too_long",
        "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
        status="INVALID_ARGUMENT",
    ),
    "404": _refused(404, "model_unavailable", "models/gemini-2.5-flash is not found", status="NOT_FOUND"),
    "429": _refused(
        429,
        "rate_limited",
        "You exceeded your current quota, please check your plan and billing details.",
        status="RESOURCE_EXHAUSTED",
        details=[{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34s"}],
    ),
    "503": _refused(503, "server_error", "The model is overloaded.", status="UNAVAILABLE"),
}


def _mistake(code: int, message: str, status: str, **more: Any) -> Mistake:
    return Mistake(lambda asked: Gemini(asked).refusal(code, message, status=status, **more), "CredentialsError")


MISTAKES: dict[str, Mistake] = {
    "400, key": _mistake(400, "API key not valid.", "INVALID_ARGUMENT", details=INVALID_KEY),
    "400, key, in a list": Mistake(_listed, "CredentialsError"),
    "403": _mistake(403, "Generative Language API has not been used", "PERMISSION_DENIED"),
}
