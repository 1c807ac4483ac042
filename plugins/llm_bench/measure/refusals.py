"""Whose fault a refused request is, from its code and its words. Pure.

A refusal is the user's mistake only where the provider says so: a key, an account, a permission, a setting of the
request. Any other is data, as what one question met says nothing of the next: the moderation of its words, a tool that
the model wanted to call, an upstream, a firewall. Only an error object has words: a page is of something between.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from llm_bench.errors import CredentialsError, LLMBenchError, RequestError
from llm_bench.measure.formats.answer import as_dict, as_list, json_value


@dataclass(frozen=True, slots=True)
class Mistake:
    """A mistake of the user's.

    :param error: what it is raised as.
    :param what: what the provider refused.
    :param fix: what to do about it; ``{connection}`` is the provider's Airflow connection.
    """

    error: type[LLMBenchError]
    what: str
    fix: str


KEY = Mistake(
    CredentialsError,
    "the key",
    "Correct the password of the Airflow connection {connection} or the provider's environment variable, "
    "then clear this task.",
)
ACCOUNT = Mistake(
    CredentialsError, "the account", "Top up the account or lift its limit at the provider, then clear this task."
)
PERMISSION = Mistake(
    CredentialsError,
    "the permission",
    "Allow this model for the key's project and organisation in the provider's settings, then clear this task.",
)
PRIVACY = Mistake(
    CredentialsError,
    "the account's data policy",
    "Allow such endpoints in the provider's privacy settings (OpenRouter: Settings → Privacy), or choose another model "
    "in the study file, then clear the run's task prepare and this one.",
)
REQUEST = Mistake(
    RequestError,
    "the request",
    "Correct the model or the generation settings in the study file, then clear the run's task prepare and this one.",
)
ADDRESS = Mistake(
    RequestError,
    "the address",
    "Correct the host of the Airflow connection {connection}, then clear this task.",
)

_CODES: dict[str, Mistake | str] = {
    # https://console.groq.com/docs/errors, /docs/spend-limits, /docs/model-permissions
    "invalid_api_key": KEY,
    "blocked_api_access": ACCOUNT,
    "organization_restricted": ACCOUNT,
    "model_permission_blocked_org": PERMISSION,
    "model_permission_blocked_project": PERMISSION,
    "model_terms_required": PERMISSION,
    "unknown_url": ADDRESS,
    "model_decommissioned": "model_unavailable",
    # https://platform.openai.com/docs/guides/error-codes
    "insufficient_quota": ACCOUNT,
    "billing_hard_limit_reached": ACCOUNT,
    "billing_not_active": ACCOUNT,
    "account_deactivated": ACCOUNT,
    "unsupported_country_region_territory": ACCOUNT,
    "unsupported_parameter": REQUEST,
    "unsupported_value": REQUEST,
    "unknown_parameter": REQUEST,
    "model_not_found": "model_unavailable",
    "context_length_exceeded": "context_too_long",
    "string_above_max_length": "context_too_long",
    "content_policy_violation": "content_filtered",
    "rate_limit_exceeded": "rate_limited",
    # https://learn.microsoft.com/azure/ai-services/openai/how-to/content-filters and …/reference
    "content_filter": "content_filtered",
    "DeploymentNotFound": "model_unavailable",
    "OperationNotSupported": REQUEST,
    # https://docs.anthropic.com/en/api/errors
    "authentication_error": KEY,
    "billing_error": ACCOUNT,
    "permission_error": PERMISSION,
    "not_found_error": "model_unavailable",
    "request_too_large": "context_too_long",
    "rate_limit_error": "rate_limited",
    # https://ai.google.dev/gemini-api/docs/troubleshooting,
    # https://cloud.google.com/apis/design/errors and google.api.ErrorReason
    "API_KEY_INVALID": KEY,
    "API_KEY_SERVICE_BLOCKED": PERMISSION,
    "API_KEY_IP_ADDRESS_BLOCKED": PERMISSION,
    "ACCESS_TOKEN_EXPIRED": KEY,
    "SERVICE_DISABLED": PERMISSION,
    "BILLING_DISABLED": ACCOUNT,
    "UNAUTHENTICATED": KEY,
    "PERMISSION_DENIED": PERMISSION,
    "RESOURCE_EXHAUSTED": "rate_limited",
    # https://docs.aws.amazon.com/bedrock/latest/userguide/troubleshooting-api-error-codes.html
    "UnrecognizedClientException": KEY,
    "InvalidSignatureException": KEY,
    "ExpiredTokenException": KEY,
    "IncompleteSignature": KEY,
    "AccessDeniedException": PERMISSION,
    "ResourceNotFoundException": "model_unavailable",
    "ThrottlingException": "rate_limited",
    "throttlingException": "rate_limited",
    "ServiceQuotaExceededException": "rate_limited",
    "ModelNotReadyException": "server_error",
    "ModelErrorException": "server_error",
    # https://www.alibabacloud.com/help/en/model-studio/error-code
    "InvalidApiKey": KEY,
    "Arrearage": ACCOUNT,
    "data_inspection_failed": "content_filtered",
    "DataInspectionFailed": "content_filtered",
    # https://docs.perplexity.ai, https://inference-docs.cerebras.ai/support/error
    "invalid_model": "model_unavailable",
    "wrong_api_key": KEY,
    # https://platform.moonshot.ai/docs/api/chat
    "invalid_authentication_error": KEY,
    "exceeded_current_quota_error": ACCOUNT,
    "resource_not_found_error": "model_unavailable",
    # https://novita.ai/docs/api-reference/basic-error-code
    "INVALID_API_KEY": KEY,
    "NOT_ENOUGH_BALANCE": ACCOUNT,
    "MODEL_NOT_FOUND": "model_unavailable",
    # https://docs.github.com/en/rest/models/inference
    "unauthorized": KEY,
    "no_access": PERMISSION,
    "unknown_model": "model_unavailable",
    "tokens_limit_reached": "context_too_long",
    "RateLimitReached": "rate_limited",
    # https://docs.databricks.com/api/workspace/introduction (error codes)
    "RESOURCE_DOES_NOT_EXIST": "model_unavailable",
    "REQUEST_LIMIT_EXCEEDED": "rate_limited",
    # https://cloud.ibm.com/apidocs/watsonx-ai (errors)
    "authentication_token_not_valid": KEY,
    "authentication_token_expired": KEY,
    "model_not_supported": "model_unavailable",
    "token_quota_reached": ACCOUNT,
    "rate_limit_reached_requests": "rate_limited",
    # https://developers.cloudflare.com/workers-ai/platform/errors
    "5007": "model_unavailable",
    "10000": KEY,
    # https://docs.litellm.ai/docs/proxy/virtual_keys
    "token_not_found_in_db": KEY,
    "budget_exceeded": ACCOUNT,
    "no_db_connection": KEY,  # a key that isn't the master key, at a proxy that keeps no others
}

_PHRASES: tuple[tuple[re.Pattern[str], Mistake | str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), outcome)
    for pattern, outcome in (
        # OpenAI, Groq, vLLM, OpenRouter; Anthropic ("prompt is too long: … tokens > … maximum"); Gemini ("The input
        # token count (…) exceeds the maximum"); Bedrock ("Input is too long for requested model"); Cohere.
        (
            r"context (length|window)|maximum (prompt length|context)|too many tokens|reduce the length of the messages"
            r"|prompt is too long|input (token count|is too long)|exceeds? the (maximum|max) (number|count) of tokens"
            r"|inputs?` tokens \+ `max_new_tokens`",  # Hugging Face's text-generation-inference
            "context_too_long",
        ),
        # OpenRouter, https://openrouter.ai/docs/guides/privacy/provider-logging
        (r"data policy|privacy settings|guardrail restrictions and data policy", PRIVACY),
        (r"no endpoints found that (can handle|support)|no allowed providers", REQUEST),
        (r"(is not a valid|invalid|unknown|no such) model( id| name)?\b|model identifier is invalid"
         r"|model .{1,200} (not found|does ?n.t exist|does not exist)",
         "model_unavailable"),
        (r"deny-listed token", "content_filtered"),  # Cohere, 498
        (r"credit balance is too low|insufficient (balance|credits?|funds)|n.t have any credits"
         r"|exceeded your monthly included credits|account (is|has been) (suspended|restricted|deactivated)", ACCOUNT),
        (r"user location is not supported|country, region, or territory", ACCOUNT),
        (
            r"(invalid|incorrect|expired|missing|wrong|bad|revoked|disabled|malformed) (or missing )?"
            r"(api[ _-]?(key|token)|access token|token|credentials|authentication|bearer)"
            r"|(api[ _-]?key|token|credentials) (provided )?(is |are |was |has )?(not valid|invalid|incorrect|expired|"
            r"revoked|missing|disabled)|security token .* (invalid|expired)",
            KEY,
        ),
        (r"(lacks?|without|no|not have|insufficient) (the )?(required )?(permission|access|privilege|scope)"
         r"|not authorized|not allowed to (use|access)|permission denied", PERMISSION),
        (
            r"\b(max_tokens|max_completion_tokens|max_output_tokens|maxOutputTokens|temperature|top_p|top_k|"
            r"reasoning_effort|stream_options|frequency_penalty|presence_penalty|budget_tokens|api[ -]version)"
            r"\b.{0,200}\b(must|should|not|only|invalid|unsupported|deprecated|less|greater|between|at most|required)\b"
            r"|(unsupported|unknown|unrecognized|unexpected|invalid) (request )?(parameter|argument|field|value)"
            r"|extra inputs are not permitted|on-demand throughput isn.t supported",
            REQUEST,
        ),
    )
)  # fmt: skip
_UPSTREAM = (KEY, ACCOUNT, PERMISSION)
"""What the provider behind a gateway says of the gateway's own key or account is not the user's."""

_STATUSES: dict[int, Mistake | str] = {
    401: KEY,
    402: ACCOUNT,
    404: "model_unavailable",
    408: "timeout_total",
    410: "model_unavailable",
    413: "context_too_long",
    424: "server_error",  # Bedrock: the model failed
    429: "rate_limited",
    498: "rate_limited",  # Groq: capacity of the flex tier exceeded
}


FIRST_QUESTIONS = 3
"""So many questions of a cell, refused alike from its start, show that not the questions are to blame."""


def refused_from_the_start(records: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the first questions of a cell were all refused alike, none of them answered.

    :param records: those of the cell so far.
    """
    refusals = {(record["failure_kind"], record["http_status"]) for record in records}
    return len(records) == FIRST_QUESTIONS and len(refusals) == 1 and records[0]["failure_kind"] == "refused"


