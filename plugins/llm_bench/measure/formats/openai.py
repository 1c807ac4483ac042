"""OpenAI's chat completion stream, spoken by most providers, with what each documents of its own.

https://platform.openai.com/docs/api-reference/chat-streaming and, for what differs:
Groq (``x_groq``) https://console.groq.com/docs/api-reference, OpenRouter (``reasoning``, ``reasoning_details``,
``native_finish_reason``, ``usage.cost``) https://openrouter.ai/docs/api-reference/overview,
Mistral (content as a list, ``thinking`` parts) https://docs.mistral.ai/capabilities/reasoning,
DeepSeek (``reasoning_content``, ``prompt_cache_hit_tokens``) https://api-docs.deepseek.com/api/create-chat-completion,
Zhipu (``sensitive``, ``network_error``) https://docs.z.ai/api-reference/llm/chat-completion,
Together (``text`` beside ``delta``) https://docs.together.ai/reference/chat-completions-1,
IBM (``model_id``) https://cloud.ibm.com/apidocs/watsonx-ai#text-chat-stream,
Azure (``prompt_filter_results``) https://learn.microsoft.com/azure/ai-services/openai/reference,
vLLM (``object: error``, ``abort``) https://docs.vllm.ai/en/latest/serving/openai_compatible_server.
"""

from __future__ import annotations

from typing import Any

from llm_bench.measure.formats.answer import (
    STOPPED,
    Answer,
    Usage,
    as_amount,
    as_count,
    as_dict,
    as_list,
    as_text,
    first,
    total,
)

FINISHES: dict[str, str | None] = {
    "stop": None,
    "length": None,
    "tool_calls": None,
    "function_call": None,
    "eos": None,  # Together
    "eos_token": None,  # Hugging Face's text-generation-inference
    "stop_sequence": None,  # likewise
    "end_turn": None,  # gateways that hand Anthropic's words on
    "max_tokens": None,
    "content_filter": "content_filtered",
    "sensitive": "content_filtered",  # Zhipu
    "refusal": "content_filtered",
    "safety": "content_filtered",
    "model_context_window_exceeded": "context_too_long",  # Zhipu, Anthropic
    "model_length": "context_too_long",  # Mistral
    "error": STOPPED,  # OpenRouter, Mistral
    "network_error": STOPPED,  # Zhipu
    "insufficient_system_resource": STOPPED,  # DeepSeek
    "repetition_truncation": STOPPED,
    "abort": STOPPED,  # vLLM, SGLang
    "cancelled": STOPPED,
    "timeout": STOPPED,
}
_THINKING = {"thinking", "reasoning", "reasoning_text", "summary_text"}
_NOT_YET = {"", "null"}  # Alibaba's "null", until there is a reason


class OpenAI:
    """Reader of chat completion chunks. The end is ``[DONE]``.

    Servers that leave that out (``transformers serve``) are believed where a finish reason and the usage came and the
    body ended cleanly; the answer's note says so.
    """

    name = "openai"

    def recognises(self, _name: str, content: dict[str, Any]) -> bool:
        return isinstance(content.get("choices"), list)

    def read(self, _name: str, content: dict[str, Any], at: float, answer: Answer) -> None:
        own = as_dict(content.get("x_groq"))
        answer.model = as_text(content.get("model")) or as_text(content.get("model_id")) or answer.model
        answer.request_id = as_text(own.get("id")) or answer.request_id or as_text(content.get("id")) or None
        choice = _choice(content)
        error = own.get("error") or choice.get("error")
        if error:
            answer.error = error if isinstance(error, dict) else {"message": str(error)}
        _finish(answer, choice)
        delta = as_dict(choice.get("delta"))
        text, reasoning = _said(delta.get("content"))
        text += as_text(delta.get("refusal"))
        text = text or as_text(choice.get("text"))  # of text completions; Together says it beside the delta, too
        answer.say(at, text, _reasoning(delta) + reasoning)
        self.count(content, answer)

    def count(self, content: dict[str, Any], answer: Answer) -> None:
        choice = _choice(content)
        for usage in (as_dict(content.get("x_groq")).get("usage"), choice.get("usage"), content.get("usage")):
            _take_usage(answer.usage, as_dict(usage))

    def close(self, at: float, answer: Answer) -> None:
        if answer.ended is None and answer.finish_reason and answer.usage.response is not None:
            answer.end(at, final=True)
            answer.note = "the stream ended without [DONE]"


