"""A server that knows what it sent and when: the truth that a client's own times are compared with.

It speaks OpenAI's streamed chat completions at fixed moments after each request, and keeps the moment of every one.
CLOCK_MONOTONIC is one clock for all processes of a machine, so its stamps and a client's can be subtracted. Run as
a process of its own; standard library only, one thread and no framework, so that little comes between stamp and wire.
"""

from __future__ import annotations

import argparse
import gc
import heapq
import http.client
import json
import selectors
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from itertools import count
from typing import Any
from urllib.parse import urlsplit

_HEAD_END = b"\r\n\r\n"
_RECEIVE_BYTES = 65536


@dataclass(frozen=True, slots=True)
class Scenario:
    """What every request is answered with.

    :param first_token_sec: from the request's headers to the first token.
    :param token_sec: from each token to the next one, and from the last one to the end of the stream.
    :param tokens: how many there are.
    """

    first_token_sec: float = 0.2
    token_sec: float = 0.015
    tokens: int = 64

    def due(self, received: float, number: int) -> float:
        """When a token (from 0) of a request is to be sent: counted from the request, so that delays don't add up."""
        return received + self.first_token_sec + number * self.token_sec


@dataclass(slots=True)
class Sent:
    """One request and its answer, on the server's side. Times are CLOCK_MONOTONIC, in seconds.

    :param id: the answer's header ``x-request-id``.
    :param received: when the request's headers had been read.
    :param tokens: when each token was handed to the kernel: just before ``send``, which may already wake the client.
    :param returned: when ``send`` had returned.
    :param ended: when the end of the stream was handed to the kernel, or None.
    """

    id: str
    received: float
    tokens: list[float] = field(default_factory=list)
    returned: list[float] = field(default_factory=list)
    ended: float | None = None


@dataclass(eq=False, slots=True)
class _Connection:
    socket: socket.socket
    buffer: bytearray = field(default_factory=bytearray)
    received: float | None = None
    """When the headers of the request that is being read were there."""


class Server:
    """The server, on a free port of 127.0.0.1.

    :param scenario: what every request is answered with.
    """

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        self._events = [_chunked(event) for event in _events(scenario.tokens)]
        self._log: list[Sent] = []
        # select(): its timeout is in microseconds, epoll's in milliseconds.
        self._selector = selectors.SelectSelector()
        self._due: list[tuple[float, int, _Connection, Sent]] = []
        self._order = count()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self._selector.register(self._listener, selectors.EVENT_READ)
        self.port = int(self._listener.getsockname()[1])

    def serve_forever(self) -> None:
        """Answers until the process is ended."""
        while True:
            timeout = max(0.0, self._due[0][0] - time.monotonic()) if self._due else None
            for key, _ in self._selector.select(timeout):
                if key.data is None:
                    self._accept()
                else:
                    self._receive(key.data)
            while self._due and self._due[0][0] <= time.monotonic():
                _, _, connection, sent = heapq.heappop(self._due)
                self._send_next(connection, sent)

    def _accept(self) -> None:
        connection, _ = self._listener.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._selector.register(connection, selectors.EVENT_READ, _Connection(connection))

    def _receive(self, connection: _Connection) -> None:
        try:
            data = connection.socket.recv(_RECEIVE_BYTES)
        except OSError:
            data = b""
        now = time.monotonic()
        if not data:
            self._drop(connection)
            return
        connection.buffer += data
        head, end, body = bytes(connection.buffer).partition(_HEAD_END)
        if not end:
            return
        connection.received = connection.received or now
        method, target, length = _request(head)
        if len(body) < length:
            return
        received, connection.received = connection.received, None
        del connection.buffer[: len(head) + len(_HEAD_END) + length]
        self._answer(connection, method, target, received)

    def _answer(self, connection: _Connection, method: str, target: str, received: float) -> None:
        url = urlsplit(target)
        if method == "POST" and url.path.endswith("/chat/completions"):
            sent = Sent(str(len(self._log) + 1), received)
            self._log.append(sent)
            head = "content-type: text/event-stream\r\ntransfer-encoding: chunked\r\ncache-control: no-cache"
            connection.socket.sendall(f"HTTP/1.1 200 OK\r\n{head}\r\nx-request-id: {sent.id}\r\n\r\n".encode())
            self._schedule(connection, sent)
            return
        content: Any = {"status": "ok"}
        if url.path == "/log":
            after = int(url.query.removeprefix("after=") or 0)
            content = [asdict(sent) for sent in self._log[after:]]
        elif url.path.endswith("/models"):
            content = {"object": "list", "data": [{"id": "reference", "object": "model"}]}
        body = json.dumps(content).encode()
        head = f"content-type: application/json\r\ncontent-length: {len(body)}"
        with suppress(OSError):
            connection.socket.sendall(f"HTTP/1.1 200 OK\r\n{head}\r\n\r\n".encode() + body)

    def _schedule(self, connection: _Connection, sent: Sent) -> None:
        due = self._scenario.due(sent.received, len(sent.tokens))
        heapq.heappush(self._due, (due, next(self._order), connection, sent))

    def _send_next(self, connection: _Connection, sent: Sent) -> None:
        number = len(sent.tokens)
        event = self._events[number]
        try:
            handed = time.monotonic()
            connection.socket.sendall(event)
            returned = time.monotonic()
        except OSError:
            self._drop(connection)
            return
        if number == self._scenario.tokens:
            sent.ended = handed
            return
        sent.tokens.append(handed)
        sent.returned.append(returned)
        self._schedule(connection, sent)

    def _drop(self, connection: _Connection) -> None:
        with suppress(KeyError, ValueError):
            self._selector.unregister(connection.socket)
        connection.socket.close()


