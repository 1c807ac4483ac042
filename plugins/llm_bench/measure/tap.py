"""What this thread sends while it measures: one request, over one transport, and nothing beside it.

LiteLLM's providers use various HTTP clients: its own handlers, the SDKs of OpenAI and Azure, a plain ``httpx.post``.
All of them go through ``httpx.HTTPTransport``, so that is where a request is turned over to the transport that takes
the time. A library that brings another HTTP opens a connection of its own: Python's audit events show it, and it is
refused, so that nothing is sent that isn't measured.
"""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    from llm_bench.measure.exchange import Exchange

_SIGN_IN = re.compile(
    r"(oauth2|sts|iamcredentials)\.googleapis\.com|metadata\.google\.internal|169\.254\.169\.254"
    r"|sts(\.[a-z0-9-]+)?\.amazonaws\.com|login\.microsoftonline\.com|iam\.cloud\.ibm\.com"
)
"""Hosts that give out access tokens (Google, AWS, Azure, IBM). A library asks them by itself, before the request."""


class OffWireError(OSError):
    """A library wanted a connection that isn't the measured one."""


class _Span(threading.local):
    """What holds in this thread."""

    transport: httpx.BaseTransport | None = None
    exchange: Exchange | None = None
    ours: bool = False
    signs_in: bool = False


_span = _Span()
_spans: dict[int, tuple[Exchange, frozenset[int]]] = {}
"""By thread that measures: its exchange, and the threads that there were before it began."""


@contextmanager
def measuring(transport: httpx.BaseTransport, exchange: Exchange) -> Iterator[None]:
    """For its span, all requests of this thread go over a transport, and no connection is opened beside it."""
    _install()
    me = threading.get_ident()
    _span.transport, _span.exchange, _span.signs_in = transport, exchange, False
    _spans[me] = exchange, frozenset(thread.ident or 0 for thread in threading.enumerate())
    try:
        yield
    finally:
        del _spans[me]
        _span.transport = _span.exchange = None


@contextmanager
def ours() -> Iterator[None]:
    """For its span, what this thread opens is the measured connection."""
    before, _span.ours = _span.ours, True
    try:
        yield
    finally:
        _span.ours = before


def signs_in(host: str) -> bool:
    """Whether a host gives out access tokens and answers no questions."""
    return _SIGN_IN.fullmatch(host) is not None


handle_request = httpx.HTTPTransport.handle_request
"""httpx's own, as it is where nothing is measured."""


def _routed(self: httpx.HTTPTransport, request: httpx.Request) -> httpx.Response:
    transport = _span.transport
    if transport is None or signs_in(request.url.host):
        return handle_request(self, request)
    with ours():
        return transport.handle_request(request)


def _guard(event: str, arguments: tuple[Any, ...]) -> None:
    """Refuses a connection that isn't the measured one, in a thread that measures or one that it started."""
    if event not in {"socket.connect", "socket.getaddrinfo"} or not _spans or _span.ours:
        return
    host = arguments[0] if event == "socket.getaddrinfo" else arguments[1]
    if isinstance(host, tuple):
        host = host[0]
    elif event == "socket.connect":
        return  # a path: a socket of this machine
    exchange = _exchange_of_thread()
    if exchange is None:
        return
    name = host.decode() if isinstance(host, bytes) else str(host)
    if event == "socket.getaddrinfo":
        _span.signs_in = signs_in(name)
    if not (_span.signs_in or signs_in(name)):
        exchange.elsewhere.append(name)
        raise OffWireError(f"a connection of its own to {name} was refused, as it can't be timed")


def _exchange_of_thread() -> Exchange | None:
    if _span.exchange is not None:
        return _span.exchange
    me = threading.get_ident()
    return next((exchange for exchange, before in _spans.values() if me not in before), None)


_installed = False


def _install() -> None:
    """Once: Python's audit hooks can't be taken back."""
    global _installed  # noqa: PLW0603
    if not _installed:
        _installed = True
        httpx.HTTPTransport.handle_request = _routed  # type: ignore[method-assign]
        sys.addaudithook(_guard)
