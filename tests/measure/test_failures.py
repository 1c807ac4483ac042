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
