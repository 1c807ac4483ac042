"""Single records: the list of them, one whole, and the answers that cover least."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from functools import partial
from typing import Any

import numpy as np

from llm_bench.analysis.cache import Records
from llm_bench.analysis.metrics import METRICS
from llm_bench.analysis.queries import cells, strata
from llm_bench.analysis.queries.cells import Array
from llm_bench.analysis.queries.counts import total
from llm_bench.analysis.queries.numbers import Scan
from llm_bench.analysis.statistics import Floats
from llm_bench.analysis.view import View
from llm_bench.errors import ViewError
from llm_bench.records import CUT_SQL, FAILURE_KINDS, FIELD_NAMES, Record, is_cut, records_of


@dataclass(frozen=True, slots=True)
class RecordRow:
    """A record as a list shows it.

    :param answer: its first 200 characters.
    :param error: its first 200 characters.
    """

    record_id: str
    slot: datetime
    measured_at: datetime
    run_type: str
    llm: str
    industry: str
    question_id: str
    question: str
    success: bool
    failure_kind: str | None
    latency_sec: float | None
    ttft_sec: float | None
    first_answer_sec: float | None
    throughput_tps: float | None
    response_tokens: int | None
    coverage_score: float | None
    groundedness: float | None
    cost_usd: float | None
    late_sec: float
    suspect: str | None
    finish_reason: str | None
    cache_probe: str | None
    client: str | None
    answer: str | None
    error: str | None

    @property
    def cut(self) -> bool:
        """Whether the answer reached its limit of tokens."""
        return is_cut({"finish_reason": self.finish_reason})


@dataclass(frozen=True, slots=True)
class Covered:
    """A question that is covered badly, and its least covered answer.

    :param llm: of that answer.
    :param n: answers with a score.
    :param coverage: mean of all LLMs in the view.
    :param groundedness: mean; None where no answer has one.
    :param answer: whole.
    :param answer_coverage: of that answer.
    :param record_id: of that answer.
    """

    question_id: str
    question: str
    industry: str
    llm: str
    n: int
    coverage: float
    groundedness: float | None
    answer: str
    answer_coverage: float
    record_id: str


OUTCOMES = ("all", "succeeded", "failed", "cut", *FAILURE_KINDS)
SORTS = tuple(field.name for field in fields(RecordRow))
_CUT = ("answer", "error")
_SEARCHED = ("question", "answer", "error", "record_id")


def page(
    records: Records,
    view: View,
    *,
    search: str = "",
    outcome: str = "all",
    question: str = "",
    sort: str = "slot",
    descending: bool = False,
    offset: int = 0,
    limit: int = 50,
) -> tuple[list[RecordRow], int]:
    """A part of the view's records, and how many there are in all.

    :param search: stands in the question, the answer, the error or the record_id; whether large or small, letters are
        the same, and no sign has a meaning of its own.
    :param outcome: one of OUTCOMES.
    :param question: a question's id.
    :param sort: one of SORTS; what has no such value comes last. Equal ones come by slot, LLM and question.
    :raises ViewError: outcome or sort is none of these, or offset or limit is below 0.
    """
    _check(outcome, sort, offset, limit)
    where, parameters = _where(view, search, outcome, question)
    if search or question or outcome != "all":
        many = int(records.rows(f"SELECT count(*) AS n FROM records WHERE {where}", parameters)[0]["n"])  # noqa: S608
    else:
        many = total(records, view)
    # First which records, then what they hold: whole records aren't sorted.
    order = f"{sort} {'DESC' if descending else 'ASC'} NULLS LAST, slot, llm, question_id, cache_probe, client"
    columns = ", ".join(f"left({name}, 200) AS {name}" if name in _CUT else name for name in SORTS)
    rows = records.rows(
        f"SELECT {columns} FROM records WHERE rowid IN ("  # noqa: S608
        f"SELECT rowid FROM records WHERE {where} ORDER BY {order} LIMIT $limit OFFSET $offset) ORDER BY {order}",
        parameters | {"limit": limit, "offset": offset},
    )
    return [RecordRow(**row) for row in rows], many


def _check(outcome: str, sort: str, offset: int, limit: int) -> None:
    if outcome not in OUTCOMES:
        raise ViewError(f"outcome is {outcome!r}.", f"Choose one of {', '.join(OUTCOMES)}.")
    if sort not in SORTS:
        raise ViewError(f"sort is {sort!r}.", f"Choose one of {', '.join(SORTS)}.")
    if offset < 0 or limit < 0:
        raise ViewError(f"offset {offset} or limit {limit} is below 0.", "Give it as 0 or more.")


def _where(view: View, search: str, outcome: str, question: str) -> tuple[str, dict[str, Any]]:
    where, parameters = view.where()
    parts = [where]
    if outcome in ("succeeded", "failed"):
        parts.append("success" if outcome == "succeeded" else "NOT success")
    elif outcome == "cut":
        parts.append(CUT_SQL)
    elif outcome != "all":
        parts.append("failure_kind = $outcome")
        parameters["outcome"] = outcome
    if question:
        parts.append("question_id = $question")
        parameters["question"] = question
    if search:
        searched = (f"contains(lower({name}), lower($search))" for name in _SEARCHED)
        parts.append(f"({' OR '.join(searched)})")
        parameters["search"] = search
    return " AND ".join(parts), parameters


def record(records: Records, record_id: str) -> Record | None:
    """A record whole, as JSON values; None where there is none."""
    table = records.query(
        f"SELECT {', '.join(FIELD_NAMES)} FROM records WHERE record_id = $record_id",  # noqa: S608
        {"record_id": record_id},
    )
    rows = records_of(table)
    return rows[0] if rows else None


def least_covered(records: Records, view: View, limit: int = 10) -> list[Covered]:
    """The questions that are covered least, over all LLMs, each with the first of its least covered answers."""
    scan = Scan.of(records, view, [])
    n, coverage, grounded, groundedness = sum(scan.by_threads(partial(_sums, records, scan), range(len(scan.llms))), _0)
    known = np.flatnonzero(n)
    means = dict(zip(known.tolist(), (coverage[known] / n[known]).tolist(), strict=True))
    worst = sorted(means, key=lambda number: (means[number], number))[:limit]
    lowest = {number: _lowest(records, scan, number) for number in worst}
    questions = strata.asked(records)
    return sorted(
        (
            Covered(
                **{name: questions[number][name] for name in ("question_id", "question", "industry")},
                n=int(n[number]),
                coverage=means[number],
                groundedness=float(groundedness[number] / grounded[number]) if grounded[number] else None,
                **row,
            )
            for number, row in _answers(records, view, lowest)
        ),
        key=lambda question: (question.coverage, question.question_id),
    )


_0 = np.zeros((4, 1))


def _scored(records: Records, scan: Scan, llm: int, questions: int | slice) -> tuple[Array, Array]:
    """The coverage of an LLM's answers to some questions, and where it is known."""
    rows, kept = scan.of_copy[0][llm], scan.of_copy[1]
    known = rows.of(cells.measured(records, METRICS["coverage_score"]))[:, questions] > 0
    if kept is not None:
        known &= rows.of(kept)[:, questions] > 0
    return rows.of(cells.share(records, METRICS["coverage_score"]))[:, questions], known


