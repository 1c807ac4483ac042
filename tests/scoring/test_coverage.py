from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from llm_bench.scoring import coverage as maths
from llm_bench.scoring.coverage import (
    FINE,
    HELD,
    SAME,
    SAME_WITH_FIGURE,
    UNRELATED,
    WORDS,
    coverage_without_points,
    support,
    supported,
)
from llm_bench.scoring.numbers import Figure
from llm_bench.scoring.statements import LEFT, Evidence, Statement

DIMENSIONS = 5
AXES = np.eye(DIMENSIONS)
NONE = Evidence([], [])


def towards(cosine: float) -> np.ndarray:
    """A unit vector that has this cosine with the first axis."""
    return np.array([cosine, np.sqrt(1 - cosine**2), 0, 0, 0])


def statement(
    vector=AXES[0], *, figures=(), trust=1.0, kept=1.0, years=(), names=(), words=(), content=(), rising=0, denied=()
) -> Statement:
    known = frozenset([*names, *words])
    return Statement(
        figures=tuple(Figure(figure, 0) for figure in figures),
        near=({},) * len(figures),
        dated=(frozenset(),) * len(figures),
        marks=(),
        years=frozenset(years),
        names=frozenset(names),
        words=known,
        content=frozenset(content),
        rising=rising,
        computes=bool(rising),
        denied=frozenset(denied),
        vector=vector,
        trust=(trust,) * len(figures),
        kept=kept,
        place=known | frozenset(content),
    )


def evidence(*statements: Statement) -> Evidence:
    return Evidence(statements, [0] * len(statements))


def coverage(points, context: Evidence, answer: Evidence) -> float | None:
    return maths.coverage(support(points, context), support(points, answer))


def groundedness(claims, lengths, context: Evidence) -> float | None:
    return maths.groundedness(list(zip(support(claims, context), lengths, strict=True)))


def support_of(claim: Statement, *statements: Statement) -> float:
    """How well these support it, without the small share of the plain cosine, where that is 1."""
    (value,) = support([claim], evidence(*statements))
    return (value - FINE) / (1 - FINE)


