"""Headers and bodies stand here as their providers document them; measure/notices.py says where."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doubles.clock import NOW
from llm_bench.measure.notices import LONGEST_SEC, LONGEST_WAIT_SEC, Allowance, Notice, notice, seconds

HOUR_LATER = "2027-01-15T09:00:00Z"


def answered(**headers: str) -> Notice:
    return notice(200, _named(headers), refusal=None, now=NOW)


def refused(body: Any = "", /, **headers: str) -> float:
    """The seconds for which a refusal holds off."""
    text = body if isinstance(body, str) else json.dumps(body)
    return notice(429, _named(headers), refusal=text, now=NOW).hold_sec


def _named(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


def saying(message: str, **more: Any) -> dict[str, Any]:
    return {"error": {"message": message, **more}}


class TestSeconds:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("2", 2),
            ("7.66s", 7.66),
            ("2m59.56s", 179.56),
            ("1h2m3s", 3723),
            ("120ms", 0.12),
            ("1d", 86400),
            ("6 seconds", 6),
            ("1 hour, 2 minutes", 3720),
            ("-1", 0),
            (" 1m30s ", 90),
            ("Fri, 15 Jan 2027 08:00:30 GMT", 30),
            ("Fri, 15 Jan 2027 07:59:30 GMT", 0),
            ("2027-01-15T08:00:10Z", 10),
            ("2027-01-15T09:00:10.5+01:00", 10.5),
            (str(int(NOW) + 60), 60),
            (str(int(NOW) * 1000 + 1500), 1.5),
            (str(int(NOW) - 60), 0),
        ],
    )
    def test_are_read_in_every_form_that_providers_use(self, text: str, expected: float):
        assert seconds(text, NOW) == pytest.approx(expected)

    @pytest.mark.parametrize("text", ["", "soon", "5x", "m5", "nan", "1 hour and more", "2027-99-99T00:00:00Z"])
    def test_are_unknown_for_anything_else(self, text: str):
        assert seconds(text, NOW) is None

    @pytest.mark.parametrize("text", ["inf", "1e400", "99999999", "9999-12-31T00:00:00Z", "9e99", "400d"])
    def test_are_a_day_at_most(self, text: str):
        assert seconds(text, NOW) == LONGEST_SEC

    @given(st.one_of(st.text(max_size=30), st.floats().map(str), st.from_regex(r"[0-9]{1,40}[smhd]?", fullmatch=True)))
    def test_are_bounded_whatever_is_said(self, text: str):
        value = seconds(text, NOW)
        assert value is None or 0 <= value <= LONGEST_SEC


class TestRetryAfter:
    def test_is_in_seconds(self):
        assert refused(retry_after="7") == 7

    def test_is_a_date_by_the_servers_own_clock(self):
        an_hour_behind = format_datetime(datetime.fromtimestamp(NOW - 3600, UTC), usegmt=True)
        until = format_datetime(datetime.fromtimestamp(NOW - 3570, UTC), usegmt=True)
        assert refused(retry_after=until, date=an_hour_behind) == pytest.approx(30)

    @pytest.mark.parametrize("date", ["Mon, 01 Jan 0001 00:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT", "today"])
    def test_is_by_this_machines_clock_where_the_servers_is_absurd(self, date: str):
        assert refused(retry_after="Fri, 15 Jan 2027 08:00:30 GMT", date=date) == pytest.approx(30)

    def test_in_milliseconds_is_the_more_exact(self):
        assert refused(retry_after="1", retry_after_ms="350") == pytest.approx(0.35)

    @pytest.mark.parametrize("text", ["soon", "nan", "0"])
    def test_in_milliseconds_is_passed_over_where_it_says_nothing(self, text: str):
        assert refused(retry_after="2", retry_after_ms=text) == 2

    @pytest.mark.parametrize("text", ["86400", "inf", "9e12", str(int(NOW) + 86400)])
    def test_of_a_day_and_more_is_a_day(self, text: str):
        assert refused(retry_after=text) == LONGEST_SEC

    def test_of_an_answer_says_nothing(self):
        assert answered(retry_after="7").hold_sec == 0


class TestTheWordsOfARefusal:
    @pytest.mark.parametrize(
        ("words", "expected"),
        [
            ("Rate limit reached … on tokens per day (TPD): Limit 100000. Please try again in 8m12s. Need more?", 492),
            ("Please try again in 1h2m3.4s.", 3723.4),
            ("Please try again in 350ms.", 0.35),
            ("… exceeded token rate limit of your current OpenAI S0 pricing tier. Please retry after 6 seconds.", 6),
            ("You exceeded your current quota. Please retry in 36.429760048s.", 36.43),
            ("Try again in 2 minutes 5 seconds", 125),
        ],
    )
    def test_say_how_long(self, words: str, expected: float):
        assert refused(saying(words)) == pytest.approx(expected, rel=1e-3)

    def test_go_beyond_a_shorter_header(self):
        assert refused(saying("Please try again in 8m12s."), retry_after="2") == 492

    @pytest.mark.parametrize("words", ["Slow down", "try again in a while", "try again in 5 mysteries", ""])
    def test_may_say_nothing(self, words: str):
        assert refused(saying(words)) == 0

    def test_are_read_from_what_is_no_json(self):
        assert refused("<p>Too many requests, retry after 12 seconds</p>") == 12

    def test_of_a_limit_of_a_day_without_a_time_are_taken_to_mean_midnight(self):
        assert refused(saying("Rate limit exceeded: free-models-per-day-high-balance. ")) == 16 * 3600

    def test_are_read_in_no_time_however_long_they_are(self):
        assert refused("try again in " + "1 " * 30_000) == 0


class TestGemini:
    @staticmethod
    def body(quota: str) -> list[dict[str, Any]]:
        details = [
            {
                "@type": "type.googleapis.com/google.rpc.QuotaFailure",
                "violations": [{"quotaId": f"GenerateRequestsPer{quota}PerProjectPerModel-FreeTier"}],
            },
            {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34s"},
        ]
        return [{"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "message": "Quota.", "details": details}}]

    def test_says_it_in_retry_info(self):
        assert refused(self.body("Minute")) == 34

    def test_begins_a_limit_of_a_day_anew_at_midnight_in_california(self):
        six_hours_before = NOW - 6 * 3600
        day = notice(429, {}, refusal=json.dumps(self.body("Day")), now=six_hours_before)
        assert day.hold_sec == 6 * 3600


class TestOpenAIAndGroq:
    def test_say_what_is_left_of_the_tokens_of_a_minute(self):
        stated = answered(x_ratelimit_limit_tokens="18000", x_ratelimit_remaining_tokens="17997")
        assert stated.tokens == {"all": Allowance(18000, 17997)}

    def test_hold_off_until_the_reset_when_no_request_is_left(self):
        assert answered(x_ratelimit_remaining_requests="0", x_ratelimit_reset_requests="1m30s").hold_sec == 90

    def test_hold_off_for_one_requests_refill_where_the_whole_reset_is_long(self):
        """Groq's 14,400 a day come back one in six seconds; its reset is that of all of them."""
        headers = {"x_ratelimit_remaining_requests": "0", "x_ratelimit_limit_requests": "14400"}
        assert answered(**headers, x_ratelimit_reset_requests="24h").hold_sec == pytest.approx(6)

    def test_never_close_a_cell_by_an_answer(self):
        assert answered(x_ratelimit_remaining_requests="0", x_ratelimit_reset_requests="inf").hold_sec == (
            LONGEST_WAIT_SEC
        )

    def test_hold_nothing_off_while_requests_are_left(self):
        assert answered(x_ratelimit_remaining_requests="1", x_ratelimit_reset_requests="7s").hold_sec == 0

    def test_hold_nothing_off_where_no_reset_is_stated(self):
        assert answered(x_ratelimit_remaining_requests="0").hold_sec == 0

    def test_refuse_with_a_lone_reset(self):
        assert refused(x_ratelimit_reset_requests="1m30s") == 90

    def test_refuse_with_the_reset_of_what_is_used_up(self):
        headers = {"x_ratelimit_remaining_requests": "0", "x_ratelimit_reset_requests": "1m30s"}
        assert refused(**headers, x_ratelimit_remaining_tokens="5", x_ratelimit_reset_tokens="7s") == 90

    def test_refuse_with_the_first_reset_where_something_is_left_of_each(self):
        headers = {"x_ratelimit_remaining_requests": "14370", "x_ratelimit_reset_requests": "2m59.56s"}
        assert refused(**headers, x_ratelimit_remaining_tokens="500", x_ratelimit_reset_tokens="7s") == 7

    @pytest.mark.parametrize(
        "headers",
        [
            {"x_ratelimit_limit_tokens": "6000"},
            {"x_ratelimit_remaining_tokens": "0"},
            {"x_ratelimit_limit_tokens": "many", "x_ratelimit_remaining_tokens": "0"},
            {"x_ratelimit_limit_tokens": "inf", "x_ratelimit_remaining_tokens": "0"},
            {"x_ratelimit_limit_tokens": "0", "x_ratelimit_remaining_tokens": "0"},
            {"x_ratelimit_limit_tokens": "-5", "x_ratelimit_remaining_tokens": "-9"},
        ],
    )
    def test_say_nothing_of_tokens_by_half(self, headers: dict[str, str]):
        assert answered(**headers).tokens == {}

    @pytest.mark.parametrize(("stated", "kept"), [("-30", 0), ("7000", 6000)])
    def test_state_no_more_than_the_limit_and_no_less_than_nothing(self, stated: str, kept: float):
        stated = answered(x_ratelimit_limit_tokens="6000", x_ratelimit_remaining_tokens=stated)
        assert stated.tokens == {"all": Allowance(6000, kept)}