def outcome(status: int, body: str, headers: Mapping[str, str] | None = None) -> Mistake | str | None:
    """What a response that isn't a stream means: a mistake of the user's, or a failure kind.

    :param status: HTTP status.
    :param body: the response's text.
    :param headers: names in lower case.
    :return: None where neither status, code nor words say anything: no refusal.
    """
    error = error_of(body)
    if error and "x-amzn-errortype" in (headers or {}):
        error = {"type": headers["x-amzn-errortype"].partition(":")[0], **error}  # type: ignore[index]
    if status == 413:
        # Groq gives it the code rate_limit_exceeded, but what is too large stays so however long one waits.
        return "context_too_long"
    said = named(error)
    if 400 <= status < 500:
        # A 429 speaks of tokens and billing, too, but it is what it is.
        return said or (_phrased(error) if status != 429 else None) or _by_status(status, error)
    return said if isinstance(said, str) else ("server_error" if status >= 500 else None)


def named(error: Mapping[str, Any]) -> Mistake | str | None:
    """What an error object names by a code, or by what it says of the content or the budget."""
    metadata = as_dict(error.get("metadata"))
    if metadata.get("reasons") or metadata.get("patterns"):
        return "content_filtered"  # OpenRouter: moderation gives reasons, a guardrail the patterns that it found
    if metadata.get("limit_source") == "openrouter_in_flight_budget":
        return "rate_limited"
    meanings = [_CODES[code] for code in _codes(error, metadata) if code in _CODES]
    return next((meaning for meaning in meanings if _is_ours(meaning, metadata)), None)


