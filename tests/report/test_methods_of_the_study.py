"""What the methods say of a study's settings and of its records: other settings make other sentences, and numbers are
counted again."""

from __future__ import annotations

import hashlib
import re
from collections import Counter, defaultdict
from dataclasses import replace
from statistics import mean, median
from typing import Any

import pytest

from llm_bench.analysis.view import View
from llm_bench.measure.turns import UniqueLines, turns
from llm_bench.rag.prompt import behind, build_messages
from llm_bench.rag.questions import load_question_sets
from llm_bench.study import Deadlines, Generation
from llm_bench.templates import BUILT_IN, Template
from report.claims import says
from report.everything import INCLUDE, SLOTS, Everything


def new(everything: Everything, **changes: Any) -> set[str]:
    """The sentences that only a study with other settings has."""
    return set(everything.said(everything.changed(**changes))) - set(everything.said())


@pytest.fixture
def rows(everything: Everything) -> list[dict[str, Any]]:
    """The records that a report is of: the cold ones."""
    return [row for row in everything.rows("SELECT * FROM records") if row["cache_probe"] == "cold"]


class TestWhatWasSealed:
    @says(
        "Sealed on ",
        "SHA-256 of the sealed file: ",
        "^[0-9]+ comparisons, in ",
        "Everything else in this report is exploratory.",
        "Filters: ",
        "^(unit|test|estimate|correction|level|interval|scope|primary|family|interest)[a-z ]*: ",
    )
    def test_it_is_the_protocol_of_the_store(self, everything: Everything):
        (protocol,) = everything.facts.protocols
        said = everything.said()
        assert f"SHA-256 of the sealed file: {protocol.sha256}" in said
        pairs = "; ".join(" with ".join(pair) for pair in protocol.plan.pairs)
        assert f"1 comparisons, in latency_sec: {pairs}." in said
        assert {f"{name}: {value}" for name, value in protocol.plan.analysis.items()} <= set(said)
        unsealed = everything.said(protocols=(), departures=())
        assert any(sentence.startswith("None: this study was not sealed") for sentence in unsealed)
        assert "Everything else in this report is exploratory." not in unsealed

    @says("^[a-z ]+: .+ → .+\\.$")
    def test_each_departure_is_named(self, everything: Everything):
        said = [sentence for sentence in everything.said() if "→" in sentence]
        assert len(said) == len(everything.facts.departures) > 0
        assert "slots missed: none → 1." in said


