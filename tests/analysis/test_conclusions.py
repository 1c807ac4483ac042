"""What the product says of studies whose truth is known, through its own queries and tables."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from analysis.studies import thesis
from llm_bench.analysis import charts, queries, tables
from llm_bench.analysis.cache import Cache, Records
from llm_bench.analysis.metrics import METRICS
from llm_bench.analysis.queries import numbers
from llm_bench.analysis.statistics.scopes import FEW_DAYS
from llm_bench.analysis.statistics.success import score_ends
from llm_bench.analysis.view import View
from llm_bench.records import FIELD_NAMES, SCHEMA_VERSION, Record, record_id, utc_text
from llm_bench.store.base import FileStore, object_path, to_parquet
from llm_bench.study import LLM

LATENCY, TTFT, COVERAGE = METRICS["latency_sec"], METRICS["ttft_sec"], METRICS["coverage_score"]
QUESTIONS = 20
Befall = Callable[[int, int], Record]
"""Number of a slot, number of a question → what becomes of a record."""


def answered(latency: float = 2.0, coverage: float = 0.8) -> Record:
    return {"success": True, "latency_sec": latency, "ttft_sec": latency / 4, "coverage_score": coverage}


def failed() -> Record:
    return {"success": False, "failure_kind": "timeout_total", "ttft_sec": 0.4}


def measured(home: Path, include: Path, befall: Befall, slots: Iterable[int]) -> Records:
    """The records of one LLM, in slots of the default study's four days."""
    study = thesis(include)
    store, llm = FileStore(home / "data"), study.llms[0]
    schedule = list(study.window.schedule)
    for number in slots:
        records = [_record(study.name, schedule[number], llm, n) | befall(number, n) for n in range(QUESTIONS)]
        store.commit(object_path("records", study.name, schedule[number]), to_parquet(records), 0)
    return Cache(home, 0).records(study)


def _record(study: str, slot: datetime, llm: LLM, question: int) -> Record:
    names = (study, utc_text(slot), llm.name, f"q-{question:02}")
    return dict.fromkeys(FIELD_NAMES) | {
        "study": study,
        "slot": names[1],
        "timestamp": names[1],
        "measured_at": names[1],
        "run_type": "scheduled",
        "llm": llm.name,
        "llm_provider": llm.provider,
        "llm_model": llm.model_name,
        "question_id": names[3],
        "industry": "retail",
        "question": f"Question {question}?",
        "record_id": record_id(*names),
        **dict.fromkeys(("run_id", "context_hash", "prompt_hash", "llm_bench_version", "litellm_version"), "made up"),
        "late_sec": 0.0,
        "wait_sec": 0.0,
        "attempt": 1,
        "answerable": True,
        "embedding_model": "made up",
        "schema_version": SCHEMA_VERSION,
    }


@pytest.fixture(params=["sorted", "in bins"])
def either(request, monkeypatch) -> None:
    if request.param == "in bins":
        monkeypatch.setattr(numbers, "EXACT", 0)


class TestIsolatedFailures:
    def test_leave_an_interval_at_most_half_as_wide_again_as_wilsons(self, tmp_path, include):
        lost = {(5, 3), (19, 11), (33, 7), (47, 16)}
        slots = (0, 5, 14, 19, 28, 33, 42, 47)
        records = measured(tmp_path, include, lambda *at: failed() if at in lost else answered(), slots)
        ((rate, n),) = [(outcome.rate, outcome.records) for outcome in queries.success(records, View())]
        low, high = score_ends(156 / 160, 160, 1.96)
        assert (n, rate.estimate) == (160, 0.975)
        assert rate.high - rate.low <= 1.5 * (high - low)


