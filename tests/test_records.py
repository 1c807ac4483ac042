from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Annotated, Literal, TypedDict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_bench.fields import About, Field, fields_of
from llm_bench.records import (
    CUT_SQL,
    FAILURE_KINDS,
    FIELD_NAMES,
    FIELDS,
    RUN_TYPES,
    SEED_NAMES,
    Seconds,
    Share,
    Timestamp,
    arrow_schema,
    complete,
    is_cut,
    llm_of,
    of_today,
    parse_times,
    record_id,
    utc_text,
)


class TestTheSchema:
    def test_starts_with_the_seeds_eleven_fields(self):
        assert FIELD_NAMES[:11] == SEED_NAMES == (
            "timestamp", "industry", "question", "llm_provider", "llm_model", "latency_sec", "throughput_tps",
            "success", "coverage_score", "prompt_tokens", "response_tokens",
        )  # fmt: skip

    def test_describes_every_field(self):
        assert all(field.description for field in FIELDS)

    def test_gives_every_duration_its_unit(self):
        assert all(field.unit == "s" for field in FIELDS if field.name.endswith("_sec"))

    def test_has_no_field_twice(self):
        assert len(set(FIELD_NAMES)) == len(FIELDS)

    def test_is_the_one_that_is_stored(self):
        schema = arrow_schema()
        assert tuple(schema.names) == FIELD_NAMES
        assert schema.field("latency_sec").metadata[b"unit"] == b"s"
        assert schema.metadata == {b"schema_version": b"2"}


class Declared(TypedDict):
    at: Annotated[Timestamp, About("identity", "When.")]
    wait_sec: Annotated[Seconds, About("clock", "How long.")]
    score: Annotated[Share | None, About("quality", "How good.")]
    kind: Annotated[Literal["a", "b"] | None, About("outcome", "Which.")]
    text: Annotated[str | None, About("exchange", "What.")]
    done: Annotated[bool, About("outcome", "Whether.")]


class TestADeclaration:
    @pytest.mark.parametrize(
        "field",
        [
            Field("at", "timestamp", "When.", "identity"),
            Field("wait_sec", "float", "How long.", "clock", unit="s", minimum=0),
            Field("score", "float", "How good.", "quality", nullable=True, minimum=0, maximum=1),
            Field("kind", "string", "Which.", "outcome", nullable=True, allowed=("a", "b")),
            Field("text", "string", "What.", "exchange", nullable=True),
            Field("done", "boolean", "Whether.", "outcome"),
        ],
        ids=lambda field: field.name,
    )
    def test_gives_the_field_its_type_unit_and_range(self, field: Field):
        assert field in fields_of(Declared)

    def test_keeps_its_order(self):
        assert [field.name for field in fields_of(Declared)] == list(Declared.__annotations__)


class TestARecord:
    def test_has_null_where_nothing_is_given(self):
        record = complete({"study": "thesis"})
        assert tuple(record) == FIELD_NAMES
        assert {name for name, value in record.items() if value is not None} == {"study"}


class TestARecordOfSchema1:
    def test_has_null_in_what_was_added_since_but_for_its_llm(self):
        earlier = {field.name: "x" for field in FIELDS if field.since == 1} | {"schema_version": 1}
        record = of_today(earlier)
        assert {name: record[name] for name in FIELD_NAMES if name not in earlier} == {
            field.name: "x/x" if field.name == "llm" else None for field in FIELDS if field.since == 2
        }

    def test_still_lacks_what_it_lacked(self):
        assert "answer" not in of_today({"schema_version": 1})

    def test_of_today_is_left_as_it_is(self):
        record = complete({"schema_version": 2, "llm": None})
        assert of_today(record) is record


class TestTheNameOfAnLLM:
    def test_is_that_of_the_study(self):
        assert llm_of({"llm": "hot", "llm_provider": "groq", "llm_model": "x"}) == "hot"

    def test_is_the_model_where_a_record_has_none(self):
        assert llm_of({"llm": None, "llm_provider": "groq", "llm_model": "x"}) == "groq/x"


class TestACutAnswer:
    @pytest.mark.parametrize("reason", ["length", "max_tokens", "MAX_TOKENS", "Length"])
    def test_is_one_in_its_providers_words(self, reason):
        assert is_cut({"finish_reason": reason})

    @pytest.mark.parametrize("reason", ["stop", "end_turn", "STOP", "", None])
    def test_isnt_one_that_ended_by_itself_or_doesnt_say(self, reason):
        assert not is_cut({"finish_reason": reason})

    def test_is_one_in_sql_too(self):
        import duckdb

        words = ["length", "MAX_TOKENS", "stop", None]
        with duckdb.connect() as connection:
            query = f"SELECT {CUT_SQL} FROM (SELECT unnest($words) AS finish_reason)"
            rows = connection.execute(query, {"words": words}).fetchall()
        assert [cut for (cut,) in rows] == [True, True, False, None]


