"""How long batches will take, and what their limits will refuse: played through on a clock of its own. Pure.

It is the pacing itself that plays (`measure.limits`), with cells that wait for their provider's pool, ask one question
after another and share what their account allows, from slot to slot.
"""

from __future__ import annotations

import heapq
import math
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from llm_bench.measure.limits import MINUTE_SEC, Limits, Rates, Tokens
from llm_bench.measure.notices import Allowance, Notice

_SEED = 20261207
_MOMENT = 1e-6


@dataclass(frozen=True, slots=True)
class Ask:
    """A request of a cell.

    :param reserved: the maximum that it can cost, by which it is paced.
    :param used: what it will have cost.
    """

    reserved: Tokens
    used: Tokens


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of every batch.

    :param account: whose limits it is held to.
    :param pool: of whose places it needs one.
    :param asks: its requests, one after another.
    :param busy_sec: how long requests of its LLM took, from one to the next; each is drawn from these.
    :param start_sec: from its slot, or from when it got its place, to its first request.
    """

    llm: str
    account: str
    pool: str
    rates: Rates
    asks: Sequence[Ask]
    busy_sec: Sequence[float]
    start_sec: float


@dataclass(slots=True)
class Batch:
    """What became of a batch; all times in seconds, on the clock of the slots.

    :param began: its first request; infinite where there was none.
    :param refused: by LLM, the questions that a limit closed until too late.
    """

    due: float
    began: float = math.inf
    ended: float = -math.inf
    sent: int = 0
    refused: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    @property
    def took_sec(self) -> float:
        """From the first request to the last answer."""
        return max(0.0, self.ended - self.began)

    @property
    def done_sec(self) -> float:
        """From the slot to the last answer."""
        return max(0.0, self.ended - self.due)


class _Account:
    """What an account allows: its limits, and the tokens a minute that its provider counts."""

    def __init__(self, stated: Mapping[str, float]) -> None:
        self.limits = Limits()
        self._stated = stated
        self._taken = dict.fromkeys(stated, (0.0, 0.0))

    def send(self, now: float, ask: Ask, rates: Rates) -> float | None:
        """Seconds to wait, 0 where the request was let go; None where the limit is closed."""
        if self.limits.closed(now, ask.reserved, rates):
            return None
        wait = self.limits.reserve(now, ask.reserved, rates)
        if wait <= 0:
            for kind in self._stated:
                self._take(now, kind, ask.reserved.of(kind))
        return wait

    def _take(self, now: float, kind: str, tokens: float) -> None:
        taken, at = self._taken[kind]
        refilled = max(0.0, taken - (now - at) * self._stated[kind] / MINUTE_SEC)
        self._taken[kind] = (max(0.0, refilled + tokens), now)

    def answer(self, sent: float, now: float, ask: Ask) -> None:
        """Takes in the answer to a request."""
        for kind in self._stated:
            self._take(now, kind, ask.used.of(kind) - ask.reserved.of(kind))
        levels = {
            kind: Allowance(limit, max(0.0, limit - self._taken[kind][0])) for kind, limit in self._stated.items()
        }
        self.limits.learn(sent, now, Notice(answered=True, tokens=levels), ask.used)


class _Running:
    """A cell of a batch under way."""

    def __init__(self, cell: Cell, batch: Batch, busy: Iterator[float]) -> None:
        self.cell, self.batch = cell, batch
        self.left = deque(cell.asks)
        self.busy = busy
        self.sent = math.nan


_Step = Callable[[float, _Running], None]


def play(
    due: Sequence[float], cells: Sequence[Cell], places: int, stated: Mapping[str, Mapping[str, float]]
) -> list[Batch]:
    """What becomes of the batches of these slots, from the first to the last.

    :param due: the slots, ascending.
    :param places: of each pool.
    :param stated: by account, the tokens a minute that its provider says it allows, by what they count.
    """
    return _Play(due, cells, places, stated).batches()


class _Play:
    def __init__(
        self, due: Sequence[float], cells: Sequence[Cell], places: int, stated: Mapping[str, Mapping[str, float]]
    ) -> None:
        draws = np.random.default_rng(_SEED)
        self._batches = [Batch(moment) for moment in due]
        self._accounts = {cell.account: _Account(stated.get(cell.account, {})) for cell in cells}
        self._free = {cell.pool: places for cell in cells}
        self._queues: dict[str, deque[_Running]] = defaultdict(deque)
        self._events: list[tuple[float, int, _Step, _Running]] = []
        self._number = 0
        for batch in self._batches:
            for cell in cells:
                busy = map(float, draws.choice(np.asarray(cell.busy_sec), len(cell.asks)))
                self._at(batch.due, self._arrive, _Running(cell, batch, busy))

    def _at(self, moment: float, step: _Step, running: _Running) -> None:
        self._number += 1
        heapq.heappush(self._events, (moment, self._number, step, running))

    def batches(self) -> list[Batch]:
        """Plays to the end."""
        while self._events:
            now, _, step, running = heapq.heappop(self._events)
            step(now, running)
        return self._batches

    def _arrive(self, now: float, running: _Running) -> None:
        pool = running.cell.pool
        if self._free[pool]:
            self._free[pool] -= 1
            self._at(now + running.cell.start_sec, self._go_on, running)
        else:
            self._queues[pool].append(running)

    def _go_on(self, now: float, running: _Running) -> None:
        account, batch = self._accounts[running.cell.account], running.batch
        if not math.isnan(running.sent):
            account.answer(running.sent, now, running.left.popleft())
            running.sent = math.nan
            batch.ended = max(batch.ended, now)
        while running.left:
            wait = account.send(now, running.left[0], running.cell.rates)
            if wait is None:
                batch.refused[running.cell.llm] += 1
                running.left.popleft()
                continue
            if wait > 0:
                return self._at(now + wait + _MOMENT, self._go_on, running)
            running.sent = now
            batch.sent += 1
            batch.began = min(batch.began, now)
            return self._at(now + next(running.busy), self._go_on, running)
        return self._leave(now, running.cell.pool)

    def _leave(self, now: float, pool: str) -> None:
        self._free[pool] += 1
        if self._queues[pool]:
            self._arrive(now, self._queues[pool].popleft())
