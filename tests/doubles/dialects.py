"""What goes wrong with the providers that speak OpenAI's protocol, as each documents it (see ``compatible``)."""

from __future__ import annotations

from typing import NamedTuple

from doubles import faults
from doubles.compatible import (
    VLLM,
    XAI,
    Cerebras,
    Cloudflare,
    Databricks,
    DeepInfra,
    DeepSeek,
    Fireworks,
    GitHub,
    HuggingFace,
    LMStudio,
    Mistral,
    Moonshot,
    Nebius,
    Novita,
    Nvidia,
    Perplexity,
    Proxy,
    SambaNova,
    Snowflake,
    Together,
    Watsonx,
)
from doubles.faults import ANSWER, Fault, Mistake, answers
from doubles.openai import OpenAI, mistaken, refused

KEY, MISTAKE = "CredentialsError", "RequestError"
GONE, LONG, LIMITED = "model_unavailable", "context_too_long", "rate_limited"


class Dialect(NamedTuple):
    """A provider's way to speak OpenAI's protocol.

    :param format: its answers.
    :param refusals: what it documents besides the faults that every stream may have.
    :param mistakes: the user's, as it reports them.
    """

    format: type[OpenAI]
    refusals: dict[str, Fault]
    mistakes: dict[str, Mistake]

    @property
    def faults(self) -> dict[str, Fault]:
        """All its faults, by name."""
        return faults.of_streams(self.format) | self._ends() | self.refusals

    def _ends(self) -> dict[str, Fault]:
        if self.format is Watsonx:
            return {}  # it has no [DONE]
        ends = faults.openai_like(self.format)
        if self.format.counts_along:
            del ends["no [DONE] and no usage"]  # the usage came before
        return ends


def _midway(kind: type[OpenAI], reason: str, failure_kind: str) -> Fault:
    """A stream that stops with a reason of the provider's own."""
    script = answers(kind, lambda reply: [*reply.opening(), reply.answer(ANSWER), *reply.closing(4, 0, reason)])
    return Fault(script, {"http_status": 200, "answer": ANSWER, "failure_kind": failure_kind, "finish_reason": reason})


_NO_TOKENS = "This model's maximum context length is 32768 tokens. However, you requested 40000 tokens."

