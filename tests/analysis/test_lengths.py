"""LLMs at equal length, from records in a store: what is counted, what is left out, and how it is shown."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from random import Random
from statistics import median
from typing import Any, cast

import numpy as np
import pytest

from analysis.studies import make_batch, make_prompts, thesis
from llm_bench.analysis import charts, queries, tables
from llm_bench.analysis.cache import Cache, Records
from llm_bench.analysis.charts.lengths import MAX_POINTS
from llm_bench.analysis.doubts import doubt_in_words
from llm_bench.analysis.metrics import METRICS
from llm_bench.analysis.queries import Lengths
from llm_bench.analysis.queries.lengths import DAYS_LAST
from llm_bench.analysis.statistics import Interval
from llm_bench.analysis.statistics.length import APART, AT_LENGTH, TEXT_SPEED
from llm_bench.analysis.statistics.scopes import FEW_DAYS
from llm_bench.analysis.tables.lengths import verdict
from llm_bench.analysis.verdicts import VERDICTS
from llm_bench.analysis.view import View
from llm_bench.records import Record, llm_of
from llm_bench.report.source import Source
from llm_bench.report.speed import OF_TIMES, equal_length
from llm_bench.store.base import FileStore, object_path, to_parquet

INCLUDE = Path(__file__).parents[2] / "include"
STUDY = thesis(INCLUDE)
SHORT, LONG, *OTHERS = (llm.name for llm in STUDY.llms)
WAIT, SPEED = 0.5, 300.0
Change = Callable[[Record], dict[str, Any] | None]


def words(record: Record) -> int:
    """How long an answer is: by its question, and three times as long by one LLM."""
    of_question = 100 + 31 * (sum(map(ord, record["question_id"])) % 23)
    return of_question * (3 if llm_of(record) == LONG else 1)


def equally_fast(record: Record) -> dict[str, Any]:
    """An answer that takes a wait and so many characters at the same speed, whatever the LLM."""
    length = words(record)
    noise = Random(record["record_id"]).gauss(0, 0.05)
    latency = (WAIT + length / SPEED) * math.exp(noise)
    succeeded: dict[str, Any] = {"success": True, "failure_kind": None, "finish_reason": "stop", "error": None}
    tokens = {"response_tokens": length // 4, "reasoning_tokens": 0, "token_source": "provider"}
    return {"answer": "ä" * length, "latency_sec": latency, "ttft_sec": 0.2, **succeeded, **tokens}


def stored(home: Path, change: Change, *, days: int = 4, slots: int = 3) -> Records:
    """Some slots of each of some days, of records that are changed; those that it makes None aren't stored."""
    store, prompts = FileStore(home / "data"), make_prompts(STUDY, INCLUDE)
    first = STUDY.window.schedule[0]
    for number in range(days * slots):
        slot = first + timedelta(days=number // slots, minutes=50 * (number % slots))
        batch = make_batch(STUDY, slot, number, prompts, Random(number))
        changed = [cast(Record, {**record, **values}) for record in batch if (values := change(record)) is not None]
        store.commit(object_path("records", STUDY.name, slot), to_parquet(changed), 0)
    return Cache(home, fresh_sec=0).records(STUDY)


def only(*llms: str, change: Change = equally_fast) -> Change:
    return lambda record: change(record) if llm_of(record) in llms else None


@pytest.fixture(scope="module")
def records(tmp_path_factory) -> Records:
    return stored(tmp_path_factory.mktemp("lengths"), only(SHORT, LONG))


@pytest.fixture(scope="module")
def lengths(records) -> Lengths:
    return queries.lengths(records, View(), [LONG, SHORT])


def by_llm(lengths: Lengths) -> dict[str, queries.AtLength]:
    return {row.llm: row for row in lengths.llms}


LOOKS = charts.looks([llm.name for llm in STUDY.llms])


class TestCharactersASecond:
    def test_are_those_of_the_answer_over_the_latency(self, records):
        (row, _) = records.rows(
            "SELECT median(length(answer) / latency_sec) AS m FROM records GROUP BY llm ORDER BY llm"
        )
        summary = queries.summary(records, View(), METRICS["text_cps"])[0]
        assert summary.value.estimate == pytest.approx(row["m"])

    def test_count_a_letter_of_several_bytes_once(self, records):
        (row,) = records.rows("SELECT max(answer_chars / length(answer)) AS times FROM records")
        assert row["times"] == 1
        (bytes_,) = records.rows("SELECT max(strlen(answer) / answer_chars) AS times FROM records")
        assert bytes_["times"] == 2

    def test_have_no_reasoning_in_them(self, tmp_path):
        thinks = stored(tmp_path, only(SHORT, change=lambda r: equally_fast(r) | {"reasoning_tokens": 900}))
        assert queries.summary(thinks, View(), METRICS["text_cps"])[0].value.estimate < SPEED

    def test_are_none_of_a_failure(self, tmp_path):
        failed = {"success": False, "latency_sec": None, "failure_kind": "truncated_stream", "answer": "half an"}
        lost = stored(tmp_path, only(SHORT, change=lambda _: failed))
        assert queries.summary(lost, View(), METRICS["text_cps"])[0].n == 0

    def test_stand_at_a_glance_beside_tokens_a_second(self, records):
        for headline in queries.headline(records, View()):
            assert headline.text is not None
            assert headline.throughput is not None
        names = [column.name for column in tables.headline(queries.headline(records, View()), LOOKS).columns]
        assert names[names.index("throughput_tps") + 1] == "text_cps"


class TestTokensACharacter:
    def one(self, home: Path, change: Change) -> float | None:
        (row,) = queries.lengths(stored(home, only(SHORT, change=change), slots=1), View()).llms
        return row.tokens_per_char

    def test_is_a_ratio_of_sums(self, records, lengths):
        (row, _) = records.rows(
            "SELECT sum(response_tokens) / sum(length(answer)) AS ratio FROM records GROUP BY llm ORDER BY llm"
        )
        assert lengths.llms[0].tokens_per_char == pytest.approx(row["ratio"])

    def test_leaves_reasoning_out(self, tmp_path):
        ratio = self.one(
            tmp_path,
            lambda r: equally_fast(r) | {"response_tokens": words(r) // 2 + 900, "reasoning_tokens": 900},
        )
        assert ratio == pytest.approx(0.5, abs=0.01)

    def test_isnt_known_where_reasoning_cant_be_told_apart(self, tmp_path):
        late = {"reasoning_tokens": None, "ttft_sec": 0.2, "first_answer_sec": 3.0}
        assert self.one(tmp_path, lambda r: equally_fast(r) | late) is None

    def test_is_known_where_the_answer_begins_with_the_first_token(self, tmp_path):
        at_once = {"reasoning_tokens": None, "ttft_sec": 0.2, "first_answer_sec": 0.2}
        assert self.one(tmp_path, lambda r: equally_fast(r) | at_once) == pytest.approx(0.25, abs=0.01)

    def test_isnt_known_where_the_provider_counts_no_tokens(self, tmp_path):
        assert self.one(tmp_path, lambda r: equally_fast(r) | {"token_source": "estimated"}) is None


class TestAtEqualLength:
    def test_is_at_the_median_length_of_all_answers(self, records, lengths):
        (row,) = records.rows("SELECT median(answer_chars) AS m FROM records")
        assert lengths.length == row["m"]

    def test_two_that_are_equally_fast_take_as_long_as_one_another(self, lengths):
        (pair,) = lengths.pairs
        assert pair.measured.low > 1.5
        assert pair.equal.estimate == pytest.approx(1, abs=0.03)
        assert pair.equal.low < 1 < pair.equal.high

    def test_each_takes_what_its_line_says(self, lengths):
        for row in lengths.llms:
            assert row.equal.estimate == pytest.approx(WAIT + lengths.length / SPEED, rel=0.03)
            assert row.line.at(lengths.length) == pytest.approx(row.equal.estimate)

    def test_what_was_measured_is_the_geometric_mean(self, records, lengths):
        rows = records.rows("SELECT llm, exp(avg(ln(latency_sec))) AS mean FROM records GROUP BY llm")
        for row in rows:
            assert by_llm(lengths)[row["llm"]].measured.estimate == pytest.approx(row["mean"])

    def test_lengths_are_medians_with_their_range(self, records, lengths):
        for row in lengths.llms:
            known = [
                cell["n"]
                for cell in records.rows("SELECT answer_chars AS n FROM records WHERE llm = $llm", {"llm": row.llm})
            ]
            assert row.length == median(known)
            assert (row.shortest, row.longest) == pytest.approx(tuple(np.quantile(known, [0.05, 0.95])))

    def test_a_question_has_a_point(self, lengths):
        assert {len(row.questions) for row in lengths.llms} == {20} == {lengths.questions}

    def test_answers_days_and_slots_are_counted(self, lengths):
        assert (lengths.days, lengths.slots) == (4, 12)
        assert {row.n for row in lengths.llms} == {240}

    def test_pairs_stand_in_the_order_that_is_asked_for(self, records, lengths):
        assert [(pair.first, pair.second) for pair in lengths.pairs] == [(LONG, SHORT)]
        assert queries.lengths(records, View(), [SHORT, LONG]).pairs[0].first == SHORT

    def test_those_that_nobody_named_are_compared_too(self, records):
        assert len(queries.lengths(records, View()).pairs) == 1

    def test_a_pair_the_other_way_round_has_the_inverse_ratio(self, records, lengths):
        (other,) = queries.lengths(records, View(), [SHORT, LONG]).pairs
        assert other.equal.estimate == pytest.approx(1 / lengths.pairs[0].equal.estimate)
        assert other.p == pytest.approx(lengths.pairs[0].p)


class TestLeftOut:
    def spoilt(self, home: Path, **values: Any) -> tuple[Lengths, int]:
        """The same where some answers, all of them very slow, are spoilt; and how many these are."""
        count = 0

        def change(record: Record) -> dict[str, Any]:
            nonlocal count
            if Random(record["record_id"]).random() < 0.1:
                count += 1
                return equally_fast(record) | {"latency_sec": 50.0} | values
            return equally_fast(record)

        return queries.lengths(stored(home, only(SHORT, change=change)), View()), count

    @pytest.mark.parametrize("reason", ["length", "MAX_TOKENS"])
    def test_are_cut_answers(self, tmp_path, reason):
        lengths, cut = self.spoilt(tmp_path, finish_reason=reason)
        (row,) = lengths.llms
        assert (row.cut, row.n, row.failed) == (cut, 240 - cut, 0)
        assert row.equal.estimate == pytest.approx(WAIT + lengths.length / SPEED, rel=0.03)

    def test_are_failures(self, tmp_path):
        lengths, failed = self.spoilt(tmp_path, success=False, latency_sec=None, failure_kind="connection")
        (row,) = lengths.llms
        assert (row.failed, row.n, row.cut) == (failed, 240 - failed, 0)

    def test_are_counted_below_the_table(self, tmp_path):
        lengths, cut = self.spoilt(tmp_path, finish_reason="length")
        assert any(f"{cut} answers that were cut" in note for note in tables.at_equal_length(lengths))


class TestBorders:
    def test_one_llm_is_shown_without_pairs(self, tmp_path):
        lengths = queries.lengths(stored(tmp_path, only(SHORT)), View(), [SHORT])
        assert (len(lengths.llms), lengths.pairs) == (1, [])
        assert lengths.llms[0].equal.low is not None

    def test_without_an_answer_there_is_nothing_to_say(self, tmp_path):
        blank = {"success": False, "latency_sec": None, "answer": None, "failure_kind": "connection"}
        lengths = queries.lengths(stored(tmp_path, only(SHORT, change=lambda _: blank)), View(), [SHORT])
        (row,) = lengths.llms
        assert (lengths.length, row.equal, row.line, row.length) == (None, None, None, None)
        assert tables.at_equal_length(lengths) == []
        assert tables.equal_length(lengths, LOOKS).cells[0][-2].text == "—"
        assert "No records to show" in str(charts.by_length(lengths, LOOKS).to_dict())

    def test_without_a_record_there_is_nothing_at_all(self, records):
        lengths = queries.lengths(records, View(industries=("none",)))
        assert (lengths.length, lengths.llms, lengths.pairs, lengths.days) == (None, [], [], 4)

    def test_one_that_has_no_answer_is_in_no_pair(self, tmp_path):
        def change(record: Record) -> dict[str, Any]:
            lost = {"success": False, "latency_sec": None, "answer": None, "failure_kind": "connection"}
            return equally_fast(record) | (lost if llm_of(record) == LONG else {})

        lengths = queries.lengths(stored(tmp_path, only(SHORT, LONG, change=change)), View(), [SHORT, LONG])
        assert (len(lengths.llms), lengths.pairs) == (2, [])

    def test_answers_of_one_length_take_what_was_measured(self, tmp_path):
        same = stored(tmp_path, only(SHORT, change=lambda r: equally_fast(r) | {"answer": "a" * 200}))
        (row,) = queries.lengths(same, View()).llms
        assert row.equal == row.measured

    def test_too_little_overlap_says_nothing_of_either(self, tmp_path):
        def change(record: Record) -> dict[str, Any]:
            length = 100 + words(record) // 20 + (5_000 if llm_of(record) == LONG else 0)
            return equally_fast(record) | {"answer": "a" * length, "latency_sec": length / SPEED}

        lengths = queries.lengths(stored(tmp_path, only(SHORT, LONG, change=change)), View(), [LONG, SHORT])
        assert {row.equal.doubt for row in lengths.llms} == {APART}
        assert verdict(lengths.pairs[0], 1.1) == doubt_in_words(APART, 4)
        assert any("overlap too little" in note for note in tables.at_equal_length(lengths))

    def test_three_days_have_an_estimate_alone(self, tmp_path):
        (row,) = queries.lengths(stored(tmp_path, only(SHORT), days=3), View()).llms
        assert (row.equal.doubt, row.equal.low) == (FEW_DAYS, None)
        assert row.equal.estimate is not None

    def test_days_that_last_bear_no_conclusion(self, records, monkeypatch):
        monkeypatch.setattr(queries.lengths.__globals__["Scan"], "days_last", lambda *_: np.ones(2, int))
        assert {row.equal.doubt for row in queries.lengths(records, View()).llms} == {DAYS_LAST}


class TestTheVerdict:
    def pair(self, low: float | None, estimate: float, high: float | None, p: float | None) -> queries.PairAtLength:
        interval = Interval(estimate, low, high, 100, 4)
        return queries.PairAtLength("a", "b", interval, interval, interval, p, p)

    @pytest.mark.parametrize(
        ("low", "estimate", "high", "p", "words"),
        [
            (1.2, 1.4, 1.6, 0.001, "slower"),
            (0.5, 0.6, 0.8, 0.001, "faster"),
            (0.95, 1.02, 1.09, 0.4, "no difference that matters"),
            (1.01, 1.03, 1.05, 0.001, "no difference that matters"),
            (0.8, 1.1, 1.5, 0.4, "can't tell"),
            (1.01, 1.4, 1.9, 0.06, "can't tell"),
            (None, 1.4, None, None, "can't tell"),
        ],
    )
    def test_is_in_words(self, low, estimate, high, p, words):
        assert verdict(self.pair(low, estimate, high, p), 1.1) == words

    def test_corrects_the_pairs_of_twins_apart(self, records):
        (pair,) = queries.lengths(records, View(), [LONG, SHORT], twins={LONG: SHORT}).pairs
        assert (pair.twins, pair.p_holm) == (True, pair.p)


class TestTheTables:
    def test_of_llms_has_each_in_a_row(self, lengths):
        shown = tables.equal_length(lengths, LOOKS)
        rows = list(csv.DictReader(io.StringIO(shown.to_csv().decode())))
        assert [row["llm"] for row in rows] == [SHORT, LONG]
        for row in rows:
            assert float(row["equal"]) == by_llm(lengths)[row["llm"]].equal.estimate

    def test_of_lengths_has_each_llm_in_a_row(self, lengths):
        shown = tables.answer_lengths(lengths, LOOKS)
        for row in csv.DictReader(io.StringIO(shown.to_csv().decode())):
            known = by_llm(lengths)[row["llm"]]
            assert float(row["tokens_per_char"]) == known.tokens_per_char
            assert float(row["text_cps"]) == known.text.estimate
            assert (float(row["length"]), float(row["longest"])) == (known.length, known.longest)

    def test_of_llms_says_what_it_rests_on(self, lengths):
        (note, *_) = tables.equal_length(lengths, LOOKS).notes
        assert note.startswith("n = 480 answers.")

    def test_of_pairs_has_both_ratios(self, lengths):
        (row,) = csv.DictReader(io.StringIO(tables.equal_length_pairs(lengths, LOOKS, 1.1).to_csv().decode()))
        assert float(row["measured"]) == lengths.pairs[0].measured.estimate
        assert float(row["equal_high"]) == lengths.pairs[0].equal.high

    def test_says_why_there_is_no_conclusion(self, tmp_path):
        lengths = queries.lengths(stored(tmp_path, only(SHORT), days=3), View())
        assert (
            tables.equal_length(lengths, LOOKS).cells[0][-1].text
            == "can't tell beyond these 3 days: it takes at least 4"
        )


class TestTheChart:
    def test_has_a_point_for_each_question_and_a_line_for_each_llm(self, lengths):
        drawn = str(charts.spec(charts.by_length(lengths, LOOKS)))
        assert "one question's answers" in drawn
        assert (
            charts.by_length(lengths, LOOKS)
            .to_dict()["description"]
            .endswith(f"{LOOKS.names[SHORT]}, {LOOKS.names[LONG]}")
        )

    def test_has_lines_alone_where_there_are_too_many_points(self, lengths):
        many = [replace(row, questions=[*row.questions] * (MAX_POINTS // 20)) for row in lengths.llms]
        assert "one question's answers" not in str(charts.spec(charts.by_length(replace(lengths, llms=many), LOOKS)))

    def test_names_the_common_length(self, lengths):
        assert any(
            "the median of all answers" in line for line in charts.caption(charts.by_length(lengths, LOOKS)).lines
        )


class TestTheReport:
    def test_has_a_section_with_its_methods(self, records):
        section = equal_length(Source.of(records, STUDY, View()))
        assert [figure.name for figure in section.figures] == ["text-throughput", "latency-by-length"]
        assert [made.name for made in section.tables] == ["answer-lengths", "equal-length", "equal-length-pairs"]
        assert [*OF_TIMES, TEXT_SPEED, AT_LENGTH, VERDICTS] == list(section.methods)
        assert section.by["text-throughput"] == [*OF_TIMES, TEXT_SPEED]

    def test_has_the_pairs_in_the_order_of_the_study(self, records):
        (_, _, pairs) = equal_length(Source.of(records, STUDY, View())).tables
        assert [row[:2] for row in pairs.rows] == [[SHORT, LONG]]

    def test_says_from_which_ratio_on_it_matters(self, records):
        interest = STUDY.interest.model_copy(update={"latency_sec": 1.25})
        study = STUDY.model_copy(update={"interest": interest})
        (_, _, pairs) = equal_length(Source.of(records, study, View())).tables
        assert "lies within 1.25 times either way" in pairs.notes[0]
