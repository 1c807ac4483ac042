"""Whether it matters who answered or where it was asked from, and what a cache is worth: by the plain records."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest

from analysis.studies import CACHED, Circumstances
from analysis.test_queries import LLAMA, REASONING, UPSTREAMS, Filled, close, llm_of
from llm_bench.analysis import charts, queries, tables
from llm_bench.analysis.queries import numbers
from llm_bench.analysis.view import View

GATEWAY = "openrouter/mistralai/mistral-7b-instruct"


@pytest.fixture(scope="module")
def varied(tmp_path_factory, include) -> Filled:
    """Asked cold and warm, from two places, one of which has no name; one LLM has three upstreams, another one."""
    upstreams = {REASONING: UPSTREAMS, GATEWAY: ("Together",)}
    places = (Circumstances(upstreams=upstreams), Circumstances(client="tokyo", farther=0.3, upstreams=upstreams))
    return Filled(tmp_path_factory.mktemp("varied"), include, slice(0, 10), *places, cache="both")


@pytest.fixture(scope="module")
def plain(tmp_path_factory, include) -> Filled:
    return Filled(tmp_path_factory.mktemp("plain"), include, slice(0, 6))


@pytest.fixture(params=["sorted", "in bins"])
def records(request, varied, monkeypatch):
    if request.param == "in bins":
        monkeypatch.setattr(numbers, "EXACT", 0)
    return varied.records


@pytest.fixture
def looks(varied):
    return charts.looks(queries.choices(varied.records).llms)


class TestUpstreams:
    def test_share_the_requests_of_an_llm(self, varied, records):
        by_level = queries.by_level(records, View(), "upstream")
        cold = [r for r in varied.plain if r["cache_probe"] == "cold"]
        for level in by_level.levels:
            mine = [r for r in cold if llm_of(r) == level.llm]
            held = [r for r in mine if (r["upstream_provider"] or "unnamed") == level.level]
            latencies = [r["latency_sec"] for r in held if r["success"]]
            assert level.records == len(held)
            assert level.share.estimate == pytest.approx(len(held) / len(mine))
            assert level.success.estimate == pytest.approx(np.mean([r["success"] for r in held]))
            assert (level.latency is None) == (not latencies)
            assert not latencies or close(level.latency.estimate, np.median(latencies))

    def test_are_those_of_llms_that_name_any(self, records):
        by_level = queries.by_level(records, View(), "upstream")
        assert {level.llm for level in by_level.levels} == {REASONING, GATEWAY}
        assert {level.level for level in by_level.levels if level.llm == REASONING} >= set(UPSTREAMS)

    def test_are_said_to_differ_where_one_is_slower(self, records, looks):
        by_level = queries.by_level(records, View(), "upstream")
        tests = {test.llm: test for test in by_level.tests}
        assert set(tests[REASONING].levels) == set(UPSTREAMS)
        assert tests[REASONING].slots == 10
        assert tests[REASONING].p < 0.05
        assert tests[GATEWAY].p is None
        words = tables.levels_differ(by_level, looks)
        assert words.startswith("Latency differs by who answered for deepseek-r1-0528-qwen3-8b.")
        assert "Too few slots have several upstreams to compare for mistral-7b-instruct." in words

    def test_are_said_to_differ_where_no_chance_is_left(self, looks):
        certain = queries.LevelTest(REASONING, UPSTREAMS, 10, 0.0)
        words = tables.levels_differ(queries.ByLevel("upstream", [], [certain], approximate=False), looks)
        assert words == "Latency differs by who answered for deepseek-r1-0528-qwen3-8b."

    def test_can_be_drawn_and_read(self, records, looks):
        by_level = queries.by_level(records, View(), "upstream")
        assert "<svg" in charts.svg(charts.levels(by_level, looks))
        table = tables.levels(by_level, looks)
        assert len(table.rows) == len(by_level.levels)
        assert any("nobody is named" in note for note in table.all_notes)

    def test_arent_there_where_no_record_names_one(self, plain):
        assert queries.by_level(plain.records, View(), "upstream") is None

    def test_arent_there_in_a_view_without_any(self, varied):
        assert queries.by_level(varied.records, View(llms=(LLAMA,)), "upstream") is None


class TestClients:
    def test_are_compared_for_each_llm(self, varied, records):
        by_level = queries.by_level(records, View(), "client")
        near, far = (
            {level.llm: level for level in by_level.levels if level.level == name} for name in ("unnamed", "tokyo")
        )
        assert near.keys() == far.keys() == set(queries.choices(varied.records).llms)
        assert all(far[llm].ttft.estimate > near[llm].ttft.estimate for llm in near)
        assert {test.llm for test in by_level.tests if test.p < 0.05} >= {LLAMA}

    def test_arent_there_in_a_view_of_one(self, varied):
        assert queries.by_level(varied.records, View(clients=("tokyo",)), "client") is None

    def test_arent_there_where_no_record_names_one(self, plain):
        assert queries.by_level(plain.records, View(), "client") is None


class TestWhatACacheIsWorth:
    @pytest.fixture
    def pairs(self, varied):
        """LLM → slot, cold and warm record of each question and client."""
        cells = defaultdict(dict)
        for record in varied.plain:
            key = (llm_of(record), record["slot"], record["question_id"], record["client"])
            cells[key][record["cache_probe"]] = record
        of_llm = defaultdict(list)
        for key, pair in cells.items():
            of_llm[key[0]].append((key[1], pair["cold"], pair["warm"]))
        return of_llm

    def test_is_what_the_same_question_saves_in_the_same_slot_and_place(self, records, pairs):
        for saved in queries.cache_worth(records, View()):
            both = [pair for pair in pairs[saved.llm] if pair[1]["ttft_sec"] and pair[2]["ttft_sec"]]
            ratios = [cold["ttft_sec"] / warm["ttft_sec"] for _, cold, warm in both]
            assert (saved.asked, saved.n) == (len(pairs[saved.llm]), len(both))
            assert saved.ttft.estimate == pytest.approx(np.exp(np.mean(np.log(ratios))), rel=1e-3)
            assert (saved.ttft.clusters, saved.ttft.doubt, saved.p_holm) == (1, "few days", None)

    def test_has_an_interval_and_a_p_over_days_and_questions(self, tmp_path, include):
        four_days = Filled(tmp_path, include, slice(0, 56, 7), cache="both")
        for saved in queries.cache_worth(four_days.records, View()):
            assert 1 < saved.ttft.low < saved.ttft.estimate < saved.ttft.high
            assert saved.ttft.clusters == 4
            assert saved.p_holm < 0.05

    def test_is_in_dollars_for_a_thousand_questions(self, records, pairs):
        by_llm = {saved.llm: saved for saved in queries.cache_worth(records, View())}
        assert by_llm[LLAMA].usd is None
        known = [(c["cost_usd"], w["cost_usd"]) for _, c, w in pairs[REASONING] if c["cost_usd"] and w["cost_usd"]]
        saved = 1000 * np.mean([cold - warm for cold, warm in known])
        assert by_llm[REASONING].usd.estimate == pytest.approx(saved, rel=1e-3)
        assert by_llm[REASONING].usd_n == len(known)

    def test_stands_beside_what_was_read_from_the_cache(self, records):
        (saved, *_) = queries.cache_worth(records, View())
        assert saved.cached_cold.estimate == 0
        assert saved.cached_warm.estimate == pytest.approx(CACHED, abs=0.001)

    @pytest.mark.parametrize("cache", ["cold", "warm", "all"])
    def test_is_the_same_whichever_records_the_view_takes(self, varied, cache):
        assert queries.cache_worth(varied.records, View(cache=cache)) == queries.cache_worth(varied.records, View())

    def test_is_of_the_views_other_filters(self, varied, pairs):
        view = View(llms=(LLAMA,), industries=("retail",), clients=("tokyo",))
        (saved,) = queries.cache_worth(varied.records, view)
        assert saved.asked == len(pairs[LLAMA]) // 4

    def test_can_be_drawn_and_read(self, records, looks):
        worth = queries.cache_worth(records, View())
        assert "<svg" in charts.svg(charts.cache_worth(worth, looks))
        assert "<svg" in charts.svg(charts.cache_worth(worth, looks, "usd"))
        assert len(tables.cache_worth(worth, looks).rows) == 4

    def test_isnt_known_where_nothing_was_asked_warm(self, plain):
        assert queries.cache_worth(plain.records, View()) == []
