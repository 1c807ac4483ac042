from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_bench.measure import refusals
from llm_bench.measure.refusals import (
    ACCOUNT,
    ADDRESS,
    FIRST_QUESTIONS,
    KEY,
    PERMISSION,
    PRIVACY,
    REQUEST,
    Mistake,
    outcome,
    refused_from_the_start,
)
from llm_bench.records import FAILURE_KINDS


def body(**error: Any) -> str:
    return json.dumps({"error": error})


GOOGLES_KEY = {
    "code": 400,
    "message": "API key not valid. Please pass a valid API key.",
    "status": "INVALID_ARGUMENT",
    "details": [
        {
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": "API_KEY_INVALID",
            "domain": "googleapis.com",
        }
    ],
}
UPSTREAM = {"provider_name": "DeepInfra", "raw": "Invalid API key"}


class TestAMistake:
    @pytest.mark.parametrize(
        ("status", "error", "mistake"),
        [
            (401, {}, KEY),
            (402, {}, ACCOUNT),
            (403, {"message": "Incorrect API key provided: x."}, KEY),
            # Groq
            (400, {"code": "blocked_api_access"}, ACCOUNT),
            (400, {"code": "organization_restricted"}, ACCOUNT),
            (403, {"code": "model_permission_blocked_project"}, PERMISSION),
            (404, {"code": "unknown_url"}, ADDRESS),
            (400, {"message": "`max_tokens` must be less than or equal to `8192`, the maximum"}, REQUEST),
            # OpenAI
            (429, {"code": "insufficient_quota", "message": "You exceeded your current quota"}, ACCOUNT),
            (400, {"code": "unsupported_parameter", "message": "Unsupported parameter: 'max_tokens'"}, REQUEST),
            (400, {"code": "unsupported_value", "message": "'temperature' does not support 0"}, REQUEST),
            (403, {"code": "unsupported_country_region_territory"}, ACCOUNT),
            # OpenRouter
            (404, {"message": "No endpoints found matching your data policy (Free model publication)."}, PRIVACY),
            (402, {"metadata": {"limit_source": "openrouter_credits"}}, ACCOUNT),
            (403, {"message": "Key lacks the permission for this"}, PERMISSION),
            # Anthropic
            (401, {"type": "authentication_error", "message": "invalid x-api-key"}, KEY),
            (400, {"type": "invalid_request_error", "message": "Your credit balance is too low to access"}, ACCOUNT),
            (403, {"type": "permission_error", "message": "Your API key does not have permission"}, PERMISSION),
            (400, {"type": "invalid_request_error", "message": "temperature: range: 0..1 must be less"}, REQUEST),
            # Gemini
            (400, GOOGLES_KEY, KEY),
            (400, {"message": "API key expired. Please renew the API key.", "status": "INVALID_ARGUMENT"}, KEY),
            (403, {"status": "PERMISSION_DENIED", "message": "Generative Language API has not been used"}, PERMISSION),
            (400, {"message": "User location is not supported for the API use.", "status": "x"}, ACCOUNT),
            # Azure
            (400, {"code": "OperationNotSupported", "message": "The chatCompletion operation does not work"}, REQUEST),
            (400, {"code": "BadRequest", "message": "API version not supported"}, REQUEST),
        ],
    )
    def test_is_what_a_code_or_words_lay_to_the_user(self, status: int, error: dict[str, Any], mistake: Mistake):
        assert outcome(status, body(**error)) is mistake

    def test_of_the_key_may_stand_in_a_list_as_gemini_streams_it(self):
        assert outcome(400, json.dumps([{"error": GOOGLES_KEY}])) is KEY

    @pytest.mark.parametrize(
        ("kind", "mistake"),
        [("UnrecognizedClientException", KEY), ("AccessDeniedException:http://x", PERMISSION)],
    )
    def test_is_named_in_a_header_by_amazon(self, kind: str, mistake: Mistake):
        assert outcome(403, '{"message": "denied"}', {"x-amzn-errortype": kind}) is mistake

    def test_names_its_own_fix(self):
        assert "privacy" in PRIVACY.fix
        assert "Allow this model" in PERMISSION.fix
        assert "password" in KEY.fix


