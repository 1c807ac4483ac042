from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_bench.dashboard.highlight import mark

QUESTION = "Which product category generates the highest revenue?"
CONTEXT = (
    "# Category revenue\nHome & Kitchen generated € 148.2 million in 2025. The cookware range was launched in March. "
    "Toys contributed € 47.5 million."
)


def marks(answer: str, context: str = CONTEXT) -> dict[str, str | None]:
    (passage,) = mark([context], ["revenue-2025"], QUESTION, answer)
    return {sentence.text.split()[0]: sentence.how for sentence in passage.sentences}


class TestAMark:
    def test_is_of_a_figure_where_it_agrees_and_words_are_shared(self):
        assert marks("Home & Kitchen, with 148.2 million euros.") == {"Home": "figure", "The": None, "Toys": None}

    def test_is_not_made_by_a_figure_that_differs(self):
        assert marks("Home & Kitchen generated € 138.2 million in 2025.")["Home"] is None

    def test_is_made_by_a_precise_figure_alone(self):
        assert marks("It was 47.5 million.")["Toys"] == "figure"

    def test_is_not_made_by_a_rough_figure_alone(self):
        assert marks("Some 50 staff left.", "Toys contributed 50 %.") == {"Toys": None}

    def test_is_of_words_where_half_of_the_sentences_own_are_there(self):
        assert marks("In March its cookware range was launched.")["The"] == "words"

    @pytest.mark.parametrize("answer", ["", "   ", "Which product category generates the highest revenue?"])
    def test_is_not_made_by_nothing_or_by_the_question(self, answer):
        assert set(marks(answer).values()) == {None}


def test_a_citation_is_no_figure_that_agrees():
    text = "# Shops\n\nThere are 47 shops."
    hows = [
        mark([text], [], QUESTION, answer)[0].sentences[0].how for answer in ("The shops led [47].", "47 shops led.")
    ]
    assert hows == ["words", "figure"]


class TestAPassage:
    def test_keeps_its_text_its_document_and_its_heading(self):
        (passage,) = mark([CONTEXT], ["revenue-2025"], QUESTION, "")
        assert (passage.text, passage.document, passage.headings) == (CONTEXT, "revenue-2025", ["Category revenue"])

    def test_may_be_of_a_document_that_isnt_known(self):
        assert [passage.document for passage in mark(["a.", "b."], ["x"], QUESTION, "")] == ["x", ""]


@given(st.text(max_size=200), st.text(max_size=200))
def test_any_text_can_be_marked(context, answer):
    (passage,) = mark([context], [], QUESTION, answer)
    assert passage.text == context


class TestTheBorders:
    def test_half_of_a_sentences_words_are_enough_and_less_are_not(self):
        context = "Cookware launches delighted customers."
        assert marks("It delighted its customers.", context) == {"Cookware": "words"}
        assert marks("It had customers.", context) == {"Cookware": None}

    def test_words_do_not_count_where_both_have_figures_that_differ(self):
        context = "Cookware launches delighted 50 customers."
        assert marks("Cookware launches delighted 90 customers.", context) == {"Cookware": None}
        assert marks("Cookware launches delighted customers.", context) == {"Cookware": "words"}

    def test_a_figure_and_a_fifth_of_the_words_are_enough_and_less_are_not(self):
        context = "Cookware launches delighted staff of 50 stores."
        assert marks("It was 50 in all, to customers, delighted.", context) == {"Cookware": "figure"}
        longer = "Cookware launches really delighted staff and many others of 50 large stores."
        assert marks("It was 50, delighted.", longer) == {"Cookware": None}

    @pytest.mark.parametrize("word", ["thousand", "million", "billion", "percent", "euros"])
    def test_what_is_a_part_of_a_figure_is_no_word_that_is_shared(self, word):
        assert marks(f"Some {word} here.", f"Kitchen of {word}.") == {"Kitchen": None}

    def test_a_word_says_something_from_four_letters_on(self):
        assert marks("It was rice.", "Rice.") == {"Rice.": "words"}
        assert marks("It was rye.", "Rye.") == {"Rye.": None}

    def test_short_words_and_words_of_figures_say_nothing(self):
        assert marks("The sum was in million euros.", "Sum in million euros.") == {"Sum": None}
