from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_bench.measure import failures
from llm_bench.measure.wire import Answer
from llm_bench.records import FAILURE_KINDS

WHOLE = {"text": "a", "finish_reason": "stop", "ended": 1.0, "chunks": 3}


def kind(answer: dict[str, Any] | None = None, **seen: Any) -> str | None:
    facts = {"missed": None, "status": 200, "streamed": True, "error_body": ""} | seen
    return failures.failure_kind(**facts, answer=Answer(**(WHOLE if answer is None else answer)))


class TestSuccess:
    def test_is_a_whole_stream_with_an_answer(self):
        assert kind() is None

    def test_is_an_answer_cut_at_max_tokens_too(self):
        assert kind({**WHOLE, "finish_reason": "length"}) is None


class TestFailureKind:
    @pytest.mark.parametrize(
        ("seen", "expected"),
        [
            ({"missed": "connect", "status": None}, "timeout_connect"),
            ({"missed": "first_token", "status": None}, "timeout_first_token"),
            ({"missed": "total", "status": None}, "timeout_total"),
            ({"status": None}, "connection"),
            ({"status": 404, "streamed": False}, "model_unavailable"),
            ({"status": 408, "streamed": False}, "timeout_total"),
            ({"status": 413, "streamed": False}, "context_too_long"),
            ({"status": 429, "streamed": False}, "rate_limited"),
            ({"status": 498, "streamed": False}, "rate_limited"),
            ({"status": 500, "streamed": False}, "server_error"),
            ({"status": 502, "streamed": False, "error_body": "<html>Bad Gateway</html>"}, "server_error"),
            ({"status": 503, "streamed": False, "missed": "total"}, "server_error"),
            ({"status": 307, "streamed": False}, "bad_response"),
            ({"status": 200, "streamed": False, "error_body": "<html>"}, "bad_response"),
            (
                {"status": 400, "streamed": False, "error_body": '{"error":{"code":"context_length_exceeded"}}'},
                "context_too_long",
            ),
            (
                {"status": 400, "streamed": False, "error_body": '{"error":{"code":"model_decommissioned"}}'},
                "model_unavailable",
            ),
            ({"streamed": False, "error_body": '{"error":{"code":503}}'}, "server_error"),
            ({"streamed": False, "error_body": '{"error":{"code":401}}'}, "bad_response"),
            ({"streamed": False, "error_body": '{"error":{"code":"content_filter"}}'}, "content_filtered"),
        ],
    )
    def test_of_a_response_that_is_no_stream(self, seen: dict[str, Any], expected: str):
        assert kind(**seen) == expected

    @pytest.mark.parametrize(
        ("change", "expected"),
        [
            ({"ended": None}, "truncated_stream"),
            ({"finish_reason": None}, "truncated_stream"),
            ({"text": " \n"}, "empty_answer"),
            ({"finish_reason": "content_filter"}, "content_filtered"),
            ({"finish_reason": "error"}, "stream_error"),
            ({"error": {"message": "overloaded"}}, "stream_error"),
            ({"error": {"code": "rate_limit_exceeded"}}, "rate_limited"),
            ({"error": {"code": 429}}, "rate_limited"),
            ({"error": {"code": 502}}, "stream_error"),
            ({"error": {"code": 401}}, "stream_error"),
            ({"error": {"code": 400, "message": "maximum context length is 8192 tokens"}}, "context_too_long"),
            ({"error": {"code": 403, "metadata": {"reasons": ["violence"]}}}, "content_filtered"),
            ({"garbage": 1}, "bad_response"),
        ],
    )
    def test_of_a_stream_that_went_wrong(self, change: dict[str, Any], expected: str):
        assert kind({**WHOLE, **change}) == expected

    @pytest.mark.parametrize("missed", ["first_token", "total"])
    def test_of_a_stream_that_was_cut_is_the_deadline(self, missed: str):
        assert kind({**WHOLE, "ended": None}, missed=missed) == f"timeout_{missed}"

    def test_of_a_stream_that_had_said_why_is_what_it_said(self):
        assert kind({**WHOLE, "ended": None, "error": {"code": 502}}, missed="total") == "stream_error"

    def test_is_none_for_what_comes_after_the_end(self):
        assert kind(missed="total") is None

    def test_is_always_one_of_the_schemas(self):
        told = {*failures._STATUS_KINDS.values(), *failures._TIMEOUT_KINDS.values(), *failures._ERROR_CODES.values()}
        assert told <= set(FAILURE_KINDS)