class TestARefusal:
    @pytest.mark.parametrize(
        ("status", "text"),
        [
            (400, body(code="tool_use_failed", message="Failed to call a function. Please adjust your prompt.")),
            (400, body(code=400, message="Provider returned error", metadata={"provider_name": "Novita", "raw": "x"})),
            (400, "<html><h1>400 Bad Request</h1><center>nginx</center></html>"),
            (403, "<html><title>Just a moment...</title>Access denied, invalid token</html>"),
            (403, "Forbidden"),
            (401, body(code=401, message="Provider returned error", metadata=UPSTREAM)),
            (403, body(code=403, message="Provider returned error", metadata=UPSTREAM)),
            (405, ""),
            (409, "{}"),
            (415, ""),
            (422, body(message="Unprocessable")),
            (451, ""),
        ],
    )
    def test_is_data_where_nothing_lays_it_to_the_user(self, status: int, text: str):
        assert outcome(status, text) == "refused"

    @pytest.mark.parametrize(
        ("status", "error", "kind"),
        [
            (400, {"message": "prompt is too long: 210000 tokens > 200000 maximum"}, "context_too_long"),
            (400, {"message": "The input token count (1200000) exceeds the maximum number"}, "context_too_long"),
            (400, {"message": "maximum context length is 8192 tokens, reduce max_tokens"}, "context_too_long"),
            (400, {"code": "data_inspection_failed"}, "content_filtered"),
            (400, {"code": "content_filter", "innererror": {"code": "ResponsibleAIPolicyViolation"}},
             "content_filtered"),
            (403, {"metadata": {"reasons": ["violence"]}}, "content_filtered"),
            (403, {"metadata": {"patterns": ["ignore previous"]}}, "content_filtered"),
            (402, {"metadata": {"limit_source": "openrouter_in_flight_budget"}}, "rate_limited"),
            (404, {"message": "No endpoints found for vendor/some-model."}, "model_unavailable"),
            (404, {"code": "DeploymentNotFound"}, "model_unavailable"),
            (404, {"type": "not_found_error", "message": "model: claude-x"}, "model_unavailable"),
            (400, {"message": "vendor/some-model is not a valid model ID"}, "model_unavailable"),
            (413, {"code": "rate_limit_exceeded"}, "context_too_long"),
            (429, {"status": "RESOURCE_EXHAUSTED", "message": "You exceeded your current quota, check billing"},
             "rate_limited"),
            (429, {"message": "too many tokens this minute"}, "rate_limited"),
            (498, {}, "rate_limited"),
            (529, {"type": "overloaded_error", "message": "Overloaded"}, "server_error"),
        ],
    )  # fmt: skip
    def test_has_the_kind_that_it_names(self, status: int, error: dict[str, Any], kind: str):
        assert outcome(status, body(**error)) == kind

    def test_of_amazon_is_named_in_a_header(self):
        assert outcome(429, '{"message": "slow down"}', {"x-amzn-errortype": "ThrottlingException"}) == "rate_limited"
        assert outcome(400, '{"message": "Input is too long for requested model."}', {}) == "context_too_long"

    @settings(deadline=None)
    @given(st.integers(400, 599), st.text() | st.recursive(st.none() | st.text(), st.lists).map(json.dumps))
    def test_is_a_mistake_or_data_whatever_the_body_is(self, status: int, text: str):
        meaning = outcome(status, text)
        assert isinstance(meaning, Mistake) or meaning in FAILURE_KINDS

    def test_is_always_one_of_the_schemas_kinds(self):
        meanings = [*refusals._CODES.values(), *refusals._STATUSES.values(), *(it for _, it in refusals._PHRASES)]
        assert {meaning for meaning in meanings if isinstance(meaning, str)} <= set(FAILURE_KINDS)


