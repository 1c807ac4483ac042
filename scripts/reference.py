"""Writes what docs/study.md says of each key of a study file, from the model: `.venv/bin/python scripts/reference.py`.

The rest of the page is written by hand. A test holds the page against this.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Le, Lt, MaxLen, MinLen
from pydantic import AwareDatetime, BaseModel
from pydantic.fields import FieldInfo

from llm_bench.study import Study

PAGE = Path(__file__).resolve().parents[1] / "docs" / "study.md"
BEGIN = "<!-- From here on by scripts/reference.py -->\n"
END = "<!-- to here -->\n"

TYPES = {
    str: "text",
    float: "number",
    int: "whole number",
    bool: "`true` or `false`",
    AwareDatetime: "moment",
    datetime: "moment",
    timedelta: "duration",
}


def page(text: str) -> str:
    """The page with its generated part made anew."""
    head, _, rest = text.partition(BEGIN)
    return head + BEGIN + "\n" + "\n".join(reference()) + "\n" + END + rest.partition(END)[2]


def reference() -> Iterator[str]:
    """A heading and a table for the file and for each mapping in it."""
    yield from _table("The file", Study)
    yield from _within(Study)


def _within(model: type[BaseModel], place: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        inner = _model(field.annotation)
        if inner is not None:
            yield from _table(f"`{place}{name}`", inner)
            yield from _within(inner, f"{place}{name}.")


def _table(title: str, model: type[BaseModel]) -> Iterator[str]:
    yield f"### {title}\n"
    yield (model.__doc__ or "").partition("\n")[0] + "\n"
    yield "| key | type | default | limits | what it is |"
    yield "| --- | --- | --- | --- | --- |"
    for name, field in model.model_fields.items():
        cells = (f"`{name}`", _type(field.annotation), _default(name, field), _limits(field), field.description or "")
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
    yield ""


def _model(annotation: Any) -> type[BaseModel] | None:
    """The mapping that a key holds, be it optional or in a list."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_model, typing.get_args(annotation))), None)


def _type(annotation: Any) -> str:
    arguments = typing.get_args(annotation)
    origin = typing.get_origin(annotation)
    if origin is Annotated:
        return _type(arguments[0])
    if origin in (types.UnionType, typing.Union):
        return _type(next(part for part in arguments if part is not type(None)))
    if origin is tuple:
        return f"list: {_type(arguments[0])}"
    if origin is Literal:
        return " or ".join(f"`{value}`" for value in arguments)
    if origin is dict:
        return "mapping"
    return "mapping, see below" if _model(annotation) else TYPES[annotation]


def _default(name: str, field: FieldInfo) -> str:
    if name == "name" and field.is_required():  # it is read off the path
        return "the file's name"
    if field.is_required():
        return "must be given"
    value = field.default
    if (name, value) == ("name", "") and any(getattr(rule, "pattern", None) for rule in field.metadata):
        return "the model string"
    if isinstance(value, BaseModel):
        return "the defaults below"
    if isinstance(value, timedelta):
        return f"`PT{value // timedelta(hours=1)}H`"
    return "none" if value in (None, "", (), {}) else f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _limits(field: FieldInfo) -> str:
    of = "letters" if typing.get_origin(field.annotation) is not tuple else "entries"
    return ", ".join(filter(None, (_limit(rule, of) for rule in field.metadata)))


_BOUNDS = {Ge: ("≥", "ge"), Gt: (">", "gt"), Le: ("≤", "le"), Lt: ("<", "lt")}


def _limit(rule: Any, of: str) -> str:
    if type(rule) in _BOUNDS:
        sign, key = _BOUNDS[type(rule)]
        bound = getattr(rule, key)
        return f"{sign} {0 if bound == timedelta(0) else f'{bound:,}'.removesuffix('.0')}"
    if isinstance(rule, MinLen):
        return "not empty"
    if isinstance(rule, MaxLen):
        return f"at most {rule.max_length:,} {of}"
    pattern = getattr(rule, "pattern", None)
    return f"`{pattern}`" if pattern else ""


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
