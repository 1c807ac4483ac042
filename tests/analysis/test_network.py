"""What lies around an LLM's own time: the network, and the place of a question in its cell."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from analysis.studies import RTT, fill_study, thesis
from llm_bench.analysis import charts, queries, tables
from llm_bench.analysis.cache import Cache, Records
from llm_bench.analysis.metrics import METRICS
from llm_bench.analysis.view import View
from llm_bench.records import llm_of
from llm_bench.store.base import FileStore, from_parquet, object_path, to_parquet
from llm_bench.study import Study

LATENCY, LESS = METRICS["latency_sec"], METRICS["ttft_less_rtt_sec"]
GROQ, ROUTED = "groq/llama3-70b-8192", "openrouter/mistralai/mistral-7b-instruct"


class Filled:
    """Ten slots of the default study."""

    def __init__(self, home: Path, include: Path, **changes: Any) -> None:
        self.study: Study = thesis(include, **changes)
        self.store = FileStore(home / "data")
        self.slots: list[datetime] = list(self.study.window.schedule)[:10]
        fill_study(self.store, self.study, include, slots=self.slots)
        self.cache = Cache(home, fresh_sec=0)

    @property
    def records(self) -> Records:
        return self.cache.records(self.study)

    @property
    def plain(self) -> list[dict[str, Any]]:
        return [record for path in self.store.list("records/") for record in from_parquet(self.store.read(path)[0])]

    def change(self, slot: datetime, **changes: Any) -> None:
        """Gives every record of a slot other values."""
        path = object_path("records", self.study.name, slot)
        content, generation = self.store.read(path)
        self.store.commit(path, to_parquet([record | changes for record in from_parquet(content)]), generation)


@pytest.fixture(scope="module")
def filled(tmp_path_factory, include) -> Filled:
    return Filled(tmp_path_factory.mktemp("network"), include)


@pytest.fixture
def own(tmp_path, include) -> Filled:
    """One that a test may change."""
    return Filled(tmp_path, include)


class TestTheTimeToFirstTokenLessARoundTrip:
    def test_is_the_difference_of_the_two(self, filled):
        values = [
            record["ttft_sec"] - RTT["groq"] for record in filled.plain if llm_of(record) == GROQ and record["ttft_sec"]
        ]
        summary = next(row for row in queries.summary(filled.records, View(), LESS) if row.llm == GROQ)
        assert summary.value is not None
        assert summary.n == len(values)
        assert summary.value.estimate == pytest.approx(median(values))

    @pytest.mark.parametrize("trip", [None, 900.0], ids=["not known", "longer than it"])
    def test_is_missing_where_the_round_trip_is(self, own, trip):
        for slot in own.slots:
            own.change(slot, network_rtt_sec=trip)
        assert {row.n for row in queries.summary(own.records, View(), LESS)} == {0}

    def test_stands_beside_it_at_a_glance(self, filled):
        for headline in queries.headline(filled.records, View()):
            assert headline.ttft is not None
            assert headline.ttft_less_rtt is not None
            assert 0 < headline.ttft_less_rtt.estimate < headline.ttft.estimate


class TestTheNetwork:
    def test_has_the_medians_of_each_llm(self, filled):
        way = next(way for way in queries.network(filled.records, View()) if way.llm == ROUTED)
        opened = [
            record["connect_sec"] for record in filled.plain if llm_of(record) == ROUTED and record["connect_sec"]
        ]
        assert (way.rtt, way.opened) == (RTT["openrouter"], len(opened))
        assert way.connect == pytest.approx(median(opened))
        assert way.tls == pytest.approx(0.6 * median(opened), abs=1e-6)
        assert way.dns == pytest.approx(0.1 * median(opened), abs=1e-6)

    def test_is_of_the_view(self, filled):
        assert [way.llm for way in queries.network(filled.records, View(llms=(GROQ,)))] == [GROQ]

    def test_has_no_number_where_nothing_is_known(self, own):
        for slot in own.slots:
            own.change(slot, network_rtt_sec=None, connect_sec=None, tls_sec=None, dns_sec=None)
        way = queries.network(own.records, View())[0]
        assert (way.known, way.rtt, way.opened, way.connect, way.dns, way.tls) == (0, None, 0, None, None, None)

    def test_is_a_table_of_one_row_for_each_llm(self, filled):
        looks = charts.looks([llm.name for llm in filled.study.llms])
        table = tables.network(queries.network(filled.records, View()), looks)
        assert [row[0] for row in table.rows] == [llm.name for llm in filled.study.llms]
        assert "nearest edge" in " ".join(table.all_notes)

    def test_counts_the_places_that_it_was_measured_from(self, own):
        own.change(own.slots[0], client="frankfurt")
        assert queries.clients(own.records, View()) == {None: 720, "frankfurt": 80}


class TestTheOrder:
    def test_mixes_every_question_over_the_places(self, filled):
        order = queries.order(filled.records, View())
        assert order is not None
        assert (order.questions, order.asked, order.apart) == (20, 200, 0)
        assert order.first > 10
        assert 0.1 < order.lowest < 0.5 < order.highest < 0.9

    def test_as_written_gives_each_question_one_place(self, tmp_path, include):
        order = queries.order(Filled(tmp_path, include, order="as_written").records, View())
        assert order is not None
        assert (order.first, order.lowest, order.highest) == (2, 0, 1)

    def test_names_questions_that_two_llms_had_at_different_places(self, own):
        path = object_path("records", own.study.name, own.slots[0])
        content, generation = own.store.read(path)
        first, *others = from_parquet(content)
        moved = {**first, "position": first["position"] % 10 + 1}
        own.store.commit(path, to_parquet([moved, *others]), generation)
        order = queries.order(own.records, View())
        assert order is not None
        assert order.apart == 1

    def test_is_not_known_without_places(self, own):
        for slot in own.slots:
            own.change(slot, position=None)
        assert queries.order(own.records, View()) is None


class TestTheFirstPlace:
    def test_finds_nothing_where_there_is_nothing(self, filled):
        places = queries.first_places(filled.records, View(), LATENCY)
        assert all(place.ratio.estimate == pytest.approx(1, abs=0.15) for place in places)
        assert all(place.p is None or place.p > 0.01 for place in places)

    def test_finds_that_the_first_takes_longer(self, own):
        for slot in own.slots:
            path = object_path("records", own.study.name, slot)
            content, generation = own.store.read(path)
            slower = [
                record | {"latency_sec": record["latency_sec"] + 5}
                if record["position"] == 1 and record["latency_sec"] and llm_of(record) == GROQ
                else record
                for record in from_parquet(content)
            ]
            own.store.commit(path, to_parquet(slower), generation)
        places = {place.llm: place for place in queries.first_places(own.records, View(), LATENCY)}
        slow = places[GROQ]
        assert slow.ratio is not None
        assert slow.ratio.estimate > 3
        assert slow.n + slow.n_others == sum(llm_of(record) == GROQ and record["success"] for record in own.plain)

    def test_is_a_table_of_one_row_for_each_llm(self, filled):
        looks = charts.looks([llm.name for llm in filled.study.llms])
        table = tables.first_places(queries.first_places(filled.records, View(), LATENCY), LATENCY, looks)
        assert (table.name, len(table.rows)) == ("latency-by-position", 4)