class TestEachStatusAndCode:
    """What docs/metrics.md and the providers' own pages list, one by one."""

    @pytest.mark.parametrize(
        ("status", "meaning"),
        [
            (401, KEY),
            (402, ACCOUNT),
            (404, "model_unavailable"),
            (408, "timeout_total"),
            (410, "model_unavailable"),
            (413, "context_too_long"),
            (424, "server_error"),
            (429, "rate_limited"),
            (498, "rate_limited"),
            (500, "server_error"),
            (599, "server_error"),
        ],
    )
    def test_a_status_alone_says_it(self, status: int, meaning: Mistake | str):
        assert outcome(status, "") == meaning

    @pytest.mark.parametrize("status", [400, 403, 405, 406, 409, 414, 415, 416, 418, 421, 422, 423, 499])
    def test_any_other_refusal_is_data_where_it_says_nothing(self, status: int):
        assert outcome(status, "") == "refused"

    @pytest.mark.parametrize("status", [199, 200, 204, 301, 399])
    def test_what_is_no_refusal_means_nothing(self, status: int):
        assert outcome(status, "") is None

    @pytest.mark.parametrize("where", ["code", "type"])
    @pytest.mark.parametrize(
        ("code", "kind"),
        [
            ("context_length_exceeded", "context_too_long"),
            ("model_not_found", "model_unavailable"),
            ("model_decommissioned", "model_unavailable"),
            ("content_filter", "content_filtered"),
            ("content_policy_violation", "content_filtered"),
            ("rate_limit_exceeded", "rate_limited"),
        ],
    )
    def test_a_code_says_it(self, where: str, code: str, kind: str):
        assert outcome(400, body(**{where: code})) == kind

    @pytest.mark.parametrize(
        ("meaning", "codes"),
        [
            (
                KEY,
                "API_KEY_INVALID UNAUTHENTICATED ACCESS_TOKEN_EXPIRED InvalidSignatureException ExpiredTokenException "
                "IncompleteSignature UnrecognizedClientException InvalidApiKey wrong_api_key INVALID_API_KEY "
                "invalid_authentication_error unauthorized authentication_token_not_valid "
                "authentication_token_expired token_not_found_in_db no_db_connection authentication_error",
            ),
            (
                ACCOUNT,
                "insufficient_quota billing_hard_limit_reached billing_not_active account_deactivated billing_error "
                "BILLING_DISABLED Arrearage exceeded_current_quota_error NOT_ENOUGH_BALANCE token_quota_reached "
                "budget_exceeded organization_restricted blocked_api_access unsupported_country_region_territory",
            ),
            (
                PERMISSION,
                "model_permission_blocked_org model_permission_blocked_project model_terms_required no_access "
                "API_KEY_SERVICE_BLOCKED API_KEY_IP_ADDRESS_BLOCKED SERVICE_DISABLED PERMISSION_DENIED "
                "permission_error AccessDeniedException",
            ),
            (REQUEST, "unsupported_parameter unsupported_value unknown_parameter OperationNotSupported"),
            (
                "model_unavailable",
                "model_not_found model_decommissioned DeploymentNotFound not_found_error ResourceNotFoundException "
                "invalid_model resource_not_found_error MODEL_NOT_FOUND unknown_model RESOURCE_DOES_NOT_EXIST "
                "model_not_supported 5007",
            ),
            (
                "context_too_long",
                "context_length_exceeded string_above_max_length request_too_large tokens_limit_reached",
            ),
            (
                "content_filtered",
                "content_filter content_policy_violation data_inspection_failed DataInspectionFailed",
            ),
            (
                "rate_limited",
                "rate_limit_exceeded rate_limit_error RESOURCE_EXHAUSTED ThrottlingException throttlingException "
                "ServiceQuotaExceededException RateLimitReached REQUEST_LIMIT_EXCEEDED rate_limit_reached_requests",
            ),
            ("server_error", "ModelNotReadyException ModelErrorException"),
        ],
    )
    def test_every_documented_code_says_it(self, meaning: Mistake | str, codes: str):
        assert {code: outcome(400, body(code=code)) for code in codes.split()} == dict.fromkeys(codes.split(), meaning)

    @pytest.mark.parametrize("code", ["insufficient_quota", "invalid_api_key", "unsupported_parameter"])
    @pytest.mark.parametrize(("status", "meaning"), [(200, None), (500, "server_error"), (503, "server_error")])
    def test_a_code_is_a_mistake_only_of_a_refusal(self, code: str, status: int, meaning: str | None):
        assert outcome(status, body(code=code)) == meaning

    @pytest.mark.parametrize("status", [400, 403])
    @pytest.mark.parametrize(
        "text",
        [
            "the context length is 8192",
            "exceeds the context window",
            "Too many tokens",
            "above the maximum context",
            "Please reduce the length of the messages",
        ],
    )
    def test_words_say_that_a_context_is_too_long_of_a_refusal_and_in_a_stream(self, status: int, text: str):
        assert outcome(status, body(message=text)) == "context_too_long"
        assert refusals.phrased_kind(text) == "context_too_long"

    def test_words_of_a_mistake_say_nothing_in_a_stream(self):
        assert refusals.phrased_kind("Incorrect API key provided") is None


class TestTheFirstQuestions:
    def test_refused_alike_show_that_they_are_not_to_blame(self):
        refused = {"failure_kind": "refused", "http_status": 400}
        assert refused_from_the_start([refused] * FIRST_QUESTIONS)

    @pytest.mark.parametrize(
        ("kinds", "statuses"),
        [
            (["refused"] * 2, [400] * 2),
            (["refused"] * 4, [400] * 4),
            (["refused"] * 3, [400, 400, 422]),
            (["refused", None, "refused"], [400, 200, 400]),
            (["rate_limited"] * 3, [429] * 3),
        ],
    )
    def test_show_nothing_else(self, kinds: list[str | None], statuses: list[int]):
        records = [{"failure_kind": it, "http_status": status} for it, status in zip(kinds, statuses, strict=True)]
        assert not refused_from_the_start(records)


class TestTheErrorsWords:
    def test_are_its_message(self):
        assert refusals.error_message({"message": "Rate limit reached", "code": "x"}) == "Rate limit reached"

    def test_are_followed_by_those_of_the_provider_behind_it(self):
        error = {"message": "Provider returned error", "metadata": {"provider_name": "Novita", "raw": {"a": 1}}}
        assert refusals.error_message(error) == 'Provider returned error (Novita: {"a": 1})'
        metadata = {"provider_name": "Novita", "raw": "busy", "reasons": ["violence"], "patterns": ["a"], "flag": 1}
        text = refusals.error_message({"message": "Refused", "metadata": metadata})
        assert text == 'Refused (Novita: busy: ["violence"]: ["a"])'

    def test_are_all_of_it_where_it_has_no_message(self):
        assert refusals.error_message({"code": 502}) == '{"code": 502}'

    @pytest.mark.parametrize(
        ("text", "error"),
        [
            ('{"error": {"code": 1}}', {"code": 1}),
            ('{"error": "gone"}', {"message": "gone"}),
            ('{"message": "gone"}', {"message": "gone"}),
            ('{"choices": []}', {}),
            ("<html>", {}),
            ("[1]", {}),
            ("[" * 100_000, {}),
        ],
    )
    def test_are_found_in_any_body(self, text: str, error: dict[str, Any]):
        assert refusals.error_of(text) == error
