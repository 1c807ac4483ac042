"""The pages on which people grade a random sample of the answers by hand, without knowing whose they are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING

from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import RedirectResponse

from llm_bench.analysis import format as text
from llm_bench.analysis import queries, tables
from llm_bench.analysis.grading import LEAST, SIZE, agreed, draw
from llm_bench.analysis.view import View
from llm_bench.dashboard.context import Look, Looked
from llm_bench.dashboard.security import Form, Writer, may_write
from llm_bench.dashboard.templating import show
from llm_bench.errors import ConflictError, StorageError, ViewError, outside_a_task
from llm_bench.paths import home
from llm_bench.records import Record, utc_text
from llm_bench.store import grades
from llm_bench.store.base import open_store
from llm_bench.store.contexts import Prompt, read_context
from llm_bench.store.grades import RUBRIC, SCALE, Grade, Grading, Sample, answer_hash

if TYPE_CHECKING:
    from llm_bench.analysis.table import Table
    from llm_bench.store.base import Store

QUESTIONS = {
    "coverage": (
        "Coverage",
        "How much of what the context holds in answer to the question does the answer say?",
        ("nothing", "little", "about half", "most", "all"),
    ),
    "groundedness": (
        "Groundedness",
        "How much of what the answer claims does the context say?",
        ("nothing, or the opposite", "little", "about half", "most", "all"),
    ),
}
"""What is graded → its title, the question, and what each grade of ``SCALE`` means."""
CANT_SAY = "can't say"
_ALL = View(cache="all")

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Item:
    """An answer to grade.

    :param number: in the study's samples, from 1 on.
    :param sample: the number of its own.
    :param there: whether its record is there still.
    :param grade: what this person said of it; None where they haven't, or of another answer than it has now.
    """

    number: int
    sample: int
    record_id: str
    there: bool
    grade: Grade | None


def items(look: Look, known: Grading, person: str) -> list[Item]:
    """The answers of all samples, in their order."""
    ids = [(sample.number, record_id) for sample in known.samples for record_id in sample.record_ids]
    there = queries.scored(look.records, [record_id for _, record_id in ids], _ALL)
    latest = known.latest

    def given(record_id: str) -> Grade | None:
        grade, held = latest.get((record_id, person)), there.get(record_id)
        return grade if grade and held and (grade.answer, grade.rubric) == (held.answer, RUBRIC) else None

    return [
        Item(number, sample, record_id, record_id in there, given(record_id))
        for number, (sample, record_id) in enumerate(ids, 1)
    ]


@router.get("/{study}/grading", response_model=None)
def page(look: Looked, request: Request, user: GetUserDep) -> Response:
    """What is to be graded, how far it is, and how the scores agree."""
    known = grades.grading(_store(look), look.study.name)
    person = user.get_name()
    own = items(look, known, person)
    upcoming = _next(own, 0)
    return show(
        look,
        "coverage",
        "grading.html",
        known=known,
        items=own,
        done=sum(item.grade is not None for item in own),
        total=sum(item.there for item in own),
        upcoming=_address(look, upcoming.number) if upcoming else None,
        others=Counter(by for _, by in known.latest if by != person).most_common(),
        size=SIZE,
        least=LEAST,
        gradable=queries.gradable(look.records),
        questions=QUESTIONS,
        may=may_write(look.study, request, user),
        action=_address(look),
        agreement=agreement(look, known),
    )


@router.post("/{study}/grading", response_model=None)
def draw_sample(look: Looked, person: Writer) -> Response:
    """Draws a sample where all of the ones before was graded; where another person just did, there is theirs."""
    known = grades.grading(_store(look), look.study.name)
    if _next(items(look, known, person), 0) is None:
        _draw(look, known, person)
    return RedirectResponse(_address(look), HTTPStatus.SEE_OTHER)


def _draw(look: Look, known: Grading, person: str) -> None:
    number = len(known.samples) + 1
    seed = f"{look.study.name} {number}"
    earlier = [record_id for sample in known.samples for record_id in sample.record_ids]
    ids = draw(queries.candidates(look.records, seed, earlier), SIZE, seed)
    if not ids:
        raise ViewError("No answer with a score is left to grade.", "Come back when more of the study is measured.")
    now = utc_text(datetime.now(UTC))
    of = queries.gradable(look.records, earlier)
    sample = Sample(number=number, seed=seed, of=of, by=person, at=now, record_ids=ids)
    with suppress(ConflictError):
        _kept("sample", lambda: grades.keep_sample(_store(look), look.study.name, sample))


@router.get("/{study}/grading/{number}", response_model=None)
def answer(look: Looked, number: str, request: Request, user: GetUserDep) -> Response:
    """One answer, with its context and nothing that says whose it is or how it was scored."""
    own = items(look, grades.grading(_store(look), look.study.name), user.get_name())
    item = _item(look, own, number)
    record = queries.record(look.records, item.record_id) if item.there else None
    return show(
        look,
        "coverage",
        "grade.html",
        item=item,
        record=record,
        hash=answer_hash(record["answer"] or "") if record else "",
        prompt=_prompt(look, record) if record else "",
        done=sum(each.grade is not None for each in own),
        total=sum(each.there for each in own),
        before=_address(look, item.number - 1) if item.number > 1 else None,
        after=_address(look, item.number + 1) if item.number < len(own) else None,
        questions=QUESTIONS,
        scale=SCALE,
        cant_say=CANT_SAY,
        may=may_write(look.study, request, user),
        action=_address(look, item.number),
        all=_address(look),
    )


@router.post("/{study}/grading/{number}", response_model=None)
def grade(look: Looked, number: str, person: Writer, form: Form) -> Response:
    """Keeps what a person said of an answer, and leads to the next one that they haven't graded."""
    own = items(look, grades.grading(_store(look), look.study.name), person)
    item = _item(look, own, number)
    record = queries.record(look.records, item.record_id)
    if record is None or answer_hash(record["answer"] or "") != form.get("answer"):
        raise ViewError(
            f"Answer {number} isn't what you read: its slot was measured anew, or taken out of the store, meanwhile.",
            "Nothing was kept. Open it again and read what is there now.",
        )
    given = Grade(
        record_id=item.record_id,
        answer=form["answer"],
        coverage=_grade_of(form, "coverage"),
        groundedness=_grade_of(form, "groundedness"),
        by=person,
        at=utc_text(datetime.now(UTC)),
        rubric=RUBRIC,
        scoring_version=record["scoring_version"],
        embedding_model=record["embedding_model"],
    )
    _kept("grade", lambda: grades.keep_grade(_store(look), look.study.name, item.sample, given))
    upcoming = _next([each for each in own if each.number != item.number], item.number)
    return RedirectResponse(_address(look, upcoming.number if upcoming else None), HTTPStatus.SEE_OTHER)


