"""Where the clock is: an httpx transport that stamps bytes as they arrive and holds the deadlines.

The whole answer is read off the socket, each piece stamped, before the client library above sees any of it. So no
parsing of one piece can delay the reading of the next, and the times are those of the network, not of a library.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import httpcore
import httpx

from llm_bench.measure import wire

Deadline = Literal["connect", "first_token", "total"]

_SCHEDSTAT = Path("/proc/thread-self/schedstat")
_KEY_HEADERS = ("authorization", "x-api-key", "api-key", "x-goog-api-key")
_SHORTEST_SECRET = 5
"""Airflow's own bound: what is shorter is a word, and to take it out would make a text unreadable."""

_LONGEST_END = len(b"data: [DONE]\r")

AFTER_END_SEC = 0.25
"""How long to wait for the end of a body whose content is complete; reading it lets the connection be used again."""


@dataclass(slots=True)
class Exchange:
    """One request and all that passed over the wire for it. Times are CLOCK_MONOTONIC, in seconds.

    :param connect_sec: time allowed to open the connection, TLS included.
    :param first_token_sec: time allowed from the request to its first token.
    :param total_sec: time allowed from the request to the end of the answer.
    """

    connect_sec: float
    first_token_sec: float
    total_sec: float
    requests: int = 0
    connect_started: float | None = None
    tcp_connected: float | None = None
    connected: float | None = None
    sent: float | None = None
    headers_read: float | None = None
    last_read: float | None = None
    status: int | None = None
    headers: httpx.Headers = field(default_factory=httpx.Headers)
    body: list[tuple[float, bytes]] = field(default_factory=list)
    secrets: tuple[str, ...] = field(default=(), repr=False)
    """The keys that the request was sent with, so that they can be taken out of whatever comes back."""
    delay_sec: float | None = None
    """The longest that this thread, in one read, was ready to run but had no core; None where not told."""
    missed: Deadline | None = None
    fault: Exception | None = None
    replayed: float | None = None
    """Arrival of the piece that the client library above is now reading."""
    _token_seen: bool = False
    _ended: float | None = None

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
        if self._ended is not None:
            return min(total, AFTER_END_SEC - (now - self._ended)), "total"
        first = self.first_token_sec - (now - self.sent)
        return (total, "total") if self._token_seen or total <= first else (first, "first_token")

    def receive(self, parts: Iterable[bytes]) -> None:
        """Reads a whole body, stamping each piece with the time of the read that brought it.

        Of what is no stream, an error page say, only the first part is read.
        """
        streamed, tail, size = wire.is_stream(self.status, self.headers), b"", 0
        try:
            for part in parts:
                self.body.append((self.last_read or time.monotonic(), part))
                if streamed:
                    tail = self._watch(tail + part)
                else:
                    size += len(part)
                    if size >= wire.LONGEST_PAGE:
                        break
        except Exception as fault:
            if self._ended is None:
                self.fault = fault
            else:
                self.missed = None  # the answer is complete: what went wrong after it doesn't matter

    def _watch(self, recent: bytes) -> bytes:
        """Notes the first token and the end of the answer, for the deadlines; what to put before the next piece.

        :param recent: the last piece, after the unfinished line of the one before: the end may lie on the border.
        """
        if self._ended is None and wire.has_end(recent):
            self._ended = time.monotonic()
        if not self._token_seen:
            self._token_seen = wire.has_token(self.body)
        line = recent[recent.rfind(b"\n") + 1 :]
        return line if len(line) <= _LONGEST_END else b"."  # too long for an end: any other start of a line does

    def replay(self) -> Iterator[bytes]:
        """The body as it came, and the fault that ended it, if any."""
        for arrival, part in self.body:
            self.replayed = arrival
            yield part
        if self.fault is not None:
            raise self.fault


def secrets_of(headers: Iterable[str]) -> tuple[str, ...]:
    """The secrets in values of headers: each whole, and without the scheme before it ("Bearer …").

    :param headers: the values.
    """
    parts = (part for value in headers for part in (value, value.rpartition(" ")[2]))
    return tuple(dict.fromkeys(part for part in parts if len(part) >= _SHORTEST_SECRET))


