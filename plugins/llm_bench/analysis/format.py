"""Numbers and moments as a person reads them: on a page, in a report, a chart and a terminal alike. Pure.

What isn't known is "—", never a zero; a number that was read off bins has "≈" before it. A medium changes signs alone,
where it has none of its own: LaTeX sets "−" as a formula.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from llm_bench.analysis.statistics import Interval

NONE = "—"
NO_INTERVAL = f"[{NONE}]"
OPEN = "open"
"""What nothing that was measured bounds."""
FAILED = "failed"
"""A time of all that were asked where so many failed that it lies among the failures."""
_THIN = "\u202f"
"""Between a number and its unit: it doesn't break, and is narrow."""


def number(value: float | None) -> str:
    """Three significant digits, but never fewer than the whole part has: 0.0123, 1.32, 13.2, 1,320."""
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


def many(value: float | None) -> str:
    """A large number as a person says it: whole up to 99,999, then in millions, e.g. "0.62 M"."""
    return NONE if value is None else count(round(value)) if value < 99_999.5 else f"{number(value / 1e6)}{_THIN}M"


def bare(value: float | None, unit: str) -> str:
    """A number without its unit: "%" shows a share of 1 in percent, and "" a score from 0 to 1 with two decimals.

    One that lies among the failures is "failed".
    """
    if value == math.inf:
        return FAILED
    if value is None or not math.isfinite(value):
        return NONE
    if unit in ("%", ""):
        return (f"{value * 100:.1f}" if unit else f"{value:.2f}").replace("-", "−")
    return number(value)


def behind(unit: str) -> str:
    """A unit with the space before it; nothing where there is none."""
    return f"{_THIN}{unit}" if unit else ""


def about(text: str) -> str:
    """A number's text marked as approximate."""
    return text if text in (NONE, FAILED) else f"≈{_THIN}{text}"


def value(amount: float | None, unit: str, *, approximate: bool = False) -> str:
    """A number with its unit, e.g. "1.32 s", "≈ 210 tokens/s", "91.3 %", "0.82"."""
    text = bare(amount, unit)
    if text in (NONE, FAILED):
        return text
    return about(text + behind(unit)) if approximate else text + behind(unit)


def ends(low: float | None, high: float | None, unit: str) -> str:
    """The interval that belongs to an estimate, e.g. "[1.21, 1.44]"; "[—]" where the data give none.

    An end that nothing bounds is "open": "[1.21, open]". A low end among the failures is "failed".
    """
    texts = [OPEN if end == unbounded else bare(end, unit) for end, unbounded in ((low, -math.inf), (high, math.inf))]
    return NO_INTERVAL if NONE in texts else f"[{', '.join(texts)}]"


def interval(estimated: Interval | None, unit: str, *, approximate: bool = False) -> str:
    """An estimate with its 95 % interval, e.g. "1.32 s [1.21, 1.44]"; the estimate alone where it has none."""
    if estimated is None or estimated.estimate is None:
        return NONE
    text, around = value(estimated.estimate, unit, approximate=approximate), ends(estimated.low, estimated.high, unit)
    return text if around == NO_INTERVAL else f"{text} {around}"


def between(low: float | None, high: float | None, unit: str) -> str:
    """A range of values, e.g. "1.21 to 1.44 s"."""
    texts = bare(low, unit), value(high, unit)
    return NONE if NONE in texts else " to ".join(texts)


def difference(amount: float | None, unit: str) -> str:
    """What one number has over another, with its sign; of scores as precise as of any number, of "%" in points."""
    return _signed(bare(amount, unit) if unit == "%" else number(amount), amount)


def difference_unit(unit: str) -> str:
    """The unit of a difference: of percentages, percentage points."""
    return "pp" if unit == "%" else unit


def difference_ends(low: float | None, high: float | None, unit: str) -> str:
    """The interval of a difference, e.g. "[−0.15, +0.27]"."""
    texts = difference(low, unit), difference(high, unit)
    return NO_INTERVAL if NONE in texts else f"[{', '.join(texts)}]"


def change(estimated: Interval | None, unit: str) -> str:
    """A difference with its unit and its interval, e.g. "+0.210 s [+0.150, +0.270]"; of "%" in percentage points."""
    if estimated is None or estimated.estimate is None:
        return NONE
    text = difference(estimated.estimate, unit) + behind(difference_unit(unit))
    around = difference_ends(estimated.low, estimated.high, unit)
    return text if around == NO_INTERVAL else f"{text} {around}"


def ratio_ends(low: float | None, high: float | None) -> str:
    """The interval of a ratio, e.g. "[1.70, 1.90]"."""
    return ends(low, high, "times")


def ratio(estimated: Interval | None, what: str) -> str:
    """How many times as much, with its interval, e.g. "1.80 times as long [1.70, 1.90]".

    :param what: "long", "fast", "dear".
    """
    if estimated is None or estimated.estimate is None:
        return NONE
    text, around = f"{number(estimated.estimate)} times as {what}", ratio_ends(estimated.low, estimated.high)
    return text if around == NO_INTERVAL else f"{text} {around}"


def effect(amount: float | None) -> str:
    """An effect or a correlation, from −1 to 1, with its sign."""
    return _signed(bare(amount, ""), amount)


def _signed(text: str, amount: float | None) -> str:
    return f"+{text}" if amount is not None and amount > 0 and text != NONE else text


def p_value(p: float | None) -> str:
    """A probability, no finer than a thousandth."""
    return NONE if p is None else "< 0.001" if p < 0.001 else f"{p:.3f}"


def p_equals(p: float | None) -> str:
    """The same with its sign, to stand after a "p"."""
    written = p_value(p)
    return written if written.startswith("<") else f"= {written}"


def moment(when: datetime | None, zone: tzinfo = UTC) -> str:
    """Day and time to the second, in the zone given; the year apart, where pages say it once."""
    return NONE if when is None else f"{when.astimezone(zone):%a %d %b %H:%M:%S}"


def zone_name(moment: datetime) -> str:
    """The time zone that an aware moment is in: "UTC+01:00", "CET"."""
    name = moment.tzname() or ""
    return f"UTC{name}" if name[:1] in ("+", "-") else name


def moment_and_zone(when: datetime, zone: tzinfo = UTC) -> str:
    """A moment to the second, with the name of the zone that it is shown in: for what is printed."""
    local = when.astimezone(zone)
    return f"{local:%Y-%m-%d %H:%M:%S} {zone_name(local)}"


def day(when: datetime | None, zone: tzinfo = UTC) -> str:
    """A day with its year."""
    return NONE if when is None else f"{when.astimezone(zone):%d %b %Y}"


def span(length: timedelta) -> str:
    """How long, in the unit that fits: "52 s", "51 min", "3 h 20 min", "4 d 2 h"."""
    seconds = round(length.total_seconds())
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


def listed(names: Sequence[str]) -> str:
    """Names as a sentence has them: "a, b and c"; at least one."""
    *before, last = names
    return f"{', '.join(before)} and {last}" if before else last


def words(name: Any) -> str:
    """A name of a program's as words: "timeout_first_token" → "timeout first token"."""
    return str(name).replace("_", " ")
