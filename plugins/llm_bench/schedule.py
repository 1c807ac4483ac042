"""The slots of a study's window: when each batch is due. Pure, in integer microseconds.

A slot is never computed from the one before it, so no rounding accumulates: slot ``k`` of a period is
``period_start + k * period // batches``, which is within 1 µs of the exact fraction.
"""

from __future__ import annotations

from calendar import timegm
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
DAY_US = 24 * 3600 * 1_000_000
MAX_GRACE = timedelta(minutes=5)
"""It covers a busy or restarting scheduler, and is a tenth of the default study's spacing."""


def to_us(moment: datetime) -> int:
    """Microseconds since the epoch of an aware datetime, exact; of pendulum's too, whose division isn't."""
    return timegm(moment.utctimetuple()) * 1_000_000 + moment.microsecond


def from_us(us: int) -> datetime:
    """The UTC datetime at ``us`` microseconds since the epoch, exact."""
    return EPOCH + us * MICROSECOND


def slot_of(logical_date: datetime | None, run_after: datetime) -> datetime:
    """The slot of an Airflow run: its logical date; when it was due, where it was triggered without one."""
    return logical_date or run_after


@dataclass(frozen=True, slots=True)
class Schedule:
    """Slots in ``[start_us, end_us)``: ``batches`` per period, a period every ``cadence_us``.

    All durations are elapsed time, so a change of the clocks (DST) moves no slot.

    :param start_us: the first slot, microseconds since the epoch.
    :param end_us: no slot at or after it.
    :param period_us: how long a period is, in microseconds; at most ``cadence_us``.
    :param batches: batches per period.
    :param cadence_us: from the start of one period to the start of the next, in microseconds.
    """

    start_us: int
    end_us: int
    period_us: int
    batches: int
    cadence_us: int = DAY_US

    @property
    def grace(self) -> timedelta:
        """How long after its time a slot may still be started: then it was missed, and is for a backfill.

        :data:`MAX_GRACE`; the time to the next slot where that is shorter.
        """
        return min(MAX_GRACE, self.period_us // self.batches * MICROSECOND)

    def __len__(self) -> int:
        if self.end_us <= self.start_us:
            return 0
        periods, rest = divmod(self.end_us - self.start_us, self.cadence_us)
        return periods * self.batches + self._first_at_or_after(rest)

    def __getitem__(self, n: int) -> datetime:
        if not 0 <= n < len(self):
            raise IndexError(n)
        period, k = divmod(n, self.batches)
        return from_us(self.start_us + period * self.cadence_us + k * self.period_us // self.batches)

    def __iter__(self) -> Iterator[datetime]:
        return (self[n] for n in range(len(self)))

    def __contains__(self, moment: datetime) -> bool:
        n = self.index_at_or_after(moment)
        return n < len(self) and self[n] == moment

    def index_at_or_after(self, moment: datetime) -> int:
        """The number of the first slot at or after ``moment``; ``len(self)`` where there is none."""
        elapsed = to_us(moment) - self.start_us
        if elapsed <= 0:
            return 0
        period, rest = divmod(elapsed, self.cadence_us)
        return min(period * self.batches + self._first_at_or_after(rest), len(self))

    def at_or_after(self, moment: datetime) -> datetime | None:
        """The first slot at or after ``moment``, or None."""
        n = self.index_at_or_after(moment)
        return self[n] if n < len(self) else None

    def after(self, moment: datetime) -> datetime | None:
        """The first slot after ``moment``, or None."""
        return self.at_or_after(moment + MICROSECOND)

    def _first_at_or_after(self, rest_us: int) -> int:
        """The smallest ``k`` with ``k * period // batches >= rest_us``; ``batches`` where the period has none.

        As ``rest_us`` is whole, the floor can be left out: it is ``ceil(rest_us * batches / period)``.
        """
        return min(self.batches, -(-rest_us * self.batches // self.period_us))
