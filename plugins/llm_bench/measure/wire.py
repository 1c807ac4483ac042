"""From the bytes of a streamed answer to what they say: text, usage, how it ended. Pure.

The format is OpenAI's chat completion stream (server-sent events that end with ``[DONE]``), with what Groq
(``x_groq``, ``event: error``) and OpenRouter (comments, ``reasoning``, ``error`` chunks, ``usage.cost``) document of
their own. Nothing that a server can send makes this raise: what has no meaning is counted or left out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NoReturn

import httpx
from httpx_sse import EventSource

END = "[DONE]"
_END_LINE = re.compile(rb"^data: ?\[DONE\][ \t]*\r?$", re.MULTILINE)
_OPENED = re.compile(r"(\s*)<think>(.*?)(?:</think>|\Z)", re.DOTALL)
# Where the chat template ends in <think>, the model's own words begin after it, and only the closing tag comes.
_UNOPENED = re.compile(r"()((?:(?!<think>).)*?)</think>", re.DOTALL)
_LARGEST_COUNT = 2**31

LONGEST_PAGE = 64 * 1024
"""Bytes of a body that is no stream: enough for its message. LiteLLM spends seconds on searching a long one."""

Stamped = Iterable[tuple[float, bytes]]


@dataclass(slots=True)
class Answer:
    """What a stream said. Times are those of the stamps it was read with.

    :param text: answer text, reasoning apart.
    :param reasoning: reasoning text, from its own fields or from ``<think>`` at the start of the content.
    :param token_times: arrival of each event that carries generated text, reasoning included, in order.
    :param first_answer: arrival of the first event that carries answer text that isn't blank.
    :param ended: arrival of ``[DONE]``.
    :param usage: what the provider stated and can be a count or a cost, or None.
    :param error: the provider's error event, or None.
    :param request_id: the provider's own id of the request, or else that of the completion.
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


def is_stream(status: int | None, headers: httpx.Headers) -> bool:
    """Whether a response is a stream of events that can be timed.

    One that is compressed can't: its bytes come when the compressor flushes, not when the token is made.
    """
    return (
        status == 200
        and str(headers.get("content-type", "")).startswith("text/event-stream")
        and headers.get("content-encoding", "").lower() in {"", "identity"}
    )


def page(headers: httpx.Headers, body: Stamped) -> str:
    """The text of a response that isn't a stream: its beginning, where it is very long.

    :param headers: tell the character set and the compression.
    :param body: pieces of the response's body.
    """
    content = b"".join(piece for _, piece in body)
    kept = {name: headers[name] for name in ("content-type", "content-encoding") if name in headers}
    try:
        text = httpx.Response(200, headers=kept, content=content[:LONGEST_PAGE]).text
    except httpx.DecodingError:
        return ""
    # Cut between words: half a key wouldn't be known for one.
    return text if len(content) <= LONGEST_PAGE else "".join(text.rsplit(maxsplit=1)[:1])


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
        if event.data:  # without data it is none, says the standard: a lone "retry:" or "id:"
            yield arrival, _as_error(event.data) if event.event == "error" else event.data


def read_answer(stream: Iterable[tuple[float, str]]) -> Answer:
    """All that the events of a stream say.

    :param stream: each event's arrival and data.
    """
    answer = Answer()
    content: list[tuple[float, str]] = []
    for arrival, data in stream:
        if data.strip() == END:
            answer.ended = arrival
            break
        chunk = _object(data)
        if chunk is None:
            answer.garbage += 1
        else:
            content.append((arrival, _read_chunk(answer, arrival, chunk)))
    _tell_apart(answer, content)
    return answer


def has_token(body: list[tuple[float, bytes]]) -> bool:
    """Whether a body so far holds an event with generated text."""
    return bool(read_answer(events(body)).token_times)


def has_end(piece: bytes) -> bool:
    """Whether a piece of a body ends the stream. (Within an answer a line break is escaped, so ``^`` is a real one.)"""
    return _END_LINE.search(piece) is not None


def storable(text: str) -> str:
    """Text that any store can hold: a character that came in halves is put together, a lone half or NUL is replaced."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").replace("\0", "\ufffd")


def json_value(text: str) -> Any:
    """What a JSON text says, strictly; None for what isn't one."""
    try:
        return json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")


def _object(data: str) -> dict[str, Any] | None:
    content = json_value(data)
    return content if isinstance(content, dict) else None


def _as_error(data: str) -> str:
    """The data of an ``event: error``, in the form that an error has elsewhere."""
    content = _object(data)
    return data if content and content.get("error") else json.dumps({"error": content or data})


def _read_chunk(answer: Answer, arrival: float, chunk: dict[str, Any]) -> str:
    """Takes all but the content of one event, and returns that."""
    own, choices = _dict(chunk.get("x_groq")), chunk.get("choices")
    choice = _dict(choices[0]) if isinstance(choices, list) and choices else {}
    answer.model = _text(chunk.get("model")) or answer.model
    answer.request_id = _text(own.get("id")) or answer.request_id or _text(chunk.get("id")) or None
    answer.usage = _counts(chunk.get("usage")) or _counts(own.get("usage")) or answer.usage
    error = chunk.get("error") or own.get("error") or choice.get("error")
    if error:
        answer.error = error if isinstance(error, dict) else {"message": str(error)}
    if not isinstance(choices, list):
        answer.foreign += not error
        return ""
    answer.chunks += 1
    answer.finish_reason = _text(choice.get("finish_reason")) or answer.finish_reason
    return _read_delta(answer, arrival, _dict(choice.get("delta")))


def _read_delta(answer: Answer, arrival: float, delta: dict[str, Any]) -> str:
    text = _text(delta.get("content"))
    reasoning = _text(delta.get("reasoning")) or _text(delta.get("reasoning_content")) or _details(delta)
    if text or reasoning:
        answer.token_times.append(arrival)
    answer.reasoning += reasoning
    return text


def _details(delta: dict[str, Any]) -> str:
    """Reasoning that OpenRouter tells in ``reasoning_details`` alone; else they repeat ``reasoning``."""
    details = delta.get("reasoning_details")
    if not isinstance(details, list):
        return ""
    return "".join(_text(detail.get("text")) or _text(detail.get("summary")) for detail in map(_dict, details))


def _tell_apart(answer: Answer, content: list[tuple[float, str]]) -> None:
    """Tells the answer from the reasoning that stands before it in the content, over all borders of chunks.

    Only at the start: a ``<think>`` further on is one that the answer speaks about.
    """
    whole = "".join(piece for _, piece in content)
    thought = _OPENED.match(whole) or (None if answer.reasoning else _UNOPENED.match(whole))
    start = thought.end() if thought else 0
    if thought:
        answer.reasoning += thought[1] + thought[2]
    answer.text, answer.reasoning = storable(whole[start:]), storable(answer.reasoning)
    end = 0
    for arrival, piece in content:
        end += len(piece)
        if piece[max(0, start - (end - len(piece))) :].strip():
            answer.first_answer = arrival
            return


def _counts(usage: Any) -> dict[str, Any] | None:
    """A usage object as far as it is well-formed, so that what counts with it needn't ask."""
    counts: dict[str, Any] = {}
    for name, value in _dict(usage).items():
        if isinstance(value, dict):
            counts[name] = _counts(value) or {}
        elif _is_count(name, value):
            counts[name] = value
    return counts or None


def _is_count(name: str, value: Any) -> bool:
    types = (int,) if name.endswith("_tokens") else (int, float)
    return isinstance(value, types) and not isinstance(value, bool) and 0 <= value < _LARGEST_COUNT


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