@pytest.mark.usefixtures("either")
class TestRequestsThatHang:
    @pytest.fixture
    def hanging(self, tmp_path, include) -> Records:
        """A tenth of them, in each slot two of others."""
        draw = np.random.default_rng(1)
        times = 2 * np.exp(0.2 * draw.normal(size=(56, QUESTIONS)))

        def befall(slot: int, question: int) -> Record:
            return failed() if (slot * 3 + question) % 10 == 0 else answered(times[slot, question])

        return measured(tmp_path, include, befall, range(56))

    def test_are_later_than_anything_at_the_95th_percentile(self, hanging):
        ((spread),) = queries.distribution(hanging, View(), LATENCY)
        assert (spread.n, spread.failed, spread.left_out) == (1120, 112, 0)
        assert spread.quantiles[0.95] == math.inf
        assert spread.maximum < 4.5

    def test_are_shown_as_failed_and_never_as_a_number(self, hanging):
        summaries, spreads = (find(hanging, View(), LATENCY) for find in (queries.summary, queries.distribution))
        table = tables.quantiles(summaries, spreads, LATENCY, charts.looks(queries.choices(hanging).llms))
        cells = dict(zip([column.name for column in table.columns], table.cells[0], strict=True))
        assert cells["p95"].text == "failed"
        assert any(note.startswith("“failed”: so many failed") for note in table.all_notes)
        assert b"inf" in table.to_csv()

    def test_count_in_the_median(self, hanging):
        (summary,) = queries.summary(hanging, View(), LATENCY)
        asked = np.array([point.middle for point in queries.over_time(hanging, View(), LATENCY).points])
        assert (summary.n, summary.failed) == (1120, 112)
        assert summary.value.low < summary.value.estimate < summary.value.high
        assert np.isfinite(asked).all()

    def test_have_no_time_to_the_first_token_though_there_was_one(self, hanging):
        (summary,) = queries.summary(hanging, View(), TTFT)
        assert (summary.n, summary.failed) == (1120, 112)
        assert summary.value.estimate > 0.4

    def test_have_no_score(self, hanging):
        (summary,) = queries.summary(hanging, View(), COVERAGE)
        assert (summary.n, summary.failed, summary.left_out) == (1008, 112, 0)


@pytest.mark.usefixtures("either")
class TestAnswersThatNeverChange:
    def test_tell_as_much_as_there_are_questions(self, tmp_path, include):
        scores = np.random.default_rng(2).uniform(0.5, 1, QUESTIONS)
        records = measured(tmp_path, include, lambda _, question: answered(coverage=scores[question]), range(56))
        (summary,) = queries.summary(records, View(), COVERAGE)
        reach = stats.t.ppf(0.975, QUESTIONS - 1) * scores.std(ddof=1) / math.sqrt(QUESTIONS)
        assert summary.value.estimate == pytest.approx(scores.mean())
        assert summary.value.high - summary.value.low == pytest.approx(2 * reach, rel=0.15)


class TestScores:
    def test_have_intervals_within_0_and_1(self, tmp_path, include):
        days = (0, 14, 28, 42)
        records = measured(tmp_path, include, lambda slot, n: answered(coverage=0.2 if slot == n == 0 else 1.0), days)
        shown = queries.summary(records, View(), COVERAGE, by="question")
        spoilt = next(of for of in shown if of.value.estimate < 1)
        assert spoilt.value.estimate == pytest.approx(0.8)
        assert 0 <= spoilt.value.low < 0.8
        assert spoilt.value.high == 1


class TestFewDays:
    def test_have_an_estimate_and_say_why_they_have_no_interval(self, tmp_path, include):
        records = measured(tmp_path, include, lambda *_: answered(), range(2))
        (summary,) = queries.summary(records, View(), LATENCY)
        assert (summary.value.estimate, summary.value.low, summary.value.doubt) == (2.0, None, FEW_DAYS)
        looks = charts.looks(queries.choices(records).llms)
        table = tables.headline(queries.headline(records, View()), looks)
        assert "can't tell beyond this one day: it takes at least 4" in table.all_notes[-1]

    def test_can_be_drawn(self, tmp_path, include):
        records = measured(tmp_path, include, lambda *_: answered(), range(1))
        looks = charts.looks(queries.choices(records).llms)
        for drawn in (
            charts.bars(queries.summary(records, View(), LATENCY), LATENCY, looks),
            charts.bars(queries.summary(records, View(), COVERAGE, "question"), COVERAGE, looks, "question"),
            charts.distribution(queries.distribution(records, View(), LATENCY), LATENCY, looks),
            charts.success_rate(queries.success(records, View()), looks),
        ):
            assert "NaN" not in charts.svg(drawn)
