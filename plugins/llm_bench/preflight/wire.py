"""One GET request, and what the answer's ``Date`` tells of this machine's clock."""

from __future__ import annotations

import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

TIMEOUT_SEC = 5.0
_DATE_RESOLUTION_SEC = 1.0


@dataclass(frozen=True, slots=True)
class Heard:
    """An answer.

    :param content: the body's JSON, None where it is none.
    :param elapsed_sec: from before the connection to the answer's headers.
    :param ahead_sec: how far this machine's clock is ahead of the server's; None where the server tells no time.
    """

    status: int
    content: Any
    elapsed_sec: float
    ahead_sec: float | None

    @property
    def doubt_sec(self) -> float:
        """By how much ``ahead_sec`` may be wrong: the server looked at its clock somewhere between."""
        return self.elapsed_sec / 2 + _DATE_RESOLUTION_SEC / 2


def ask(url: str, key: str) -> Heard:
    """One request without redirects or proxies, as the measured ones are.

    :param key: sent as a bearer token unless it is empty.
    :raises httpx.HTTPError: no answer came.
    """
    headers = {"authorization": f"Bearer {key}"} if key else {}
    with httpx.Client(transport=httpx.HTTPTransport(), timeout=TIMEOUT_SEC, follow_redirects=False) as http:
        started, before = time.monotonic(), time.time()
        with http.stream("GET", url, headers=headers) as response:
            elapsed = time.monotonic() - started
            response.read()
    date = server_time(response.headers)
    ahead = None if date is None else before + elapsed / 2 - date
    return Heard(response.status_code, _json(response), elapsed, ahead)


def server_time(headers: httpx.Headers) -> float | None:
    """When the server answered, by its own clock, seconds since the epoch: the middle of the second that it names."""
    try:
        date = parsedate_to_datetime(headers["date"]).timestamp()
    except (KeyError, ValueError):
        return None
    age = headers.get("age", "")  # how long a cache between has kept the answer
    return date + (int(age) if age.isdecimal() else 0) + _DATE_RESOLUTION_SEC / 2


def _json(response: httpx.Response) -> Any:
    try:
        return response.json()
    except ValueError:
        return None
