"""Reads a streamed answer as it arrives, in whichever format its first events show it to be."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

from llm_bench.measure.formats.answer import Answer, json_value
from llm_bench.measure.formats.anthropic import Anthropic
from llm_bench.measure.formats.bedrock import Bedrock
from llm_bench.measure.formats.cohere import Cohere
from llm_bench.measure.formats.framing import BrokenFrameError, Event, Frames, TooLargeError, frames_of
from llm_bench.measure.formats.gemini import Gemini
from llm_bench.measure.formats.ollama import Ollama
from llm_bench.measure.formats.openai import OpenAI

END = "[DONE]"
"""OpenAI's end of a stream, which gateways add to other formats, too."""

LONGEST_ANSWER = 64 * 1024 * 1024
"""Bytes of a stream: 200,000 tokens in the events of the wordiest format (some 300 bytes each)."""


class Format(Protocol):
    """One provider's format: what its events say."""

    name: str

    def recognises(self, name: str, content: dict[str, Any]) -> bool:
        """Whether an event is of this format, by its name or its shape."""
        ...

    def read(self, name: str, content: dict[str, Any], at: float, answer: Answer) -> None:
        """Takes one event."""
        ...

    def count(self, content: dict[str, Any], answer: Answer) -> None:
        """Takes the counts of an event that may come after the end."""
        ...

    def close(self, at: float, answer: Answer) -> None:
        """Takes the clean end of the body.

        :param at: arrival of its last event.
        """
        ...


FORMATS: tuple[Format, ...] = (OpenAI(), Anthropic(), Gemini(), Bedrock(), Cohere(), Ollama())


class Reader:
    """Reads one stream, each byte once.

    Nothing that a server can send makes it raise, but for sizes and frames that can be no answer.

    :param frames: how its events are framed.
    """

    def __init__(self, frames: Frames) -> None:
        self.answer = Answer()
        self._frames = frames
        self._format: Format | None = None
        self._size = 0
        self._last = 0.0

    @property
    def foreign(self) -> bool:
        """Whether there are events but no format that knows any of them."""
        answer = self.answer
        return self._format is None and answer.error is None and answer.events > answer.garbage

    @property
    def started(self) -> bool:
        """Whether a token came; in a format that isn't known, any event."""
        return bool(self.answer.token_times) or self.foreign

    def feed(self, piece: bytes, at: float) -> None:
        """Takes the next piece of the body.

        :param at: its arrival.
        :raises TooLargeError: the stream or an event of it is larger than any answer.
        :raises BrokenFrameError: the bytes aren't framed as the content type says.
        """
        self._size += len(piece)
        if self._size > LONGEST_ANSWER:
            raise TooLargeError(f"the answer is larger than {LONGEST_ANSWER // 2**20} MiB")
        for event in self._frames.feed(piece):
            self._take(event, at)

    def close(self, at: float, *, clean: bool) -> Answer:
        """Takes the end of the body; what the stream said.

        :param at: arrival of its last byte.
        :param clean: whether it ended as HTTP says.
        """
        if clean:
            for event in self._frames.close():
                self._take(event, at)
            if self._format is not None and self.answer.error is None:
                self._format.close(self._last, self.answer)
        self.answer.settle()
        return self.answer

    def _take(self, event: Event, at: float) -> None:
        answer = self.answer
        if event.data.strip() == END:
            if self._format is None or self._format.name == OpenAI.name:
                answer.end(at, final=True)
            return
        content = json_value(event.data)
        if answer.final:
            if isinstance(content, dict) and self._format is not None:
                self._format.count(content, answer)  # some state the usage after the end
            return
        answer.events += 1
        self._last = at
        error = _error(event, content)
        if error is not None:
            answer.error = error
        if not isinstance(content, dict):
            answer.garbage += error is None
            return
        self._read(event.name, content, at)

    def _read(self, name: str, content: dict[str, Any], at: float) -> None:
        if self._format is None:
            self._format = next((each for each in FORMATS if each.recognises(name, content)), None)
            self.answer.format = self._format.name if self._format else None
        if self._format is not None:
            self._format.read(name, content, at, self.answer)


def _error(event: Event, content: Any) -> dict[str, Any] | None:
    """The error that an event says, in one form: all formats have theirs in ``error``, or as the whole event."""
    if not isinstance(content, dict):
        return {"message": event.data} if event.name == "error" else None
    error = content.get("error")
    if not error and (event.name == "error" or "error" in (content.get("object"), content.get("type"))):
        error = content
    if not error:
        return None
    return error if isinstance(error, dict) else {"message": str(error)}


def reader_of(content_type: str) -> Reader | None:
    """A reader of a stream with this content type; None for what is no stream of events."""
    frames = frames_of(content_type)
    return Reader(frames()) if frames is not None else None


def read(body: Iterable[tuple[float, bytes]], content_type: str = "text/event-stream") -> Answer:
    """All that a whole stream says.

    :param body: pieces with their arrival.
    """
    reader, at = reader_of(content_type), 0.0
    if reader is None:
        return Answer()
    try:
        for at, piece in body:
            reader.feed(piece, at)
    except (TooLargeError, BrokenFrameError):
        return reader.close(at, clean=False)
    return reader.close(at, clean=True)
