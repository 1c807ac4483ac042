"""What costs nothing to ask of a provider: GET requests for its models and, where they show nothing of it, its key."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from llm_bench.errors import CredentialsError, LLMBenchError
from llm_bench.measure import refusals
from llm_bench.measure.client import Endpoint
from llm_bench.measure.library import known_provider, quiet_litellm
from llm_bench.measure.resolving import refuse_metadata_at
from llm_bench.study import LLM

TIMEOUT_SEC = 5.0
MODELS = "/models"
NOT_BEFORE_ASKED = "can't be told before it is asked"
NO_SUCH_PATH = (404, 405)

_DATE_RESOLUTION_SEC = 1.0
_REFUSED = (401, 402, 403)
# Where LiteLLM keeps the address to itself.
_ADDRESSES = {"openrouter": "https://openrouter.ai/api/v1", "openai": "https://api.openai.com/v1"}
# OpenRouter sends its list of models to anyone, so its key is tried elsewhere.
# https://openrouter.ai/docs/api/api-reference/api-keys/get-current-key
_KEY_PATHS = {"openrouter": "/key"}


@dataclass(frozen=True, slots=True)
class Listing:
    """Where a provider whose API isn't like OpenAI's lists its models.

    :param address: of its API.
    :param query: for the whole list at once.
    :param key_header: the header that its key goes into.
    :param headers: what it wants to be sent besides.
    """

    address: str
    query: str
    key_header: str
    headers: Mapping[str, str]

    def signed(self, endpoint: Endpoint) -> Endpoint:
        """An endpoint whose key is where this provider looks for it."""
        return replace(endpoint, api_key="", headers={self.key_header: endpoint.api_key, **self.headers})


LISTINGS = {
    # https://docs.anthropic.com/en/api/models-list
    "anthropic": Listing(
        "https://api.anthropic.com/v1", "?limit=1000", "x-api-key", {"anthropic-version": "2023-06-01"}
    ),
    # https://ai.google.dev/api/models#method:-models.list
    "gemini": Listing("https://generativelanguage.googleapis.com/v1beta", "?pageSize=1000", "x-goog-api-key", {}),
}


@dataclass(frozen=True, slots=True)
class Heard:
    """An answer.

    :param content: the body's JSON, None where it is none.
    :param elapsed_sec: from before the connection to the answer's headers.
    :param ahead_sec: how far this machine's clock is ahead of the server's; None where the server tells no time.
    """

    status: int
    content: Any
    elapsed_sec: float
    ahead_sec: float | None

    @property
    def doubt_sec(self) -> float:
        """By how much ``ahead_sec`` may be wrong: the server looked at its clock somewhere between."""
        return self.elapsed_sec / 2 + _DATE_RESOLUTION_SEC / 2


def known(llm: LLM) -> tuple[bool, str | None, str]:
    """What LiteLLM knows: whether the provider's API is like OpenAI's, its address then, and a key of the environment.

    :raises RequestError: it knows no such provider.
    """
    key, address = known_provider(llm)
    if llm.provider in _ADDRESSES:
        address = address or os.environ.get(f"{llm.provider.upper()}_API_BASE") or _ADDRESSES[llm.provider]
    like_openai = address is not None or llm.provider in quiet_litellm().openai_compatible_providers
    return like_openai, address.rstrip("/") if address else None, key or ""


def listing_of(provider: str) -> Listing | None:
    """Where a provider lists its models in a form of its own; None where the environment names another address."""
    elsewhere = any(os.environ.get(f"{provider.upper()}_{name}") for name in ("API_BASE", "BASE_URL"))
    return None if elsewhere else LISTINGS.get(provider)


def key_path(provider: str) -> str:
    """The path whose answer shows whether a key is accepted."""
    return _KEY_PATHS.get(provider, MODELS)


def ask(path: str, endpoint: Endpoint) -> Heard:
    """One request without redirects or proxies, as the measured ones are.

    :param path: below the endpoint's ``api_base``, which must be given.
    :raises httpx.HTTPError: no answer came.
    :raises RequestError: at the address, a machine hands out its own credentials.
    """
    headers = httpx.Headers({"authorization": f"Bearer {endpoint.api_key}"} if endpoint.api_key else {})
    headers.update(endpoint.headers)
    version = {"api-version": endpoint.api_version} if endpoint.api_version else None
    url = f"{(endpoint.api_base or '').rstrip('/')}{path}"
    refuse_metadata_at(url, TIMEOUT_SEC)
    with httpx.Client(transport=httpx.HTTPTransport(), timeout=TIMEOUT_SEC, follow_redirects=False) as http:
        started, before = time.monotonic(), time.time()
        with http.stream("GET", url, params=version, headers=headers) as response:
            elapsed = time.monotonic() - started
            response.read()
    date = server_time(response.headers)
    ahead = None if date is None else before + elapsed / 2 - date
    return Heard(response.status_code, _json(response), elapsed, ahead)


def server_time(headers: httpx.Headers) -> float | None:
    """When the server answered, by its own clock, seconds since the epoch: the middle of the second that it names."""
    try:
        date = parsedate_to_datetime(headers["date"]).timestamp()
    except (KeyError, ValueError):
        return None
    age = headers.get("age", "")  # how long a cache between has kept the answer
    return date + (int(age) if age.isdecimal() else 0) + _DATE_RESOLUTION_SEC / 2


def _json(response: httpx.Response) -> Any:
    try:
        return response.json()
    except ValueError:
        return None


def accepted(provider: str, heard: Heard, source: str) -> str:
    """How the key was received.

    :param heard: the answer of a path that needs the key.
    :param source: where the key was found; empty where there is none.
    :raises CredentialsError: it was refused, or its account can't pay.
    :raises LLMBenchError: the provider can't tell now.
    """
    if heard.status in _REFUSED or refusals.outcome(heard.status, json.dumps(heard.content)) is refusals.KEY:
        what = f"the key ({source})" if source else "a request without a key"
        raise CredentialsError(
            f"{provider} refused {what}: HTTP {heard.status}.",
            "Top up the account."
            if heard.status == 402
            else f"Correct the API key of the Airflow connection llm_{provider} (in the UI: Admin → Connections), "
            "or the provider's environment variable.",
        )
    if heard.status in NO_SUCH_PATH:
        return f"there ({source}); whether it is accepted {NOT_BEFORE_ASKED}" if source else "none given"
    if heard.status != 200 or not isinstance(heard.content, dict | list):
        raise unexpected(provider, heard)
    left = _credit(heard.content)
    if left is not None and left <= 0:
        raise CredentialsError(
            f"{provider} accepts the key ({source}), but its credit limit is used up.",
            "Raise the key's limit at the provider, or wait until it is reset.",
        )
    credit = f", {left:.2f} USD left of its limit" if left is not None else ""
    return f"accepted ({source}){credit}" if source else "none needed"


def _credit(content: Any) -> float | None:
    """What is left of the limit of a key at OpenRouter, in USD; None where there is no limit."""
    data = content.get("data") if isinstance(content, dict) else None
    left = data.get("limit_remaining") if isinstance(data, dict) else None
    return float(left) if isinstance(left, int | float) else None


def listed(heard: Heard) -> dict[str, Mapping[str, Any]] | None:
    """The provider's models by id, or None where it sent no list."""
    content = heard.content
    models = content.get("data", content.get("models")) if isinstance(content, dict) else content
    if heard.status != 200 or not isinstance(models, list):
        return None
    known: list[Mapping[str, Any]] = [model for model in models if isinstance(model, dict)]
    by_name = [model for model in known if "id" not in model and model.get("name")]  # Gemini's: "models/gemini-…"
    return {str(model["name"]).removeprefix("models/"): model for model in by_name} | {
        str(model[name]): model for name in ("canonical_slug", "id") for model in known if model.get(name)
    }


