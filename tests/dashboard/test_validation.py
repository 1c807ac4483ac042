from __future__ import annotations

import re

import pytest

from dashboard.conftest import SLOT, expectation
from dashboard.parsed import SCRIPT, Parsed
from llm_bench.dashboard.validation import page


class TestThePage:
    def test_tells_study_slot_run_and_counts(self, results):
        text = Parsed(page(results, "thesis", SLOT)).text
        for phrase in (
            "Study thesis",
            "Slot 2026-12-07 07:51:25.714285 UTC",
            "Run scheduled__2026-12-07T07:51:25.714285+00:00",
            "Great Expectations 1.24.1",
            "78 valid 2 of them with a warning 2 quarantined 1 / 3 expectations met",
            "records are quarantined",
        ):
            assert phrase in text

    def test_tells_critical_and_warning_apart_with_the_records_that_broke_each(self, results):
        text = Parsed(page(results, "thesis", SLOT)).text
        broken, warned, met = re.split("Warnings: the records are loaded|Met ", text.partition("Broken: ")[2])
        assert "wait_sec must be at least 0 2 of 80 records" in broken
        assert "critical 0123abcd 4567cdef" in broken
        assert "cost_usd must be at most 1 2 of 80 records" in warned
        assert "warning 0123abcd 4567cdef" in warned
        assert "attempt must be at least 1 met" in met

    def test_of_a_good_batch_has_no_word_of_what_is_broken(self, results):
        results |= {"success": True, "records": {"valid": 80, "warned": 0, "refused": 0}}
        results["expectations"] = [expectation("attempt must be at least 1")]
        text = Parsed(page(results, "thesis", SLOT)).text
        assert "every expectation is met" in text
        assert "Broken" not in text
        assert "Warnings" not in text

    def test_says_where_an_expectation_couldnt_be_checked(self, results):
        results["expectations"] = [expectation("attempt must be at least 1", success=False, unexpected_count=None)]
        assert "attempt must be at least 1 couldn't be checked" in Parsed(page(results, "thesis", SLOT)).text

    def test_says_why_it_couldnt_be(self, results):
        failed = {"success": False, "unexpected_count": None, "problem": "no such argument: max"}
        results["expectations"] = [expectation("latency_sec must be short", **failed)]
        assert "no such argument: max" in Parsed(page(results, "thesis", SLOT)).text

    def test_says_what_an_expectation_of_the_whole_batch_observed(self, results):
        failed = {"success": False, "unexpected_count": None, "observed": 31.5}
        results["expectations"] = [expectation("the mean must be short", **failed)]
        text = Parsed(page(results, "thesis", SLOT)).text
        assert "the mean must be short the batch has 31.5" in text
        assert "couldn't be checked" not in text

    def test_loads_nothing_and_runs_nothing(self, results):
        parsed = Parsed(page(results, "thesis", SLOT))
        assert parsed.addresses == ["data:,", "../../thesis/overview"]
        assert not {"script", "iframe", "img", "object", "embed", "form"} & set(parsed.tags)

    def test_shows_markup_in_any_field_as_the_text_it_is(self, results):
        hostile = _made_hostile(results)
        parsed = Parsed(page(hostile, SCRIPT, SLOT))
        plain = Parsed(page(results, "thesis", SLOT))
        assert set(parsed.tags) == set(plain.tags)
        assert parsed.text.count(SCRIPT) >= 10
        assert SCRIPT.encode() not in page(hostile, SCRIPT, SLOT)

    @pytest.mark.parametrize("name", ["\ud800", "\u202eabc", "a\x00b", "' onmouseover='x", "{{ 7 * 7 }}"])
    def test_shows_a_record_whatever_its_name_is(self, results, name):
        results["expectations"] = [
            expectation("attempt must be at least 1", success=False, unexpected_count=1, examples=[name])
        ]
        assert Parsed(page(results, "thesis", SLOT)).tags.count("bdi") == 1

    def test_stays_small_when_a_million_records_break_every_expectation(self, results):
        names = ["x" * 10_000] * 1_000
        results["records"] = {"valid": 0, "warned": 0, "refused": 1_000_000}
        results["expectations"] = [
            expectation(f"rule {n}", success=False, unexpected_count=1_000_000, examples=names) for n in range(100)
        ]
        content = page(results, "thesis", SLOT)
        assert len(content) < 500_000
        assert "1,000,000 of 1,000,000 records" in Parsed(content).text
        assert "and 999,980 more" in Parsed(content).text


def _made_hostile(part):
    if isinstance(part, dict):
        return {name: _made_hostile(value) if name != "severity" else value for name, value in part.items()}
    if isinstance(part, list):
        return [_made_hostile(value) for value in part]
    return SCRIPT if isinstance(part, str) else part
