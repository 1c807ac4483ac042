"""Where a study changed in its course, as its batches show it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from llm_bench.progress.changes import changes
from llm_bench.progress.states import Measured

START = datetime(2026, 12, 7, 7, tzinfo=UTC)
SLOTS = [START + timedelta(hours=number) for number in range(4)]


def part(slot: int, llm: str = "groq/a", settings: str = "s", asked: int = 1) -> Measured:
    return Measured(SLOTS[slot], llm, "r", "scheduled", 10, 2.0, settings=frozenset({settings}), asked=asked)


def words(*measured: Measured, whole: int = 4) -> dict[int, tuple[str, ...]]:
    """Number of the slot → what is other from it on."""
    return {SLOTS.index(change.slot): change.words for change in changes(measured, SLOTS[:whole])}


class TestAStudyThatStays:
    def test_has_no_change(self):
        assert words(*(part(slot, llm) for slot in range(4) for llm in ("groq/a", "groq/b"))) == {}

    def test_has_none_without_a_batch(self):
        assert words() == {}


class TestAChange:
    def test_of_the_llms_names_them(self):
        assert words(part(0), part(0, "groq/b"), part(1), part(1, "groq/c")) == {
            1: ("new: groq/c", "no longer asked: groq/b")
        }

    def test_of_the_settings_names_the_llms_that_have_others(self):
        assert words(part(0), part(1, settings="t"), part(2, settings="t")) == {1: ("other settings: groq/a",)}

    def test_of_the_questions_or_contexts_is_one(self):
        assert words(part(0), part(1, asked=2)) == {1: ("other questions or contexts",)}

    def test_is_none_where_a_batch_is_incomplete(self):
        both = (part(0), part(0, "groq/b"), part(2), part(2, "groq/b"))
        measured = [*both, part(1)]
        assert changes(measured, [SLOTS[0], SLOTS[2]]) == []
