"""Which answers people are asked to read, and how the scores agree with what they say of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from fixtures.grades import GRADE
from llm_bench.analysis import tables
from llm_bench.analysis.grading import LEAST, Agreed, Candidate, Scored, agreed, draw
from llm_bench.store.grades import RUBRIC, Grade, answer_hash

START = datetime(2026, 11, 2, 8, tzinfo=UTC)
LLMS, INDUSTRIES, QUESTIONS, SLOTS = ("a", "b", "c"), ("retail", "finance"), 5, 12


def candidates(llms=LLMS, slots=SLOTS) -> list[Candidate]:
    return [
        Candidate(f"{llm}-{industry}-{question}-{slot}", llm, industry, str(question), START + timedelta(hours=slot))
        for llm in llms
        for industry in INDUSTRIES
        for question in range(QUESTIONS)
        for slot in range(slots)
    ]


def drawn(size=24, seed="thesis 1", among=None) -> list[Candidate]:
    by_id = {candidate.record_id: candidate for candidate in among or candidates()}
    return [by_id[record_id] for record_id in draw([*by_id.values()], size, seed)]


class TestASample:
    def test_is_the_same_for_the_same_records_and_seed_whatever_their_order(self):
        assert drawn() == drawn(among=candidates()[::-1])

    def test_is_another_one_for_another_seed(self):
        assert set(drawn(seed="thesis 2")) != set(drawn())

    def test_has_each_answer_once(self):
        assert len(set(drawn())) == 24

    def test_has_as_many_answers_of_each_llm_and_industry(self):
        cells = Counter((candidate.llm, candidate.industry) for candidate in drawn())
        assert cells == {(llm, industry): 4 for llm in LLMS for industry in INDUSTRIES}

    def test_that_cant_be_divided_evenly_differs_by_one_at_most(self):
        counts = Counter(candidate.llm for candidate in drawn(size=25))
        assert sorted(counts.values()) == [8, 8, 9]

    def test_has_answers_of_all_parts_of_the_study(self):
        for llm in LLMS:
            for industry in INDUSTRIES:
                own = sorted(
                    (candidate.slot - START) // timedelta(hours=3)
                    for candidate in drawn()
                    if (candidate.llm, candidate.industry) == (llm, industry)
                )
                assert own == [0, 1, 2, 3]

    def test_has_as_many_questions_as_there_are(self):
        counts = Counter((candidate.industry, candidate.question) for candidate in drawn())
        assert len(counts) == len(INDUSTRIES) * QUESTIONS
        assert max(counts.values()) <= 4

    def test_mixes_the_llms_in_the_order_in_which_they_are_read(self):
        names = [candidate.llm for candidate in drawn()]
        assert names != sorted(names)
        assert len(set(names[:8])) > 1

    def test_takes_more_of_the_others_where_an_llm_answered_seldom(self):
        few = [candidate for candidate in candidates() if candidate.llm != "a"] + candidates(("a",), 1)[:2]
        counts = Counter(candidate.llm for candidate in drawn(among=few))
        assert counts == {"a": 2, "b": 11, "c": 11}

    def test_of_fewer_answers_than_wanted_is_all_of_them(self):
        assert len(drawn(size=24, among=candidates(("a",), 1))) == 10

    def test_of_nothing_is_empty(self):
        assert draw([], 24, "thesis 1") == []


def graded(many: int, by="ann") -> list[Grade]:
    """Answers whose grades go with their coverage, and against their groundedness."""
    return [
        replace(GRADE, record_id=f"{n}", answer=answer_hash(f"{n}"), coverage=n % 5, groundedness=n % 5, by=by)
        for n in range(many)
    ]


def scored(many: int) -> dict[str, Scored]:
    return {
        f"{n}": Scored(answer_hash(f"{n}"), f"q-{n % 10}", {"coverage_score": n % 5 / 4, "groundedness": 1 - n % 5 / 4})
        for n in range(many)
    }


class TestTheAgreement:
    def test_is_of_each_score_with_its_own_grades(self):
        coverage, groundedness = agreed(scored(40), graded(40), RUBRIC)
        assert (coverage.metric, coverage.rho.estimate) == ("coverage_score", pytest.approx(1))
        assert (groundedness.metric, groundedness.rho.estimate) == ("groundedness", pytest.approx(-1))

    def test_counts_answers_and_people(self):
        coverage, _ = agreed(scored(40), [*graded(40), *graded(3, by="bob")], RUBRIC)
        assert (coverage.answers, coverage.people) == (40, 2)

    def test_takes_the_mean_of_what_people_said_of_an_answer(self):
        against = [replace(grade, coverage=4 - grade.coverage) for grade in graded(40, by="bob")]
        coverage, _ = agreed(scored(40), [*graded(40), *against], RUBRIC)
        assert coverage.rho is None  # all means are 2

    def test_with_too_few_answers_is_none_and_says_how_many_there_are(self):
        coverage, _ = agreed(scored(40), graded(LEAST - 1), RUBRIC)
        assert (coverage.answers, coverage.rho) == (LEAST - 1, None)
        assert agreed(scored(40), graded(LEAST), RUBRIC)[0].rho is not None

    @pytest.mark.parametrize(
        "change",
        [
            {"answer": answer_hash("measured anew")},
            {"rubric": RUBRIC + 1},
            {"record_id": "gone"},
            {"coverage": None},
        ],
        ids=["of another answer", "by another scale", "of no record", "that says nothing"],
    )
    def test_leaves_out_a_grade(self, change):
        first, *rest = graded(40)
        coverage, _ = agreed(scored(40), [replace(first, **change), *rest], RUBRIC)
        assert coverage.answers == 39

    def test_leaves_out_an_answer_without_that_score(self):
        held = scored(40)
        held["0"] = held["0"]._replace(scores={"coverage_score": 0.0, "groundedness": None})
        coverage, groundedness = agreed(held, graded(40), RUBRIC)
        assert (coverage.answers, groundedness.answers) == (40, 39)


class TestTheTable:
    def said(self, known: Agreed) -> list[str]:
        return [cell.line for cell in tables.graded([known]).cells[0]]

    def test_says_what_lacks_where_there_are_too_few(self):
        assert self.said(Agreed("groundedness", 12, 1, None)) == [
            "Groundedness",
            "—",
            "12",
            "1",
            "too few yet: 12 of 25",
        ]

    def test_says_so_where_nothing_varies(self):
        assert (
            self.said(Agreed("coverage_score", 40, 1, None))[-1] == "all grades of coverage, or all scores, are alike"
        )

    def test_has_the_number_with_its_interval(self):
        (known, _) = agreed(
            scored(40), [replace(grade, coverage=min(grade.coverage, 3)) for grade in graded(40)], RUBRIC
        )
        assert self.said(known)[1].startswith("0.9")
        assert "[" in self.said(known)[1]
