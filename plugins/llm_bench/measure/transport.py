"""Where the clock is: an httpx transport that stamps bytes as they arrive and holds the deadlines.

The answer is read off the socket, each piece stamped, before the client library above sees any of it, so the times are
those of the network, not of a library.
"""

from __future__ import annotations

import os
import socket
import ssl
import struct
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import httpcore
import httpx

from llm_bench.measure import resolving, tap
from llm_bench.measure.exchange import Exchange
from llm_bench.measure.standstill import BEAT_SEC

_RTT_AT = 148
"""Where ``tcpi_min_rtt`` stands in Linux's ``struct tcp_info`` (linux/tcp.h, since 4.6)."""
_NO_RTT = 2**32 - 1
_SCHEDSTAT = Path("/proc/thread-self/schedstat")
_KEY_HEADERS = ("authorization", "x-api-key", "api-key", "x-goog-api-key")
_KEY_PARAMETERS = ("key", "api_key")
_SHORTEST_SECRET = 5
"""Airflow's own bound: what is shorter is a word, and to take it out would make a text unreadable."""


class AnsweredError(BaseException):
    """The answer, or the fault in its place, is in the exchange: LiteLLM has nothing more to do.

    No ``Exception``, so that no library between takes it for a fault of the network, tries again, or writes a report.
    """


def secrets_of(headers: Iterable[str]) -> tuple[str, ...]:
    """The secrets in values of headers: each whole, and without the scheme before it ("Bearer …").

    :param headers: the values.
    """
    parts = (part for value in headers for part in (value, value.rpartition(" ")[2]))
    return tuple(dict.fromkeys(part for part in parts if len(part) >= _SHORTEST_SECRET))


def round_trip(connection: socket.socket) -> float | None:
    """The shortest round trip that the kernel has seen on a connection of late, in seconds; None where it doesn't tell.

    On a new connection it is that of the handshakes. Nothing is sent for it. Not the smoothed one (``tcpi_rtt``): where
    an answer begins within 40 ms, the server acknowledges the request with it, so that over the questions of a cell the
    smoothed one grows to the time that the server takes.
    """
    if sys.platform != "linux":
        return None
    try:
        info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _RTT_AT + 4)
        microseconds = struct.unpack_from("I", info, _RTT_AT)[0]
        return microseconds / 1e6 if microseconds not in (0, _NO_RTT) else None
    except (OSError, struct.error):
        return None


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
        """Waits for the next bytes, a beat at a time: so it shows where this machine stood still."""
        exchange = self._transport.exchange
        while True:
            left, deadline = exchange.allowance()
            if left <= 0:
                exchange.missed = deadline
                raise httpcore.ReadTimeout("deadline passed")
            with suppress(httpcore.ReadTimeout):
                return self._read(max_bytes, min(left, BEAT_SEC))

    def _read(self, max_bytes: int, longest_sec: float) -> bytes:
        exchange, core_wait = self._transport.exchange, self._transport.core_wait
        started, waited = time.monotonic(), core_wait.seconds()
        try:
            data = self._inner.read(max_bytes, longest_sec)
        finally:
            ended = time.monotonic()
            late = 0.0 if waited is None else (core_wait.seconds() or 0.0) - waited
            exchange.stood_still_sec = max(exchange.stood_still_sec, ended - started - longest_sec - late)
        exchange.last_read = ended
        if waited is not None:
            exchange.delay_sec = max(exchange.delay_sec or 0.0, late, ended - started - longest_sec)
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002
        exchange = self._transport.exchange
        left, deadline = exchange.allowance()
        if exchange.sent is None:
            connection = self.get_extra_info("socket")
            exchange.rtt_sec = round_trip(connection) if connection is not None else None
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
            addresses = resolving.addresses(host, port, exchange.allowance()[0])
            exchange.dns_sec = addresses.took_sec
            stream = self._connect(addresses.listed, port, exchange, local_address, socket_options)
        except (TimeoutError, httpcore.ConnectTimeout) as fault:
            exchange.missed = "connect"
            raise httpcore.ConnectTimeout(str(fault)) from fault
        except OSError as fault:
            raise httpcore.ConnectError(str(fault)) from fault
        return _StampedStream(stream, self._transport)

    def _connect(
        self,
        addresses: list[str],
        port: int,
        exchange: Exchange,
        local_address: str | None,
        socket_options: Iterable[Any] | None,
    ) -> httpcore.NetworkStream:
        """Tries one address after another until the deadline."""
        *others, last = addresses
        for address in others:
            left = max(exchange.allowance()[0], 0.001)
            try:
                return self._inner.connect_tcp(address, port, left, local_address, socket_options)
            except httpcore.ConnectError:
                continue
        left = max(exchange.allowance()[0], 0.001)
        return self._inner.connect_tcp(last, port, left, local_address, socket_options)


class Nowhere(httpx.BaseTransport):
    """Takes an exchange's request and sends nothing."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self._exchange.admit(request)
        raise AnsweredError


class _Replay(httpx.SyncByteStream):
    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def __iter__(self) -> Iterator[bytes]:
        return self._exchange.replay()


def ssl_context() -> ssl.SSLContext:
    """The certificates that a connection is trusted by. To read them takes 0.1 s of a core, so this is done once."""
    return _ssl_context(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))


@cache
def _ssl_context(_file: str | None, _folder: str | None) -> ssl.SSLContext:
    return httpx.create_ssl_context()


class InstrumentedTransport(httpx.HTTPTransport):
    """An httpx transport for one request at a time, over one connection that is kept open between them.

    ``exchange`` must be set to a fresh :class:`Exchange` before each request.

    :param headers: sent with every request, over those that it has.
    """

    exchange: Exchange

    def __init__(self, headers: Mapping[str, str] | None = None) -> None:
        context = ssl_context()
        super().__init__(verify=context)
        # Added here, under LiteLLM: as its own extra_headers they would stand in the body of some providers' requests.
        self._headers = dict(headers or {})
        self.core_wait = CoreWait()
        self._pool = httpcore.ConnectionPool(
            ssl_context=context,
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

    def _secret_values(self, request: httpx.Request) -> list[str]:
        """The values of a request that hold its keys."""
        headers = [request.headers[name] for name in (*_KEY_HEADERS, *self._headers) if name in request.headers]
        return [*headers, *(request.url.params[name] for name in _KEY_PARAMETERS if name in request.url.params)]

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Makes the exchange's one request and reads its whole answer.

        :raises AnsweredError: the answer is read, or won't come.
        :raises RefusedRequestError: it isn't that request.
        :return: the answer, only where LiteLLM has to translate it.
        """
        exchange = self.exchange
        exchange.admit(request)
        request.headers.update(self._headers)
        exchange.secrets = secrets_of(self._secret_values(request))
        request.extensions["trace"] = exchange.trace
        # A compressed stream is delivered when the compressor flushes, not when the token is made.
        request.headers["accept-encoding"] = "identity"
        try:
            response = tap.handle_request(self, request)
        except Exception as fault:
            exchange.fault = fault
            raise AnsweredError from fault
        exchange.begin(response.status_code, response.headers)
        try:
            exchange.receive(response.iter_raw())
        finally:
            response.close()
        if not exchange.foreign:
            raise AnsweredError
        return httpx.Response(
            response.status_code,
            headers=response.headers,
            stream=_Replay(exchange),
            extensions=response.extensions,
            request=request,
        )
