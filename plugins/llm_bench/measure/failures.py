"""How a request went, told from what was seen on the wire. Pure.

A provider's fault has a ``failure_kind`` and is data. A mistake of ours or the user's is none of these: it raises.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from llm_bench.measure.transport import Deadline
from llm_bench.measure.wire import Answer

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
    "rate_limit_exceeded": "rate_limited",
}
_TOO_LONG = re.compile(r"context (length|window)|too many tokens|maximum context", re.IGNORECASE)
_SECRETS = re.compile(
    r"\b(sk-[A-Za-z0-9_-]{8,}|gsk_[A-Za-z0-9]{8,}|AIza[A-Za-z0-9_-]{8,}|Bearer\s+[A-Za-z0-9._~+/=-]{8,})"
)
_LONGEST_ERROR = 2000


def refused_key(status: int | None) -> bool:
    """Whether the provider refused the key or the account, which is the user's to mend."""
    return status in {401, 402, 403}


def refused_request(status: int | None, body: str) -> bool:
    """Whether the provider found the request itself wrong, so that asking on is pointless."""
    return status in {400, 405, 415, 422} and status_kind(status, body) is None


def status_kind(status: int | None, body: str) -> str | None:
    """The failure kind of a response that isn't a stream, or None where its status tells none.

    :param status: HTTP status.
    :param body: the response's text.
    """
    code = error_code(body)
    if code in _ERROR_CODES:
        return _ERROR_CODES[code]
    if status == 400 and _TOO_LONG.search(body):
        return "context_too_long"
    if status is not None and status >= 500:
        return "server_error"
    return _STATUS_KINDS.get(status or 0)


def error_code(body: str) -> str | None:
    """The code in an error body of OpenAI's form, or None."""
    try:
        error = json.loads(body)["error"]
        return str(error.get("code") or error.get("type"))
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def failure_kind(
    *,
    missed: Deadline | None,
    status: int | None,
    broken: bool,
    streamed: bool,
    error_body: str,
    answer: Answer,
) -> str | None:
    """Why a request failed, or None for a success.

    :param missed: the deadline that cut it, if one did.
    :param status: HTTP status, None when no response came.
    :param broken: whether the connection failed.
    :param streamed: whether a 200 came as an event stream.
    :param error_body: the body of a response that isn't a stream.
    :param answer: what the stream said.
    """
    if missed is not None:
        return _TIMEOUT_KINDS[missed]
    if status is None:
        return "connection"
    if status != 200:
        return status_kind(status, error_body) or "bad_response"
    if not streamed:
        return "bad_response"
    return _stream_kind(answer, broken=broken)


def _stream_kind(answer: Answer, *, broken: bool) -> str | None:
    if answer.error is not None:
        return _ERROR_CODES.get(str(answer.error.get("code") or answer.error.get("type")), "stream_error")
    if answer.finish_reason == "error":
        return "stream_error"
    if answer.finish_reason == "content_filter":
        return "content_filtered"
    if answer.garbage:
        return "bad_response"
    if broken or answer.ended is None or answer.finish_reason is None:
        return "truncated_stream"
    return None if answer.text.strip() else "empty_answer"


def scrub(text: str, secrets: tuple[str, ...]) -> str:
    """Text from outside with every secret taken out, and cut to a length that a record can hold.

    :param secrets: values that must never show.
    """
    for secret in secrets:
        if secret:
            text = text.replace(secret, "***")
    text = _SECRETS.sub("***", text)
    return text if len(text) <= _LONGEST_ERROR else text[: _LONGEST_ERROR - 1] + "…"
