"""What people said of a study's answers, in its store: the samples to read, and a grade each time that one is given.

Each is an object of its own, written once and never replaced: two people, two tabs or two servers lose nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from llm_bench.errors import StorageError
from llm_bench.store.names import moment_name, name_of
from llm_bench.store.remembered import Remembered

if TYPE_CHECKING:
    from llm_bench.store.base import Store
    from llm_bench.store.entry import Entry

RUBRIC = 1
"""Version of the scale, as docs/metrics.md has it: grades by another one aren't comparable."""
SCALE = (0, 1, 2, 3, 4)

_SAMPLE = "sample.json"
_AT_ONCE = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Answers to read, in the order in which they are read.

    :param number: of the study's samples, from 1 on.
    :param seed: what it was drawn by.
    :param of: answers that it was drawn from.
    :param by: Airflow's user who drew it.
    :param at: UTC, as the records have it.
    """

    number: int
    seed: str
    of: int
    by: str
    at: str
    record_ids: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Grade:
    """What one person said of one answer.

    :param answer: SHA-256 of the answer that was read.
    :param coverage: of ``SCALE``; None where the person can't say, as ``groundedness`` is.
    :param by: Airflow's user.
    :param at: UTC, as the records have it.
    :param scoring_version: of what had scored the answer by then, as ``embedding_model`` is.
    """

    record_id: str
    answer: str
    coverage: int | None
    groundedness: int | None
    by: str
    at: str
    rubric: int
    scoring_version: int | None
    embedding_model: str | None


@dataclass(frozen=True, slots=True)
class Grading:
    """All that people said of a study's answers.

    :param samples: in their order.
    :param grades: in the order in which they were given.
    :param unread: objects that can't be read, each as an error that names it; what they hold is missing.
    """

    samples: Sequence[Sample]
    grades: Sequence[Grade]
    unread: Sequence[StorageError] = ()

    @property
    def latest(self) -> Mapping[tuple[str, str], Grade]:
        """Record and person → what the person last said of it."""
        return {(grade.record_id, grade.by): grade for grade in self.grades}

    def require_all(self) -> Grading:
        """The same, for what must not lack a grade without a word.

        :raises StorageError: an object of the store can't be read.
        """
        for fault in self.unread:
            raise fault
        return self


NOTHING = Grading((), ())
"""Nobody said anything."""


def answer_hash(answer: str) -> str:
    """The SHA-256 of an answer: a slot that is measured anew has another one under the same record id."""
    return hashlib.sha256(answer.encode()).hexdigest()


def grading(store: Store, study: str) -> Grading:
    """The samples of a study, and the grades.

    :raises StorageError: the store can't be read.
    """
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        held = list(pool.map(lambda entry: _read(store, entry), store.entries(_folder(study))))
    samples = sorted((each for each in held if isinstance(each, Sample)), key=lambda sample: sample.number)
    grades = sorted((each for each in held if isinstance(each, Grade)), key=lambda grade: grade.at)
    return Grading(samples, grades, [each for each in held if isinstance(each, StorageError)])


def keep_sample(store: Store, study: str, sample: Sample) -> None:
    """Puts a sample into the store.

    :raises ConflictError: another one of this number was drawn meanwhile; it stays.
    :raises StorageError: the store can't be written.
    """
    store.commit(f"{_folder(study)}{sample.number:03}/{_SAMPLE}", _to_json(sample), 0)


def keep_grade(store: Store, study: str, sample: int, grade: Grade) -> None:
    """Puts a grade into the store, beside the person's earlier ones of the same answer.

    :param sample: number of the sample that the answer is in.
    :raises StorageError: the store can't be written.
    """
    who = hashlib.sha256(grade.by.encode()).hexdigest()[:16]
    moment = moment_name(datetime.fromisoformat(grade.at))
    store.commit(f"{_folder(study)}{sample:03}/{grade.record_id}-{moment}-{who}.json", _to_json(grade), 0)


def _folder(study: str) -> str:
    return f"grades/study={study}/"


def _to_json(kept: Sample | Grade) -> bytes:
    return json.dumps(asdict(kept), ensure_ascii=False, indent=1).encode()


def _kept(path: str, content: bytes) -> Sample | Grade:
    kept = json.loads(content)
    return _sample(kept) if name_of(path) == _SAMPLE else _grade(kept)


_KNOWN = Remembered(_kept, most=50_000)


def _read(store: Store, entry: Entry) -> Sample | Grade | StorageError | None:
    """What an object holds; None of one that is gone since the store was listed."""
    try:
        return _KNOWN.of(store, entry)
    except (ValueError, TypeError, LookupError, RecursionError) as fault:
        return StorageError(f"{entry.path} is damaged: {fault}.", "Put it back from a copy, or take it away.")


def _sample(content: dict[str, Any]) -> Sample:
    return Sample(**content | {"record_ids": tuple(map(str, content["record_ids"])), "number": int(content["number"])})


def _grade(content: dict[str, Any]) -> Grade:
    grade = Grade(**content)
    for value in (grade.coverage, grade.groundedness):
        if value is not None and value not in SCALE:
            raise ValueError(f"{value!r} is no grade")
    if not all(isinstance(text, str) for text in (grade.record_id, grade.answer, grade.by, grade.at)):
        raise TypeError("a text isn't one")
    return grade
