"""A prompt's template: what a file of include/prompts may say, and that messages made by it are read back."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_bench.errors import PromptError, StudyError
from llm_bench.rag.prompt import build_messages, parse_messages, prompt_hash
from llm_bench.study import parse_study
from llm_bench.templates import BUILT_IN, Template, load_template, load_templates

TEMPLATES = [
    BUILT_IN,
    Template(user="{context}\n\n{question}"),
    Template(system="Be brief.", user="Q: {question}\n---\n{context}\nAnswer:"),
    Template(user="Context:\n\n{context}\n\nQuestion: {question}\n\nAnswer in one word."),
]


@pytest.fixture
def include(tmp_path: Path) -> Path:
    for name in ("prompts", "questions", "knowledge/retail"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "questions" / "retail.yaml").touch()
    return tmp_path


def write(include: Path, text: str, name: str = "mine") -> None:
    (include / "prompts" / f"{name}.yaml").write_text(text, encoding="utf-8")


class TestTheBuiltInPrompt:
    def test_has_the_hash_that_it_always_had(self):
        messages = build_messages("How many?", ["# Output\n\nMany.", "Few."])
        assert prompt_hash(messages) == "a696b06bc6822ce003ae85011054335335cb487cf14b6009380e46a63fb1015a"

    def test_is_that_of_a_study_that_names_none(self, include: Path):
        assert load_template(include, None) is BUILT_IN


class TestATemplate:
    def test_says_what_stands_around_context_and_question(self, include: Path):
        write(include, "system: Be brief.\nuser: |-\n  Q: {question}\n  {context}\n")
        template = load_template(include, "mine")
        assert build_messages("Why {context}?", ["a {question}"], template) == [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Q: Why {context}?\n[1] a {question}"},
        ]

    def test_without_a_system_message_sends_none(self):
        (message,) = build_messages("Why?", ["a"], Template(user="{context} {question}"))
        assert message["role"] == "user"

    def test_may_hold_braces_of_its_own(self):
        assert build_messages("Why?", ["a"], Template(user='{"a": 1} {context} {question}'))[0]["content"] == (
            '{"a": 1} [1] a Why?'
        )

    @given(
        st.sampled_from(TEMPLATES),
        st.text(st.sampled_from("a \n[]1Question: -{}")).filter(str.strip),
        st.lists(st.text(st.sampled_from("a \n[]1Question: -\\"), min_size=1), max_size=3),
    )
    def test_is_read_back_from_its_messages(self, template: Template, question: str, passages: list[str]):
        messages = build_messages(question, passages, template)
        read = parse_messages(messages, [template])
        assert build_messages(*read, template) == messages

    def test_is_known_among_others(self, include: Path):
        write(include, "user: '{question} {context}'")
        write(include, "user: 'neither'", "broken")
        templates = load_templates(include)
        assert len(templates) == 2
        assert parse_messages(build_messages("Why?", ["a"], templates[1]), templates) == ("Why?", ["a"])


class TestAMistake:
    @pytest.mark.parametrize(
        ("text", "said"),
        [
            (
                "user: '{context}'",
                "user: '{context}': holds 0 times {question}; allowed: {context} and {question}, each",
            ),
            ("user: 'Why?'", "holds 0 times {context} and 0 times {question}"),
            ("user: '{context} {context} {question}'", "holds 2 times {context}"),
            ("user: '{context} {question}'\nsystem: 'Use {context}'", "holds {context}; allowed: placeholders in user"),
            ("system: Be brief.", "user: is missing"),
            ("user: '{context} {question}'\nassistant: Yes.", "assistant: unknown key; allowed: system, user"),
            ("- user", "is not a mapping of system and user"),
            ("user: [", "line"),
        ],
    )
    def test_of_a_template_is_told_with_the_study(self, include: Path, text: str, said: str):
        write(include, text)
        with pytest.raises(PromptError) as caught:
            load_template(include, "mine")
        assert said in caught.value.problems[0]
        content = {"llms": [{"model": "groq/x"}], "industries": ["retail"], "prompt": "mine"}
        with pytest.raises(StudyError) as told:
            parse_study(content, include / "studies" / "s.yaml", include)
        assert told.value.problems[0].startswith("prompt: 'mine': ")
        assert said in told.value.problems[0]

    def test_of_a_name_lists_those_that_are_there(self, include: Path):
        write(include, "user: '{context} {question}'", "other")
        with pytest.raises(PromptError, match=r"no file include/prompts/mine\.yaml; allowed: other"):
            load_template(include, "mine")


def test_the_shipped_templates_can_be_used(shipped: Path):
    assert len(load_templates(shipped)) == 1 + len(list((shipped / "prompts").glob("*.yaml"))) > 1
