"""Numbers and moments as a person reads them. Pure.

What isn't known is "—", never a zero; a number that was read off bins has "≈" before it.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from llm_bench.analysis.statistics import Interval

NONE = "—"
_THIN = "\u202f"
"""Between a number and its unit: it doesn't break, and is narrow."""


def number(value: float | None) -> str:
    """With three significant digits, but never fewer than the whole part has: 0.0123, 1.32, 13.2, 1,320."""
    if value is None or not math.isfinite(value):
        return NONE
    if value == 0:
        return "0"
    places = 2 - math.floor(math.log10(abs(value)))
    # What rounds up to the next power of ten has one digit more before the point.
    places = 2 - math.floor(math.log10(abs(round(value, places)) or abs(value)))
    return f"{value:,.{max(0, places)}f}".replace("-", "−")


def count(value: int | None) -> str:
    """A whole number, its thousands apart."""
    return NONE if value is None else f"{value:,}"


def bare(value: float | None, unit: str) -> str:
    """A number without its unit: "%" shows a share of 1 in percent, and "" a score from 0 to 1 with two decimals."""
    if value is None or not math.isfinite(value):
        return NONE
    if unit in ("%", ""):
        return (f"{value * 100:.1f}" if unit else f"{value:.2f}").replace("-", "−")
    return number(value)


def behind(unit: str) -> str:
    """A unit with the space before it; nothing where there is none."""
    return f"{_THIN}{unit}" if unit else ""


def value(found: float | None, unit: str, *, approximate: bool = False) -> str:
    """A number with its unit, e.g. "1.32 s", "≈ 210 tokens/s", "91.3 %", "0.82"."""
    told = bare(found, unit)
    return NONE if told == NONE else f"{'≈' + _THIN if approximate else ''}{told}{behind(unit)}"


def interval(found: Interval | None, unit: str, *, approximate: bool = False) -> str:
    """An estimate with its 95 % interval, e.g. "1.32 s (1.21–1.44)"; the estimate alone where it has none."""
    if found is None:
        return NONE
    told = value(found.estimate, unit, approximate=approximate)
    low, high = bare(found.low, unit), bare(found.high, unit)
    return told if NONE in (told, low, high) else f"{told} ({low}–{high})"


def change(found: Interval | None, unit: str) -> str:
    """A difference with its sign and its interval, e.g. "+0.21 s (+0.15 to +0.27)"; of "%" in percentage points."""
    if found is None or found.estimate is None:
        return NONE
    told, low, high = (_signed(end, unit) for end in (found.estimate, found.low, found.high))
    told += behind("pp" if unit == "%" else unit)
    return told if NONE in (low, high) else f"{told} ({low} to {high})"


def _signed(value: float | None, unit: str) -> str:
    told = bare(value, unit)
    return f"+{told}" if value is not None and value > 0 else told


def p_value(found: float | None) -> str:
    """A probability, no finer than a thousandth."""
    return NONE if found is None else "< 0.001" if found < 0.001 else f"{found:.3f}"


def moment(found: datetime | None, zone: tzinfo = UTC) -> str:
    """Day and time to the second, in the zone given; the year apart, where pages say it once."""
    return NONE if found is None else f"{found.astimezone(zone):%a %d %b %H:%M:%S}"


def day(found: datetime | None, zone: tzinfo = UTC) -> str:
    """A day with its year."""
    return NONE if found is None else f"{found.astimezone(zone):%d %b %Y}"


def span(found: timedelta) -> str:
    """How long, in the unit that fits: "52 s", "51 min", "3 h 20 min", "4 d 2 h"."""
    seconds = round(found.total_seconds())
    if seconds < 100:
        return f"{seconds}{_THIN}s"
    minutes = round(seconds / 60)
    if minutes < 100:
        return f"{minutes}{_THIN}min"
    hours, rest = divmod(minutes, 60)
    if hours < 48:
        return f"{hours}{_THIN}h {rest}{_THIN}min" if rest else f"{hours}{_THIN}h"
    days, left = divmod(hours, 24)
    return f"{days}{_THIN}d {left}{_THIN}h" if left else f"{days}{_THIN}d"


def words(name: Any) -> str:
    """A name of a program's as words: "timeout_first_token" → "timeout first token"."""
    return str(name).replace("_", " ")
