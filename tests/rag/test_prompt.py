from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from llm_bench.rag.documents import Passage
from llm_bench.rag.prompt import build_messages, context_hash, parse_messages, prompt_hash, within_budget

# Text that is likely to look like the template's own lines, or to be any text at all.
TEXT = st.one_of(
    st.text(min_size=1),
    st.lists(
        st.sampled_from(["\n", "\n\n", "[1] ", "[2] ", "Question: ", "\\", "\\[1] ", " ", "bread"]), min_size=1
    ).map("".join),
)


class TestMessages:
    def test_are_an_instruction_and_the_numbered_context_with_the_question(self):
        system, user = build_messages("How many?", ["# Output\n\nMany.", "Few."])
        assert system["role"] == "system"
        assert "Use only" in system["content"]
        assert "say so" in system["content"]
        assert user == {"role": "user", "content": "[1] # Output\n\nMany.\n\n[2] Few.\n\nQuestion: How many?"}

    def test_lines_of_a_passage_that_look_like_the_templates_are_escaped(self):
        user = build_messages("Why?", ["Notes:\n[2] see below\nQuestion: none"])[1]
        assert user["content"] == "[1] Notes:\n\\[2] see below\n\\Question: none\n\nQuestion: Why?"


class TestParsing:
    @given(TEXT, st.lists(TEXT, max_size=5))
    @example("Question: a\n\nQuestion: b", ["[1] a\n\n[2] b", "\n\nQuestion: c", "\n\\\\[3] d\n"])
    def test_gives_back_exactly_what_was_built(self, question, passages):
        assert parse_messages(build_messages(question, passages)) == (question, passages)

    @pytest.mark.parametrize(
        "messages",
        [
            pytest.param([], id="none"),
            pytest.param([{"role": "user", "content": "Hello"}], id="a chat"),
            pytest.param([{"role": "user"}], id="without content"),
            pytest.param(build_messages("Why?", ["a"])[1:], id="without the instruction"),
            pytest.param(
                [build_messages("Why?", [])[0], {"role": "user", "content": "[7] a\n\nQuestion: Why?"}],
                id="misnumbered",
            ),
            pytest.param({"role": "user", "content": "Hello"}, id="not a list"),
            pytest.param("Hello", id="a string"),
        ],
    )
    def test_refuses_messages_of_others(self, messages):
        with pytest.raises(ValueError, match="not built by llm-bench"):
            parse_messages(messages)


class TestHashes:
    def test_are_sha_256_of_canonical_json(self):
        # sha256 of: ["a","b"]
        assert context_hash(["a", "b"]) == "0473ef2dc0d324ab659d3580c1134e9d812035905c4781fdd6d529b0c6860e13"

    def test_tell_order_and_cut_of_passages_apart(self):
        assert len({context_hash(some) for some in (["a", "b"], ["b", "a"], ["ab"], [])}) == 4

    def test_do_not_depend_on_the_order_of_keys(self):
        assert prompt_hash([{"role": "user", "content": "a"}]) == prompt_hash([{"content": "a", "role": "user"}])

    @given(TEXT, TEXT)
    def test_differ_for_different_questions(self, question, another):
        same = prompt_hash(build_messages(question, ["a"])) == prompt_hash(build_messages(another, ["a"]))
        assert same == (question == another)


def _words(text: str) -> int:
    return len(text.split())


def _fitting(max_words: int, *texts: str) -> list[str]:
    return [passage.text for passage in within_budget([Passage("d", text) for text in texts], max_words, _words)]


class TestBudget:
    def test_keeps_whole_passages_from_the_first_on_until_one_does_not_fit(self):
        assert _fitting(5, "a b c", "d e", "f") == ["a b c", "d e"]
        assert _fitting(5, "a b", "c d e f", "g") == ["a b"]

    def test_cuts_a_first_passage_over_it_at_the_end_of_a_sentence(self):
        assert _fitting(9, "# T\n\nIt sold 4.2 m. It grew. It closed in May.", "b") == [
            "# T\n\nIt sold 4.2 m. It grew."
        ]

    def test_cuts_a_table_between_its_rows(self):
        head = "# T\n\nStores:\n\n| Country | Stores |\n|---|---|\n| Austria | 7 |"
        assert _fitting(_words(head) + 2, f"{head}\n| Denmark | 4 |") == [head]

    def test_keeps_the_first_sentence_or_row_even_over_it(self):
        assert _fitting(1, "# T\n\nIt sold 4.2 m. It grew.") == ["# T\n\nIt sold 4.2 m."]
        assert _fitting(1, "# T\n\n| a | b |\n|---|---|\n| 1 | 2 |\n| 3 | 4 |") == [
            "# T\n\n| a | b |\n|---|---|\n| 1 | 2 |"
        ]

    def test_of_no_passages_is_none(self):
        assert _fitting(5) == []

    @given(st.lists(st.text(alphabet="abA1 .|-#\n", min_size=1).filter(str.strip), max_size=5), st.integers(1, 30))
    def test_is_kept_unless_by_the_first_sentence_of_one_passage(self, texts, max_words):
        kept = _fitting(max_words, *texts)
        if sum(map(_words, kept)) > max_words:
            assert len(kept) == 1
        assert len(kept) >= min(len(texts), 1)
        if kept != texts[: len(kept)]:
            assert len(kept) == 1
            assert texts[0].startswith(kept[0])
            assert _words(texts[0]) > max_words
