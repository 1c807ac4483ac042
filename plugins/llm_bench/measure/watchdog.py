"""Ends a request that outlasts its deadlines, whatever holds it: a library that loops, a socket that drips.

Deadlines are applied where bytes arrive; what goes on elsewhere they don't see. So two timers of the kernel's run
beside each request. Neither needs a thread, and neither wakes before the request is late, so they disturb no clock.

- ``SIGALRM`` raises :class:`HeldError` in the code that holds the request. It ends whatever Python runs, waits of the
  system, and regular expressions: all that looks at signals.
- ``SIGPROF``, after so many seconds of the processor's time, ends the process where code in C neither returns nor looks
  at them; before that, its place is written down (``faulthandler``), so that the task's next attempt makes a record of
  it and goes on with the next question. It counts the processor's time, as a process that was stopped isn't held.

What neither ends is code in C that waits, without computing, and begins anew at each signal.
"""

from __future__ import annotations

import faulthandler
import json
import re
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType

from llm_bench.measure.exchange import Exchange

OVER_SEC = 5.0
"""How far beyond its ``total_sec`` nothing holds a request."""

_RING_SEC = 1.0
_FRAMES = 3
"""Places in the code that are named, the innermost first."""
_DUMPED = re.compile(r'^  File "(.+)", line (\d+) in (.+)$', re.MULTILINE)


class HeldError(BaseException):
    """A request was held beyond its deadlines; the text says where.

    No ``Exception``, so that no library between takes it for a fault of its own.
    """


@contextmanager
def watching(exchange: Exchange) -> Iterator[None]:
    """Ends what runs in its span soon after the exchange's deadlines have passed.

    In the main thread only, as signals reach no other.

    :raises HeldError: it was ended.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    started, rung = time.monotonic(), 0

    def ring(_signal: int, frame: FrameType | None) -> None:
        nonlocal rung
        rung += 1
        begun = exchange.sent or started + exchange.connect_sec
        # Never at the first: a process that was stopped finds it waiting, and has yet to see its own deadlines.
        if rung > 1 and time.monotonic() >= begun + exchange.total_sec + OVER_SEC - _RING_SEC:
            raise HeldError(_place(frame))

    handler = signal.signal(signal.SIGALRM, ring)
    before = signal.setitimer(signal.ITIMER_REAL, exchange.total_sec + OVER_SEC - 2 * _RING_SEC, _RING_SEC)
    try:
        yield
    finally:
        left = max(before[0] - (time.monotonic() - started), 0.001) if before[0] else 0.0
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, left, before[1])  # Airflow's own, of a task with an execution_timeout


def explain(place: str, total_sec: float) -> str:
    """What a record says of a request that was ended.

    :param place: where the code was that held it.
    """
    return f"not done {OVER_SEC:g} s after total_sec = {total_sec:g} s, and ended: held by {place}"


@dataclass(frozen=True, slots=True)
class Question:
    """A question as it is asked, for the attempt after one that is ended with its process.

    :param key: names it within its cell.
    :param settings_hash: of what it is asked with.
    :param measured_at: ISO 8601.
    """

    key: str
    settings_hash: str
    measured_at: str
    attempt: int
    wait_sec: float
    load: float | None
    unique_line: str | None


class LastResort:
    """Ends this process where a question holds on to the processor, so that the task's next attempt knows of it.

    :param path: of a file, the same in each attempt of a cell, where the question is written down while it is asked.
    """

    held: Question | None = None
    """The question with which the attempt before was ended."""
    place = ""
    """Where the code was that held it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with suppress(FileNotFoundError):
            head, _, dump = path.read_text(encoding="utf-8").partition("\n")
            places = [_named(name, file, int(line)) for file, line, name in _DUMPED.findall(dump)]
            if places:  # else the attempt was ended by something else
                self.held, self.place = Question(**json.loads(head)), " in ".join(places[:_FRAMES])
            path.unlink()

    @contextmanager
    def over(self, question: Question, total_sec: float) -> Iterator[None]:
        """Ends this process where its span takes all the processor's time for longer than a request may.

        Where the disk is full the span runs without it: what is ended without a note would be asked again and again.
        """
        with ExitStack() as watch:
            with suppress(OSError):
                watch.enter_context(self._noted(question, total_sec))
            yield

    @contextmanager
    def _noted(self, question: Question, total_sec: float) -> Iterator[None]:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("w", encoding="utf-8") as file:
            file.write(json.dumps(asdict(question)) + "\n")
            file.flush()
            faulthandler.register(signal.SIGPROF, file, all_threads=False, chain=True)
            signal.setitimer(signal.ITIMER_PROF, total_sec + OVER_SEC)
            try:
                yield
            finally:
                signal.setitimer(signal.ITIMER_PROF, 0)
                faulthandler.unregister(signal.SIGPROF)
                self._path.unlink(missing_ok=True)


def _place(frame: FrameType | None) -> str:
    places: list[str] = []
    while frame is not None and len(places) < _FRAMES:
        places.append(_named(frame.f_code.co_name, frame.f_code.co_filename, frame.f_lineno))
        frame = frame.f_back
    return " in ".join(places)


def _named(name: str, file: str, line: int) -> str:
    """A place in the code, without what only this machine's paths say."""
    return f"{name} ({'/'.join(Path(file).parts[-2:])}:{line})"
