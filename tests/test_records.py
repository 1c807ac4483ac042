from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Annotated, Literal, TypedDict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_bench.records import (
    FIELD_NAMES,
    FIELDS,
    SEED_NAMES,
    About,
    Field,
    Seconds,
    Share,
    Timestamp,
    arrow_schema,
    complete,
    fields_of,
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
        assert schema.metadata == {b"schema_version": b"1"}


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
