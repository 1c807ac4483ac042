"""What the report concludes of studies whose truth is known: LLMs that are alike, and ones as far apart as was planned.

The values stand in a copy that queries read, and the comparisons are those of the report's own section.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from analysis.crossed import Crossed
from llm_bench.analysis import queries
from llm_bench.analysis.queries import Comparison
from llm_bench.analysis.view import View
from llm_bench.planning.power import Design, smallest
from llm_bench.planning.prospects import as_shown
from llm_bench.planning.variance import Parts
from llm_bench.report.quality import comparison
from llm_bench.report.source import Source
from llm_bench.study import Study

DAYS, SLOTS, QUESTIONS = 4, 14, 20
LEVEL = 0.05
BY_CHANCE = 9
"""Of 100 studies of a test whose level is 5 %, more than these have a false alarm in 3 of 100 cases."""
TIMES = Parts(question=0.2, day=0.05, slot=0.1, rest=0.5)
SCORES = Parts(question=0.15, day=0.0, slot=0.0, rest=0.0)
"""Of the differences of two LLMs; scores are fixed, as at temperature 0."""


def source(crossed: Crossed, values: dict[str, np.ndarray]) -> Source:
    content = {"llms": [{"model": name} for name in crossed.names], "industries": ["industry-0", "industry-1"]}
    return Source.of(crossed.records(values), Study.model_validate({"name": "made-up"} | content), View())


def compared(source: Source) -> list[Comparison]:
    """As the report's section compares them."""
    return queries.compare(
        source.records, source.view, source.llms, twins=source.twins, roles=source.roles, interest=source.interest
    )


def drawn(seed: int, llms: int, parts: Parts) -> np.ndarray:
    """What makes values differ: (LLMs, slots, questions), of which two LLMs differ by these parts."""
    draw = np.random.default_rng(seed)

    def part(size: float, slots: int, questions: int) -> np.ndarray:
        return size / np.sqrt(2) * draw.normal(size=(llms, slots, questions))

    day = np.repeat(part(parts.day, DAYS, 1), SLOTS, axis=1)
    every = part(parts.question, 1, QUESTIONS) + day + part(parts.slot, DAYS * SLOTS, 1)
    return every + part(parts.rest, DAYS * SLOTS, QUESTIONS)


def values(seed: int, llms: int, *, slower: float = 0.0, better: float = 0.0) -> dict[str, np.ndarray]:
    """Latencies and scores of LLMs that are alike, but that the first takes longer (of logarithms) and scores higher.

    What slots and questions have for all of them doesn't matter to their differences, and stands in them nevertheless.
    """
    draw = np.random.default_rng([seed, 1])
    first = np.eye(llms)[0][:, None, None]
    shared = 0.2 * draw.normal(size=(1, DAYS * SLOTS, 1)) + 0.4 * draw.normal(size=(1, 1, QUESTIONS))
    times = shared + drawn(seed, llms, TIMES) + slower * first
    scores = 0.5 + 0.05 * draw.normal(size=(1, 1, QUESTIONS)) + drawn(seed + 10_000, llms, SCORES) + better * first
    failed = draw.random(times.shape) < 0.02
    return {
        "latency_sec": np.where(failed, np.nan, np.exp(times)),
        "coverage_score": np.where(failed, np.nan, scores),
    }


@pytest.fixture(scope="module")
def alarms() -> dict[str, int]:
    """In how many of 100 studies a pair differs significantly, by the role that it has."""
    crossed = Crossed(llms=3, days=DAYS, slots=SLOTS, questions=QUESTIONS)
    alarms = {"primary": 0, "exploratory": 0}
    for seed in range(100):
        pairs = compared(source(crossed, values(seed, 3)))
        for role in alarms:
            alarms[role] += any(pair.p_holm is not None and pair.p_holm < LEVEL for pair in pairs if pair.role == role)
    return alarms


class TestAStudyOfEquals:
    def test_has_no_pair_whose_scores_differ_significantly_in_95_of_100(self, alarms: dict[str, int]):
        assert alarms["exploratory"] <= 5

    def test_has_a_pair_whose_latency_does_in_no_more_than_5_of_100_but_for_chance(self, alarms: dict[str, int]):
        assert alarms["primary"] <= BY_CHANCE  # of 1,500 studies it is in 4.3 %

    def test_has_no_verdict_that_two_differ_in_the_reports_tables(self):
        crossed = Crossed(llms=3, days=DAYS, slots=SLOTS, questions=QUESTIONS)
        known = source(crossed, values(1, 3))
        section = comparison(known)
        shown = {(row[0], row[1], table.name): list(row) for table in section.tables for row in table.rows}
        assert len(shown) == len(compared(known))
        verdicts = {cell for row in shown.values() for cell in row if cell in {"slower", "faster", "higher", "lower"}}
        assert verdicts == set()


@pytest.fixture(scope="module")
def found() -> dict[str, float]:
    """The share of 200 studies in which each metric's difference is significant."""
    design = Design(DAYS, SLOTS, QUESTIONS)
    # Of two LLMs there is one primary comparison; what isn't is corrected over all that have a p, success too.
    slower, better = smallest(TIMES, design, LEVEL), smallest(SCORES, design, LEVEL / 3)
    assert slower is not None
    assert better is not None
    crossed = Crossed(llms=2, days=DAYS, slots=SLOTS, questions=QUESTIONS)
    return dict(counted(crossed, slower, better))


class TestAStudyWhoseLLMsAreAsFarApartAsWasPlanned:
    @pytest.mark.parametrize("metric", ["latency_sec", "coverage_score"])
    def test_shows_it_in_75_to_85_of_100(self, found: dict[str, float], metric: str):
        assert 0.75 <= found[metric] <= 0.85

    def test_is_of_a_size_that_matters(self):
        assert as_shown("latency_sec", smallest(TIMES, Design(DAYS, SLOTS, QUESTIONS))) == pytest.approx(1.2, abs=0.05)


def counted(crossed: Crossed, slower: float, better: float) -> Iterator[tuple[str, float]]:
    below = {"latency_sec": 0, "coverage_score": 0}
    for seed in range(200):
        for pair in compared(source(crossed, values(seed, 2, slower=slower, better=better))):
            if pair.metric in below:
                below[pair.metric] += pair.p_holm is not None and pair.p_holm < LEVEL
    yield from ((metric, count / 200) for metric, count in below.items())
