"""Providers and servers that speak OpenAI's protocol: what each documents of its own.

What goes wrong with each is in ``dialects``.

Each class names its source. A part that it doesn't override is OpenAI's.
"""

from __future__ import annotations

from typing import Any, ClassVar

from doubles.openai import CountsLast, OpenAI
from doubles.provider import Step, event


class Mistral(CountsLast):
    """https://docs.mistral.ai/capabilities/reasoning (content as a list), https://docs.mistral.ai/api."""

    thinks, counts_cached, counts_reasoning = True, False, False
    filtered = None
    extra: ClassVar[dict[str, Any]] = {}

    def reasoning(self, text: str) -> bytes:
        thought = {"type": "thinking", "thinking": [{"type": "text", "text": text}], "closed": True}
        return self.chunk({"content": [thought]})

    def answer(self, text: str) -> bytes:
        return self.chunk({"content": [{"type": "text", "text": text}]})

    def error_body(self, status: int, message: str, more: dict[str, Any]) -> dict[str, Any]:
        if status == 422:
            return {"detail": [{"type": "less_than_equal", "loc": ["body", "temperature"], "msg": message}]}
        if status == 401:
            return {"detail": message}
        return {"object": "error", "message": message, "type": "invalid_request_error", "param": None} | more


class DeepSeek(CountsLast):
    """https://api-docs.deepseek.com/api/create-chat-completion, …/quick_start/error_codes, …/quick_start/rate_limit."""

    thinks = True
    extra: ClassVar[dict[str, Any]] = {"system_fingerprint": "fp_8802369eaa_prod0623_fp8_kvcache"}

    def opening(self) -> list[Step]:
        return [b": keep-alive\n\n", self.chunk({"role": "assistant", "content": None, "reasoning_content": ""})]

    def reasoning(self, text: str) -> bytes:
        return self.chunk({"content": None, "reasoning_content": text})

    def counts(self, completion: int, reasoning: int = 0) -> dict[str, Any]:
        cache = {"prompt_cache_hit_tokens": 64, "prompt_cache_miss_tokens": 36}
        return super().counts(completion, reasoning) | cache


class Together(CountsLast):
    """https://docs.together.ai/reference/chat-completions-1: each text stands in ``text`` and in ``delta``."""

    thinks, counts_cached, counts_reasoning = True, False, False
    extra: ClassVar[dict[str, Any]] = {"usage": None}

    def answer(self, text: str) -> bytes:
        delta = {"token_id": 330, "role": "assistant", "content": text, "tool_calls": None}
        choice = {"index": 0, "text": text, "logprobs": None, "finish_reason": None, "seed": None, "delta": delta}
        return self.chunk(None, choices=[choice])

    def reasoning(self, text: str) -> bytes:
        choice = {"index": 0, "text": "", "finish_reason": None, "delta": {"role": "assistant", "reasoning": text}}
        return self.chunk(None, choices=[choice])


class Fireworks(CountsLast):
    """https://docs.fireworks.ai/api-reference/post-chatcompletions, …/guides/inference-error-codes."""

    thinks, counts_reasoning = True, False
    extra: ClassVar[dict[str, Any]] = {}

    def error_body(self, status: int, message: str, more: dict[str, Any]) -> dict[str, Any]:
        return {"error": {"object": "error", "type": "invalid_request_error", "message": message} | more}


class XAI(CountsLast):
    """https://docs.x.ai/docs/guides/reasoning (reasoning is counted apart), https://docs.x.ai/docs/key-information/debugging."""

    thinks = True
    extra: ClassVar[dict[str, Any]] = {"system_fingerprint": "fp_6ca29cf396"}

    def counts(self, completion: int, reasoning: int = 0) -> dict[str, Any]:
        return super().counts(completion, reasoning) | {"completion_tokens": completion - reasoning}

    def error_body(self, _status: int, message: str, more: dict[str, Any]) -> dict[str, Any]:
        return {"code": "Client specified an invalid argument", "error": message} | more


class Perplexity(CountsLast):
    """https://docs.perplexity.ai/api-reference/chat-completions-post: each chunk has the counts so far."""

    counts_cached, counts_reasoning, counts_along = False, False, True
    extra: ClassVar[dict[str, Any]] = {"citations": ["https://example.org"], "search_results": []}

    def answer(self, text: str) -> bytes:
        counts = self.counts(1) | {"search_context_size": "low"}
        return self.chunk({"role": "assistant", "content": text}, usage=counts)


