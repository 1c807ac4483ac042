"""Whether a batch is whole, and what to do where it isn't. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from llm_bench.errors import MissingRecordsError
from llm_bench.study import Study


def account(
    study: Study,
    expected: Mapping[str, Sequence[str]],
    records: Iterable[Mapping[str, Any]],
    refused: Sequence[Any],
) -> MissingRecordsError | None:
    """What a batch lacks, as an error that names it; None for a whole batch.

    :param expected: industry → ids of its questions.
    :param records: all records measured.
    :param refused: those that the quality gate refused.
    """
    measured = Counter(
        (f"{record.get('llm_provider')}/{record.get('llm_model')}", record.get("industry"), record.get("question_id"))
        for record in records
    )
    missing = {
        f"{study.label(llm)} · {industry}": absent
        for llm, industry in study.cells
        if (absent := sum((llm.model, industry, question) not in measured for question in expected[industry]))
    }
    if not missing and not refused:
        return None
    whole = len(study.llms) * sum(map(len, expected.values()))
    causes, mends = [], []
    if missing:
        cells = ", ".join(
            f"{cell} ({count} of {len(expected[cell.split(' · ')[-1]])})" for cell, count in missing.items()
        )
        causes.append(f"{sum(missing.values())} of {whole} records are missing: {cells}.")
        mends.append(
            "See the log of these measure tasks, mend the cause, and clear this run's failed tasks: only what is "
            "missing is measured."
        )
    if refused:
        causes.append(f"{len(refused)} records were refused by the quality gate and are in quarantine.")
        mends.append("The quarantine object and this task's log name the rule that each one broke.")
    return MissingRecordsError(" ".join(causes), " ".join(mends))
