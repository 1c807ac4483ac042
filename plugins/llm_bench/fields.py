"""How the record is declared: a typed dict whose annotations say type, unit, bounds and meaning of each field."""

# No `from __future__ import annotations`: the annotations are read at import, and texts would be compiled for that.
from collections.abc import Mapping
from dataclasses import dataclass
from types import NoneType
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

FieldType = Literal["string", "float", "integer", "boolean", "timestamp", "offsets", "ordinals"]
Group = Literal["clock", "tokens", "outcome", "quality", "client", "identity", "provenance", "exchange"]
GROUPS: tuple[Group, ...] = get_args(Group)
"""What fields belong together, in the order in which the page of a record shows them; it shows ``exchange``, what was
sent and what came back, in places of their own."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What is true of all values of a type.

    :param type: where the Python type doesn't say it.
    :param minimum: smallest value allowed, inclusive.
    :param maximum: largest value allowed, inclusive.
    """

    unit: str = ""
    minimum: float | None = None
    maximum: float | None = None
    type: FieldType | None = None


Timestamp = Annotated[str, Kind(type="timestamp")]
"""UTC with microseconds, as ``utc_text`` writes it."""
Seconds = Annotated[float, Kind("s", minimum=0)]
Offsets = Annotated[list[float], Kind("s")]
"""Seconds from one start, in rising order."""
Ordinals = Annotated[list[int], Kind()]
"""Places in a list that is counted from 1, in rising order."""
TokensPerSecond = Annotated[float, Kind("tokens/s", minimum=0)]
Tokens = Annotated[int, Kind("tokens", minimum=0)]
Passages = Annotated[int, Kind("passages", minimum=0)]
Share = Annotated[float, Kind(minimum=0, maximum=1)]
Ordinal = Annotated[int, Kind(minimum=1)]
HttpStatus = Annotated[int, Kind(minimum=100, maximum=599)]
Dollars = Annotated[float, Kind("USD", minimum=0)]
Load = Annotated[float, Kind(minimum=0)]


@dataclass(frozen=True, slots=True)
class About:
    """Which fields a field belongs with, and what it holds; where ``None`` is allowed, also what null means.

    :param since: the schema that added it; it is null in records of an earlier one.
    """

    group: Group
    description: str
    since: int = 1


@dataclass(frozen=True, slots=True)
class Field:
    """One column of the record, as its declaration has it.

    :param type: ``timestamp`` is UTC with microseconds; ``offsets`` are seconds from one start, ``ordinals`` places in
        a list, both in rising order.
    :param nullable: whether null has a meaning here (see the description).
    :param minimum: smallest value allowed, inclusive.
    :param maximum: largest value allowed, inclusive.
    :param allowed: the only values allowed, null apart.
    :param since: the schema that added it.
    """

    name: str
    type: FieldType
    description: str
    group: Group
    unit: str = ""
    nullable: bool = False
    minimum: float | None = None
    maximum: float | None = None
    allowed: tuple[str, ...] = ()
    since: int = 1


_TYPES: Mapping[Any, FieldType] = {
    str: "string",
    float: "float",
    int: "integer",
    bool: "boolean",
    list[float]: "offsets",
    list[int]: "ordinals",
}


def _field(name: str, hint: Any) -> Field:
    """The field that an annotation declares: ``Annotated[<type> or None, About(…)]``."""
    declared, *kinds, about = get_args(hint)  # typing makes one Annotated of a nested one
    nullable = NoneType in get_args(declared)
    if nullable:
        (declared,) = (part for part in get_args(declared) if part is not NoneType)
        if get_origin(declared) is Annotated:
            declared, *kinds = get_args(declared)
    kind = kinds[0] if kinds else Kind()
    allowed = get_args(declared) if get_origin(declared) is Literal else ()
    return Field(
        name,
        kind.type or _TYPES[str if allowed else declared],
        about.description,
        about.group,
        unit=kind.unit,
        nullable=nullable,
        minimum=kind.minimum,
        maximum=kind.maximum,
        allowed=allowed,
        since=about.since,
    )


def fields_of(declaration: type) -> tuple[Field, ...]:
    """The fields that a typed dict declares, in its order."""
    return tuple(_field(name, hint) for name, hint in get_type_hints(declaration, include_extras=True).items())
