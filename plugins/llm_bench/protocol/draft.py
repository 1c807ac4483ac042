"""The plan of a study as its files are now."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

from llm_bench.protocol.content import Plan
from llm_bench.rag.documents import document_files
from llm_bench.rag.prompt import canonical_hash
from llm_bench.rag.questions import load_question_sets
from llm_bench.study import Study
from llm_bench.templates import load_template

NOT_BOUND = frozenset({"name", "description", "storage", "alerts"})
"""Keys of a study that change no result."""


def draft(
    study: Study,
    include: Path,
    filters: Iterable[tuple[str, str]],
    metrics: Sequence[str],
    pairs: Sequence[Sequence[str]],
) -> Plan:
    """A study's plan as its files are now.

    :param include: the folder of questions, documents and templates.
    :param filters: as ``View.to_query`` gives them.
    :param metrics: of the primary comparisons.
    :param pairs: of LLMs, of the primary comparisons.
    :raises QuestionSetError: a question set can't be read.
    :raises PromptError: the prompt's template can't be used.
    """
    sets = load_question_sets(include, study.industries)
    chosen: dict[str, list[str]] = {}
    for name, value in filters:
        chosen.setdefault(name, []).append(value)
    return Plan(
        settings=study.model_dump(mode="json", exclude=set(NOT_BOUND)),
        questions={
            industry: {question.id: canonical_hash(asdict(question)) for question in questions}
            for industry, questions in sets.items()
        },
        documents={
            industry: {
                path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in document_files(include, industry)
            }
            for industry in study.industries
        },
        prompt=canonical_hash(load_template(include, study.prompt).model_dump(mode="json")),
        filters=chosen,
        metrics=list(metrics),
        pairs=[list(pair) for pair in pairs],
    )
