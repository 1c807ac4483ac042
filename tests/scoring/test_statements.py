from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_bench.scoring.numbers import Figure
from llm_bench.scoring.statements import LEFT, LISTED, MARKS, Evidence, Statement, features, state

AXES = np.eye(4)


def statement(vector=AXES[0], **stated) -> Statement:
    none = frozenset()
    nothing = {"figures": (), "years": none, "names": none, "words": none, "rising": 0, "computes": False}
    nothing |= {"content": none, "denied": none, "place": none, "marks": (), "kept": 1.0}
    figures = len(stated.get("figures", ()))
    return Statement(
        vector=vector,
        **{**nothing, "near": ({},) * figures, "dated": (none,) * figures, "trust": (1.0,) * figures, **stated},
    )


class TestFeatures:
    def test_are_figures_and_years_apart(self):
        stated = features("In 2025 the bank earned € 4.2m.")
        assert [figure.value for figure in stated.figures] == [4.2e6]
        assert stated.years == {2025}

    @pytest.mark.parametrize(
        ("sentence", "names"),
        [
            ("The store in Linz belongs to H&M.", {"linz", "h&m"}),
            ("Linz has no store.", set()),  # a sentence begins with a capital in any case
            ("In Europe it grew.", {"europe"}),
            ("The European market grew.", {"europe"}),
            ("It left non-European markets.", set()),
            ("It lies in the U.S. and in Q3.", {"q3"}),
        ],
    )
    def test_know_a_name_by_its_capital_and_its_beginning(self, sentence, names):
        assert features(sentence).names == names

    @pytest.mark.parametrize(
        ("sentence", "sign"),
        [
            ("Sales rose.", 1),
            ("Costs were higher than ever, the largest so far.", 1),
            ("Sales fell.", -1),
            ("Fewer customers came.", -1),
            ("Sales rose where costs fell.", 0),
            ("There are 40 stores.", 0),
            ("Sunrise Ltd. sells uplights.", 0),
        ],
    )
    def test_tell_whether_it_goes_up_or_down(self, sentence, sign):
        assert np.sign(features(sentence).rising) == sign

    @pytest.mark.parametrize(
        ("sentence", "denied"),
        [
            ("It isn't open.", {"open"}),
            ("It isn’t open.", {"open"}),
            ("It cannot be repaired.", {"repair"}),
            ("Nobody came.", {"came"}),
            ("The certificate, which nobody had been reminded to renew, expired.", {"remind"}),
            ("They could neither open nor save it.", {"open", "save"}),
            ("Sales did not rise.", {"rise", "+"}),
            ("It didn't drop.", {"drop", "-"}),
            ("No.", set()),
            ("It is open.", set()),
            ("Notes and nodes matter.", set()),
        ],
    )
    def test_tell_what_a_negation_denies(self, sentence, denied):
        assert features(sentence).denied == denied

    @pytest.mark.parametrize(
        ("sentence", "computes"),
        [("4% more than before.", True), ("A gap of 4 points.", True), ("More here, fewer there.", True),
         ("Together they earned 4.", True), ("It was 4%.", False)],
    )  # fmt: skip
    def test_tell_whether_it_compares_or_sums_up(self, sentence, computes):
        assert features(sentence).computes is computes

    @pytest.mark.parametrize(
        ("sentence", "sign", "denied"),
        [
            ("Die Umsätze sind gestiegen.", 1, set()),
            ("Die Kosten sanken.", -1, set()),
            ("Er enthält kein Eiweiß.", 0, {"eiweiß"}),
            ("Das Fenster ist nicht geöffnet.", 0, {"geöffn"}),
        ],
    )
    def test_know_german_directions_and_negations(self, sentence, sign, denied):
        stated = features(sentence, "de")
        assert (np.sign(stated.rising), stated.denied) == (sign, denied)

    @pytest.mark.parametrize(
        ("sentence", "names"),
        [
            ("Anna Berg met Tomas Lind.", [{"anna", "berg"}, {"tomas", "lind"}]),
            ("The prices rose in Linz.", [{"linz"}]),
            ("It opened on 14 May 2019 in Graz.", [{"graz"}]),  # a month is part of the date
        ],
    )
    def test_take_capitalised_words_that_follow_each_other_for_one_name(self, sentence, names):
        assert [mark.key for mark in features(sentence).marks if mark.kind == "name"] == names

    def test_give_each_figure_the_year_that_stands_nearest(self):
        stated = features("In 2021 it sold 19 cars, against 14 in 2020.")
        assert stated.dated == ({2021}, {2020})

    def test_give_the_figures_of_a_row_the_years_of_their_cells(self):
        stated = features("Segment: Retail banking; 2023: 310; 2024: 342.")
        assert stated.dated == ({2023}, {2024})

    @given(st.text())
    def test_can_be_told_of_any_text(self, text):
        stated = features(text)
        assert stated.names <= stated.words
        assert stated.content <= stated.words
        assert len(stated.near) == len(stated.figures)
        assert all(0 < near <= 1 for words in stated.near for near in words.values())


