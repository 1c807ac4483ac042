from __future__ import annotations

import doctest
import re

import pytest

from llm_bench.records import FAILURE_KINDS, FIELDS

NUMBERS = {"float", "boolean", "offsets"}
OTHERS = {"failure_kind", "http_status", "finish_reason", "error", "token_source", "suspect", "warnings"}
METRICS = [field for field in FIELDS if field.unit or field.type in NUMBERS or field.name in OTHERS]


@pytest.fixture(scope="module")
def page(project):
    return (project / "docs" / "metrics.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", [field.name for field in METRICS])
def test_every_metric_of_a_record_is_documented(page, name):
    assert f"`{name}`" in page


@pytest.mark.parametrize("kind", FAILURE_KINDS)
def test_every_failure_kind_has_its_row(page, kind):
    assert f"\n| `{kind}` |" in page


@pytest.mark.parametrize("name", [field.name for field in METRICS if field.unit and field.nullable])
def test_the_table_tells_when_a_metric_is_null(page, name):
    (row,) = re.findall(rf"^\| `{name}` \|.*\|$", page, re.MULTILINE)
    assert not row.endswith(("| |", "never |"))


def test_the_examples_give_what_they_say(project):
    failed, tried = doctest.testfile(str(project / "docs" / "metrics.md"), module_relative=False, encoding="utf-8")
    assert tried > 30
    assert failed == 0
