from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_bench.scoring.claims import claims, declines, in_full, without_reasoning


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


class TestDecliningInGerman:
    @pytest.mark.parametrize(
        "sentence",
        [
            "Der Kontext enthält keine Angaben zum Umsatz 2026.",
            "Im Kontext steht nichts über Löhne.",
            "Im Kontext wird der Umsatz nicht erwähnt.",
            "Ich kann diese Frage nicht beantworten.",
            "Im Text fehlen Angaben dazu.",
            "Die Texte enthalten hierzu keine Informationen.",
            "Zum Umsatz 2026 enthält der Kontext keine Angaben.",
            "Das lässt sich anhand der Passagen nicht beantworten.",
            "Diese Frage kann nicht beantwortet werden.",
            "Die Frage lässt sich nicht beantworten.",
            "Der Grund geht aus dem Kontext nicht hervor.",
            "Das geht aus den Passagen nicht hervor.",
            "Dazu gibt es keine Angaben.",
            "Der Preis wird nicht angegeben.",
            "Die Zahl ist im Text nicht genannt.",
            "Dazu liegen keine Informationen vor.",
            "Mir liegen dazu keine Daten vor.",
            "Das weiß ich nicht.",
            "Keine Angabe.",
            "Unbekannt.",
            "Nicht bekannt.",
            "Der Kontext macht dazu keine Angaben.",
            "Die Dokumente geben darüber keine Auskunft.",
            "Die bereitgestellten Informationen reichen nicht aus, um das zu sagen.",
            "Leider konnte ich dazu keine Informationen finden.",
            "Der Kontext nennt nur die Zahl für 2024.",
            "Der Kontext schweigt dazu.",
            "Als KI-Sprachmodell habe ich keinen Zugriff auf diese Daten.",
            "Es tut mir leid, aber ich kann dabei nicht weiterhelfen.",
            "Der Kontext nennt weder den Preis noch die Menge.",
            "Aus den Unterlagen ist das nicht ersichtlich.",
            "Den Passagen lässt sich der Wert nicht entnehmen.",
        ],
    )
    def test_says_that_the_context_lacks_something(self, sentence):
        assert declines(sentence)
        assert not claims(sentence)

    @pytest.mark.parametrize(
        "sentence",
        [
            "Der Umsatz stieg 2025 nicht.",
            "Es gab keine Beschwerden.",
            "Laut Kontext gibt es keine Filialen in Graz.",
            "Laut dem Kontext gibt es keine Filialen in Graz.",
            "Das Unternehmen macht keine Gewinne.",
            "Es gingen keine Daten verloren.",
            "Die Mehrwertsteuer ist nicht enthalten.",
            "Kunden finden keine Parkplätze.",
            "Das Produkt ist nicht lieferbar.",
            "Nur 4 Filialen liegen in Wien.",
            "Der Umsatz liegt nur knapp über dem des Vorjahres.",
            "Der Text wurde 2024 erneuert.",
            "Die Firma nennt drei Gründe.",
            "Die Kunden sind nicht zufrieden.",
        ],
    )
    def test_is_not_to_deny_something_of_the_subject(self, sentence):
        assert not declines(sentence)
        assert claims(sentence)


class TestRefusing:
    @pytest.mark.parametrize(
        "sentence",
        [
            "As an AI language model, I can't browse the internet.",
            "I'm sorry, but I can't help with that.",
            "I apologize, but I am not able to assist with this request.",
            "I'm sorry, but the context doesn't mention it.",
            "I do not have access to this data.",
            "I cannot comply with this request.",
            "I'm unable to access the report.",
            "I can't do that.",
            "Unfortunately, I can't discuss this.",
        ],
    )
    def test_is_to_decline(self, sentence):
        assert declines(sentence)
        assert not claims(sentence)

    @pytest.mark.parametrize(
        "sentence",
        [
            "Sales did not rise.",
            "We can help customers with that.",
            "The agency can't help people who rent.",
            "They do not have access to water.",
            "The users cannot access the site without a password.",
            "Sales did not help.",
            "These fees are not included in the price.",
            "Use honey and not sugar, as stated in the passage.",
        ],
    )
    def test_is_not_to_say_what_others_cannot_do(self, sentence):
        assert not declines(sentence)
        assert claims(sentence)

    def test_is_no_more_than_polite_where_nothing_is_refused(self):
        assert not declines("I'm sorry.")
        assert not claims("I'm sorry.")


class TestReasoning:
    @pytest.mark.parametrize(
        ("text", "left"),
        [
            ("<think>Was it 4%?</think>Sales rose.", "Sales rose."),
            ("Sales rose.<think>Was it 4%?</think> It did.", "Sales rose. It did."),
            ("Sales rose.<think>Was it", "Sales rose."),
            ("Was it 4%?</think>Sales rose.", "Sales rose."),
            ("<thinking>Was it 4%?</thinking>Sales rose.", "Sales rose."),
            ("<think>Was it 4%?", ""),
            ("5 < 6, and <b>sales</b> rose.", "5 < 6, and <b>sales</b> rose."),
        ],
    )
    def test_is_left_out_wherever_it_stands(self, text, left):
        assert without_reasoning(text) == left


class TestAShortAnswer:
    QUESTION = "In which city is the largest shop?"

    @pytest.mark.parametrize("answer", ["Linz.", "2025.", "4.2 million euros."])
    def test_is_read_behind_its_question(self, answer):
        cited = frozenset({2})
        assert in_full([(answer, cited)], self.QUESTION) == [(f"{self.QUESTION} {answer}", cited)]

    @pytest.mark.parametrize("answer", ["Yes.", "No!", "Ja", "Nein."])
    def test_is_left_out_where_it_is_a_bare_yes_or_no(self, answer):
        assert in_full([(answer, frozenset())], self.QUESTION) == []

    @pytest.mark.parametrize("answer", ["It is in Linz.", "Unknown.", "Keine Angabe.", "Thank you."])
    def test_stands_by_itself_where_it_is_longer_declines_or_is_polite(self, answer):
        assert in_full([(answer, frozenset())], self.QUESTION) == [(answer, frozenset())]

    def test_is_alone(self):
        parts = [("Linz.", frozenset[int]()), ("Graz.", frozenset[int]())]
        assert in_full(parts, self.QUESTION) == parts
        assert in_full([], self.QUESTION) == []


class TestClaiming:
    @pytest.mark.parametrize(
        "sentence",
        ["Sales rose.", "The answer is 42.", "Sure, sales rose by 4%.", "Of course the bank grew.", "It fell, too."],
    )
    def test_is_to_say_something_of_the_subject(self, sentence):
        assert claims(sentence)

    @pytest.mark.parametrize(
        "sentence",
        ["Sure!", "Thanks for asking.", "Great question!", "I hope this helps.", "Yes.", "42", "", "What did it earn?",
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
