"""Which model answered: measured from a provider that swaps its model, and from one that doesn't."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

from doubles.provider import Asked, Provider, Response, stream
from fixtures import batches
from fixtures.replies import KEY
from llm_bench.analysis import queries
from llm_bench.analysis import view as views
from llm_bench.analysis.cache import Cache, Records
from llm_bench.analysis.queries import Answered, Identity, answers
from llm_bench.analysis.statistics.changes import LEAST_TO_COMPARE
from llm_bench.analysis.view import View
from llm_bench.measure.client import Endpoint, LLMClient
from llm_bench.measure.recording import Batch, make_record
from llm_bench.records import Record, utc_text
from llm_bench.store.base import object_path, open_store, to_parquet
from llm_bench.study import LLM, Deadlines, Generation, Study

SWAPPED, STEADY = "groq/swapped", "openrouter/steady"
SLOTS, SWAP, QUESTIONS = 40, 23, 8
"""The model is another from the slot of this number on, counted from 0."""
START = datetime(2026, 12, 7, 7, tzinfo=UTC)
AT = [START + timedelta(days=number // 14, minutes=51 * (number % 14)) for number in range(SLOTS)]
"""When each slot is due: 14 a day."""
OPENINGS = ("", "In short: ", "As the passages say, ")
WORDS = ("Home & Kitchen led", "ahead of Toys", "with € 148.2 million", "as in the year before", "by a wide margin")

Change = Callable[[int, Record], Record]


class SwappingProvider(Provider):
    """A real server whose answers vary as at temperature 1, and that changes models without a word."""

    def __init__(self) -> None:
        super().__init__()
        self.slot = 0
        self.script = self._answer
        self._chance = Random(5)

    def _answer(self, asked: Asked) -> Response:
        other = asked.model == SWAPPED.partition("/")[2] and self.slot >= SWAP and "even" in asked.question
        words = self._chance.sample(WORDS, 4)
        text = f"{self._chance.choice(OPENINGS)}{'; '.join(words) if other else ', '.join(sorted(words))}."
        return Response(stream(text))


def measured(home: Path) -> Study:
    """A study of two LLMs of the double, stored as it is measured."""
    study = Study.model_validate(
        {"name": "mine", "llms": [{"model": SWAPPED}, {"model": STEADY}], "industries": ["retail"]}
    )
    store = open_store(study.storage, home)
    with SwappingProvider() as provider:
        clients = {llm.name: _client(llm, provider) for llm in study.llms}
        for number in range(SLOTS):
            provider.slot = number
            slot = AT[number]
            records = [_asked(llm, clients[llm.name], slot, place) for llm in study.llms for place in range(QUESTIONS)]
            store.commit(object_path("records", study.name, slot), to_parquet(records), 0)
        for client in clients.values():
            client.close()
    return study


def _client(llm: LLM, provider: Provider) -> LLMClient:
    return LLMClient(
        llm=llm, endpoint=Endpoint(KEY, provider.url), generation=Generation(temperature=1), deadlines=Deadlines()
    )


def _asked(llm: LLM, client: LLMClient, slot: datetime, place: int) -> Record:
    question = f"Which category is number {place}, an {'even' if place % 2 == 0 else 'odd'} one?"
    prompt = {"question": question, "question_id": f"retail-{place}", "answerable": True}
    hashes = {"context_hash": "c" * 64, "prompt_hash": f"{place}" * 64}
    reply = client.ask([{"role": "user", "content": f"Question: {question}"}])
    batch = Batch("mine", slot, "run", "scheduled", 1, llm, "retail", "model")
    return make_record(batch, prompt | hashes, reply, measured_at=slot, wait_sec=0.0, load=0.1, position=place + 1)


def stored(home: Path, change: Change, slots: int = 20, questions: int = 4) -> Records:
    """Records of one LLM that always answers the same, but for what is changed."""
    study = Study.model_validate({"name": "mine", "llms": [{"model": STEADY}], "industries": ["retail"]})
    store = open_store(study.storage, home)
    for number in range(slots):
        slot = AT[number]
        records = [change(number, _record(slot, place)) for place in range(questions)]
        store.commit(object_path("records", study.name, slot), to_parquet(records), 0)
    return Cache(home).records(study)


def _record(slot: datetime, place: int) -> Record:
    return batches._make_record(
        place, llm=tuple(STEADY.split("/", 1)), slot=slot, study="mine", measured_at=utc_text(slot)
    )


def of(known: Identity, llm: str) -> Answered:
    (answered,) = [answered for answered in known.llms if answered.llm == llm]
    return answered


def slot_of(moment: datetime | None) -> int | None:
    return None if moment is None else AT.index(moment)


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    home = tmp_path_factory.mktemp("home")
    study = measured(home)
    return queries.identity(Cache(home).records(study), View(), UTC)


class TestAProviderThatSwapsItsModel:
    def test_is_found_out_with_the_slot(self, known: Identity):
        answered = of(known, SWAPPED)
        assert answered.verdict == "changed"
        assert abs(slot_of(answered.at) - SWAP) <= 1
        assert slot_of(answered.before) == slot_of(answered.at) - 1

    def test_is_found_out_by_the_answers_alone(self, known: Identity):
        assert [name.value for name in known.names if name.llm == SWAPPED] == ["served-model"]
        assert [change.field for change in known.changes] == ["answers"]

    def test_has_all_its_answers_compared(self, known: Identity):
        answered = of(known, SWAPPED)
        assert (answered.slots, answered.answers, answered.left_out) == (SLOTS, SLOTS * QUESTIONS, 0)


class TestAProviderThatDoesNot:
    def test_isnt_accused(self, known: Identity):
        answered = of(known, STEADY)
        assert answered.verdict == "same"
        assert STEADY not in {change.llm for change in known.changes}

    def test_differs_from_the_first_day_as_much_as_that_day_does_from_itself(self, known: Identity):
        answered = of(known, STEADY)
        assert answered.first_day > 0.5
        assert answered.later == pytest.approx(answered.first_day, abs=0.1)


class TestAnswersThatAreAlwaysTheSame:
    def test_dont_differ_and_didnt_change(self, tmp_path: Path):
        (answered,) = queries.identity(stored(tmp_path, lambda _, record: record), View(), UTC).llms
        assert (answered.first_day, answered.later, answered.p, answered.verdict) == (0, 0, 1, "same")

    def test_that_change_for_good_differ_by_the_share_that_changed(self, tmp_path: Path):
        def half(number: int, record: Record) -> Record:
            other = number >= 14 and record["question_id"] in ("retail-01", "retail-02")
            return record | ({"answer": "Toys."} if other else {})

        known = queries.identity(stored(tmp_path, half, slots=28), View(), UTC)
        assert slot_of(of(known, STEADY).at) == 14
        assert {point.share for point in known.points[:14]} == {0}
        assert {point.share for point in known.points[14:]} == {0.5}


class TestWhatIsLeftOut:
    @pytest.mark.parametrize(
        "lost",
        [
            {"success": False, "failure_kind": "truncated_stream"},
            {"finish_reason": "length"},
            {"finish_reason": "MAX_TOKENS"},
            {"answer": " \n"},
            {"answer": None},
        ],
        ids=["failed", "cut", "cut, in other words", "empty", "none"],
    )
    def test_is_every_answer_that_isnt_whole(self, tmp_path: Path, lost: dict[str, Any]):
        records = stored(tmp_path, lambda number, record: record | (lost if number == 3 else {}))
        answered = of(queries.identity(records, View(), UTC), STEADY)
        assert (answered.slots, answered.answers, answered.left_out) == (19, 19 * 4, 4)

    @pytest.mark.parametrize(("cache", "left_out"), [(None, 0), ("all", 4)], ids=["as a view has it", "of all"])
    def test_is_what_was_asked_once_more_warm(self, tmp_path: Path, cache: views.Cache | None, left_out: int):
        warm = {"cache_probe": "warm", "answer": "Toys."}
        records = stored(tmp_path, lambda number, record: record | (warm if number == 3 else {}))
        answered = of(queries.identity(records, View(cache=cache), UTC), STEADY)
        assert (answered.slots, answered.left_out) == (19, left_out)

    def test_is_what_was_asked_with_another_prompt(self, tmp_path: Path):
        other = {"prompt_hash": "0" * 64, "answer": "Another question has another answer."}
        records = stored(tmp_path, lambda number, record: record | (other if number >= 14 else {}))
        answered = of(queries.identity(records, View(), UTC), STEADY)
        assert (answered.slots, answered.left_out, answered.verdict) == (14, 6 * 4, "same")


class TestABackfill:
    def test_is_of_the_day_on_which_it_was_measured(self, tmp_path: Path):
        """The fourth slot is measured at the end, when another model answers."""

        def late(number: int, record: Record) -> Record:
            asked = {"measured_at": utc_text(AT[-1])} if number == 3 else {}
            other = {"answer": "Toys.", "response_model": "other"} if number == 3 or number >= 20 else {}
            return record | asked | other

        known = queries.identity(stored(tmp_path, late, slots=30), View(), UTC)
        assert (slot_of(of(known, STEADY).at), slot_of(of(known, STEADY).before)) == (20, 19)
        assert [(name.value, slot_of(name.first), slot_of(name.last)) for name in known.names if name.new] == [
            ("other", 20, 3)
        ]
        assert [slot_of(point.at) for point in known.points] == list(range(30))


class TestTooFewSlots:
    def test_say_nothing(self, tmp_path: Path):
        records = stored(tmp_path, lambda number, record: record | {"answer": f"{number // 6}"}, LEAST_TO_COMPARE - 1)
        (answered,) = queries.identity(records, View(), UTC).llms
        assert (answered.verdict, answered.p, answered.at) == ("unknown", None, None)

    def test_of_a_view_without_records_there_is_nothing(self, tmp_path: Path):
        known = queries.identity(stored(tmp_path, lambda _, record: record), View(industries=("none",)), UTC)
        assert (known.llms, known.points, known.names) == ([], [], [])


class TestTheBounds:
    def test_choose_slots_evenly_with_the_first_and_the_last(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(answers, "MAX_SLOTS", 7)
        known = queries.identity(stored(tmp_path, lambda _, record: record, slots=19), View(), UTC)
        assert (known.slots, known.of_slots) == (7, 19)
        assert [slot_of(point.at) for point in known.points] == [0, 3, 6, 9, 12, 15, 18]

    def test_choose_questions_where_there_would_be_too_many_answers(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr(answers, "MAX_ANSWERS", 2 * 20)
        known = queries.identity(stored(tmp_path, lambda _, record: record), View(), UTC)
        assert (known.questions, known.of_questions) == (2, 4)
        assert {point.n for point in known.points} == {2}


class TestWhatProvidersSay:
    def test_is_dated_where_a_name_comes_up_later(self, tmp_path: Path):
        def renamed(number: int, record: Record) -> Record:
            return record | {"system_fingerprint": "fp_b" if number >= 12 else "fp_a", "upstream_provider": "Here"}

        known = queries.identity(stored(tmp_path, renamed), View(), UTC)
        stated = [(name.field, name.value, slot_of(name.first), slot_of(name.last), name.new) for name in known.names]
        model = STEADY.partition("/")[2]
        assert stated == [
            ("response_model", model, 0, 19, False),
            ("system_fingerprint", "fp_a", 0, 11, False),
            ("system_fingerprint", "fp_b", 12, 19, True),
            ("upstream_provider", "Here", 0, 19, False),
        ]
        assert [(change.field, slot_of(change.at), change.p) for change in known.changes] == [
            ("system_fingerprint", 12, 1.0)
        ]

    def test_comes_with_the_p_of_the_answers_at_that_moment(self, tmp_path: Path):
        def swapped(number: int, record: Record) -> Record:
            return record | ({"response_model": "other", "answer": "Toys."} if number >= 10 else {})

        known = queries.identity(stored(tmp_path, swapped), View(), UTC)
        assert [(change.field, slot_of(change.at)) for change in known.changes] == [
            ("answers", 10), ("response_model", 10),
        ]  # fmt: skip
        assert all(change.p < 0.01 for change in known.changes)

    def test_is_cut_where_each_answer_has_a_name_of_its_own(self, tmp_path: Path):
        records = stored(tmp_path, lambda number, record: record | {"system_fingerprint": f"fp_{number}"})
        names = [name for name in queries.identity(records, View(), UTC).names if name.field == "system_fingerprint"]
        assert (len(names), {name.values for name in names}) == (answers.MAX_VALUES, {20})


class TestTheTemperature:
    def test_is_the_llms_own_or_the_studys(self):
        llms = [{"model": "groq/a"}, {"model": "groq/b", "temperature": 0.7}, {"model": "groq/c", "temperature": None}]
        study = Study.model_validate({"name": "mine", "llms": llms, "industries": ["retail"]})
        assert queries.temperatures(study) == {"groq/a": 0.0, "groq/b": 0.7, "groq/c": None}
