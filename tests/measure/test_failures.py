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

    def test_is_left_as_it_is_up_to_the_longest_text(self):
        assert failures.scrub("x" * 2000, ()) == "x" * 2000
        assert failures.scrub("x" * 2001, ()) == "x" * 1999 + "…"

    def test_loses_nothing_for_a_secret_that_is_empty(self):
        assert failures.scrub("bad key", ("",)) == "bad key"


class TestAnErrorWithinAStream:
    """What docs/metrics.md and the providers' own pages list, one by one."""

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
    def test_has_the_kind_of_its_code(self, where: str, code: str, expected: str):
        assert kind({**WHOLE, "error": {where: code}}) == expected

    def test_may_have_its_code_in_what_openrouter_adds(self):
        error = {"code": 400, "metadata": {"error_type": "context_length_exceeded"}}
        assert failures.error_kind(error) == "context_too_long"

    @pytest.mark.parametrize("name", ["code", "status_code"])
    @pytest.mark.parametrize(
        ("code", "expected"),
        [("413", "context_too_long"), (429, "rate_limited"), (498, "rate_limited"), (500, "stream_error")],
    )
    def test_has_the_kind_of_its_number(self, name: str, code: int | str, expected: str):
        assert failures.error_kind({name: code}) == expected

    @pytest.mark.parametrize("code", ["invalid_api_key", "insufficient_quota", "unsupported_parameter"])
    def test_is_no_mistake_of_the_users(self, code: str):
        assert failures.error_kind({"code": code}) == "stream_error"


class TestAResponseThatIsNoStream:
    @pytest.mark.parametrize("status", [199, 204, 301])
    def test_of_another_status_is_a_bad_response(self, status: int):
        assert kind(status=status, streamed=False) == "bad_response"

    def test_has_a_status_in_its_body_where_that_is_a_number(self):
        assert kind(streamed=False, error_body='{"error": {"code": 503}}') == "server_error"
        assert kind(streamed=False, error_body='{"error": {"code": "503"}}') == "bad_response"


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
