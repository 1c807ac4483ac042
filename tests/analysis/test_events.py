"""What happened meanwhile: what providers named, and the signs of it above a chart."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from analysis.studies import fill_study, thesis
from llm_bench.analysis import charts, queries
from llm_bench.analysis.cache import Cache
from llm_bench.analysis.metrics import METRICS
from llm_bench.analysis.queries import Event
from llm_bench.analysis.view import View
from llm_bench.records import Record
from llm_bench.store.base import from_parquet, object_path, open_store, to_parquet

SLOTS = 3
LLAMA = "groq/llama3-70b-8192"


@pytest.fixture
def study(include, tmp_path):
    return thesis(include, storage=f"file://{tmp_path / 'data'}")


@pytest.fixture
def slots(study):
    return list(study.window.schedule)[:SLOTS]


@pytest.fixture
def found(study, slots, include, tmp_path):
    """The events of a study of three slots, whose last one was changed."""

    def events(change: Any = None) -> list[Event]:
        store = open_store(study.storage, tmp_path)
        fill_study(store, study, include, slots=slots)
        path = object_path("records", study.name, slots[-1])
        held, generation = store.read(path)
        records = from_parquet(held)
        if change:
            store.commit(path, to_parquet([change(record) for record in records]), generation)
        return queries.events(Cache(tmp_path).records(study))

    return events


def of_llama(record: Record, **changes: Any) -> Record:
    return record | changes if record["llm"] == LLAMA else record


def drawn(made: dict[str, Any], field: str) -> list[dict[str, Any]]:
    """The rows of a chart that have a field."""
    return [row for rows in made["datasets"].values() for row in rows if field in row]


class TestEvents:
    def test_are_none_where_nothing_changed(self, found):
        assert found() == []

    def test_say_nothing_of_the_first_name_that_a_provider_gives(self, found):
        assert found(lambda record: of_llama(record, response_model="llama3-70b-0924")) == []

    def test_say_when_a_provider_names_another_model(self, found, slots):
        known = found(lambda record: of_llama(record, response_model="old" if record["late_sec"] < 4 else "new"))
        assert known == [Event(slots[-1], "identity", "another model is named: new", LLAMA)]


class TestInAChart:
    def test_signs_above_the_plot_say_what_they_are(self, found, study, slots, tmp_path):
        found()
        records = Cache(tmp_path).records(study)
        metric, looks = METRICS["latency_sec"], charts.looks([llm.name for llm in study.llms])
        happened = [
            Event(slots[1], "missed", "missed: nothing was measured"),
            Event(slots[2] + timedelta(hours=1), "identity", "another model is named: x", LLAMA),
        ]
        series = queries.over_time(records, View(), metric)
        chart = charts.over_time(series, metric, looks, events=happened)
        assert charts.caption(chart).lines[-1] == (
            "Above the plot: × a slot that was missed, ◇ a provider names something else that answers"
        )
        made = charts.spec(chart)
        rows = drawn(made, "what")
        assert {(row["what"], row["of"]) for row in rows} == {
            ("missed: nothing was measured", "all"),
            ("another model is named: x", "llama3-70b-8192"),
        }

    def test_all_values_of_a_slot_show_where_it_is_pointed_at_and_a_click_opens_its_records(
        self, found, study, slots, tmp_path
    ):
        found()
        records = Cache(tmp_path).records(study)
        metric, looks = METRICS["latency_sec"], charts.looks([llm.name for llm in study.llms])
        series = queries.over_time(records, View(), metric)
        made = charts.spec(charts.over_time(series, metric, looks, opens=lambda at: f"records?{at:%H}"))
        rows = drawn(made, "opens")
        assert len({row["at"] for row in rows}) == SLOTS
        assert rows[0]["opens"] == f"records?{slots[0]:%H}"
        assert all(rows[0][f"llm{number}"].endswith("20 records") for number in range(4))
        assert made["usermeta"] == {"slots": True}

    def test_no_tooltip_says_value(self, found, study, tmp_path):
        found()
        records, metric = Cache(tmp_path).records(study), METRICS["latency_sec"]
        looks = charts.looks([llm.name for llm in study.llms])
        for chart in (
            charts.over_time(queries.over_time(records, View(), metric), metric, looks),
            charts.bars(queries.summary(records, View(), metric), metric, looks),
        ):
            assert '"title": "Value"' not in str(charts.spec(chart)).replace("'", '"')
