"""Tells within seconds, before a study starts, what would stop it. It spends no tokens unless it is told to.

Each check stands for itself: one that fails hides no other.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

from llm_bench.errors import LLMBenchError
from llm_bench.preflight import plan
from llm_bench.preflight.checks import Check, apart
from llm_bench.preflight.providers import Inquiry, check_clock
from llm_bench.preflight.storage import StorageProbe
from llm_bench.preflight.upstream import check_upstream
from llm_bench.study import BASELINE, Study

__all__ = ["PATIENCE_SEC", "Check", "preflight"]

PATIENCE_SEC = 15.0
"""How long the answers to all that is asked over the network are waited for, together."""


def preflight(
    study: Study, home: Path, now: datetime, *, ask: bool = False, waiting: Callable[[str], None] = lambda _: None
) -> Iterator[Check]:
    """Every check of a study, each as soon as it is known; what takes longest comes last.

    :param home: the folder that holds ``include/`` and, where the study says so, the records.
    :param now: aware.
    :param ask: whether each LLM is asked one short question, which spends tokens.
    :param waiting: is given what is waited for next.
    """
    # Models take seconds, as do the libraries that ask the providers: both are loaded at the same time.
    models = apart(lambda: list(_models(study)))
    return _checks(study, home, now, models, ask=ask, waiting=waiting)


def _models(study: Study) -> Iterator[Check]:
    yield plan.check_embedding_model(study)
    if study.scoring.model:
        yield plan.check_scoring_model(study)


def _checks(
    study: Study,
    home: Path,
    now: datetime,
    models: Callable[[], list[Check]],
    *,
    ask: bool,
    waiting: Callable[[str], None],
) -> Iterator[Check]:
    yield plan.check_questions(study, home)
    yield plan.check_documents(study, home)
    yield plan.check_window(study, now)
    if study.slo:
        yield plan.check_objectives(study)
    yield plan.check_language(study)
    if study.quality:
        waiting("quality")
        yield plan.check_quality(study)
    waiting("keys")
    yield plan.check_alerts(study)
    hosted = dict.fromkeys((llm.provider, llm.conn_id) for llm in study.llms if llm.provider != BASELINE)
    inquiries = [Inquiry(provider, study, connection, ask=ask) for provider, connection in hosted]
    waiting("storage")
    storage = StorageProbe(study, home)
    deadline = time.monotonic() + PATIENCE_SEC
    yield storage.check(deadline)
    for inquiry in inquiries:
        waiting(inquiry.provider)
        yield from inquiry.checks(deadline)
    yield from check_upstream(study)
    yield from (Check(llm.name, True, "built in") for llm in study.llms if llm.provider == BASELINE)
    yield check_clock(inquiries, deadline)
    waiting("embedding model")
    try:
        yield from models()
    except LLMBenchError as error:
        yield Check("embedding model", False, error.cause, error.fix)