class TestWhatWasAsked:
    @says("^(groq/|openrouter/|llama again )")
    def test_each_llm_stands_with_its_own_settings(self, everything: Everything):
        first, second = everything.study.llms[:2]
        (one,) = new(everything, llms=(first.model_copy(update={"requests_per_minute": 7}), *everything.study.llms[1:]))
        assert one == f"{first.name}, at most 7 requests a minute"
        (other,) = new(
            everything, llms=(first, second.model_copy(update={"parameters": {"seed": 1}}), *everything.study.llms[2:])
        )
        assert '{"seed": 1}' in other
        twin = "llama again (model groq/llama3-70b-8192), the twin of groq/llama3-70b-8192"
        assert any(sentence.startswith(twin) for sentence in everything.said())

    @says("^[a-z]+: [0-9]+ questions, ")
    def test_the_questions_are_counted(self, everything: Everything):
        for industry, questions in load_question_sets(INCLUDE, everything.study.industries).items():
            answered = sum(question.answerable for question in questions)
            expected = f"{industry}: {len(questions)} questions, {answered} of which the documents answer"
            assert expected in everything.said()

    @says("System message (SHA-256 ", "Then the context's numbered passages, and the question.")
    def test_the_prompt_is_the_templates(self, everything: Everything):
        system = "Answer in one word."
        said = everything.said(template=BUILT_IN.model_copy(update={"system": system}))
        assert f"System message (SHA-256 {hashlib.sha256(system.encode()).hexdigest()}): {system}" in said
        user = build_messages("Why?", ["First.", "Second."])[-1]["content"]
        assert re.search(r"\[1\] First\.\s+\[2\] Second\.\s+Question: Why\?$", user)
        other = everything.said(template=Template(user="{question}\n\n{context}"))
        assert any("The user's message, of the passages and the question: {question}" in sentence for sentence in other)
        prompts = next(table for section in everything.sections for table in section.tables if table.name == "prompts")
        assert len(prompts.rows) == 20

    @says("^max_tokens 1,024, temperature 0; the same for all")
    def test_generation_is_the_studys(self, everything: Everything):
        said = new(everything, generation=Generation(max_tokens=99, temperature=None))
        assert "max_tokens 99, temperature none sent; the same for all, but for what stands beside an LLM." in said

    @says(
        "Each question is asked cold, behind a short line that no earlier prompt had, and right after once more, warm"
    )
    def test_a_question_is_asked_cold_and_right_after_warm_with_the_same_prompt(self, everything: Everything):
        study, (slot, *_) = everything.study, everything.slots()
        asked = turns(study, slot, "retail", [{"question_id": "a"}, {"question_id": "b"}])
        assert [turn.cache_probe for turn in asked] == ["cold", "warm"] * 2
        lines = UniqueLines()
        first, again, next_one, _ = (lines.of(turn) for turn in asked)
        assert first == again != next_one
        assert behind(first, [{"role": "user", "content": "Why?"}])[0]["content"] == f"{first}\n\nWhy?"
        for setting, words in {
            "as_is": "Prompts are sent as they are",
            "unique": "Each prompt begins with a short",
        }.items():
            assert any(sentence.startswith(words) for sentence in new(everything, cache=setting))
        assert [turn.cache_probe for turn in turns(everything.changed(cache="as_is"), slot, "retail", [{}])] == [None]
        assert [turn.cache_probe for turn in turns(everything.changed(cache="unique"), slot, "retail", [{}])] == [
            "cold"
        ]

    @says("Asked, as the records say: ")
    def test_what_the_records_say_of_caches_is_counted(self, everything: Everything):
        counts = Counter(row["cache_probe"] for row in everything.rows("SELECT cache_probe FROM records"))
        assert f"Asked, as the records say: {counts['cold']:,} cold, {counts['warm']:,} warm." in everything.said()

    @says("The warm ones are left out of all figures and tables but those of the section Cache")
    def test_the_warm_ones_are_of_the_section_cache_alone(self, everything: Everything, rows: list[Any]):
        (whole,) = everything.rows("SELECT count(*) AS records FROM records")
        for section in everything.sections:
            if section.basis:
                assert section.basis.records == (whole["records"] if section.title == "Cache" else len(rows))
        (summary,) = (table for table in everything.sections[0].tables if table.name == "summary-speed")
        place = [column.name for column in summary.columns].index("records")
        assert sum(row[place] for row in summary.rows) == len(rows)

    @says("The questions of a cell are shuffled anew in each slot, and in a slot alike for all LLMs.")
    def test_the_order_is_drawn_by_slot_and_industry_alone(self, everything: Everything):
        asked = [{"question_id": str(number)} for number in range(10)]

        def order(slot: int, **changes: Any) -> list[str]:
            made = turns(everything.changed(**changes), everything.slots()[slot], "retail", asked)
            return [turn.prompt["question_id"] for turn in made if turn.cache_probe == "cold"]

        assert order(0) == order(0) != order(1)
        assert sorted(order(0)) == sorted(order(1))
        assert order(0, order="as_written") == order(1, order="as_written") == [str(number) for number in range(10)]
        assert "The questions of a cell are asked in the order of their set, the same in each slot." in new(
            everything, order="as_written"
        )

    @says("In the records, ", "A question's mean place is from ", "The table Latency by position has the first place")
    def test_the_places_that_questions_had_are_counted(self, everything: Everything, rows: list[Any]):
        sizes = dict.fromkeys(((row["industry"], row["slot"]) for row in rows), 0)
        for row in rows:
            key = (row["industry"], row["slot"])
            sizes[key] = max(sizes[key], row["position"])
        places: dict[str, dict[Any, float]] = defaultdict(dict)
        for row in rows:
            size = sizes[row["industry"], row["slot"]]
            places[row["question_id"]][row["slot"]] = (row["position"] - 1) / (size - 1)
        means = [mean(own.values()) for own in places.values()]
        first = len({row["question_id"] for row in rows if row["position"] == 1})
        said = everything.said()
        assert f"In the records, {first} of 20 questions were the first of their cell in some slot." in said
        assert any(
            f"is from {min(means) * 100:.0f} to {max(means) * 100:.0f} % of the way" in sentence for sentence in said
        )
        assert any(table.name == "latency-by-position" for section in everything.sections for table in section.tables)

    @says("^English: in it are questions and documents, and answers are scored.$")
    def test_the_language_is_the_studys(self, everything: Everything):
        assert new(everything, language="de") == {"German: in it are questions and documents, and answers are scored."}

    @says("^[0-9.]+ s to connect, ", "^Up to [0-9]+ cells ")
    def test_deadlines_and_how_many_at_once_are_the_studys(self, everything: Everything):
        limits = Deadlines(connect_sec=3, first_token_sec=4, total_sec=5)
        assert new(everything, deadlines=limits, concurrency=9) == {
            "3 s to connect, 4 s to the first token, 5 s to the end.",
            "Up to 9 cells (an LLM and an industry) of a provider are asked at once.",
        }


