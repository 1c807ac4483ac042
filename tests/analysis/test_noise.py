"""A twin: the same LLM measured twice, whose difference is the study's noise floor."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from analysis.drawn import FOUR
from analysis.studies import fill_study, thesis, with_twin
from llm_bench.analysis import charts, queries, statistics, tables
from llm_bench.analysis.cache import Cache, Records
from llm_bench.analysis.noise import doubtful, floor
from llm_bench.analysis.queries import Comparison
from llm_bench.analysis.statistics import Interval
from llm_bench.analysis.view import View
from llm_bench.store.base import FileStore
from llm_bench.study import Study

KIMI, AGAIN = FOUR[1], "kimi again"
METRICS = {"latency_sec", "ttft_sec", "first_answer_sec", "throughput_tps", "coverage_score", "groundedness"}


@pytest.fixture(scope="module")
def study(include) -> Study:
    return with_twin(thesis(include), KIMI, AGAIN)


@pytest.fixture(scope="module")
def cache(tmp_path_factory, include, study) -> Cache:
    """Fourteen slots of the default study, in which one LLM has a twin."""
    home = tmp_path_factory.mktemp("twins")
    fill_study(FileStore(home / "data"), study, include, slots=list(study.window.schedule)[:14])
    return Cache(home)


@pytest.fixture
def records(cache, study) -> Records:
    return cache.records(study)


def a_pair(
    first: str = FOUR[0],
    second: str = FOUR[2],
    estimate: float = 1.1,
    ends: tuple[float | None, float | None] = (1.05, 1.15),
    p: float | None = 0.01,
    **changes: Any,
) -> Comparison:
    """A ratio of latencies."""
    pair = Comparison("latency_sec", first, second, 400, 20, 4, 10, 0, Interval(estimate, *ends, 400, 4), p, p)
    return replace(pair, **{"is_ratio": True, **changes})


def twin_pair(
    estimate: float = 1.2, ends: tuple[float | None, float | None] = (0.9, 1.5), p: float | None = 0.4
) -> Comparison:
    return a_pair(KIMI, AGAIN, estimate, ends, p, twins=True)


class TestATwinsPair:
    def test_is_marked_in_every_metric_and_no_other_is(self, records, study):
        pairs = queries.compare(records, View(), [llm.name for llm in study.llms], twins=study.twins)
        marked = {(pair.first, pair.second) for pair in pairs if pair.twins}
        assert marked == {(KIMI, AGAIN)}
        assert {pair.metric for pair in pairs if pair.twins} >= METRICS

    def test_does_not_count_in_the_correction_of_the_others(self, records, study):
        pairs = queries.compare(records, View(), [llm.name for llm in study.llms], twins=study.twins)
        others = [pair for pair in pairs if not pair.twins]
        over_all = zip(others, statistics.holm([pair.p for pair in others]), strict=True)
        assert all(pair.p_holm == p for pair, p in over_all if pair.role == "exploratory")

    def test_is_corrected_over_those_of_twins(self, records, study):
        pairs = queries.compare(records, View(), [llm.name for llm in study.llms], twins=study.twins)
        twins = [pair for pair in pairs if pair.twins]
        assert [pair.p_holm for pair in twins] == statistics.holm([pair.p for pair in twins])

    def test_is_there_where_the_view_shows_others_alone(self, records, study):
        view = View(llms=(FOUR[0], FOUR[2]))
        pairs = queries.compare(records, view, view.llms, twins=study.twins)
        assert {(pair.first, pair.second) for pair in pairs} == {(FOUR[0], FOUR[2]), (KIMI, AGAIN)}

    def test_changes_nothing_of_the_others(self, records, study):
        with_it = queries.compare(records, View(llms=FOUR), FOUR, twins=study.twins)
        without = queries.compare(records, View(llms=FOUR), FOUR)
        kept = [pair for pair in with_it if not pair.twins]
        assert [(pair.size, pair.p_holm) for pair in kept] == [(pair.size, pair.p_holm) for pair in without]

    def test_is_missing_where_the_twin_has_no_records(self, records):
        assert not any(pair.twins for pair in queries.compare(records, View(), FOUR, twins={FOUR[0]: "never measured"}))


class TestTheNoiseFloor:
    def test_of_ratios_is_a_factor_whichever_way(self):
        known = floor([twin_pair(0.5, (0.4, 0.8))], "latency_sec")
        assert known is not None
        assert (known.size.estimate, known.size.low, known.size.high) == (2, 1.25, 2.5)

    def test_of_differences_has_no_sign(self):
        known = floor([replace(twin_pair(-0.2, (-0.3, -0.1)), is_ratio=False)], "latency_sec")
        assert known is not None
        assert (known.size.estimate, known.size.low, known.size.high) == (0.2, 0.1, 0.3)

    def test_begins_at_no_difference_where_the_twins_may_be_equal(self):
        ratio = floor([twin_pair(0.9, (0.5, 1.1))], "latency_sec")
        difference = floor([replace(twin_pair(0.1, (-0.4, 0.3)), is_ratio=False)], "latency_sec")
        assert ratio is not None
        assert difference is not None
        assert (ratio.size.low, ratio.size.high) == (1, 2)
        assert (difference.size.low, difference.size.high) == (0, 0.4)

    def test_is_the_largest_of_several_twins(self):
        larger = replace(twin_pair(0.5), first=FOUR[3], second="r1 again")
        known = floor([twin_pair(1.2), larger, twin_pair(1.1)], "latency_sec")
        assert known is not None
        assert known.pair == larger

    def test_is_of_its_own_metric(self):
        assert floor([twin_pair()], "ttft_sec") is None

    def test_is_missing_without_a_twin(self):
        assert floor([a_pair()], "latency_sec") is None

    @pytest.mark.parametrize(
        ("difference", "standing"),
        [(1.1, "below"), (0.9, "below"), (1.2, "below"), (1.3, "unclear"), (0.8, "unclear"), (1.6, "above")],
    )
    def test_shows_where_a_difference_stands(self, difference, standing):
        known = floor([twin_pair(1.2, (0.9, 1.5))], "latency_sec")
        assert known is not None
        assert known.standing(Interval(difference, None, None, 9, 9)) == standing

    def test_leaves_it_open_where_it_has_no_interval(self):
        known = floor([twin_pair(1.2, (None, None))], "latency_sec")
        assert known is not None
        assert known.standing(Interval(9.0, None, None, 9, 9)) == "unclear"

    def test_makes_a_significant_difference_below_it_doubtful(self):
        pairs = [twin_pair(), small := a_pair(estimate=1.1), a_pair(estimate=1.1, p=0.3), a_pair(estimate=1.9)]
        assert doubtful(pairs, "latency_sec", "below") == [small]


class TestWhatIsSaid:
    looks = charts.looks([*FOUR[:2], AGAIN, *FOUR[2:]], {KIMI: AGAIN})

    def said(self, *pairs: Comparison) -> str:
        return " ".join(tables.noise_floor(pairs, self.looks))

    def test_is_nothing_without_a_twin(self):
        assert tables.noise_floor([a_pair()], self.looks) == []

    def test_warns_of_a_significant_difference_that_is_smaller(self):
        said = self.said(twin_pair(), a_pair(estimate=1.1))
        assert "no larger than the noise floor" in said
        assert "latency, llama3-70b-8192 to mistral-7b" in said
        assert "1.10 times as long [1.05, 1.15]" in said
        assert "floor 1.20 times as long [1.00, 1.50]" in said

    def test_names_what_is_within_the_floors_interval(self):
        assert "the noise floor's own interval reaches as far" in self.said(twin_pair(), a_pair(estimate=1.3))

    def test_is_quiet_where_all_is_above_it(self):
        assert "No difference with p < 0.05 is within it." in self.said(twin_pair(), a_pair(estimate=1.9))

    def test_advises_where_the_twins_differ_significantly(self):
        said = self.said(twin_pair(p=0.002), a_pair(estimate=1.9))
        assert "a systematic difference between two equal LLMs" in said
        assert "rate_limited" in said
        assert "p = 0.002" in said


class TestTheTable:
    looks = TestWhatIsSaid.looks

    def test_has_the_floor_beside_every_difference(self):
        cells = tables.differences([twin_pair(), a_pair()], "latency_sec", self.looks).cells
        assert [(row[-2].text, row[-2].interval) for row in cells] == [("1.20", "[1.00, 1.50]")] * 2
        assert [row[-1].text for row in cells] == ["these are twins", "below it"]

    def test_has_no_such_column_without_a_twin(self):
        assert "noise_floor" not in {
            column.name for column in tables.differences([a_pair()], "latency_sec", self.looks).columns
        }


class TestTheChart:
    looks = TestWhatIsSaid.looks

    def test_has_the_floor_as_a_band_around_zero(self):
        spec = charts.spec(charts.comparison([twin_pair(), a_pair()], "latency_sec", self.looks))
        bands = [layer["data"]["name"] for layer in spec["layer"] if layer["mark"]["type"] == "rect"]
        assert [spec["datasets"][name][0] for name in bands] == [
            {"from": 1 / 1.5, "to": 1.5},
            {"from": 1 / 1.2, "to": 1.2},
        ]
        floor_said = "Shaded: the noise floor, 0.833 to 1.20 times, by its interval 0.667 to 1.50 times"
        assert floor_said in " ".join(spec["title"]["subtitle"])

    def test_shows_the_twins_as_the_floor_and_not_as_a_test(self):
        spec = charts.spec(charts.comparison([twin_pair(p=0.001), a_pair(verdict="more")], "latency_sec", self.looks))
        verdicts = [row["verdict"] for rows in spec["datasets"].values() for row in rows if "verdict" in row]
        assert verdicts == ["noise floor", "slower"]

    def test_has_no_band_without_a_twin(self):
        spec = charts.spec(charts.comparison([a_pair()], "latency_sec", self.looks))
        assert all(layer["mark"]["type"] != "rect" for layer in spec["layer"])


class TestATwinsName:
    def test_says_that_it_is_a_twin(self):
        looks = charts.looks([KIMI, AGAIN], {KIMI: AGAIN})
        assert looks.names == {KIMI: "kimi-k2-instruct", AGAIN: "kimi again (twin)"}
        assert (looks.beside(AGAIN), looks.beside(KIMI)) == ("twin of kimi-k2-instruct", "groq/moonshotai")

    def test_stays_where_it_says_so_already(self):
        looks = charts.looks([KIMI, "kimi's twin"], {KIMI: "kimi's twin"})
        assert looks.names["kimi's twin"] == "kimi's twin"
