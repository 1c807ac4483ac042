"""Every figure against the plain records it is made of: what a reader would compute by hand."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analysis.studies import PLAIN, Circumstances, fill_study, thesis
from llm_bench.analysis import queries, statistics
from llm_bench.analysis.agreement import Scorer
from llm_bench.analysis.cache import Cache, Records
from llm_bench.analysis.metrics import METRICS
from llm_bench.analysis.queries import numbers, strata, times
from llm_bench.analysis.statistics.scopes import DAYS_LAST, SCOPES, Grid, mean_of, quantile_of
from llm_bench.analysis.statistics.timeofday import FEW_TIMES
from llm_bench.analysis.view import View
from llm_bench.errors import ViewError
from llm_bench.records import FAILURE_KINDS, FIELD_NAMES, Record
from llm_bench.store.base import FileStore, from_parquet, to_parquet

LATENCY, COVERAGE = METRICS["latency_sec"], METRICS["coverage_score"]
LIKE, THESE = SCOPES
ZONE = ZoneInfo("Europe/Amsterdam")
UPSTREAMS = ("DeepInfra", "Novita", "Chutes")
LLAMA, REASONING = "groq/llama3-70b-8192", "openrouter/deepseek/deepseek-r1-0528-qwen3-8b"
KINDS = ["include", "exclude", "only"]


class Filled:
    """A made-up study: its records as they stand in the store, and as queries see them."""

    def __init__(
        self, home: Path, include: Path, slots: slice | Collection[int], *circumstances: Circumstances, **changes: Any
    ) -> None:
        self.study = thesis(include, **changes)
        self.store = FileStore(home / "data")
        for number, apart in enumerate(circumstances or (PLAIN,)):
            every = list(self.study.window.schedule)
            chosen = every[slots] if isinstance(slots, slice) else [every[place] for place in slots]
            fill_study(self.store, self.study, include, slots=chosen, seed=7 + number, circumstances=apart)
        self.cache = Cache(home)
        self.plain = [
            record for path in self.store.list("records/") for record in from_parquet(self.store.read(path)[0])
        ]

    @property
    def records(self) -> Records:
        return self.cache.records(self.study)

    def by_llm(self, name: str) -> dict[str, list[Record]]:
        of_llm = defaultdict(list)
        for record in self.plain:
            if record[name] is not None:
                of_llm[llm_of(record)].append(record)
        return dict(of_llm)

    def times(self, name: str = "latency_sec") -> dict[str, list[Record]]:
        """All that were asked: of what failed, the time is infinite."""
        of_llm = defaultdict(list)
        for record in self.plain:
            of_llm[llm_of(record)].append(record if record["success"] else record | {name: math.inf})
        return dict(of_llm)


def grid(records: Sequence[Record], name: str) -> Grid:
    """Their values by day and question."""
    return Grid.of(
        [record[name] for record in records],
        [record["slot"][:10] for record in records],
        [record["question_id"] for record in records],
    )


def llm_of(record: Record) -> str:
    return f"{record['llm_provider']}/{record['llm_model']}"


@pytest.fixture(scope="module")
def filled(tmp_path_factory, include) -> Filled:
    """Five slots of each of four days, without the odd slots but the backfilled one."""
    return Filled(tmp_path_factory.mktemp("figures"), include, [place for place in range(56) if place % 14 < 5])


@pytest.fixture(scope="module")
def varied(tmp_path_factory, include) -> Filled:
    """Asked cold and warm, from two places, one of which has no name; one LLM has three upstreams."""
    upstreams = {REASONING: UPSTREAMS}
    places = (
        Circumstances(upstreams=upstreams, cut={LLAMA: 0.3}),
        Circumstances(client="tokyo", farther=0.2, upstreams=upstreams, cut={LLAMA: 0.3}),
    )
    return Filled(tmp_path_factory.mktemp("varied"), include, slice(0, 10), *places, cache="both")


@pytest.fixture
def records(filled) -> Records:
    return filled.records


@pytest.fixture(params=["sorted", "in bins"])
def either(request, filled, monkeypatch) -> Records:
    """The records, few enough to be sorted, or too many."""
    if request.param == "in bins":
        monkeypatch.setattr(numbers, "EXACT", 0)
    return filled.records


def close(value: float, to: float) -> bool:
    """Whether two numbers are as near as bins come."""
    return value == to or abs(value - to) <= 0.005 * abs(to)


class TestCutAnswers:
    def test_are_counted_by_any_providers_word(self, varied):
        cut = Counter(llm_of(r) for r in varied.plain if (r["finish_reason"] or "") in ("length", "MAX_TOKENS"))
        counts = {outcome.llm: outcome.cut for outcome in queries.success(varied.records, View(cache="all"))}
        assert counts == {llm: cut[llm] for llm in counts}
        assert counts[LLAMA] > 100

    def test_are_a_share_of_those_that_say_why_they_ended(self, varied):
        (outcome,) = queries.success(varied.records, View(llms=(LLAMA,)))
        mine = [r for r in varied.plain if llm_of(r) == LLAMA and r["cache_probe"] == "cold" and r["finish_reason"]]
        cut = sum(r["finish_reason"] != "stop" for r in mine)
        assert (outcome.cut, outcome.finished) == (cut, len(mine))
        assert outcome.cut_rate.estimate == pytest.approx(cut / len(mine))
        assert outcome.cut_rate.low < outcome.cut_rate.estimate < outcome.cut_rate.high

    def test_are_found_in_the_list_of_records(self, varied):
        (outcome,) = queries.success(varied.records, View(llms=(LLAMA,)))
        rows, total = queries.page(varied.records, View(llms=(LLAMA,)), outcome="cut")
        assert total == outcome.cut
        assert {queries.record(varied.records, row.record_id)["finish_reason"] for row in rows} == {
            "length",
            "MAX_TOKENS",
        }


class TestTheShareOfCachedTokens:
    def test_is_that_of_all_tokens_of_prompts(self, varied):
        headlines = {line.llm: line.cached for line in queries.headline(varied.records, View(cache="all"))}
        mine = [r for r in varied.plain if llm_of(r) == LLAMA]
        expected = sum(r["cached_tokens"] for r in mine) / sum(r["prompt_tokens"] for r in mine)
        assert headlines[LLAMA].estimate == pytest.approx(expected)
        assert headlines[LLAMA].low <= expected <= headlines[LLAMA].high
        assert (headlines[LLAMA].n, headlines[LLAMA].clusters) == (len(mine), 10)

    def test_is_not_known_where_no_provider_says_it(self, records):
        assert {line.cached for line in queries.headline(records, View())} == {None}


class TestChoices:
    def test_are_of_the_whole_study(self, filled, records):
        choices = queries.choices(records)
        assert choices.llms == tuple(sorted({llm_of(record) for record in filled.plain}))
        assert choices.industries == ("finance", "retail")
        assert choices.run_types == ("backfill", "scheduled")
        assert choices.first == datetime(2026, 12, 7, 7, tzinfo=UTC)
        assert choices.records == len(filled.plain)
        assert choices.suspect == sum(record["suspect"] is not None for record in filled.plain)

    def test_are_none_without_a_record(self, tmp_path, include):
        choices = queries.choices(Cache(tmp_path).records(thesis(include)))
        assert (choices.llms, choices.first, choices.records) == ((), None, 0)


class TestAHeadline:
    def test_has_the_medians_of_all_that_were_asked_and_of_what_only_answers_have(self, filled, either):
        for headline in queries.headline(either, View()):
            for figure, name in (("latency", "latency_sec"), ("ttft", "ttft_sec"), ("throughput", "throughput_tps")):
                held = filled.by_llm(name) if name == "throughput_tps" else filled.times(name)
                values = [record[name] for record in held[headline.llm]]
                interval = getattr(headline, figure)
                assert close(interval.estimate, np.median(values))
                assert interval.doubt == DAYS_LAST or interval.low < interval.estimate < interval.high
                assert interval.n == len(values)

    def test_has_exact_means_however_many_records_there_are(self, filled, either):
        for headline in queries.headline(either, View()):
            values = [record["coverage_score"] for record in filled.by_llm("coverage_score")[headline.llm]]
            assert headline.coverage.estimate == pytest.approx(np.mean(values))

    def test_counts_failures(self, filled, either):
        for headline in queries.headline(either, View()):
            mine = [record for record in filled.plain if llm_of(record) == headline.llm]
            assert headline.records == len(mine)
            assert headline.failed == sum(not record["success"] for record in mine)
            assert headline.success.estimate == pytest.approx(np.mean([record["success"] for record in mine]))
            assert headline.slots == headline.success.clusters == 20

    def test_takes_days_and_questions_for_the_clusters(self, filled, records):
        headline = queries.headline(records, View())[0]
        asked = grid(filled.times()[headline.llm], "latency_sec")
        for interval, scope in ((headline.latency, LIKE), (headline.these["latency"], THESE)):
            expected = quantile_of(asked, 0.5, scope).interval
            assert (interval.estimate, interval.n, interval.clusters) == (expected.estimate, 400, 4)
            assert (interval.low, interval.high) == pytest.approx((expected.low, expected.high))

    def test_has_means_for_questions_like_these(self, filled, either):
        headline = queries.headline(either, View())[0]
        scores = grid(filled.by_llm("coverage_score")[headline.llm], "coverage_score")
        expected = mean_of(scores, LIKE).interval
        assert (headline.coverage.low, headline.coverage.high) == pytest.approx((expected.low, expected.high))
        assert (headline.coverage.n, headline.coverage.clusters) == (expected.n, 4)

    def test_says_when_it_is_approximate(self, filled, monkeypatch):
        assert not queries.headline(filled.records, View())[0].approximate
        monkeypatch.setattr(numbers, "EXACT", 0)
        assert queries.headline(filled.records, View())[0].approximate

    def test_knows_no_cost_where_no_record_has_one(self, filled, records):
        headlines = {headline.llm: headline for headline in queries.headline(records, View())}
        assert headlines[LLAMA].cost_usd is None
        assert headlines[LLAMA].cost_known == 0
        known = [record["cost_usd"] for record in filled.by_llm("cost_usd")[REASONING]]
        assert headlines[REASONING].cost_usd == pytest.approx(sum(known))
        assert headlines[REASONING].cost_known == len(known)

    def test_tells_reasoning_from_answering(self, records):
        headlines = {headline.llm: headline for headline in queries.headline(records, View())}
        assert headlines[REASONING].first_answer.estimate > 3 * headlines[REASONING].ttft.estimate

    def test_is_of_the_view_alone(self, filled, records):
        view = View(industries=("retail",), llms=(LLAMA,), suspect="exclude")
        (headline,) = queries.headline(records, view)
        mine = [r for r in filled.plain if llm_of(r) == LLAMA and r["industry"] == "retail" and r["suspect"] is None]
        assert headline.records == len(mine)
        assert headline.suspect == 0

    def test_is_nothing_of_an_empty_view(self, records):
        nothing = View(llms=("no/such",))
        assert queries.headline(records, nothing) == []
        assert queries.tradeoff(records, nothing) == []
        assert queries.success(records, nothing) == []
        assert queries.over_time(records, nothing, LATENCY).points == []
        assert queries.distribution(records, nothing, LATENCY) == []
        assert queries.time_of_day(records, nothing, LATENCY, ZONE).points == []
        assert queries.summary(records, nothing, COVERAGE, "question") == []
        assert queries.failures_over_time(records, nothing).rates == []
        assert queries.least_covered(records, nothing) == []
        assert queries.page(records, nothing) == ([], 0)


class TestALineOverTime:
    def test_has_a_point_for_each_slot_with_its_quartiles(self, filled, either):
        line = queries.over_time(either, View(), LATENCY)
        assert (line.bucket, line.width) == (1, None)
        values = defaultdict(list)
        for record in filled.times()[LLAMA]:
            values[record["slot"]].append(record["latency_sec"])
        points = [point for point in line.points if point.llm == LLAMA]
        assert len(points) == 20
        for point, (slot, expected) in zip(points, sorted(values.items()), strict=True):
            assert point.at == datetime.fromisoformat(slot)
            assert (point.n, point.left_out) == (20, 0)
            assert point.failed == np.count_nonzero(np.isinf(expected))
            for value, q in ((point.low, 0.25), (point.middle, 0.5), (point.high, 0.75)):
                assert close(value, np.quantile(expected, q))

    def test_has_the_mean_of_a_share(self, filled, either):
        point = queries.over_time(either, View(llms=(LLAMA,)), COVERAGE).points[3]
        mine = [r for r in filled.by_llm("coverage_score")[LLAMA] if datetime.fromisoformat(r["slot"]) == point.at]
        assert point.middle == pytest.approx(np.mean([record["coverage_score"] for record in mine]))

    def test_of_many_slots_has_points_for_equal_runs_of_them(self, filled, records, monkeypatch):
        monkeypatch.setattr(numbers, "MAX_BUCKETS", 7)
        line = queries.over_time(records, View(), LATENCY)
        assert line.bucket == 3
        assert line.width > timedelta(hours=2)
        points = [point for point in line.points if point.llm == LLAMA]
        slots = sorted({record["slot"] for record in filled.plain})
        assert [point.at for point in points] == [datetime.fromisoformat(slot) for slot in slots[::3]]
        assert sum(point.n + point.left_out for point in points) == 400

    def test_is_later_than_anything_where_all_failed(self, tmp_path, include):
        broken = Filled(tmp_path, include, slice(0, 2))
        path = broken.store.list("records/")[0]
        failed = [
            record
            | dict.fromkeys(("latency_sec", "throughput_tps", "decode_tps", "coverage_score"))
            | {"success": False}
            for record in from_parquet(broken.store.read(path)[0])
        ]
        broken.store.commit(path, to_parquet(failed), broken.store.read(path)[1])
        points = queries.over_time(Cache(tmp_path, 0).records(broken.study), View(llms=(LLAMA,)), LATENCY).points
        assert (points[0].n, points[0].failed, points[0].middle) == (20, 20, math.inf)
        assert points[1].middle < math.inf


class TestADistribution:
    def test_has_the_quantiles_and_all_values_in_bins(self, filled, either):
        for distribution in queries.distribution(either, View(), LATENCY):
            asked = [record["latency_sec"] for record in filled.times()[distribution.llm]]
            values = [value for value in asked if value < math.inf]
            assert sum(part.count for part in distribution.bins) == len(values)
            assert (distribution.n, distribution.failed, distribution.left_out) == (400, 400 - len(values), 0)
            for q, value in distribution.quantiles.items():
                late = np.quantile(np.minimum(asked, 1e9), q)  # there is nothing between a time and an infinite one
                assert value == math.inf if late > 1e3 else close(value, late)
            assert close(distribution.minimum, min(values))
            assert close(distribution.maximum, max(values))

    def test_has_the_same_bins_for_all_llms(self, records):
        distributions = queries.distribution(records, View(), LATENCY)
        assert len({tuple((part.low, part.high) for part in distribution.bins) for distribution in distributions}) == 1

    def test_has_a_bin_for_zeros(self, records):
        distributions = queries.distribution(records, View(), METRICS["wait_sec"])
        assert distributions[0].bins[0].low == 0
        assert sum(part.count for part in distributions[0].bins) == distributions[0].n == 400


class TestTheTimeOfDay:
    def test_goes_by_the_hours_of_the_studys_zone(self, filled, records):
        course = queries.time_of_day(records, View(), LATENCY, ZONE)
        hours = {point.hour for point in course.points}
        assert hours == {datetime.fromisoformat(r["slot"]).astimezone(ZONE).hour for r in filled.plain}
        by_hour = Counter()
        for record in filled.times()[LLAMA]:
            by_hour[datetime.fromisoformat(record["slot"]).astimezone(ZONE).hour] += 1
        assert {p.hour: p.n for p in course.points if p.llm == LLAMA} == by_hour

    def test_is_tested_for_each_llm_and_corrected_for_being_many(self, filled, records):
        course = queries.time_of_day(records, View(), LATENCY, ZONE)
        assert [test.llm for test in course.tests] == list(queries.choices(records).llms)
        known = [statistics.time_of_day(*by_slot) for by_slot in slots_of(filled, queries.choices(records).llms)]
        assert [test.p for test in course.tests] == pytest.approx(statistics.holm([each.p_value for each in known]))
        assert [test.size.estimate for test in course.tests] == pytest.approx([each.size.estimate for each in known])
        assert {test.size.doubt for test in course.tests} == {FEW_TIMES}

    def test_of_a_share_has_hours_alone(self, records):
        course = queries.time_of_day(records, View(), METRICS["coverage_score"], ZONE)
        assert course.points
        assert course.tests == []


@pytest.fixture(scope="module")
def whole(tmp_path_factory, include) -> Filled:
    """All slots of four days."""
    return Filled(tmp_path_factory.mktemp("whole"), include, range(56))


class TestTheTimeOfDayOfAWholeStudy:
    def test_has_its_highest_part_in_the_studys_zone(self, whole):
        course = queries.time_of_day(whole.records, View(), LATENCY, ZONE)
        begins = min(datetime.fromisoformat(record["slot"]).astimezone(ZONE) for record in whole.plain)
        known = [statistics.time_of_day(*slots) for slots in slots_of(whole, queries.choices(whole.records).llms)]
        for test, each in zip(course.tests, known, strict=True):
            assert test.size.clusters == 4
            assert test.highest[0] == (begins + timedelta(seconds=each.highest[0])).time()

    def test_goes_by_hours_of_runs_of_days_where_there_are_many_slots(self, whole, monkeypatch):
        by_slot = queries.time_of_day(whole.records, View(), LATENCY, ZONE)
        monkeypatch.setattr(times, "MAX_BUCKETS", 7)
        slots = {datetime.fromisoformat(record["slot"]) for record in whole.plain}
        begins = min(slots)
        by_hour = queries.time_of_day(whole.records, View(), LATENCY, ZONE)
        hours = {(slot - begins) // timedelta(hours=1) for slot in slots}
        assert [test.size.n for test in by_hour.tests] == [len(hours)] * 4
        for test, other in zip(by_hour.tests, by_slot.tests, strict=True):
            assert test.size.estimate == pytest.approx(other.size.estimate, rel=0.2)
        monkeypatch.setattr(times, "_DAYS", 2)
        assert {test.size.clusters for test in queries.time_of_day(whole.records, View(), LATENCY, ZONE).tests} == {2}


class TestADrift:
    def test_is_that_of_each_llms_days_and_corrected_for_being_many(self, filled, records):
        drifts = queries.drift(records, View(), LATENCY, ZONE)
        assert [trend.llm for trend in drifts] == list(queries.choices(records).llms)
        known = [statistics.drift(*by_slot) for by_slot in slots_of(filled, queries.choices(records).llms)]
        assert [trend.p for trend in drifts] == pytest.approx(statistics.holm([each.p_value for each in known]))
        assert [trend.size.estimate for trend in drifts] == pytest.approx([each.size.estimate for each in known])

    def test_of_no_records_there_is_none(self, records):
        assert queries.drift(records, View(llms=("nobody",)), LATENCY, ZONE) == []


def slots_of(filled, llms):
    """Of each LLM the medians of its slots, their days and their times of day, as the statistics take them."""
    for llm in llms:
        values = defaultdict(list)
        for record in filled.times()[llm]:
            values[datetime.fromisoformat(record["slot"]).astimezone(ZONE)].append(record["latency_sec"])
        begins = min(values)
        days = [(slot.date() - begins.date()).days for slot in values]
        times = [(slot - begins).total_seconds() % 86_400 for slot in values]
        yield [np.median(each) for each in values.values()], days, times


class TestNeighbours:
    def test_are_the_medians_of_slots_that_follow_one_another(self, filled, records):
        neighbours = queries.neighbours(records, View(), LATENCY)
        expected = []
        for llm in queries.choices(records).llms:
            values = defaultdict(list)
            for record in filled.times()[llm]:
                values[datetime.fromisoformat(record["slot"]).timestamp()].append(record["latency_sec"])
            expected.append(statistics.carry_over([np.median(each) for each in values.values()], list(values)))
        assert [pairing.pairs for pairing in neighbours] == [pairing.pairs for pairing in expected]
        assert not any(pairing.lasting for pairing in neighbours)
        assert [pairing.correlation for pairing in neighbours] == pytest.approx(
            [pairing.correlation for pairing in expected]
        )
        assert [pairing.p for pairing in neighbours] == pytest.approx(
            statistics.holm([pairing.p_value for pairing in expected])
        )


class TestASummary:
    def test_by_industry_has_each_llm_in_each(self, filled, either):
        rows = queries.summary(either, View(), LATENCY, "industry")
        assert [(row.llm, row.group) for row in rows] == [
            (llm, industry) for llm in queries.choices(either).llms for industry in ("finance", "retail")
        ]
        for row in rows:
            mine = [record for record in filled.times()[row.llm] if record["industry"] == row.group]
            assert close(row.value.estimate, np.median([record["latency_sec"] for record in mine]))
            assert (row.n, row.left_out) == (200, 0)
            assert row.failed == sum(not record["success"] for record in mine)
            for interval, scope in ((row.value, LIKE), (row.these, THESE)):
                expected = quantile_of(grid(mine, "latency_sec"), 0.5, scope).interval
                if interval.doubt != DAYS_LAST:
                    assert (interval.low, interval.high) == pytest.approx((expected.low, expected.high), rel=0.02)

    def test_by_question_tells_its_words(self, filled, either):
        rows = queries.summary(either, View(llms=(LLAMA,)), COVERAGE, "question")
        texts = {record["question_id"]: record["question"] for record in filled.plain}
        assert {row.group: row.title for row in rows} == texts
        for row in rows:
            values = [
                r["coverage_score"] for r in filled.by_llm("coverage_score")[LLAMA] if r["question_id"] == row.group
            ]
            assert row.value.estimate == pytest.approx(np.mean(values))

    def test_is_nothing_of_more_groups_than_asked_for(self, records):
        few = View(industries=("retail",))
        assert queries.summary(records, View(), COVERAGE, "question", at_most=79) == []
        assert len(queries.summary(records, View(), COVERAGE, "question", at_most=80)) == 80
        assert len(queries.summary(records, few, COVERAGE, "question", at_most=40)) == 40

    def test_by_llm_is_the_headlines(self, either):
        rows = queries.summary(either, View(), LATENCY)
        assert [row.value for row in rows] == [headline.latency for headline in queries.headline(either, View())]
        assert [row.group for row in rows] == [None] * 4


class TestSuccess:
    def test_counts_every_record_and_every_kind(self, filled, records):
        for outcome in queries.success(records, View()):
            mine = [record for record in filled.plain if llm_of(record) == outcome.llm]
            kinds = Counter(record["failure_kind"] for record in mine if record["failure_kind"])
            assert (outcome.records, outcome.succeeded) == (len(mine), sum(record["success"] for record in mine))
            assert outcome.kinds == kinds
            assert list(outcome.kinds.values()) == sorted(kinds.values(), reverse=True)

    def test_over_time_has_the_same_failures(self, filled, records):
        failures = queries.failures_over_time(records, View())
        expected = Counter(
            (datetime.fromisoformat(record["slot"]), llm_of(record), record["failure_kind"])
            for record in filled.plain
            if record["failure_kind"]
        )
        assert {(count.at, count.llm, count.kind): count.n for count in failures.counts} == expected
        assert sum(point.n for point in failures.rates) == len(filled.plain)
        assert sum(point.succeeded for point in failures.rates) == sum(record["success"] for record in filled.plain)

    def test_over_time_comes_in_the_same_buckets_as_lines(self, records, monkeypatch):
        monkeypatch.setattr(numbers, "MAX_BUCKETS", 7)
        line, failures = queries.over_time(records, View(), LATENCY), queries.failures_over_time(records, View())
        assert (failures.bucket, failures.width) == (line.bucket, line.width)
        assert {point.at for point in failures.rates} == {point.at for point in line.points}


class TestTheLeastCovered:
    def test_are_the_questions_with_the_lowest_mean_and_its_lowest_answer(self, filled, records):
        questions = queries.least_covered(records, View(), 3)
        answers = defaultdict(list)
        for record in filled.plain:
            if record["coverage_score"] is not None:
                answers[record["question_id"]].append(record)
        means = {key: np.mean([record["coverage_score"] for record in mine]) for key, mine in answers.items()}
        assert [question.coverage for question in questions] == pytest.approx(sorted(means.values())[:3])
        for question in questions:
            assert question.coverage == pytest.approx(means[question.question_id])
            assert question.answer_coverage == min(record["coverage_score"] for record in answers[question.question_id])
            (whole,) = [record for record in filled.plain if record["record_id"] == question.record_id]
            assert (question.answer, question.llm, question.n) == (
                whole["answer"],
                llm_of(whole),
                len(answers[question.question_id]),
            )


class TestCitations:
    def test_are_counted_of_the_answers_of_each_llm(self, filled, records):
        made = queries.citations(records, View())
        assert [row.llm for row in made] == sorted({llm_of(record) for record in filled.plain})
        for row in made:
            mine = [record for record in filled.plain if llm_of(record) == row.llm and record["citations"] is not None]
            citing = [record for record in mine if record["citations"]]
            supports = [record["citation_support"] for record in citing]
            beyond = [record for record in citing if max(record["citations"]) > record["context_passages"]]
            assert (row.answers, row.citing, row.beyond) == (len(mine), len(citing), len(beyond))
            assert row.passages == pytest.approx(np.mean([len(record["citations"]) for record in citing]))
            assert row.support == pytest.approx(np.mean(supports))
        assert any(row.beyond for row in made)

    def test_are_none_where_no_answer_cites(self, records):
        assert queries.citations(records, View(industries=("nothing",))) == []


class TestAComparison:
    def test_pairs_answers_to_one_question_in_one_slot(self, filled, records):
        values = {
            llm: {
                (record["slot"], record["question_id"]): record["latency_sec"]
                for record in filled.plain
                if llm_of(record) == llm
            }
            for llm in (LLAMA, REASONING)
        }
        ratios = [
            values[LLAMA][key] / values[REASONING][key]
            for key in values[LLAMA]
            if values[LLAMA][key] is not None and values[REASONING][key] is not None
        ]
        comparison = queries.compare(records, View(), [LLAMA, REASONING])[0]
        assert comparison.n == len(ratios)
        assert comparison.left_out == 400 - len(ratios)
        assert (comparison.slots, comparison.days, comparison.questions) == (20, 4, 20)
        assert comparison.size.estimate == pytest.approx(np.exp(np.mean(np.log(ratios))))

    def test_corrects_what_is_primary_over_that_and_all_else_over_all(self, records):
        together = queries.compare(records, View(), queries.choices(records).llms)
        assert len(together) == 6 * 8
        primary = [pair for pair in together if pair.role == "primary"]
        assert [pair.p_holm for pair in primary] == statistics.holm([pair.p for pair in primary])
        over_all = zip(together, statistics.holm([pair.p for pair in together]), strict=True)
        assert all(pair.p_holm == p for pair, p in over_all if pair.role == "exploratory")

    def test_of_success_leaves_nothing_out(self, filled, records):
        (comparison,) = [
            comparison
            for comparison in queries.compare(records, View(), [LLAMA, REASONING])
            if comparison.metric == "success"
        ]
        assert (comparison.n, comparison.left_out) == (400, 0)

    def test_has_no_cost_where_one_has_no_price(self, records):
        (comparison,) = [
            comparison
            for comparison in queries.compare(records, View(), [LLAMA, REASONING])
            if comparison.metric == "cost_usd"
        ]
        assert (comparison.n, comparison.size, comparison.p, comparison.won) == (0, None, None, None)
        assert comparison.left_out == 400

    def test_turns_with_its_order(self, records):
        there = queries.compare(records, View(), [LLAMA, REASONING])[0]
        back = queries.compare(records, View(), [REASONING, LLAMA])[0]
        assert back.size.estimate == pytest.approx(1 / there.size.estimate)
        assert back.won.estimate == pytest.approx(1 - there.won.estimate)

    def test_names_first_the_one_that_was_given_first(self, records):
        pair = queries.compare(records, View(), [REASONING, LLAMA])[0]
        assert (pair.first, pair.second) == (REASONING, LLAMA)
        middle = {headline.llm: headline.latency.estimate for headline in queries.headline(records, View())}
        assert (pair.size.estimate > 1) == (middle[REASONING] > middle[LLAMA])

    def test_of_some_llms_is_that_of_these_alone(self, records):
        alone = queries.compare(records, View(llms=(LLAMA, REASONING)), [LLAMA, REASONING])
        among = queries.compare(records, View(), [LLAMA, REASONING])
        assert [(comparison.metric, comparison.n, comparison.left_out) for comparison in alone] == [
            (comparison.metric, comparison.n, comparison.left_out) for comparison in among
        ]
        assert [comparison.size for comparison in alone] == [comparison.size for comparison in among]

    def test_of_one_llm_or_of_strangers_is_nothing(self, records):
        assert queries.compare(records, View(), [LLAMA]) == []
        assert queries.compare(records, View(), ["no/such", LLAMA, LLAMA]) == []


class TestAComparisonOfRecordsThatWereAskedTwice:
    @pytest.fixture(params=[None, "warm", "all"])
    def cache(self, request):
        return request.param

    @pytest.mark.parametrize("exact", [numbers.EXACT, 0], ids=["sorted", "in bins"])
    def test_pairs_those_of_one_client_and_probe(self, varied, monkeypatch, cache, exact):
        monkeypatch.setattr(numbers, "EXACT", exact)
        values = {
            (llm_of(record), record["slot"], record["question_id"], record["client"], record["cache_probe"]): record
            for record in varied.plain
            if cache == "all" or (record["cache_probe"] == "warm") == (cache == "warm")
        }
        pairs = {
            key: (record["latency_sec"], values[REASONING, *key[1:]]["latency_sec"])
            for key, record in values.items()
            if key[0] == LLAMA
        }
        ratios = [first / second for first, second in pairs.values() if first and second]
        comparison = queries.compare(varied.records, View(cache=cache), [LLAMA, REASONING])[0]
        assert comparison.n == len(ratios)
        assert comparison.left_out == len(pairs) - len(ratios)
        assert comparison.slots == 10
        assert close(comparison.size.estimate, np.exp(np.mean(np.log(ratios))))


class TestAViewOfProbesUpstreamsAndClients:
    @pytest.mark.parametrize(
        ("view", "taken"),
        [
            (View(), lambda record: record["cache_probe"] == "cold"),
            (View(cache="warm"), lambda record: record["cache_probe"] == "warm"),
            (View(cache="all"), lambda record: True),
            (View(clients=("tokyo",), cache="all"), lambda record: record["client"] == "tokyo"),
            (View(clients=("unnamed",), cache="all"), lambda record: record["client"] is None),
            (View(upstreams=("Novita",), cache="all"), lambda record: record["upstream_provider"] == "Novita"),
            (View(upstreams=("unnamed",), cache="all"), lambda record: record["upstream_provider"] is None),
        ],
        ids=lambda value: str(value.to_query()) if isinstance(value, View) else "",
    )
    def test_has_their_records_alone(self, varied, view, taken):
        expected = sum(map(taken, varied.plain))
        assert expected > 0
        assert queries.total(varied.records, view) == expected
        assert queries.page(varied.records, view, limit=1)[1] == expected

    def test_can_choose_what_the_study_has(self, varied):
        choices = queries.choices(varied.records)
        assert choices.clients == ("tokyo", "unnamed")
        assert choices.upstreams == (*sorted(UPSTREAMS), "unnamed")
        assert choices.warm == len(varied.plain) // 2

    def test_has_nothing_to_choose_where_no_record_names_any(self, records):
        choices = queries.choices(records)
        assert (choices.clients, choices.upstreams, choices.warm) == ((), (), 0)


class TestATradeoff:
    def test_is_the_headlines_with_the_price_of_a_thousand(self, filled, records):
        tradeoffs = {tradeoff.llm: tradeoff for tradeoff in queries.tradeoff(records, View())}
        assert tradeoffs[LLAMA].cost_per_thousand is None
        known = [record["cost_usd"] for record in filled.by_llm("cost_usd")[REASONING]]
        assert tradeoffs[REASONING].cost_per_thousand == pytest.approx(1000 * np.mean(known))


class TestThePageOfRecords:
    def test_comes_in_order_and_part_by_part(self, filled, records):
        whole, total = queries.page(records, View(), limit=2000)
        assert total == len(whole) == len(filled.plain)
        keys = [(row.slot, row.llm, row.question_id) for row in whole]
        assert keys == sorted(keys)
        assert queries.page(records, View(), offset=30, limit=10) == (whole[30:40], total)
        assert queries.page(records, View(), offset=5000) == ([], total)

    @pytest.mark.parametrize("sort", queries.SORTS)
    @pytest.mark.parametrize("descending", [False, True])
    def test_can_be_sorted_by_all_it_shows(self, records, sort, descending):
        rows, _ = queries.page(records, View(llms=(LLAMA,)), sort=sort, descending=descending, limit=500)
        values = [getattr(row, sort) for row in rows]
        known = [value for value in values if value is not None]
        if sort not in ("answer", "error"):  # which are cut
            assert known == sorted(known, reverse=descending)
        assert values[len(known) :] == [None] * (len(values) - len(known))

    @pytest.mark.parametrize("outcome", ["all", "succeeded", "failed", *FAILURE_KINDS])
    def test_can_be_of_one_outcome(self, filled, records, outcome):
        rows, total = queries.page(records, View(), outcome=outcome, limit=2000)
        expected = [
            record
            for record in filled.plain
            if outcome in ("all", "succeeded" if record["success"] else "failed", record["failure_kind"])
        ]
        assert total == len(rows) == len(expected)

    def test_can_be_of_one_question(self, records):
        rows, total = queries.page(records, View(), question="retail-03", limit=200)
        assert total == 80
        assert {row.question_id for row in rows} == {"retail-03"}

    @pytest.mark.parametrize("search", ["<SCRIPT>", "%", "_", "'; DROP TABLE records; --", "Home & Kitchen", "\\"])
    def test_finds_text_as_it_stands(self, filled, records, search):
        rows, total = queries.page(records, View(), search=search, limit=2000)
        expected = {
            record["record_id"]
            for record in filled.plain
            if any(
                search.lower() in (record[name] or "").lower() for name in ("question", "answer", "error", "record_id")
            )
        }
        assert {row.record_id for row in rows} == expected
        assert total == len(expected)

    def test_shows_the_beginning_of_a_long_text(self, records):
        rows, _ = queries.page(records, View(), limit=2000)
        assert max(len(row.answer or "") for row in rows) == 200

    @pytest.mark.parametrize("bad", [{"sort": "answer; DROP"}, {"outcome": "lost"}, {"offset": -1}, {"limit": -1}])
    def test_refuses_what_it_doesn_t_know(self, records, bad):
        with pytest.raises(ViewError):
            queries.page(records, View(), **bad)


class TestARecord:
    def test_is_whole_and_as_it_was_measured(self, filled, records):
        for expected in filled.plain[::97]:
            whole = queries.record(records, expected["record_id"])
            assert tuple(whole) == FIELD_NAMES
            assert whole == expected

    def test_that_isn_t_there_is_none(self, records):
        assert queries.record(records, "' OR true --") is None


class TestStrata:
    @given(st.data())
    @settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_of_a_view_hold_the_records_that_the_database_finds(self, varied, data):
        records = varied.records
        slots = [None, *(row["slot"] for row in records.rows("FROM slots ORDER BY slot"))]
        known = queries.choices(records)
        lists = [
            tuple(data.draw(st.lists(st.sampled_from([*values, "unheard of"]), max_size=3)))
            for values in (known.industries, known.llms, known.run_types, known.upstreams, known.clients)
        ]
        start, end = data.draw(st.sampled_from(slots)), data.draw(st.sampled_from(slots))
        suspect, cached, cache = (
            data.draw(st.sampled_from(values)) for values in (KINDS, KINDS, [None, "cold", "warm", "all"])
        )
        view = View(start, end, *lists[:3], suspect, cached, cache, *lists[3:])
        where, parameters = view.where()
        expected = records.rows(f"SELECT rowid FROM records WHERE {where} ORDER BY rowid", parameters)
        within = numbers.buckets(records, view).place >= 0
        taken = strata.taken(records, strata.strata(records), view, within, numbers.llm_names(records))
        assert np.flatnonzero(np.isin(strata.of_record(records), taken)).tolist() == [row["rowid"] for row in expected]
        assert strata.strata(records)["records"][taken].sum() == len(expected)

    def test_are_made_anew_with_the_data(self, tmp_path, include):
        filled = Filled(tmp_path, include, slice(0, 2))
        before = len(strata.of_record(filled.records))
        fill_study(filled.store, filled.study, include, slots=list(filled.study.window.schedule)[2:3])
        later = Cache(tmp_path, fresh_sec=0).records(filled.study)
        assert len(strata.of_record(later)) > before

    def test_are_the_same_however_few_records_are_looked_at_together(self, filled, monkeypatch):
        monkeypatch.setattr(numbers, "EXACT", 0)
        whole = queries.summary(filled.records, View(suspect="exclude"), LATENCY, "industry")
        monkeypatch.setattr(strata, "_STEP", 7)
        assert queries.summary(filled.records, View(suspect="exclude"), LATENCY, "industry") == whole


class TestScorers:
    def test_are_named_with_their_versions(self, filled):
        held = {(row["scoring_version"], row["embedding_model"]) for row in filled.plain if row["success"]}
        assert queries.scorers(filled.records, View()) == [Scorer(*scorer) for scorer in held]

    def test_of_records_older_than_the_field_have_no_version(self, tmp_path, include):
        filled = self.changed(tmp_path, include, {"scoring_version": None})
        (scorer,) = queries.scorers(filled.records, View())
        assert scorer.version is None

    def test_are_none_of_answers_without_a_score(self, tmp_path, include):
        filled = self.changed(tmp_path, include, {"coverage_score": None, "groundedness": None})
        assert queries.scorers(filled.records, View()) == []

    def changed(self, home, include, changes: dict[str, Any]) -> Filled:
        """A slot whose records differ from the made-up ones."""
        filled = Filled(home, include, slice(0, 1))
        (path,) = filled.store.list("records/")
        records = [record | changes for record in filled.plain]
        filled.store.commit(path, to_parquet(records), filled.store.read(path)[1])
        return filled


class TestMadeUpRecords:
    @pytest.mark.slow
    def test_pass_the_gate_of_real_ones(self, filled, include):
        from llm_bench.gate.completeness import due_of
        from llm_bench.gate.validate import validate

        for path in filled.store.list("records/")[::7]:
            batch = from_parquet(filled.store.read(path)[0])
            due = due_of(filled.study, datetime.fromisoformat(batch[0]["slot"]), include)
            assert validate([batch], due).refused == []

    def test_say_that_they_are(self, filled):
        assert all("synthetic" in record["run_id"] for record in filled.plain)
        assert all("synthetic" in record["llm_bench_version"] for record in filled.plain)