def agreement(look: Look, known: Grading) -> Table | None:
    """How the scores of the view agree with people; None where nothing was graded."""
    if not known.grades:
        return None
    scored = queries.scored(look.records, {grade.record_id for grade in known.grades}, look.view)
    return tables.graded(agreed(scored, known.latest.values(), RUBRIC))


@dataclass(frozen=True, slots=True)
class Graded:
    """What the page of the scores says of grades by hand.

    :param agreement: None where nothing was graded.
    :param address: at which one grades.
    """

    known: Grading
    agreement: Table | None
    address: str


def of_study(look: Look) -> Graded:
    """What people said of a study's answers."""
    known = grades.grading(_store(look), look.study.name)
    return Graded(known, agreement(look, known), _address(look))


def _store(look: Look) -> Store:
    return open_store(look.study.storage, home())


def _address(look: Look, number: int | None = None) -> str:
    return look.address("grading" if number is None else f"grading/{number}", view=View())


def _next(own: Sequence[Item], after: int) -> Item | None:
    """The next one to grade after a number; then those before it."""
    left = [item for item in own if item.there and item.grade is None]
    return next((item for item in left if item.number > after), next(iter(left), None))


def _item(look: Look, own: Sequence[Item], number: str) -> Item:
    item = next((item for item in own if str(item.number) == number), None)
    if item is None:
        raise HTTPException(404, f"The samples of {look.study.name} have no answer {number}.")
    return item


def _grade_of(form: Form, name: str) -> int | None:
    value = form.get(name, "")
    if value == CANT_SAY:
        return None
    if value not in [*map(str, SCALE)]:
        raise ViewError(f"{name} is {value!r}.", f"Choose one of {text.listed([*map(str, SCALE), CANT_SAY])}.")
    return int(value)


def _prompt(look: Look, record: Record) -> Prompt | str:
    """What the LLM was asked; or why that can't be shown."""
    try:
        return read_context(_store(look), look.study.name, record["question_id"], record["prompt_hash"])
    except StorageError as fault:
        return str(fault)


def _kept(what: str, keep: Callable[[], None]) -> None:
    """Keeps something.

    :raises ConflictError: as ``keep``.
    :raises StorageError: it wasn't kept; it says how it can be.
    """
    try:
        keep()
    except ConflictError:
        raise
    except StorageError as fault:
        fix = outside_a_task(fault.fix, f"go back and send the {what} again")
        raise StorageError(f"The {what} wasn't kept: {fault.cause}", fix) from fault
