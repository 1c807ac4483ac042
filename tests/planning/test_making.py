"""A plan is made of real records and of an account as cells keep it; the prompts alone are stated."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fixtures.stored import a_record
from llm_bench.measure.accounts import FileAccount
from llm_bench.measure.limits import Limits
from llm_bench.measure.notices import Allowance, Notice
from llm_bench.planning import making
from llm_bench.planning.asked import Asking, Prompted, asking, prompted
from llm_bench.planning.making import make
from llm_bench.planning.plan import Plan
from llm_bench.records import Record
from llm_bench.store.base import FileStore, object_path, to_parquet
from llm_bench.study import Study

NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
FIRST = datetime(2026, 12, 7, 7, tzinfo=UTC)
WINDOW = {"start": "2026-12-07T08:00:00+01:00", "end": "2026-12-11T08:00:00+01:00"}
MODELS = ("groq/a", "groq/b")


def study(
    name: str = "mine",
    *,
    window: Any = WINDOW,
    cache: str = "as_is",
    warm_up: bool = False,
    twin: bool = False,
    **llm: Any,
) -> Study:
    llms = [{"model": model, **({"twin": f"{model} again"} if twin else {}), **llm} for model in MODELS]
    content = {"name": name, "llms": llms, "industries": ["retail"], "window": window}
    settings = {"generation": {"max_tokens": 1000}, "cache": cache, "warm_up": warm_up}
    return Study.model_validate(content | settings)


@pytest.fixture(autouse=True)
def stated_prompts(monkeypatch: pytest.MonkeyPatch) -> None:
    prompts = [Prompted("retail", f"hash-{number}", 500, 400, 2400) for number in range(10)]
    monkeypatch.setattr(making, "prompted", lambda *_: prompts)


@pytest.fixture
def measured(tmp_path: Path):
    """Stores batches of a study: each LLM's records, an hour from one to the next."""

    def store_batches(name: str, batches: int = 2, **changes: Any) -> None:
        draws = np.random.default_rng(batches)
        for number in range(batches):
            slot = FIRST - timedelta(days=9) + timedelta(hours=number)
            batch = [
                a_question(name, slot, model, at, draws=draws, changes=changes) for model in MODELS for at in range(10)
            ]
            FileStore(tmp_path / "data").commit(object_path("records", name, slot), to_parquet(batch), 0)

    return store_batches


def a_question(
    name: str, slot: datetime, model: str, number: int, *, draws: np.random.Generator, changes: dict[str, Any]
) -> Record:
    """A record of a question that took 2 s to the next."""
    values = {
        "industry": "retail",
        "prompt_hash": f"hash-{number}",
        "success": True,
        "prompt_tokens": 600,
        "response_tokens": 100,
        "coverage_score": float(np.clip(draws.normal(0.8, 0.1), 0, 1)),
        "latency_sec": float(draws.lognormal(0.3, 0.2)),
        "cost_usd": 0.002,
    }
    provider, _, short = model.partition("/")
    names = {"study": name, "llm": model, "llm_provider": provider, "llm_model": short}
    return a_record(slot, number, 5.0 + 2 * number, **names, **values | changes)


@pytest.fixture
def planned(tmp_path: Path):
    """The plan of a study in a folder of its own."""

    def make_it(chosen: Study | None = None, pilot: Study | None = None, now: datetime = NOW) -> Plan:
        return make(chosen or study(), tmp_path, tmp_path / "include", now, pilot)

    return make_it


class TestWithoutRecords:
    def test_answers_are_assumed_and_that_is_said(self, planned):
        llm = planned().llms[0]
        assert (llm.request.prompt_tokens, llm.request.answer_tokens, llm.request.most_tokens) == (500, 250, 1000)
        assert llm.basis.endswith("answers assumed: 250 tokens (25% of max_tokens, 1,000) in 4.7 s")

    def test_what_it_can_show_is_by_assumptions(self, planned):
        plan = planned()
        assert plan.prospects_basis == "assumptions"
        assert [prospect.metric for prospect in plan.prospects] == ["latency_sec", "coverage_score", "success"]
        assert [prospect.comparisons for prospect in plan.prospects] == [1, 8, 8]


