"""Tells within seconds, before a study starts, what would stop it. It spends no tokens unless it is told to.

Each check stands for itself: one that fails hides no other.
"""

from __future__ import annotations

import time
from datetime import datetime
from pathlib import Path

from llm_bench.preflight import plan
from llm_bench.preflight.checks import Check
from llm_bench.preflight.providers import Inquiry, check_clock
from llm_bench.preflight.storage import StorageProbe
from llm_bench.preflight.upstream import check_upstream
from llm_bench.study import BASELINE, Study

__all__ = ["PATIENCE_SEC", "Check", "preflight"]

PATIENCE_SEC = 15.0
"""How long the answers to all that is asked over the network are waited for, together."""


def preflight(study: Study, home: Path, now: datetime, *, ask: bool = False) -> list[Check]:
    """Every check of a study, in the order in which a person would fix them.

    :param home: the folder that holds ``include/`` and, where the study says so, the records.
    :param now: aware.
    :param ask: whether each LLM is asked one short question, which spends tokens.
    """
    hosted = dict.fromkeys((llm.provider, llm.conn_id) for llm in study.llms if llm.provider != BASELINE)
    inquiries = [Inquiry(provider, study, connection, ask=ask) for provider, connection in hosted]
    storage = StorageProbe(study, home)
    deadline = time.monotonic() + PATIENCE_SEC
    # While the network answers, this thread loads the embedding model, which takes seconds.
    local = [
        plan.check_questions(study, home),
        plan.check_documents(study, home),
        plan.check_window(study, now),
        *([plan.check_objectives(study)] if study.slo else []),
        *([plan.check_quality(study)] if study.quality else []),
        plan.check_embedding_model(study),
        *([plan.check_scoring_model(study)] if study.scoring.model else []),
        plan.check_alerts(study),
    ]
    return [
        *local,
        storage.check(deadline),
        *(check for inquiry in inquiries for check in inquiry.checks(deadline)),
        *check_upstream(study),
        *(Check(llm.name, True, "built in") for llm in study.llms if llm.provider == BASELINE),
        check_clock(inquiries, deadline),
    ]
