from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, stats

from analysis.statistics.samples import UNHURRIED, about, numbers
from llm_bench.analysis.statistics.length import (
    ALIKE,
    APART,
    AT_LENGTH,
    SEEN,
    Answers,
    Level,
    as_measured,
    at_length,
    conclude,
)
from llm_bench.analysis.statistics.scopes import (
    FEW_DAYS,
    FEW_QUESTIONS,
    LEAST_DAYS,
    LEAST_QUESTIONS,
    Grid,
    Scope,
    mean_of,
)

THESE: Scope = "these questions"
LIKE: Scope = "questions like these"
SCOPES = pytest.mark.parametrize("scope", [THESE, LIKE])
DAYS, QUESTIONS, SLOTS = 5, 9, 14
WAIT, SPEED = 0.4, 250.0
ANYWHERE = (0.0, math.inf)


def answers(
    seed: int = 1, *, noise: float = 0.2, days: int = DAYS, questions: int = QUESTIONS, longer: float = 1.0
) -> Answers:
    """Each question has a length of its own; a wait of 0.4 s and 250 characters a second, times what varies."""
    draw = np.random.default_rng(seed)
    day, question = (codes.ravel() for codes in np.indices((days, questions)))
    lengths = longer * np.linspace(80, 700, questions)[question]
    varies = draw.normal(size=days)[day] + draw.normal(size=questions)[question] + draw.normal(size=day.size)
    levels = np.log(WAIT + lengths / SPEED) + noise * varies
    return Answers(levels, lengths, np.full(day.size, float(SLOTS)), day, question)


def without(of: Answers, kept: np.ndarray) -> Answers:
    return Answers(of.levels[kept], of.lengths[kept], of.counts[kept], of.days[kept], of.questions[kept])


def level(of: Answers, length: float = 300, seen: tuple[float, float] = ANYWHERE) -> Level:
    return at_length(of, length, seen, DAYS, QUESTIONS)[0]


def refitted(of: Answers, length: float) -> float:
    """The same line by another way: scipy's least squares, of a wait and a time for each character."""

    def rest(line: np.ndarray) -> np.ndarray:
        return np.sqrt(of.counts) * (of.levels - np.log(np.maximum(line[0] + line[1] * of.lengths, 1e-12)))

    wait, pace = optimize.least_squares(rest, [WAIT, 1 / SPEED], xtol=1e-14, ftol=1e-14, gtol=1e-14).x
    return math.log(wait + pace * length)


class TestALine:
    @given(st.floats(80, 700))
    @UNHURRIED
    def test_that_answers_lie_on_is_found_again(self, length):
        found, line = at_length(answers(noise=0), length, ANYWHERE, DAYS, QUESTIONS)
        assert math.exp(found.estimate) == pytest.approx(WAIT + length / SPEED, rel=1e-7)
        assert line.at(length) == pytest.approx(WAIT + length / SPEED, rel=1e-7)

    def test_goes_from_the_shortest_to_the_longest_answers(self):
        line = at_length(answers(noise=0), 300, ANYWHERE, DAYS, QUESTIONS)[1]
        assert line.lengths == (80, 700)
        assert line.latencies == pytest.approx((WAIT + 80 / SPEED, WAIT + 700 / SPEED), rel=1e-7)

    @given(st.integers(0, 50), st.floats(80, 700))
    @UNHURRIED
    def test_is_that_of_least_squares_of_logarithms(self, seed, length):
        assert level(answers(seed), length).estimate == pytest.approx(refitted(answers(seed), length), abs=1e-6)

    def test_counts_each_answer_to_a_question_on_a_day(self):
        of = answers()
        twice = replace(of, counts=np.where(of.questions == 2, 2.0 * SLOTS, SLOTS))
        columns = (of.levels, of.lengths, of.counts, of.days, of.questions)
        again = Answers(*(np.concatenate([values, values[of.questions == 2]]) for values in columns))
        assert level(twice).estimate == pytest.approx(level(again).estimate, abs=1e-9)

    @pytest.mark.parametrize("wait", [-0.2, 0.0, 3.0], ids=["less than no wait", "no wait", "a long wait"])
    def test_is_found_whatever_the_wait(self, wait):
        of = answers(noise=0)
        of = replace(of, levels=np.log(wait + of.lengths / SPEED))
        assert math.exp(level(of).estimate) == pytest.approx(wait + 300 / SPEED, rel=1e-6)

    def test_may_fall(self):
        of = answers(noise=0)
        of = replace(of, levels=np.log(4 - of.lengths / SPEED))
        assert math.exp(level(of).estimate) == pytest.approx(4 - 300 / SPEED, rel=1e-6)