def _request(head: bytes) -> tuple[str, str, int]:
    """Method, target and length of the body."""
    first, *headers = head.decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ", 2)
    fields = (header.partition(":") for header in headers)
    lengths = [int(value) for name, _, value in fields if name.lower() == "content-length"]
    return method, target, sum(lengths)


def _events(tokens: int) -> Iterator[str]:
    """One event a token, and the end of the stream: reason, usage and ``[DONE]``."""
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1_780_000_000, "model": "reference"}

    def event(delta: dict[str, str], reason: str | None = None) -> str:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
        return f"data: {json.dumps({**head, 'choices': [choice]})}\n\n"

    for number in range(tokens):
        # The role comes with the first token, so that every client takes the same event for it.
        yield event({"role": "assistant", "content": "Toys"} if number == 0 else {"content": " sell"})
    usage = {"prompt_tokens": 8, "completion_tokens": tokens, "total_tokens": 8 + tokens}
    yield f"{event({}, 'stop')}data: {json.dumps({**head, 'choices': [], 'usage': usage})}\n\ndata: [DONE]\n\n"


def _chunked(event: str) -> bytes:
    last = b"0\r\n\r\n" if "[DONE]" in event else b""
    data = event.encode()
    return f"{len(data):x}\r\n".encode() + data + b"\r\n" + last


@contextmanager
def running(scenario: Scenario) -> Iterator[str]:
    """The server in a process of its own; its address, ``http://127.0.0.1:<port>``."""
    options = [f"--{name.replace('_', '-')}={value}" for name, value in asdict(scenario).items()]
    with subprocess.Popen(
        [sys.executable, "-m", "llm_bench.measure.reference", *options], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None  # noqa: S101  (a pipe was asked for)
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.terminate()


def fetch_log(url: str, after: int = 0) -> dict[str, Sent]:
    """What the server has sent, by id, in order.

    :param url: its address.
    :param after: how many requests to leave out, the oldest first.
    """
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=30)
    try:
        connection.request("GET", f"/log?after={after}")
        entries = json.loads(connection.getresponse().read())
    finally:
        connection.close()
    return {entry["id"]: Sent(**entry) for entry in entries}


def main() -> None:
    """Serves one scenario and prints the port."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--first-token-sec", type=float, required=True)
    parser.add_argument("--token-sec", type=float, required=True)
    parser.add_argument("--tokens", type=int, required=True)
    server = Server(Scenario(**vars(parser.parse_args())))
    print(server.port, flush=True)  # noqa: T201
    gc.freeze()
    gc.disable()  # what it keeps has no cycles
    server.serve_forever()


if __name__ == "__main__":
    main()