def unexpected(provider: str, heard: Heard) -> LLMBenchError:
    """An answer that tells nothing."""
    if heard.status < 400:
        return LLMBenchError(
            f"{provider} answers HTTP {heard.status}, but not with what was asked for.",
            "Check its address, and that no sign-in page of the network answers in its place.",
        )
    return LLMBenchError(f"{provider} answers HTTP {heard.status}.", "Check its status page, and try again later.")


def inquire(provider: str, endpoint: Endpoint) -> str:
    """Says how a provider receives a key, and how many models it lists, after one GET request or two.

    :param provider: LiteLLM's name of it.
    :raises CredentialsError: the key can't be sent, was refused, or its account can't pay.
    :raises LLMBenchError: the provider isn't reached, or doesn't answer as it should.
    """
    endpoint.check()
    like_openai, address, _ = known(LLM(model=f"{provider}/any"))
    if not like_openai or not (endpoint.api_base or address):
        return f"The key is there. Whether {provider} accepts it {NOT_BEFORE_ASKED}."
    endpoint = replace(endpoint, api_base=endpoint.api_base or address)
    heard = {path: _reached(provider, path, endpoint) for path in {MODELS, key_path(provider)}}
    key = accepted(provider, heard[key_path(provider)], endpoint.source)
    models = listed(heard[MODELS])
    # A model may be listed under two names.
    served = "" if models is None else f"; models listed: {len({id(model) for model in models.values()})}"
    return f"{provider} answers in {heard[MODELS].elapsed_sec:.2f} s. Key: {key}{served}."


def _reached(provider: str, path: str, endpoint: Endpoint) -> Heard:
    try:
        return ask(path, endpoint)
    except Exception as fault:  # an odd address has other errors than httpx's, too
        raise LLMBenchError(
            f"{provider} can't be reached: {str(fault).rstrip('.')}.",
            "Check the base URL (with http:// or https://), and the network of the machine that Airflow runs on.",
        ) from None