class TestWhatALevelOwes:
    """Against fits that are made anew without each day and each question."""

    def test_to_a_day_is_what_the_fit_without_it_says(self):
        of, whole = answers(), level(answers())
        anew = [refitted(without(of, of.days != day), 300) - whole.estimate for day in range(DAYS)]
        assert whole.by_day == pytest.approx(anew, abs=0.02 * np.abs(anew).max())

    def test_to_a_question_is_what_the_fit_without_it_says(self):
        of, whole = answers(), level(answers())
        anew = [refitted(without(of, of.questions != one), 300) - whole.estimate for one in range(QUESTIONS)]
        assert whole.by_question == pytest.approx(anew, abs=0.05 * np.abs(anew).max())

    def test_to_a_question_of_a_day_is_what_a_small_change_of_it_does(self):
        of, whole = answers(), level(answers())
        for cell in (0, 7, 20):
            moved = of.levels.copy()
            moved[cell] += 1e-5
            slope = (level(replace(of, levels=moved)).estimate - whole.estimate) / 1e-5
            line = at_length(of, 300, ANYWHERE, DAYS, QUESTIONS)[1]
            rest = of.levels[cell] - math.log(line.at(of.lengths[cell]))
            assert whole.parts[of.days[cell], of.questions[cell]] == pytest.approx(slope * rest, rel=0.1, abs=1e-3)

    def test_is_nothing_to_those_that_it_lacks(self):
        of = answers()
        part = level(without(of, (of.days != 1) & (of.questions != 4)))
        assert (part.by_day[1], part.by_question[4]) == (0, 0)
        assert (part.days.sum(), part.questions.sum()) == (DAYS - 1, QUESTIONS - 1)


class TestAsMeasured:
    @SCOPES
    def test_a_latency_is_the_geometric_mean_with_the_interval_of_a_mean(self, scope):
        of = answers()
        mean = mean_of(Grid.of(of.levels, of.days, of.questions, of.counts), scope)
        concluded = conclude(as_measured(of, DAYS, QUESTIONS), scope)
        assert numbers(concluded.interval) == about(*np.exp(numbers(mean.interval)).tolist())
        assert concluded.p_value == pytest.approx(mean.p_value, rel=1e-9)

    def test_is_what_is_at_any_length_where_all_answers_are_of_one(self):
        of = replace(answers(), lengths=np.full(DAYS * QUESTIONS, 200.0))
        found, line = at_length(of, 200, (200, 200), DAYS, QUESTIONS)
        assert found.estimate == as_measured(of, DAYS, QUESTIONS).estimate
        assert found.doubt is None
        assert line.at(200) == pytest.approx(math.exp(found.estimate))


class TestAnIntervalOfTheseQuestions:
    def test_is_that_of_a_jackknife_over_days(self):
        whole = level(answers())
        error = math.sqrt((DAYS - 1) / DAYS * float(whole.by_day @ whole.by_day))
        reach = error * stats.t.ppf(0.975, DAYS - 1)
        low, high = math.exp(whole.estimate - reach), math.exp(whole.estimate + reach)
        assert numbers(conclude(whole, THESE).interval) == about(math.exp(whole.estimate), low, high)

    def test_counts_answers_and_days(self):
        interval = conclude(level(answers()), THESE).interval
        assert (interval.n, interval.clusters) == (DAYS * QUESTIONS * SLOTS, DAYS)


class TestAnIntervalOfQuestionsLikeThese:
    def test_is_wider_where_questions_differ(self):
        of = answers()
        differ = np.random.default_rng(3).normal(size=QUESTIONS)
        these, like = (
            conclude(level(replace(of, levels=of.levels + differ[of.questions])), scope).interval
            for scope in (THESE, LIKE)
        )
        assert math.log(like.high / like.low) > 1.5 * math.log(these.high / these.low)

    def test_is_wider_far_from_the_middle_of_the_lengths(self):
        near, far = (conclude(level(answers(), length), LIKE).interval for length in (400, 90))
        assert math.log(far.high / far.low) > 1.3 * math.log(near.high / near.low)

    def test_is_never_narrower_than_by_questions_alone(self):
        whole = level(answers())
        by_question = (QUESTIONS - 1) / QUESTIONS * float(whole.by_question @ whole.by_question)
        reach = math.sqrt(by_question) * stats.norm.ppf(0.975)
        assert conclude(whole, LIKE).interval.low < math.exp(whole.estimate - reach)


