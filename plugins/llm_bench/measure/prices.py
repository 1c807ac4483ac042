"""What a request cost, and who says so."""

from __future__ import annotations

from importlib.metadata import version
from types import ModuleType

from llm_bench.measure.formats.answer import Usage
from llm_bench.measure.library import off_line
from llm_bench.method import Method
from llm_bench.study import BASELINE, LLM

COST = Method(
    "Cost",
    "As the provider states it; else its tokens at the study's price, or at LiteLLM's list price; not known where "
    "there is neither.",
)


def cost(
    litellm: ModuleType, llm: LLM, usage: Usage, tokens: tuple[int | None, int | None]
) -> tuple[float | None, str | None]:
    """US dollars, and where they are from: the provider, the study's price, or LiteLLM's price list.

    :param tokens: of prompt and answer.
    :return: None twice where no price is known.
    """
    prompt, response = tokens
    if usage.cost is not None:
        return usage.cost, "provider"
    if prompt is None or response is None or llm.provider == BASELINE:
        return None, None
    if llm.price is not None:
        return llm.price.cost(prompt, usage.cached or 0, response), "study"
    try:
        with off_line():  # it would ask an Ollama server for its models
            costs = litellm.cost_per_token(
                model=llm.model,
                prompt_tokens=prompt,
                completion_tokens=response,
                cache_read_input_tokens=usage.cached or 0,
                cache_creation_input_tokens=usage.cache_write or 0,
            )
    except Exception:
        return None, None
    return float(sum(costs)), f"litellm {version('litellm')}"
