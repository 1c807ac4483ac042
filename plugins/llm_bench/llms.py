"""An LLM under test, as a study names it: which model, by which connection, asked with what, at what price."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import (
    Field,
    SerializerFunctionWrapHandler,
    field_validator,
    model_serializer,
    model_validator,
)

from llm_bench.inputs import Part


class Price(Part):
    """What an LLM costs, in US dollars per million tokens."""

    input: Annotated[float, Field(ge=0, allow_inf_nan=False, description="Of the prompt.")]
    cached_input: Annotated[
        float | None,
        Field(
            ge=0,
            allow_inf_nan=False,
            description="Of the prompt's tokens that the provider read from its cache; left out: as `input`.",
        ),
    ] = None
    output: Annotated[float, Field(ge=0, allow_inf_nan=False, description="Of the answer, reasoning included.")]

    def cost(self, prompt_tokens: int, cached_tokens: int, response_tokens: int) -> float:
        """US dollars for one request.

        :param cached_tokens: of ``prompt_tokens``, those read from a cache.
        """
        cached_input = self.input if self.cached_input is None else self.cached_input
        fresh = max(0, prompt_tokens - cached_tokens)
        return (fresh * self.input + cached_tokens * cached_input + response_tokens * self.output) / 1e6


class Generation(Part):
    """What every LLM is asked with, so that all are asked alike; an LLM may have its own."""

    max_tokens: Annotated[int, Field(ge=1, description="Longest answer, in tokens.")] = 512
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


class LLM(Part):
    """One LLM under test."""

    name: Annotated[
        str,
        Field(
            pattern=r"^\S(.{0,198}\S)?$",
            description="What the LLM is called everywhere, unique in the study, so that one model may stand there "
            "twice with other parameters; left out: the model string.",
        ),
    ] = ""
    model: Annotated[
        str,
        Field(
            pattern=r"^[A-Za-z0-9_.-]+/\S+$",
            description="LiteLLM model string, `provider/model`, e.g. `groq/llama3-70b-8192`; "
            "`baseline/…` names a built-in baseline that needs no key.",
        ),
    ]
    requests_per_minute: Annotated[
        float | None,
        Field(
            gt=0,
            allow_inf_nan=False,
            description="The provider's limit for this LLM; requests are paced to stay under it.",
        ),
    ] = None
    tokens_per_minute: Annotated[
        int | None, Field(ge=1, description="The same for tokens, of prompts and answers together.")
    ] = None
    requests_per_day: Annotated[int | None, Field(ge=1, description="The provider's limit for a day.")] = None
    tokens_per_day: Annotated[
        int | None, Field(ge=1, description="The same for tokens, of prompts and answers together.")
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
        int | None, Field(ge=1, description="In place of the study's; null or left out: the study's.")
    ] = None
    parameters: Annotated[
        dict[str, Any],
        Field(
            description="Sent besides: any of LiteLLM's or of the provider's own, e.g. `{reasoning_effort: low, "
            "top_p: 0.9, seed: 1}`, OpenRouter's `provider: {order: [...]}`, `extra_body`, `extra_headers`."
        ),
    ] = {}  # noqa: RUF012  (pydantic copies it)
    twin: Annotated[
        str | None,
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

    @model_serializer(mode="wrap")
    def _as_given(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without the temperature where none is given: null says something else."""
        content: dict[str, Any] = handler(self)
        if "temperature" not in self.model_fields_set:
            del content["temperature"]
        return content

    def asked_with(self, generation: Generation) -> Generation:
        """What it is asked with.

        :param generation: the study's.
        """
        longest = self.parameters.get("max_completion_tokens", self.max_tokens)
        own: dict[str, Any] = {"max_tokens": longest} if longest is not None else {}
        if "temperature" in self.model_fields_set:
            own["temperature"] = self.temperature
        return generation.model_copy(update=own)

    @property
    def headers(self) -> dict[str, str]:
        """Its extra headers."""
        return {name: value for key in _HEADERS for name, value in (self.parameters.get(key) or {}).items()}

    @property
    def body(self) -> dict[str, Any]:
        """Its parameters but for the headers."""
        return {name: value for name, value in self.parameters.items() if name not in _HEADERS}

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
