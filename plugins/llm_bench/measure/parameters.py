"""What LiteLLM is given for an LLM beside its messages, and which of it LiteLLM doesn't send. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from llm_bench.errors import RequestError
from llm_bench.study import LLM, Generation

_ADVICE = re.compile(r",? (?:To drop|for model=|For gpt)")
"""Where LiteLLM's words about a parameter turn to its own settings."""
_LISTED = re.compile(r"parameters: (\[.*?\])")


def parameters_of(llm: LLM, generation: Generation) -> dict[str, Any]:
    """What an LLM is asked with; LiteLLM sends none that is None.

    :param generation: the LLM's own, as ``LLM.asked_with`` gives it.
    """
    limit = {} if "max_completion_tokens" in llm.parameters else {"max_tokens": generation.max_tokens}
    asked = {"stream_options": {"include_usage": True}, **limit, "temperature": generation.temperature}
    return asked | llm.body


def refused(llm: LLM, parameters: Mapping[str, Any], words: str) -> RequestError:
    """The error to raise where LiteLLM knows that a model doesn't take a parameter.

    :param parameters: that it was given.
    :param words: LiteLLM's, of its ``UnsupportedParamsError``; without secrets.
    """
    reason = _ADVICE.split(" ".join(words.partition("Error: ")[2].split()))[0].rstrip(". ")
    named = _LISTED.findall(reason)[:1] or [reason]
    sent = {name: value for name, value in parameters.items() if re.search(rf"\b{re.escape(name)}\b", named[0])}
    what = ", ".join(f"{name} {value}" for name, value in sent.items()) or "one of the parameters"
    return RequestError(
        f"LiteLLM doesn't send {what} to {llm.model}: {reason}.",
        "Change it in this LLM's entry of the study file: another value, none (temperature: null), or, where the "
        f"provider takes it all the same, parameters: {{allowed_openai_params: [{', '.join(sent)}]}}.",
    )
