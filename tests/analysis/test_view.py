from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_bench.analysis.view import View
from llm_bench.errors import ViewError
from llm_bench.records import RUN_TYPES

MOMENTS = st.datetimes(
    datetime(1900, 1, 1), datetime(2200, 1, 1), timezones=st.sampled_from([UTC, timezone(timedelta(hours=5.5))])
)
NAMES = st.lists(st.text(min_size=1), unique=True, max_size=3).map(tuple)
VIEWS = st.builds(
    View,
    start=st.none() | MOMENTS,
    end=st.none() | MOMENTS,
    industries=NAMES,
    llms=NAMES,
    run_types=st.lists(st.sampled_from(RUN_TYPES), unique=True).map(tuple),
    suspect=st.sampled_from(["include", "exclude", "only"]),
    cached=st.sampled_from(["include", "exclude", "only"]),
    cache=st.sampled_from([None, "cold", "warm", "all"]),
    upstreams=NAMES,
    clients=NAMES,
)


class TestAnAddress:
    @given(VIEWS)
    def test_gives_the_view_it_was_made_of(self, view):
        assert View.from_query(view.to_query()) == view

    def test_without_a_filter_means_all_records(self):
        assert View.from_query([]) == View()
        assert View().to_query() == []

    @given(VIEWS)
    def test_leaves_out_what_is_empty(self, view):
        assert all(value for _, value in view.to_query())

    def test_may_hold_other_names(self):
        assert View.from_query([("sort", "slot"), ("llm", "a/b"), ("page", "2")]) == View(llms=("a/b",))

    def test_may_hold_names_without_a_value_as_forms_send_them(self):
        assert View.from_query([("start", ""), ("llm", ""), ("suspect", "")]) == View()

    def test_names_a_value_once(self):
        assert View.from_query([("llm", "a/b"), ("llm", "c/d"), ("llm", "a/b")]).llms == ("a/b", "c/d")

    def test_may_tell_a_date_alone_in_the_zone_of_the_study(self):
        view = View.from_query([("start", "2026-12-07")], ZoneInfo("Europe/Amsterdam"))
        assert view.start == datetime(2026, 12, 6, 23, tzinfo=UTC)

    def test_with_an_offset_needs_no_zone(self):
        view = View.from_query([("end", "2026-12-07T08:00:00+01:00")], ZoneInfo("America/New_York"))
        assert view.end == datetime(2026, 12, 7, 7, tzinfo=UTC)

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            *(("start", "yesterday"), ("end", "2026-13-01"), ("start", "0001-01-01T00:00:00+10:00")),
            *(("run_type", "nightly"), ("suspect", "maybe"), ("cache", "hot")),
        ],
    )
    def test_with_a_bad_value_names_it(self, name, value):
        with pytest.raises(ViewError) as fault:
            View.from_query([(name, value)])
        assert name in str(fault.value)
        assert value in str(fault.value)


class TestACondition:
    @pytest.fixture
    def table(self):
        with duckdb.connect() as connection:
            connection.execute("SET TimeZone = 'UTC'")
            connection.execute(
                "CREATE TABLE records AS SELECT * REPLACE (slot::TIMESTAMPTZ AS slot) FROM (VALUES "
                "(1, '2026-12-07 08:00:00+00', 'retail', 'a/b', 'scheduled', NULL, 'cold', 'A', NULL, 0), "
                "(2, '2026-12-08 08:00:00+00', 'finance', 'a/b', 'backfill', 'busy', NULL, NULL, NULL, NULL), "
                "(3, '2026-12-09 08:00:00+00', 'retail', 'c/d', 'manual', NULL, NULL, 'B', 'tokyo', 64), "
                "(4, '2026-12-07 08:00:00+00', 'retail', 'a/b', 'scheduled', NULL, 'warm', 'A', 'tokyo', 64)"
                ") AS t (number, slot, industry, llm, run_type, suspect, cache_probe, upstream_provider, client, "
                "cached_tokens)"
            )
            yield connection

    @pytest.fixture
    def chosen(self, table):
        def numbers(view: View) -> list[int]:
            where, parameters = view.where()
            rows = table.execute(f"SELECT number FROM records WHERE {where} ORDER BY 1", parameters).fetchall()
            return [number for (number,) in rows]

        return numbers

    @pytest.mark.parametrize(
        ("view", "numbers"),
        [
            (View(), [1, 2, 3]),
            (View(start=datetime(2026, 12, 8, 8, tzinfo=UTC)), [2, 3]),
            (View(end=datetime(2026, 12, 8, 8, tzinfo=UTC)), [1]),
            (View(industries=("retail",)), [1, 3]),
            (View(industries=("retail", "finance")), [1, 2, 3]),
            (View(llms=("c/d",)), [3]),
            (View(run_types=("backfill", "manual")), [2, 3]),
            (View(suspect="exclude"), [1, 3]),
            (View(suspect="only"), [2]),
            (View(cached="exclude"), [1, 2]),
            (View(cached="only"), [3]),
            (View(cached="only", cache="all"), [3, 4]),
            (View(industries=("retail",), llms=("a/b",)), [1]),
            (View(llms=("none",)), []),
            (View(cache="cold"), [1, 2, 3]),
            (View(cache="warm"), [4]),
            (View(cache="all"), [1, 2, 3, 4]),
            (View(upstreams=("A",), cache="all"), [1, 4]),
            (View(upstreams=("unnamed", "B")), [2, 3]),
            (View(clients=("tokyo",)), [3]),
            (View(clients=("unnamed",)), [1, 2]),
            (View().whole, [1, 2, 3, 4]),
            (View(cache="cold").whole, [1, 2, 3]),
        ],
    )
    def test_chooses_records(self, chosen, view, numbers):
        assert chosen(view) == numbers

    @given(VIEWS)
    def test_never_holds_a_value_in_its_text(self, view):
        text, parameters = view.where()
        names = View(
            *(moment and datetime(2026, 1, 1, tzinfo=UTC) for moment in (view.start, view.end)),
            *(("x",) * len(values) for values in (view.industries, view.llms, view.run_types)),
            suspect=view.suspect,
            cached=view.cached,
            cache=view.cache,
            upstreams=("x",) * len(view.upstreams),
            clients=("x",) * len(view.clients),
        )
        assert text == names.where()[0]
        assert len(parameters) == text.count("$")

    def test_takes_a_hostile_name_for_a_name(self, chosen):
        assert chosen(View(llms=("' OR 1=1 --", "a/b'); DROP TABLE records; --"))) == []
        assert chosen(View()) == [1, 2, 3]
