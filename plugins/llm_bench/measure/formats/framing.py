"""How events lie in a stream's bytes: server-sent events, JSON lines, AWS event streams. Incremental and pure.

Each byte is looked at once, however the stream is cut into pieces. An event may not be larger than
:data:`LONGEST_EVENT`.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import json
from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol

from httpx_sse._decoders import SSEDecoder, SSELineDecoder

from llm_bench.measure.formats.answer import as_text, json_value

LONGEST_EVENT = 4 * 1024 * 1024
"""Bytes of one event. The largest that a provider sends is a whole answer in one event (some hundred KB)."""


class Event(NamedTuple):
    """One event of a stream.

    :param name: its name where the format has one, else empty; ``error`` for an error.
    :param data: its text, JSON in all formats known.
    """

    name: str
    data: str


class TooLargeError(Exception):
    """A stream, or one event of it, is larger than any answer can be."""


class BrokenFrameError(Exception):
    """A stream's bytes aren't framed as its content type says."""


class Frames(Protocol):
    """Takes pieces of a stream, gives the events that each completes."""

    def feed(self, piece: bytes) -> Iterator[Event]:
        """The events that this piece completes.

        :raises TooLargeError: an event is larger than ``LONGEST_EVENT``.
        :raises BrokenFrameError: the bytes can't be framed.
        """
        ...

    def close(self) -> Iterator[Event]:
        """The events that the end of the body completes."""
        ...


class ServerSentEvents:
    """Server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html).

    llama.cpp's server puts an error in a line of its own, ``error: {…}``, which the standard would skip
    (https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md).
    """

    def __init__(self) -> None:
        self._characters = codecs.getincrementaldecoder("utf-8")("replace")
        self._lines, self._events = SSELineDecoder(), SSEDecoder()
        self._size = 0

    def feed(self, piece: bytes) -> Iterator[Event]:
        text = self._characters.decode(piece)
        self._size += len(piece)
        if text:
            yield from self._read(self._lines.decode(text))
        if self._size > LONGEST_EVENT:
            raise TooLargeError(f"an event is larger than {LONGEST_EVENT // 2**20} MiB")

    def close(self) -> Iterator[Event]:
        yield from self._read(self._lines.flush())

    def _read(self, lines: list[str]) -> Iterator[Event]:
        for line in lines:
            if not line:
                self._size = 0
            elif line.startswith("error:"):
                yield Event("error", line.removeprefix("error:").strip())
                continue
            event = self._events.decode(line)
            if event is not None and event.data:  # without data it is none: a lone "retry:" or "id:"
                yield Event(event.event, event.data)


class JsonLines:
    """A JSON object a line."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0

    def feed(self, piece: bytes) -> Iterator[Event]:
        *whole, rest = piece.split(b"\n")
        for line in whole:
            yield from self._complete(line)
        self._parts.append(rest)
        self._size += len(rest)
        if self._size > LONGEST_EVENT:
            raise TooLargeError(f"an event is larger than {LONGEST_EVENT // 2**20} MiB")

    def close(self) -> Iterator[Event]:
        """A last line without its end is read if it is whole."""
        line = b"".join(self._parts)
        if isinstance(json_value(line), dict):
            yield from self._complete(b"")

    def _complete(self, end: bytes) -> Iterator[Event]:
        line = b"".join([*self._parts, end]).strip()
        self._parts, self._size = [], 0
        if line:
            yield Event("", line.decode("utf-8", "replace"))


class AwsEventStream:
    """Amazon's binary event stream, by botocore's own parser.

    https://docs.aws.amazon.com/AmazonS3/latest/API/RESTSelectObjectAppendix.html describes the frames. A ``chunk`` is
    an event of the model's own format in base64
    (https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_PayloadPart.html).
    """

    def __init__(self) -> None:
        from botocore.eventstream import EventStreamBuffer  # noqa: PLC0415  (only Bedrock's streams need it)

        self._buffer = EventStreamBuffer()
        self._size = 0

    def feed(self, piece: bytes) -> Iterator[Event]:
        from botocore.eventstream import ParserError  # noqa: PLC0415  (likewise)

        self._buffer.add_data(piece)
        self._size += len(piece)
        try:
            for message in self._buffer:
                self._size = 0
                yield _aws_event(message)
        except ParserError as fault:
            raise BrokenFrameError(f"the event stream is broken: {fault}") from fault
        if self._size > LONGEST_EVENT:
            raise TooLargeError(f"an event is larger than {LONGEST_EVENT // 2**20} MiB")

    def close(self) -> Iterator[Event]:
        yield from ()


def _aws_event(message: Any) -> Event:
    headers, payload = message.headers, message.payload.decode("utf-8", "replace")
    if headers.get(":message-type") in {"exception", "error"}:
        kind = as_text(headers.get(":exception-type") or headers.get(":error-code"))
        content = json_value(payload)
        words = content.get("message") if isinstance(content, dict) else payload
        return Event("error", json.dumps({"error": {"type": kind, "message": words or headers.get(":error-message")}}))
    name = as_text(headers.get(":event-type"))
    return Event("", _unpacked(payload)) if name == "chunk" else Event(name, payload)


def _unpacked(payload: str) -> str:
    content = json_value(payload)
    try:
        packed = content["bytes"] if isinstance(content, dict) else ""
        return base64.b64decode(packed, validate=True).decode("utf-8", "replace")
    except (KeyError, TypeError, ValueError, binascii.Error):
        return payload


_FRAMES: dict[str, type[Frames]] = {
    "text/event-stream": ServerSentEvents,
    "application/x-ndjson": JsonLines,
    "application/ndjson": JsonLines,
    "application/jsonl": JsonLines,
    "application/json-lines": JsonLines,
    "application/stream+json": JsonLines,
    "application/vnd.amazon.eventstream": AwsEventStream,
}


def frames_of(content_type: str) -> type[Frames] | None:
    """How the events of a stream with this content type are framed; None for what is no stream of events."""
    return _FRAMES.get(content_type.partition(";")[0].strip().lower())