class TestWhen:
    @says(
        "^2026-12-07 08:00:00 ", "^14 batches in each period", "This study has one period", "The other reading of the"
    )
    def test_window_and_rhythm_are_the_studys(self, everything: Everything):
        window = everything.study.window
        other = everything.changed(window=window.model_copy(update={"batches_per_period": 7}))
        said = everything.said(other)
        assert (
            "7 batches in each period of 12 h, evenly spread, so one each 102 min 51.4 s; 200 records a batch." in said
        )
        assert "This study has one period every 24 hours (periods_per_day: 1): 28 slots, 5,600 records." in said
        twice = everything.changed(window=window.model_copy(update={"periods_per_day": 2}))
        assert any(
            sentence.startswith("This study has periods around the clock") for sentence in everything.said(twice)
        )

    @says("From frankfurt: Of 56 slots: ", "^[0-9,]+ of [0-9,]+ records\\.$", "The table Slots names what isn't whole.")
    def test_what_became_of_the_slots_is_counted(self, everything: Everything):
        held = Counter(row["slot"] for row in everything.rows("SELECT slot FROM records"))
        late = {row["slot"] for row in everything.rows("SELECT slot FROM records WHERE late_sec > 1000")}
        whole = [slot for slot, count in held.items() if count == 200]
        assert (len(held), len(held) - len(whole), len(late)) == (SLOTS - 1, 1, 1)
        (line,) = (sentence for sentence in everything.said() if sentence.startswith("From frankfurt: Of 56 slots"))
        assert f"{len(whole) - len(late)} measured whole and in time; 1 measured whole, but later than 5 min" in line
        assert f"1 measured in part; 1 missed: not measured; {56 - SLOTS} not due yet" in line
        assert f"{held.total():,} of 11,200 records." in everything.said()
        (slots,) = (table for table in everything.sections[-1].tables if table.name == "slots")
        assert len(slots.rows) == 56 - (len(whole) - len(late))


class TestWhatIsIncluded:
    @says("None: all records of the study.")
    def test_filters_are_the_views(self, everything: Everything):
        assert "industry = retail." in everything.said(view=View(industries=("retail",)))

    @says("^[0-9,]+ records of 5 LLMs, ")
    def test_the_extent_is_counted(self, everything: Everything, rows: list[Any]):
        slots, llms = {row["slot"] for row in rows}, {row["llm"] for row in rows}
        days = {row["slot"].date() for row in rows}
        questions, types = {row["question_id"] for row in rows}, Counter(row["run_type"] for row in rows)
        expected = (
            f"{len(rows):,} records of {len(llms)} LLMs, {len(questions)} questions, {len(slots)} slots on {len(days)} "
            f"days: {types['scheduled']:,} of them started by the schedule, {types['backfill']:,} of them started by a "
            "backfill"
        )
        assert any(sentence.startswith(expected) for sentence in everything.said())

    @says("^[0-9,]+ records are marked suspect\\.", "They are in all figures.")
    def test_suspects_are_counted_and_what_became_of_them_is_the_views(self, everything: Everything, rows: list[Any]):
        suspect = sum(row["suspect"] is not None for row in rows)
        assert f"{suspect} records are marked suspect." in everything.said()
        assert "They are left out." in everything.said(view=View(suspect="exclude"))

    @says("No record of the window's slots was refused by the quality gate.")
    def test_what_the_gate_refused_is_counted(self, everything: Everything):
        (place,) = everything.facts.places
        slots = [replace(slot, quarantined=3 if at < 2 else 0) for at, slot in enumerate(place.slots)]
        said = everything.said(places=[replace(place, slots=slots)])
        assert "6 records broke a rule of the schema, and are in no figure." in said

    @says("^[0-9]+ with a warning of the quality gate; ")
    def test_what_else_is_marked_is_counted(self, everything: Everything, rows: list[Any]):
        warned, again = sum(row["warnings"] is not None for row in rows), sum(row["attempt"] > 1 for row in rows)
        estimated = sum(row["token_source"] == "estimated" for row in rows)
        start = (
            f"{warned} with a warning of the quality gate; {again} asked in a later attempt at their task; {estimated} "
        )
        assert any(sentence.startswith(start) for sentence in everything.said())
        counts = {**everything.facts.counts, "warned": 7, "retried": 8, "estimated": 9}
        start = "7 with a warning of the quality gate; 8 asked in a later attempt at their task; 9 whose tokens"
        assert any(sentence.startswith(start) for sentence in everything.said(counts=counts))