def _choice(content: dict[str, Any]) -> dict[str, Any]:
    """The choice that is the answer: number 0, which is the only one that is asked for."""
    choices = [as_dict(choice) for choice in as_list(content.get("choices"))]
    return next((choice for choice in choices if not choice.get("index")), {})


def _finish(answer: Answer, choice: dict[str, Any]) -> None:
    reason, native = as_text(choice.get("finish_reason")), as_text(choice.get("native_finish_reason"))
    if reason in _NOT_YET:
        return
    answer.finish(reason, FINISHES)
    # OpenRouter makes a "stop" of an upstream's word that it doesn't know; the upstream's own is kept beside it.
    kind = FINISHES.get(native.lower())
    if answer.finish_kind is None and kind is not None:
        answer.finish_reason, answer.finish_kind = native, kind


def _said(content: Any) -> tuple[str, str]:
    """Answer and reasoning text of a content: a string, a part, or a list of parts."""
    if isinstance(content, str):
        return content, ""
    if isinstance(content, list):
        parts = [_said(part) for part in content]
        return "".join(text for text, _ in parts), "".join(reasoning for _, reasoning in parts)
    part = as_dict(content)
    if as_text(part.get("type")) in _THINKING:
        inner = part.get("thinking") or part.get("reasoning") or part.get("text") or part.get("summary")
        return "", "".join(_said(inner))
    return as_text(part.get("text")) or as_text(part.get("content")) or as_text(part.get("refusal")), ""


def _reasoning(delta: dict[str, Any]) -> str:
    return as_text(delta.get("reasoning")) or as_text(delta.get("reasoning_content")) or _details(delta)


def _details(delta: dict[str, Any]) -> str:
    """Reasoning that OpenRouter puts in ``reasoning_details`` alone; else they repeat ``reasoning``."""
    details = map(as_dict, as_list(delta.get("reasoning_details")))
    return "".join(as_text(detail.get("text")) or as_text(detail.get("summary")) for detail in details)


def _take_usage(kept: Usage, usage: dict[str, Any]) -> None:
    prompt_details = as_dict(usage.get("prompt_tokens_details"))
    response_details = as_dict(usage.get("completion_tokens_details"))
    prompt, response = as_count(usage.get("prompt_tokens")), as_count(usage.get("completion_tokens"))
    reasoning = first(as_count(response_details.get("reasoning_tokens")), as_count(usage.get("reasoning_tokens")))
    # xAI counts reasoning beside completion_tokens, which the total shows: https://docs.x.ai/docs/guides/reasoning
    apart = total(prompt, response, reasoning) if None not in {prompt, response, reasoning} else None
    if reasoning and apart is not None and apart == as_count(usage.get("total_tokens")):
        response = total(response, reasoning)
    kept.take(
        prompt=prompt,
        response=response,
        reasoning=reasoning,
        cached=first(
            as_count(prompt_details.get("cached_tokens")),
            as_count(usage.get("prompt_cache_hit_tokens")),  # DeepSeek
            as_count(usage.get("cached_tokens")),  # Moonshot
            as_count(usage.get("cache_read_input_tokens")),  # LiteLLM's proxy
        ),
        cache_write=first(
            as_count(prompt_details.get("cache_write_tokens")),  # OpenRouter
            as_count(prompt_details.get("cache_creation_tokens")),
            as_count(usage.get("cache_creation_input_tokens")),
        ),
        cost=as_amount(usage.get("cost", usage.get("estimated_cost"))),  # the latter DeepInfra's
    )
