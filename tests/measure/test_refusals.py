from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_bench.measure import refusals
from llm_bench.measure.refusals import ACCOUNT, ADDRESS, KEY, PERMISSION, PRIVACY, REQUEST, Mistake, outcome
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


class TestTheErrorsWords:
    def test_are_its_message(self):
        assert refusals.error_message({"message": "Rate limit reached", "code": "x"}) == "Rate limit reached"

    def test_are_followed_by_those_of_the_provider_behind_it(self):
        error = {"message": "Provider returned error", "metadata": {"provider_name": "Novita", "raw": {"a": 1}}}
        assert refusals.error_message(error) == 'Provider returned error (Novita: {"a": 1})'

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
