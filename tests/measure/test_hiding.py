"""A secret shows nowhere: not whole, not in part, not as a program writes it."""

from __future__ import annotations

import base64
import html
import json
import logging
import re
from collections.abc import Callable, Iterator
from itertools import product
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from doubles import groq
from doubles.faults import answers
from doubles.provider import Asked, Provider, Response
from fixtures.replies import recorded
from llm_bench.errors import LLMBenchError
from llm_bench.measure.client import Endpoint, LLMClient
from llm_bench.measure.failures import scrub
from llm_bench.measure.hiding import PART, hide
from llm_bench.study import LLM, Deadlines, Generation

KEY = "canary-Zk7/Qp+2Vw=9rXtLm4uBd8sHc1yGfJ5nTeKa0oRi"
FORMS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 of a URL": lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
    "base64 behind a name": lambda text: base64.b64encode(b"user:" + text.encode()).decode(),
    "base64 behind another": lambda text: base64.b64encode(b"me:" + text.encode()).decode(),
    "URL": lambda text: quote(text, safe=""),
    "URL, lower case": lambda text: re.sub("%..", lambda escape: escape[0].lower(), quote(text, safe="")),
    "JSON": lambda text: json.dumps(text)[1:-1],
    "JSON of PHP": lambda text: json.dumps(text)[1:-1].replace("/", r"\/"),
    "HTML": html.escape,
}


def windows(form: str) -> set[str]:
    """Every part of the key, so written, that is too long."""
    written = FORMS[form](KEY)
    if form == "base64 behind a name":  # its own first characters, and what belongs to both, are no secret
        written = written[7:]
    if form == "base64 behind another":
        written = written[4:]
    return {written[start : start + PART] for start in range(len(written) - PART + 1)}


WINDOWS = set().union(*map(windows, FORMS))


def shown(text: str) -> set[str]:
    """Parts of the key that a text holds."""
    return {text[start : start + PART] for start in range(len(text) - PART + 1)} & WINDOWS


@st.composite
def echoes(draw: st.DrawFn) -> str:
    """Text with parts of the key, each long enough to matter, written in some form."""
    texts = []
    for _ in range(draw(st.integers(1, 4))):
        written = FORMS[draw(st.sampled_from(sorted(FORMS)))](KEY)
        start = draw(st.integers(0, len(written) - PART))
        end = draw(st.integers(start + PART, len(written)))
        texts += [draw(st.text("ab =:'\"{}\\/%+", max_size=5)), written[start:end]]
    return "".join([*texts, draw(st.text(max_size=5))])


class TestASecret:
    @pytest.mark.parametrize("form", FORMS)
    def test_is_hidden_however_it_is_written(self, form: str):
        assert shown(f"refused {FORMS[form](KEY)}.")
        text = hide(f"refused {FORMS[form](KEY)}.", [KEY])
        assert (text.startswith("refused "), "***" in text, shown(text)) == (True, True, set())

    def test_leaves_the_text_around_it(self):
        assert hide(f"a {KEY} b {KEY}{KEY} c", [KEY]) == "a *** b *** c"

    @given(text=echoes())
    def test_is_hidden_in_part(self, text: str):
        assert shown(hide(text, [KEY])) == set()

    @pytest.mark.parametrize("length", [PART, PART + 1, len(KEY) - 1])
    @pytest.mark.parametrize("start", [0, 1, 9, 10, 11])
    def test_is_hidden_from_20_characters_on(self, start: int, length: int):
        part = KEY[start : start + length]
        assert hide(f"<{part}>", [KEY]) == ("<***>" if len(part) >= PART else f"<{part}>")
        shorter = KEY[start : start + PART - 1]
        assert hide(f"<{shorter}>", [KEY]) == f"<{shorter}>"

    def test_that_is_short_is_hidden_where_it_stands_whole(self):
        assert hide("key s3cr/t1 or s3cr%2Ft1, not s3cr", ["s3cr/t1"]) == "key *** or ***, not s3cr"

    def test_of_20_characters_is_hidden(self):
        assert hide("<abcdefghij0123456789>", ["abcdefghij0123456789"]) == "<***>"

    @given(text=st.text(), secrets=st.lists(st.just(""), max_size=2))
    def test_that_is_empty_or_missing_changes_nothing(self, text: str, secrets: list[str]):
        assert hide(text, secrets) == text

    @given(text=st.text("ab", max_size=200), secret=st.text("ab", min_size=PART, max_size=60))
    def test_that_repeats_itself_is_hidden_too(self, text: str, secret: str):
        parts = {secret[start : start + PART] for start in range(len(secret) - PART + 1)}
        assert not any(part in hide(text, [secret]) for part in parts)

    @pytest.mark.parametrize("text", ["a" * 65536, (KEY[:19] + "-") * 3277, (KEY[10:20] + KEY[:10]) * 3277])
    def test_is_looked_for_in_a_text_that_nearly_holds_it_everywhere(self, text: str):
        assert shown(hide(text, [KEY, "a" * 64 + "b"])) == set()


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    with Provider() as server:
        yield server


@pytest.fixture(scope="module")
def client(provider: Provider) -> Iterator[LLMClient]:
    limits = Deadlines(connect_sec=5, first_token_sec=5, total_sec=10)
    endpoint = Endpoint(KEY, provider.url)
    with LLMClient(llm=LLM(model="groq/x"), endpoint=endpoint, generation=Generation(), deadlines=limits) as asking:
        yield asking


class TestAProvidersEcho:
    """Of a part of the key, in an answer, an error, a header or a finish reason."""

    @settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(text=echoes(), refusal=st.sampled_from([None, *product((400, 401, 404, 429, 503), ("json", "html"))]))
    def test_shows_in_no_record_error_or_log(self, client, provider, caplog, text: str, refusal: Any):
        def script(asked: Asked) -> Response:
            if refusal is None:
                build = answers(groq.Groq, lambda it: [*it.opening(), it.answer(text), *it.closing(1, 0, text)])
                return build(asked)
            status, kind = refusal
            body = json.dumps({"error": {"message": text}}) if kind == "json" else f"<p>{text}</p>"
            of_a_header = re.sub(r"[^\x20-\x7e]", "", text)
            return Response([body.encode()], status, {"content-type": f"text/{kind}", "x-request-id": of_a_header})

        provider.script = script
        try:
            said = repr(recorded(LLM(model="groq/x"), client.ask([{"role": "user", "content": "Which leads?"}])))
        except LLMBenchError as mistake:
            said = str(mistake)
        assert shown(said) == set()
        assert shown(caplog.text) == set()

    def test_shows_in_no_warning_of_litellms(self, client: LLMClient, caplog: pytest.LogCaptureFixture):
        try:
            raise ValueError(KEY)
        except ValueError:
            logging.getLogger("LiteLLM").exception("the request with %s failed", KEY[3:40])
        assert "the request with *** failed" in caplog.text
        assert shown(caplog.text) == set()


def test_an_error_is_scrubbed_of_parts_too():
    assert scrub(f"Incorrect API key provided: {KEY[:30]}…", (KEY,)) == "Incorrect API key provided: ***…"
