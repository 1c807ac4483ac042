"""docs/metrics.md: it defines every metric, and its examples run."""

from __future__ import annotations

import doctest
from pathlib import Path

from llm_bench.records import FAILURE_KINDS, FIELDS
from manual.checking import report
from manual.reading import read

ROOT = Path(__file__).resolve().parents[2]
PAGE = read(ROOT / "docs" / "metrics.md", ROOT)
ROWS = {row.cells[0]: row for row in PAGE.rows}

NUMBERS = {"float", "boolean", "offsets", "ordinals"}
OTHERS = {
    *("failure_kind", "http_status", "finish_reason", "error", "token_source", "suspect", "warnings", "timing_source"),
    *("price_source", "upstream_provider", "system_fingerprint", "service_tier", "note", "settings_hash", "position"),
}
METRICS = [field for field in FIELDS if field.unit or field.type in NUMBERS or field.name in OTHERS]


def test_every_metric_of_a_record_is_documented():
    report({field.name for field in METRICS} - {span.text for span in PAGE.spans})


def test_every_failure_kind_has_its_row():
    report(kind for kind in FAILURE_KINDS if f"`{kind}`" not in ROWS)


def test_the_table_tells_when_a_metric_is_null():
    rows = [ROWS[f"`{field.name}`"] for field in METRICS if field.unit and field.nullable]
    report(row for row in rows if row.cells[-1] in {"", "never"})


def test_the_examples_give_what_they_say():
    failed, tried = doctest.testfile(str(ROOT / PAGE.name), module_relative=False, encoding="utf-8")
    assert tried > 30
    assert failed == 0