def _codes(error: Mapping[str, Any], metadata: Mapping[str, Any]) -> list[str]:
    """The codes of an error, the most particular first (Google's reasons, Azure's inner code)."""
    reasons = [as_dict(detail).get("reason") for detail in as_list(error.get("details"))]
    inner = as_dict(error.get("innererror")).get("code")
    own = (error.get(name) for name in ("reason", "code", "error_code", "type", "status"))
    names = (*reasons, inner, *own, metadata.get("error_type"))
    return [str(name) for name in names if isinstance(name, str | int)]


def _phrased(error: Mapping[str, Any]) -> Mistake | str | None:
    if not error:
        return None
    text, metadata = error_message(error), as_dict(error.get("metadata"))
    meanings = (meaning for pattern, meaning in _PHRASES if pattern.search(text))
    return next((meaning for meaning in meanings if _is_ours(meaning, metadata)), None)


def phrased_kind(text: str) -> str | None:
    """The failure kind that the words of an error within a stream say; none of them can be a mistake."""
    return next((said for pattern, said in _PHRASES if isinstance(said, str) and pattern.search(text)), None)


def _by_status(status: int, error: Mapping[str, Any]) -> Mistake | str:
    meaning = _STATUSES.get(status, "refused")
    return meaning if _is_ours(meaning, as_dict(error.get("metadata"))) else "refused"


def _is_ours(meaning: Mistake | str, metadata: Mapping[str, Any]) -> bool:
    return meaning not in _UPSTREAM or not metadata.get("provider_name")


def error_of(body: str) -> dict[str, Any]:
    """The error object of a JSON body; empty where there is none."""
    content = json_value(body)
    if isinstance(content, list):
        content = content[0] if content else None  # Google's, of a stream
    if not isinstance(content, dict):
        return {}
    errors = as_list(content.get("errors"))  # IBM's, Cloudflare's
    error = content.get("error") or (errors[0] if errors else None) or _whole(content)
    return error if isinstance(error, dict) else {"message": str(error)}


def _whole(content: dict[str, Any]) -> dict[str, Any]:
    """The error that a body is as a whole; FastAPI's servers say theirs in ``detail``, as a text or by field."""
    if "message" in content or content.get("object") == "error":
        return content
    detail = content.get("detail")
    return content | {"message": detail if isinstance(detail, str) else json.dumps(detail)} if detail else {}


def error_message(error: Mapping[str, Any]) -> str:
    """An error object in words, with what OpenRouter adds of the provider behind it."""
    metadata = as_dict(error.get("metadata"))
    names = ("provider_name", "raw", "reasons", "patterns")
    more = [value if isinstance(value, str) else json.dumps(value) for value in map(metadata.get, names) if value]
    text = str(error.get("message") or json.dumps(error))
    return f"{text} ({': '.join(more)})" if more else text