DIALECTS: dict[str, Dialect] = {
    "mistral": Dialect(
        Mistral,
        {
            "400, no such model": refused(Mistral, 400, GONE, "Invalid model: some-model", code="1500"),
            "429": refused(Mistral, 429, LIMITED, "Requests rate limit exceeded", type="rate_limited", code="1300"),
            "stopped at the window": _midway(Mistral, "model_length", LONG),
            "stopped by an error": _midway(Mistral, "error", "stream_error"),
        },
        {
            "401": mistaken(Mistral, 401, KEY, "Unauthorized"),
            "422": mistaken(Mistral, 422, MISTAKE, "Input should be less than or equal to 1.5"),
        },
    ),
    "deepseek": Dialect(
        DeepSeek,
        {
            "400, too long": refused(DeepSeek, 400, LONG, _NO_TOKENS),
            "429": refused(DeepSeek, 429, LIMITED, "Rate limit reached"),
            "503": refused(DeepSeek, 503, "server_error", "Server overloaded"),
            "no resources": _midway(DeepSeek, "insufficient_system_resource", "stream_error"),
        },
        {
            "401": mistaken(DeepSeek, 401, KEY, "Authentication Fails", type="authentication_error"),
            "402": mistaken(DeepSeek, 402, KEY, "Insufficient Balance", type="unknown_error"),
        },
    ),
    "together_ai": Dialect(
        Together,
        {
            "404, no such model": refused(Together, 404, GONE, "Unable to access model x", code="model_not_available"),
            "422, too long": refused(
                Together, 422, LONG, "`inputs` tokens + `max_new_tokens` must be <= 8193. Given: 9000"
            ),
            "429": refused(Together, 429, LIMITED, "You have reached the rate limit", code="rate_limit"),
        },
        {"401": mistaken(Together, 401, KEY, "Invalid API key provided", code="invalid_api_key")},
    ),
    "fireworks_ai": Dialect(
        Fireworks,
        {
            "404": refused(
                Fireworks, 404, GONE, "Model not found, inaccessible, and/or not deployed", code="NOT_FOUND"
            ),
            "429": refused(Fireworks, 429, LIMITED, "rate limit exceeded, please try again later"),
            "400, too long": refused(
                Fireworks, 400, LONG, "The prompt is too long: 140000, model maximum context length: 131071"
            ),
        },
        {
            "401": mistaken(Fireworks, 401, KEY, "The API key you provided is invalid.", code="UNAUTHORIZED"),
            "412": mistaken(Fireworks, 412, KEY, "Account is suspended, possibly due to reaching the spending limit"),
        },
    ),
    "xai": Dialect(
        XAI,
        {
            "404": refused(XAI, 404, GONE, "The model grok-4 does not exist or your team does not have access to it."),
            "429": refused(XAI, 429, LIMITED, "Too many requests", code="Some resource has been exhausted"),
            "400, too long": refused(
                XAI, 400, LONG, "This model's maximum prompt length is 131072, the request has 150000 tokens."
            ),
        },
        {
            "400, key": mistaken(XAI, 400, KEY, "Incorrect API key provided: xa***ey."),
            "403, credits": mistaken(XAI, 403, KEY, "Your newly created team doesn't have any credits yet."),
        },
    ),
    "perplexity": Dialect(
        Perplexity,
        {
            "400, no such model": refused(
                Perplexity,
                400,
                GONE,
                "Invalid model 'sonar'. Permitted models can be found in the documentation",
                type="invalid_model",
                code=400,
            ),
            "429": refused(Perplexity, 429, LIMITED, "Request rate limit exceeded", type="request_rate_limit_exceeded"),
        },
        {"401": mistaken(Perplexity, 401, KEY, "Invalid API key provided", type="invalid_api_key", code=401)},
    ),
    "cerebras": Dialect(
        Cerebras,
        {
            "404": refused(Cerebras, 404, GONE, "Model some-model does not exist", code="model_not_found"),
            "400, too long": refused(
                Cerebras,
                400,
                LONG,
                "Please reduce the length of the messages or completion.",
                code="context_length_exceeded",
            ),
            "429, tokens": refused(
                Cerebras,
                429,
                LIMITED,
                "Tokens per minute limit exceeded - too many tokens processed.",
                type="too_many_tokens_error",
                code="token_quota_exceeded",
            ),
            "429, traffic": refused(
                Cerebras, 429, LIMITED, "We're experiencing high traffic right now!", code="queue_exceeded"
            ),
        },
        {"401": mistaken(Cerebras, 401, KEY, "Wrong API Key", param="api_key", code="wrong_api_key")},
    ),
    "sambanova": Dialect(
        SambaNova,
        {
            "404": refused(SambaNova, 404, GONE, "Model not found", code="model_not_found"),
            "429": refused(SambaNova, 429, LIMITED, "Rate limit exceeded", type="rate_limit_exceeded"),
        },
        {"401": mistaken(SambaNova, 401, KEY, "Invalid API key", code="invalid_api_key")},
    ),
    "nvidia_nim": Dialect(
        Nvidia,
        {
            "404": refused(Nvidia, 404, GONE, "Function 'x': Not found for account 'y'"),
            "429": refused(Nvidia, 429, LIMITED, "Too Many Requests"),
            "400, too long": refused(Nvidia, 400, LONG, _NO_TOKENS),
        },
        {"401": mistaken(Nvidia, 401, KEY, "Authentication failed")},
    ),
    "deepinfra": Dialect(
        DeepInfra,
        {
            "404": refused(DeepInfra, 404, GONE, "Model is not available"),
            "429": refused(DeepInfra, 429, LIMITED, "Rate limited"),
        },
        {
            "401": mistaken(DeepInfra, 401, KEY, "User is not authenticated"),
            "402": mistaken(DeepInfra, 402, KEY, "Insufficient balance"),
        },
    ),
    "hosted_vllm": Dialect(
        VLLM,
        {
            "404": refused(VLLM, 404, GONE, "The model `some-model` does not exist.", type="NotFoundError"),
            "400, too long": refused(VLLM, 400, LONG, _NO_TOKENS),
            "aborted": _midway(VLLM, "abort", "stream_error"),
        },
        {"401": mistaken(VLLM, 401, KEY, "Unauthorized")},
    ),
    "lm_studio": Dialect(
        LMStudio,
        {
            "404": refused(LMStudio, 404, GONE, 'Model "some-model" not found', code="model_not_found"),
            "400, too long": refused(
                LMStudio, 400, LONG, "The model is loaded with context length of only 4096 tokens"
            ),
        },
        {"401": mistaken(LMStudio, 401, KEY, "Malformed LM Studio API token provided", code="invalid_api_key")},
    ),
    "litellm_proxy": Dialect(
        Proxy,
        {
            "400, no such model": refused(
                Proxy, 400, GONE, "/chat/completions: Invalid model name passed in model=x. Call `/v1/models`"
            ),
            "429": refused(Proxy, 429, LIMITED, "litellm.RateLimitError: too many", type="throttling_error"),
            "400, too long": refused(Proxy, 400, LONG, f"litellm.ContextWindowExceededError: {_NO_TOKENS}"),
        },
        {
            "401": mistaken(
                Proxy, 401, KEY, "Authentication Error, Invalid proxy server token passed", type="token_not_found_in_db"
            ),
            "400, budget": mistaken(Proxy, 400, KEY, "Budget has been exceeded!", type="budget_exceeded"),
        },
    ),
    "moonshot": Dialect(
        Moonshot,
        {
            "404": refused(
                Moonshot, 404, GONE, "Not found the model kimi or Permission denied", type="resource_not_found_error"
            ),
            "429": refused(Moonshot, 429, LIMITED, "Your account reached max RPM", type="rate_limit_reached_error"),
            "429, overloaded": refused(
                Moonshot, 429, LIMITED, "The engine is currently overloaded", type="engine_overloaded_error"
            ),
            "400, filtered": refused(
                Moonshot,
                400,
                "content_filtered",
                "The request was rejected because it was considered high risk",
                type="content_filter",
            ),
        },
        {
            "401": mistaken(Moonshot, 401, KEY, "Invalid Authentication", type="invalid_authentication_error"),
            "429, quota": mistaken(
                Moonshot,
                429,
                KEY,
                "Your account is suspended, please check your plan and billing details",
                type="exceeded_current_quota_error",
            ),
        },
    ),
    "novita": Dialect(
        Novita,
        {
            "404": refused(Novita, 404, GONE, "model not found", reason="MODEL_NOT_FOUND"),
            "429": refused(Novita, 429, LIMITED, "rate limit exceeded", reason="RATE_LIMIT_EXCEEDED"),
        },
        {
            "401": mistaken(Novita, 401, KEY, "failed to authenticate", reason="INVALID_API_KEY"),
            "403": mistaken(Novita, 403, KEY, "not enough balance", reason="NOT_ENOUGH_BALANCE"),
        },
    ),
    "nebius": Dialect(
        Nebius,
        {
            "404": refused(Nebius, 404, GONE, "The model `vendor/some-model` does not exist."),
            "429": refused(Nebius, 429, LIMITED, "Too many requests"),
        },
        {
            "401": mistaken(Nebius, 401, KEY, "Could not validate credentials"),
            "422": mistaken(Nebius, 422, MISTAKE, "temperature: Input should be less than or equal to 2"),
        },
    ),
    "github": Dialect(
        GitHub,
        {
            "400, no such model": refused(GitHub, 400, GONE, "Unknown model: gpt-4o", code="unknown_model"),
            "413": refused(
                GitHub,
                413,
                LONG,
                "Request body too large for gpt-4o model. Max size: 8000 tokens.",
                code="tokens_limit_reached",
            ),
            "429": refused(
                GitHub,
                429,
                LIMITED,
                "Rate limit of 15 per 60s exceeded for UserByModelByMinute.",
                code="RateLimitReached",
            ),
        },
        {
            "401": mistaken(GitHub, 401, KEY, "Bad credentials", code="unauthorized"),
            "403": mistaken(GitHub, 403, KEY, "No access to model: o1", code="no_access"),
        },
    ),
    "databricks": Dialect(
        Databricks,
        {
            "404": refused(
                Databricks, 404, GONE, "The given endpoint does not exist", error_code="RESOURCE_DOES_NOT_EXIST"
            ),
            "429": refused(
                Databricks, 429, LIMITED, "Exceeded workspace rate limit", error_code="REQUEST_LIMIT_EXCEEDED"
            ),
        },
        {
            "403, key": mistaken(Databricks, 403, KEY, "Invalid access token."),
            "403": mistaken(
                Databricks, 403, KEY, "User does not have CAN_QUERY on the endpoint", error_code="PERMISSION_DENIED"
            ),
        },
    ),
    "huggingface": Dialect(
        HuggingFace,
        {
            "400, no such model": refused(HuggingFace, 400, GONE, "Model vendor/some-model does not exist"),
            "422, too long": refused(
                HuggingFace,
                422,
                LONG,
                "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 5000",
                error_type="validation",
            ),
            "429": refused(HuggingFace, 429, LIMITED, "Model is overloaded", error_type="overloaded"),
        },
        {
            "401": mistaken(HuggingFace, 401, KEY, "Invalid username or password."),
            "402": mistaken(HuggingFace, 402, KEY, "You have exceeded your monthly included credits"),
        },
    ),
    "watsonx": Dialect(
        Watsonx,
        {
            "404": refused(Watsonx, 404, GONE, "Model 'x' is not supported", code="model_not_supported"),
            "429": refused(Watsonx, 429, LIMITED, "Too many requests", code="rate_limit_reached_requests"),
            "500": refused(Watsonx, 500, "server_error", "Downstream error", code="downstream_request_failed"),
        },
        {
            "401": mistaken(
                Watsonx,
                401,
                KEY,
                "Failed to authenticate the request due to an expired token",
                code="authentication_token_expired",
            ),
            "403": mistaken(Watsonx, 403, KEY, "The token quota of the plan is used up", code="token_quota_reached"),
        },
    ),
    "cloudflare": Dialect(
        Cloudflare,
        {
            "400, no such model": refused(Cloudflare, 400, GONE, "AiError: No such model @cf/x or task", code=5007),
            "429, capacity": refused(Cloudflare, 429, LIMITED, "Capacity temporarily exceeded", code=3040),
        },
        {"401": mistaken(Cloudflare, 401, KEY, "Authentication error", code=10000)},
    ),
    "snowflake": Dialect(
        Snowflake,
        {
            "400, no such model": refused(Snowflake, 400, GONE, 'unknown model "some-model"'),
            "429": refused(Snowflake, 429, LIMITED, "too many requests"),
            "503": refused(Snowflake, 503, "server_error", "inference timed out"),
        },
        {"401": mistaken(Snowflake, 401, KEY, "JWT token is invalid.", code="390144")},
    ),
}