class Cerebras(CountsLast):
    """https://inference-docs.cerebras.ai/api-reference/chat-completions, …/support/error (errors at the top level)."""

    thinks, counts_reasoning = True, False
    extra: ClassVar[dict[str, Any]] = {"system_fingerprint": "fp_ea3bc26ed6"}

    def reasoning(self, text: str) -> bytes:
        return self.chunk({"reasoning": text})

    def error_body(self, _status: int, message: str, more: dict[str, Any]) -> dict[str, Any]:
        return {"message": message, "type": "invalid_request_error", "param": None} | more


class SambaNova(OpenAI):
    """https://docs.sambanova.ai/cloud/api-reference/endpoints/chat: rates stand among the counts."""

    thinks, counts_cached, counts_reasoning = True, False, False
    extra: ClassVar[dict[str, Any]] = {"system_fingerprint": "fastcoe"}

    def reasoning(self, text: str) -> bytes:
        return self.chunk({"reasoning": text})

    def counts(self, completion: int, reasoning: int = 0) -> dict[str, Any]:
        rates = {"time_to_first_token": 0.0871, "total_latency": 0.32, "is_last_response": True}
        return super().counts(completion, reasoning) | {"completion_tokens": float(completion)} | rates


class VLLM(OpenAI):
    """https://docs.vllm.ai/en/latest/serving/openai_compatible_server; reasoning: …/features/reasoning_outputs."""

    thinks, counts_reasoning = True, False
    extra: ClassVar[dict[str, Any]] = {}

    def error_body(self, status: int, message: str, more: dict[str, Any]) -> dict[str, Any]:
        return {"error": {"message": message, "type": "BadRequestError", "param": None, "code": status} | more}

    def error_event(self, code: int, message: str) -> bytes:
        return event({"object": "error", "message": self.echo(message), "type": "InternalServerError", "code": code})


class Nvidia(VLLM):
    """https://docs.nvidia.com/nim/large-language-models

    Vllm's server), https://docs.api.nvidia.com/nim/reference (errors.
    """

    counts_cached = False

    def error_body(self, status: int, message: str, _more: dict[str, Any]) -> dict[str, Any]:
        return {"status": status, "title": "Error", "detail": message}


class DeepInfra(CountsLast):
    """https://deepinfra.com/docs/openai_api: the cost is estimated among the counts."""

    thinks, counts_cached, counts_reasoning = True, False, False
    extra: ClassVar[dict[str, Any]] = {}

    def counts(self, completion: int, reasoning: int = 0) -> dict[str, Any]:
        return super().counts(completion, reasoning) | {"prompt_tokens_details": None, "estimated_cost": 2.7e-05}

    def error_body(self, _status: int, message: str, _more: dict[str, Any]) -> dict[str, Any]:
        return {"detail": {"error": message}}


class LMStudio(OpenAI):
    """https://lmstudio.ai/docs/app/api/endpoints/openai, https://lmstudio.ai/docs/app/api/changelog

    Reasoning, errors.
    """

    thinks, counts_cached, counts_reasoning = True, False, False
    extra: ClassVar[dict[str, Any]] = {"system_fingerprint": "some-model"}

    def error_event(self, code: int, message: str) -> bytes:
        return b"event: error\n" + event({"error": {"message": self.echo(message)}})


class Proxy(OpenAI):
    """https://docs.litellm.ai/docs/proxy/user_keys

    Streams), https://docs.litellm.ai/docs/exception_mapping (errors.
    """

    thinks = True
    extra: ClassVar[dict[str, Any]] = {}

    def error_body(self, status: int, message: str, more: dict[str, Any]) -> dict[str, Any]:
        return {"error": {"message": message, "type": "None", "param": "None", "code": str(status)} | more}


class Moonshot(CountsLast):
    """https://platform.moonshot.ai/docs/api/chat: the counts stand in the choice."""

    thinks, counts_reasoning = True, False
    extra: ClassVar[dict[str, Any]] = {"system_fingerprint": "fpv0_ff52a3ef"}

    def closing(self, completion: int, reasoning: int = 0, reason: str = "") -> list[Step]:
        counts = {"prompt_tokens": 100, "completion_tokens": completion, "cached_tokens": 64}
        choice = {"index": 0, "delta": {}, "finish_reason": reason or "stop", "usage": counts}
        return [self.chunk(None, choices=[choice]), event("[DONE]")]


