"""What an LLM's entry of a study may say, and what it then means."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from llm_bench.errors import StudyError
from llm_bench.llms import LLM, Generation, Price
from llm_bench.study import Study, parse_study

FILE = Path("include/studies/mine.yaml")


def study(*llms: dict[str, Any], **content: Any) -> Study:
    return Study.model_validate({"name": "mine", "llms": llms, "industries": ["retail"], **content})


def mistakes(tmp_path: Path, *llms: dict[str, Any]) -> tuple[str, ...]:
    for folder in ("questions", "knowledge/retail"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "questions" / "retail.yaml").touch()
    with pytest.raises(StudyError) as caught:
        parse_study({"llms": list(llms), "industries": ["retail"]}, FILE, tmp_path)
    return caught.value.problems


class TestAnEntryOfAModelAlone:
    def test_is_named_as_its_model(self):
        (llm,) = study({"model": "groq/some-model"}).llms
        assert (llm.name, llm.conn_id) == ("groq/some-model", "llm_groq")

    def test_is_asked_with_what_the_study_says(self):
        asked = Generation(max_tokens=9, temperature=0.5)
        assert LLM(model="groq/some-model").asked_with(asked) == asked


class TestAName:
    def test_lets_one_model_stand_there_twice(self):
        made = study({"name": "cool", "model": "groq/x"}, {"name": "hot", "model": "groq/x", "temperature": 1})
        assert [llm.name for llm in made.llms] == ["cool", "hot"]
        assert [made.label(llm) for llm in made.llms] == ["cool", "hot"]
        assert len(made.cells) == 2

    @pytest.mark.parametrize("second", [{"model": "groq/x"}, {"name": "groq/x", "model": "groq/y"}])
    def test_is_unique(self, tmp_path: Path, second: dict[str, Any]):
        (problem,) = mistakes(tmp_path, {"model": "groq/x"}, second)
        assert "groq/x stands there twice; allowed: each once, or a name of its own for each" in problem

    @pytest.mark.parametrize("name", [" hot", "hot\n", "h\not", "x" * 201])
    def test_is_one_line_of_text(self, tmp_path: Path, name: str):
        (problem,) = mistakes(tmp_path, {"name": name, "model": "groq/x"})
        assert problem.startswith("llms.0.name: ")


class TestWhatAnEntryAsksWith:
    @pytest.mark.parametrize(
        ("own", "asked"),
        [
            ({"temperature": 1}, (512, 1)),
            ({"temperature": None}, (512, None)),
            ({"max_tokens": 64}, (64, 0)),
            ({"max_tokens": None}, (512, 0)),
            ({"parameters": {"max_completion_tokens": 64}}, (64, 0)),
        ],
    )
    def test_goes_before_what_the_study_says(self, own: dict[str, Any], asked: tuple[int, float | None]):
        made = study({"model": "groq/x", **own})
        assert made.llms[0].asked_with(made.generation) == Generation(max_tokens=asked[0], temperature=asked[1])

    @pytest.mark.parametrize("own", [{}, {"temperature": None}, {"temperature": 1}])
    def test_is_the_same_after_it_was_written_out(self, own: dict[str, Any]):
        made = study({"model": "groq/x", **own}, generation={"temperature": 0.3})
        read = Study.model_validate(made.model_dump(mode="json"))
        assert read == made
        assert read.llms[0].asked_with(read.generation) == made.llms[0].asked_with(made.generation)


class TestParameters:
    @pytest.mark.parametrize(
        ("parameters", "said"),
        [
            ({"model": "groq/y"}, "model can't be set here: it is the entry's `model`"),
            ({"temperature": 1}, "temperature can't be set here: the entry has a key `temperature`"),
            ({"api_base": "http://x"}, "api_base can't be set here: the address and the key belong to the Airflow"),
            ({"stream": False}, "stream can't be set here: what is timed is one streamed request"),
            ({"fallbacks": ["groq/y"]}, "fallbacks can't be set here: the one request must reach this very model"),
            ({"drop_params": True}, "drop_params can't be set here"),
            ({"aws_secret_access_key": "canary"}, "aws_secret_access_key can't be set here: a key belongs to the"),
            (
                {"extra_headers": {"Authorization": "canary"}},
                "extra_headers holds Authorization; allowed: a key only in",
            ),
            ({"extra_headers": ["canary"]}, "extra_headers is no mapping of texts"),
            ({"max_completion_tokens": "many"}, "max_completion_tokens is 'many'; allowed: a whole number from 1 on"),
        ],
    )
    def test_that_belong_elsewhere_are_a_mistake_which_shows_no_key(
        self, tmp_path: Path, parameters: dict[str, Any], said: str
    ):
        (problem,) = mistakes(tmp_path, {"model": "groq/x", "parameters": parameters})
        assert problem.startswith(f"llms.0.parameters: {said}")
        assert "canary" not in problem

    @pytest.mark.parametrize("name", ["prompt_cache_key", "top_p", "max_completion_tokens", "seed", "provider"])
    def test_of_the_providers_may_stand_there(self, name: str):
        assert LLM.model_validate({"model": "groq/x", "parameters": {name: 5}}).body == {name: 5}

    def test_that_are_headers_are_apart_from_the_body(self):
        llm = LLM.model_validate({"model": "groq/x", "parameters": {"extra_headers": {"x-a": "b"}, "seed": 1}})
        assert (llm.headers, llm.body) == ({"x-a": "b"}, {"seed": 1})


class TestABudgetForReasoning:
    CLAUDE = "anthropic/claude-sonnet-4-5"

    @pytest.mark.parametrize(
        ("own", "said"),
        [
            ({"model": "groq/x"}, "groq takes none; allowed: for anthropic, bedrock, gemini, openrouter, or, in place"),
            (
                {"model": "gemini/gemini-3-pro-preview"},
                "isn't sent to gemini/gemini-3-pro-preview by LiteLLM; allowed: for",
            ),
            (
                {"model": CLAUDE, "parameters": {"thinking": {"type": "adaptive"}}},
                "parameters say thinking; allowed: one",
            ),
            ({"model": CLAUDE, "parameters": {"max_completion_tokens": 9}}, "parameters say max_completion_tokens;"),
            ({"model": CLAUDE, "temperature": 0.5}, "anthropic takes none at another temperature than 1"),
            ({"model": CLAUDE, "reasoning_budget": 1023}, "is too small for anthropic; allowed: 1024 or more"),
            ({"model": CLAUDE, "reasoning_budget": 0}, "input should be greater than or equal to 1"),
        ],
    )
    def test_that_cant_be_sent_is_a_mistake(self, tmp_path: Path, own: dict[str, Any], said: str):
        (problem,) = mistakes(tmp_path, {"reasoning_budget": 2048, **own})
        assert problem.startswith("llms.0.reasoning_budget: ")
        assert said in problem

    def test_is_added_to_the_answers_own_length(self):
        made = study({"model": "gemini/gemini-2.5-flash", "max_tokens": 100, "reasoning_budget": 2048})
        assert made.llms[0].asked_with(made.generation) == Generation(max_tokens=2148, temperature=0)

    @pytest.mark.parametrize(("own", "sent"), [({}, None), ({"temperature": 1}, 1), ({"temperature": None}, None)])
    def test_of_claude_goes_with_no_temperature_or_with_1(self, own: dict[str, Any], sent: float | None):
        made = study({"model": self.CLAUDE, "reasoning_budget": 1024, **own})
        assert made.llms[0].asked_with(made.generation).temperature == sent

    def test_is_the_same_after_it_was_written_out(self):
        made = study({"model": self.CLAUDE, "reasoning_budget": 1024})
        read = Study.model_validate(made.model_dump(mode="json"))
        assert read.llms[0].asked_with(read.generation) == made.llms[0].asked_with(made.generation)


class TestLimitsAndPrices:
    @pytest.mark.parametrize(
        ("own", "said"),
        [
            (
                {"requests_per_minute": 0},
                "llms.0.requests_per_minute: 0: input should be greater than or",
            ),
            (
                {"requests_per_minute": float("inf")},
                "llms.0.requests_per_minute: inf: input should be less",
            ),
            ({"tokens_per_minute": 0}, "llms.0.tokens_per_minute: 0: input should be greater than or equal to 1"),
            ({"requests_per_day": 1.5}, "llms.0.requests_per_day: 1.5: input should be a valid integer"),
            ({"tokens_per_day": "many"}, "llms.0.tokens_per_day: 'many': input should be a valid integer"),
            ({"price": {"input": 1}}, "llms.0.price.output: is missing"),
            (
                {"price": {"input": -1, "output": 1}},
                "llms.0.price.input: -1: input should be greater than or equal to 0",
            ),
            ({"price": {"inputs": 1, "input": 1, "output": 1}}, "unknown key; allowed: input, cached_input, output"),
        ],
    )
    def test_are_told_with_key_cause_and_what_is_allowed(self, tmp_path: Path, own: dict[str, Any], said: str):
        (problem,) = mistakes(tmp_path, {"model": "groq/x", **own})
        assert said in problem


class TestAPrice:
    def test_is_per_million_tokens_cached_ones_apart(self):
        assert Price(input=2, cached_input=1, output=8).cost(10_000, 9_000, 1_000) == pytest.approx(0.019)

    def test_never_counts_more_cached_tokens_than_there_are_as_less_than_none(self):
        assert Price(input=2, cached_input=1, output=0).cost(10, 20, 0) == pytest.approx(20e-6)
