"""What a hostile or clumsy server can cost the client: memory, CPU and time, each in a fresh process.

The server is a raw socket, which writes what no HTTP library would. Each case is asked once, after a small request that
pays for the imports. Goals: the answer of 50 MB grows the resident memory by less than 300 MB; 3,000 comments in
packets of their own take less than 0.5 s of CPU; an error page that unpacks to 1 GB takes less than 0.5 s of CPU and
100 MB; the address of a host that takes 7 s to be found is given up after connect_sec, 2 s.
"""

from __future__ import annotations

import argparse
import json
import resource
import socket
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Any

from llm_bench.measure.client import Endpoint, LLMClient
from llm_bench.study import LLM, Deadlines, Generation

MB = 1_000_000
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
COMMENTS = 3000
LOOK_UP_SEC, CONNECT_SEC = 7.0, 2.0


def event(text: str, finish: str | None = None) -> bytes:
    """One event of OpenAI's stream, of some 250 bytes."""
    choice = {"index": 0, "delta": {"content": text}, "logprobs": None, "finish_reason": finish}
    head = {"id": "chatcmpl-0123456789abcdef0123456789", "object": "chat.completion.chunk", "created": 1780000000}
    return (
        f"data: {json.dumps({**head, 'model': 'served', 'system_fingerprint': None, 'choices': [choice]})}\n\n".encode()
    )


END = event("", "stop") + b"data: [DONE]\n\n"


def small() -> Iterator[bytes]:
    """A short answer."""
    yield HEAD + event("Home") + END


