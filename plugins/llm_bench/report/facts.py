"""What a report says beside the figures: what was planned and what came of it, with which versions, how exactly.

All of it is taken from the study's file, its questions and its data. The clock isn't asked: how far the study is, is
said as of its last record.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from llm_bench.analysis import queries
from llm_bench.analysis.cache import Records
from llm_bench.analysis.queries import Network, Order
from llm_bench.analysis.statistics.blocks import days_of
from llm_bench.analysis.view import View
from llm_bench.measure.calibration import latest
from llm_bench.paths import client
from llm_bench.progress import measured, states
from llm_bench.progress.states import Slot
from llm_bench.protocol import keeping
from llm_bench.protocol.content import Departure, Protocol, binding, departures
from llm_bench.protocol.draft import draft
from llm_bench.rag.questions import Question, load_question_sets
from llm_bench.records import UNNAMED
from llm_bench.report.sealing import seen
from llm_bench.report.source import Basis
from llm_bench.store.base import Store, open_store
from llm_bench.store.grades import NOTHING, Grading, grading
from llm_bench.study import Study
from llm_bench.templates import Template, load_template

_COUNTS = """
    SELECT count(*) AS records, count(DISTINCT slot) AS slots, count(DISTINCT (industry, question_id)) AS questions,
        count(DISTINCT llm) AS llms, list_sort(list(DISTINCT epoch(slot))) AS moments,
        min(slot) AS first, max(slot) AS last,
        count(warnings) AS warned, count(*) FILTER (attempt > 1) AS retried,
        count(*) FILTER (token_source = 'estimated') AS estimated,
        count(*) FILTER (run_type = 'scheduled') AS scheduled, count(*) FILTER (run_type = 'backfill') AS backfill,
        count(*) FILTER (run_type = 'manual') AS manual, max(measured_at) AS until
    FROM records WHERE
"""
_PROMPTS = """
    SELECT industry, question_id, any_value(question ORDER BY slot) AS question,
        list_sort(list(DISTINCT prompt_hash)) AS prompts, list_sort(list(DISTINCT context_hash)) AS contexts
    FROM records WHERE {} GROUP BY ALL ORDER BY ALL
"""
_ANSWERED = """
    SELECT llm, list_sort(list(DISTINCT response_model)) AS models FROM records
    WHERE response_model IS NOT NULL AND {} GROUP BY ALL ORDER BY ALL
"""
_SETTINGS = "SELECT llm, count(DISTINCT settings_hash) AS count FROM records WHERE {} GROUP BY llm ORDER BY llm"
_PROBES = """
    SELECT coalesce(cache_probe, 'as it is') AS probe, count(*) AS records FROM records WHERE {} GROUP BY 1 ORDER BY 1
