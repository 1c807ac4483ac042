"""A provider of chat completions: a real HTTP server whose every answer is scripted, and which keeps count.

Wire format: OpenAI's chat completion stream. What Groq and OpenRouter send of their own is in ``groq`` and
``openrouter``, what goes wrong with either in ``faults``.
"""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Wait:
    """Nothing for so many seconds."""

    seconds: float


@dataclass(frozen=True)
class Raw:
    """Bytes put on the wire as they are: no chunk, nor anything else that HTTP asks for."""

    content: bytes


class Reset:
    """The connection is reset (TCP RST)."""


class Hang:
    """Nothing more, ever, on a connection that stays open."""


Step = bytes | Wait | Raw | type[Reset] | type[Hang]


@dataclass
class Response:
    """What is sent back.

    :param body: pieces, sent as chunks; a reset or a hang between them.
    :param whole: whether the last chunk, which ends the body, is sent.
    :param before: done before any header is sent: one step, or several.
    """

    body: Iterable[Step]
    status: int = 200
    headers: dict[str, str] = field(default_factory=lambda: {"content-type": "text/event-stream"})
    whole: bool = True
    before: Step | Iterable[Step] | None = None


@dataclass
class Asked:
    """One request, as it came."""

    path: str
    headers: dict[str, str]
    content: dict[str, Any]
    connection: int
    at: float

    @property
    def model(self) -> str:
        return str(self.content.get("model"))

    @property
    def key(self) -> str:
        for name in ("x-api-key", "api-key", "x-goog-api-key"):  # Anthropic's, Azure's, Google's
            if name in self.headers:
                return self.headers[name]
        return self.headers.get("authorization", "").removeprefix("Bearer ")

    @property
    def question(self) -> str:
        return str(self.content["messages"][-1]["content"]).rsplit("Question: ", 1)[-1]


Script = Callable[[Asked], Response]


def event(content: dict[str, Any] | str) -> bytes:
    """One server-sent event."""
    data = content if isinstance(content, str) else json.dumps(content)
    return f"data: {data}\n\n".encode()


def chunk(delta: dict[str, Any] | None, finish: str | None = None, **more: Any) -> bytes:
    """One chat completion chunk."""
    choices = [] if delta is None else [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}]
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1_780_000_000, "model": "served-model"}
    return event({**head, "choices": choices, **more})


def stream(
    text: str = "Home & Kitchen led.", *, token_sec: float = 0.0, first_token_sec: float = 0.0
) -> Iterator[Step]:
    """A whole good answer, a word a token."""
    words = [f"{' ' if n else ''}{word}" for n, word in enumerate(text.split())]
    yield chunk({"role": "assistant", "content": ""})
    for n, word in enumerate(words):
        yield Wait(token_sec if n else first_token_sec)
        yield chunk({"content": word})
    yield chunk({}, "stop")
    usage = {"prompt_tokens": 100, "completion_tokens": len(words), "total_tokens": 100 + len(words)}
    yield chunk(None, usage=usage)
    yield event("[DONE]")


def good(_asked: Asked) -> Response:
    """Every question gets the same good answer."""
    return Response(stream())


@contextmanager
def refusing() -> Iterator[str]:
    """The address of a server that isn't there: connections to it are refused."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    yield f"http://127.0.0.1:{port}/v1"


@contextmanager
def unreachable() -> Iterator[str]:
    """The address of a host that never answers: its queue of connections is full, so that SYNs are dropped."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        address = listener.getsockname()
        waiting = []
        for _ in range(3):
            waiting.append(socket.socket())
            waiting[-1].setblocking(False)
            waiting[-1].connect_ex(address)
        time.sleep(0.05)
        yield f"http://127.0.0.1:{address[1]}/v1"
        for connection in waiting:
            connection.close()


class Provider:
    """The server. Use as a context manager.

    :param script: what each request is answered with; may be replaced at any time.
    """

    models: Iterable[str] = ()
    """What it lists as served, at ``/models``."""
    key: str | None = None
    """The only key that may list them; any, where None."""
    date_offset_sec: float = 0.0
    """How far its clock, seen in ``Date``, is ahead of this machine's."""

    def __init__(self, script: Script = good) -> None:
        self.script = script
        self.asked: list[Asked] = []
        self.got: list[Asked] = []
        """The GET requests, which spend no token."""
        self.connections = 0
        self.stopping = threading.Event()
        self._server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"provider": self}))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def __enter__(self) -> Provider:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stopping.set()
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    provider: Provider
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def setup(self) -> None:
        super().setup()
        self.provider.connections += 1
        self.number = self.provider.connections

    def do_POST(self) -> None:
        content = json.loads(self.rfile.read(int(self.headers["content-length"])))
        asked = self.as_asked(content)
        self.provider.asked.append(asked)
        with suppress(ConnectionError, socket.timeout):
            self.answer(self.provider.script(asked))

    def do_GET(self) -> None:
        """The list of models (https://console.groq.com/docs/api-reference#models-list; OpenRouter's is alike)."""
        self.provider.got.append(self.as_asked({}))
        if not self.path.partition("?")[0].endswith("/models"):
            return self.reply(
                404, {"error": {"message": f"Unknown request URL: GET {self.path}", "code": "unknown_url"}}
            )
        if self.provider.key not in {None, self.headers.get("authorization", "").removeprefix("Bearer ")}:
            return self.reply(401, {"error": {"message": "Invalid API Key", "code": "invalid_api_key"}})
        return self.reply(
            200, {"object": "list", "data": [{"id": name, "object": "model"} for name in self.provider.models]}
        )

    def as_asked(self, content: dict[str, Any]) -> Asked:
        headers = {name.lower(): value for name, value in self.headers.items()}
        return Asked(self.path, headers, content, self.number, time.time())

    def reply(self, status: int, content: dict[str, Any]) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def date_time_string(self, timestamp: float | None = None) -> str:
        now = time.time() if timestamp is None else timestamp
        return super().date_time_string(now + self.provider.date_offset_sec)  # type: ignore[arg-type]

    def answer(self, response: Response) -> None:
        before = response.before
        for step in before if isinstance(before, Iterable) and not isinstance(before, bytes) else [before]:
            if step is not None and not self.step(step):
                return
        self.send_response(response.status)
        for name, value in {**response.headers, "transfer-encoding": "chunked"}.items():
            self.send_header(name, value)
        self.end_headers()
        for step in response.body:
            if not self.step(step):
                return
        if response.whole:
            self.wfile.write(b"0\r\n\r\n")
        else:
            self.close_connection = True

    def step(self, step: Step) -> bool:
        """Whether the answer goes on after it."""
        if isinstance(step, Wait):
            return not self.provider.stopping.wait(step.seconds)
        if isinstance(step, Raw):
            self.wfile.write(step.content)
            return True
        if isinstance(step, bytes):
            self.wfile.write(f"{len(step):x}\r\n".encode() + step + b"\r\n" if step else b"")  # empty: the last chunk
            return True
        if step is Hang:
            self.provider.stopping.wait()
        else:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
        self.close_connection = True
        return False

    def finish(self) -> None:
        with suppress(OSError, ValueError):
            super().finish()

    def log_message(self, *_arguments: object) -> None:
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_arguments: object) -> None:
        pass  # a client that goes away is part of the play
