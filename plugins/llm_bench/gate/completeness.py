"""What a batch is due to hold, whether it is whole, and what to do where it isn't."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from llm_bench.errors import MissingRecordsError
from llm_bench.records import WARM, llm_of
from llm_bench.study import Study


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


def due_of(study: Study, slot: datetime, include: Path, client: str | None = None) -> Due:
    """A batch of a study with the questions that it has now.

    :param include: the folder of questions and knowledge.
    :raises QuestionSetError: a question set can't be used.
    """
    from llm_bench.rag.questions import load_question_sets  # noqa: PLC0415

    sets = load_question_sets(include, study.industries)
    texts = {industry: {question.id: question.text for question in asked} for industry, asked in sets.items()}
    return Due(study, slot, texts, client)


def account(due: Due, records: Iterable[Mapping[str, Any]], refused: Sequence[Any]) -> MissingRecordsError | None:
    """What a batch lacks, as an error that names it; None for a whole batch.

    :param records: all records measured, whatever is in them.
    :param refused: those that the quality gate refused.
    """
    each = due.study.asked_per_question
    # As text, because a value of any type may stand there. Asked as it is or cold is the first, warm the second.
    asked = {
        (llm_of(record), str(record.get("industry")), str(question), record.get("cache_probe") == WARM)
        for record in records
        if (question := record.get("question_id"))
    }
    measured = Counter(request[:3] for request in asked)
    missing = {
        (due.study.label(llm), industry): absent
        for llm, industry in due.study.cells
        if (
            absent := sum(
                max(0, each - measured[(llm.name, industry, question)]) for question in due.questions[industry]
            )
        )
    }
    if not missing and not refused:
        return None
    whole = due.study.records_per_batch(sum(map(len, due.questions.values())))
    causes, fixes = [], []
    if missing:
        cells = ", ".join(
            f"{llm} · {industry} ({count} of {each * len(due.questions[industry])})"
            for (llm, industry), count in missing.items()
        )
        causes.append(f"{sum(missing.values())} of {whole} records are missing: {cells}.")
        fixes.append(
            "See the log of these measure tasks, fix the cause, and clear this run's failed tasks: only what is "
            "missing is measured."
        )
    if refused:
        causes.append(f"{len(refused)} records were refused by the quality gate and are in quarantine.")
        fixes.append(
            "The quarantine object and this task's log name the rule that each one broke; once that is fixed, "
            f"llm-bench requeue {due.study.name} loads them."
        )
    return MissingRecordsError(" ".join(causes), " ".join(fixes))