class TestStatement:
    QUESTION = features("How much did Acme earn in 2025 with its 40 stores?")

    def test_leaves_out_what_the_question_says_already(self):
        stated = state("With 40 stores in Linz, Acme earned 7%.", AXES[0], self.QUESTION, frozenset())
        assert [figure.value for figure in stated.figures] == [7]

    def test_finds_a_name_of_the_question_in_any_evidence(self):
        claim = state("In Linz it was Acme.", AXES[0], self.QUESTION, frozenset())
        said = state("It closed in Linz.", AXES[0], self.QUESTION, frozenset())
        assert Evidence([said], [0]).share_of_names(claim.names) == [1]

    @pytest.mark.parametrize(("sentence", "years"), [("It earned 7%.", {2025}), ("It earned 7% in 2024.", {2024})])
    def test_is_of_the_year_that_is_meant_unless_it_names_one(self, sentence, years):
        assert state(sentence, AXES[0], self.QUESTION, frozenset({2025})).years == years

    @pytest.mark.parametrize(
        ("sentence", "asked", "years"),
        [("It earned 7%.", {2025}, {2024, 2025}), ("It earned 7%.", set(), set()), ("7% in 2023.", {2025}, {2023})],
    )
    def test_may_be_of_another_year_that_is_named_where_any_is_meant(self, sentence, asked, years):
        stated = state(sentence, AXES[0], self.QUESTION, frozenset(asked), others=frozenset({2024}))
        assert stated.years == years

    def test_trusts_each_figure_where_there_is_no_context_to_look_it_up_in(self):
        assert state("7% and 8%", AXES[0], self.QUESTION, frozenset()).trust == (1, 1)

    def test_trusts_its_figures_apart_from_those_of_the_question(self):
        """Trust belongs to the figures that are news, in their order."""
        shares = said("The forge has a share of 7%, the bakery one of 8%.")
        stated = state("With 40 stores the bakery had 7%.", AXES[0], self.QUESTION, frozenset(), context=shares)
        assert [figure.value for figure in stated.figures] == [7]
        assert len(stated.trust) == 1
        assert stated.trust[0] < 1


NOTHING = features("")


def said(*sentences: str, year: int | None = None, heading: str = "") -> Evidence:
    years, about = frozenset({year} if year else ()), features(heading).content
    stated = [state(sentence, AXES[0], NOTHING, years, heading=about) for sentence in sentences]
    return Evidence(stated, [0] * len(stated))


def trust(sentence: str, context: Evidence, year: int | None = None) -> list[float]:
    years = frozenset({year} if year else ())
    return list(state(sentence, AXES[0], NOTHING, years, context=context).trust)


def both(first: Evidence, second: Evidence) -> Evidence:
    return Evidence([*first.statements, *second.statements], [0] * len(first) + [1] * len(second))


LOSSES = ("Gross losses were € 7.8m in 2025.", "Net losses came to € 5.7m.")
SHARES = "The stores have a share of 62%, the web one of 38%."
RATE = "The default rate was 1.42% in 2025, after 1.25% in 2024."
NORTH = said("Customers had no power for 47 minutes.", heading="In the northern region")
SOUTH = said("Customers had no power for 19 minutes.", heading="In the southern region")


