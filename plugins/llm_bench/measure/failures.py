"""How a request went, from what was seen on the wire. Pure.

A provider's fault has a ``failure_kind`` and is data. A mistake of ours or the user's is none of these: it raises.
Only a refusal can be a mistake: once a request is accepted, whatever goes wrong is the provider's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from llm_bench.inert import storable
from llm_bench.measure import refusals
from llm_bench.measure.exchange import Deadline
from llm_bench.measure.formats.answer import STOPPED, Answer
from llm_bench.measure.hiding import hide
from llm_bench.method import Method

_TIMEOUT_KINDS: Mapping[Deadline, str] = {
    "connect": "timeout_connect",
    "first_token": "timeout_first_token",
    "total": "timeout_total",
}
_EVENT_CODES = {"413": "context_too_long", "429": "rate_limited", "498": "rate_limited"}
_SECRETS = re.compile(
    r"\b(sk-[A-Za-z0-9_-]{8,}|gsk_[A-Za-z0-9]{8,}|AIza[A-Za-z0-9_-]{8,}|Bearer\s+[A-Za-z0-9._~+/=-]{8,})"
)
_LONGEST_ERROR = 2000

SUCCESS = Method(
    "Success",
    "A request succeeded where its stream ended as its format documents, for a reason that counts as a success, with "
    "an answer that isn't blank. "
    "What the provider lays to the user (a refused key, an empty account, a wrong request) counts against no LLM: it "
    "stops the cell, and leaves no record.",
)


def error_kind(error: Mapping[str, Any]) -> str:
    """The failure kind of an error event within a stream.

    :param error: the event's error object.
    """
    named = refusals.named(error)
    if isinstance(named, str):
        return named
    code = str(error.get("code") or error.get("status_code"))
    return _EVENT_CODES.get(code) or refusals.phrased_kind(refusals.error_message(error)) or STOPPED


def failure_kind(
    *,
    missed: Deadline | None,
    status: int | None,
    streamed: bool,
    error_body: str,
    answer: Answer,
    headers: Mapping[str, str] | None = None,
) -> str | None:
    """Why a request failed, or None for a success. What the provider said of it goes before what we saw of it.

    :param missed: the deadline that cut it, if one did.
    :param status: HTTP status, None when no response came.
    :param streamed: whether a 200 came as an event stream.
    :param error_body: the body of a response that isn't a stream.
    :param answer: what the stream said.
    :param headers: of the response.
    """
    if status is None:
        return "connection" if missed is None else _TIMEOUT_KINDS[missed]
    if status == 200 and streamed:
        return _stream_kind(answer, missed)
    code = refusals.error_of(error_body).get("code")
    # OpenRouter's, where it had said 200 already; a mistake it can't be any more.
    status = code if status == 200 and isinstance(code, int) else status
    outcome = refusals.outcome(status, error_body, headers)
    return outcome if isinstance(outcome, str) else "bad_response"


def _stream_kind(answer: Answer, missed: Deadline | None) -> str | None:
    if answer.error is not None:
        return error_kind(answer.error)
    if missed is not None and answer.ended is None:
        return _TIMEOUT_KINDS[missed]
    wrongs = (
        (answer.finish_kind is not None, answer.finish_kind),
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
    end = _ENDS.get(answer.format or "", "its end")
    lacking = [what for what, seen in (("finish_reason", answer.finish_reason), (end, answer.ended)) if not seen]
    return {
        "truncated_stream": f"the stream ended without {' and '.join(lacking)}",
        "empty_answer": f"the stream ended without answer text (finish_reason {answer.finish_reason})",
        "bad_response": f"{answer.garbage} of the stream's events are no JSON",
    }.get(kind, f"finish_reason {answer.finish_reason}")


_ENDS = {
    "openai": "[DONE]",
    "anthropic": "message_stop",
    "gemini": "finishReason",
    "bedrock": "messageStop",
    "cohere": "message-end",
    "ollama": "done",
}


def scrub(text: str, secrets: tuple[str, ...]) -> str:
    """Text from outside with every secret and part of one taken out, and cut to a length that a record can hold.

    :param secrets: values that must never show.
    """
    text = storable(_SECRETS.sub("***", hide(text, secrets)))
    return text if len(text) <= _LONGEST_ERROR else text[: _LONGEST_ERROR - 1] + "…"
