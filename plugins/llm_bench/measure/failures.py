"""How a request went, told from what was seen on the wire. Pure.

A provider's fault has a ``failure_kind`` and is data. A mistake of ours or the user's is none of these: it raises.
Only the HTTP status tells a mistake: once a request is accepted, whatever goes wrong is the provider's.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from llm_bench.measure.transport import Deadline
from llm_bench.measure.wire import Answer, json_value, storable

_STATUS_KINDS = {
    404: "model_unavailable",
    408: "timeout_total",
    410: "model_unavailable",
    413: "context_too_long",
    429: "rate_limited",
    498: "rate_limited",  # Groq: capacity of the flex tier exceeded
}
_TIMEOUT_KINDS: Mapping[Deadline, str] = {
    "connect": "timeout_connect",
    "first_token": "timeout_first_token",
    "total": "timeout_total",
}
_ERROR_CODES = {
    "context_length_exceeded": "context_too_long",
    "model_not_found": "model_unavailable",
    "model_decommissioned": "model_unavailable",
    "content_filter": "content_filtered",
    "content_policy_violation": "content_filtered",
    "rate_limit_exceeded": "rate_limited",
}
_ACCOUNT_CODES = {
    "insufficient_quota",  # OpenAI, 429
    "blocked_api_access",  # Groq, 400: the spend limit is reached
    "organization_restricted",  # Groq, 400
}
_EVENT_CODES = {"413": "context_too_long", "429": "rate_limited", "498": "rate_limited"}
_PHRASES = (
    (
        re.compile(r"context (length|window)|too many tokens|maximum context|reduce the length of the messages", re.I),
        "context_too_long",
    ),
    (re.compile(r"is not a valid model ID"), "model_unavailable"),  # OpenRouter, 400, for a model that it dropped
)
_SECRETS = re.compile(
    r"\b(sk-[A-Za-z0-9_-]{8,}|gsk_[A-Za-z0-9]{8,}|AIza[A-Za-z0-9_-]{8,}|Bearer\s+[A-Za-z0-9._~+/=-]{8,})"
)
_LONGEST_ERROR = 2000


def refused_key(status: int | None, body: str) -> bool:
    """Whether the provider refused the key or the account, which is the user's to fix.

    OpenRouter's 403 may also mean that the question was moderated, and its 402 that too much is in flight: both are
    told by the body.
    """
    if status in {402, 403}:
        return status_kind(status, body) not in {"content_filtered", "rate_limited"}
    return status == 401 or (status in {400, 429} and error_of(body).get("code") in _ACCOUNT_CODES)


def refused_request(status: int | None, body: str) -> bool:
    """Whether the provider found the request itself wrong, so that asking on is pointless."""
    if status == 404:
        return error_of(body).get("code") == "unknown_url"  # Groq: not the model is missing but the whole address
    return status in {400, 405, 415, 422} and status_kind(status, body) is None


def status_kind(status: int | None, body: str) -> str | None:
    """The failure kind of a response that isn't a stream, or None where neither status nor body tells one.

    :param status: HTTP status.
    :param body: the response's text.
    """
    if status == 413:
        # Groq gives it the code rate_limit_exceeded, but what is too large stays so however long one waits.
        return _STATUS_KINDS[413]
    kind = _stated(error_of(body)) or (_phrased(body) if status == 400 else None)
    if kind is None and status is not None and status >= 500:
        return "server_error"
    return kind or _STATUS_KINDS.get(status or 0)


def error_kind(error: Mapping[str, Any]) -> str:
    """The failure kind of an error event within a stream.

    :param error: the event's error object.
    """
    code = str(error.get("code") or error.get("status_code"))
    return _stated(error) or _EVENT_CODES.get(code) or _phrased(error_message(error)) or "stream_error"


def error_of(body: str) -> dict[str, Any]:
    """The error object of a JSON body; empty where there is none."""
    content = json_value(body)
    if not isinstance(content, dict):
        return {}
    error = content.get("error") or (content if "message" in content else {})
    return error if isinstance(error, dict) else {"message": str(error)}


def error_message(error: Mapping[str, Any]) -> str:
    """An error object in words, with what OpenRouter adds of the provider behind it."""
    metadata = _metadata(error)
    names = ("provider_name", "raw", "reasons", "patterns")
    more = [value if isinstance(value, str) else json.dumps(value) for value in map(metadata.get, names) if value]
    text = str(error.get("message") or json.dumps(error))
    return f"{text} ({': '.join(more)})" if more else text


def failure_kind(
    *, missed: Deadline | None, status: int | None, streamed: bool, error_body: str, answer: Answer
) -> str | None:
    """Why a request failed, or None for a success. What the provider said of it goes before what we saw of it.

    :param missed: the deadline that cut it, if one did.
    :param status: HTTP status, None when no response came.
    :param streamed: whether a 200 came as an event stream.
    :param error_body: the body of a response that isn't a stream.
    :param answer: what the stream said.
    """
    if status is None:
        return "connection" if missed is None else _TIMEOUT_KINDS[missed]
    if status != 200:
        return status_kind(status, error_body) or "bad_response"
    if not streamed:
        code = error_of(error_body).get("code")  # OpenRouter's, where it had said 200 already
        return status_kind(code if isinstance(code, int) else 200, error_body) or "bad_response"
    return _stream_kind(answer, missed)


def _stream_kind(answer: Answer, missed: Deadline | None) -> str | None:
    if answer.error is not None or answer.finish_reason == "error":
        return error_kind(answer.error or {})
    if missed is not None and answer.ended is None:
        return _TIMEOUT_KINDS[missed]
    wrongs = (
        (answer.finish_reason == "content_filter", "content_filtered"),
        (answer.garbage > 0, "bad_response"),
        (answer.ended is None or answer.finish_reason is None, "truncated_stream"),
        (not answer.text.strip(), "empty_answer"),
    )
    return next((kind for wrong, kind in wrongs if wrong), None)


def describe(kind: str, answer: Answer) -> str:
    """What is wrong with a stream, in our words, for where neither the provider nor the network has any.

    :param kind: the failure kind.
    :param answer: what the stream said.
    """
    lacking = [what for what, seen in (("finish_reason", answer.finish_reason), ("[DONE]", answer.ended)) if not seen]
    return {
        "truncated_stream": f"the stream ended without {' and '.join(lacking)}",
        "empty_answer": f"the stream ended without answer text (finish_reason {answer.finish_reason})",
        "bad_response": f"{answer.garbage} of the stream's events are no JSON",
    }.get(kind, f"finish_reason {answer.finish_reason}")


def scrub(text: str, secrets: tuple[str, ...]) -> str:
    """Text from outside with every secret taken out, and cut to a length that a record can hold.

    :param secrets: values that must never show.
    """
    for secret in secrets:
        if secret:
            text = text.replace(secret, "***")
    text = storable(_SECRETS.sub("***", text))
    return text if len(text) <= _LONGEST_ERROR else text[: _LONGEST_ERROR - 1] + "…"


def _stated(error: Mapping[str, Any]) -> str | None:
    """The failure kind that an error object names by a code, or by what it says of the content or the budget."""
    metadata = _metadata(error)
    for code in (error.get("code"), error.get("type"), metadata.get("error_type")):
        if isinstance(code, str) and code in _ERROR_CODES:
            return _ERROR_CODES[code]
    if metadata.get("reasons") or metadata.get("patterns"):
        return "content_filtered"  # OpenRouter: moderation gives reasons, a guardrail the patterns that it found
    if metadata.get("limit_source") == "openrouter_in_flight_budget":
        return "rate_limited"
    return None


def _phrased(text: str) -> str | None:
    return next((kind for pattern, kind in _PHRASES if pattern.search(text)), None)


def _metadata(error: Mapping[str, Any]) -> dict[str, Any]:
    metadata = error.get("metadata")
    return metadata if isinstance(metadata, dict) else {}