"""
VERSIONS = ("llm_bench_version", "litellm_version", "embedding_model", "scoring_model", "schema_version")


@dataclass(frozen=True, slots=True)
class Place:
    """Where was measured from.

    :param client: its name.
    :param slots: of the window, as of the last record of the study; empty without a window or a record.
    :param outside: records of no slot of the window.
    :param calibration: as ``measure.calibration`` keeps it; None where there was none.
    """

    client: str | None
    slots: Sequence[Slot]
    outside: int
    calibration: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Facts:
    """What a report says beside the figures.

    :param counts: of the view's records: see the query.
    :param basis: how much the view holds.
    :param suspect: records marked so, whether the view has them or not.
    :param prompts: one for each question that was asked, with the hashes of its prompts and contexts.
    :param answered: LLM → the models that its provider says answered; only where it says so.
    :param versions: field of the record → its values in the view.
    :param unscored: why answers of the view weren't scored → how many.
    :param warm_left_out: records that were asked warm, and are in no figure but those of the cache.
    :param probes: how it was asked (cold, warm, as it is) → records, of the view with the warm ones.
    :param places: one for each client of the view.
    :param expected: records of a whole batch.
    :param questions: by industry.
    :param template: of the prompt, as the study has it now.
    :param order: what places the view's questions had; None where no record says its own.
    :param network: how far each LLM of the view is.
    :param clients: names of the places that it was measured from → records of the view; None: it had no name.
    :param protocols: of the study, in their order; none where it wasn't sealed.
    :param departures: from the one that binds.
    :param grading: what people said of the study's answers.
    """

    counts: Mapping[str, Any]
    basis: Basis
    suspect: int
    prompts: Sequence[Mapping[str, Any]]
    answered: Mapping[str, Sequence[str]]
    versions: Mapping[str, Sequence[str]]
    unscored: Mapping[str, int]
    warm_left_out: int
    probes: Mapping[str, int]
    places: Sequence[Place]
    expected: int
    questions: Mapping[str, Sequence[Question]]
    template: Template
    order: Order | None
    network: Sequence[Network]
    clients: Mapping[str | None, int]
    protocols: Sequence[Protocol] = ()
    departures: Sequence[Departure] = ()
    grading: Grading = NOTHING

    @property
    def slots(self) -> list[Slot]:
        """The slots of all places."""
        return [slot for place in self.places for slot in place.slots]

    @property
    def outside(self) -> int:
        """Records of no slot of the window."""
        return sum(place.outside for place in self.places)


def gather(records: Records, study: Study, view: View, home: Path) -> Facts:
    """Reads what a report says beside the figures.

    :param home: the folder that holds ``include/``, and that a relative storage is in.
    :raises StorageError: the store can't be read.
    :raises QuestionSetError: a question set can't be read.
    :raises PromptError: the prompt's template can't be used.
    """
    store = open_store(study.storage, home)
    questions = load_question_sets(home / "include", study.industries)
    expected = study.records_per_batch(sum(map(len, questions.values())))
    where, parameters = view.where()
    (counts,) = records.rows(_COUNTS + where, parameters)
    whole, whole_parameters = view.whole.where()
    probes = records.rows(_PROBES.format(whole), whole_parameters)
    facts = Facts(
        counts=counts,
        basis=_basis(counts),
        suspect=queries.total(records, replace(view, suspect="only")),
        prompts=records.rows(_PROMPTS.format(where), parameters),
        answered={row["llm"]: row["models"] for row in records.rows(_ANSWERED.format(where), parameters)},
        versions={name: _values(records, name, view) for name in VERSIONS},
        unscored=queries.unscored(records, view),
        warm_left_out=0 if view.cache else queries.total(records, replace(view, cache="warm")),
        probes={row["probe"]: row["records"] for row in probes},
        places=[_place(records, store, study, expected, name) for name in _clients(records, view)],
        expected=expected,
        questions=questions,
        template=load_template(home / "include", study.prompt),
        order=queries.order(records, view),
        network=queries.network(records, view),
        clients=queries.clients(records, view),
        protocols=keeping.held(store, study.name),
        grading=grading(store, study.name).require_all(),
    )
    return replace(facts, departures=_departures(records, study, view, facts, home / "include"))


def basis(records: Records, view: View) -> Basis:
    """How much a view holds."""
    where, parameters = view.where()
    return _basis(records.rows(_COUNTS + where, parameters)[0])


def _basis(counts: Mapping[str, Any]) -> Basis:
    days = len(set(days_of(counts["moments"] or ()).tolist()))
    return Basis(counts["records"], counts["llms"], counts["questions"], counts["slots"], days)


def _departures(records: Records, study: Study, view: View, facts: Facts, include: Path) -> list[Departure]:
    """In what the study, its records and this report aren't as it was sealed."""
    if not facts.protocols:
        return []
    bound = binding(facts.protocols)
    where, parameters = view.where()
    settings = {row["llm"]: row["count"] for row in records.rows(_SETTINGS.format(where), parameters)}
    variants = {f"prompt of {row['question_id']}": len(row["prompts"]) for row in facts.prompts}
    shown = seen(
        bound,
        slots=facts.slots,
        expected=facts.expected,
        outside=_outside(records, study, view),
        versions=facts.versions,
        variants=variants | {f"settings of {llm}": count for llm, count in settings.items()},
        llms=list(settings),
    )
    plan = draft(study, include, view.to_query(), bound.plan.metrics, bound.plan.pairs)
    return departures(facts.protocols, plan, shown)


def _outside(records: Records, study: Study, view: View) -> int:
    """Records of the view that are of no slot of the window; 0 without one."""
    if study.window is None:
        return 0
    where, parameters = view.where()
    rows = records.rows(f"SELECT slot, count(*) AS records FROM records WHERE {where} GROUP BY slot", parameters)  # noqa: S608
    schedule = study.window.schedule
    return int(sum(row["records"] for row in rows if row["slot"] not in schedule))


def _values(records: Records, name: str, view: View) -> list[str]:
    where, parameters = view.where()
    rows = records.rows(f"SELECT DISTINCT {name} AS content FROM records WHERE {where} ORDER BY 1", parameters)  # noqa: S608
    return [str(row["content"]) for row in rows if row["content"] is not None]


def _clients(records: Records, view: View) -> list[str | None]:
    """The clients of the view; this place where there is no record yet."""
    choices = queries.choices(records)
    known = choices.clients or (UNNAMED if choices.records else client() or UNNAMED,)
    return [None if name == UNNAMED else name for name in known if not view.clients or name in view.clients]


def _place(records: Records, store: Store, study: Study, expected: int, name: str | None) -> Place:
    slots, outside = _slots(records, store, study, expected, name)
    return Place(name, slots, outside, latest(store, study.name, name))


def _slots(records: Records, store: Store, study: Study, expected: int, name: str | None) -> tuple[list[Slot], int]:
    held = measured.held(records, name)
    if study.window is None or not held:
        return [], 0
    schedule = study.window.schedule
    (newest,) = records.rows("SELECT max(measured_at) AS moment FROM records")
    batches = states.batches(held)
    slots = states.account(
        schedule,
        newest["moment"],
        expected=expected,
        measured=batches,
        quarantined=measured.refused_per_slot(store, study.name, name),
        runs={},
        due_then=measured.due_per_slot(store, study.name, batches.values(), expected=expected, client=name),
    )
    return slots, sum(batch.records for slot, batch in batches.items() if slot not in schedule)