class TestAnthropic:
    @staticmethod
    def headers(**more: str) -> dict[str, str]:
        return {f"anthropic_ratelimit_{name}": value for name, value in more.items()}

    def test_says_what_is_left_of_input_and_output_tokens(self):
        stated = answered(
            **self.headers(
                input_tokens_limit="30000",
                input_tokens_remaining="28000",
                output_tokens_limit="8000",
                output_tokens_remaining="7000",
                tokens_limit="8000",
                tokens_remaining="7000",
            )
        )
        assert stated.tokens == {"prompt": Allowance(30000, 28000), "answer": Allowance(8000, 7000)}

    def test_may_have_a_narrower_limit_of_all_tokens(self):
        stated = answered(
            **self.headers(
                input_tokens_limit="30000", input_tokens_remaining="28000", tokens_limit="900", tokens_remaining="80"
            )
        )
        assert stated.tokens == {"prompt": Allowance(30000, 28000), "all": Allowance(900, 80)}

    def test_holds_off_until_the_moment_of_the_reset(self):
        headers = self.headers(requests_remaining="0", requests_limit="50", requests_reset="2027-01-15T08:00:40Z")
        assert answered(**headers).hold_sec == 40

    def test_refuses_until_the_reset_of_what_is_used_up(self):
        headers = self.headers(input_tokens_remaining="0", input_tokens_reset="2027-01-15T08:00:40Z")
        assert refused(**headers, **self.headers(requests_remaining="4", requests_reset=HOUR_LATER)) == 40


