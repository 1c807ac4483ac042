"""A YAML file of the user's: how it is read, and how its mistakes are reported."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from llm_bench.errors import InputFileError, StudyError


class Part(BaseModel):
    """Part of such a file: immutable, and an unknown key is a mistake."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class _Loader(yaml.SafeLoader):
    """YAML in which a repeated key is a mistake and a timestamp stays text (pydantic parses it, offset and all)."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} stands there twice", node.start_mark
                )
        return super().construct_mapping(node, deep)


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read_yaml(path: Path, error: type[InputFileError] = StudyError) -> Any:
    """The content of a YAML file.

    :raises: ``error`` with the line where it can't be read.
    """
    try:
        return yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506  (a SafeLoader)
    except FileNotFoundError:
        raise error(str(path), ["there is no such file"]) from None
    except UnicodeDecodeError as fault:
        raise error(str(path), [f"is not UTF-8 text (byte {fault.start})"]) from None
    except yaml.MarkedYAMLError as fault:
        line = f"line {fault.problem_mark.line + 1}: " if fault.problem_mark else ""
        raise error(str(path), [f"{line}{fault.problem or fault.context or 'not YAML'}"]) from None
    except yaml.YAMLError as fault:
        raise error(str(path), [f"not YAML: {fault}"]) from None


def explain(fault: ValidationError, model: type[BaseModel]) -> list[str]:
    """One line for each mistake that pydantic found: key, what is wrong, what is allowed."""
    errors = fault.errors(include_url=False)
    within = [error["loc"] for error in errors]
    # A list of nothing but mistakes is also said to be too short.
    return [
        _explain_one(error, model)
        for error in errors
        if error["type"] != "too_short" or not any(_is_below(loc, error["loc"]) for loc in within)
    ]


def _is_below(loc: tuple[int | str, ...], other: tuple[int | str, ...]) -> bool:
    return len(loc) > len(other) and loc[: len(other)] == other


def _explain_one(error: Any, model: type[BaseModel]) -> str:
    where = ".".join(str(part) for part in error["loc"]) or "(the file)"
    message = str(error["msg"]).removeprefix("Value error, ")
    if error["type"] == "extra_forbidden":
        return f"{where}: unknown key; allowed: {', '.join(_keys_at(model, error['loc'][:-1]))}"
    if error["type"] == "missing":
        return f"{where}: is missing"
    if error["type"] == "timezone_aware":
        message = "has no time zone; allowed: ISO 8601 with a UTC offset, e.g. 2026-12-07T08:00:00+01:00"
    message = message[:1].lower() + message[1:]
    if error["loc"][-1:] == ("parameters",):
        return f"{where}: {message}"  # it may be a key that stands there
    shown = repr(error["input"])
    return f"{where}: {shown if len(shown) <= 80 else shown[:79] + '…'}: {message}"


def _keys_at(model: type[BaseModel], loc: tuple[int | str, ...]) -> Iterator[str]:
    """The keys that the model has at ``loc``, found by walking its JSON schema."""
    schema: Mapping[str, Any] = model.model_json_schema()
    definitions = schema.get("$defs", {})

    def resolve(part: Mapping[str, Any]) -> Mapping[str, Any]:
        for option in part.get("anyOf", ()):
            if "$ref" in option:
                part = option
        if len(part.get("allOf", ())) == 1:
            part = part["allOf"][0]
        return definitions[part["$ref"].rsplit("/", 1)[-1]] if "$ref" in part else part

    for step in loc:
        schema = resolve(schema["items"] if isinstance(step, int) else schema["properties"][step])
    yield from schema.get("properties", {})
