from __future__ import annotations

from typing import Any

import pytest

from llm_bench.measure import failures
from llm_bench.measure.wire import Answer
from llm_bench.records import FAILURE_KINDS

WHOLE = {"text": "a", "finish_reason": "stop", "ended": 1.0, "chunks": 3}


def kind(answer: dict[str, Any] | None = None, **seen: Any) -> str | None:
    facts = {"missed": None, "status": 200, "broken": False, "streamed": True, "error_body": ""} | seen
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
            ({"missed": "first_token"}, "timeout_first_token"),
            ({"missed": "total"}, "timeout_total"),
            ({"status": None, "broken": True}, "connection"),
            ({"status": 404, "streamed": False}, "model_unavailable"),
            ({"status": 408, "streamed": False}, "timeout_total"),
            ({"status": 413, "streamed": False}, "context_too_long"),
            ({"status": 429, "streamed": False}, "rate_limited"),
            ({"status": 498, "streamed": False}, "rate_limited"),
            ({"status": 500, "streamed": False}, "server_error"),
            ({"status": 502, "streamed": False, "error_body": "<html>Bad Gateway</html>"}, "server_error"),
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
            ({"garbage": 1}, "bad_response"),
        ],
    )
    def test_of_a_stream_that_went_wrong(self, change: dict[str, Any], expected: str):
        assert kind({**WHOLE, **change}) == expected

    def test_of_a_connection_that_broke_within_the_stream(self):
        assert kind({**WHOLE, "ended": None}, broken=True) == "truncated_stream"

    def test_is_always_one_of_the_schemas(self):
        told = {*failures._STATUS_KINDS.values(), *failures._TIMEOUT_KINDS.values(), *failures._ERROR_CODES.values()}
        assert told <= set(FAILURE_KINDS)


class TestMistakes:
    @pytest.mark.parametrize("status", [401, 402, 403])
    def test_of_the_key_or_account_are_the_users(self, status: int):
        assert failures.refused_key(status)

    def test_of_the_request_are_told_from_a_context_that_is_too_long(self):
        assert failures.refused_request(400, '{"error":{"message":"temperature must be below 2"}}')
        assert not failures.refused_request(400, '{"error":{"message":"maximum context length is 8192 tokens"}}')


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
