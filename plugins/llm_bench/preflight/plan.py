"""Checks of what is on this machine: questions, window, expectations, the embedding model, who is told."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from llm_bench.errors import CredentialsError, StudyError
from llm_bench.paths import program
from llm_bench.preflight.checks import Check, tell
from llm_bench.study import START_VARIABLE, Study


def check_questions(study: Study, home: Path) -> Check:
    """Whether every question set and knowledge base can be used, and how many questions can't be answered."""

    def look() -> str:
        from llm_bench.rag.questions import load_question_sets  # noqa: PLC0415

        sets = load_question_sets(home / "include", study.industries)
        counts = ", ".join(f"{len(questions)} {industry}" for industry, questions in sets.items())
        unanswerable = sum(not question.answerable for questions in sets.values() for question in questions)
        return f"{counts}; {unanswerable} of these can't be answered" if unanswerable else counts

    return tell("questions", look)


def check_documents(study: Study, home: Path) -> Check:
    """Whether every knowledge base can be used, and what was lost where a document was converted."""

    def look() -> str:
        from llm_bench.rag.documents import load_documents  # noqa: PLC0415
        from llm_bench.rag.retrieval import CONVERTED  # noqa: PLC0415

        counts, notes = [], []
        for industry in study.industries:
            documents = load_documents(home / "include", industry, home / "data" / "cache" / CONVERTED)
            counts.append(f"{len(documents)} {industry}")
            notes += [f"note: {document.file}: {note}" for document in documents for note in document.notes]
        return "\n".join([", ".join(counts), *notes])

    return tell("documents", look)


def check_objectives(study: Study) -> Check:
    """What the study holds its LLMs to."""
    return Check("objectives", True, "; ".join(objective.words for objective in study.slo))


def check_window(study: Study, now: datetime) -> Check:
    """Whether slots are still to come.

    :param now: aware.
    """
    window = study.window
    if window is None:
        return Check("window", True, "none: batches run when they are triggered")
    slots = window.schedule
    number = slots.index_at_or_after(now)
    if number < len(slots):
        due = slots[number].astimezone(window.start.tzinfo)
        when = f"{due:%Y-%m-%d %H:%M:%S %z}"
        started = f"started; slot {number + 1} of {len(slots)} is next, {when}"
        return Check("window", True, started if number else f"{len(slots)} slots, the first {when}")
    start = window.start
    tomorrow = now.astimezone(start.tzinfo).replace(
        hour=start.hour, minute=start.minute, second=start.second, microsecond=0
    ) + timedelta(days=1)
    return Check(
        "window",
        False,
        f"It is over: it ended {window.end.isoformat()}, and no slot of its {len(slots)} is still to come.",
        f"Move it: {START_VARIABLE}={tomorrow.isoformat()} {program('llm-bench')} up, or edit window.start in "
        f"include/studies/{study.name}.yaml.",
    )


def check_quality(study: Study) -> Check:
    """Whether Great Expectations knows each expectation that the study adds, and takes its arguments."""

    def look() -> str:
        from llm_bench.gate.rules import own  # noqa: PLC0415
        from llm_bench.gate.validate import quietly  # noqa: PLC0415

        problems = []
        for number, entry in enumerate(study.quality):
            try:
                with quietly():
                    own(entry)
            except Exception as fault:  # Great Expectations raises many kinds
                problems.append(f"quality.{number}: {entry.type}: {' '.join(str(fault).split())}")
        if problems:
            raise StudyError(f"include/studies/{study.name}.yaml", problems)
        return f"{len(study.quality)} of the study's own"

    return tell("quality", look)


def check_embedding_model(study: Study) -> Check:
    """Whether the embedding model loads; it is really loaded."""

    def look() -> str:
        from llm_bench.rag.embeddings import Embedder  # noqa: PLC0415

        return f"{Embedder(study.retrieval.embedding_model).identity} loaded"

    return tell("embedding model", look)


def check_scoring_model(study: Study) -> Check:
    """Whether the model that judges support loads, and of which kind it is."""

    def look() -> str:
        from llm_bench.scoring.model import load  # noqa: PLC0415

        embedder, encoder = load(study.scoring.model, study.retrieval.embedding_model)
        return f"{encoder.identity}, a cross-encoder, loaded" if encoder else f"{embedder.identity} loaded"

    return tell("scoring model", look)


def check_alerts(study: Study) -> Check:
    """Whether the connection that alerts go to names a webhook; nothing is sent to it."""

    def look() -> str:
        assert study.alerts is not None  # noqa: S101  (looked at below)
        name = study.alerts.connection
        fix = f"Add it in Airflow (Admin → Connections): id {name}, type Generic, its host the webhook's address."
        from airflow.sdk.exceptions import AirflowNotFoundException  # noqa: PLC0415

        from llm_bench.airflow.notifier import webhook  # noqa: PLC0415

        try:
            host = urlsplit(webhook(name)[0]).hostname
        except AirflowNotFoundException:
            raise CredentialsError(f"There is no connection {name}, to which the study's alerts go.", fix) from None
        if not host:
            raise CredentialsError(f"The connection {name} names no webhook: its host is empty.", fix)
        return f"to {host} (connection {name})"

    return tell("alerts", look) if study.alerts else Check("alerts", True, "none: the study names no one to be told")
