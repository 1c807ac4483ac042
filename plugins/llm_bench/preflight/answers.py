"""What a provider's answers tell of a study's models and of this machine's clock. Pure."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from typing import Any

from llm_bench.errors import RequestError
from llm_bench.measure.inquiry import Heard
from llm_bench.preflight.checks import Check
from llm_bench.study import LLM, Study

CLOCK_LIMIT_SEC = 5.0

# OpenRouter takes these at the end of any model's id, but lists none of them.
# https://openrouter.ai/docs/guides/routing/model-variants/overview
_WINDOWS = ("context_window", "context_length", "max_context_length", "max_model_len", "inputTokenLimit")
_ROUTING = re.compile(r":(nitro|floor|exacto|online)$")


def served(llm: LLM, models: Mapping[str, Mapping[str, Any]], study: Study) -> str:
    """What the provider's list says of a model: how long it is served, and what it takes.

    :param models: as the provider lists them, by id.
    :raises RequestError: it isn't served, or won't be until the window ends, or gives shorter answers than are wanted.
    """
    wanted = _ROUTING.sub("", llm.model_name) if llm.provider == "openrouter" else llm.model_name
    file = f"include/studies/{study.name}.yaml"
    model = models.get(wanted)
    if model is None or model.get("active") is False:
        others = [name for name, other in models.items() if other.get("active") is not False]
        near = difflib.get_close_matches(wanted, others, n=3, cutoff=0.4)
        raise RequestError(
            f"{llm.provider} doesn't serve this model (any more)" + (f"; nearest: {', '.join(near)}." if near else "."),
            f"Name another of its models in {file}, as {llm.provider}/{near[0] if near else '…'}.",
        )
    retired = model.get("expiration_date")
    if not retired:
        return "served" + _limits(llm, model, study, file)
    if study.window is not None and str(retired)[:10] <= study.window.end.date().isoformat():
        raise RequestError(
            f"{llm.provider} retires this model on {retired}, before the window ends.",
            f"Name another of its models in {file}, or move the window.",
        )
    return f"served until {retired}" + _limits(llm, model, study, file)


def _limits(llm: LLM, model: Mapping[str, Any], study: Study, file: str) -> str:
    """What a model takes, as far as its provider says so.

    Field names are those of Groq (https://console.groq.com/docs/api-reference#models-list), OpenRouter
    (https://openrouter.ai/docs/api/api-reference/models/get-models), Mistral, vLLM
    and Gemini.

    :raises RequestError: its answers are shorter than the study wants them.
    """
    window = next(filter(None, (_number(model, name) for name in _WINDOWS)), None)
    provider = model.get("top_provider")
    longest = _number(provider if isinstance(provider, Mapping) else model, "max_completion_tokens")
    longest = longest or _number(model, "outputTokenLimit")
    wanted = llm.asked_with(study.generation).max_tokens
    if longest is not None and longest < wanted:
        raise RequestError(
            f"Its answers have at most {longest} tokens, and max_tokens is {wanted}.",
            f"Lower generation.max_tokens, or max_tokens of the LLM's entry, in {file}.",
        )
    taken = model.get("supported_parameters")
    ignored = [name for name in ("max_tokens", "temperature") if isinstance(taken, list) and name not in taken]
    return (f", {window:,} tokens of context" if window else "") + (
        f"; ignores {', '.join(ignored)}" if ignored else ""
    )


def _number(content: Mapping[str, Any], name: str) -> int | None:
    value = content.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


def clock(heard: Sequence[tuple[str, Heard]]) -> Check:
    """Whether this machine's clock agrees with the ``Date`` of each provider's answer.

    :param heard: provider and answer.
    """
    seen = [
        (abs(answer.ahead_sec) - answer.doubt_sec, answer.ahead_sec, provider)
        for provider, answer in heard
        if answer.ahead_sec is not None
    ]
    if not seen:
        return Check("clock", True, "no provider's clock to compare it with")
    off, ahead, provider = max(seen)
    if off > CLOCK_LIMIT_SEC:
        return Check(
            "clock",
            False,
            f"This machine's clock is {abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} {provider}'s.",
            "Turn on time synchronisation (on Linux: sudo timedatectl set-ntp true), then check again.",
        )
    return Check("clock", True, f"in step with {', '.join(provider for _, _, provider in seen)}")
