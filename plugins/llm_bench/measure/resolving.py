"""Finding the addresses of a host within a deadline, which the system's own look-up doesn't know."""

from __future__ import annotations

import ipaddress
import queue
import socket
import threading

from llm_bench.measure import tap


def addresses(host: str, port: int, seconds: float) -> list[str]:
    """A host's addresses, in the order in which the system wants them tried.

    :param seconds: the longest to wait.
    :raises TimeoutError: they weren't found in time.
    :raises OSError: there are none.
    """
    try:
        return [str(ipaddress.ip_address(host))]
    except ValueError:
        pass
    answers: queue.Queue[list[str] | OSError] = queue.Queue(1)
    threading.Thread(target=_look_up, args=(host, port, answers), daemon=True).start()
    try:
        answer = answers.get(timeout=max(seconds, 0.001))
    except queue.Empty:
        raise TimeoutError(f"no address of {host} in time") from None
    if isinstance(answer, OSError):
        raise answer
    return answer


def _look_up(host: str, port: int, answers: queue.Queue[list[str] | OSError]) -> None:
    try:
        with tap.ours():
            listed = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        answers.put(list(dict.fromkeys(str(entry[4][0]) for entry in listed)))
    except OSError as fault:
        answers.put(fault)
