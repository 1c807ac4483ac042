"""What can go wrong with a provider, in either's wire format, and what a record must then hold.

The faults that are common to all providers are here; ``groq`` and ``openrouter`` add what each documents of its own.
"""

from __future__ import annotations

import gzip
import json
import random
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

from doubles.provider import Asked, Hang, Raw, Reset, Response, Script, Step, Wait, event

REASONING, ANSWER = "Hm, the table lists them.", "Home & Kitchen led."
HTML = b"<html><head><title>502 Bad Gateway</title></head><body><center>cloudflare</center></body></html>"
TRICKLE_SEC = 0.03


class _Some:
    """Equals whatever is not None."""

    def __eq__(self, other: object) -> bool:
        return other is not None

    def __hash__(self) -> int:
        return 0

    def __repr__(self) -> str:
        return "something"


SOME = _Some()


class Fault(NamedTuple):
    """A fault of a provider.

    :param script: serves it.
    :param expected: the fields of the record that it must lead to.
    """

    script: Script
    expected: dict[str, Any]

    @property
    def failure_kind(self) -> str:
        return str(self.expected["failure_kind"])


class Mistake(NamedTuple):
    """A mistake of ours or the user's, as a provider tells it.

    :param script: serves it.
    :param error: name of the error that must stop the cell.
    """

    script: Script
    error: str


class Format:
    """One answer in one provider's wire format.

    :param asked: the request that it answers.
    """

    request_id: ClassVar[str | None]
    """The provider's id of the request, as a record holds it; None where it gives none."""
    filtered: ClassVar[str | None] = "content_filter"
    """Its finish reason for an answer that its moderation cut; None where it has none."""
    counts_first: ClassVar[bool] = False
    """Whether it states the tokens of the prompt before the first one of the answer."""
    counts_along: ClassVar[bool] = False
    """Whether it states the tokens so far with each piece."""
    counts_cached: ClassVar[bool] = True
    """Whether it states how many tokens of the prompt its cache held: 64 of 100."""
    counts_reasoning: ClassVar[bool] = True
    """Whether it states how many tokens were reasoning."""
    thinks: ClassVar[bool] = True
    """Whether it sends the text of its reasoning, apart from the answer's."""

    def __init__(self, asked: Asked) -> None:
        self.asked = asked

    def headers(self) -> dict[str, str]:
        """Those of a stream."""
        raise NotImplementedError

    def opening(self) -> list[Step]:
        """What comes before the first token."""
        raise NotImplementedError

    def reasoning(self, text: str) -> bytes:
        raise NotImplementedError

    def answer(self, text: str) -> bytes:
        raise NotImplementedError

    def closing(self, completion: int, reasoning: int = 0, reason: str = "") -> list[Step]:
        """What comes after the last token: the counts, the reason (its word for a natural end, if empty), the end."""
        raise NotImplementedError

    def ping(self) -> bytes:
        """What keeps the connection alive and says nothing."""
        return b": ping\n\n"

    def half(self) -> bytes:
        """The beginning of an event."""
        return b'data: {"choices": [{"delta": {"content": "a"'

    def garbage(self) -> bytes:
        """An event that is no JSON."""
        return event('{"id": "chatcmpl-1", "choices": [{"del')

    def error(self, status: int, message: str, *, headers: Mapping[str, str] | None = None, **more: Any) -> Response:
        """A refusal. Its message echoes the key, as real ones have done."""
        raise NotImplementedError

    def error_event(self, code: int, message: str) -> bytes:
        raise NotImplementedError

    def echo(self, message: str) -> str:
        return f"{message} (key {self.asked.key})"

    def stream(
        self, answer: str = ANSWER, reasoning: str = "", *, first_token_sec: float = 0.0, token_sec: float = 0.0
    ) -> Iterator[Step]:
        """A whole good answer, a word a token."""
        yield from self.opening()
        thoughts, words = reasoning.split(), answer.split()
        for number, word in enumerate([*thoughts, *words]):
            yield Wait(token_sec if number else first_token_sec)
            thinking = number < len(thoughts)
            text = word if number in {0, len(thoughts)} else f" {word}"
            yield self.reasoning(text) if thinking else self.answer(text)
        yield from self.closing(len(thoughts) + len(words), len(thoughts))


