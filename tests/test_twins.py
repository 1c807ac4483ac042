"""An LLM's twin in a study: the same entry once more, under another name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_bench.errors import StudyError
from llm_bench.study import LLM, Study, parse_study

LLAMA: dict[str, Any] = {"model": "groq/llama3-70b-8192", "twin": "llama again", "max_tokens": 9, "connection": "llm_a"}
OTHER: dict[str, Any] = {"model": "openrouter/vendor/other"}


def study(*llms: dict[str, Any], **content: Any) -> Study:
    return Study.model_validate({"name": "mine", "llms": llms, "industries": ["retail"]} | content)


def names(of: Study) -> list[str]:
    return [llm.name for llm in of.llms]


class TestATwin:
    def test_stands_right_after_its_llm(self):
        assert names(study(LLAMA, OTHER)) == ["groq/llama3-70b-8192", "llama again", "openrouter/vendor/other"]

    def test_is_the_same_but_for_its_name(self):
        llama, twin, _ = study(LLAMA, OTHER).llms
        same = LLM.model_validate({**LLAMA, "name": llama.name, "twin": None})
        assert twin == same.model_copy(update={"name": "llama again"})

    def test_has_a_cell_in_each_industry(self):
        cells = study(LLAMA, OTHER, industries=["retail", "finance"]).cells
        assert [(llm.name, industry) for llm, industry in cells if llm.name == "llama again"] == [
            ("llama again", "retail"),
            ("llama again", "finance"),
        ]

    def test_counts_in_the_records_of_a_batch(self):
        assert study(LLAMA, OTHER).records_per_batch(20) == 60
        assert study(LLAMA, OTHER, cache="both").records_per_batch(20) == 120

    def test_is_named_by_the_study(self):
        assert study(LLAMA, {**OTHER, "twin": "another"}).twins == {
            "groq/llama3-70b-8192": "llama again",
            "openrouter/vendor/other": "another",
        }

    def test_shares_the_account_and_so_the_limits(self):
        llama, twin, _ = study(LLAMA, OTHER).llms
        assert twin.account == llama.account


class TestAStudyThatIsDumpedAndRead:
    @given(st.lists(st.booleans(), min_size=1, max_size=5), st.integers(1, 4))
    def test_has_each_twin_once_however_often(self, twinned, times):
        entries = [
            {"name": f"llm {number}", "model": "groq/x"} | ({"twin": f"twin {number}"} if has_one else {})
            for number, has_one in enumerate(twinned)
        ]
        first = again = study(*entries)
        for _ in range(times):
            again = Study.model_validate(json.loads(json.dumps(again.model_dump(mode="json"))))
        assert again == first
        assert len(again.llms) == len(twinned) + sum(twinned)


class TestATwinsName:
    def mistakes(self, include: Path, *llms: dict[str, Any]) -> str:
        content = {"llms": list(llms), "industries": ["retail"]}
        with pytest.raises(StudyError) as caught:
            parse_study(content, Path("include/studies/mine.yaml"), include)
        return " ".join(caught.value.problems)

    def test_that_another_llm_has_is_a_mistake(self, include):
        assert "llama again" in self.mistakes(include, LLAMA, {**OTHER, "name": "llama again"})

    def test_that_another_twin_has_is_a_mistake(self, include):
        assert "llama again" in self.mistakes(include, LLAMA, {**OTHER, "twin": "llama again"})

    def test_that_its_llm_has_is_a_mistake(self, include):
        assert "groq/llama3-70b-8192" in self.mistakes(include, {**LLAMA, "twin": "groq/llama3-70b-8192"})

    @pytest.mark.parametrize("name", ["", " llama", "a\nb"])
    def test_that_is_none_is_a_mistake(self, include, name):
        assert "twin" in self.mistakes(include, {**LLAMA, "twin": name})