class TestCerebras:
    def test_says_what_is_left_of_the_tokens_of_a_minute(self):
        stated = answered(x_ratelimit_limit_tokens_minute="60000", x_ratelimit_remaining_tokens_minute="59000")
        assert stated.tokens == {"all": Allowance(60000, 59000)}

    def test_refuses_until_the_reset_of_the_day(self):
        headers = {"x_ratelimit_remaining_requests_day": "0", "x_ratelimit_reset_requests_day": "33011.382867097855"}
        assert refused(**headers, x_ratelimit_reset_tokens_minute="11.38") == pytest.approx(33011.38)

    def test_holds_off_for_one_requests_refill_when_the_day_is_used_up(self):
        headers = {"x_ratelimit_remaining_requests_day": "0", "x_ratelimit_limit_requests_day": "14400"}
        assert answered(**headers, x_ratelimit_reset_requests_day="86400").hold_sec == pytest.approx(6)

    def test_does_not_take_the_tokens_of_a_day_for_those_of_a_minute(self):
        assert answered(x_ratelimit_limit_tokens_day="1000", x_ratelimit_remaining_tokens_day="0").tokens == {}


class TestOthers:
    def test_mistral_abbreviates_requests(self):
        stated = notice(
            200,
            {
                "x-ratelimit-limit-tokens-minute": "5000000",
                "x-ratelimit-remaining-tokens-minute": "4999911",
                "x-ratelimit-limit-req-minute": "720",
                "x-ratelimit-remaining-req-minute": "717",
            },
            refusal=None,
            now=NOW,
        )
        assert (stated.tokens, stated.hold_sec) == ({"all": Allowance(5_000_000, 4_999_911)}, 0)

    def test_digitalocean_names_the_moment_in_seconds(self):
        headers = {"x_ratelimit_remaining_tokens_per_day": "0"}
        assert refused(**headers, x_ratelimit_reset_tokens_per_day=str(int(NOW) + 7200)) == 7200

    def test_fireworks_counts_the_tokens_of_prompt_and_answer_apart(self):
        stated = answered(
            x_ratelimit_limit_tokens_prompt="60000",
            x_ratelimit_remaining_tokens_prompt="59000",
            x_ratelimit_limit_tokens_generated="6000",
            x_ratelimit_remaining_tokens_generated="5000",
        )
        assert stated.tokens == {"prompt": Allowance(60000, 59000), "answer": Allowance(6000, 5000)}

    def test_openrouter_names_the_moment_in_milliseconds(self):
        assert refused(x_ratelimit_reset=str(int((NOW + 20) * 1000))) == 20

    def test_openrouter_names_it_in_the_error_too(self):
        headers = {"X-RateLimit-Limit": "50", "X-RateLimit-Remaining": "0"}
        reset = {"X-RateLimit-Reset": str(int((NOW + 9 * 3600) * 1000))}
        body = saying("Rate limit exceeded: free-models-per-day.", code=429, metadata={"headers": headers | reset})
        assert refused(body) == 9 * 3600