def body(**error: Any) -> str:
    return json.dumps({"error": error})


class TestMistakes:
    @pytest.mark.parametrize("status", [401, 402, 403])
    def test_of_the_key_or_account_are_the_users(self, status: int):
        assert failures.refused_key(status, "")

    @pytest.mark.parametrize(
        ("status", "code"),
        [(400, "blocked_api_access"), (400, "organization_restricted"), (429, "insufficient_quota")],
    )
    def test_of_the_account_are_told_by_their_code(self, status: int, code: str):
        assert failures.refused_key(status, body(code=code))
        assert not failures.refused_key(status, body(code="rate_limit_exceeded"))

    @pytest.mark.parametrize(
        ("status", "metadata"),
        [
            (403, {"reasons": ["violence"]}),
            (403, {"patterns": ["ignore previous"]}),
            (402, {"limit_source": "openrouter_in_flight_budget"}),
        ],
    )
    def test_are_told_from_what_only_this_question_met(self, status: int, metadata: dict[str, Any]):
        assert not failures.refused_key(status, body(code=status, metadata=metadata))

    def test_of_the_request_are_told_from_a_context_that_is_too_long(self):
        assert failures.refused_request(400, body(message="temperature must be below 2"))
        assert not failures.refused_request(400, body(message="maximum context length is 8192 tokens"))

    def test_of_the_address_are_told_from_a_missing_model(self):
        assert failures.refused_request(404, body(code="unknown_url"))
        assert not failures.refused_request(404, body(code="model_not_found"))

    @settings(deadline=None)
    @given(st.integers(100, 599), st.text() | st.recursive(st.none() | st.text(), st.lists).map(json.dumps))
    def test_whatever_the_body_is_it_is_a_mistake_or_data(self, status: int, text: str):
        told = kind({}, status=status, streamed=False, error_body=text)
        assert failures.refused_key(status, text) or failures.refused_request(status, text) or told in FAILURE_KINDS


class TestTheErrorsWords:
    def test_are_its_message(self):
        assert failures.error_message({"message": "Rate limit reached", "code": "x"}) == "Rate limit reached"

    def test_are_followed_by_those_of_the_provider_behind_it(self):
        error = {"message": "Provider returned error", "metadata": {"provider_name": "Novita", "raw": {"a": 1}}}
        assert failures.error_message(error) == 'Provider returned error (Novita: {"a": 1})'

    def test_are_all_of_it_where_it_has_no_message(self):
        assert failures.error_message({"code": 502}) == '{"code": 502}'

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
        assert failures.error_of(text) == error


class TestScrub:
    def test_takes_out_a_known_secret(self):
        assert failures.scrub("bad key s3cret!", ("s3cret",)) == "bad key ***!"

    @pytest.mark.parametrize(
        "secret", ["sk-abcdefghijkl", "gsk_abcdefgh1234", "AIzaSyA1234567", "Bearer abc.def.ghi-jkl"]
    )
    def test_takes_out_what_looks_like_a_key(self, secret: str):
        assert secret not in failures.scrub(f"Incorrect API key provided: {secret}.", ())

    def test_cuts_a_page_of_text(self):
        assert len(failures.scrub("x" * 10_000, ())) == 2000


