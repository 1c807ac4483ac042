from __future__ import annotations

import math
from typing import Any

from llm_bench.analysis.summary import summarise


def record(model: str = "a", **values: Any) -> dict[str, Any]:
    measured = {"latency_sec": 1.0, "ttft_sec": 0.2, "throughput_tps": 50.0, "coverage_score": 0.5}
    return {"llm_provider": "groq", "llm_model": model, "success": True, **measured, **values}


class TestSummary:
    def test_has_a_row_for_each_llm_in_the_order_of_the_records(self):
        assert [row.llm for row in summarise([record("b"), record("a"), record("b")])] == ["groq/b", "groq/a"]

    def test_takes_median_times_of_all_that_were_asked(self):
        records = [record(latency_sec=1.0), record(latency_sec=3.0), record(latency_sec=None, success=False)]
        (row,) = summarise(records)
        assert (row.latency_sec, row.succeeded, row.records) == (3.0, 2, 3)

    def test_takes_the_median_speed_of_the_answers(self):
        records = [record(throughput_tps=40.0), record(throughput_tps=60.0), record(success=False, throughput_tps=None)]
        (row,) = summarise(records)
        assert row.throughput_tps == 50.0

    def test_takes_the_mean_coverage(self):
        (row,) = summarise([record(coverage_score=0.2), record(coverage_score=0.6)])
        assert row.coverage == 0.4

    def test_is_among_the_failures_where_nothing_succeeded(self):
        (row,) = summarise([record(success=False, latency_sec=None)])
        assert (row.latency_sec, row.ttft_sec, row.throughput_tps, row.coverage) == (math.inf, math.inf, None, None)
