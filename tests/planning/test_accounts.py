from __future__ import annotations

from typing import Any

import pytest

from llm_bench.measure.limits import Limits
from llm_bench.planning.limits import accounts, batches_a_day, rates_of
from llm_bench.planning.plan import Limit, OfAccount
from llm_bench.planning.simulation import Batch
from llm_bench.study import Study
from planning.made import GROQ, replace

WINDOW = {"start": "2026-12-07T08:00:00+01:00", "end": "2026-12-11T08:00:00+01:00"}


def study(*limits: dict[str, Any], **changes: Any) -> Study:
    names = ("groq/some-model", "again")
    llms = [{"model": "groq/some-model", "name": name, **limit} for name, limit in zip(names, limits, strict=False)]
    return Study.model_validate({"name": "mine", "llms": llms, "industries": ["retail"], "window": WINDOW, **changes})


def seen(planned: Study, *batches: Batch, whole_days: bool = True, **allowed: float) -> OfAccount:
    llms = [GROQ, replace(GROQ, name="again")][: len(planned.llms)]
    stated = {GROQ.account: Limits(allowed=allowed)}
    (account,) = accounts(planned, llms, stated, batches or [Batch(0.0)], whole_days=whole_days)
    return account


class TestTheLimitsOfAnAccount:
    def test_are_the_strictest_of_what_its_entries_state(self):
        entries = study({"requests_per_day": 100}, {"requests_per_day": 50, "requests_per_minute": 3}).llms
        assert rates_of(entries, Limits()) == (
            Limit("requests_per_minute", 3, provider=False),
            Limit("requests_per_day", 50, provider=False),
        )

    def test_are_the_providers_where_it_allows_less(self):
        entries = study({"tokens_per_day": 1000}).llms
        assert rates_of(entries, Limits(allowed={"tokens_per_day": 500})) == (Limit("tokens_per_day", 500, True),)
        assert rates_of(entries, Limits(allowed={"tokens_per_day": 5000})) == (Limit("tokens_per_day", 1000, False),)

    def test_are_shared_by_the_entries_of_one_account(self):
        account = seen(study({}, {"requests_per_day": 300}))
        assert account.llms == ("groq/some-model", "again")
        assert account.day.requests == 560
        assert [exceeded.limit.name for exceeded in account.exceeded] == ["requests_per_day"]
        assert account.exceeded[0].remedy.batches == 7

    def test_of_a_day_that_is_enough_is_not_exceeded(self):
        assert seen(study({"requests_per_day": 280})).exceeded == ()


class TestTheQuestionsThatAreRefused:
    def test_are_those_of_the_worst_day(self):
        batches = [Batch(86_400.0 * day + 60 * n) for day in range(2) for n in range(2)]
        for part, refused in zip(batches, (1, 2, 4, 1), strict=True):
            part.refused["groq/some-model"] = refused
        assert seen(study({"requests_per_day": 270}), *batches).refused == 5

    def test_are_at_least_those_over_the_limit_where_no_whole_day_was_played(self):
        assert seen(study({"requests_per_day": 200}), whole_days=False).refused == 80

    def test_are_fewer_with_shorter_contexts(self):
        remedy = seen(study({}), tokens_per_day=500_000).exceeded[0].remedy
        assert remedy.context_tokens == pytest.approx(800 - (280 * 2143 - 500_000) / 280, abs=1)


class TestTheBatchesOfADay:
    def test_are_those_of_all_its_periods(self):
        assert batches_a_day(study({})) == 14
        assert batches_a_day(study({}, window={**WINDOW, "periods_per_day": 2})) == 28

    def test_are_no_more_than_there_are(self):
        assert batches_a_day(study({}, window={**WINDOW, "end": "2026-12-07T09:00:00+01:00"})) == 2

    def test_are_none_without_a_window(self):
        assert batches_a_day(study({}, window=None)) == 0
