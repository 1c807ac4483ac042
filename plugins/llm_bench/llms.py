"""An LLM under test, as a study names it: which model, by which connection, asked with what, at what price."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import (
    Field,
    SerializerFunctionWrapHandler,
    ValidationInfo,
    field_validator,
    model_serializer,
    model_validator,
)

from llm_bench.inputs import JSONObject, Line, Part

_DEAREST = 1e6
_MOST_TOKENS = 10_000_000
"""Of an answer, or of what an LLM may reason: ten times the longest that any LLM has."""
_MOST_A_DAY = 10**15
"""Of what a provider's limits count."""


class Price(Part):
    """What an LLM costs, in US dollars per million tokens."""

    input: Annotated[float, Field(ge=0, le=_DEAREST, description="Of the prompt.")]
    cached_input: Annotated[
        float | None,
        Field(
            ge=0,
            le=_DEAREST,
            description="Of the prompt's tokens that the provider read from its cache; left out: as `input`.",
        ),
    ] = None
    output: Annotated[float, Field(ge=0, le=_DEAREST, description="Of the answer, reasoning included.")]

    def cost(self, prompt_tokens: int, cached_tokens: int, response_tokens: int) -> float:
        """US dollars for one request.

        :param cached_tokens: of ``prompt_tokens``, those read from a cache.
        """
        cached_input = self.input if self.cached_input is None else self.cached_input
        fresh = max(0, prompt_tokens - cached_tokens)
        return (fresh * self.input + cached_tokens * cached_input + response_tokens * self.output) / 1e6


class Generation(Part):
    """What every LLM is asked with, so that all are asked alike; an LLM may have its own."""

    max_tokens: Annotated[int, Field(ge=1, le=_MOST_TOKENS, description="Longest answer, in tokens.")] = 512
    temperature: Annotated[
        float | None,
        Field(
            ge=0,
            le=2,
            description="0: as repeatable as the provider allows; null: none is sent, as some models take none.",
        ),
    ] = 0.0


_RESERVED = {
    "model": "it is the entry's `model`",
    "messages": "they are made of the question, its context and the study's `prompt`",
    "temperature": "the entry has a key `temperature`",
    "max_tokens": "the entry has a key `max_tokens`",
    **dict.fromkeys(
        ("api_key", "api_base", "base_url", "api_version", "organization", "custom_llm_provider"),
        "the address and the key belong to the Airflow connection",
    ),
    **dict.fromkeys(("stream", "n", "num_retries", "max_retries", "timeout"), "what is timed is one streamed request"),
    **dict.fromkeys(
        ("fallbacks", "context_window_fallback_dict", "mock_response", "caching", "cache", "client", "logger_fn"),
        "the one request must reach this very model",
    ),
    "drop_params": "a study says what is asked; `temperature: null` and the like leave a parameter out",
}
"""Parameters that an LLM's entry can't set: why."""
_SECRET = re.compile(r"(?<!prompt_cache)_key$|_token$|secret|password|credentials", re.IGNORECASE)
_KEY_HEADERS = {"authorization", "proxy-authorization", "x-api-key", "api-key", "x-goog-api-key", "cookie"}
_HEADERS = ("extra_headers", "headers")

_THINKING, _REASONING = "thinking", "reasoning"
_BUDGETS = {"anthropic": _THINKING, "bedrock": _THINKING, "gemini": _THINKING, "openrouter": _REASONING}
"""Provider → the parameter that bounds an LLM's reasoning in tokens.

All four count reasoning and answer together: https://platform.claude.com/docs/en/build-with-claude/extended-thinking,
https://ai.google.dev/gemini-api/docs/thinking, https://openrouter.ai/docs/use-cases/reasoning-tokens.
"""
_CLAUDE = {"anthropic", "bedrock"}
"""Providers whose models reason on a budget of at least ``_LEAST_BUDGET`` tokens, at no other temperature than 1."""
_LEAST_BUDGET = 1024
_BY_LEVEL = re.compile(r"gemini-(?:[3-9]|[1-9]\d)")
"""Models that take a level instead, so that LiteLLM leaves a budget out."""
_OTHERWISE = (_THINKING, _REASONING, "reasoning_effort", "max_completion_tokens")
"""Parameters that say the same as a budget, or another longest answer."""


