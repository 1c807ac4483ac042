"""Who declines which questions, against the plain records."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from analysis.studies import fill_study, thesis
from llm_bench.analysis import charts, queries, tables
from llm_bench.analysis.cache import Cache, Records
from llm_bench.analysis.view import View
from llm_bench.records import Record, utc_text
from llm_bench.store.base import FileStore, from_parquet, to_parquet
from llm_bench.study import Study

NEVER, ALWAYS, REASONING = (
    "groq/llama3-70b-8192",
    "groq/moonshotai/kimi-k2-instruct",
    "openrouter/deepseek/deepseek-r1-0528-qwen3-8b",
)
EVERY_DAY = slice(0, 56, 7)
"""Two slots of each of the four days."""
MANY_UNANSWERABLE = tuple(f"{industry}-{number:02}" for industry in ("retail", "finance") for number in range(1, 5))


class Filled:
    """The default study, in which one LLM never declines, and one always does."""

    def __init__(
        self, home: Path, include: Path, slots: slice, change: Callable[[Record], Record] = lambda _: {}, **changes: Any
    ) -> None:
        self.study: Study = thesis(include, **changes)
        self.store = FileStore(home / "data")
        self.slots: list[datetime] = list(self.study.window.schedule)[slots]
        fill_study(self.store, self.study, include, slots=self.slots)
        for path in self.store.list("records/"):
            content, generation = self.store.read(path)
            made = [record | _extreme(record) | change(record) for record in from_parquet(content)]
            self.store.commit(path, to_parquet(made), generation)
        self.cache = Cache(home, fresh_sec=0)

    @property
    def records(self) -> Records:
        return self.cache.records(self.study)

    @property
    def looks(self) -> charts.Looks:
        return charts.looks([llm.name for llm in self.study.llms])

    @property
    def plain(self) -> list[Record]:
        return [record for path in self.store.list("records/") for record in from_parquet(self.store.read(path)[0])]


def _extreme(record: Record) -> Record:
    if record["success"] and record["llm"] in (NEVER, ALWAYS):
        return {"declined": record["llm"] == ALWAYS}
    return {}


@pytest.fixture(scope="module")
def filled(tmp_path_factory, include) -> Filled:
    return Filled(tmp_path_factory.mktemp("declining"), include, EVERY_DAY)


def share(known: queries.Declining, llm: str, *, answerable: bool) -> queries.Declined:
    (row,) = [row for row in known.shares if (row.llm, row.answerable) == (llm, answerable)]
    return row


class TestDeclining:
    def test_counts_the_answers_of_each_kind_of_question_that_decline(self, filled: Filled):
        known = queries.declining(filled.records, View())
        assert len(known.shares) == 8
        for row in known.shares:
            mine = [r for r in filled.plain if (r["llm"], r["answerable"]) == (row.llm, row.answerable)]
            answers = [record for record in mine if record["success"]]
            declined = sum(bool(record["declined"]) for record in answers)
            assert (row.answers, row.declined, row.left_out) == (len(answers), declined, len(mine) - len(answers))
            assert row.share.estimate == pytest.approx(declined / len(answers))

    def test_tells_who_always_declines_from_who_never_does(self, filled: Filled):
        known = queries.declining(filled.records, View())
        for answerable in (False, True):
            assert share(known, ALWAYS, answerable=answerable).share.estimate == 1
            assert share(known, NEVER, answerable=answerable).share.estimate == 0

    def test_has_an_interval_for_questions_like_these_where_there_are_six(self, filled: Filled):
        known = queries.declining(filled.records, View())
        assert known.questions[None, True] == 18
        assert known.scope(None, True) == "questions like these"
        wrongly = share(known, REASONING, answerable=True).share
        assert 0 <= wrongly.low < wrongly.estimate < wrongly.high
        assert wrongly.clusters == 4

    def test_makes_no_claim_about_questions_like_these_with_two(self, filled: Filled):
        known = queries.declining(filled.records, View())
        assert known.questions[None, False] == 2
        assert known.scope(None, False) == "these questions"
        assert (
            "2 questions that can't be answered: the intervals are for these alone; of questions like these nothing "
            "can be said with fewer than 6."
        ) in tables.declining(known, filled.looks).notes

    def test_is_given_by_industry_with_the_scope_that_each_bears(self, filled: Filled):
        known = queries.declining(filled.records, View())
        assert {(row.industry, row.answerable) for row in known.by_industry} == {
            (industry, answerable) for industry in ("finance", "retail") for answerable in (False, True)
        }
        assert {industry: known.scope(industry, True) for industry in ("finance", "retail")} == {
            "finance": "questions like these",
            "retail": "questions like these",
        }
        total = sum(row.answers for row in known.by_industry)
        assert total == sum(row.answers for row in known.shares)

    def test_leaves_an_answer_that_wasnt_scored_out_and_counts_it(self, tmp_path, include):
        own = Filled(tmp_path, include, slice(0, 2), lambda r: {"declined": None} if r["llm"] == ALWAYS else {})
        row = share(queries.declining(own.records, View()), ALWAYS, answerable=True)
        assert (row.answers, row.left_out, row.share.estimate) == (0, 36, None)

    def test_of_few_days_is_an_estimate_without_an_interval(self, tmp_path, include):
        own = Filled(tmp_path, include, slice(0, 3))
        known = queries.declining(own.records, View())
        row = share(known, REASONING, answerable=True)
        assert (row.share.low, row.share.doubt) == (None, "few days")
        assert any("it takes at least 4" in note for note in tables.declining(known, own.looks).all_notes)

    def test_has_no_interval_where_slots_go_on_into_the_next_day(self, tmp_path, include):
        study = thesis(include)
        around = study.window.model_copy(update={"periods_per_day": 2})
        middle = utc_text(list(around.schedule)[56])
        own = Filled(
            tmp_path,
            include,
            slice(0, 112, 4),
            lambda record: {"declined": (record["success"] and record["slot"] < middle) or record["declined"]},
            window=around,
        )
        known = queries.declining(own.records, View())
        row = share(known, REASONING, answerable=True)
        assert (row.share.low, row.share.doubt) == (None, "days last")
        said = "can't tell beyond these 4 days: what makes a slot slow may go on into the next day"
        assert said in " ".join(tables.declining(known, own.looks).all_notes)

    def test_is_of_the_view_alone(self, filled: Filled):
        known = queries.declining(filled.records, View(industries=("retail",), llms=(REASONING,)))
        assert {(row.llm, row.industry) for row in known.by_industry} == {(REASONING, "retail")}
        assert known.questions[None, False] == 1

    def test_of_no_record_is_nothing(self, filled: Filled):
        known = queries.declining(filled.records, View(start=filled.study.window.end))
        assert (known.shares, known.by_industry, known.answered) == ([], [], [])

    def test_of_questions_that_all_can_be_answered_says_so(self, tmp_path, include):
        own = Filled(tmp_path, include, slice(0, 1), lambda record: {"answerable": True})
        known = queries.declining(own.records, View())
        shown = tables.declining(known, own.looks)
        assert "No question that can't be answered was asked." in shown.notes
        assert [cell.text for cell in shown.cells[0][1:3]] == ["0", "—"]


class TestWhereManyQuestionsCantBeAnswered:
    def test_the_interval_is_for_questions_like_these(self, tmp_path, include):
        own = Filled(
            tmp_path,
            include,
            EVERY_DAY,
            lambda record: {"answerable": record["question_id"] not in MANY_UNANSWERABLE},
        )
        known = queries.declining(own.records, View())
        assert known.scope(None, False) == "questions like these"
        assert known.scope("retail", False) == "these questions"


class TestWhatWasAnsweredAllTheSame:
    def test_is_each_question_with_its_first_answer_that_didnt_decline(self, filled: Filled):
        known = queries.declining(filled.records, View())
        assert {row.llm for row in known.answered} == {NEVER}
        assert [row.question_id for row in known.answered] != []
        for row in known.answered:
            mine = [
                r for r in filled.plain if (r["llm"], r["question_id"], r["success"]) == (NEVER, row.question_id, True)
            ]
            first = min(mine, key=lambda record: record["slot"])
            assert (row.answers, row.answered, row.record_id) == (len(mine), len(mine), first["record_id"])
            assert row.answer == first["answer"]
            assert not first["answerable"]

    def test_is_ordered_by_how_often(self, tmp_path, include):
        own = Filled(tmp_path, include, slice(0, 3), lambda r: {"declined": r["llm"] == ALWAYS} if r["success"] else {})
        often = [row.answered for row in queries.declining(own.records, View()).answered]
        assert often == sorted(often, reverse=True)

    def test_stands_in_a_table_with_its_record(self, filled: Filled):
        known = queries.declining(filled.records, View())
        shown = tables.answered_anyway(known, filled.looks)
        assert [row[-1] for row in shown.rows] == [row.record_id for row in known.answered]
        assert shown.columns[-1].name == "record_id"
