"""The summary of a batch whose questions were asked cold and warm."""

from __future__ import annotations

from random import Random

from analysis.studies import make_batch, make_prompts, thesis
from llm_bench.cli.summary import _table


class TestABatchThatWasAskedTwice:
    def test_is_summed_up_by_its_cold_records_and_says_so(self, include):
        study = thesis(include, cache="both")
        records = list(make_batch(study, study.window.schedule[0], 0, make_prompts(study, include), Random(1)))
        table = _table(study, records)
        (answered,) = [list(column.cells) for column in table.columns if column.header == "success"]
        assert all(cell.endswith("/20") for cell in answered)
        assert "80 more records are warm" in table.caption

    def test_that_was_asked_once_has_no_word_of_it(self, include):
        study = thesis(include)
        records = list(make_batch(study, study.window.schedule[0], 0, make_prompts(study, include), Random(1)))
        assert "warm" not in _table(study, records).caption
