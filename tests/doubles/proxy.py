"""A faulty wire to Google Cloud Storage: a proxy before the emulator that can do harm to each request for objects.

It also does what the emulator leaves out: it refuses the removal of a generation that isn't the one expected, and an
upload in several requests in its place.
"""

from __future__ import annotations

import http.client
import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal, get_args
from urllib.parse import parse_qs, quote, urlsplit

Fault = Literal[
    "unavailable",  # 503, nothing done
    "lost",  # done, then 503
    "vanished",  # done, then the connection is reset
    "reset",  # the connection is reset, nothing done
    "torn upload",  # half of the body arrives, then both connections end
    "torn download",  # half of the reply arrives, then the connection is reset
    "hang",  # done, late
    "expired",  # 401
    "limited",  # 429
    "timed out",  # 408
    "broken",  # 500
    "bad gateway",  # 502
    "corrupt",  # done, and a bit of the reply's content is another
    "refused",  # 412, nothing done
]
Stall = Literal["stall"]
"""Half of the reply arrives, then nothing more on a connection that stays open, for as long as the client waits."""
FAULTS: tuple[Fault, ...] = get_args(Fault)
HANG_SEC = 0.05

_STATUS = {"unavailable": 503, "expired": 401, "limited": 429, "refused": 412}
_STATUS |= {"timed out": 408, "broken": 500, "bad gateway": 502}
_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}
_removals = threading.Lock()

Choose = Callable[[str, str], Fault | Stall | None]
"""Method and path → the fault of this request, None for none. Called in the order in which requests come."""


class Proxy(ThreadingHTTPServer):
    """The proxy; ``choose`` may be changed at any time."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, upstream: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.host = upstream.removeprefix("http://")
        self.choose: Choose = lambda _method, _path: None
        self.requests: list[tuple[str, Fault | Stall | None]] = []
        self.headers: dict[str, str] = {}
        """Put on every request that is passed on."""
        self.ended = threading.Event()
        self.url = f"http://127.0.0.1:{self.server_port}"

    def script(self, *faults: Fault | Stall | None, methods: tuple[str, ...] = ("GET", "POST", "DELETE")) -> None:
        """The next requests with these methods meet these faults, one each; then all pass."""
        left = list(faults)
        self.choose = lambda method, _path: left.pop(0) if left and method in methods else None

    def shutdown_request(self, request: object) -> None:
        self.close_request(request)  # type: ignore[arg-type]  (without saying goodbye, which would hide a reset)

    def handle_error(self, request: object, client_address: object) -> None:
        pass  # broken connections are what this is for


@contextmanager
def proxied(upstream: str) -> Iterator[Proxy]:
    """A proxy before the emulator at ``upstream``; without faults at first."""
    with Proxy(upstream) as proxy:
        thread = threading.Thread(target=proxy.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield proxy
        finally:
            proxy.ended.set()
            proxy.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Proxy  # type: ignore[assignment]

    def setup(self) -> None:
        super().setup()
        self.upstream = http.client.HTTPConnection(self.server.host, timeout=20)

    def finish(self) -> None:
        self.upstream.close()
        super().finish()

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fault = None
        if "/o" in self.path:  # else the client looks up the bucket, in a thread of its own, for its telemetry
            fault = self.server.choose(self.command, self.path)
            self.server.requests.append((self.command, fault))
        if fault in _STATUS:
            self._reply(_STATUS[fault], {}, b"")
        elif fault == "reset":
            self._reset()
        elif fault == "torn upload":
            self._send_half(body)
            self._reset()
        else:
            if fault == "hang":
                time.sleep(HANG_SEC)
            self._answer(fault, *self._pass_on(body))

    def _answer(self, fault: Fault | Stall | None, status: int, headers: dict[str, str], content: bytes) -> None:
        if fault == "lost":
            self._reply(503, {}, b"")
        elif fault == "vanished":
            self._reset()
        elif fault in ("torn download", "stall"):
            self._reply(status, headers, content, cut=len(content) // 2)
            if fault == "stall":
                self.server.ended.wait(60)
            self._reset()
        elif fault == "corrupt" and "alt=media" in self.path:
            self._reply(status, headers, bytes([*content[:-1], content[-1] ^ 1]) if content else content)
        else:
            self._reply(status, headers, content)

    def _pass_on(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        # Removals and uploads exclude one another, so that what a removal expects stays true until it is done.
        if self.command == "GET":
            return self._ask(self.command, self.path, body)
        with _removals:
            if self.command == "DELETE" and not self._expected():
                return 412, {}, b""
            if self.command == "POST" and "uploadType=resumable" in self.path and not self._replaces(body):
                return 412, {}, b""
            return self._ask(self.command, self.path, body)

    def _expected(self) -> bool:
        url = urlsplit(self.path)
        expected = parse_qs(url.query).get("ifGenerationMatch")
        status, _, content = self._ask("GET", url.path, b"")
        return not expected or status == 404 or json.loads(content)["generation"] == expected[0]

    def _replaces(self, body: bytes) -> bool:
        """Whether what is to be uploaded takes the place of the generation that it is for."""
        url = urlsplit(self.path)
        query = parse_qs(url.query)
        expected = query.get("ifGenerationMatch")
        name = query["name"][0] if "name" in query else json.loads(body)["name"]
        status, _, content = self._ask("GET", f"{url.path.removeprefix('/upload')}/{quote(name, safe='')}", b"")
        return not expected or (json.loads(content)["generation"] if status == 200 else "0") == expected[0]

    def _ask(self, method: str, path: str, body: bytes) -> tuple[int, dict[str, str], bytes]:
        # The host stays the proxy's: the emulator takes it for its own.
        headers = {name: value for name, value in self.headers.items() if name.lower() not in _HOP_BY_HOP}
        headers |= {"Host": self.server.host, **self.server.headers}
        self.upstream.request(method, path, body or None, headers)
        reply = self.upstream.getresponse()
        kept = {name: value for name, value in reply.getheaders() if name.lower() not in _HOP_BY_HOP}
        return reply.status, kept, reply.read()

    def _send_half(self, body: bytes) -> None:
        with socket.create_connection((self.upstream.host, self.upstream.port)) as wire:
            head = f"{self.command} {self.path} HTTP/1.1\r\nHost: {self.server.host}\r\n"
            for name in ("Content-Type", "Content-Length"):
                if name in self.headers:
                    head += f"{name}: {self.headers[name]}\r\n"
            wire.sendall(head.encode() + b"\r\n" + body[: len(body) // 2])

    def _reply(self, status: int, headers: dict[str, str], content: bytes, cut: int | None = None) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[:cut])

    def _reset(self) -> None:
        # Closed without lingering, a connection is reset.
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True

    do_GET = do_POST = do_DELETE = do_PUT = _serve  # noqa: N815

    def log_message(self, *_args: object) -> None:
        pass
