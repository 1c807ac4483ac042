from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_bench.scoring.claims import claims, declines


class TestDeclining:
    @pytest.mark.parametrize(
        "sentence",
        [
            "The context does not state the number of nurses who left.",
            "The provided context doesn’t contain the answer.",
            "The documents do not mention it.",
            "Passage [2] does not say it either.",
            "The passages only give the figure for 2024.",
            "The context lacks this figure.",
            "The report is silent on this.",
            "The text says nothing about wages.",
            "The context provides no figure for 2026.",
            "They contain neither the name nor the salary.",
            "Neither passage gives the number.",
            "The answer is not in the given context.",
            "No data on churn is available in the passages.",
            "There is no information about the dividend of 2026.",
            "This information is not available.",
            "The price cannot be determined.",
            "It isn't stated which department was affected.",
            "This is not explicitly specified.",
            "I cannot determine this from the passages.",
            "Unfortunately, I can't tell how many nurses left.",
            "I don't know.",
            "Sales rose by 4%, but the context does not state why.",
            "Not stated.",
            "N/A",
        ],
    )
    def test_says_that_the_context_lacks_something(self, sentence):
        assert declines(sentence)
        assert not claims(sentence)

    @pytest.mark.parametrize(
        "sentence",
        [
            "According to the context, revenue did not grow.",
            "According to the passages, no stores were closed.",
            "As passage [2] says, sales did not rise.",
            "Based on the context, the only supplier is Acme.",
            "Context: revenue is just 4 million.",
            "The data centre was not affected by the outage.",
            "Information security costs did not rise in 2025.",
            "Material costs did not rise.",
            "The report was not published until March.",
            "The report contains no errors.",
            "The text message service was not used.",
            "The source of the water is not the river.",
            "The bank does not lend to tobacco companies.",
            "Customers were not informed about the outage.",
            "No patient was given the wrong drug.",
            "Nobody was found guilty.",
            "The dividend was not paid in 2024.",
            "The company reports no losses in 2025.",
        ],
    )
    def test_is_not_to_deny_something_of_the_subject(self, sentence):
        assert not declines(sentence)
        assert claims(sentence)


class TestClaiming:
    @pytest.mark.parametrize(
        "sentence",
        ["Sales rose.", "The answer is 42.", "Sure, sales rose by 4%.", "Of course the bank grew.", "It fell, too."],
    )
    def test_is_to_say_something_of_the_subject(self, sentence):
        assert claims(sentence)

    @pytest.mark.parametrize(
        "sentence",
        ["Sure!", "Thanks for asking.", "Great question!", "I hope this helps.", "Yes.", "42", "",
         "Let me know if you need more.", "Here is the answer:", "According to the context:"],
    )  # fmt: skip
    def test_is_not_to_be_polite(self, sentence):
        assert not claims(sentence)

    def test_is_also_to_tell_a_figure_while_declining(self):
        sentence = "The context states only the figure of 2024, € 4.2 million."
        assert not claims(sentence)
        assert claims(sentence, figure=True)
        assert not claims("Thanks for the 3 questions!", figure=True)

    def test_a_single_word_claims_nothing_and_two_do(self):
        assert not claims("Sales.")
        assert claims("Sales rose")

    def test_an_assent_is_taken_off_once(self):
        assert claims("Sure, sales rose")
        assert not claims("Sure, sales")
        assert not claims("Sure, sure, sales rose")

    @given(st.text())
    def test_any_text_is_one_or_the_other(self, text):
        assert isinstance(declines(text) or claims(text), bool)
