"""What a provider's answers tell of the key, the models and the clock. Pure."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from typing import Any

from llm_bench.errors import CredentialsError, LLMBenchError, RequestError
from llm_bench.preflight.checks import Check
from llm_bench.preflight.wire import Heard
from llm_bench.study import LLM, Study

CLOCK_LIMIT_SEC = 5.0
NOT_BEFORE_ASKED = "can't be told before it is asked"
REFUSED = (401, 402, 403)
NO_SUCH_PATH = (404, 405)

# OpenRouter takes these at the end of any model's id, but lists none of them.
# https://openrouter.ai/docs/guides/routing/model-variants/overview
_ROUTING = re.compile(r":(nitro|floor|exacto|online)$")


def accepted(provider: str, heard: Heard, source: str) -> str:
    """How the key was received.

    :param heard: the answer of a path that needs the key.
    :param source: where the key was found; empty where there is none.
    :raises CredentialsError: it was refused, or its account can't pay.
    :raises LLMBenchError: the provider can't tell now.
    """
    if heard.status in REFUSED:
        what = f"the key ({source})" if source else "a request without a key"
        raise CredentialsError(
            f"{provider} refused {what}: HTTP {heard.status}.",
            "Top up the account."
            if heard.status == 402
            else f"Correct the password of the Airflow connection llm_{provider} (in the UI: Admin → Connections), "
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
    models = heard.content.get("data") if isinstance(heard.content, dict) else heard.content
    if heard.status != 200 or not isinstance(models, list):
        return None
    known = [model for model in models if isinstance(model, dict)]
    return {str(model[name]): model for name in ("canonical_slug", "id") for model in known if model.get(name)}


def served(llm: LLM, models: Mapping[str, Mapping[str, Any]], study: Study) -> str:
    """How long a model is served.

    :param models: as the provider lists them, by id.
    :raises RequestError: it isn't, or won't be until the window ends.
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
        return "served"
    if study.window is not None and str(retired)[:10] <= study.window.end.date().isoformat():
        raise RequestError(
            f"{llm.provider} retires this model on {retired}, before the window ends.",
            f"Name another of its models in {file}, or move the window.",
        )
    return f"served until {retired}"


def unexpected(provider: str, heard: Heard) -> LLMBenchError:
    """An answer that tells nothing."""
    if heard.status < 400:
        return LLMBenchError(
            f"{provider} answers HTTP {heard.status}, but not with what was asked for.",
            "Check its address, and that no sign-in page of the network answers in its place.",
        )
    return LLMBenchError(f"{provider} answers HTTP {heard.status}.", "Check its status page, and try again later.")


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
