"""Claims of sentences whose checks stand beside other tests of the same code."""

from __future__ import annotations

import ast
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from report.claims import says

TESTS = Path(__file__).parents[1]


class Held(NamedTuple):
    """Sentences of a method, and the test that fails where the code does otherwise.

    :param method: module of ``llm_bench`` and the constant.
    :param test: file below ``tests/``, class and test.
    """

    method: str
    test: str
    sentences: tuple[str, ...]

    @property
    def is_said(self) -> bool:
        """Whether the method is there."""
        module, _, name = self.method.partition(":")
        return find_spec(f"llm_bench.{module}") is not None and hasattr(import_module(f"llm_bench.{module}"), name)

    @property
    def is_checked(self) -> bool:
        """Whether the test is there."""
        file, group, name = self.test.split("::")
        path = TESTS / file
        tree = ast.parse(path.read_text(encoding="utf-8")) if path.is_file() else ast.Module([], [])
        groups = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == group]
        return any(getattr(node, "name", "") == name for found in groups for node in found.body)


_S = "analysis/statistics"
HELD = [
    Held(
        "analysis.grading:GRADED",
        "dashboard/test_grading.py::TestAnAnswer::test_is_nobodys",
        ("People read a random sample of the answers, 40 at a time, and graded each from 0 to 4",),
    ),
    Held(
        "analysis.grading:GRADED",
        "analysis/test_grading.py::TestASample::test_has_as_many_answers_of_each_llm_and_industry",
        ("A sample has as many answers of each LLM, of each of its industries,",),
    ),
    Held(
        "analysis.grading:GRADED",
        "analysis/test_grading.py::TestTheAgreement::test_takes_the_mean_of_what_people_said_of_an_answer",
        ("The agreement is Spearman's rank correlation of each score with the mean of people's grades.",),
    ),
    Held(
        "analysis.grading:GRADED",
        f"{_S}/test_correlation.py::TestTheRankCorrelationOfTwoLists::"
        "test_is_covered_by_its_interval_where_answers_to_a_question_go_together",
        ("Its interval of 95 % is that of Fisher's z, by the jackknife over questions",),
    ),
    Held(
        "analysis.grading:GRADED",
        "analysis/test_grading.py::TestTheAgreement::test_with_too_few_answers_is_none_and_says_how_many_there_are",
        ("It is given from 25 graded answers on.",),
    ),
    Held(
        "analysis.statistics.comparisons:HOLM",
        "analysis/test_comparisons.py::TestRoles::test_have_p_corrected_over_what_is_primary_or_over_all",
        ("p is corrected by Holm's sequentially rejective procedure: over the primary comparisons; that of",),
    ),
    Held(
        "analysis.statistics.comparisons:HOLM",
        "analysis/test_comparisons.py::TestRoles::test_are_primary_for_the_first_metric_where_nobody_chose_any",
        ("Primary are those that were sealed; where nothing was, all pairs in the first metric.",),
    ),
    Held(
        "analysis.statistics.scopes:MEANS",
        "analysis/test_conclusions.py::TestScores::test_have_intervals_within_0_and_1",
        ("The interval of a mean score is kept within 0 and 1.",),
    ),
    Held(
        "analysis.verdicts:VERDICTS",
        "analysis/test_verdicts.py::TestAVerdict::test_is_that_nothing_matters_only_where_the_whole_interval_is_small",
        ("No difference that matters: the whole interval of 95 % lies within the smallest difference",),
    ),
    Held(
        "analysis.verdicts:VERDICTS",
        "analysis/test_verdicts.py::TestAVerdict::test_needs_a_low_p_to_call_two_different",
        ("Slower, faster, dearer, cheaper, higher, lower: p, corrected, is below 0.05",),
    ),
    Held(
        "analysis.verdicts:VERDICTS",
        "analysis/test_verdicts.py::TestWords::test_of_no_conclusion_are_its_own",
        ("All else can't be told from these data",),
    ),
    Held(
        "analysis.noise:NOISE_FLOOR",
        "analysis/test_noise.py::TestTheNoiseFloor::test_of_differences_has_no_sign",
        ("Where an LLM has a twin, which is the same LLM measured once more in the same slots, what the two",),
    ),
    Held(
        "analysis.noise:NOISE_FLOOR",
        "analysis/test_noise.py::TestTheNoiseFloor::test_is_the_largest_of_several_twins",
        ("Of several twins it is the largest.",),
    ),
    Held(
        "analysis.noise:NOISE_FLOOR",
        "analysis/test_comparisons.py::TestWhatMatters::test_is_more_than_what_a_twin_differs_by",
        ("A difference of other LLMs that isn't larger is no verdict.",),
    ),
    Held(
        "analysis.noise:NOISE_FLOOR",
        "analysis/test_noise.py::TestATwinsPair::test_does_not_count_in_the_correction_of_the_others",
        ("Twins are no two LLMs, so their pairs are corrected by Holm apart from the others.",),
    ),
    Held(
        "analysis.queries.caches:CACHE_WORTH",
        "analysis/test_factors.py::TestWhatACacheIsWorth::test_is_what_the_same_question_saves_in_the_same_slot_and_place",
        ("Each question asked cold is a pair with the same one asked warm, right after, in the same slot.",),
    ),
    Held(
        "analysis.queries.caches:CACHE_WORTH",
        "analysis/test_factors.py::TestWhatACacheIsWorth::test_has_an_interval_and_a_p_over_days_and_questions",
        ("The ratio of their times to the first token is the geometric mean over the pairs, the saving in dollars",),
    ),
    Held(
        "analysis.queries.positions:FIRST_PLACE",
        "analysis/test_network.py::TestTheFirstPlace::test_finds_that_the_first_takes_longer",
        (
            "The first question of each cell is set in relation to the geometric mean of the cell's others.",
            "The ratio's mean, interval and p are made as those of differences of scores, on the logarithms; days and",
        ),
    ),
    Held(
        "analysis.statistics.correlation:FOLLOWING",
        f"{_S}/test_correlation.py::TestWhatASlotKeepsOfTheOneBefore::test_leaves_out_the_night_and_what_was_missed",
        ("How slots go on into the next: the rank correlation of each slot's median with the next one's",),
    ),
    Held(
        "analysis.statistics.correlation:FOLLOWING",
        "report/test_methods_of_the_statistics.py::TestDays::test_days_are_no_clusters_where_their_means_may_correlate",
        ("It says whether days may be taken as clusters: where as much may go on that the means of neighbouring days",),
    ),
    Held(
        "analysis.statistics.correlation:FOLLOWING",
        "report/test_methods_of_the_statistics.py::TestScopes::test_the_order_and_number_of_a_days_slots_change_nothing",
        ("Within a day slots may follow one another as they like.",),
    ),
    Held(
        "analysis.statistics.drift:DRIFT",
        f"{_S}/test_drift.py::TestADrift::test_is_the_slope_of_the_days_means_with_students_t",
        (
            "Whether an LLM becomes slower or faster from day to day: a straight line through the logarithms",
            "The slope is a ratio per day, with Student's t of two degrees of freedom fewer than there are days.",
        ),
    ),
    Held(
        "analysis.statistics.drift:DRIFT",
        f"{_S}/test_drift.py::TestADrift::test_is_not_made_by_a_course_of_the_day_of_which_half_was_missed",
        ("A day's level is what it has beside the times of day that were measured on it",),
    ),
    Held(
        "analysis.statistics.drift:DRIFT",
        f"{_S}/test_drift.py::TestThatNothingCanBeConcludedOfADrift::test_is_said_where_slots_go_on_into_the_next_day",
        ("Nothing is concluded of it with fewer than 4 days, nor where, by what neither days nor times of day",),
    ),
    Held(
        "analysis.statistics.drift:DRIFT",
        f"{_S}/test_drift.py::TestADrift::test_takes_a_slot_in_which_most_failed_for_the_slowest_that_was_answered",
        ("A slot's value is the median of all that were asked; one in which most failed counts as the worst",),
    ),
    Held(
        "analysis.statistics.timeofday:TIME_OF_DAY",
        f"{_S}/test_timeofday.py::TestACourseOfTheDay::test_is_as_sure_as_random_signs_make_it_where_all_days_are_the_same",
        (
            "Whether the same times of day are the slow ones on every day.",
            "If the days had no course in common, each of these numbers might as well have the other sign: p is by",
        ),
    ),
    Held(
        "analysis.statistics.timeofday:TIME_OF_DAY",
        f"{_S}/test_timeofday.py::TestTheTestOfTheTimeOfDay::test_takes_a_drift_off",
        ("Each day's course, in logarithms, is described by 4 orthogonal polynomials of the time of day",),
    ),
    Held(
        "analysis.statistics.timeofday:TIME_OF_DAY",
        f"{_S}/test_timeofday.py::TestWithoutACourseOfTheDay::test_an_effect_is_found_in_one_of_twenty_studies_at_most",
        (
            "The numbers of a day count as independent of one another, as orthogonal polynomials nearly are",
            "A rise or fall that each day has by itself is no course.",
        ),
    ),
    Held(
        "analysis.statistics.timeofday:TIME_OF_DAY",
        f"{_S}/test_timeofday.py::TestACourseOfTheDay::test_has_the_size_and_the_times_of_its_highest_and_lowest_part",
        ("The size is the highest part of the common course, of all parts with 1/4 of the times of day",),
    ),
    Held(
        "analysis.statistics.timeofday:TIME_OF_DAY",
        f"{_S}/test_timeofday.py::TestWithoutACourseOfTheDay::test_the_size_holds_one_in_nineteen_of_twenty_studies",
        ("Its interval is so wide that it holds for any two parts at once, by the same random signs",),
    ),
    Held(
        "analysis.statistics.timeofday:TIME_OF_DAY",
        f"{_S}/test_timeofday.py::TestThatNothingCanBeConcluded::test_is_said_of_few_times_of_day",
        ("With fewer than 4 days, or 6 times of day, nothing is concluded.",),
    ),
    Held(
        "analysis.statistics.attainment:ATTAINMENT",
        f"{_S}/test_attainment.py::TestTheShareInTime::test_has_the_interval_of_a_rate_of_success",
        (
            "The share of all that was asked that was answered within the objective's time; what failed",
            "Its 95 % interval is Wilson's, of as many independent trials as the misses amount to",
        ),
    ),
    Held(
        "analysis.statistics.attainment:ATTAINMENT",
        f"{_S}/test_attainment.py::TestWhereAllAreAlike::test_each_day_is_one_trial",
        ("Where all were in time, or none, how misses come together can't be seen: each day then counts",),
    ),
    Held(
        "analysis.statistics.attainment:ATTAINMENT",
        f"{_S}/test_attainment.py::TestTheVerdict::test_rests_on_the_whole_interval",
        ("An objective is attained where the whole interval is at or above its share, and missed where",),
    ),
    Held(
        "analysis.statistics.declining:DECLINING",
        "report/test_methods_of_the_scores.py::TestScores::test_an_answer_declines_where_one_of_its_sentences_does",
        ("An answer declines where it says that the context lacks what was asked, or a part of it.",),
    ),
    Held(
        "analysis.statistics.declining:DECLINING",
        "analysis/test_declining.py::TestDeclining::test_counts_the_answers_of_each_kind_of_question_that_decline",
        ("Of the answers to questions that the documents can't answer, the share that declines does so rightly",),
    ),
    Held(
        "analysis.statistics.declining:DECLINING",
        "analysis/test_declining.py::TestDeclining::test_leaves_an_answer_that_wasnt_scored_out_and_counts_it",
        ("Failed requests and answers that weren't scored are left out.",),
    ),
    Held(
        "analysis.statistics.declining:DECLINING",
        f"{_S}/test_declining.py::TestTheShareThatDeclines::test_has_the_interval_of_a_mean_by_days_and_questions",
        ("The 95 % interval is by days and questions as crossed random factors, with Satterthwaite's degrees",),
    ),
    Held(
        "analysis.statistics.declining:DECLINING",
        f"{_S}/test_declining.py::TestTheShareThatDeclines::test_stays_within_0_and_1",
        ("It is kept within 0 and 1.",),
    ),
    Held(
        "analysis.statistics.declining:DECLINING",
        f"{_S}/test_declining.py::TestTheShareThatDeclines::test_has_no_interval_where_all_answers_are_alike",
        ("There is none with fewer than 4 days, where what slots of a day share may go on into the next",),
    ),
    Held(
        "analysis.statistics.length:AT_LENGTH",
        "analysis/test_lengths.py::TestAtEqualLength::test_is_at_the_median_length_of_all_answers",
        ("Latency at equal length is the typical (geometric mean) latency that an LLM has where its answer",),
    ),
    Held(
        "analysis.statistics.length:AT_LENGTH",
        f"{_S}/test_length.py::TestALine::test_is_that_of_least_squares_of_logarithms",
        ("Each LLM's latencies are taken as a wait and so many characters at some speed, a straight line",),
    ),
    Held(
        "analysis.statistics.length:AT_LENGTH",
        f"{_S}/test_length.py::TestNothingIsConcluded::test_of_a_line_that_one_question_alone_makes",
        ("At temperature 0 a question's answer hardly changes its length, so that what tells a line's slope",),
    ),
    Held(
        "analysis.statistics.length:AT_LENGTH",
        "analysis/test_lengths.py::TestLeftOut::test_are_cut_answers",
        ("Answers that were cut and failures are left out and counted.",),
    ),
    Held(
        "analysis.statistics.length:AT_LENGTH",
        f"{_S}/test_length.py::TestAnIntervalOfTheseQuestions::test_is_that_of_a_jackknife_over_days",
        ("Intervals of 95 % and tests take days and questions as crossed random factors: each day and each",),
    ),
    Held(
        "analysis.statistics.length:AT_LENGTH",
        f"{_S}/test_length.py::TestNothingIsConcluded::test_of_a_length_that_is_hardly_ever_seen",
        ("Nothing is concluded of an LLM where the common length lies outside its 5 to 95 % quantiles",),
    ),
    Held(
        "analysis.statistics.length:TEXT_SPEED",
        "analysis/test_lengths.py::TestCharactersASecond::test_are_those_of_the_answer_over_the_latency",
        ("Throughput of text is the answer's characters (Unicode code points, as it is shown) over the latency",),
    ),
    Held(
        "analysis.statistics.length:TEXT_SPEED",
        "analysis/test_lengths.py::TestCharactersASecond::test_have_no_reasoning_in_them",
        ("Reasoning isn't shown, so that its text doesn't count, but the time that it takes does.",),
    ),
    Held(
        "analysis.statistics.length:TEXT_SPEED",
        "analysis/test_lengths.py::TestTokensACharacter::test_is_a_ratio_of_sums",
        ("Tokens a character is the ratio of sums over answers whose tokens the provider states",),
    ),
    Held(
        "scoring.model:ENTAILMENT",
        "scoring/test_model.py::TestScoresByEntailment::test_are_the_mean_over_claims_of_the_greatest_probability_by_words",
        ("The support of a claim is the greatest probability with which the cross-encoder says",),
    ),
    Held(
        "scoring.model:ENTAILMENT",
        "scoring/test_model.py::TestScoresByEntailment::test_read_a_claim_with_the_closest_windows_only",
        ("A part is a sentence with the one before and the one after it; those 5 are read",),
    ),
]

SAID = [held for held in HELD if held.is_said]


def claim() -> None:
    """Enters the claims of the methods that are there."""
    by_test: dict[str, list[str]] = {}
    for held in SAID:
        by_test.setdefault(held.test, []).extend(held.sentences)
    for test, sentences in by_test.items():

        def check() -> None:
            """Stands for the test."""

        check.__module__, check.__qualname__ = test, ""
        says(*sentences)(check)
