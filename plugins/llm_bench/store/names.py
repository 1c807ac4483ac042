"""How the objects of a store are named, by their moment. Pure."""

from __future__ import annotations

from datetime import UTC, datetime

from llm_bench.records import utc_text

_MOMENT = "%Y%m%dT%H%M%S.%fZ"


def moment_name(moment: datetime) -> str:
    """An aware moment as the name of an object, e.g. ``20261207T075125.714285Z``."""
    return moment.astimezone(UTC).strftime(_MOMENT)


def named_moment(name: str) -> datetime | None:
    """The moment that ``moment_name`` gave this name, in UTC; None for any other name."""
    try:
        return datetime.strptime(name, _MOMENT).replace(tzinfo=UTC)
    except ValueError:
        return None


def slot_in(path: str) -> str | None:
    """The slot, as its records have it, whose records or quarantine these are; None for any other object."""
    stem, _, suffix = name_of(path).rpartition(".")
    moment = named_moment(stem)
    return utc_text(moment) if moment is not None and suffix == "parquet" else None


def client_folder(client: str | None) -> str:
    """What an object's path has, beside its study, of the place that its records were measured from."""
    return f"client={client}/" if client else ""


def client_in(path: str) -> str | None:
    """The name of the place that an object's records were measured from; None where it has none."""
    return next((part.removeprefix("client=") for part in path.split("/")[2:-1] if part.startswith("client=")), None)


def folder_of(path: str) -> str:
    """The folder of a day of a study, ``/`` last."""
    return path.rpartition("/")[0] + "/"


def name_of(path: str) -> str:
    """An object's name in its folder."""
    return path.rpartition("/")[2]