class Novita(OpenAI):
    """https://novita.ai/docs/api-reference/model-apis-llm-create-chat-completion, …/api-reference/basic-error-code."""

    thinks, counts_cached, counts_reasoning = True, False, False
    extra: ClassVar[dict[str, Any]] = {"system_fingerprint": ""}

    def error_body(self, status: int, message: str, more: dict[str, Any]) -> dict[str, Any]:
        return {"code": status, "reason": "UNKNOWN", "message": message, "metadata": {}} | more


class Nebius(VLLM):
    """https://docs.nebius.com/studio/inference/api: vLLM's server, errors in ``detail``."""

    counts_cached = False

    def error_body(self, _status: int, message: str, _more: dict[str, Any]) -> dict[str, Any]:
        return {"detail": message}


class GitHub(OpenAI):
    """https://docs.github.com/en/rest/models/inference, https://docs.github.com/en/github-models (limits)."""

    counts_cached, counts_reasoning = False, False
    extra: ClassVar[dict[str, Any]] = {}

    def error_body(self, _status: int, message: str, more: dict[str, Any]) -> dict[str, Any]:
        return {"error": {"message": message, "details": message} | more}


class Databricks(OpenAI):
    """https://docs.databricks.com/machine-learning/foundation-model-apis/api-reference

    Reasoning as a list of parts.
    """

    thinks, counts_cached, counts_reasoning = True, False, False
    extra: ClassVar[dict[str, Any]] = {}

    def reasoning(self, text: str) -> bytes:
        summary = [{"type": "summary_text", "text": text}]
        return self.chunk({"role": "assistant", "content": [{"type": "reasoning", "summary": summary}]})

    def error_body(self, status: int, message: str, more: dict[str, Any]) -> dict[str, Any]:
        return {"error_code": str(status), "message": message} | more


class HuggingFace(OpenAI):
    """https://huggingface.co/docs/inference-providers, https://huggingface.co/docs/text-generation-inference

    Errors.
    """

    counts_cached, counts_reasoning = False, False
    extra: ClassVar[dict[str, Any]] = {"system_fingerprint": "3.3.4-sha-abc"}

    def error_body(self, _status: int, message: str, more: dict[str, Any]) -> dict[str, Any]:
        return {"error": message} | more

    def error_event(self, code: int, message: str) -> bytes:
        return event({"error": self.echo(message), "error_type": "generation"})


class Watsonx(OpenAI):
    """https://cloud.ibm.com/apidocs/watsonx-ai#text-chat-stream: named events; ``close`` in place of ``[DONE]``."""

    thinks, counts_cached, counts_reasoning = True, False, False
    if_asked = False
    extra: ClassVar[dict[str, Any]] = {"model_id": "ibm/granite-3-8b-instruct", "model_version": "1.1.0"}

    def chunk(self, delta: dict[str, Any] | None, finish: str | None = None, **more: Any) -> bytes:
        return b"id: 1\nevent: message\n" + super().chunk(delta, finish, **more)

    def closing(self, completion: int, reasoning: int = 0, reason: str = "") -> list[Step]:
        last = b"id: 9\nevent: close\ndata: {}\n\n"
        return [self.finish(reason or "stop"), self.usage(completion, reasoning), last]

    def error_body(self, status: int, message: str, more: dict[str, Any]) -> dict[str, Any]:
        return {"errors": [{"code": "error", "message": message} | more], "trace": "0a", "status_code": status}

    def error_event(self, code: int, message: str) -> bytes:
        return b"event: error\n" + event(self.error_body(code, self.echo(message), {}))


class Cloudflare(OpenAI):
    """https://developers.cloudflare.com/workers-ai/configuration/open-ai-compatibility, …/platform/errors."""

    counts_cached, counts_reasoning = False, False
    extra: ClassVar[dict[str, Any]] = {}

    def error_body(self, _status: int, message: str, more: dict[str, Any]) -> dict[str, Any]:
        return {"success": False, "errors": [{"message": message, "code": 3000} | more], "messages": [], "result": None}


class Snowflake(CountsLast):
    """https://docs.snowflake.com/user-guide/snowflake-cortex/cortex-rest-api: each chunk has a ``usage``."""

    counts_cached, counts_reasoning = False, False
    extra: ClassVar[dict[str, Any]] = {"usage": {}}

    def error_body(self, _status: int, message: str, more: dict[str, Any]) -> dict[str, Any]:
        return {"message": message, "request_id": "4b8ac5b5"} | more
