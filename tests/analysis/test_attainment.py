"""How far LLMs attain a study's objectives, against the plain records."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from analysis.studies import fill_study, thesis
from llm_bench.analysis import charts, queries, tables
from llm_bench.analysis.cache import Cache, Records
from llm_bench.analysis.statistics.attainment import attained
from llm_bench.analysis.view import View
from llm_bench.objectives import Objective
from llm_bench.records import Record, llm_of
from llm_bench.store.base import FileStore, from_parquet, to_parquet
from llm_bench.study import Study

AIMS = (
    Objective(within_sec=3, share=0.9),
    Objective(metric="ttft_sec", within_sec=1),
    Objective(metric="first_answer_sec", within_sec=5, share=0.5),
)
REASONING = "openrouter/deepseek/deepseek-r1-0528-qwen3-8b"


class Filled:
    """Some slots of the default study."""

    def __init__(self, home: Path, include: Path, slots: slice, **changes: Any) -> None:
        self.study: Study = thesis(include, **changes)
        self.store = FileStore(home / "data")
        self.slots: list[datetime] = list(self.study.window.schedule)[slots]
        fill_study(self.store, self.study, include, slots=self.slots)
        self.cache = Cache(home, fresh_sec=0)

    @property
    def records(self) -> Records:
        return self.cache.records(self.study)

    @property
    def plain(self) -> list[Record]:
        return [record for path in self.store.list("records/") for record in from_parquet(self.store.read(path)[0])]

    def change(self, changed: Any) -> None:
        """Gives every record other values.

        :param changed: a record → what changes in it.
        """
        for path in self.store.list("records/"):
            content, generation = self.store.read(path)
            made = [record | changed(record) for record in from_parquet(content)]
            self.store.commit(path, to_parquet(made), generation)


@pytest.fixture(scope="module")
def filled(tmp_path_factory, include) -> Filled:
    return Filled(tmp_path_factory.mktemp("attainment"), include, slice(0, 56, 4))


@pytest.fixture
def own(tmp_path, include) -> Filled:
    """Six slots that a test may change."""
    return Filled(tmp_path, include, slice(0, 6))


def in_time(record: Record, objective: Objective) -> bool:
    return bool(record["success"]) and record[objective.metric] <= objective.within_sec


class TestAttainment:
    def test_counts_all_that_was_asked_and_what_was_answered_in_time(self, filled: Filled):
        made = queries.attainment(filled.records, View(), AIMS)
        assert len(made) == 12
        for row in made:
            mine = [record for record in filled.plain if llm_of(record) == row.llm]
            assert (row.asked, row.met) == (len(mine), sum(in_time(record, row.objective) for record in mine))
            assert row.share.estimate == pytest.approx(row.met / row.asked)

    def test_has_the_interval_by_slots_in_order_with_their_days(self, filled: Filled):
        row = queries.attainment(filled.records, View(), AIMS)[0]
        mine = [record for record in filled.plain if llm_of(record) == row.llm]
        slots = sorted({record["slot"] for record in mine})
        counts = [[record for record in mine if record["slot"] == slot] for slot in slots]
        met = [sum(in_time(record, AIMS[0]) for record in part) for part in counts]
        days = [slot[:10] for slot in slots]
        assert row.share == attained(met, [len(part) for part in counts], days)

    def test_counts_an_answer_that_broke_off_as_missed_though_its_first_token_came(self, filled: Filled):
        broke = [record for record in filled.plain if not record["success"] and (record["ttft_sec"] or 9) < 1]
        assert broke
        quick = Objective(metric="ttft_sec", within_sec=60)
        made = queries.attainment(filled.records, View(), [quick])
        assert sum(row.met for row in made) == sum(bool(record["success"]) for record in filled.plain)

    def test_is_of_the_view_alone(self, filled: Filled):
        view = View(industries=("retail",), llms=(REASONING,), suspect="exclude", start=filled.slots[3])
        (row,) = queries.attainment(filled.records, view, AIMS[:1])
        mine = [
            record
            for record in filled.plain
            if (record["industry"], llm_of(record), record["suspect"]) == ("retail", REASONING, None)
            and datetime.fromisoformat(record["slot"]) >= filled.slots[3]
        ]
        assert (row.asked, row.met) == (len(mine), sum(in_time(record, AIMS[0]) for record in mine))

    def test_leaves_an_answer_without_a_time_out_and_counts_it(self, own: Filled):
        own.change(lambda record: {"first_answer_sec": None} if record["llm"] == REASONING else {})
        made = {row.llm: row for row in queries.attainment(own.records, View(), AIMS[2:])}
        succeeded = sum(bool(record["success"]) for record in own.plain if record["llm"] == REASONING)
        failed = sum(not record["success"] for record in own.plain if record["llm"] == REASONING)
        assert (made[REASONING].unknown, made[REASONING].asked, made[REASONING].met) == (succeeded, failed, 0)
        looks = charts.looks(sorted(made))
        assert (
            f"{succeeded} answers whose time isn't known are left out."
            in tables.attainment([*made.values()], looks).notes
        )

    def test_counts_a_warm_question_only_where_the_view_does(self, tmp_path, include):
        both = Filled(tmp_path, include, slice(0, 2), cache="both")
        cold, warm, whole = (
            sum(row.asked for row in queries.attainment(both.records, View(cache=cache), AIMS[:1]))
            for cache in (None, "warm", "all")
        )
        assert (cold, warm, whole) == (160, 160, 320)

    def test_of_no_record_is_nothing(self, filled: Filled):
        assert queries.attainment(filled.records, View(start=filled.study.window.end), AIMS) == []

    def test_of_no_objective_is_nothing(self, filled: Filled):
        assert queries.attainment(filled.records, View(), ()) == []

    def test_of_failures_alone_is_missed_by_all(self, tmp_path, include):
        lost = Filled(tmp_path, include, slice(0, 56, 7))
        gone = dict.fromkeys(("latency_sec", "ttft_sec", "first_answer_sec", "answer"))
        lost.change(lambda record: gone | {"success": False, "failure_kind": "connection"})
        made = queries.attainment(lost.records, View(), AIMS[:1])
        assert {(row.met, row.verdict) for row in made} == {(0, "missed")}


class TestCurves:
    def test_are_exact_at_every_point(self, filled: Filled):
        for curve in queries.curves(filled.records, View(), "latency_sec"):
            mine = [record for record in filled.plain if llm_of(record) == curve.llm]
            assert curve.asked == len(mine)
            for at, share in curve.points:
                by_then = sum(in_time(record, Objective(within_sec=at)) for record in mine)
                assert share == pytest.approx(by_then / len(mine))

    def test_begin_at_nothing_and_end_together_below_all_by_what_failed(self, filled: Filled):
        made = queries.curves(filled.records, View(), "ttft_sec")
        assert {curve.points[0][1] for curve in made} == {0}
        assert len({curve.points[-1][0] for curve in made}) == 1
        for curve in made:
            mine = [record for record in filled.plain if llm_of(record) == curve.llm]
            assert curve.points[-1][1] == pytest.approx(sum(bool(record["success"]) for record in mine) / len(mine))

    def test_ascend_in_at_most_so_many_steps(self, filled: Filled):
        for curve in queries.curves(filled.records, View(), "latency_sec"):
            assert list(curve.points) == sorted(curve.points)
            assert len(curve.points) <= 203

    def test_of_failures_alone_have_no_point(self, own: Filled):
        gone = dict.fromkeys(("latency_sec", "ttft_sec", "first_answer_sec", "answer"))
        own.change(lambda record: gone | {"success": False, "failure_kind": "connection"})
        assert {len(curve.points) for curve in queries.curves(own.records, View(), "latency_sec")} == {0}

    def test_of_no_record_are_none(self, filled: Filled):
        assert queries.curves(filled.records, View(start=filled.study.window.end), "latency_sec") == []


class TestTheTable:
    @pytest.fixture
    def made(self, filled: Filled) -> list[queries.Attainment]:
        return queries.attainment(filled.records, View(), AIMS)

    def test_has_the_llms_of_each_objective_in_the_order_of_the_study(self, filled: Filled, made):
        llms = [llm.name for llm in filled.study.llms]
        rows = tables.attainment(made, charts.looks(llms)).rows
        assert [row[:2] for row in rows] == [[aim.words, llm] for aim in AIMS for llm in llms]

    def test_comes_as_csv_with_all_digits(self, filled: Filled, made):
        text = tables.attainment(made, charts.looks([llm.name for llm in filled.study.llms])).to_csv().decode()
        assert text.splitlines()[0] == "objective,llm,asked,met,share,share_low,share_high,verdict"
        assert repr(made[0].share.low) in text

    def test_is_said_in_a_sentence_for_each_objective(self, filled: Filled, made):
        said = tables.attained_in_words(made, charts.looks([llm.name for llm in filled.study.llms]))
        assert said[0].startswith("90 % answered within 3 s: attained by llama3-70b-8192, kimi-k2-instruct")
        assert "missed by deepseek-r1-0528-qwen3-8b" in said[0]
        assert len(said) == 3
