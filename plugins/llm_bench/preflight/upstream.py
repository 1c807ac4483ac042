"""Whether the server behind a router is named, so that each request of an LLM is answered by the same. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llm_bench.measure.formats.answer import as_dict
from llm_bench.preflight.checks import Check

if TYPE_CHECKING:
    from llm_bench.study import LLM, Study

NAME = "upstream"

# Where each says which server answers:
# https://openrouter.ai/docs/guides/routing/provider-selection
# https://vercel.com/docs/ai-gateway/models-and-providers/provider-options
# https://huggingface.co/docs/inference-providers: LiteLLM names the server in the model, huggingface/SERVER/OWNER/MODEL
_HOW = {
    "openrouter": "parameters: {provider: {order: [NAME], allow_fallbacks: false}}",
    "vercel_ai_gateway": "parameters: {providerOptions: {gateway: {only: [NAME]}}}",
    "huggingface": "model: huggingface/NAME/OWNER/MODEL",
}


def is_pinned(llm: LLM) -> bool:
    """Whether an LLM's entry names the servers that may answer; so does one that is asked without a router."""
    if llm.provider == "huggingface":
        return llm.model_name.count("/") >= 2
    sent = {**as_dict(llm.parameters.get("extra_body")), **llm.parameters}
    if llm.provider == "openrouter":
        wanted = as_dict(sent.get("provider"))
        return _named(wanted.get("only")) or (_named(wanted.get("order")) and wanted.get("allow_fallbacks") is False)
    if llm.provider == "vercel_ai_gateway":
        return _named(as_dict(as_dict(sent.get("providerOptions")).get("gateway")).get("only"))
    return True


def _named(servers: Any) -> bool:
    return bool(servers) and isinstance(servers, list)


def check_upstream(study: Study) -> list[Check]:
    """A note where a router may choose; nothing where no LLM is asked through one."""
    routed = [llm for llm in study.llms if llm.provider in _HOW]
    free = [llm for llm in routed if not is_pinned(llm)]
    if not free:
        return [Check(NAME, True, f"named for {', '.join(llm.name for llm in routed)}")] if routed else []
    ways = " or ".join(f"`{_HOW[provider]}`" for provider in dict.fromkeys(llm.provider for llm in free))
    names = ", ".join(llm.name for llm in free)
    return [
        Check(
            NAME,
            True,
            f"a router chooses, for each request anew, who answers for {names}",
            f"Name the server with {ways} in the LLM's entry, or leave it: each record says who answered.",
        )
    ]
