"""What a provider's answer tells, without a network."""

from __future__ import annotations

from typing import Any

import pytest

from llm_bench.errors import RequestError
from llm_bench.measure import inquiry
from llm_bench.measure.inquiry import Heard
from llm_bench.preflight import answers
from llm_bench.study import LLM

WINDOW = {"start": "2026-12-07T08:00:00Z", "end": "2026-12-11T08:00:00Z"}


def heard(status: int = 200, content: Any = None, ahead_sec: float | None = 0.0, elapsed_sec: float = 0.1) -> Heard:
    return Heard(status, content, elapsed_sec, ahead_sec)


class TestServed:
    def served(self, make_study, model: str, *listed: dict[str, Any], **changes: Any) -> str:
        models = inquiry.listed(heard(content={"object": "list", "data": list(listed)}))
        assert models is not None
        return answers.served(LLM(model=model), models, make_study(**changes))

    def test_is_a_model_of_the_list(self, make_study):
        assert self.served(make_study, "groq/a/b", {"id": "a/b", "active": True}) == "served"

    def test_is_not_one_that_is_listed_as_inactive(self, make_study):
        with pytest.raises(RequestError, match=r"groq doesn't serve this model \(any more\); nearest: a/b2\."):
            self.served(make_study, "groq/a/b1", {"id": "a/b1", "active": False}, {"id": "a/b2"})

    def test_tells_none_where_none_is_near(self, make_study):
        with pytest.raises(RequestError, match=r"\(any more\)\. Name another"):
            self.served(make_study, "groq/llama", {"id": "xyz"})

    @pytest.mark.parametrize("variant", ["nitro", "floor", "exacto"])
    def test_is_a_routing_variant_which_openrouter_never_lists(self, make_study, variant):
        assert self.served(make_study, f"openrouter/a/b:{variant}", {"id": "a/b"}) == "served"

    def test_is_not_a_variant_of_its_own_that_is_gone(self, make_study):
        with pytest.raises(RequestError, match="nearest: a/b"):
            self.served(make_study, "openrouter/a/b:free", {"id": "a/b"})

    def test_is_a_model_by_its_permanent_name(self, make_study):
        assert self.served(make_study, "openrouter/a/b-0528", {"id": "a/b", "canonical_slug": "a/b-0528"}) == "served"

    def test_is_not_one_that_retires_within_the_window(self, make_study):
        with pytest.raises(RequestError, match="retires this model on 2026-12-10, before the window ends"):
            self.served(make_study, "openrouter/a", {"id": "a", "expiration_date": "2026-12-10"}, window=WINDOW)

    def test_is_one_that_retires_after_it(self, make_study):
        detail = self.served(make_study, "openrouter/a", {"id": "a", "expiration_date": "2027-01-01"}, window=WINDOW)
        assert detail == "served until 2027-01-01"


class TestWhatAListSays:
    def served(self, make_study, listed: dict[str, Any], **changes: Any) -> str:
        return answers.served(LLM(model="openrouter/a"), {"a": listed}, make_study(**changes))

    @pytest.mark.parametrize("name", ["context_window", "context_length", "max_context_length", "max_model_len"])
    def test_holds_the_length_of_the_context(self, make_study, name):
        assert self.served(make_study, {"id": "a", name: 131072}) == "served, 131,072 tokens of context"

    def test_holds_the_parameters_that_are_ignored(self, make_study):
        listed = {"id": "a", "supported_parameters": ["max_tokens", "top_p"]}
        assert self.served(make_study, listed) == "served; ignores temperature"

    @pytest.mark.parametrize("listed", [{"max_completion_tokens": 64}, {"top_provider": {"max_completion_tokens": 64}}])
    def test_refuses_longer_answers_than_the_model_gives(self, make_study, listed):
        with pytest.raises(RequestError, match=r"at most 64 tokens, and max_tokens is 512\. Lower"):
            self.served(make_study, {"id": "a", **listed})
        assert self.served(make_study, {"id": "a", **listed}, generation={"max_tokens": 64}) == "served"

    @pytest.mark.parametrize("value", [None, "8192", 0, True, [], {}])
    def test_may_be_anything(self, make_study, value):
        listed = {"context_length": value, "max_completion_tokens": value, "top_provider": value}
        assert self.served(make_study, {"id": "a", **listed, "supported_parameters": value}).startswith("served")


class TestClock:
    def test_in_step_names_whom_with(self):
        check = answers.clock([("groq", heard(ahead_sec=0.4)), ("openrouter", heard(ahead_sec=-1.0))])
        assert (check.passed, check.detail) == (True, "in step with groq, openrouter")

    def test_is_judged_by_the_provider_that_is_furthest_off(self):
        check = answers.clock([("groq", heard(ahead_sec=0.4)), ("openrouter", heard(ahead_sec=-8.0))])
        assert (check.passed, check.detail) == (False, "This machine's clock is 8 s behind openrouter's.")

    def test_is_not_blamed_for_a_slow_network(self):
        assert answers.clock([("groq", heard(ahead_sec=6.0, elapsed_sec=4.0))]).passed

    def test_cannot_be_told_by_a_server_without_one(self):
        assert answers.clock([("groq", heard(ahead_sec=None))]).passed