def _sums(records: Records, scan: Scan, llm: int) -> Floats:
    """What an LLM's answers with a coverage add up to, for each question.

    They are counted, their coverage is added up, then those that have a groundedness are, and that is.
    """
    coverage, known = _scored(records, scan, llm, slice(None))
    rows, groundedness = scan.of_copy[0][llm], METRICS["groundedness"]
    grounded = known & (rows.of(cells.measured(records, groundedness)) > 0)
    held = ((coverage, known), (rows.of(cells.share(records, groundedness)), grounded))
    return np.stack([sums for values, there in held for sums in (there.sum(axis=0), (values * there).sum(axis=0))])


def _lowest(records: Records, scan: Scan, question: int) -> tuple[float, datetime, str]:
    """The lowest coverage of a question, and its first slot and LLM."""
    lowest = []
    for llm, rows in enumerate(scan.of_copy[0]):
        coverage, known = _scored(records, scan, llm, question)
        if known.any():
            row = int(np.where(known, coverage, np.inf).argmin())
            slot = cells.of_records(records).slot[rows.places[row]]
            lowest.append((float(coverage[row]), scan.buckets.slots[scan.buckets.place[slot]], scan.llms[llm]))
    return min(lowest)


def _answers(
    records: Records, view: View, places: Mapping[int, tuple[float, datetime, str]]
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Questions with the first answer to each that has a coverage, of a slot and LLM."""
    where, parameters = view.where()
    each = []
    for number, place in places.items():
        names = [f"{name}_{number}" for name in ("score", "slot", "name")]
        parameters |= zip(names, place, strict=True)
        score, slot, name = names
        each.append(f"(coverage_score = ${score} AND slot = ${slot} AND llm = ${name} AND question_no = {number})")
    if not each:
        return
    slots = ", ".join(f"$slot_{number}" for number in places)  # of which DuckDB knows where they lie
    rows = records.rows(
        "SELECT question_no, llm, answer, coverage_score AS answer_coverage, record_id FROM records "  # noqa: S608
        f"WHERE {where} AND slot IN ({slots}) AND ({' OR '.join(each)}) ORDER BY rowid DESC",
        parameters,
    )
    yield from {row.pop("question_no"): row for row in rows}.items()
