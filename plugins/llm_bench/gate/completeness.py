"""What a batch is due to hold, whether it is whole, and what to do where it isn't."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from llm_bench.errors import MissingRecordsError
from llm_bench.records import RawRecord, is_warm, llm_of
from llm_bench.study import Study

Request = tuple[str, str, str, bool]
"""LLM, industry, question id, and whether it is the warm one of two."""


@dataclass(frozen=True, slots=True)
class Due:
    """One batch of a study: every question of its industries, put once to each of its LLMs.

    :param slot: when it was due, aware.
    :param questions: industry → question id → text, for each industry of the study.
    :param client: name of the place that it is measured from.
    """

    study: Study
    slot: datetime
    questions: Mapping[str, Mapping[str, str]]
    client: str | None = None

    @property
    def requests(self) -> set[Request]:
        """All requests of the batch."""
        probes = (False, True)[: self.study.asked_per_question]
        return {
            (llm.name, industry, question, warm)
            for llm, industry in self.study.cells
            for question in self.questions[industry]
            for warm in probes
        }


def request_of(record: RawRecord) -> Request:
    """The request that a record is of, whatever is in it; no request of a batch where it names none."""
    # As text, because a value of any type may stand there.
    return llm_of(record), str(record.get("industry")), str(record.get("question_id") or ""), is_warm(record)


def due_of(study: Study, slot: datetime, include: Path, client: str | None = None) -> Due:
    """A batch of a study with the questions that it has now.

    :param include: the folder of questions and knowledge.
    :raises QuestionSetError: a question set can't be used.
    """
    from llm_bench.rag.questions import load_question_sets  # noqa: PLC0415

    sets = load_question_sets(include, study.industries)
    texts = {industry: {question.id: question.text for question in asked} for industry, asked in sets.items()}
    return Due(study, slot, texts, client)


def account(due: Due, records: Iterable[RawRecord], refused: Sequence[Any]) -> MissingRecordsError | None:
    """What a batch lacks, as an error that names it; None for a whole batch.

    :param records: all records measured, whatever is in them.
    :param refused: those that the quality gate refused.
    """
    absent = Counter(request[:2] for request in due.requests - set(map(request_of, records)))
    missing = {
        (due.study.label(llm), industry): absent[llm.name, industry]
        for llm, industry in due.study.cells
        if absent[llm.name, industry]
    }
    if not missing and not refused:
        return None
    whole = due.study.records_per_batch(sum(map(len, due.questions.values())))
    causes, fixes = [], []
    if missing:
        cells = ", ".join(
            f"{llm} · {industry} ({count} of {due.study.asked_per_question * len(due.questions[industry])})"
            for (llm, industry), count in missing.items()
        )
        causes.append(f"{sum(missing.values())} of {whole} records are missing: {cells}.")
        fixes.append(
            "See the log of these measure tasks, fix the cause, and clear this run's failed tasks: only what is "
            "missing is measured. Where the cause was in the study file, clear its task prepare first."
        )
    if refused:
        causes.append(f"{len(refused)} records were refused by the quality gate and are in quarantine.")
        fixes.append(
            "The quarantine object and this task's log name the rule that each one broke; once that is fixed, "
            f"llm-bench requeue {due.study.name} loads them."
        )
    return MissingRecordsError(" ".join(causes), " ".join(fixes))