class LLM(Part):
    """One LLM under test."""

    name: Annotated[
        Line,
        Field(
            pattern=r"^\S(.{0,198}\S)?$",
            description="What the LLM is called everywhere, unique in the study, so that one model may stand there "
            "twice with other parameters; left out: the model string.",
        ),
    ] = ""
    model: Annotated[
        Line,
        Field(
            max_length=200,
            pattern=r"^[A-Za-z0-9_.-]{1,100}/\S+$",
            description="LiteLLM model string, `provider/model`, e.g. `groq/llama3-70b-8192`; "
            "`baseline/…` names a built-in baseline that needs no key.",
        ),
    ]
    requests_per_minute: Annotated[
        float | None,
        Field(
            ge=0.01,
            le=1e6,
            description="The provider's limit for this LLM; requests are paced to stay under it.",
        ),
    ] = None
    tokens_per_minute: Annotated[
        int | None,
        Field(ge=1, le=_MOST_A_DAY, description="The same for tokens, of prompts and answers together."),
    ] = None
    requests_per_day: Annotated[
        int | None, Field(ge=1, le=_MOST_A_DAY, description="The provider's limit for a day.")
    ] = None
    tokens_per_day: Annotated[
        int | None,
        Field(ge=1, le=_MOST_A_DAY, description="The same for tokens, of prompts and answers together."),
    ] = None
    connection: Annotated[
        str | None,
        Field(
            pattern=r"^[\w.-]{1,200}$",
            description="Id of the Airflow connection with its key and address; left out: `llm_` and the provider.",
        ),
    ] = None
    temperature: Annotated[
        float | None,
        Field(ge=0, le=2, description="In place of the study's; null: none is sent. Left out: the study's."),
    ] = None
    max_tokens: Annotated[
        int | None,
        Field(ge=1, le=_MOST_TOKENS, description="In place of the study's; null or left out: the study's."),
    ] = None
    parameters: Annotated[
        JSONObject,
        Field(
            description="Sent besides: any of LiteLLM's or of the provider's own, e.g. `{reasoning_effort: low, "
            "top_p: 0.9, seed: 1}`, OpenRouter's `provider: {order: [...]}`, `extra_body`, `extra_headers`."
        ),
    ] = {}  # noqa: RUF012  (pydantic copies it)
    twin: Annotated[
        Line | None,
        Field(
            pattern=r"^\S(.{0,198}\S)?$",
            description="A second name: the same LLM is measured once more under it, in the same slots. What differs "
            "between the two is the study's noise floor.",
        ),
    ] = None
    price: Annotated[
        Price | None,
        Field(description="What it costs, where the provider doesn't state it; left out: LiteLLM's price list."),
    ] = None
    reasoning_budget: Annotated[
        int | None,
        Field(
            ge=1,
            le=_MOST_TOKENS,
            description="Tokens that it may spend on reasoning, so that `max_tokens` is the answer's own; for those "
            "models of `anthropic`, `bedrock`, `gemini` and `openrouter` that take one. The first two are then asked "
            "without a temperature.",
        ),
    ] = None

    @model_validator(mode="before")
    @classmethod
    def _named(cls, content: Any) -> Any:
        if isinstance(content, dict) and not content.get("name"):
            return {**content, "name": str(content.get("model") or "?").strip()[:200]}
        return content

    @field_validator("parameters")
    @classmethod
    def _may_be_set(cls, parameters: dict[str, Any]) -> dict[str, Any]:
        for name in parameters:
            if name in _RESERVED:
                raise ValueError(f"{name} can't be set here: {_RESERVED[name]}")
            if _SECRET.search(name):
                raise ValueError(f"{name} can't be set here: a key belongs to the Airflow connection")
        longest = parameters.get("max_completion_tokens", 1)
        if isinstance(longest, bool) or not isinstance(longest, int) or longest < 1:
            raise ValueError(f"max_completion_tokens is {longest!r}; allowed: a whole number from 1 on")
        for name in _HEADERS:
            headers = parameters.get(name) or {}
            if not isinstance(headers, dict) or not all(isinstance(value, str) for value in headers.values()):
                raise ValueError(f"{name} is no mapping of texts; allowed: e.g. {{X-Header: value}}")
            keys = [header for header in headers if str(header).lower() in _KEY_HEADERS]
            if keys:
                raise ValueError(f"{name} holds {', '.join(keys)}; allowed: a key only in the Airflow connection")
        return parameters

    @field_validator("reasoning_budget")
    @classmethod
    def _can_be_sent(cls, budget: int | None, info: ValidationInfo) -> int | None:
        if budget is None or not {"model", "temperature", "parameters"} <= info.data.keys():
            return budget
        model: str = info.data["model"]
        provider = model.partition("/")[0]
        effort = "or, in place of it, parameters: {reasoning_effort: low}"
        if provider not in _BUDGETS:
            raise ValueError(f"{provider} takes none; allowed: for {', '.join(_BUDGETS)}, {effort}")
        if provider == "gemini" and _BY_LEVEL.search(model):
            raise ValueError(f"isn't sent to {model} by LiteLLM; allowed: for earlier models, {effort}")
        twice = [name for name in _OTHERWISE if name in info.data["parameters"]]
        if twice:
            raise ValueError(f"parameters say {', '.join(twice)}; allowed: one of the two")
        if provider in _CLAUDE and budget < _LEAST_BUDGET:
            raise ValueError(f"is too small for {provider}; allowed: {_LEAST_BUDGET} or more")
        if provider in _CLAUDE and info.data["temperature"] not in (None, 1):
            raise ValueError(f"{provider} takes none at another temperature than 1; allowed: 1, null, or none given")
        return budget

    @model_serializer(mode="wrap")
    def _as_given(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without the temperature where none is given: null says something else."""
        content: dict[str, Any] = handler(self)
        if "temperature" not in self.model_fields_set:
            del content["temperature"]
        return content

    def asked_with(self, generation: Generation) -> Generation:
        """What it is asked with; its longest answer with the reasoning before it, which providers count together.

        :param generation: the study's.
        """
        longest = self.parameters.get("max_completion_tokens", self.max_tokens)
        own: dict[str, Any] = {"max_tokens": longest} if longest is not None else {}
        if "temperature" in self.model_fields_set:
            own["temperature"] = self.temperature
        elif self.reasoning_budget and self.provider in _CLAUDE:
            own["temperature"] = None
        asked = generation.model_copy(update=own)
        return asked.model_copy(update={"max_tokens": asked.max_tokens + (self.reasoning_budget or 0)})

    @property
    def headers(self) -> dict[str, str]:
        """Its extra headers."""
        return {name: value for key in _HEADERS for name, value in (self.parameters.get(key) or {}).items()}

    @property
    def body(self) -> dict[str, Any]:
        """Its parameters but for the headers."""
        own = {name: value for name, value in self.parameters.items() if name not in _HEADERS}
        return own | self.reasoning

    @property
    def reasoning(self) -> dict[str, Any]:
        """The parameter that bounds its reasoning; none without a budget."""
        budget, name = self.reasoning_budget, _BUDGETS.get(self.provider, "")
        if budget is None:
            return {}
        bound = {"max_tokens": budget} if name == _REASONING else {"type": "enabled", "budget_tokens": budget}
        return {name: bound}

    @property
    def conn_id(self) -> str:
        """Id of the Airflow connection that it is asked by."""
        return self.connection or f"llm_{self.provider}"

    @property
    def account(self) -> str:
        """Whose rate limits it is held to: those of its model, by its connection."""
        return f"{self.connection} {self.model}" if self.connection else self.model

    @property
    def provider(self) -> str:
        return self.model.partition("/")[0]

    @property
    def model_name(self) -> str:
        return self.model.partition("/")[2]