class TestARatio:
    def test_is_of_two_latencies_at_one_length(self):
        slow = replace(answers(), levels=answers().levels + math.log(1.5))
        ratio = conclude(level(slow).less(level(answers())), LIKE)
        assert numbers(ratio.interval) == about(1.5, 1.5, 1.5)

    def test_of_two_that_are_equally_fast_is_1_however_long_their_answers(self):
        longer = level(answers(noise=0, longer=3), 500)
        assert conclude(longer.less(level(answers(noise=0), 500)), LIKE).interval.estimate == pytest.approx(1, rel=1e-6)

    def test_is_surer_where_both_have_the_same_days_and_questions(self):
        one, other = answers(1), answers(2)
        shared = replace(one, levels=one.levels + 0.01 * other.levels)
        alike, apart = (conclude(level(of).less(level(one)), LIKE).interval for of in (shared, other))
        assert alike.high / alike.low < apart.high / apart.low

    def test_has_the_doubt_of_either(self):
        doubtful = level(answers(), seen=(400, 500))
        assert level(answers(2)).less(doubtful).doubt == APART
        assert doubtful.less(level(answers(2))).doubt == APART

    def test_counts_the_answers_of_both(self):
        assert level(answers()).less(level(answers(2))).n == 2 * DAYS * QUESTIONS * SLOTS


class TestNothingIsConcluded:
    @SCOPES
    @pytest.mark.parametrize("seen", [(301.0, 700.0), (80.0, 299.0)], ids=["shorter", "longer"])
    def test_of_a_length_that_is_hardly_ever_seen(self, seen, scope):
        interval = conclude(level(answers(), 300, seen), scope).interval
        assert (interval.estimate, interval.low, interval.high, interval.doubt) == (None, None, None, APART)

    @pytest.mark.parametrize("seen", [(300.0, 700.0), (80.0, 300.0)])
    def test_but_of_one_that_is_just_seen(self, seen):
        assert conclude(level(answers(), 300, seen), LIKE).doubt is None

    def test_of_a_line_that_one_question_alone_makes(self):
        of = answers()
        of = replace(of, lengths=np.where(of.questions == 0, 600.0, 200.0))
        interval = conclude(level(of), LIKE).interval
        assert (interval.estimate, interval.doubt) == (None, ALIKE)

    def test_but_of_one_that_two_questions_make(self):
        of = answers()
        of = replace(of, lengths=np.where(of.questions < 2, 600.0, 200.0))
        assert conclude(level(of), LIKE).doubt is None

    def test_of_a_line_that_one_day_alone_makes(self):
        of = answers()
        of = replace(of, lengths=np.where(of.days == 3, of.lengths, 200.0))
        assert conclude(level(of), THESE).doubt == ALIKE

    def test_of_one_day_but_that_it_is_one(self):
        interval = conclude(level(answers(days=1)), LIKE).interval
        assert interval.doubt == FEW_DAYS
        assert interval.estimate is not None

    @SCOPES
    def test_beyond_days_that_are_too_few(self, scope):
        of = answers(days=LEAST_DAYS - 1)
        concluded = conclude(level(of), scope)
        assert (concluded.doubt, concluded.p_value) == (FEW_DAYS, None)
        assert concluded.interval.estimate == pytest.approx(math.exp(refitted(of, 300)), rel=1e-6)

    def test_of_questions_like_those_that_are_too_few(self):
        of = level(answers(questions=LEAST_QUESTIONS - 1))
        assert (conclude(of, LIKE).doubt, conclude(of, THESE).doubt) == (FEW_QUESTIONS, None)
        assert conclude(level(answers(questions=LEAST_QUESTIONS)), LIKE).doubt is None

    def test_of_a_difference_where_nothing_varies(self):
        assert conclude(level(answers(noise=0)).less(level(answers(noise=0))), LIKE).p_value is None


CELLS = st.lists(
    st.tuples(
        st.integers(0, 4), st.integers(0, 7), st.sampled_from([1.0, 2.0, 50.0, 51.0, 4000.0]), st.floats(1e-4, 1e4)
    ),
    min_size=1,
    max_size=30,
    unique_by=lambda cell: cell[:2],
)


class TestWhateverWasMeasured:
    @given(CELLS, st.sampled_from([1.0, 50.5, 4000.0]))
    @settings(UNHURRIED, max_examples=400)
    def test_an_interval_holds_its_estimate_or_says_why_there_is_none(self, cells, length):
        day, question, lengths, latencies = (np.array(column) for column in zip(*cells, strict=True))
        of = Answers(np.log(latencies), lengths, np.ones(len(cells)), day, question)
        for found in (at_length(of, length, ANYWHERE, 5, 8)[0], as_measured(of, 5, 8)):
            for scope in (THESE, LIKE):
                interval = conclude(found, scope).interval
                if interval.doubt is None:
                    assert interval.low <= interval.estimate * (1 + 1e-9)
                    assert interval.estimate <= interval.high * (1 + 1e-9)
                else:
                    assert (interval.low, interval.high) == (None, None)


class TestItsText:
    def test_has_the_numbers_that_the_functions_have(self):
        assert f"{SEEN[0] * 100:g} to {SEEN[1] * 100:g} % quantiles" in AT_LENGTH.text
        assert f"fewer than {LEAST_DAYS} days" in AT_LENGTH.text
        assert f"fewer than {LEAST_QUESTIONS} questions" in AT_LENGTH.text