class OpenAILike(Format):
    """One answer in OpenAI's format."""

    def finish(self, reason: str = "stop") -> bytes:
        raise NotImplementedError

    def usage(self, completion: int, reasoning: int = 0) -> bytes:
        raise NotImplementedError

    def closing(self, completion: int, reasoning: int = 0, reason: str = "") -> list[Step]:
        return [self.finish(reason or "stop"), self.usage(completion, reasoning), event("[DONE]")]


def answers(kind: type[Format], build: Callable[[Format], Iterable[Step]], **more: Any) -> Script:
    """A script that streams what ``build`` makes of the request."""

    def script(asked: Asked) -> Response:
        reply = kind(asked)
        return Response(build(reply), headers=reply.headers(), **more)

    return script


def refuses(kind: type[Format], status: int, message: str, **more: Any) -> Script:
    return lambda asked: kind(asked).error(status, message, **more)


def page(status: int, content_type: str, body: bytes, **headers: str) -> Script:
    """A script that answers with a page, whatever is asked."""
    return lambda _asked: Response(
        [body], status, {"content-type": content_type, **{name.replace("_", "-"): it for name, it in headers.items()}}
    )


NOTHING = {"answer": None, "ttft_sec": None, "first_answer_sec": None, "response_tokens": None, "token_source": None}


def _stages(kind: type[Format]) -> dict[str, tuple[Callable[[Format], list[Step]], dict[str, Any]]]:
    """How far a stream comes before its fault, and what a record then holds of it."""
    source = "provider" if kind.counts_along else "estimated"
    seen = {"ttft_sec": SOME, "response_tokens": SOME, "token_source": source}
    common = {"http_status": 200, "provider_request_id": kind.request_id}

    def opened(reply: Format) -> list[Step]:
        return reply.opening()

    def reasoned(reply: Format) -> list[Step]:
        return [*opened(reply), reply.reasoning(REASONING)]

    def answered(reply: Format) -> list[Step]:
        before = reasoned(reply) if kind.thinks else opened(reply)
        return [*before, reply.answer("Home &"), reply.answer(" Kitchen")]

    stages = {
        "after the headers": (opened, common | NOTHING | ({"token_source": "provider"} if kind.counts_first else {})),
        "after reasoning": (reasoned, common | seen | {"answer": None, "first_answer_sec": None}),
        "after answer text": (answered, common | seen | {"answer": "Home & Kitchen", "first_answer_sec": SOME}),
    }
    return {name: stage for name, stage in stages.items() if kind.thinks or "reasoning" not in name}


def _broken(
    kind: type[Format], stage: str, begin: Callable[[Format], list[Step]], seen: dict[str, Any]
) -> dict[str, Fault]:
    """Streams that break at one stage.

    :param begin: all that comes before the fault.
    :param seen: what a record holds of that.
    """
    silent = seen["ttft_sec"] is None
    deadline = "timeout_first_token" if silent else "timeout_total"

    def breaks(*tail: Step, whole: bool = True) -> Script:
        return answers(kind, lambda reply: [*begin(reply), *tail], whole=whole)

    def trickles(reply: Format) -> Iterator[Step]:
        yield from begin(reply)
        while True:
            yield Wait(TRICKLE_SEC)
            yield reply.ping() if silent else (reply.answer if seen["answer"] else reply.reasoning)("a")

    def errs(reply: Format) -> Iterator[Step]:
        yield from begin(reply)
        yield reply.error_event(502, "Upstream is gone")

    def garbles(reply: Format) -> Iterator[Step]:
        yield from begin(reply)
        yield reply.garbage()
        yield from reply.closing(5)

    def fault(script: Script, failure_kind: str, **more: Any) -> Fault:
        return Fault(script, seen | {"failure_kind": failure_kind} | more)

    return {
        f"reset {stage}": fault(breaks(Reset), "truncated_stream"),
        f"closed {stage}": fault(breaks(whole=False), "truncated_stream"),
        f"clean end {stage}": fault(breaks(), "truncated_stream"),
        f"half an event {stage}": fault(answers(kind, lambda reply: [*begin(reply), reply.half()]), "truncated_stream"),
        f"broken chunk {stage}": fault(breaks(Raw(b"zz\r\n")), "truncated_stream"),
        f"hang {stage}": fault(breaks(Hang), deadline),
        f"trickle {stage}": fault(answers(kind, trickles), deadline, answer=SOME if seen["answer"] else None),
        f"error event {stage}": fault(answers(kind, errs), "stream_error"),
        f"garbage {stage}": fault(
            answers(kind, garbles), "bad_response", response_tokens=5, token_source="provider", finish_reason=SOME
        ),
    }