class TestHowItWasMeasured:
    @says("^llm-bench [0-9]", "LiteLLM ", "schema of the record ", "^all-MiniLM-L6-v2\\.$")
    def test_versions_and_models_are_the_records(self, everything: Everything, rows: list[Any]):
        for words, field in {"llm-bench": "llm_bench_version", "LiteLLM": "litellm_version"}.items():
            assert f"{words} {', '.join({row[field] for row in rows})}" in everything.said()
        assert {row["embedding_model"] for row in rows} == {"all-MiniLM-L6-v2"}
        several = everything.said(versions={**everything.facts.versions, "embedding_model": ["a@1", "b@1"]})
        assert "Scores of several models stand together here, and aren't comparable." in several

    def test_answers_without_scores_are_counted_with_why(self, everything: Everything):
        assert not any("have no scores" in sentence for sentence in everything.said())
        lines = everything.lines(unscored={"The answer is in German, not in English.": 1200})
        assert "1,200 answers have no scores: The answer is in German, not in English." in lines

    @says("^frankfurt: [0-9,]+ records$", "Median round trip to where the connection ends")
    def test_the_place_and_the_median_round_trip_are_the_records(self, everything: Everything, rows: list[Any]):
        assert f"frankfurt: {len(rows):,} records" in everything.said()
        (line,) = (sentence for sentence in everything.said() if sentence.startswith("Median round trip"))
        for llm in {row["llm"] for row in rows}:
            middle = median(row["network_rtt_sec"] for row in rows if row["llm"] == llm and row["network_rtt_sec"])
            assert f"{llm} {middle:.4f}\u202fs" in line

    @says(
        "From frankfurt: Measured 2026-12-06 on 2 cores",
        "The errors are upper bounds: client and server shared the cores.",
        "8 at once: time to first token too long by ",
        "With httpx 0.28.",
    )
    def test_the_error_of_the_instrument_is_that_of_its_calibration(self, everything: Everything):
        (place,) = everything.facts.places
        part = place.calibration["alone"]
        slower = part | {"cells": 1, "ttft_error_sec": part["ttft_error_sec"] | {"median": 0.005}}
        other = {**place.calibration, "alone": slower, "versions": {"httpx": "0.29"}}
        said = everything.said(places=[replace(place, calibration=other)])
        assert any(sentence.startswith("1 at once: time to first token too long by 5.00 ms") for sentence in said)
        assert "With httpx 0.29." in said
        unknown = everything.said(places=[replace(place, calibration=None)])
        assert any("Not known: it was never measured" in sentence for sentence in unknown)


class TestRatios:
    def summary(self, everything: Everything) -> dict[str, dict[str, Any]]:
        (table,) = (table for table in everything.sections[0].tables if table.name == "summary-quality")
        names = [column.name for column in table.columns]
        return {row[0]: dict(zip(names, row, strict=True)) for row in table.rows}

    @says("The share of cut answers is of those that have a finish reason.")
    def test_the_share_of_cut_answers_is_of_those_with_a_finish_reason(self, everything: Everything, rows: list[Any]):
        for llm, said in self.summary(everything).items():
            reasons = [row["finish_reason"] for row in rows if row["llm"] == llm and row["finish_reason"]]
            expected = sum(reason in ("length", "max_tokens", "MAX_TOKENS") for reason in reasons) / len(reasons)
            assert said["cut"].estimate == pytest.approx(expected)
        assert any(said["cut"].estimate > 0.1 for said in self.summary(everything).values())

    @says("The share of cached tokens is of the prompts' tokens that the provider says it read from its cache")
    def test_the_share_of_cached_tokens_is_a_ratio_of_sums(self, everything: Everything, rows: list[Any]):
        for llm, said in self.summary(everything).items():
            own = [
                row for row in rows if row["llm"] == llm and row["cached_tokens"] is not None and row["prompt_tokens"]
            ]
            if own:
                expected = sum(row["cached_tokens"] for row in own) / sum(row["prompt_tokens"] for row in own)
                assert said["cached"].estimate == pytest.approx(expected)
