"""A YAML file of the user's: how it is read, and how its mistakes are reported."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Hashable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from llm_bench.errors import InputFileError, StudyError


class Largest(NamedTuple):
    """How much a file may hold.

    :param size: in bytes.
    :param values: each counted as often as aliases repeat it: ten lines of them can stand for a billion.
    """

    size: int
    values: int


LARGEST = Largest(10_000_000, 500_000)
"""A set of 20,000 questions is smaller."""
LARGEST_STUDY = Largest(200_000, 20_000)
"""200 LLMs with all their keys are less. Each value may be a mistake to explain, and Airflow reads the file often."""
DEEPEST = 40
"""Levels of it."""
LONGEST_JSON = 20_000
"""Letters of what a study hands on to others as JSON."""
SHOWN = 20
"""Mistakes of a file that are listed."""


class Part(BaseModel):
    """Part of such a file: immutable, and an unknown key is a mistake."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)  # a default beside another value


_JOINERS = "\u200c\u200d"
"""Some scripts and emoji need them between letters."""
_UNSEEN = {"Cc", "Cf", "Cs", "Cn", "Co", "Zl", "Zp"}
"""Unicode's categories of what has no shape: controls, marks of direction, halves of letters, ends of lines."""


def printable(text: str) -> str:
    """The text, where each letter of it can be seen: what can't might reorder or end a line wherever it is shown.

    :raises ValueError: it holds another; which.
    """
    for at, letter in enumerate(text, 1):
        if unicodedata.category(letter) in _UNSEEN and letter not in _JOINERS:
            raise ValueError(f"letter {at} is U+{ord(letter):04X}, which can't be seen; allowed: letters that can")
    return text


def readable(text: str) -> str:
    """The same for a text that has ends of lines and tabs."""
    printable(re.sub(r"[\n\t]", " ", text))
    return text


Line = Annotated[str, AfterValidator(printable)]
"""A text of one line that is shown to people."""


def _is_json(content: dict[str, Any]) -> dict[str, Any]:
    try:
        length = len(json.dumps(content, allow_nan=False))
    except (TypeError, ValueError) as fault:
        raise ValueError(f"can't be written as JSON ({fault}); allowed: texts, numbers, lists and mappings") from None
    if length > LONGEST_JSON:
        raise ValueError(f"is {length:,} letters long as JSON; allowed: at most {LONGEST_JSON:,}")
    return content


JSONObject = Annotated[dict[str, Any], AfterValidator(_is_json)]
"""What is handed on to others as JSON."""


class _Loader(yaml.CSafeLoader):
    """YAML in which a repeated key is a mistake, and a moment or a duration stays text, which pydantic parses."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        keys = set()
        for key, _ in node.value:
            name = self.construct_object(key, deep=True)
            if isinstance(name, Hashable) and name in keys:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {name!r} stands there twice", node.start_mark
                )
            keys |= {name} if isinstance(name, Hashable) else set()
        return super().construct_mapping(node, deep)


_NUMBERS = {
    "tag:yaml.org,2002:int": re.compile(r"[-+]?(?:0|[1-9][0-9_]*)$"),
    "tag:yaml.org,2002:float": re.compile(
        r"[-+]?(?:[0-9][0-9_]*\.[0-9_]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?$|[-+]?\.(?:inf|nan)$"
    ),
}
"""What is a number; by YAML 1.1 also 12:00:00 is one, 43,200, and 010 is 8."""
_Loader.yaml_implicit_resolvers = {
    first: [(tag, _NUMBERS.get(tag, pattern)) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read_yaml(path: Path, error: type[InputFileError] = StudyError) -> Any:
    """The content of a YAML file, of a bounded size; a study's is the smaller one.

    :param error: to raise for this kind of file.
    :raises: ``error`` with the line where it can't be read.
    """
    largest = LARGEST_STUDY if error is StudyError else LARGEST
    try:
        content = yaml.load(_text(path, largest.size), Loader=_Loader)  # noqa: S506  (a SafeLoader)
        _check_size(content, largest.values)
        return content
    except UnicodeDecodeError as fault:
        problem = f"is not UTF-8 text (byte {fault.start})"
    except yaml.MarkedYAMLError as fault:
        line = f"line {fault.problem_mark.line + 1}: " if fault.problem_mark else ""
        problem = f"{line}{fault.problem or fault.context or 'not YAML'}"
    except yaml.YAMLError as fault:
        problem = f"not YAML: {fault}"
    except RecursionError:
        problem = _TOO_DEEP
    except OSError as fault:
        problem = f"can't be read: {fault.strerror}"
    except ValueError as fault:  # PyYAML's own, of a number or a date
        problem = str(fault)
    raise error(str(path), [problem])


def _text(path: Path, largest: int) -> str:
    if not path.exists():
        raise ValueError("there is no such file")
    if not path.is_file():
        raise ValueError("is no file")  # a pipe would be waited for
    size = path.stat().st_size
    if size > largest:
        raise ValueError(f"has {size:,} bytes; allowed: at most {largest:,}")
    return path.read_text(encoding="utf-8")


_TOO_DEEP = f"is nested too deep; allowed: at most {DEEPEST} levels"


def _check_size(content: Any, largest: int) -> None:
    """Refuses what aliases blow up, or put into itself.

    :param largest: number of values.
    :raises ValueError: the content is too large or too deep.
    """
    known: dict[int, tuple[int, int]] = {}

    def measure(part: Any, above: int) -> tuple[int, int]:
        """How many values a part is, and how many levels."""
        if above > DEEPEST:
            raise ValueError(_TOO_DEEP)
        if not isinstance(part, (dict, list)):
            return 1, 1
        if id(part) not in known:
            parts = [measure(below, above + 1) for below in (part.values() if isinstance(part, dict) else part)]
            known[id(part)] = 1 + sum(size for size, _ in parts), 1 + max((depth for _, depth in parts), default=0)
        size, depth = known[id(part)]
        if above + depth > DEEPEST:
            raise ValueError(_TOO_DEEP)
        return size, depth

    size, _ = measure(content, 0)
    if size > largest:
        raise ValueError(f"holds {size:,} values; allowed: at most {largest:,}")


def explain(fault: ValidationError, model: type[BaseModel]) -> list[str]:
    """One line for each mistake that pydantic found: key, what is wrong, what is allowed."""
    errors = fault.errors(include_url=False)
    within = [error["loc"] for error in errors]
    # A list of nothing but mistakes is also said to be too short.
    mistakes = [
        error
        for error in errors
        if error["type"] != "too_short" or not any(_is_below(loc, error["loc"]) for loc in within)
    ]
    more = [f"and {len(mistakes) - SHOWN:,} more mistakes"] if len(mistakes) > SHOWN else []
    return [_explain_one(error, model) for error in mistakes[:SHOWN]] + more


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
