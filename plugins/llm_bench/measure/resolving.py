"""Finding the addresses of a host within a deadline, which the system's own look-up doesn't know."""

from __future__ import annotations

import ipaddress
import queue
import socket
import threading
import time
from typing import NamedTuple

from llm_bench.measure import tap


class Addresses(NamedTuple):
    """The addresses of a host, in the order in which the system wants them tried.

    :param took_sec: how long the look-up took; None where the host is an address itself.
    """

    listed: list[str]
    took_sec: float | None


def addresses(host: str, port: int, seconds: float) -> Addresses:
    """Finds a host's addresses.

    :param seconds: the longest to wait.
    :raises TimeoutError: they weren't found in time.
    :raises OSError: there are none.
    """
    try:
        return Addresses([str(ipaddress.ip_address(host))], None)
    except ValueError:
        pass
    answers: queue.Queue[Addresses | OSError] = queue.Queue(1)
    threading.Thread(target=_look_up, args=(host, port, answers), daemon=True).start()
    try:
        answer = answers.get(timeout=max(seconds, 0.001))
    except queue.Empty:
        raise TimeoutError(f"no address of {host} in time") from None
    if isinstance(answer, OSError):
        raise answer
    return answer


def _look_up(host: str, port: int, answers: queue.Queue[Addresses | OSError]) -> None:
    started = time.monotonic()
    try:
        with tap.ours():
            listed = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        took = time.monotonic() - started
        answers.put(Addresses(list(dict.fromkeys(str(entry[4][0]) for entry in listed)), took))
    except OSError as fault:
        answers.put(fault)
