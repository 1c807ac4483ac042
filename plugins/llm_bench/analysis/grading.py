"""Which answers people are asked to read, and how well the scores agree with what they say of them. Pure."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import fmean
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from llm_bench.analysis.statistics import Interval
from llm_bench.analysis.statistics.correlation import spearman
from llm_bench.method import Method

if TYPE_CHECKING:
    from llm_bench.store.grades import Grade

SIZE = 40
"""Answers of a sample: an hour or so for one person."""
LEAST = 25
"""Graded answers from which on an agreement is given; with fewer its interval says nothing."""
MEASURES = {"coverage_score": "coverage", "groundedness": "groundedness"}
"""The record's field of a score → the grade that it is held against."""


class Candidate(NamedTuple):
    """An answer that may be drawn.

    :param question: its id, of the industry's questions.
    :param slot: aware.
    """

    record_id: str
    llm: str
    industry: str
    question: str
    slot: datetime


class Scored(NamedTuple):
    """What a record says of its answer.

    :param answer: SHA-256 of it.
    :param question: of which industry and which one.
    :param scores: field → score; None where it has none.
    """

    answer: str
    question: str
    scores: Mapping[str, float | None]


@dataclass(frozen=True, slots=True)
class Agreed:
    """How a score agrees with people's grades.

    :param metric: field of the score.
    :param answers: that have both the score and a grade.
    :param people: who graded them.
    :param rho: Spearman's ρ of the score with the mean of people's grades; None with fewer than ``LEAST`` answers, or
        where all scores, or all grades, are alike.
    """

    metric: str
    answers: int
    people: int
    rho: Interval | None


def draw(candidates: Sequence[Candidate], size: int, seed: str) -> list[str]:
    """Draws answers by chance, as many of each LLM as of any other, in the order in which they are to be read.

    Of an LLM as many are drawn of each industry; of these the slots are cut into as many parts, in order, and of each
    part one is drawn, of a question that was drawn least so far. Chance is SHA-256 of the seed and the record's id: the
    same records and seed give the same sample, on any machine.

    :param size: of the sample; there are fewer where there are fewer candidates.
    :return: their record ids.
    """
    by_llm: dict[str, dict[str, list[Candidate]]] = defaultdict(lambda: defaultdict(list))
    for candidate in candidates:
        by_llm[candidate.llm][candidate.industry].append(candidate)
    drawn: list[str] = []
    asked: Counter[tuple[str, str]] = Counter()
    of_llm = {llm: sum(map(len, cells.values())) for llm, cells in by_llm.items()}
    for llm, wanted in _shares(of_llm, size, seed).items():
        cells = by_llm[llm]
        there = {industry: len(cell) for industry, cell in cells.items()}
        for industry, many in _shares(there, wanted, f"{seed} {llm}").items():
            drawn += _spread(cells[industry], many, seed, asked)
    return sorted(drawn, key=lambda record_id: chance(f"order of {seed}", record_id))


def chance(seed: str, name: str) -> str:
    """A number by chance, as text: the same for the same seed and name."""
    return hashlib.sha256(f"{seed} {name}".encode()).hexdigest()


def _shares(there: Mapping[str, int], wanted: int, seed: str) -> dict[str, int]:
    """How many are drawn of each group: as many as of any other, as far as there are; chance has who gives one more."""
    shares = dict.fromkeys(sorted(there, key=lambda name: chance(seed, name)), 0)
    for _ in range(min(wanted, sum(there.values()))):
        shares[min((name for name in shares if shares[name] < there[name]), key=shares.__getitem__)] += 1
    return shares


def _spread(cell: Sequence[Candidate], many: int, seed: str, asked: Counter[tuple[str, str]]) -> list[str]:
    """Draws one of each part of the slots.

    :param asked: how often each question was drawn so far; counted on.
    """
    ordered = sorted(cell, key=lambda candidate: (candidate.slot, chance(seed, candidate.record_id)))
    drawn = []
    for part in range(many):
        within = ordered[part * len(ordered) // many : (part + 1) * len(ordered) // many]
        chosen = min(
            within,
            key=lambda candidate: (asked[candidate.industry, candidate.question], chance(seed, candidate.record_id)),
        )
        asked[chosen.industry, chosen.question] += 1
        drawn.append(chosen.record_id)
    return drawn


def agreed(scored: Mapping[str, Scored], grades: Iterable[Grade], rubric: int) -> list[Agreed]:
    """How each score agrees with people.

    :param scored: record id → what it says; of records that aren't there no grade counts, nor do those of an answer
        that was measured anew since.
    :param grades: the last one of each person on each answer.
    :param rubric: version of the scale of which the grades count.
    """
    usable = [
        grade
        for grade in grades
        if grade.rubric == rubric and (held := scored.get(grade.record_id)) and held.answer == grade.answer
    ]
    return [_agreed(metric, scored, usable) for metric in MEASURES]


def _agreed(metric: str, scored: Mapping[str, Scored], grades: Sequence[Grade]) -> Agreed:
    given: dict[str, list[int]] = defaultdict(list)
    people = set()
    for grade in grades:
        value = getattr(grade, MEASURES[metric])
        if value is not None and scored[grade.record_id].scores[metric] is not None:
            given[grade.record_id].append(value)
            people.add(grade.by)
    if len(given) < LEAST:
        return Agreed(metric, len(given), len(people), None)
    scores = [scored[record_id].scores[metric] or 0.0 for record_id in given]
    questions = np.array([scored[record_id].question for record_id in given])
    return Agreed(metric, len(given), len(people), spearman(scores, [*map(fmean, given.values())], questions))


GRADED = Method(
    "Agreement with grades by hand",
    f"People read a random sample of the answers, {SIZE} at a time, and graded each from 0 to 4 for coverage and for "
    "groundedness, without being shown which LLM it was of or what its scores were. A sample has as many answers of "
    "each LLM, of each of its industries, and of all parts of the study's course, drawn by a seed that the store keeps "
    "with it. The agreement is Spearman's rank correlation of each score with the mean of people's grades. Its "
    "interval of 95 % is that of Fisher's z, by the jackknife over questions, with Student's t. It is given from "
    f"{LEAST} graded answers on.",
    ("mackinnon2023jackknife",),
)
