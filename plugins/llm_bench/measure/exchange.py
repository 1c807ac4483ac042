"""One request and what came of it: its stamps, its deadlines, and the answer as it is read off the wire."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import httpx

from llm_bench.measure.formats.answer import Answer
from llm_bench.measure.formats.framing import BrokenFrameError, TooLargeError
from llm_bench.measure.formats.reader import Reader, reader_of
from llm_bench.measure.page import LONGEST_PAGE

Deadline = Literal["connect", "first_token", "total"]

AFTER_END_SEC = 0.25
"""How long to wait for the end of a body whose content is complete; reading it lets the connection be used again."""

LONGEST_FOREIGN = 4 * 1024 * 1024
"""Bytes of a stream in a format that no reader knows: LiteLLM, which translates it, takes long over a large one."""

OPENAI_HOST = "api.openai.com"
_OPENAI = {None, "openai", "text-completion-openai"}
_PLAIN = re.compile(r"[A-Za-z0-9 ]{4,60}")


class RefusedRequestError(httpx.RequestError):
    """A request isn't the exchange's one, and was kept off the wire."""


@dataclass(slots=True)
class Exchange:
    """One request and all that passed over the wire for it. Times are CLOCK_MONOTONIC, in seconds.

    :param connect_sec: time allowed to find the address and open the connection, TLS included.
    :param first_token_sec: time allowed from the request to its first token.
    :param total_sec: time allowed from the request to the end of the answer.
    :param question: what the request must carry to be the one that is measured.
    :param host: the only host that it may go to; any, where None.
    :param provider: where its address isn't given: a request to OpenAI is then one for want of an address.
    :param openai_key: a key that must go to OpenAI alone, which LiteLLM takes where a provider has none of its own.
    :param address: where the exchange's own request goes, without user, password and query.
    :param requests: requests that were made: one, or none.
    :param refused: others, which were kept off the wire: why.
    :param wanted_more: whether any of those came after the exchange's own.
    :param elsewhere: hosts to which a library wanted a connection of its own, which was refused.
    :param dns_sec: how long the look-up of the host's name took; None without one.
    :param rtt_sec: the kernel's own measure of the connection's round trip when the request was sent.
    :param first_byte: arrival of the first piece of the body.
    :param head: the beginning of the body.
    :param answer: what the stream said.
    :param missed: the deadline that ended it, if one did.
    :param replayed: arrival of the piece that LiteLLM is now reading.
    """

    connect_sec: float
    first_token_sec: float
    total_sec: float
    question: str
    host: str | None = None
    provider: str | None = None
    openai_key: str | None = field(default=None, repr=False)
    address: str | None = None
    requests: int = 0
    refused: list[str] = field(default_factory=list)
    wanted_more: bool = False
    elsewhere: list[str] = field(default_factory=list)
    connect_started: float | None = None
    tcp_connected: float | None = None
    connected: float | None = None
    dns_sec: float | None = None
    rtt_sec: float | None = None
    sent: float | None = None
    headers_read: float | None = None
    last_read: float | None = None
    first_byte: float | None = None
    status: int | None = None
    headers: httpx.Headers = field(default_factory=httpx.Headers)
    head: bytearray = field(default_factory=bytearray)
    answer: Answer = field(default_factory=Answer)
    secrets: tuple[str, ...] = field(default=(), repr=False)
    """The keys that the request was sent with, so that they can be taken out of whatever comes back."""
    delay_sec: float | None = None
    """The longest that this thread, in one read, was ready to run but had no core; None where not known."""
    stood_still_sec: float = 0.0
    """The longest that this machine, or this process, stood still meanwhile."""
    missed: Deadline | None = None
    fault: Exception | None = None
    replayed: float = 0.0
    _reader: Reader | None = None
    _complete: float | None = None
    _pieces: list[tuple[float, bytes]] = field(default_factory=list)
    _kept: int = 0

    @property
    def streamed(self) -> bool:
        """Whether the response is a stream of events that can be timed."""
        return self._reader is not None

    @property
    def foreign(self) -> bool:
        """Whether it is one in a format that no reader knows."""
        return self._reader is not None and self._reader.foreign

    def admit(self, request: httpx.Request) -> None:
        """Lets the exchange's one request through.

        :raises RefusedRequestError: it isn't that one; nothing of it may reach the wire.
        """
        reason = self._objection(request)
        if reason is not None:
            self.wanted_more = self.requests > 0
            self.refused.append(reason)
            raise RefusedRequestError(f"refused: {reason}", request=request)
        self.requests = 1
        self.address = public(str(request.url))

    def _objection(self, request: httpx.Request) -> str | None:
        host, place = request.url.host, request.url.host + request.url.path
        if self.requests:
            return f"a second request, to {place}"
        if not _carries(request, self.question):
            return f"a request without the question, to {place}"
        if self.host is not None and host != self.host:
            return f"a request to {host} instead of {self.host}"
        if self.host is None and self.provider not in _OPENAI and host == OPENAI_HOST:
            return f"a request to {host}, as no address of {self.provider} is known"
        if self.openai_key and any(self.openai_key in value for value in request.headers.values()):
            return f"a request with OpenAI's key, to {host}"
        return None

    def trace(self, event: str, _info: dict[str, Any]) -> None:
        """Takes the stamps that httpcore announces (its ``trace`` extension)."""
        if event == "connection.connect_tcp.started":
            self.connect_started = time.monotonic()
        elif event == "connection.connect_tcp.complete":
            self.tcp_connected = self.connected = time.monotonic()
        elif event == "connection.start_tls.complete":
            self.connected = time.monotonic()
        elif event == "http11.receive_response_headers.complete":
            self.headers_read = self.last_read

    def allowance(self) -> tuple[float, Deadline]:
        """Seconds left until the next deadline (at most 0 when it has passed), and which one it is."""
        now = time.monotonic()
        if self.sent is None:
            return self.connect_sec - (now - (self.connect_started or now)), "connect"
        total = self.total_sec - (now - self.sent)
        if self._complete is not None:
            return min(total, AFTER_END_SEC - (now - self._complete)), "total"
        first = self.first_token_sec - (now - self.sent)
        started = self._reader is not None and self._reader.started
        return (total, "total") if started or total <= first else (first, "first_token")

    def begin(self, status: int, headers: httpx.Headers) -> None:
        """Takes the head of the response.

        What is compressed is no stream: its bytes come when the compressor flushes, not when the token is made.
        """
        self.status, self.headers = status, headers
        if status == 200 and headers.get("content-encoding", "").strip().lower() in {"", "identity"}:
            self._reader = reader_of(headers.get("content-type", ""))

    def receive(self, parts: Iterable[bytes]) -> None:
        """Reads a whole body, stamping each piece with the time of the read that brought it.

        Of what is no stream, an error page say, only the first part is read.
        """
        clean, at = False, 0.0
        try:
            for part in parts:
                at = self.last_read or time.monotonic()
                if not self._take(at, part):
                    break
            clean = True
        except (TooLargeError, BrokenFrameError) as fault:
            self.fault = fault
        except Exception as fault:
            if self._reader is None or self._reader.answer.ended is None:
                self.fault = fault
            else:
                self.missed = None  # the answer is complete: what went wrong after it doesn't matter
        if self._reader is not None:
            self.answer = self._reader.close(at, clean=clean)
            self.answer.garbage += isinstance(self.fault, TooLargeError | BrokenFrameError)

    def cut(self) -> Answer:
        """What there is of the answer of a request that was ended from outside."""
        if self._reader is not None and self.answer.ended is None:
            self.answer = self._reader.answer
        return self.answer

    def _take(self, at: float, part: bytes) -> bool:
        """Takes one piece of the body; whether more is wanted."""
        if self.first_byte is None:
            self.first_byte = at
        if len(self.head) < LONGEST_PAGE:
            self.head.extend(part[: LONGEST_PAGE - len(self.head)])
        if self._reader is None:
            return len(self.head) < LONGEST_PAGE
        self._reader.feed(part, at)
        self._keep(at, part, self._reader)
        return True

    def _keep(self, at: float, part: bytes, reader: Reader) -> None:
        """Keeps what LiteLLM may have to translate, and notes when nothing more is to come."""
        answer = reader.answer
        if answer.format is None:
            self._pieces.append((at, part))
            self._kept += len(part)
            if self._kept > LONGEST_FOREIGN:
                raise TooLargeError(f"an answer in an unknown format is larger than {LONGEST_FOREIGN // 2**20} MiB")
        elif self._pieces:
            self._pieces = []
        if self._complete is None and (answer.final or answer.error is not None):
            self._complete = time.monotonic()

    def replay(self) -> Iterator[bytes]:
        """The body as it came, and the fault that ended it, if any."""
        for at, part in self._pieces:
            self.replayed = at
            yield part
        if self.fault is not None:
            raise self.fault


def public(address: str) -> str:
    """An address without what may be secret in it: user, password and query."""
    url = httpx.URL(address)
    return str(url.copy_with(userinfo=b"", query=None, fragment=None))


def _carries(request: httpx.Request, question: str) -> bool:
    """Whether a request's body holds a question, however its JSON is escaped."""
    body = request.read()
    plain = max(_PLAIN.findall(question), key=len, default="")
    if plain:
        return plain.strip().encode() in body
    text = question.strip()[:20]
    return any(json.dumps(text, ensure_ascii=escaped)[1:-1].encode() in body for escaped in (True, False))