def _unit(row: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(row)
    return row / length if length > 1e-3 else AXES[0]


VECTORS = arrays(np.float32, DIMENSIONS, elements=st.floats(-1, 1, width=32)).map(_unit)
STATEMENTS = st.builds(
    statement,
    VECTORS,
    figures=st.lists(st.sampled_from([4.2, 18.4, 40.0]), max_size=2),
    years=st.sets(st.sampled_from([2024, 2025]), max_size=2),
    names=st.sets(st.sampled_from(["linz", "graz"]), max_size=2),
    words=st.sets(st.sampled_from(["open", "sold"]), max_size=2),
    content=st.sets(st.sampled_from(["forge", "oven"]), max_size=2),
    rising=st.integers(-1, 1),
    denied=st.sets(st.sampled_from(["open", "sold", "+"]), max_size=1),
)
TEXTS = st.lists(STATEMENTS, max_size=5)
SOME_TEXT = st.lists(STATEMENTS, min_size=1, max_size=5)


def same(value: float | None, other: float | None) -> bool:
    return value == other or (value is not None and other is not None and abs(value - other) < 1e-9)


class TestSupport:
    @given(SOME_TEXT, TEXTS)
    def test_lies_between_0_and_1(self, claims, given_):
        values = support(claims, evidence(*given_))
        assert len(values) == len(claims)
        assert all(0 <= value <= 1 for value in values)

    @given(SOME_TEXT)
    def test_of_a_text_by_itself_is_1(self, text):
        assert support(text, evidence(*text)) == pytest.approx(1, abs=1e-5)

    @given(SOME_TEXT, TEXTS, STATEMENTS)
    def test_never_falls_with_more_evidence(self, claims, given_, more):
        less = support(claims, evidence(*given_))
        assert all(support(claims, evidence(*given_, more)) >= less - 1e-9)

    def test_begins_above_the_cosine_of_unrelated_sentences(self):
        for cosine, share in ((UNRELATED, 0), ((UNRELATED + SAME) / 2, 0.5), (SAME, 1)):
            value = support([statement()], evidence(statement(towards(cosine))))
            assert value == pytest.approx((1 - FINE) * share + FINE * cosine)

    def test_comes_sooner_where_a_figure_agrees(self):
        near = towards(SAME_WITH_FIGURE)
        with_figure = support([statement(figures=[4.2])], evidence(statement(near, figures=[4.2])))
        assert with_figure > support([statement()], evidence(statement(near))) + 0.45

    @pytest.mark.parametrize(
        ("claim", "said", "left"),
        [
            pytest.param({"figures": [4.2]}, {}, LEFT, id="figure missing"),
            pytest.param({"figures": [4.2]}, {"figures": [4.3]}, LEFT, id="another figure"),
            pytest.param({"figures": [4.2, 7]}, {"figures": [4.2]}, (1 + LEFT) / 2, id="one of two figures"),
            pytest.param({"years": [2025]}, {"years": [2024]}, LEFT, id="another year"),
            pytest.param({"years": [2025]}, {"years": [2024, 2025]}, 1, id="that year too"),
            pytest.param({"years": [2025]}, {}, 1, id="no year"),
            pytest.param({"rising": 1}, {"rising": -2}, LEFT, id="the other direction"),
            pytest.param({"rising": 1}, {}, 1, id="no direction"),
            pytest.param({"denied": ["open"]}, {"words": ["open"]}, LEFT, id="a negation in it"),
            pytest.param({"words": ["open"]}, {"denied": ["open"]}, LEFT, id="a negation there"),
            pytest.param({"denied": ["+"]}, {"rising": 2}, LEFT, id="a negation of a direction"),
            pytest.param({"words": ["open"]}, {"denied": ["sold"]}, 1, id="a negation of something else"),
            pytest.param({"denied": ["open"]}, {"words": ["open"], "denied": ["sold"]}, 1, id="negations in both"),
            pytest.param({"rising": 1, "words": ["open"]}, {"rising": -1, "denied": ["open"]}, LEFT, id="both at once"),
            pytest.param({"figures": [4.2], "trust": 0.6}, {"figures": [4.2]}, 0.6, id="a figure that it mistakes"),
            pytest.param(
                {"figures": [4.2]}, {"figures": [4.2], "trust": 0.6}, 0.6, id="a figure that is mistaken there"
            ),
            pytest.param({"figures": [4.2], "rising": 1}, {"figures": [7, 2.8]}, 1, id="a difference of two figures"),
            pytest.param({"figures": [4.2]}, {"figures": [7, 2.8]}, LEFT, id="a difference where none is told"),
            pytest.param({"kept": 0.6}, {}, 0.6, id="what it exchanges"),
            pytest.param({}, {"kept": 0.6}, 0.6, id="what is exchanged there"),
            pytest.param({"names": ["linz"]}, {"names": ["graz"]}, LEFT, id="another name"),
            pytest.param({"names": ["linz", "graz"]}, {"names": ["graz"]}, (1 + LEFT) / 2, id="half the names"),
            pytest.param({"content": ["oven"]}, {"content": ["oven", "forge"]}, 1, id="its words"),
            pytest.param({"content": ["oven"]}, {"content": ["forge"]}, 1 - WORDS, id="none of its words"),
            pytest.param({"content": ["oven", "forge"]}, {"content": ["forge"]}, 1 - WORDS / 2, id="half its words"),
            pytest.param(
                {"figures": [4.2], "content": ["oven"]}, {"figures": [4.2]}, 1, id="none of its words, but its figure"
            ),
        ],
    )
    def test_leaves_little_of_what_differs(self, claim, said, left):
        assert support_of(statement(**claim), statement(**said)) == pytest.approx(left)

    def test_may_take_two_sentences_of_one_passage_but_not_of_two(self):
        claim = statement(_unit(AXES[0] + AXES[1]), names=["linz", "graz"])
        halves = [statement(AXES[0], names=["linz"]), statement(AXES[1], names=["graz"])]
        (together,), (apart,) = support([claim], Evidence(halves, [0, 0])), support([claim], Evidence(halves, [0, 1]))
        assert together == pytest.approx(1)
        assert apart < 0.7

    def test_finds_the_words_of_a_sentence_anywhere(self):
        claim = statement(content=["forge", "oven"])
        apart = [statement(content=["forge"]), statement(AXES[1], content=["oven"])]
        assert support([claim], Evidence(apart, [0, 1])) == pytest.approx(1)

    def test_takes_each_figure_from_the_passage_that_has_it(self):
        claim = statement(_unit(AXES[0] + AXES[1]), figures=[4, 7])
        halves = [statement(AXES[0], figures=[4]), statement(AXES[1], figures=[7])]
        (value,) = support([claim], Evidence(halves, [0, 1]))
        assert value > 0.95


class TestSupported:
    @pytest.mark.parametrize(
        ("groups", "by"),
        [pytest.param([0, 0, 0], (0, 1), id="a pair of a passage"), pytest.param([0, 1, 1], (0,), id="a sentence")],
    )
    def test_names_what_supports_most(self, groups, by):
        claim = statement(_unit(AXES[0] + 0.9 * AXES[1]))
        context = [statement(AXES[0]), statement(AXES[1]), statement(AXES[2])]
        ((_, members),) = supported([claim], Evidence(context, groups))
        assert members == by

    def test_names_the_sentence_with_most_of_several_figures(self):
        claim = statement(figures=[4, 7, 9])
        context = [statement(figures=[4]), statement(figures=[7, 9])]
        ((_, members),) = supported([claim], Evidence(context, [0, 1]))
        assert members == (1,)

    def test_names_none_without_any(self):
        assert supported([statement()], NONE) == [(0, ())]


class TestCoverage:
    @given(TEXTS, TEXTS, TEXTS)
    def test_lies_between_0_and_1_or_has_no_meaning(self, points, context, answer):
        covered = coverage(points, evidence(*context), evidence(*answer))
        assert covered is None or 0 <= covered <= 1

    @given(SOME_TEXT)
    def test_of_the_points_themselves_is_1(self, points):
        assert coverage(points, evidence(*points), evidence(*points)) == pytest.approx(1, abs=1e-5)

    @given(SOME_TEXT, SOME_TEXT)
    def test_of_the_context_itself_is_no_less_than_what_makes_it_hold_a_point(self, points, context):
        covered = coverage(points, evidence(*context), evidence(*context))
        assert covered is None or covered >= HELD

    @given(SOME_TEXT, SOME_TEXT, TEXTS, STATEMENTS)
    def test_never_falls_with_another_sentence(self, points, context, answer, sentence):
        before = coverage(points, evidence(*context), evidence(*answer))
        after = coverage(points, evidence(*context), evidence(*answer, sentence))
        assert (before is None) == (after is None)
        assert before is None or after >= before - 1e-9

    @given(SOME_TEXT, TEXTS, TEXTS, st.randoms())
    def test_does_not_depend_on_any_order(self, points, context, answer, random):
        before = coverage(points, evidence(*context), evidence(*answer))
        held = support(points, evidence(*context))
        assume(all(abs(held - HELD) > 1e-9))
        for some in (points, context, answer):
            random.shuffle(some)
        assert same(before, coverage(points, evidence(*context), evidence(*answer)))

    def test_is_the_mean_over_the_points_that_the_context_holds(self):
        points = [statement(axis) for axis in AXES[:3]]
        assert coverage(points, evidence(*points[:2]), evidence(points[0])) == pytest.approx(0.5)

    def test_without_a_sentence_in_the_answer_is_0(self):
        assert coverage([statement()], evidence(statement()), NONE) == 0

    @given(TEXTS)
    def test_has_no_meaning_where_the_context_holds_no_point(self, answer):
        assert coverage([statement()], NONE, evidence(*answer)) is None
        assert coverage([statement()], evidence(statement(AXES[1])), evidence(*answer)) is None
        assert coverage([], evidence(statement()), evidence(*answer)) is None


class TestCoverageWithoutPoints:
    @given(VECTORS, TEXTS, TEXTS)
    def test_lies_between_0_and_1_or_has_no_meaning(self, question, context, answer):
        covered = coverage_without_points(question, context, evidence(*answer))
        assert covered is None or 0 <= covered <= 1

    @given(VECTORS, SOME_TEXT)
    def test_of_the_context_itself_is_1(self, question, context):
        covered = coverage_without_points(question, context, evidence(*context))
        assert covered is None or covered == pytest.approx(1, abs=1e-5)

    @given(VECTORS, TEXTS, TEXTS, STATEMENTS)
    def test_never_falls_with_another_sentence(self, question, context, answer, sentence):
        before = coverage_without_points(question, context, evidence(*answer))
        after = coverage_without_points(question, context, evidence(*answer, sentence))
        assert (before is None) == (after is None)
        assert before is None or after >= before - 1e-9

    @given(VECTORS, TEXTS, TEXTS, st.randoms())
    def test_does_not_depend_on_any_order(self, question, context, answer, random):
        before = coverage_without_points(question, context, evidence(*answer))
        for some in (context, answer):
            random.shuffle(some)
        assert same(before, coverage_without_points(question, context, evidence(*answer)))

    @given(VECTORS, SOME_TEXT)
    def test_without_a_sentence_in_the_answer_is_0(self, question, context):
        assert coverage_without_points(question, context, NONE) in {0, None}

    @given(VECTORS, TEXTS)
    def test_of_an_empty_context_has_no_meaning(self, question, answer):
        assert coverage_without_points(question, [], evidence(*answer)) is None

    def test_of_a_context_that_says_nothing_of_the_question_has_no_meaning(self):
        beside = [statement(AXES[1]), statement(AXES[2])]
        assert coverage_without_points(AXES[0], beside, evidence(*beside)) is None

    def test_weighs_a_sentence_by_its_relevance_to_the_question(self):  # pragma: allowlist secret
        relevant = statement(towards(0.7))
        beside = statement(np.array([0.45, 0, np.sqrt(1 - 0.45**2), 0, 0]))
        context = [relevant, beside]
        assert coverage_without_points(AXES[0], context, evidence(relevant)) > 0.9
        assert coverage_without_points(AXES[0], context, evidence(beside)) < 0.4


class TestGroundedness:
    @given(SOME_TEXT, TEXTS, st.data())
    def test_lies_between_0_and_1(self, claims, context, data):
        lengths = data.draw(st.lists(st.integers(1, 40), min_size=len(claims), max_size=len(claims)))
        assert 0 <= groundedness(claims, lengths, evidence(*context)) <= 1

    @given(SOME_TEXT)
    def test_of_the_context_itself_is_1(self, context):
        assert groundedness(context, [1] * len(context), evidence(*context)) == pytest.approx(1, abs=1e-5)

    @given(SOME_TEXT, TEXTS, STATEMENTS)
    def test_never_falls_with_a_larger_context(self, claims, context, sentence):
        lengths = [1] * len(claims)
        before = groundedness(claims, lengths, evidence(*context))
        assert groundedness(claims, lengths, evidence(*context, sentence)) >= before - 1e-9

    @given(SOME_TEXT, TEXTS, st.randoms())
    def test_does_not_depend_on_any_order(self, claims, context, random):
        weighed = [(claim, 1 + i) for i, claim in enumerate(claims)]
        before = groundedness(*zip(*weighed, strict=True), evidence(*context))
        random.shuffle(weighed)
        random.shuffle(context)
        assert same(before, groundedness(*zip(*weighed, strict=True), evidence(*context)))

    @given(TEXTS)
    def test_without_a_claim_has_no_meaning(self, context):
        assert groundedness([], [], evidence(*context)) is None

    @given(SOME_TEXT)
    def test_on_no_context_is_0(self, claims):
        assert groundedness(claims, [1] * len(claims), NONE) == 0

    def test_weighs_a_claim_by_its_words(self):
        claims = [statement(AXES[0]), statement(AXES[1])]
        assert groundedness(claims, [3, 1], evidence(statement(AXES[0]))) == pytest.approx(0.75)


class TestTheConstants:
    """What docs/metrics.md says of them."""

    def test_are_as_documented(self):
        assert (UNRELATED, SAME, SAME_WITH_FIGURE, LEFT) == (0.2, 0.6, 0.4, 0.2)
        assert (WORDS, FINE, HELD) == (0.3, 0.05, 0.5)

    def test_a_sentence_of_cosine_0_7_to_the_question_counts_14_times_one_of_0_45(self):
        relevant, beside = statement(towards(0.7)), statement(np.array([0.45, 0, np.sqrt(1 - 0.45**2), 0, 0]))
        neither = statement(AXES[4], names=["linz"])
        context = [relevant, beside]
        shares = [coverage_without_points(AXES[0], context, evidence(said, neither)) for said in context]
        ((likeness,),) = [support([relevant], evidence(beside))]
        weight = (0.7 / 0.45) ** 6
        assert weight == pytest.approx(14.2, abs=0.1)
        assert shares == pytest.approx([(weight + likeness) / (weight + 1), (weight * likeness + 1) / (weight + 1)])

    def test_a_point_is_held_from_half_of_its_support_on(self):
        point = statement(years=[2025])
        names = statement(names=["linz", "graz", "enns", "wels"])
        weaker = [statement(towards(0.4)), statement(towards(0.42))]
        assert [coverage([point], evidence(said), evidence(point)) for said in weaker] == [None, 1]
        assert coverage([names], NONE, evidence(names)) is None
