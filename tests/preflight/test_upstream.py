from __future__ import annotations

from typing import Any

import pytest

from llm_bench.preflight.upstream import check_upstream, is_pinned
from llm_bench.study import LLM, Study


def entry(model: str = "openrouter/vendor/some-model", **parameters: Any) -> LLM:
    return LLM.model_validate({"model": model, "parameters": parameters})


def study(*llms: LLM) -> Study:
    return Study.model_validate({"name": "mine", "llms": [llm.model_dump() for llm in llms], "industries": ["retail"]})


PINNED = {"provider": {"order": ["DeepInfra"], "allow_fallbacks": False}}


class TestAnUpstream:
    @pytest.mark.parametrize(
        "parameters",
        [PINNED, {"provider": {"only": ["DeepInfra"]}}, {"extra_body": PINNED}],
    )
    def test_is_named_by_an_order_without_fallbacks_or_by_only(self, parameters: dict[str, Any]):
        assert is_pinned(entry(**parameters))

    @pytest.mark.parametrize(
        "parameters",
        [
            {},
            {"provider": {"order": ["DeepInfra"]}},
            {"provider": {"order": ["DeepInfra"], "allow_fallbacks": True}},
            {"provider": {"sort": "throughput"}},
            {"provider": {"only": []}},
            {"provider": "DeepInfra"},
            {"extra_body": "provider"},
        ],
    )
    def test_is_not_named_by_anything_else(self, parameters: dict[str, Any]):
        assert not is_pinned(entry(**parameters))

    def test_of_another_router_is_named_as_that_router_wants_it(self):
        gateway = {"gateway": {"only": ["bedrock"]}}
        assert is_pinned(entry("vercel_ai_gateway/vendor/m", providerOptions=gateway))
        assert not is_pinned(entry("vercel_ai_gateway/vendor/m"))
        assert is_pinned(entry("huggingface/together/vendor/m"))
        assert not is_pinned(entry("huggingface/vendor/m"))


class TestACheckOfThem:
    def test_is_not_made_without_a_router(self):
        assert check_upstream(study(entry("groq/some-model"))) == []

    def test_notes_where_a_router_chooses_and_how_to_name_one(self):
        (check,) = check_upstream(study(entry(), entry("groq/some-model")))
        assert check.passed
        assert check.detail.endswith("who answers for openrouter/vendor/some-model")
        assert "`parameters: {provider: {order: [NAME], allow_fallbacks: false}}`" in check.fix

    def test_says_so_where_each_is_named(self):
        (check,) = check_upstream(study(entry(**PINNED)))
        assert (check.passed, check.detail, check.fix) == (True, "named for openrouter/vendor/some-model", "")
