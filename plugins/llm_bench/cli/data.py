"""The commands that look after a study's stored data: judge or score it anew, put its days together."""

from __future__ import annotations

import argparse
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from llm_bench.analysis import format as text
from llm_bench.cli.console import console, say
from llm_bench.cli.options import Actions, add_command, add_study, moment
from llm_bench.cli.studies import find_study, store_at
from llm_bench.errors import unknown
from llm_bench.paths import client, home, include
from llm_bench.records import utc_text

if TYPE_CHECKING:
    from llm_bench.store.base import Store


def register(actions: Actions) -> None:
    """Add the commands."""
    summary = "Judge quarantined records anew, and load those that pass."
    command = add_command(actions, requeue, summary, example="llm-bench requeue thesis --slot 2026-12-07T07:00:00Z")
    add_study(command)
    command.add_argument(
        "--slot", type=moment, help="this slot alone, ISO 8601 with a UTC offset; left out: every slot"
    )

    summary = "Score the stored answers by another model, beside the records."
    command = add_command(actions, rescore, summary, example="llm-bench rescore thesis --model repository@revision")
    add_study(command)
    command.add_argument(
        "--model",
        type=pinned,
        metavar="REPOSITORY@REVISION",
        help="model of the hub that scores, pinned to a commit; left out: the study's own",
    )

    summary = "Put the slots of each past day (UTC) of a study into one object."
    add_study(add_command(actions, compact, summary, example="llm-bench compact thesis"))


def pinned(model: str) -> str:
    """The name of a model.

    :raises ArgumentTypeError: it names no revision.
    """
    from llm_bench.rag.embeddings import EmbeddingModelError, model_identity

    try:
        model_identity(model)
    except EmbeddingModelError as error:
        raise argparse.ArgumentTypeError(error.cause) from None
    return model


def requeue(study: str, slot: datetime | None) -> int:
    """Loads from quarantine what the present rules let through; 0 where nothing stays there."""
    from llm_bench.batch.requeue import requeue
    from llm_bench.gate.completeness import due_of
    from llm_bench.store.exports import export

    chosen = find_study(study)
    store = store_at(chosen.storage)
    kept = 0
    for due_at in _quarantined(store, chosen.name, slot):
        outcome = requeue(store, due_of(chosen, due_at, include(), client()))
        kept += len(outcome.kept)
        console().print(f"{utc_text(due_at)}: loaded {outcome.loaded}, kept in quarantine {len(outcome.kept)}")
        for refused in outcome.kept:
            console().print(f"  {refused.record.get('record_id')}: {'; '.join(refused.broken)}")
    export(store, home() / "data")
    console().print("Nothing is in quarantine" if not kept else f"{kept} records stay in quarantine")
    return 0 if not kept else 1


def _quarantined(store: Store, study: str, slot: datetime | None) -> list[datetime]:
    """The slots to judge anew.

    :raises InputError: ``slot`` has nothing in quarantine.
    """
    from llm_bench.batch.requeue import quarantined_slots

    slots = quarantined_slots(store, study, client())
    if slot is None:
        return slots
    if slot not in slots:
        name = utc_text(slot)
        raise unknown(f"Study {study} has nothing in quarantine for the slot {name}.", name, map(utc_text, slots))
    return [slot.astimezone(UTC)]


def rescore(study: str, model: str | None) -> int:
    """Scores a study's stored answers anew, by another model, and keeps the scores beside the records."""
    from llm_bench.batch.rescore import rescore
    from llm_bench.rag.questions import load_question_sets
    from llm_bench.scoring.model import load

    chosen = find_study(study)
    sets = load_question_sets(include(), chosen.industries)
    points = {question.id: [point.text for point in question.points] for asked in sets.values() for question in asked}
    store = store_at(chosen.storage)
    name = model or chosen.scoring.model
    say(f"Loading {name or chosen.retrieval.embedding_model}")
    embedder, encoder = load(name, chosen.retrieval.embedding_model, threads=os.cpu_count() or 1)
    by = (encoder or embedder).identity
    count = 0
    at, language = datetime.now(UTC), chosen.language
    for day in rescore(store, chosen.name, embedder, points, at, language=language, encoder=encoder):
        count += day.records
        before, after = text.bare(day.before, ""), text.bare(day.after, "")
        say(f"{day.path}: {day.records} records, mean coverage {before} as recorded, {after} by {by}")
        if day.unscored:
            names = ", ".join(day.unscored)
            console().print(f"  left out, as their contexts aren't in the store: {names}", style="yellow")
    console().print(f"{count} records scored" if count else f"{chosen.name} has no records yet")
    return 0 if count else 1


def compact(study: str) -> int:
    """Puts the slots of each past day (UTC) of a study into one object."""
    from llm_bench.store import compaction

    chosen = find_study(study)
    done = compaction.compact(store_at(chosen.storage), chosen.name, datetime.now(UTC).date())
    console().print(
        f"{chosen.name}: {done.slots} slots taken into {done.days} objects of days, "
        f"{done.removed} objects of slots removed"
        if done.slots or done.removed
        else f"{chosen.name}: every past day is compact"
    )
    return 0
