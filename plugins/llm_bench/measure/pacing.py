"""Waiting before a request, outside the clock, so that a rate limit is respected before it bites.

All cells that ask one LLM share one account of its limits, in a file: they are processes of their own.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from urllib.parse import quote

from llm_bench.files import locked, replacing, storage_errors
from llm_bench.measure.limits import Limits

_BEAT_SEC = 5.0
"""A longer wait is cut in pieces, as another cell may learn meanwhile that it can be shorter."""


_CHARACTERS_PER_TOKEN = 3
"""Fewer than in English prose (about 4), so that figures and names don't make it too few."""


def most_tokens(messages: Sequence[Mapping[str, str]], max_tokens: int) -> int:
    """The most that a request can cost, roughly: its prompt, and an answer of the greatest length."""
    return sum(len(message["content"]) for message in messages) // _CHARACTERS_PER_TOKEN + max_tokens


class Pacer:
    """Lets the requests to one LLM go within its limits.

    :param folder: where the accounts are kept; the same for all cells.
    :param model: LiteLLM model string.
    :param per_minute: the study's limit of requests a minute, or None.
    :param clock: seconds since the epoch.
    :param sleep: waits that many seconds.
    """

    def __init__(
        self,
        folder: Path,
        model: str,
        per_minute: float | None,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._file = folder / f"{quote(model, safe='')}.json"
        self._per_minute = per_minute
        self._clock = clock
        self._sleep = sleep
        self._sent = 0.0

    def wait(self, tokens: int) -> float:
        """Waits until the next request may go; seconds waited.

        :param tokens: the most it can cost: prompt and longest answer.
        :raises StorageError: the account can't be read or written.
        """
        started = self._clock()
        while True:
            with self._account() as limits:
                self._sent = self._clock()
                left = limits.reserve(self._sent, tokens, self._per_minute)
            if left <= 0:
                return max(0.0, self._sent - started)
            self._sleep(min(left, _BEAT_SEC))

    def learn(self, status: int | None, headers: Mapping[str, str]) -> None:
        """Takes in what the response to the last request tells of the limits.

        :raises StorageError: the account can't be read or written.
        """
        with self._account() as limits:
            limits.learn(self._sent, self._clock(), status, headers)

    @contextmanager
    def _account(self) -> Iterator[Limits]:
        with storage_errors(self._file, "written"), locked(self._file.parent):
            limits = self._read()
            yield limits
            with replacing(self._file) as partial:
                partial.write_text(json.dumps(asdict(limits)), encoding="utf-8")

    def _read(self) -> Limits:
        try:
            kept = json.loads(self._file.read_text(encoding="utf-8"))
            return Limits(**{**kept, "grants": [(float(moment), int(cost)) for moment, cost in kept["grants"]]})
        except (FileNotFoundError, ValueError, TypeError, KeyError):
            return Limits()  # none yet, or damaged: what matters of it is a minute old at most