class TestWhatAWholeLimitAllows:
    @pytest.mark.parametrize(
        ("remaining", "reset", "name"),
        [("14370", "2m59.56s", "requests_per_day"), ("14399", "4.17ms", "requests_per_minute")],
    )
    def test_is_of_the_span_in_which_it_refills(self, remaining: str, reset: str, name: str):
        """Groq's and OpenAI's headers have the same names; Groq's requests are those of a day."""
        headers = {"limit": "14400", "remaining": remaining, "reset": reset}
        notice = answered(**{f"x_ratelimit_{word}_requests": text for word, text in headers.items()})
        assert notice.allowed == {name: 14400}

    def test_is_of_the_span_that_the_header_names(self):
        assert answered(**{"x-ratelimit-limit-tokens-per-day": "500000"}).allowed == {"tokens_per_day": 500000}

    @pytest.mark.parametrize("remaining", ["14400", "0", "soon"])
    def test_is_not_known_where_nothing_says_the_span(self, remaining: str):
        headers = {"x-ratelimit-limit-requests": "14400", "x-ratelimit-remaining-requests": remaining}
        assert answered(**headers, **{"x-ratelimit-reset-requests": "60s"}).allowed == {}

    def test_is_said_by_a_refusal(self):
        words = "Rate limit reached on tokens per day (TPD): Limit 100000, Used 99000, Requested 1443."
        said = notice(429, {}, refusal=json.dumps(saying(words)), now=NOW)
        assert said.allowed == {"tokens_per_day": 100000}

    def test_is_a_days_where_the_refusal_says_so(self):
        headers = {"x-ratelimit-limit": "50", "x-ratelimit-remaining": "0"}
        words = "Rate limit exceeded: free-models-per-day"
        said = notice(429, headers, refusal=json.dumps(saying(words)), now=NOW)
        assert said.allowed == {"requests_per_day": 50}


class TestANotice:
    def test_says_whether_the_request_was_answered(self):
        assert answered().answered
        assert not notice(500, {}, refusal=None, now=NOW).answered
        assert not notice(200, {}, refusal="rate limited in the stream", now=NOW).answered

    @given(
        st.one_of(st.none(), st.text(max_size=60)),
        st.dictionaries(
            st.sampled_from(
                [
                    "retry-after",
                    "retry-after-ms",
                    "date",
                    "x-ratelimit-reset",
                    "x-ratelimit-limit-tokens",
                    "x-ratelimit-remaining-tokens",
                    "x-ratelimit-remaining-requests",
                    "x-ratelimit-reset-requests",
                    "anthropic-ratelimit-requests-reset",
                ]
            ),
            st.one_of(st.text(max_size=20), st.floats().map(str), st.integers().map(str), st.datetimes().map(str)),
        ),
    )
    def test_is_bounded_whatever_is_said(self, refusal: str | None, headers: dict[str, str]):
        stated = notice(429 if refusal is not None else 200, headers, refusal=refusal, now=NOW)
        assert 0 <= stated.hold_sec <= (LONGEST_SEC if refusal is not None else LONGEST_WAIT_SEC)
        for allowance in stated.tokens.values():
            assert 0 <= allowance.remaining <= allowance.limit < math.inf
