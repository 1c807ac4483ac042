"""The line before a prompt that no other prompt has: there and back again."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from llm_bench.rag.prompt import behind, build_messages, context_hash, parse_messages, prompt_hash, unique_line
from llm_bench.templates import BUILT_IN, Template

WORDS = st.lists(
    st.sampled_from(["Request 000000000000001.", "\n", "\n\n", "[1] ", "Question: ", "\\", " ", "bread"]), min_size=1
).map("".join)
TEXT = st.one_of(st.text(min_size=1), WORDS)
LINES = st.integers(0, 10**15 - 1).map(lambda number: f"Request {number:015d}.")
BARE = Template(system="", user="{context}\n\nQuestion: {question}")
TEMPLATES = st.sampled_from([BUILT_IN, BARE])


class TestALine:
    def test_has_the_same_length_always(self):
        assert {len(unique_line()) for _ in range(1000)} == {len("Request 000000000000000.")}

    def test_is_drawn_anew(self):
        assert len({unique_line() for _ in range(1000)}) == 1000

    def test_is_what_parsing_knows_as_one(self):
        assert re.fullmatch(r"Request [0-9]{15}\.", unique_line())


class TestMessagesBehindALine:
    @given(LINES, TEXT, st.lists(TEXT, max_size=4), TEMPLATES)
    def test_begin_with_it_and_are_otherwise_the_same(self, line, question, passages, template):
        plain = build_messages(question, passages, template)
        first, *others = behind(line, plain)
        assert first["content"] == f"{line}\n\n{plain[0]['content']}"
        assert (first["role"], others) == (plain[0]["role"], plain[1:])

    @given(TEXT, st.lists(TEXT, max_size=4))
    def test_are_as_they_were_without_one(self, question, passages):
        plain = build_messages(question, passages)
        assert behind(None, plain) == plain

    @given(LINES, TEXT)
    def test_leave_what_they_were_made_of_alone(self, line, question):
        plain = build_messages(question, ["a"])
        before = prompt_hash(plain)
        behind(line, plain)
        assert prompt_hash(plain) == before

    @given(LINES, TEXT, st.lists(TEXT, max_size=4), TEMPLATES)
    @example(
        "Request 000000000000002.", "Request 000000000000001.\n\nWhy?", ["Request 000000000000001.\n\n[1] a"], BARE
    )
    def test_give_back_the_question_and_the_passages(self, line, question, passages, template):
        messages = behind(line, build_messages(question, passages, template))
        assert parse_messages(messages, [template]) == (question, passages)

    @given(TEXT, st.lists(TEXT, max_size=4), TEMPLATES)
    @example("Why?", ["Request 000000000000001.\n\nb"], BARE)
    @example("Request 000000000000001.\n\nWhy?", [], BARE)
    def test_are_told_from_a_context_that_begins_so(self, question, passages, template):
        assert parse_messages(build_messages(question, passages, template), [template]) == (question, passages)

    @pytest.mark.parametrize("line", ["Request 1.", "request 000000000000001.", "Request 000000000000001"])
    def test_are_refused_behind_any_other_line(self, line):
        with pytest.raises(ValueError, match="not built by llm-bench"):
            parse_messages(behind(line, build_messages("Why?", ["a"])))


class TestHashes:
    @given(LINES, LINES, TEXT, st.lists(TEXT, max_size=4))
    def test_of_the_passages_know_nothing_of_the_line(self, line, another, question, passages):
        hashes = set()
        for drawn in (line, another):
            _, given_back = parse_messages(behind(drawn, build_messages(question, passages)))
            hashes.add(context_hash(given_back))
        assert hashes == {context_hash(passages)}
