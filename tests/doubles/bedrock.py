"""Amazon Bedrock's ConverseStream, and what goes wrong with it.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html; the frames are those of
https://docs.aws.amazon.com/AmazonS3/latest/API/RESTSelectObjectAppendix.html.
"""

from __future__ import annotations

import json
import struct
from binascii import crc32
from collections.abc import Mapping
from typing import Any

from doubles import faults
from doubles.faults import ANSWER, NOTHING, SOME, Fault, Format, Mistake, answers, refuses
from doubles.provider import Asked, Response, Step

MODEL = "bedrock/anthropic.claude-3-5-sonnet-20240620-v1:0"


def frame(headers: Mapping[str, str], payload: bytes) -> bytes:
    """One message of an event stream: lengths and their checksum, headers, payload, checksum of all."""
    packed = b"".join(
        struct.pack("!B", len(name)) + name.encode() + struct.pack("!BH", 7, len(value)) + value.encode()
        for name, value in headers.items()
    )
    prelude = struct.pack("!II", 16 + len(packed) + len(payload), len(packed))
    message = prelude + struct.pack("!I", crc32(prelude)) + packed + payload
    return message + struct.pack("!I", crc32(message))


def named(name: str, content: dict[str, Any] | bytes) -> bytes:
    """One event."""
    headers = {":event-type": name, ":content-type": "application/json", ":message-type": "event"}
    return frame(headers, content if isinstance(content, bytes) else json.dumps(content).encode())


def exception(name: str, message: str) -> bytes:
    """One exception."""
    headers = {":exception-type": name, ":content-type": "application/json", ":message-type": "exception"}
    return frame(headers, json.dumps({"message": message}).encode())


class Bedrock(Format):
    """One answer as Bedrock sends it."""

    request_id = "f0a1c7de-5c2b-4a07-9d5c-1f2e3d4c5b6a"
    filtered = "guardrail_intervened"
    counts_reasoning = False

    def headers(self) -> dict[str, str]:
        return {"content-type": "application/vnd.amazon.eventstream", "x-amzn-requestid": self.request_id}

    def opening(self) -> list[Step]:
        return [named("messageStart", {"role": "assistant", "p": "abcdefgh"})]

    def reasoning(self, text: str) -> bytes:
        return named("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"reasoningContent": {"text": text}}})

    def answer(self, text: str) -> bytes:
        return named("contentBlockDelta", {"contentBlockIndex": 1, "delta": {"text": text}})

    def closing(self, completion: int, reasoning: int = 0, reason: str = "") -> list[Step]:
        usage = {"inputTokens": 36, "outputTokens": completion, "totalTokens": 100 + completion}
        cache = {"cacheReadInputTokens": 64, "cacheWriteInputTokens": 0}
        return [
            named("contentBlockStop", {"contentBlockIndex": 1}),
            named("messageStop", {"stopReason": reason or "end_turn"}),
            named("metadata", {"usage": usage | cache, "metrics": {"latencyMs": 1275}}),
        ]

    def ping(self) -> bytes:
        return named("initial-response", {})

    def half(self) -> bytes:
        return self.answer("a")[:-20]

    def garbage(self) -> bytes:
        return named("contentBlockDelta", b'{"contentBlockIndex": 0, "del')

    def error(self, status: int, message: str, *, headers: Mapping[str, str] | None = None, **more: Any) -> Response:
        own = {"content-type": "application/json", "x-amzn-requestid": self.request_id}
        kind = {"x-amzn-errortype": str(more.get("type", "ValidationException"))}
        return Response(
            [json.dumps({"message": self.echo(message)}).encode()], status, own | kind | dict(headers or {})
        )

    def error_event(self, _code: int, message: str) -> bytes:
        return exception("modelStreamErrorException", self.echo(message))


FORMAT = Bedrock


def good(asked: Asked) -> Response:
    """A whole answer."""
    return answers(Bedrock, lambda reply: reply.stream())(asked)


def _refused(status: int, failure_kind: str, kind: str, message: str) -> Fault:
    seen = {"http_status": status, "failure_kind": failure_kind, "provider_request_id": Bedrock.request_id}
    return Fault(refuses(Bedrock, status, message, type=kind), NOTHING | seen)


def _broken(reply: Format) -> list[Step]:
    damaged = bytearray(reply.answer(" led"))
    damaged[-1] ^= 0xFF
    return [*reply.opening(), reply.answer("Home"), bytes(damaged), *reply.closing(2)]


FAULTS: dict[str, Fault] = {
    **faults.of_streams(Bedrock),
    "a damaged frame": Fault(
        answers(Bedrock, _broken), {"http_status": 200, "answer": "Home", "failure_kind": "bad_response"}
    ),
    "throttled midway": Fault(
        answers(Bedrock, lambda it: [*it.opening(), exception("throttlingException", it.echo("Too many requests"))]),
        {"http_status": 200, "failure_kind": "rate_limited", "answer": None},
    ),
    "no messageStop": Fault(
        answers(Bedrock, lambda it: [*it.opening(), it.answer(ANSWER), *it.closing(4)[:1]]),
        {"http_status": 200, "failure_kind": "truncated_stream", "answer": ANSWER, "ttft_sec": SOME},
    ),
    "400, too long": _refused(400, "context_too_long", "ValidationException", "Input is too long for requested model."),
    "400, no such model": _refused(
        400, "model_unavailable", "ValidationException", "The provided model identifier is invalid."
    ),
    "424": _refused(424, "server_error", "ModelErrorException", "The model failed to process the request."),
    "429": _refused(429, "rate_limited", "ThrottlingException", "Too many requests, please wait."),
    "503": _refused(503, "server_error", "ServiceUnavailableException", "Too many connections."),
}
MISTAKES: dict[str, Mistake] = {
    "403, key": Mistake(
        refuses(Bedrock, 403, "The security token included in the request is invalid.",
                type="UnrecognizedClientException"),
        "CredentialsError",
    ),
    "403, access": Mistake(
        refuses(Bedrock, 403, "You don't have access to the model with the specified model ID.",
                type="AccessDeniedException"),
        "CredentialsError",
    ),
    "400, throughput": Mistake(
        refuses(Bedrock, 400, "Invocation with on-demand throughput isn't supported.", type="ValidationException"),
        "RequestError",
    ),
}  # fmt: skip
