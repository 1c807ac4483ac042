"""Finding the addresses of a host within a deadline, which the system's own look-up doesn't know."""

from __future__ import annotations

import ipaddress
import queue
import socket
import threading
import time
from contextlib import suppress
from typing import NamedTuple

import httpx

from llm_bench.measure import tap
from llm_bench.measure.metadata import refuse_metadata


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
    :raises RequestError: at one of them, a machine hands out its own credentials.
    """
    refuse_metadata(host)
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
    refuse_metadata(host, answer.listed)
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


def refuse_metadata_at(url: str, seconds: float) -> None:
    """Refuses an address of the web whose host hands out a machine's own credentials; any other fault is left alone.

    :param seconds: the longest to wait for the host's addresses.
    :raises RequestError: it is one.
    """
    with suppress(OSError, httpx.InvalidURL):
        addresses(httpx.URL(url).host, 0, seconds)