def large(piece: str) -> Iterator[bytes]:
    """50 MB of answer.

    :param piece: what each event says.
    """
    yield HEAD
    piece_event = event(piece)
    block = piece_event * max(1, 65536 // len(piece_event))
    for _ in range(50 * MB // len(block)):
        yield block
    yield END


def comments() -> Iterator[bytes]:
    """Comments, each of which the client reads by itself, before a short answer."""
    yield HEAD
    for _ in range(COMMENTS):
        yield b": OPENROUTER PROCESSING\n\n"
        time.sleep(0.0003)
    yield event("Home") + END


def endless() -> Iterator[bytes]:
    """50 MB of one event."""
    yield HEAD + b'data: {"choices": [{"index": 0, "delta": {"content": "'
    for _ in range(50):
        yield b"x" * MB


@cache
def packed() -> bytes:
    """What unpacks to a thousand times its size."""
    packer = zlib.compressobj(wbits=16 + zlib.MAX_WBITS)
    return b"".join([*(packer.compress(b"sorry " * (MB // 6)) for _ in range(1000)), packer.flush()])


def bomb() -> Iterator[bytes]:
    """An error page that unpacks to 1 GB."""
    body = packed()
    yield b"HTTP/1.1 500 Internal Server Error\r\ncontent-type: text/html\r\ncontent-encoding: gzip\r\n"
    yield f"connection: close\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body


@dataclass(frozen=True, slots=True)
class Case:
    """A server's behaviour, and what it may cost.

    :param body: what it writes.
    :param kind: the failure kind that must come of it; None for a success.
    :param goals: of ``mb`` (growth of the resident memory), ``cpu_sec`` and ``wall_sec``: each must stay below.
    :param host: where the client asks.
    """

    name: str
    body: Callable[[], Iterator[bytes]]
    kind: str | None
    goals: dict[str, float]
    host: str = "127.0.0.1"


CASES = {
    "tokens": Case("50 MB of answer", lambda: large(" word"), None, {"mb": 300}),
    "blocks": Case("50 MB in large events", lambda: large("x" * 60_000), None, {"mb": 300}),
    "endless": Case("50 MB of one event", endless, "bad_response", {"mb": 100, "cpu_sec": 0.5}),
    "comments": Case(f"{COMMENTS:,} comments", comments, None, {"cpu_sec": 0.5}),
    "bomb": Case("a page that unpacks to 1 GB", bomb, "server_error", {"mb": 100, "cpu_sec": 0.5, "wall_sec": 5}),
    "look-up": Case(
        f"an address found after {LOOK_UP_SEC:g} s",
        small,
        "timeout_connect",
        {"wall_sec": CONNECT_SEC + 1},
        "slow.example",
    ),
}
UNITS = {"mb": "MB more", "cpu_sec": "s of CPU", "wall_sec": "s"}


def main() -> int:
    """Runs every case in a process of its own; 0 where every goal is met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--client", nargs=2, metavar=("CASE", "PORT"), help=argparse.SUPPRESS)
    client = parser.parse_args().client
    if client:
        print(json.dumps(measure(CASES[client[0]], int(client[1]))))
        return 0
    packed()  # before a client waits for it
    words, met = [], True
    for key, case in CASES.items():
        with serving(case) as port:
            command = [sys.executable, __file__, "--client", key, str(port)]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        cost = json.loads(done.stdout.splitlines()[-1])
        right = cost["kind"] == case.kind
        met &= right and all(cost[name] < goal for name, goal in case.goals.items())
        goals = ", ".join(f"{cost[name]:.2f} {UNITS[name]} (goal {goal:g})" for name, goal in case.goals.items())
        words.append(f"{case.name} {goals}" + ("" if right else f", but {cost['kind']}"))
        print(
            f"{case.name}: {cost['mb']:.0f} MB more, {cost['cpu_sec']:.2f} s of CPU, {cost['wall_sec']:.2f} s",
            flush=True,
        )
    print(f"bounds: {'; '.join(words)}: {'met' if met else 'MISSED'}")
    return 0 if met else 1


class serving:  # noqa: N801  (used as a function)
    """A server of a case: the first request gets a short answer, the second what the case says."""

    def __init__(self, case: Case) -> None:
        self._bodies = iter([small, case.body])
        self._listener = socket.create_server(("127.0.0.1", 0))

    def __enter__(self) -> int:
        threading.Thread(target=self._serve, daemon=True).start()
        return int(self._listener.getsockname()[1])

    def __exit__(self, *_exception: object) -> None:
        self._listener.close()

    def _serve(self) -> None:
        for body in self._bodies:
            with suppress(OSError):
                connection, _ = self._listener.accept()
                with connection:
                    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    received = b""
                    while b"}]" not in received:
                        received += connection.recv(65536)
                    for piece in body():
                        connection.sendall(piece)


def measure(case: Case, port: int) -> dict[str, Any]:
    """What a case costs this process."""
    delay_look_ups()
    limits = Deadlines(connect_sec=CONNECT_SEC, first_token_sec=60, total_sec=120)
    costs: dict[str, Any] = {}
    for host in ("127.0.0.1", case.host):
        endpoint = Endpoint("no-key", f"http://{host}:{port}/v1")
        with LLMClient(llm=LLM(model="groq/x"), endpoint=endpoint, generation=Generation(), deadlines=limits) as client:
            memory, cpu, wall = peak_mb(), time.process_time(), time.monotonic()
            reply = client.ask([{"role": "user", "content": "Which category leads?"}])
            costs = {
                "kind": reply.failure_kind,
                "mb": peak_mb() - memory,
                "cpu_sec": time.process_time() - cpu,
                "wall_sec": time.monotonic() - wall,
            }
    return costs


def peak_mb() -> float:
    """The largest resident memory of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / MB


def delay_look_ups() -> None:
    """Has the system take long over the address of a host."""
    look_up = socket.getaddrinfo

    def slow(host: Any, *arguments: Any, **more: Any) -> Any:
        if host == "slow.example":
            time.sleep(LOOK_UP_SEC)
            host = "127.0.0.1"
        return look_up(host, *arguments, **more)

    socket.getaddrinfo = slow


if __name__ == "__main__":
    sys.exit(main())