def _headless(kind: type[Format]) -> dict[str, Fault]:
    """Faults before any header."""
    expected = NOTHING | {"http_status": None, "provider_request_id": None}

    def begins(*steps: Step) -> Script:
        return lambda _asked: Response([], before=steps)

    def trickles(_asked: Asked) -> Response:
        def steps() -> Iterator[Step]:
            yield Raw(b"HTTP/1.1 200 OK\r\n")
            while True:
                yield Wait(TRICKLE_SEC)
                yield Raw(b"x-filler: a\r\n")

        return Response([], before=steps())

    return {
        "reset before the headers": Fault(begins(Reset), expected | {"failure_kind": "connection"}),
        "no HTTP": Fault(
            begins(Raw(b"220 mail.example.org ESMTP\r\n"), Reset), expected | {"failure_kind": "connection"}
        ),
        "hang before the headers": Fault(begins(Hang), expected | {"failure_kind": "timeout_first_token"}),
        "trickle before the headers": Fault(trickles, expected | {"failure_kind": "timeout_first_token"}),
    }


def _unfinished(kind: type[Format]) -> dict[str, Fault]:
    """Streams that come to their end, but with no answer."""
    counted = _counted(kind)
    silent = counted | {"answer": None, "ttft_sec": None, "first_answer_sec": None, "response_tokens": 0}
    faults = {
        "empty answer": Fault(answers(kind, lambda reply: reply.stream("")), silent | {"failure_kind": "empty_answer"}),
        "blank answer": Fault(
            answers(kind, lambda reply: [*reply.opening(), reply.answer("\n \n"), *reply.closing(1)]),
            counted | {"answer": SOME, "first_answer_sec": None, "response_tokens": 1, "failure_kind": "empty_answer"},
        ),
        "reasoning but no answer": Fault(
            answers(kind, lambda reply: reply.stream("", REASONING)),
            counted | {"answer": None, "first_answer_sec": None, "response_tokens": 5, "failure_kind": "empty_answer"},
        ),
        "a finish reason of the future": Fault(
            answers(kind, lambda reply: [*reply.opening(), reply.answer(ANSWER), *reply.closing(4, 0, "solar_flare")]),
            counted | {"failure_kind": "stream_error", "finish_reason": "solar_flare"},
        ),
    }
    if not kind.thinks:
        del faults["reasoning but no answer"]
    filtered = kind.filtered
    if filtered is None:
        return faults
    return faults | {
        "filtered at once": Fault(
            answers(kind, lambda reply: [*reply.opening(), *reply.closing(0, 0, filtered)]),
            silent | {"failure_kind": "content_filtered", "finish_reason": filtered},
        ),
        "filtered midway": Fault(
            answers(kind, lambda reply: [*reply.opening(), reply.answer("Home"), *reply.closing(1, 0, filtered)]),
            counted | {"answer": "Home", "response_tokens": 1, "failure_kind": "content_filtered"},
        ),
    }


def _counted(kind: type[Format]) -> dict[str, Any]:
    whole = {"http_status": 200, "provider_request_id": kind.request_id, "answer": ANSWER, "ttft_sec": SOME}
    return whole | {"response_tokens": 4, "token_source": "provider"}


def openai_like(kind: type[OpenAILike]) -> dict[str, Fault]:
    """Streams that lack a part of OpenAI's end."""

    def ends(*closing: Callable[[OpenAILike], bytes]) -> Script:
        def build(reply: Format) -> list[Step]:
            assert isinstance(reply, OpenAILike)
            return [*reply.opening(), reply.answer(ANSWER), *(step(reply) for step in closing)]

        return answers(kind, build)

    return {
        "no [DONE] and no usage": Fault(
            ends(lambda reply: reply.finish("stop")),
            _counted(kind)
            | {"response_tokens": SOME, "token_source": "estimated"}
            | {"failure_kind": "truncated_stream", "finish_reason": "stop"},
        ),
        "no finish_reason": Fault(
            ends(lambda reply: reply.usage(4), lambda _reply: event("[DONE]")),
            _counted(kind) | {"failure_kind": "truncated_stream", "finish_reason": None},
        ),
    }


