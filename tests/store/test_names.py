from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_bench.records import utc_text
from llm_bench.store.base import object_path
from llm_bench.store.names import moment_name, named_moment, slot_in

SLOT = datetime(2026, 12, 7, 7, 51, 25, 714285, tzinfo=UTC)


class TestAMomentsName:
    def test_is_that_of_its_time_in_utc(self):
        there = SLOT.astimezone(timezone(timedelta(hours=-5)))
        assert moment_name(there) == moment_name(SLOT) == "20261207T075125.714285Z"

    @given(st.datetimes(datetime(1971, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)))
    def test_is_read_back_as_the_same_moment(self, moment: datetime):
        assert named_moment(moment_name(moment)) == moment

    @pytest.mark.parametrize("name", ["", "day", "20261207", "20261307T075125.714285Z", "20261207T075125.714285"])
    def test_is_no_other_name(self, name: str):
        assert named_moment(name) is None


class TestASlotsObject:
    @pytest.mark.parametrize("kind", ["records", "quarantine"])
    def test_tells_its_slot_as_the_records_have_it(self, kind):
        assert slot_in(object_path(kind, "thesis", SLOT)) == utc_text(SLOT)

    @pytest.mark.parametrize("name", ["day.parquet", "20261207T075125.714285Z.json", "20261207T075125.714285Z"])
    def test_is_no_other_object(self, name: str):
        assert slot_in(f"records/study=thesis/date=2026-12-07/{name}") is None
