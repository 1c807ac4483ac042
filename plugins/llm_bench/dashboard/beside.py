"""The page of one question in one slot: all LLMs' answers beside one another, and what of the context each takes up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from fastapi import APIRouter, HTTPException, Response

from llm_bench.analysis import queries
from llm_bench.dashboard.context import Look, Looked
from llm_bench.dashboard.highlight import How, Passage
from llm_bench.dashboard.record import context_of
from llm_bench.dashboard.templating import show
from llm_bench.records import WARM_SQL, Record, is_warm, llm_of

_ASKED = f"""
    SELECT record_id FROM records
    WHERE industry = $industry AND question_id = $question AND slot = $slot
        AND client IS NOT DISTINCT FROM $client AND {WARM_SQL} = $warm
"""  # noqa: S608

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of the context.

    :param by: LLM → why its answer counts as taking it up; those whose does.
    """

    text: str
    by: Mapping[str, How]


@dataclass(frozen=True, slots=True)
class Shared:
    """A passage that several LLMs got, with its number in their prompts."""

    number: int
    passage: Passage
    sentences: Sequence[Sentence]


@dataclass(frozen=True, slots=True)
class Context:
    """A context, and the LLMs that got it; or why it can't be shown."""

    llms: Sequence[str]
    passages: Sequence[Shared] | str


@router.get("/{study}/records/{record_id}/beside", response_model=None)
def page(look: Looked, record_id: str) -> Response:
    """What all LLMs answered to a record's question in its slot.

    :raises HTTPException: 404: the study has no record of that id.
    """
    record = queries.record(look.records, record_id)
    if record is None:
        raise HTTPException(404, f"The study {look.study.name} has no record {record_id}.")
    records = _asked(look, record)
    return show(
        look,
        "records",
        "beside.html",
        record=record,
        slot=datetime.fromisoformat(record["slot"]),
        records=records,
        contexts=_contexts(look, records),
    )


def _asked(look: Look, record: Record) -> dict[str, Record]:
    """LLM → its record of the same question in the same slot, in the order of the study."""
    found = look.records.rows(
        _ASKED,
        {
            "industry": record["industry"],
            "question": record["question_id"],
            "slot": datetime.fromisoformat(record["slot"]),
            "client": record["client"],
            "warm": is_warm(record),
        },
    )
    whole = (queries.record(look.records, row["record_id"]) for row in found)
    by_llm = {llm_of(each): each for each in whole if each is not None}
    return {llm: by_llm[llm] for llm in look.llms if llm in by_llm}


def _contexts(look: Look, records: Mapping[str, Record]) -> list[Context]:
    """The contexts that the LLMs got: mostly one."""
    got: dict[str, list[str]] = {}
    for llm, record in records.items():
        got.setdefault(record["prompt_hash"], []).append(llm)
    return [Context(llms, _together({llm: context_of(look, records[llm]) for llm in llms})) for llms in got.values()]


def _together(marked: Mapping[str, list[Passage] | str]) -> Sequence[Shared] | str:
    """The passages, each sentence with the LLMs that take it up.

    :param marked: LLM → the same passages, with what its own answer takes up.
    """
    known = {llm: passages for llm, passages in marked.items() if not isinstance(passages, str)}
    if not known:
        return str(next(iter(marked.values())))
    return [
        Shared(
            number,
            passage,
            [
                Sentence(
                    sentence.text, {llm: how for llm in known if (how := known[llm][number - 1].sentences[at].how)}
                )
                for at, sentence in enumerate(passage.sentences)
            ],
        )
        for number, passage in enumerate(next(iter(known.values())), 1)
    ]