class TestTrust:
    @pytest.mark.parametrize(
        ("right", "wrong", "context"),
        [
            pytest.param("Gross: € 7.8m", "Gross: € 5.7m", said(*LOSSES), id="of another sentence"),
            pytest.param(
                "The stores had 62%, the web 38%.", "The web had 62%, the stores 38%.", said(SHARES), id="swapped"
            ),
            pytest.param("1.42% in 2025", "1.25% in 2025", said(RATE), id="of another year"),
            pytest.param(
                "Northern: 47 minutes", "Northern: 19 minutes", both(NORTH, SOUTH), id="below another heading"
            ),
        ],
    )
    def test_falls_for_a_figure_that_belongs_to_something_else(self, right, wrong, context):
        assert trust(right, context) == pytest.approx([1] * len(features(right).figures))
        assert all(value < 0.95 for value in trust(wrong, context))

    @pytest.mark.parametrize("sentence", [*LOSSES, SHARES, RATE])
    def test_is_full_for_the_context_itself(self, sentence):
        assert trust(sentence, said(*LOSSES, SHARES, RATE)) == pytest.approx([1] * len(features(sentence).figures))

    def test_knows_the_year_that_is_meant(self):
        context = both(said("No power for 58 minutes.", year=2024), said("No power for 47 minutes.", year=2025))
        assert trust("58 minutes", context, 2024) == [1]
        assert trust("58 minutes", context, 2025)[0] < 1

    def test_holds_a_figure_against_those_of_its_unit_alone(self):
        assert trust("The bakery got € 5.", said("The forge earned € 5, which was 7% of what the bakery earned.")) == [
            1
        ]

    @pytest.mark.parametrize("context", [[], ["The forge earned € 5."], ["No figure."]])
    def test_is_full_for_a_figure_that_is_not_there(self, context):
        assert trust("The bakery earned € 6.", said(*context)) == [1]

    def test_falls_by_how_much_more_a_rival_shares(self):
        claim = trust("bakery 7%", said("forge 7%", "bakery 8%"))
        assert claim == [pytest.approx(1 - (1 - LEFT) * 0.98**7)]

    def test_knows_the_row_of_a_figure_however_far_its_name_is(self):
        rows = said("Segment: Retail banking; 2023: 310; 2024: 342.", "Segment: Asset management; 2023: 85; 2024: 96.")
        assert trust("Retail banking: 342", rows, 2024) == [1]
        assert trust("Retail banking: 96", rows, 2024) == [pytest.approx(LEFT)]

    def test_falls_wholly_for_a_figure_of_another_year_where_one_of_that_year_is_there(self):
        rows = said("Segment: Retail banking; 2023: 310; 2024: 342.")
        assert trust("Retail banking: 310", rows, 2024) == [pytest.approx(LEFT)]

    def test_is_full_for_a_figure_that_leaves_out_what_the_one_before_it_says(self):
        context = said("In 2019 the clinic treated 820 patients with a stroke; by 2022 it was 1,150.")
        assert trust("The clinic treated 1,150 patients with a stroke in 2022.", context) == [1]


def kept(answer: list[str], *context: str) -> list[float]:
    marks = [mark for sentence in answer for mark in features(sentence).marks]
    evidence = said(*context)
    return [state(sentence, AXES[0], NOTHING, frozenset(), context=evidence, marks=marks).kept for sentence in answer]


WARD = "Dr. Mbeki leads the heart ward, and Dr. Silva leads the eye ward."
APART = ("Ida Holm founded the hospital.", "Per Lund is its surgeon.")
TURNS = "Wins rose from 12 to 19, while defeats fell from 14 to 8."


class TestWhatIsExchanged:
    @pytest.mark.parametrize(
        ("right", "wrong", "context"),
        [
            pytest.param(
                ["The heart ward is led by Mbeki, the eye ward by Silva."],
                ["The heart ward is led by Silva, the eye ward by Mbeki."],
                [WARD],
                id="names",
            ),
            pytest.param(
                ["The founder was Ida Holm. ", "Per Lund is the surgeon."],
                ["The founder was Per Lund.", "Ida Holm is the surgeon."],
                APART,
                id="names in two sentences",
            ),
            pytest.param(
                ["Wins grew, while defeats fell."], ["Wins fell, while defeats grew."], [TURNS], id="directions"
            ),
        ],
    )
    def test_loses_most_of_its_support(self, right, wrong, context):
        assert kept(right, *context) == [1] * len(right)
        assert all(value < 0.4 for value in kept(wrong, *context))

    def test_is_none_of_the_context_itself(self):
        assert kept([WARD], WARD) == [1]
        assert kept([TURNS], TURNS) == [1]

    def test_is_looked_for_in_no_more_than_a_bounded_part_of_an_answer(self, monkeypatch):
        told = []
        monkeypatch.setattr(Evidence, "_tell", lambda *pair: told.append(pair) or np.zeros(2))
        assert len(features("It rose and fell again. " * 2000).marks) == MARKS
        kept(["It rose and fell again. " * 60] * 50, TURNS)
        assert len(told) <= 50 * MARKS**2

    def test_is_nothing_of_a_single_name(self):
        assert kept(["Silva leads the heart ward."], WARD) == [1]

    def test_is_nothing_of_names_that_stand_in_different_passages(self):
        first, second = (said(sentence).statements[0] for sentence in APART)
        marks = features("Per Lund founded it, the surgeon was Ida Holm.").marks
        assert Evidence([first, second], [0, 1]).exchanged(marks, marks) <= 0