class CoreWait:
    """How long the thread that makes this has been ready to run without a core (Linux's schedstat)."""

    def __init__(self) -> None:
        try:
            # Kept open: reading it then costs 2 µs instead of 20.
            self._file: int | None = os.open(_SCHEDSTAT, os.O_RDONLY)
        except OSError:
            self._file = None

    def seconds(self) -> float | None:
        """Since the thread started; None where the system doesn't tell."""
        try:
            return None if self._file is None else int(os.pread(self._file, 64, 0).split()[1]) / 1e9
        except (OSError, IndexError, ValueError):
            return None

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None


class _StampedStream(httpcore.NetworkStream):
    """A connection whose reads are stamped and end at the deadline of the current exchange."""

    def __init__(self, inner: httpcore.NetworkStream, transport: InstrumentedTransport) -> None:
        self._inner = inner
        self._transport = transport

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002  (per read: no deadline)
        exchange = self._transport.exchange
        left, deadline = exchange.allowance()
        waited = self._transport.core_wait.seconds()
        try:
            if left <= 0:
                raise httpcore.ReadTimeout("deadline passed")
            data = self._inner.read(max_bytes, left)
        except httpcore.ReadTimeout:
            exchange.missed = deadline
            raise
        exchange.last_read = time.monotonic()
        if waited is not None:
            late = (self._transport.core_wait.seconds() or 0.0) - waited
            exchange.delay_sec = max(exchange.delay_sec or 0.0, late)
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002
        exchange = self._transport.exchange
        left, deadline = exchange.allowance()
        if exchange.sent is None:
            exchange.sent = time.monotonic()  # the connection is open: the first bytes written are the request's
        try:
            self._inner.write(buffer, max(left, 0.001))
        except httpcore.WriteTimeout:
            exchange.missed = deadline
            raise

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self,
        ssl_context: Any,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002
    ) -> httpcore.NetworkStream:
        exchange = self._transport.exchange
        try:
            inner = self._inner.start_tls(ssl_context, server_hostname, max(exchange.allowance()[0], 0.001))
        except httpcore.ConnectTimeout:
            exchange.missed = "connect"
            raise
        return _StampedStream(inner, self._transport)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class _StampedBackend(httpcore.NetworkBackend):
    def __init__(self, transport: InstrumentedTransport) -> None:
        self._inner = httpcore.SyncBackend()
        self._transport = transport

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002  (the exchange's own deadline holds)
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        exchange = self._transport.exchange
        try:
            stream = self._inner.connect_tcp(host, port, exchange.connect_sec, local_address, socket_options)
        except httpcore.ConnectTimeout:
            exchange.missed = "connect"
            raise
        return _StampedStream(stream, self._transport)


class _Replay(httpx.SyncByteStream):
    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def __iter__(self) -> Iterator[bytes]:
        return self._exchange.replay()


class InstrumentedTransport(httpx.HTTPTransport):
    """An httpx transport for one request at a time, over one connection that is kept open between them.

    ``exchange`` must be set to a fresh :class:`Exchange` before each request.

    :param headers: sent with every request, over those that it has.
    """

    exchange: Exchange

    def __init__(self, headers: Mapping[str, str] | None = None) -> None:
        super().__init__()
        # Added here, under LiteLLM: as its own extra_headers they would stand in the body of some providers' requests.
        self._headers = dict(headers or {})
        self.core_wait = CoreWait()
        self._pool = httpcore.ConnectionPool(
            ssl_context=httpx.create_ssl_context(),
            max_connections=1,
            max_keepalive_connections=1,
            keepalive_expiry=60.0,
            http2=False,
            retries=0,
            network_backend=_StampedBackend(self),
        )

    def close(self) -> None:
        super().close()
        self.core_wait.close()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        exchange = self.exchange
        exchange.requests += 1
        request.headers.update(self._headers)
        exchange.secrets = secrets_of(
            request.headers[name] for name in (*_KEY_HEADERS, *self._headers) if name in request.headers
        )
        request.extensions["trace"] = exchange.trace
        # A compressed stream is delivered when the compressor flushes, not when the token is made.
        request.headers["accept-encoding"] = "identity"
        try:
            response = super().handle_request(request)
        except Exception as fault:
            exchange.fault = fault
            raise
        exchange.status = response.status_code
        exchange.headers = response.headers
        try:
            exchange.receive(response.iter_raw())
        finally:
            response.close()
        return httpx.Response(
            response.status_code,
            headers=response.headers,
            stream=_Replay(exchange),
            extensions=response.extensions,
            request=request,
        )
