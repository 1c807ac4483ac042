"""The account of an LLM's limits as a text that cells share, and the clock that it is kept by. Pure.

Cells are processes, on one machine or on several, and any of their clocks may be put right in between. So an account
has a clock of its own: it starts at the time of day, and is then moved by what has really passed. On one machine that
is its uptime, which nobody sets; from one machine to another it is the time of day, which then must not go back.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from llm_bench.measure.formats.answer import as_dict, json_value
from llm_bench.measure.limits import Grant, Level, Limits, Sums, Tokens


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment, as a machine sees it.

    :param boot: names the machine and its last start; empty where it can't be known.
    :param uptime: seconds since then; it goes on while the machine sleeps.
    :param wall: time of day, seconds since the epoch.
    """

    boot: str
    uptime: float
    wall: float

    def since(self, earlier: Moment) -> float:
        """Seconds that have passed, at least 0."""
        same = self.boot and self.boot == earlier.boot
        passed = self.uptime - earlier.uptime if same else self.wall - earlier.wall
        return max(0.0, passed)


@dataclass(slots=True)
class Ledger:
    """An account.

    :param now: its own clock, seconds.
    :param seen: when it was last looked at.
    """

    now: float
    seen: Moment
    limits: Limits = field(default_factory=Limits)

    def __str__(self) -> str:
        return json.dumps(asdict(self))


def opened(text: str, seen: Moment) -> Ledger:
    """The account that was kept as a text, its clock moved to this moment; a new one where it can't be read.

    :param text: empty where there is none yet.
    """
    try:
        kept = as_dict(json_value(text))
        now = _number(kept["now"]) + seen.since(Moment(**kept["seen"]))
        return Ledger(now, seen, _limits(kept["limits"]))
    except (KeyError, TypeError, ValueError, AttributeError):
        return Ledger(seen.wall, seen)  # what matters of it is a day old at most


def _limits(kept: Mapping[str, Any]) -> Limits:
    return Limits(
        grants=[
            Grant(_number(moment), Tokens(*map(int, spent)), *map(bool, answered))  # of before: without the last
            for moment, spent, *answered in kept["grants"]
        ],
        day=[Sums(**_numbers(sums)) for sums in kept["day"]],
        levels={kind: Level(**_numbers(level)) for kind, level in kept["levels"].items()},
        allowed=_numbers(kept.get("allowed", {})),  # accounts of before had none
        **_numbers({name: kept[name] for name in ("blocked_until", "shut_until", "probed_at")}),
    )


def _numbers(kept: Mapping[str, Any]) -> dict[str, float]:
    return {name: _number(value) for name, value in kept.items()}


def _number(value: Any) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{value} is no number to count with")
    return number
