"""From the bytes of a streamed answer to what they say: text, usage, how it ended. Pure.

The format is OpenAI's chat completion stream (server-sent events that end with ``[DONE]``), with what Groq
(``x_groq``) and OpenRouter (comments, ``reasoning``, ``error`` chunks, ``usage.cost``) document of their own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
from httpx_sse import EventSource

END = "[DONE]"
_END_LINE = re.compile(rb"^data: ?\[DONE\]", re.MULTILINE)

Stamped = Iterable[tuple[float, bytes]]


@dataclass(slots=True)
class Answer:
    """What a stream said. Times are those of the stamps it was read with.

    :param text: answer text, reasoning apart.
    :param reasoning: reasoning text.
    :param token_times: arrival of each event that carries generated text, reasoning included, in order.
    :param first_answer: arrival of the first event that carries answer text.
    :param ended: arrival of ``[DONE]``.
    :param usage: token counts as the provider stated them, or None.
    :param error: the provider's error event, or None.
    :param garbage: events that aren't JSON objects.
    :param chunks: events that are chat completion chunks.
    :param foreign: events that are JSON objects of some other protocol.
    """

    text: str = ""
    reasoning: str = ""
    token_times: list[float] = field(default_factory=list)
    first_answer: float | None = None
    ended: float | None = None
    finish_reason: str | None = None
    usage: dict[str, Any] | None = None
    error: dict[str, Any] | None = None
    model: str | None = None
    request_id: str | None = None
    garbage: int = 0
    chunks: int = 0
    foreign: int = 0


def events(body: Stamped) -> Iterator[tuple[float, str]]:
    """The data of each server-sent event with the arrival of the piece that completed it.

    :param body: pieces of the response's body with their arrival times.
    """
    arrival = 0.0

    def pieces() -> Iterator[bytes]:
        nonlocal arrival
        for arrival, piece in body:  # noqa: B007  (read below, as the parser pulls piece by piece)
            yield piece

    response = httpx.Response(200, headers={"content-type": "text/event-stream"}, content=pieces())
    for event in EventSource(response).iter_sse():
        yield arrival, event.data


def read_answer(stream: Iterable[tuple[float, str]]) -> Answer:
    """All that the events of a stream say.

    :param stream: each event's arrival and data.
    """
    answer = Answer()
    for arrival, data in stream:
        if data.strip() == END:
            answer.ended = arrival
            break
        chunk = _object(data)
        if chunk is None:
            answer.garbage += 1
        else:
            _read_chunk(answer, arrival, chunk)
    return answer


def has_token(body: list[tuple[float, bytes]]) -> bool:
    """Whether a body so far holds an event with generated text."""
    return bool(read_answer(events(body)).token_times)


def has_end(piece: bytes) -> bool:
    """Whether a piece of a body ends the stream. (Within an answer a line break is escaped, so ``^`` is a real one.)"""
    return _END_LINE.search(piece) is not None


def _object(data: str) -> dict[str, Any] | None:
    try:
        content = json.loads(data)
    except ValueError:
        return None
    return content if isinstance(content, dict) else None


def _read_chunk(answer: Answer, arrival: float, chunk: dict[str, Any]) -> None:
    answer.model = chunk.get("model") or answer.model
    answer.request_id = chunk.get("id") or answer.request_id
    own = chunk.get("x_groq") or {}
    answer.usage = chunk.get("usage") or own.get("usage") or answer.usage
    error = chunk.get("error") or own.get("error")
    if error:
        answer.error = error if isinstance(error, dict) else {"message": str(error)}
    choices = chunk.get("choices")
    if not isinstance(choices, list):
        answer.foreign += not error
        return
    answer.chunks += 1
    for choice in choices[:1]:
        answer.finish_reason = choice.get("finish_reason") or answer.finish_reason
        _read_delta(answer, arrival, choice.get("delta") or {})


def _read_delta(answer: Answer, arrival: float, delta: dict[str, Any]) -> None:
    text = delta.get("content") or ""
    reasoning = delta.get("reasoning") or delta.get("reasoning_content") or ""
    if text or reasoning:
        answer.token_times.append(arrival)
    if text and answer.first_answer is None:
        answer.first_answer = arrival
    answer.text += text
    answer.reasoning += reasoning
