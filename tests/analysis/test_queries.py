"""Every figure against the plain records it is made of: what a reader would compute by hand."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analysis.studies import fill_study, thesis
from llm_bench.analysis import queries, statistics
from llm_bench.analysis.cache import Cache, Records
from llm_bench.analysis.metrics import METRICS
from llm_bench.analysis.queries import comparisons, numbers, strata
from llm_bench.analysis.view import View
from llm_bench.errors import ViewError
from llm_bench.records import FAILURE_KINDS, FIELD_NAMES, Record
from llm_bench.store.base import FileStore, from_parquet, to_parquet

LATENCY, COVERAGE = METRICS["latency_sec"], METRICS["coverage_score"]
ZONE = ZoneInfo("Europe/Amsterdam")
LLAMA, REASONING = "groq/llama3-70b-8192", "openrouter/deepseek/deepseek-r1-0528-qwen3-8b"


class Filled:
    """A made-up study: its records as they stand in the store, and as queries see them."""

    def __init__(self, home: Path, include: Path, slots: slice) -> None:
        self.study = thesis(include)
        self.store = FileStore(home / "data")
        fill_study(self.store, self.study, include, slots=list(self.study.window.schedule)[slots])
        self.cache = Cache(home)
        self.plain = [
            record for path in self.store.list("records/") for record in from_parquet(self.store.read(path)[0])
        ]

    @property
    def records(self) -> Records:
        return self.cache.records(self.study)

    def by_llm(self, name: str) -> dict[str, list[Record]]:
        found = defaultdict(list)
        for record in self.plain:
            if record[name] is not None:
                found[llm_of(record)].append(record)
        return dict(found)


def llm_of(record: Record) -> str:
    return f"{record['llm_provider']}/{record['llm_model']}"


@pytest.fixture(scope="module")
def filled(tmp_path_factory, include) -> Filled:
    """Two days, without the odd slots but the backfilled one."""
    return Filled(tmp_path_factory.mktemp("figures"), include, slice(0, 20))


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
    """As near as bins come."""
    return abs(value - to) <= 0.005 * abs(to)


class TestChoices:
    def test_are_of_the_whole_study(self, filled, records):
        found = queries.choices(records)
        assert found.llms == tuple(sorted({llm_of(record) for record in filled.plain}))
        assert found.industries == ("finance", "retail")
        assert found.run_types == ("backfill", "scheduled")
        assert found.first == datetime(2026, 12, 7, 7, tzinfo=UTC)
        assert found.records == len(filled.plain)
        assert found.suspect == sum(record["suspect"] is not None for record in filled.plain)

    def test_are_none_without_a_record(self, tmp_path, include):
        found = queries.choices(Cache(tmp_path).records(thesis(include)))
        assert (found.llms, found.first, found.records) == ((), None, 0)


class TestAHeadline:
    def test_has_the_medians_of_what_was_measured(self, filled, either):
        for one in queries.headline(either, View()):
            for figure, name in (("latency", "latency_sec"), ("ttft", "ttft_sec"), ("throughput", "throughput_tps")):
                values = [record[name] for record in filled.by_llm(name)[one.llm]]
                found = getattr(one, figure)
                assert close(found.estimate, np.median(values))
                assert found.low < found.estimate < found.high
                assert found.n == len(values)

    def test_has_exact_means_however_many_records_there_are(self, filled, either):
        for one in queries.headline(either, View()):
            values = [record["coverage_score"] for record in filled.by_llm("coverage_score")[one.llm]]
            assert one.coverage.estimate == pytest.approx(np.mean(values))

    def test_counts_failures_as_left_out(self, filled, either):
        for one in queries.headline(either, View()):
            mine = [record for record in filled.plain if llm_of(record) == one.llm]
            assert one.records == len(mine)
            assert one.left_out == sum(not record["success"] for record in mine)
            assert one.success.estimate == pytest.approx(np.mean([record["success"] for record in mine]))
            assert one.slots == one.success.clusters == 20

    def test_takes_the_slot_for_the_cluster(self, filled, records):
        one = queries.headline(records, View())[0]
        mine = filled.by_llm("latency_sec")[one.llm]
        expected = statistics.quantile([r["latency_sec"] for r in mine], [r["slot"] for r in mine], 0.5)
        assert one.latency == expected

    def test_has_the_intervals_of_the_single_values_for_means(self, filled, records):
        one = queries.headline(records, View())[0]
        mine = filled.by_llm("coverage_score")[one.llm]
        expected = statistics.mean([r["coverage_score"] for r in mine], [r["slot"] for r in mine])
        assert (one.coverage.low, one.coverage.high) == pytest.approx((expected.low, expected.high))
        assert (one.coverage.n, one.coverage.clusters) == (expected.n, expected.clusters)

    def test_says_when_it_is_approximate(self, filled, monkeypatch):
        assert not queries.headline(filled.records, View())[0].approximate
        monkeypatch.setattr(numbers, "EXACT", 0)
        assert queries.headline(filled.records, View())[0].approximate

    def test_knows_no_cost_where_no_record_has_one(self, filled, records):
        found = {one.llm: one for one in queries.headline(records, View())}
        assert found[LLAMA].cost_usd is None
        assert found[LLAMA].cost_known == 0
        known = [record["cost_usd"] for record in filled.by_llm("cost_usd")[REASONING]]
        assert found[REASONING].cost_usd == pytest.approx(sum(known))
        assert found[REASONING].cost_known == len(known)

    def test_tells_reasoning_from_answering(self, records):
        found = {one.llm: one for one in queries.headline(records, View())}
        assert found[REASONING].first_answer.estimate > 3 * found[REASONING].ttft.estimate

    def test_is_of_the_view_alone(self, filled, records):
        view = View(industries=("retail",), llms=(LLAMA,), suspect="exclude")
        (one,) = queries.headline(records, view)
        mine = [r for r in filled.plain if llm_of(r) == LLAMA and r["industry"] == "retail" and r["suspect"] is None]
        assert one.records == len(mine)
        assert one.suspect == 0

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


class TestAnIntervalOfCountedBins:
    @given(st.data(), st.sampled_from([0.25, 0.5, 0.9]))
    def test_is_that_of_the_single_values(self, data, q):
        seed = data.draw(st.integers(0, 2**32 - 1))
        clusters, bins, spread = (
            data.draw(st.integers(1, 30)),
            data.draw(st.integers(1, 60)),
            data.draw(st.integers(1, 9)),
        )
        chance = np.random.default_rng(seed)
        counts = chance.poisson(spread / 3, (clusters, bins))
        counts[0, 0] += 1  # there is a value
        middles = np.cumsum(chance.random(bins) + 0.01)
        cluster, place = np.nonzero(counts)
        expected = statistics.quantile(middles[place], cluster, q, weights=counts[cluster, place])
        found = statistics.quantile_of_counts(counts, middles, q)
        assert (found.estimate, found.n, found.clusters) == (expected.estimate, expected.n, expected.clusters)
        assert (found.low is None) == (expected.low is None)
        if found.low is not None:
            assert (found.low, found.high) == pytest.approx((expected.low, expected.high))

    def test_has_fewer_clusters_where_counts_would_fill_the_memory(self, filled, monkeypatch):
        monkeypatch.setattr(numbers, "EXACT", 0)
        monkeypatch.setattr(numbers, "_CELLS", 1)
        for one in queries.summary(filled.records, View(), LATENCY, "industry"):
            assert one.value.clusters == 10
            assert one.value.low < one.value.estimate < one.value.high


class TestALineOverTime:
    def test_has_a_point_for_each_slot_with_its_quartiles(self, filled, either):
        found = queries.over_time(either, View(), LATENCY)
        assert (found.bucket, found.width) == (1, None)
        values = defaultdict(list)
        for record in filled.by_llm("latency_sec")[LLAMA]:
            values[record["slot"]].append(record["latency_sec"])
        points = [point for point in found.points if point.llm == LLAMA]
        assert len(points) == 20
        for point, (slot, expected) in zip(points, sorted(values.items()), strict=True):
            assert point.at == datetime.fromisoformat(slot)
            assert point.n + point.left_out == 20
            assert point.n == len(expected)
            for found_one, q in ((point.low, 0.25), (point.middle, 0.5), (point.high, 0.75)):
                assert close(found_one, np.quantile(expected, q))

    def test_has_the_mean_of_a_share(self, filled, either):
        point = queries.over_time(either, View(llms=(LLAMA,)), COVERAGE).points[3]
        mine = [r for r in filled.by_llm("coverage_score")[LLAMA] if datetime.fromisoformat(r["slot"]) == point.at]
        assert point.middle == pytest.approx(np.mean([record["coverage_score"] for record in mine]))

    def test_of_many_slots_has_points_for_equal_runs_of_them(self, filled, records, monkeypatch):
        monkeypatch.setattr(numbers, "MOST", 7)
        found = queries.over_time(records, View(), LATENCY)
        assert found.bucket == 3
        assert found.width > timedelta(hours=2)
        points = [point for point in found.points if point.llm == LLAMA]
        slots = sorted({record["slot"] for record in filled.plain})
        assert [point.at for point in points] == [datetime.fromisoformat(slot) for slot in slots[::3]]
        assert sum(point.n + point.left_out for point in points) == 400

    def test_has_a_point_without_a_value_where_all_failed(self, tmp_path, include):
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
        assert (points[0].n, points[0].left_out, points[0].middle) == (0, 20, None)
        assert points[1].n > 0


class TestADistribution:
    def test_has_the_quantiles_and_all_values_in_bins(self, filled, either):
        for one in queries.distribution(either, View(), LATENCY):
            values = [record["latency_sec"] for record in filled.by_llm("latency_sec")[one.llm]]
            assert sum(part.count for part in one.bins) == one.n == len(values)
            assert one.n + one.left_out == 400
            for q, found in one.quantiles.items():
                assert close(found, np.quantile(values, q))
            assert close(one.minimum, min(values))
            assert close(one.maximum, max(values))

    def test_has_the_same_bins_for_all_llms(self, records):
        found = queries.distribution(records, View(), LATENCY)
        assert len({tuple((part.low, part.high) for part in one.bins) for one in found}) == 1

    def test_has_a_bin_for_zeros(self, records):
        found = queries.distribution(records, View(), METRICS["wait_sec"])
        assert found[0].bins[0].low == 0
        assert sum(part.count for part in found[0].bins) == found[0].n == 400


class TestTheTimeOfDay:
    def test_goes_by_the_hours_of_the_studys_zone(self, filled, records):
        found = queries.time_of_day(records, View(), LATENCY, ZONE)
        hours = {point.hour for point in found.points}
        assert hours == {datetime.fromisoformat(r["slot"]).astimezone(ZONE).hour for r in filled.plain}
        by_hour = Counter()
        for record in filled.by_llm("latency_sec")[LLAMA]:
            by_hour[datetime.fromisoformat(record["slot"]).astimezone(ZONE).hour] += 1
        assert {p.hour: p.n for p in found.points if p.llm == LLAMA} == by_hour

    def test_is_tested_for_each_llm_and_corrected_for_being_many(self, filled, records):
        found = queries.time_of_day(records, View(), LATENCY, ZONE)
        assert [test.llm for test in found.tests] == list(queries.choices(records).llms)
        raw = []
        for test in found.tests:
            values = defaultdict(list)
            for record in filled.by_llm("latency_sec")[test.llm]:
                values[datetime.fromisoformat(record["slot"])].append(record["latency_sec"])
            slots = sorted(values)
            raw.append(
                statistics.time_of_day(
                    [np.median(values[slot]) for slot in slots],
                    [slot.date().toordinal() for slot in slots],
                    [slot.hour * 60 + slot.minute for slot in slots],
                )
            )
        assert [test.p for test in found.tests] == pytest.approx(statistics.holm([one.p_value for one in raw]))
        assert [test.effect for test in found.tests] == pytest.approx([one.agreement for one in raw])


class TestNeighbours:
    def test_are_the_medians_of_slots_that_follow_one_another(self, filled, records):
        found = queries.neighbours(records, View(), LATENCY)
        expected = []
        for llm in queries.choices(records).llms:
            values = defaultdict(list)
            for record in filled.by_llm("latency_sec")[llm]:
                values[datetime.fromisoformat(record["slot"]).timestamp()].append(record["latency_sec"])
            expected.append(statistics.carry_over([np.median(each) for each in values.values()], list(values)))
        assert [one.pairs for one in found] == [one.pairs for one in expected]
        assert [one.correlation for one in found] == pytest.approx([one.correlation for one in expected])
        assert [one.p for one in found] == pytest.approx(statistics.holm([one.p_value for one in expected]))


class TestASummary:
    def test_by_industry_has_each_llm_in_each(self, filled, either):
        found = queries.summary(either, View(), LATENCY, "industry")
        assert [(one.llm, one.group) for one in found] == [
            (llm, industry) for llm in queries.choices(either).llms for industry in ("finance", "retail")
        ]
        for one in found:
            values = [r["latency_sec"] for r in filled.by_llm("latency_sec")[one.llm] if r["industry"] == one.group]
            assert close(one.value.estimate, np.median(values))
            assert one.n == len(values)
            assert one.n + one.left_out == 200

    def test_by_question_tells_its_words(self, filled, either):
        found = queries.summary(either, View(llms=(LLAMA,)), COVERAGE, "question")
        texts = {record["question_id"]: record["question"] for record in filled.plain}
        assert {one.group: one.title for one in found} == texts
        for one in found:
            values = [
                r["coverage_score"] for r in filled.by_llm("coverage_score")[LLAMA] if r["question_id"] == one.group
            ]
            assert one.value.estimate == pytest.approx(np.mean(values))

    def test_by_llm_is_the_headlines(self, either):
        found = queries.summary(either, View(), LATENCY)
        assert [one.value for one in found] == [one.latency for one in queries.headline(either, View())]
        assert [one.group for one in found] == [None] * 4


class TestSuccess:
    def test_counts_every_record_and_every_kind(self, filled, records):
        for one in queries.success(records, View()):
            mine = [record for record in filled.plain if llm_of(record) == one.llm]
            kinds = Counter(record["failure_kind"] for record in mine if record["failure_kind"])
            assert (one.records, one.succeeded) == (len(mine), sum(record["success"] for record in mine))
            assert one.kinds == kinds
            assert list(one.kinds.values()) == sorted(kinds.values(), reverse=True)

    def test_over_time_has_the_same_failures(self, filled, records):
        found = queries.failures_over_time(records, View())
        expected = Counter(
            (datetime.fromisoformat(record["slot"]), llm_of(record), record["failure_kind"])
            for record in filled.plain
            if record["failure_kind"]
        )
        assert {(one.at, one.llm, one.kind): one.n for one in found.counts} == expected
        assert sum(point.n for point in found.rates) == len(filled.plain)
        assert sum(point.succeeded for point in found.rates) == sum(record["success"] for record in filled.plain)

    def test_over_time_comes_in_the_same_buckets_as_lines(self, records, monkeypatch):
        monkeypatch.setattr(numbers, "MOST", 7)
        line, failures = queries.over_time(records, View(), LATENCY), queries.failures_over_time(records, View())
        assert (failures.bucket, failures.width) == (line.bucket, line.width)
        assert {point.at for point in failures.rates} == {point.at for point in line.points}


class TestTheLeastCovered:
    def test_are_the_questions_with_the_lowest_mean_and_its_lowest_answer(self, filled, records):
        found = queries.least_covered(records, View(), 3)
        answers = defaultdict(list)
        for record in filled.plain:
            if record["coverage_score"] is not None:
                answers[record["question_id"]].append(record)
        means = {key: np.mean([record["coverage_score"] for record in mine]) for key, mine in answers.items()}
        assert [one.coverage for one in found] == pytest.approx(sorted(means.values())[:3])
        for one in found:
            assert one.coverage == pytest.approx(means[one.question_id])
            assert one.answer_coverage == min(record["coverage_score"] for record in answers[one.question_id])
            (whole,) = [record for record in filled.plain if record["record_id"] == one.record_id]
            assert (one.answer, one.llm, one.n) == (whole["answer"], llm_of(whole), len(answers[one.question_id]))


class TestAComparison:
    def test_pairs_answers_to_one_question_in_one_slot(self, filled, records):
        found = {one.metric: one for one in queries.compare(records, View(), [LLAMA, REASONING])}
        values = {
            llm: {
                (record["slot"], record["question_id"]): record["latency_sec"]
                for record in filled.plain
                if llm_of(record) == llm
            }
            for llm in (LLAMA, REASONING)
        }
        pairs = {
            key: values[LLAMA][key] - values[REASONING][key]
            for key in values[LLAMA]
            if values[LLAMA][key] is not None and values[REASONING][key] is not None
        }
        one = found["latency_sec"]
        expected = statistics.paired(list(pairs.values()), [slot for slot, _ in pairs])
        assert one.n == len(pairs)
        assert one.left_out == 400 - len(pairs)
        assert one.slots == 20
        assert one.difference.estimate == pytest.approx(expected.difference.estimate)
        assert (one.difference.low, one.difference.high) == pytest.approx(
            (expected.difference.low, expected.difference.high)
        )
        assert (one.p, one.effect) == pytest.approx((expected.p_value, expected.effect))

    def test_corrects_for_all_that_were_asked_for_at_once(self, records):
        found = queries.compare(records, View(), queries.choices(records).llms)
        assert len(found) == 6 * 8
        assert [one.p_holm for one in found] == statistics.holm([one.p for one in found])

    def test_of_success_leaves_nothing_out(self, filled, records):
        (one,) = [one for one in queries.compare(records, View(), [LLAMA, REASONING]) if one.metric == "success"]
        assert (one.n, one.left_out) == (400, 0)

    def test_has_no_cost_where_one_has_no_price(self, records):
        (one,) = [one for one in queries.compare(records, View(), [LLAMA, REASONING]) if one.metric == "cost_usd"]
        assert (one.n, one.difference, one.p, one.effect) == (0, None, None, None)
        assert one.left_out == 400

    def test_turns_its_sign_with_its_order(self, records):
        there = queries.compare(records, View(), [LLAMA, REASONING])[0]
        back = queries.compare(records, View(), [REASONING, LLAMA])[0]
        assert back.difference.estimate == pytest.approx(-there.difference.estimate)
        assert back.effect == pytest.approx(-there.effect)

    def test_names_first_the_one_that_was_given_first_and_takes_the_second_from_it(self, records):
        pair = queries.compare(records, View(), [REASONING, LLAMA])[0]
        assert (pair.first, pair.second) == (REASONING, LLAMA)
        middle = {headline.llm: headline.latency.estimate for headline in queries.headline(records, View())}
        assert (pair.difference.estimate > 0) == (middle[REASONING] > middle[LLAMA])

    def test_keeps_close_where_values_are_in_bins(self, filled, monkeypatch):
        exact = queries.compare(filled.records, View(), [LLAMA, REASONING])[0]
        monkeypatch.setattr(numbers, "EXACT", 0)
        found = queries.compare(filled.records, View(), [LLAMA, REASONING])[0]
        assert found.approximate
        assert close(found.difference.estimate, exact.difference.estimate)

    def test_of_many_slots_rests_on_runs_of_them(self, filled, monkeypatch):
        by_slot = queries.compare(filled.records, View(), [LLAMA, REASONING])[0]
        monkeypatch.setattr(numbers, "MOST", 7)
        monkeypatch.setattr(comparisons, "_RUNS", 3)
        found = queries.compare(filled.records, View(), [LLAMA, REASONING])[0]
        assert (found.n, found.slots, found.left_out) == (by_slot.n, by_slot.slots, by_slot.left_out)
        assert found.difference.clusters == 3
        assert found.difference.estimate == pytest.approx(by_slot.difference.estimate, rel=0.05)

    def test_of_some_llms_is_that_of_these_alone(self, records):
        alone = queries.compare(records, View(llms=(LLAMA, REASONING)), [LLAMA, REASONING])
        among = queries.compare(records, View(), [LLAMA, REASONING])
        assert [(one.metric, one.n, one.left_out) for one in alone] == [
            (one.metric, one.n, one.left_out) for one in among
        ]
        assert [one.p for one in alone] == pytest.approx([one.p for one in among])

    def test_of_one_llm_or_of_strangers_is_nothing(self, records):
        assert queries.compare(records, View(), [LLAMA]) == []
        assert queries.compare(records, View(), ["no/such", LLAMA, LLAMA]) == []


class TestATradeoff:
    def test_is_the_headlines_with_the_price_of_a_thousand(self, filled, records):
        found = {one.llm: one for one in queries.tradeoff(records, View())}
        assert found[LLAMA].cost_per_thousand is None
        known = [record["cost_usd"] for record in filled.by_llm("cost_usd")[REASONING]]
        assert found[REASONING].cost_per_thousand == pytest.approx(1000 * np.mean(known))


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
            found = queries.record(records, expected["record_id"])
            assert tuple(found) == FIELD_NAMES
            assert found == expected

    def test_that_isn_t_there_is_none(self, records):
        assert queries.record(records, "' OR true --") is None


class TestStrata:
    @given(st.data())
    @settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_of_a_view_hold_the_records_that_the_database_finds(self, filled, data):
        records = filled.records
        slots = [None, *(row["slot"] for row in records.rows("FROM slots ORDER BY slot"))]
        known = queries.choices(records)
        lists = [
            tuple(data.draw(st.lists(st.sampled_from([*values, "unheard of"]), max_size=3)))
            for values in (known.industries, known.llms, known.run_types)
        ]
        start, end = data.draw(st.sampled_from(slots)), data.draw(st.sampled_from(slots))
        view = View(start, end, *lists, data.draw(st.sampled_from(["include", "exclude", "only"])))
        where, parameters = view.where()
        expected = records.rows(f"SELECT rowid FROM records WHERE {where} ORDER BY rowid", parameters)
        within = numbers.buckets(records, view).place >= 0
        taken = strata.taken(strata.strata(records), view, within, numbers.llm_names(records))
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


class TestEmbeddingModels:
    def test_are_named(self, records):
        assert queries.embedding_models(records, View()) == ["all-MiniLM-L6-v2"]


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
