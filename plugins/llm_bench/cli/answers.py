"""A file of answers to score, one JSON object a line: how it is read, checked and scored."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from llm_bench.errors import InputError, InputFileError
from llm_bench.inputs import explain
from llm_bench.scoring.score import SCORING_VERSION, Judgement, judge

if TYPE_CHECKING:
    from llm_bench.rag.embeddings import Embedder

LISTED = 20
"""Mistakes that are shown of a file; of more, their number."""
ROWS, CHARACTERS = 500, 300_000
"""What is scored at once: so many answers, or fewer where they and their contexts are long."""
DIGITS = 6


class AnswersError(InputFileError, InputError):
    """A file of answers can't be used."""


def _passages(value: object) -> object:
    if not isinstance(value, str | list):
        raise ValueError("is neither a text nor a list of texts")
    return [value] if isinstance(value, str) else value


class Row(BaseModel):
    """A line: an answer and what it is held against. Whatever else stands there is handed on to its scores."""

    model_config = ConfigDict(frozen=True, strict=True, extra="allow")

    question: str
    context: Annotated[list[str], BeforeValidator(_passages)]
    answer: str | None
    points: list[str] = []
    answerable: bool = True
    id: str | int | None = None

    @property
    def prompt(self) -> dict[str, Any]:
        """What the answer is held against, as ``judge`` takes it."""
        return {
            "question": self.question,
            "passages": self.context,
            "points": self.points,
            "answerable": self.answerable,
        }


def opened(path: Path) -> IO[bytes]:
    """A file that can be read twice; "-" is standard input.

    :raises InputError: it can't be read.
    """
    try:
        source = sys.stdin.buffer if path == Path("-") else path.open("rb")
        if source is not sys.stdin.buffer and source.seekable():
            return source
        copy = TemporaryFile()  # noqa: SIM115  (the caller closes it)
        shutil.copyfileobj(source, copy)
        copy.seek(0)
        return copy
    except OSError as fault:
        raise InputError(f"{path} can't be read: {fault.strerror or fault}.", "Name another file.") from fault


def check(file: IO[bytes], name: str) -> int:
    """How many answers a file holds; every line is looked at, and the file wound back.

    :raises AnswersError: with the line and key of each mistake.
    """
    count, mistakes, more = 0, list[str](), 0
    for number, line in _lines(file):
        try:
            _read(line)
            count += 1
        except ValueError as fault:
            problems = [f"line {number}: {problem}" for problem in _problems(fault)]
            more += max(0, len(mistakes) + len(problems) - LISTED)
            mistakes = [*mistakes, *problems][:LISTED]
    if more:
        mistakes.append(f"and {more} more")
    if mistakes or not count:
        raise AnswersError(name, mistakes or ["is empty; each line is a JSON object with question, context and answer"])
    file.seek(0)
    return count


def rows(file: IO[bytes]) -> Iterator[Row]:
    """The answers of a file that was checked; one without an id has the number of its line."""
    for number, line in _lines(file):
        row = _read(line)
        yield row if row.id is not None else row.model_copy(update={"id": number})


def _lines(file: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    return ((number, line) for number, line in enumerate(file, 1) if line.strip())


def _read(line: bytes) -> Row:
    return Row.model_validate_json(line.decode("utf-8-sig"))


def _problems(fault: ValueError) -> list[str]:
    if isinstance(fault, UnicodeDecodeError):
        return [f"is not UTF-8 text (byte {fault.start + 1} of the line)"]
    if isinstance(fault, ValidationError) and fault.errors()[0]["type"] in {"json_invalid", "model_type"}:
        context = fault.errors()[0].get("ctx", {})
        return [f"is no JSON object ({context.get('error', 'another value')})"]
    return explain(fault, Row) if isinstance(fault, ValidationError) else [str(fault)]


def batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    """The answers in lots that fit into memory, in their order."""
    lot, size = list[Row](), 0
    for row in rows:
        length = len(row.answer or "") + sum(map(len, (row.question, *row.context, *row.points)))
        if lot and (len(lot) == ROWS or size + length > CHARACTERS):
            yield lot
            lot, size = [], 0
        lot.append(row)
        size += length
    if lot:
        yield lot


def judged(lot: list[Row], embedder: Embedder, language: str = "en") -> list[Judgement]:
    """The judgement of each answer; a prompt that several have in common is looked at once."""
    keys = [row.model_dump_json(include=row.prompt.keys() - {"passages"} | {"context"}) for row in lot]
    prompts = {key: row.prompt for key, row in zip(keys, lot, strict=True)}
    return judge([(key, row.answer or "") for key, row in zip(keys, lot, strict=True)], prompts, embedder, language)


def result(row: Row, judgement: Judgement, embedding_model: str) -> dict[str, Any]:
    """What is written of an answer: its scores, what they rest on, and what else stands in its line."""
    known: dict[str, Any] = {
        "id": row.id,
        **judgement.scores,
        "sentences": [_rounded(asdict(sentence)) for sentence in judgement.sentences],
        "points": [_rounded(asdict(point)) for point in judgement.points],
        "embedding_model": embedding_model,
        "scoring_version": SCORING_VERSION,
    }
    return known | {key: value for key, value in (row.model_extra or {}).items() if key not in known}


def _rounded(part: dict[str, Any]) -> dict[str, Any]:
    return {key: round(value, DIGITS) if isinstance(value, float) else value for key, value in part.items()}