class TestEachStatusAndCode:
    """What docs/metrics.md and the providers' own pages list, one by one."""

    def test_http_410_is_a_model_that_is_gone(self):
        assert kind(status=410, streamed=False) == "model_unavailable"

    @pytest.mark.parametrize("status", [199, 204, 301, 409, 418, 499])
    def test_another_status_is_a_bad_response(self, status: int):
        assert kind(status=status, streamed=False) == "bad_response"

    @pytest.mark.parametrize("where", ["code", "type"])
    @pytest.mark.parametrize(
        ("code", "expected"),
        [
            ("context_length_exceeded", "context_too_long"),
            ("model_not_found", "model_unavailable"),
            ("model_decommissioned", "model_unavailable"),
            ("content_filter", "content_filtered"),
            ("content_policy_violation", "content_filtered"),
            ("rate_limit_exceeded", "rate_limited"),
        ],
    )
    def test_a_code_says_it_in_a_body_and_in_a_stream(self, where: str, code: str, expected: str):
        assert kind(status=400, streamed=False, error_body=body(**{where: code})) == expected
        assert kind({**WHOLE, "error": {where: code}}) == expected

    def test_a_code_may_stand_in_what_openrouter_adds(self):
        error = {"code": 400, "metadata": {"error_type": "context_length_exceeded"}}
        assert failures.error_kind(error) == "context_too_long"

    @pytest.mark.parametrize("name", ["code", "status_code"])
    @pytest.mark.parametrize(
        ("code", "expected"),
        [("413", "context_too_long"), (429, "rate_limited"), (498, "rate_limited"), (500, "stream_error")],
    )
    def test_a_number_says_it_in_a_stream(self, name: str, code: int | str, expected: str):
        assert failures.error_kind({name: code}) == expected

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
    def test_words_say_that_a_context_is_too_long(self, text: str):
        assert kind(status=400, streamed=False, error_body=body(message=text)) == "context_too_long"
        assert failures.error_kind({"message": text}) == "context_too_long"

    def test_words_say_that_openrouter_dropped_a_model_but_only_of_a_400(self):
        text = body(message="a/b is not a valid model ID")
        assert kind(status=400, streamed=False, error_body=text) == "model_unavailable"
        assert kind(status=403, streamed=False, error_body=text) == "bad_response"

    def test_a_request_that_is_too_large_stays_so_whatever_groq_calls_it(self):
        assert kind(status=413, streamed=False, error_body=body(code="rate_limit_exceeded")) == "context_too_long"

    @pytest.mark.parametrize("status", [400, 405, 415, 422])
    def test_a_request_that_is_wrong_is_refused(self, status: int):
        assert failures.refused_request(status, "")

    @pytest.mark.parametrize("status", [None, 200, 401, 404, 406, 414, 416, 421, 423, 429, 500])
    def test_no_other_status_refuses_the_request(self, status: int | None):
        assert not failures.refused_request(status, "")

    @pytest.mark.parametrize("status", [None, 200, 400, 404, 429, 500])
    def test_no_other_status_refuses_the_key(self, status: int | None):
        assert not failures.refused_key(status, "")

    @pytest.mark.parametrize("status", [401, 402, 403])
    def test_a_refused_key_is_no_refused_request(self, status: int):
        assert not failures.refused_request(status, "")

    def test_a_code_of_the_account_counts_with_its_status_alone(self):
        assert not failures.refused_key(500, body(code="insufficient_quota"))

    def test_a_status_in_the_body_counts_where_it_is_a_number(self):
        assert kind(streamed=False, error_body=body(code="503")) == "bad_response"

    def test_nothing_seen_has_no_kind(self):
        assert failures.status_kind(None, "") is None


class TestWhatIsSaidOfAStream:
    @pytest.mark.parametrize(
        ("of", "lacking", "expected"),
        [
            ("truncated_stream", {"finish_reason": None}, "the stream ended without finish_reason"),
            ("truncated_stream", {"ended": None}, "the stream ended without [DONE]"),
            (
                "truncated_stream",
                {"finish_reason": None, "ended": None},
                "the stream ended without finish_reason and [DONE]",
            ),
            ("empty_answer", {"text": ""}, "the stream ended without answer text (finish_reason stop)"),
            ("bad_response", {"garbage": 2}, "2 of the stream's events are no JSON"),
            ("content_filtered", {"finish_reason": "content_filter"}, "finish_reason content_filter"),
        ],
    )
    def test_is_what_is_wrong_with_it(self, of: str, lacking: dict[str, Any], expected: str):
        assert failures.describe(of, Answer(**{**WHOLE, **lacking})) == expected

    def test_holds_all_that_openrouter_adds(self):
        metadata = {"provider_name": "Novita", "raw": "busy", "reasons": ["violence"], "patterns": ["a"], "flag": 1}
        told = failures.error_message({"message": "Refused", "metadata": metadata})
        assert told == 'Refused (Novita: busy: ["violence"]: ["a"])'

    def test_is_left_as_it_is_up_to_the_longest_text(self):
        assert failures.scrub("x" * 2000, ()) == "x" * 2000
        assert failures.scrub("x" * 2001, ()) == "x" * 1999 + "…"

    def test_loses_nothing_for_a_secret_that_is_empty(self):
        assert failures.scrub("bad key", ("",)) == "bad key"
