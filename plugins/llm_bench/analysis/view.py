"""Which records of a study are looked at: as an address has it, and as a database is asked for it. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any, Literal, cast, get_args

from llm_bench.errors import ViewError
from llm_bench.records import RUN_TYPES

Suspect = Literal["include", "exclude", "only"]
Condition = tuple[str, dict[str, Any]]
"""SQL with named parameters, and their values."""

_LISTS = {"industry": "industries", "llm": "llms", "run_type": "run_types"}
"""Names in an address → attributes."""


@dataclass(frozen=True, slots=True)
class View:
    """Which records of a study are looked at. Empty means all.

    :param start: the slot is at or after it; aware.
    :param end: the slot is before it; aware.
    :param llms: their names in the study; without one, the model string, e.g. "groq/moonshotai/kimi-k2-instruct".
    :param suspect: records whose times the client was too busy for: with them, without, or these alone.
    """

    start: datetime | None = None
    end: datetime | None = None
    industries: tuple[str, ...] = ()
    llms: tuple[str, ...] = ()
    run_types: tuple[str, ...] = ()
    suspect: Suspect = "include"

    @classmethod
    def from_query(cls, query: Iterable[tuple[str, str]], zone: tzinfo = UTC) -> View:
        """The view that an address names: ``start``, ``end``, ``suspect``, and any number of ``industry``, ``llm`` and
        ``run_type``. Other names are left alone, as is a name without a value.

        :param zone: of dates and times that don't state their own.
        :raises ViewError: a value can't be used.
        """
        given: dict[str, Any] = {}
        listed: dict[str, dict[str, None]] = {}
        for name, value in query:
            if not value:
                continue
            if name in ("start", "end"):
                given[name] = _moment(name, value, zone)
            elif name == "suspect":
                given[name] = _one_of(name, value, get_args(Suspect))
            elif name in _LISTS:
                kept = _one_of(name, value, RUN_TYPES) if name == "run_type" else value
                listed.setdefault(_LISTS[name], {})[kept] = None
        lists: dict[str, Any] = {name: tuple(values) for name, values in listed.items()}
        return cls(**given, **lists)

    def to_query(self) -> list[tuple[str, str]]:
        """The same as names and values of an address, always in this order; what is empty isn't there."""
        moments = [(name, value.isoformat()) for name, value in (("start", self.start), ("end", self.end)) if value]
        lists = [(name, value) for name, attribute in _LISTS.items() for value in getattr(self, attribute)]
        return [*moments, *lists, *([] if self.suspect == "include" else [("suspect", self.suspect)])]

    def where(self) -> Condition:
        """The condition that its records meet, on the columns of the table ``records``; values are parameters."""
        parts, parameters = ["true"], cast(dict[str, Any], {})
        for name, sign in (("start", ">="), ("end", "<")):
            if (moment := getattr(self, name)) is not None:
                parts.append(f"slot {sign} ${name}")
                parameters[name] = moment
        for name, attribute in _LISTS.items():
            values = {f"{name}_{number}": value for number, value in enumerate(getattr(self, attribute))}
            if values:
                parts.append(f"{name} IN ({', '.join(f'${key}' for key in values)})")
                parameters |= values
        if self.suspect != "include":
            parts.append("suspect IS NULL" if self.suspect == "exclude" else "suspect IS NOT NULL")
        return " AND ".join(parts), parameters


def _moment(name: str, value: str, zone: tzinfo) -> datetime:
    try:
        moment = datetime.fromisoformat(value)
        # Far from today there is no such moment in UTC, or no such date in the database.
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ViewError(
            f"{name} is {value!r}, which is no date.", "Give it as 2026-12-07 or as 2026-12-07T08:00:00+01:00."
        ) from None


def _one_of(name: str, value: str, allowed: tuple[str, ...]) -> str:
    if value not in allowed:
        raise ViewError(f"{name} is {value!r}.", f"Choose one of {', '.join(allowed)}.")
    return value
