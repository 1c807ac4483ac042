"""Single records: the list of them, one whole, and the answers that cover least."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, NamedTuple

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
    scores = _Scores.of(records, scan)
    n, coverage, grounded, groundedness = sum(scan.by_threads(scores.sums, range(len(scan.llms))), np.zeros((4, 1)))
    known = np.flatnonzero(n)
    means = dict(zip(known.tolist(), (coverage[known] / n[known]).tolist(), strict=True))
    worst = sorted(means, key=lambda number: (means[number], number))[:limit]
    lowest = {number: _lowest(records, scan, scores, number) for number in worst}
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


class _Scores(NamedTuple):
    """The scores of a view's records, in matrices of the whole copy.

    :param rows: of each LLM.
    :param kept: which records are the view's; None where all are.
    :param covered: above 0 where there is a coverage, as ``grounded`` is where there is a groundedness.
    """

    rows: Sequence[cells.Rows]
    kept: Array | None
    coverage: Array
    covered: Array
    groundedness: Array
    grounded: Array

    @classmethod
    def of(cls, records: Records, scan: Scan) -> _Scores:
        metrics = [METRICS[name] for name in ("coverage_score", "groundedness")]
        arrays = [read(records, metric) for metric in metrics for read in (cells.share, cells.measured)]
        return cls(*scan.of_copy, *arrays)

    def of_llm(self, llm: int, questions: int | slice) -> tuple[Array, Array]:
        """The coverage of an LLM's answers to some questions, and where it is known."""
        rows = self.rows[llm]
        known = rows.of(self.covered)[:, questions] > 0
        if self.kept is not None:
            known &= rows.of(self.kept)[:, questions] > 0
        return rows.of(self.coverage)[:, questions], known

    def sums(self, llm: int) -> Floats:
        """What an LLM's answers with a coverage add up to, for each question.

        They are counted, their coverage is added up, then those that have a groundedness are, and that is.
        """
        coverage, known = self.of_llm(llm, slice(None))
        grounded = known & (self.rows[llm].of(self.grounded) > 0)
        held = ((coverage, known), (self.rows[llm].of(self.groundedness), grounded))
        return np.stack([sums for values, there in held for sums in (there.sum(axis=0), (values * there).sum(axis=0))])


def _lowest(records: Records, scan: Scan, scores: _Scores, question: int) -> tuple[float, int, int, int]:
    """The lowest coverage of a question, and of the first that has it the slot's place, the LLM's, and the row."""
    slots, lowest = cells.of_records(records).slot, []
    for llm, rows in enumerate(scores.rows):
        coverage, known = scores.of_llm(llm, question)
        if known.any():
            first = int(np.where(known, coverage, np.inf).argmin())
            row = int(rows.places[first])
            lowest.append((float(coverage[first]), int(scan.buckets.place[slots[row]]), llm, row))
    return min(lowest)


def _answers(
    records: Records, view: View, lowest: Mapping[int, tuple[float, int, int, int]]
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Questions, each with the first answer that has a coverage in a row of the matrices."""
    if not lowest:
        return
    where, parameters = view.where()
    known, each = cells.of_records(records), []
    for number, (score, *_, row) in lowest.items():
        each.append(
            f"(slot_no = {known.slot[row]} AND llm_no = {known.llm[row]} AND question_no = {number} "
            f"AND coverage_score = $score_{number})"
        )
        parameters[f"score_{number}"] = score
    # First which records, then what they hold: answers are long.
    rows = records.rows(
        "SELECT question_no, llm, answer, coverage_score AS answer_coverage, record_id FROM records WHERE rowid IN "  # noqa: S608
        f"(SELECT rowid FROM records WHERE ({' OR '.join(each)}) AND {where}) ORDER BY rowid DESC",
        parameters,
    )
    yield from {row.pop("question_no"): row for row in rows}.items()