class TestARecordsId:
    def test_is_the_same_for_the_same_question_to_the_same_llm_in_the_same_slot(self):
        first = record_id("thesis", "2026-12-07T07:00:00.000000Z", "groq/a", "retail-01")
        assert first == record_id("thesis", "2026-12-07T07:00:00.000000Z", "groq/a", "retail-01")

    @given(
        st.lists(st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"])), min_size=4, max_size=4),
        st.integers(0, 3),
    )
    def test_differs_when_any_part_differs(self, parts: list[str], changed: int):
        other = [part + "x" if n == changed else part for n, part in enumerate(parts)]
        assert record_id(*parts) != record_id(*other)


class TestUtcText:
    def test_always_shows_microseconds(self):
        assert utc_text(datetime(2026, 12, 7, 7, tzinfo=UTC)) == "2026-12-07T07:00:00.000000Z"

    @given(st.datetimes(datetime(1971, 1, 1), datetime(2100, 1, 1)), st.integers(-12, 14))
    def test_is_read_back_as_the_same_moment(self, naive: datetime, hours: int):
        moment = naive.replace(tzinfo=timezone(timedelta(hours=hours)))
        assert datetime.fromisoformat(utc_text(moment)) == moment


class TestTheWords:
    def test_of_failures_are_those_that_stored_records_hold(self):
        assert FAILURE_KINDS == (
            "rate_limited", "timeout_connect", "timeout_first_token", "timeout_total", "connection", "server_error",
            "bad_response", "stream_error", "truncated_stream", "empty_answer", "content_filtered", "model_unavailable",
            "context_too_long", "refused", "held",
        )  # fmt: skip

    def test_of_runs_and_of_who_counted_too(self):
        assert RUN_TYPES == ("scheduled", "backfill", "manual")
        (source,) = (field for field in FIELDS if field.name == "token_source")
        assert source.allowed == ("provider", "estimated")


class TestTheBoundsOfAField:
    def test_are_not_there_for_what_a_record_may_lack(self):
        """What every record has: who asked what of whom and when, how it went, and by what it was measured."""
        assert {field.name for field in FIELDS if not field.nullable} == {
            "timestamp", "industry", "question", "llm_provider", "llm_model", "success", "record_id", "study", "slot",
            "run_id", "run_type", "measured_at", "late_sec", "attempt", "question_id", "wait_sec", "answerable",
            "context_hash", "prompt_hash", "llm_bench_version", "litellm_version", "embedding_model", "schema_version",
        }  # fmt: skip

    def test_of_shares_are_0_and_1(self):
        bounds = {
            (field.minimum, field.maximum) for field in FIELDS if field.name in {"coverage_score", "groundedness"}
        }
        assert bounds == {(0, 1)}

    def test_of_times_speeds_and_tokens_begin_at_0(self):
        assert {field.minimum for field in FIELDS if field.unit and field.type != "offsets"} == {0}

    def test_of_counts_from_1_on_are_those_of_the_attempt_the_position_and_the_versions(self):
        counted = {field.name for field in FIELDS if field.minimum == 1}
        assert counted == {"attempt", "position", "schema_version", "scoring_version"}

    def test_of_a_status_are_those_of_http(self):
        (status,) = (field for field in FIELDS if field.name == "http_status")
        assert (status.minimum, status.maximum, status.nullable) == (100, 599, True)

    def test_of_a_type_are_those_that_are_stored(self):
        types = {field.type: str(arrow_schema().field(field.name).type) for field in FIELDS}
        assert types == {
            "string": "string", "float": "double", "integer": "int64", "boolean": "bool",
            "timestamp": "timestamp[us, tz=UTC]", "offsets": "list<item: double>", "ordinals": "list<item: int64>",
        }  # fmt: skip


def test_only_timestamps_are_parsed():
    record = {"slot": "2026-12-07T07:00:00.000000Z", "question": "2026-12-07T07:00:00.000000Z", "measured_at": None}
    assert parse_times(record) == {**record, "slot": datetime(2026, 12, 7, 7, tzinfo=UTC)}