def _pages(kind: type[Format]) -> dict[str, Fault]:
    """Responses that are no stream."""
    completion = {"object": "chat.completion", "choices": [{"message": {"content": ANSWER}, "finish_reason": "stop"}]}

    def gzipped(asked: Asked) -> Response:
        reply = kind(asked)
        body = b"".join(step for step in reply.stream() if isinstance(step, bytes))
        return Response([gzip.compress(body)], headers=reply.headers() | {"content-encoding": "gzip"})

    def hangs(status: int) -> Script:
        return lambda _asked: Response([b'{"error', Hang], status, {"content-type": "application/json"})

    def fault(script: Script, status: int, failure_kind: str, **more: Any) -> Fault:
        return Fault(script, NOTHING | {"http_status": status, "failure_kind": failure_kind} | more)

    return {
        "500": fault(refuses(kind, 500, "Internal Server Error"), 500, "server_error"),
        "502 with HTML": fault(page(502, "text/html", HTML), 502, "server_error", error="HTTP 502: " + HTML.decode()),
        "502, empty": fault(page(502, "text/html", b""), 502, "server_error"),
        "502 with HTML, gzipped": fault(
            page(502, "text/html", gzip.compress(HTML), content_encoding="gzip"),
            502,
            "server_error",
            error="HTTP 502: " + HTML.decode(),
        ),
        "503 that hangs": fault(hangs(503), 503, "server_error"),
        "429 that hangs": fault(hangs(429), 429, "rate_limited"),
        "429 as an event stream": fault(page(429, "text/event-stream", b'{"error": {}}'), 429, "rate_limited"),
        "huge page": fault(page(500, "text/html", b"<p>sorry</p> " * 150_000), 500, "server_error"),
        "408": fault(refuses(kind, 408, "Your request timed out"), 408, "timeout_total"),
        "404 from a proxy": fault(page(404, "text/html", b"<h1>Not Found</h1>"), 404, "model_unavailable"),
        "redirect": fault(page(307, "text/html", b"", location="http://127.0.0.1:9/v1"), 307, "bad_response"),
        "202": fault(lambda _asked: Response([], 202, {"content-type": "text/plain"}), 202, "bad_response"),
        "JSON, no stream": fault(page(200, "application/json", json.dumps(completion).encode()), 200, "bad_response"),
        "HTML under 200": fault(page(200, "text/html", b"<h1>Sign in to the hotel's Wi-Fi</h1>"), 200, "bad_response"),
        "gzipped stream": fault(gzipped, 200, "bad_response", provider_request_id=SOME),
    }


def common(kind: type[Format]) -> dict[str, Fault]:
    """The faults that every provider may have, by name."""
    return _headless(kind) | _pages(kind) | of_streams(kind)


def of_streams(kind: type[Format]) -> dict[str, Fault]:
    """Those within a stream."""
    faults = _unfinished(kind)
    for stage, (begin, seen) in _stages(kind).items():
        faults |= _broken(kind, stage, begin, seen)
    return faults


@dataclass(frozen=True)
class Served:
    """What a question was answered with.

    :param fault: name of the fault, or None for a good answer.
    :param failure_kind: what the record must hold, None for a success.
    """

    fault: str | None
    failure_kind: str | None


class Mixed:
    """A script that answers some questions with a fault and keeps a log of which.

    What a question meets depends on the seed, the model, the question and how often it was asked, not on the order in
    which several cells ask.

    :param good: answers the others.
    :param faults: those to draw from, each as likely.
    :param share: of the questions that meet one.
    """

    def __init__(self, good: Script, faults: Mapping[str, Fault], *, share: float = 0.2, seed: int = 0) -> None:
        self._good = good
        self._faults = dict(faults)
        self._share = share
        self._seed = seed
        self._lock = threading.Lock()
        self.log: dict[tuple[str, str], list[Served]] = {}
        """What each (model, question) was answered with, in the order in which it was asked."""

    def __call__(self, asked: Asked) -> Response:
        key = asked.model, asked.question
        with self._lock:
            served = self.log.setdefault(key, [])
            drawn = random.Random(f"{self._seed}/{key}/{len(served)}")
            name = drawn.choice(sorted(self._faults)) if drawn.random() < self._share else None
            served.append(Served(name, self._faults[name].failure_kind if name else None))
        return (self._faults[name].script if name else self._good)(asked)
