"""Question sets: read and checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    Field,
    StringConstraints,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from llm_bench.errors import QuestionSetError
from llm_bench.inputs import Part, explain, read_yaml, readable
from llm_bench.rag.documents import document_files
from llm_bench.rag.drafting import FILL_IN


@dataclass(frozen=True, slots=True)
class Point:
    """A fact that a full answer holds.

    :param document: slug of the document that states it.
    """

    text: str
    document: str


@dataclass(frozen=True, slots=True)
class Question:
    """One question of a set.

    :param answerable: whether the documents hold the answer; where they don't, the right answer says so.
    """

    id: str
    text: str
    points: tuple[Point, ...] = ()
    answerable: bool = True


LONGEST_TEXT = 20_000
"""Letters of a question or a point, some ten pages."""
MOST_POINTS = 100
MOST_QUESTIONS = 20_000

_Text = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST_TEXT),
    AfterValidator(readable),
]


class _Part(Part):
    @model_validator(mode="before")
    @classmethod
    def _is_mapping(cls, content: Any) -> Any:
        if not isinstance(content, dict):
            raise ValueError(f"is not a mapping of keys; allowed: {', '.join(cls.model_fields)}")
        return content


class _Point(_Part):
    text: _Text
    document: str

    @field_validator("document")
    @classmethod
    def _exists(cls, document: str, info: ValidationInfo) -> str:
        known = (info.context or {}).get("documents", ())
        if document not in known:
            raise ValueError(f"no such document; allowed: {', '.join(known)}")
        return document


class _Question(_Part):
    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$")]
    text: _Text
    points: Annotated[tuple[_Point, ...], Field(max_length=MOST_POINTS)] = ()
    answerable: bool = True

    @field_validator("text")
    @classmethod
    def _is_filled_in(cls, text: str) -> str:
        if text.startswith(FILL_IN):
            raise ValueError("is still to be written; allowed: a question, or none with this id")
        return text

    @field_validator("answerable")
    @classmethod
    def _has_points_or_not(cls, answerable: bool, info: ValidationInfo) -> bool:
        if not answerable and info.data.get("points"):
            raise ValueError("has points, so it can be answered; allowed: true, or no points")
        return answerable


class _QuestionSet(_Part):
    industry: str
    questions: Annotated[tuple[_Question, ...], Field(min_length=1, max_length=MOST_QUESTIONS)]

    @field_validator("industry")
    @classmethod
    def _is_file_name(cls, industry: str, info: ValidationInfo) -> str:
        stem = (info.context or {}).get("stem", industry)
        if industry != stem:
            raise ValueError(f"differs from the file's name; allowed: {stem}")
        return industry


def load_questions(include: Path, industry: str) -> tuple[Question, ...]:
    """The questions of an industry, in the order of ``include/questions/<industry>.yaml``.

    :raises QuestionSetError: with every mistake at once.
    """
    path = include / "questions" / f"{industry}.yaml"
    content = read_yaml(path, QuestionSetError)
    context = {"stem": industry, "documents": [file.stem for file in document_files(include, industry)]}
    problems = _repeated(content, "id") + _repeated(content, "text")
    try:
        checked = _QuestionSet.model_validate(content, context=context)
    except ValidationError as fault:
        raise QuestionSetError(str(path), explain(fault, _QuestionSet) + problems) from None
    if problems:
        raise QuestionSetError(str(path), problems)
    return tuple(
        Question(q.id, q.text, tuple(Point(point.text, point.document) for point in q.points), q.answerable)
        for q in checked.questions
    )


def load_question_sets(include: Path, industries: Sequence[str]) -> dict[str, tuple[Question, ...]]:
    """Industry → its questions. An id names one question in a whole study, as it names its records.

    :raises QuestionSetError: a set can't be used, or an id stands in two of them.
    """
    sets = {industry: load_questions(include, industry) for industry in industries}
    owners: dict[str, str] = {}
    for industry, questions in sets.items():
        for question in questions:
            owner = owners.setdefault(question.id, industry)
            if owner != industry:
                path = include / "questions" / f"{industry}.yaml"
                problem = f"the id {question.id!r} is also one of {owner}; allowed: an id that no other industry has"
                raise QuestionSetError(str(path), [problem])
    return sets


def _repeated(content: Any, key: str) -> list[str]:
    """Problems with ids or texts that repeat; looked for in the raw content, so that other mistakes don't hide them."""
    listed = content.get("questions") if isinstance(content, dict) else None
    values = (
        [question.get(key) if isinstance(question, dict) else None for question in listed]
        if isinstance(listed, list)
        else []
    )
    known: set[str] = set()
    problems = []
    for i, value in enumerate(values):
        if isinstance(value, str) and value in known:
            problems.append(f"questions.{i}.{key}: {value!r}: stands there twice; allowed: each once")
        elif isinstance(value, str):
            known.add(value)
    return problems
