"""What tables and sentences say of LLMs side by side."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from typing import Any

from llm_bench.analysis import charts, tables
from llm_bench.analysis.queries import Comparison
from llm_bench.analysis.statistics import Interval

A, B, C, D = (f"groq/{name}" for name in "abcd")
LOOKS = charts.looks([A, B, C, D])


def pair(first: str, second: str, verdict: Any, metric: str = "latency_sec", **changes: Any) -> Comparison:
    known: dict[str, Any] = {"role": "primary", "is_ratio": metric not in ("coverage_score", "success"), **changes}
    made = Comparison(
        *(metric, first, second, 900, 56, 4, 20, 30, Interval(1.8, 1.7, 1.9, 900, 4), 0.001, 0.004), verdict=verdict
    )
    return replace(made, **known)


class TestWhatCanBeConcluded:
    def test_names_the_better_one_first_whichever_came_first(self):
        pairs = [pair(A, B, "less"), pair(A, C, "less"), pair(B, C, "more")]
        assert tables.conclusions(pairs, LOOKS) == ["On latency: a is faster than b and c; c is faster than b."]

    def test_says_how_many_cant_be_told_from_how_many_days(self):
        pairs = [pair(A, B, "less"), pair(A, C, "can't tell"), pair(B, C, "can't tell")]
        assert tables.conclusions(pairs, LOOKS) == [
            "On latency: a is faster than b; for the other 2 pairs nothing can be told from these 4 days."
        ]

    def test_says_that_nothing_can_be_told(self):
        assert tables.conclusions([pair(A, B, "can't tell")], LOOKS) == [
            "On latency: nothing can be told from these 4 days."
        ]

    def test_says_where_there_is_no_difference_that_matters(self):
        pairs = [pair(A, B, "no difference that matters"), pair(C, D, "no difference that matters")]
        assert tables.conclusions(pairs, LOOKS) == [
            "On latency: there is no difference that matters between a and b; between c and d."
        ]

    def test_has_a_sentence_for_each_primary_metric(self):
        pairs = [
            pair(A, B, "more", "throughput_tps"),
            pair(A, B, "less", "cost_usd"),
            pair(A, B, "less", "coverage_score"),
            pair(A, B, "less", "success", role="exploratory"),
        ]
        assert tables.conclusions(pairs, LOOKS) == [
            "On throughput: a is faster than b.",
            "On cost of a question: a is cheaper than b.",
            "On coverage: b is higher than a.",
        ]

    def test_is_of_the_first_metric_where_nothing_is_primary(self):
        pairs = [pair(A, B, "less", role="exploratory"), pair(A, B, "more", "success", role="exploratory")]
        assert tables.conclusions(pairs, LOOKS) == ["On latency: a is faster than b."]

    def test_says_nothing_of_twins_or_of_nothing(self):
        assert tables.conclusions([pair(A, B, "less", twins=True)], LOOKS) == []
        assert tables.conclusions([], LOOKS) == []


class TestTheTableOfPairs:
    def read(self, *pairs: Comparison) -> list[dict[str, str]]:
        table = tables.differences(pairs, pairs[0].metric, LOOKS)
        return list(csv.DictReader(io.StringIO(table.to_csv().decode())))

    def test_has_the_verdict_first_and_the_ratio_with_its_ends(self):
        size, these, won = (
            Interval(1.8, 1.7, 1.9, 900, 4),
            Interval(1.8, 1.75, 1.85, 900, 4),
            Interval(0.1, 0, 0.2, 930, 4),
        )
        (row,) = self.read(pair(A, B, "more", these=these, won=won))
        assert list(row)[:3] == ["first", "second", "verdict"]
        assert (row["verdict"], row["ratio"], row["ratio_low"], row["ratio_high"]) == ("slower", "1.8", "1.7", "1.9")
        assert (row["ratio_these_low"], row["won"]) == (str(these.low), str(won.estimate))
        assert (row["n"], row["days"], row["questions"], row["role"]) == ("900", "4", "20", "primary")
        assert size == pair(A, B, "more").size

    def test_of_scores_has_a_difference(self):
        (row,) = self.read(pair(A, B, "more", "coverage_score"))
        assert (row["verdict"], row["difference"], row["difference_high"]) == ("higher", "1.8", "1.9")
        assert not {"ratio", "ratio_these", "won"} & set(row)

    def test_says_what_is_too_small_to_matter(self):
        ratio = tables.differences([pair(A, B, "more", interest=1.1)], "latency_sec", LOOKS)
        points = tables.differences([pair(A, B, "more", "success", interest=0.02)], "success", LOOKS)
        assert "too small, 1.1 times either way" in " ".join(ratio.notes)
        assert "too small, 2\u202fpp either way" in " ".join(points.notes)

    def test_says_for_which_questions_it_is(self):
        assert "are for questions like these" in " ".join(
            tables.differences([pair(A, B, "more")], "latency_sec", LOOKS).notes
        )
        rates = pair(A, B, "more", "success", scope="these questions")
        assert "are for these questions" in " ".join(tables.differences([rates], "success", LOOKS).notes)