class TestWithRecords:
    def test_prompts_and_answers_are_as_they_show(self, planned, measured):
        measured("mine")
        llm = planned().llms[0]
        assert llm.request.prompt_tokens == pytest.approx(600)
        assert llm.request.answer_tokens == 100
        assert llm.request.cost_usd == pytest.approx(0.002)
        assert llm.basis == (
            "prompts counted by the default embedding model's tokens, times 1.20 as records show; answers as in 20 "
            "records of mine"
        )

    def test_a_request_takes_until_the_next_could_go(self, planned, measured):
        measured("mine")
        llm = planned().llms[0]
        assert (min(llm.busy_sec), max(llm.busy_sec), llm.start_sec) == (2.0, 2.0, 5.0)

    def test_requests_without_an_answer_cost_no_tokens(self, planned, measured):
        measured("mine", response_tokens=None, prompt_tokens=None)
        assert planned().llms[0].basis.endswith("in 4.7 s")

    def test_a_pilots_count_where_the_study_has_none(self, planned, measured):
        measured("trial")
        plan = planned(pilot=study("trial"))
        assert plan.llms[0].basis.endswith("20 records of trial")
        assert plan.prospects_basis == "trial's records (slots: 2, days: 1)"

    def test_its_own_come_before_a_pilots(self, planned, measured):
        measured("trial")
        measured("mine", response_tokens=50)
        assert planned(pilot=study("trial")).llms[0].request.answer_tokens == 50

    def test_what_it_can_show_says_which_parts_are_assumed(self, planned, measured):
        measured("mine", batches=3)
        latency, _, success = planned().prospects
        parts = latency.basis
        assert (parts.assumed, success.basis.assumed) == (("day",), ("outages",))
        assert 0 < parts.rest < 0.6


class TestTheBatches:
    def test_to_come_are_those_from_now_on(self, planned):
        plan = planned(now=FIRST + timedelta(days=1))
        assert (plan.batches, plan.to_come, plan.a_day) == (56, 42, 14)

    def test_of_a_study_without_a_window_are_none(self, planned):
        plan = planned(study(window=None))
        assert (plan.batches, plan.to_come, plan.prospects) == (0, 0, ())
        assert plan.batch.requests == 20
        assert plan.duration.fits

    def test_that_are_over_are_none(self, planned):
        plan = planned(now=FIRST + timedelta(days=9))
        assert (plan.batches, plan.to_come) == (56, 0)

    def test_that_do_not_fit_are_said_with_as_many_as_would(self, planned):
        crowded = {**WINDOW, "period": "PT1H", "batches_per_period": 60}
        duration = planned(study(window=crowded, requests_per_minute=5)).duration
        assert (duration.fits, duration.spacing_sec) == (False, 60)
        assert duration.fitting == 30  # 10 questions at 5 a minute

    def test_wait_for_the_studys_limits(self, planned):
        assert planned(study(requests_per_minute=5)).duration.took_sec == pytest.approx(60 + 5 * 4.7, abs=1)


class TestTheLimitsThatAProviderStates:
    def learn(self, home: Path, notice: Notice) -> None:
        account = FileAccount(home / "data" / "pacing", "groq/a")
        account.change(lambda ledger: ledger.limits.learn(ledger.now, ledger.now, notice))

    def test_of_a_day_are_read_from_the_account_that_cells_keep(self, planned, tmp_path):
        self.learn(tmp_path, Notice(answered=True, allowed={"requests_per_day": 100}))
        account = planned().accounts[0]
        assert (account.limits[0].provider, account.refused) == (True, 40)

    def test_of_a_minutes_tokens_slow_a_batch_down(self, planned, tmp_path):
        quick = planned().duration.took_sec
        self.learn(tmp_path, Notice(answered=True, tokens={"all": Allowance(3000, 3000)}))
        assert planned().duration.took_sec > quick + 30

    def test_are_none_before_a_cell_has_asked(self, planned, tmp_path):
        assert planned().accounts[0].limits == ()
        assert making.known_limits(tmp_path / "data" / "pacing", "groq/a") == Limits()
        assert not (tmp_path / "data" / "pacing").exists()


class TestWhatSettingsAdd:
    def test_is_nothing_where_questions_are_asked_once_and_as_they_are(self):
        assert asking(study(cache="as_is")) == Asking(1, 0, 0)

    def test_is_a_line_before_each_prompt_by_default(self, planned):
        assert planned(study(cache="unique")).llms[0].request.prompt_tokens == 516

    def test_is_a_second_request_for_each_question_and_a_short_one_for_each_cell(self, planned):
        plan = planned(study(cache="both", warm_up=True))
        assert plan.batch.requests == 2 * (2 * 10 + 1)
        assert plan.llms[0].batch.prompt_tokens == 20 * 516 + 16
        assert plan.duration.took_sec == pytest.approx(21 * 4.67, abs=1)

    def test_is_an_llm_for_each_twin_which_shares_its_limits(self, planned):
        plan = planned(study(twin=True, requests_per_day=200))
        assert [account.llms for account in plan.accounts] == [("groq/a", "groq/a again"), ("groq/b", "groq/b again")]
        assert [account.refused for account in plan.accounts] == [80, 80]

    def test_is_no_pair_of_an_llm_and_its_twin(self, planned):
        prospect = planned(study(twin=True)).prospects[0]
        assert len(prospect.of_pairs) == 4
        assert prospect.comparisons == 4


@pytest.mark.slow
def test_prompts_are_counted_as_they_will_be_asked(tmp_path: Path, include: Path):
    prompts = prompted(study(), tmp_path, include)
    assert len(prompts) == 10
    assert all(prompt.context_tokens < prompt.tokens < prompt.characters for prompt in prompts)