def near(sentence: str) -> dict[str, float]:
    (words,) = features(sentence).near
    return dict(words)


class TestNearness:
    def test_falls_with_each_letter_between(self):
        assert near("forge yields 40 steel") == pytest.approx({"forge": 0.98**13, "yields": 0.98**7, "steel": 0.98**3})

    def test_falls_as_by_thirty_letters_with_a_comma_or_a_conjunction(self):
        assert near("forge, 40") == pytest.approx({"forge": 0.98**37})
        assert near("forge whereas 40") == pytest.approx({"forge": 0.98**44})

    def test_is_that_of_the_nearest_of_a_words_places(self):
        assert near("forge steel 40 forge")["forge"] == pytest.approx(0.98**3)

    def test_leaves_out_short_and_idle_words_other_numbers_and_years(self):
        assert near("the ox and its 40 cattle in 2024").keys() == {"cattle"}


class TestEvidence:
    def test_is_each_statement_and_each_pair_of_one_group(self):
        evidence = Evidence([statement(axis) for axis in AXES[:3]], [0, 0, 1])
        assert evidence.cosines(statement(AXES[0])) == pytest.approx([1, 0, 0, 2**-0.5])

    def test_of_a_pair_is_what_either_says(self):
        evidence = Evidence(
            [
                statement(figures=(Figure(4, 0),), trust=(0.5,), rising=1, words=frozenset({"sold"})),
                statement(years=frozenset({2025}), denied=frozenset({"open"})),
            ],
            [0, 0],
        )
        assert list(evidence.opposes(-1)) == [True, False, True]
        assert not any(evidence.opposes(1))
        assert list(evidence.denies(statement(words=frozenset({"open"})))) == [False, True, True]
        assert list(evidence.denies(statement(denied=frozenset({"sold"})))) == [True, False, False]
        assert list(evidence.holds(Figure(4, 0), computed=False)) == [0.5, 0, 0.5]
        assert list(evidence.of_another_year(frozenset({2024}))) == [False, True, True]
        assert not any(evidence.of_another_year(frozenset({2025})))

    @pytest.mark.parametrize(("values", "held"), [((4, 11), 1), ((11, 4), 1), ((7, 7), 1), ((3, 4), 0), ((7,), 1)])
    def test_of_a_difference_is_that_of_two_figures_of_one_sentence(self, values, held):
        evidence = Evidence([statement(figures=tuple(Figure(value, 0) for value in values))], [0])
        assert list(evidence.holds(Figure(7, 0), computed=True)) == [held]

    def test_of_no_difference_are_equal_figures_or_those_of_a_long_list(self):
        equal = statement(figures=(Figure(4, 0), Figure(4, 0)))
        listed = statement(figures=tuple(Figure(value, 0) for value in range(100, 101 + LISTED)))
        evidence = Evidence([equal, listed], [0, 1])
        assert list(evidence.holds(Figure(0, 0), computed=True)) == [0, 0]
        assert list(evidence.holds(Figure(1, 0), computed=True)) == [0, 0]

    def test_of_a_table_is_the_sum_of_each_column_and_the_count_of_its_rows(self):
        rows = said("Ward: A; Beds: 24; Staff: 9.", "Ward: B; Beds: 18; Staff: 7.", "Ward: C; Beds: 30; Staff: 8.")
        for value, held in ((72, 1), (24, 1), (3, 1), (54, 0)):
            assert list(rows.holds(Figure(value, 0), computed=True))[:3] == [held] * 3 or value == 24

    def test_of_a_long_answer_fits_into_memory(self):
        evidence = Evidence([statement(AXES[i % 4]) for i in range(1500)], [0] * 1500)
        assert len(evidence.cosines(statement())) == 1500 + 1500 * 1499 / 2

    def test_can_be_none(self):
        assert len(Evidence([], [])) == 0


