from __future__ import annotations

import json

from dashboard.parsed import SCRIPT, Parsed
from llm_bench.dashboard.validation import MAX_EXAMPLES, page
from llm_bench.gate.validate import validate
from llm_bench.records import FIELD_NAMES


def docs(batch, due) -> Parsed:
    """The page of what the gate says of a batch, by way of the store's JSON."""
    verdict = validate([batch], due)
    return Parsed(page(json.loads(json.dumps(verdict.results)), "thesis", due.slot))


class TestTheDataDocsOfABatch:
    def test_name_run_severity_and_the_records_that_broke_a_rule(self, make_batch, due):
        batch = make_batch()
        batch[3]["attempt"] = -1
        text = docs(batch, due).text
        assert f"Run {batch[0]['run_id']}" in text
        assert "79 valid 0 of them with a warning 1 quarantined" in text
        examples = text.partition("attempt must be at least 1 1 of 80 records")[2].partition(" of 80 records")[0]
        assert f"critical {batch[3]['record_id']}" in examples

    def test_show_markup_in_every_field_as_the_text_it_is(self, make_batch, due):
        parsed = docs([*make_batch()[1:], dict.fromkeys(FIELD_NAMES, SCRIPT)], due)
        assert "script" not in parsed.tags
        assert parsed.addresses == ["data:,", "../../thesis/overview"]
        assert SCRIPT in parsed.text

    def test_show_a_record_without_an_id(self, make_batch, due):
        batch = make_batch()
        batch[3] |= {"attempt": -1, "record_id": None}
        batch[4] |= {"attempt": -1, "record_id": "\ud800"}
        assert "attempt must be at least 1 2 of 80 records" in docs(batch, due).text

    def test_stay_short_however_many_records_broke_a_rule(self, make_batch, due):
        batch = make_batch(attempt=-1)
        text = docs(batch, due).text
        assert "attempt must be at least 1 80 of 80 records" in text
        assert sum(record["record_id"] in text for record in batch) == MAX_EXAMPLES
        assert f"and {80 - MAX_EXAMPLES} more" in text
