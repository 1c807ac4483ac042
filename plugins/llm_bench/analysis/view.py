"""Which records of a study are looked at: as an address has it, and as a database is asked for it. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo
from typing import Any, Literal, cast, get_args

from llm_bench.errors import ViewError
from llm_bench.records import CLIENT_SQL, RUN_TYPES, UPSTREAM_SQL, WARM_SQL

Suspect = Literal["include", "exclude", "only"]
Cache = Literal["cold", "warm", "all"]
Cached = Literal["include", "exclude", "only"]
Condition = tuple[str, dict[str, Any]]
"""SQL with named parameters, and their values."""

_LISTS = {
    "industry": "industries",
    "llm": "llms",
    "run_type": "run_types",
    "upstream": "upstreams",
    "client": "clients",
}
"""Names in an address → attributes."""
_CHOICES = {"suspect": get_args(Suspect), "cached": get_args(Cached), "cache": get_args(Cache)}
"""Names in an address that have one value of these."""
_COLUMNS = {"upstream": UPSTREAM_SQL, "client": CLIENT_SQL}
"""Names in an address that aren't those of columns → what they stand for."""
IS_CACHED = "coalesce(cached_tokens > 0, false)"
"""Whether a provider's cache knew a prompt, as the provider says."""


@dataclass(frozen=True, slots=True)
class View:
    """Which records of a study are looked at. Empty means all.

    :param start: the slot is at or after it; aware.
    :param end: the slot is before it; aware.
    :param llms: their names in the study; without one, the model string, e.g. "groq/moonshotai/kimi-k2-instruct".
    :param suspect: records whose times the client was too busy for: with them, without, or these alone.
    :param cached: records whose prompt a provider's cache knew, at least in part: with them, without, or these alone.
    :param cache: cold: all but those that were asked once more, warm, right after; warm: these alone; all: both. None:
        cold wherever something is computed, so that no question counts twice, and all where records are handed out.
    :param upstreams: who answered behind a gateway; "unnamed": nobody was named.
    :param clients: where it was asked from; "unnamed": the place has no name.
    """

    start: datetime | None = None
    end: datetime | None = None
    industries: tuple[str, ...] = ()
    llms: tuple[str, ...] = ()
    run_types: tuple[str, ...] = ()
    suspect: Suspect = "include"
    cached: Cached = "include"
    cache: Cache | None = None
    upstreams: tuple[str, ...] = ()
    clients: tuple[str, ...] = ()

    @classmethod
    def from_query(cls, query: Iterable[tuple[str, str]], zone: tzinfo = UTC) -> View:
        """The view that an address names: ``start``, ``end``, ``suspect``, ``cached``, ``cache``, and any number of
        ``industry``, ``llm``, ``run_type``, ``upstream`` and ``client``. Other names are left alone, as is a name
        without a value.

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
            elif name in _CHOICES:
                given[name] = _one_of(name, value, _CHOICES[name])
            elif name in _LISTS:
                kept = _one_of(name, value, RUN_TYPES) if name == "run_type" else value
                listed.setdefault(_LISTS[name], {})[kept] = None
        lists: dict[str, Any] = {name: tuple(values) for name, values in listed.items()}
        return cls(**given, **lists)

    def to_query(self) -> list[tuple[str, str]]:
        """The same as names and values of an address, always in this order; what is empty isn't there."""
        moments = [(name, value.isoformat()) for name, value in (("start", self.start), ("end", self.end)) if value]
        lists = [(name, value) for name, attribute in _LISTS.items() for value in getattr(self, attribute)]
        kinds = [(name, str(value)) for name in ("suspect", "cached") if (value := getattr(self, name)) != "include"]
        return [*moments, *lists, *kinds, *([("cache", str(self.cache))] if self.cache else [])]

    @property
    def has_cold(self) -> bool:
        """Whether it takes records that weren't asked warm, where something is computed of them."""
        return self.cache != "warm"

    @property
    def has_warm(self) -> bool:
        """Whether it takes those that were."""
        return self.cache in ("warm", "all")

    @property
    def whole(self) -> View:
        """The same to hand records out: with the warm ones, unless it says otherwise."""
        return replace(self, cache=self.cache or "all")

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
                parts.append(f"{_COLUMNS.get(name, name)} IN ({', '.join(f'${key}' for key in values)})")
                parameters |= values
        if self.suspect != "include":
            parts.append("suspect IS NULL" if self.suspect == "exclude" else "suspect IS NOT NULL")
        if self.cached != "include":
            parts.append(IS_CACHED if self.cached == "only" else f"NOT {IS_CACHED}")
        if not (self.has_cold and self.has_warm):
            parts.append(WARM_SQL if self.has_warm else f"NOT {WARM_SQL}")
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