class TestTheBordersOfFeatures:
    @pytest.mark.parametrize("word", ["not", "no", "never", "without", "neither", "nor", "none", "cannot", "except",
                                      "unless", "nobody", "nothing"])  # fmt: skip
    def test_each_negation_denies_what_comes_after_it(self, word):
        assert features(f"It is {word} open.").denied == {"open"}

    @pytest.mark.parametrize("word", ["gap", "difference", "points", "total", "together", "all", "overall", "combined"])
    def test_each_word_for_a_difference_or_a_sum_computes(self, word):
        assert features(f"There was a {word}.").computes

    def test_a_direction_counts_each_of_its_words(self):
        assert features("Sales rose and grew to the highest, costs fell.").rising == 2
        assert features("Sales fell and declined.").rising == -2

    def test_a_word_is_known_by_six_letters(self):
        assert features("The Europeans sold something.").words == {"the", "europe", "sold", "someth"}
        assert features("The Europeans sold something.").names == {"europe"}


class TestTheBordersOfEvidence:
    def test_a_sentence_of_twelve_figures_has_differences_and_one_of_thirteen_none(self):
        def holds(count: int) -> float:
            listed = statement(figures=tuple(Figure(100.0 * n, 0) for n in range(1, count + 1)))
            return float(Evidence([listed], [0]).holds(Figure(1100, 0), computed=True)[0])

        assert LISTED == 12
        listed = statement(figures=tuple(Figure(3.0**n, 0) for n in range(12)))
        assert list(Evidence([listed], [0]).holds(Figure(78, 0), computed=True)) == [1]
        longer = statement(figures=tuple(Figure(3.0**n, 0) for n in range(13)))
        assert list(Evidence([longer], [0]).holds(Figure(78, 0), computed=True)) == [0]

    def test_a_difference_is_exact(self):
        evidence = Evidence([statement(figures=(Figure(11, 0.5), Figure(4, 0.5)))], [0])
        assert list(evidence.holds(Figure(7.1, 0), computed=True)) == [0]

    def test_a_difference_counts_only_where_one_is_meant(self):
        evidence = Evidence([statement(figures=(Figure(11, 0), Figure(4, 0)))], [0])
        assert list(evidence.holds(Figure(7, 0), computed=False)) == [0]

    def test_a_pair_holds_a_figure_as_far_as_the_better_of_both(self):
        both = [statement(figures=(Figure(4, 0),), trust=(trust,)) for trust in (0.5, 0.75)]
        assert list(Evidence(both, [0, 0]).holds(Figure(4, 0), computed=False)) == [0.5, 0.75, 0.75]

    def test_a_sentence_holds_a_figure_as_far_as_the_best_of_its_own(self):
        twice = statement(figures=(Figure(4, 0), Figure(4, 0)), trust=(0.75, 0.5))
        assert list(Evidence([twice], [0]).holds(Figure(4, 0), computed=False)) == [0.75]

    def test_a_pair_that_says_the_opposite_has_no_direction(self):
        opposite = Evidence([statement(AXES[0]), statement(-AXES[0])], [0, 0])
        assert opposite.cosines(statement(AXES[0])) == pytest.approx([1, -1, 0])

    def test_names_are_counted_by_their_share(self):
        places = [statement(place=frozenset({"linz"})), statement(place=frozenset({"graz", "wels"}))]
        shares = Evidence(places, [0, 0]).share_of_names(frozenset({"linz", "graz", "wels", "enns"}))
        assert list(shares) == [0.25, 0.5, 0.75]

    def test_only_the_other_direction_opposes(self):
        each = Evidence([statement(rising=2), statement(rising=0), statement(rising=-1)], [0, 1, 2])
        assert list(each.opposes(1)) == [False, False, True]
        assert list(each.opposes(-3)) == [True, False, False]
        assert not any(each.opposes(0))

    def test_a_denied_direction_is_that_which_the_other_goes(self):
        each = Evidence([statement(rising=1), statement(rising=-1), statement()], [0, 1, 2])
        assert list(each.denies(statement(denied=frozenset({"+"})))) == [True, False, False]
        assert list(each.denies(statement(denied=frozenset({"-"})))) == [False, True, False]

    def test_what_both_deny_is_not_against_each_other(self):
        denying = statement(denied=frozenset({"open"}), words=frozenset({"open"}))
        assert list(Evidence([denying], [0]).denies(denying)) == [False]


class TestAStatementsPlace:
    def test_holds_its_own_words_those_around_it_and_the_questions(self):
        stated = state("It earned 7%.", AXES[0], features("How much?"), frozenset(), place=frozenset({"north"}))
        assert stated.place == {"it", "earned", "7", "north", "how", "much"}
