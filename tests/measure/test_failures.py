from __future__ import annotations

from typing import Any

import pytest

from llm_bench.measure import failures
from llm_bench.measure.formats.answer import Answer
from llm_bench.records import FAILURE_KINDS

WHOLE = {"format": "openai", "text": "a", "finish_reason": "stop", "ended": 1.0}


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
            ({"status": 400, "streamed": False, "error_body": "<h1>Bad Request</h1>"}, "refused"),
            ({"status": 409, "streamed": False}, "refused"),
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
            ({"finish_kind": "content_filtered"}, "content_filtered"),
            ({"finish_kind": "stream_error"}, "stream_error"),
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
        assert set(failures._TIMEOUT_KINDS.values()) <= set(FAILURE_KINDS)


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
