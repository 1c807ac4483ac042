from __future__ import annotations

import pytest

from llm_bench.analysis.metrics import DERIVED, METRICS
from llm_bench.records import FIELDS


class TestAMetric:
    def test_is_a_field_of_the_record_or_follows_from_some_and_has_its_unit(self):
        units = {field.name: field.unit for field in (*FIELDS, *DERIVED)}
        assert {name: metric.unit for name, metric in METRICS.items()} == {name: units[name] for name in METRICS}

    @pytest.mark.parametrize(
        ("name", "short"), [("latency_sec", "latency"), ("first_answer_sec", "first-answer"), ("cost_usd", "cost")]
    )
    def test_has_a_short_name_without_its_unit(self, name: str, short: str):
        assert METRICS[name].short_name == short

    @pytest.mark.parametrize("name", ["coverage_score", "groundedness"])
    def test_that_is_a_share_has_a_mean(self, name: str):
        assert (METRICS[name].share, METRICS[name].statistic) == (True, "mean")

    @pytest.mark.parametrize("name", ["latency_sec", "throughput_tps", "response_tokens", "cost_usd"])
    def test_that_is_none_has_a_median(self, name: str):
        assert (METRICS[name].share, METRICS[name].statistic) == (False, "median")

    def test_is_better_the_higher_where_it_is_a_speed_or_a_score(self):
        higher = {name for name, metric in METRICS.items() if metric.better == "higher"}
        assert higher == {
            "throughput_tps",
            "text_cps",
            "decode_tps",
            "coverage_score",
            "groundedness",
            "citation_support",
        }

    def test_is_neither_better_nor_worse_where_it_counts_what_was_asked_for(self):
        neither = {name for name, metric in METRICS.items() if metric.better is None}
        assert neither == {
            "prompt_tokens",
            "response_tokens",
            "reasoning_tokens",
            "wait_sec",
            "late_sec",
            "context_utilization",
        }

    def test_is_better_the_lower_where_it_is_a_time_or_a_price(self):
        lower = {name for name, metric in METRICS.items() if metric.better == "lower"}
        assert lower == {
            "latency_sec", "ttft_sec", "ttft_less_rtt_sec", "first_answer_sec", "itl_mean_sec", "itl_p99_sec",
            "cost_usd", "connect_sec", "headers_sec",
        }  # fmt: skip
