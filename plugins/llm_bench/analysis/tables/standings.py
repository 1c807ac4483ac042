"""What can be concluded: a sentence for each question that people have, and who is better than whom. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

from llm_bench.analysis import format as text
from llm_bench.analysis.noise import magnitude
from llm_bench.analysis.standings import Outcome, Standing, Steadiness, standing
from llm_bench.analysis.tables.pairs import size_of, title_of
from llm_bench.analysis.verdicts import better, said, turned, untested, words, words_of

if TYPE_CHECKING:
    from llm_bench.analysis.charts import Looks
    from llm_bench.analysis.queries import Comparison


class Question(NamedTuple):
    """What people ask.

    :param title: the question, in a word or two.
    :param better: of an LLM that is better than another one: "faster".
    :param worse: of the other one.
    """

    title: str
    better: str
    worse: str


QUESTIONS = {
    "latency_sec": Question("Fastest", "faster", "slower"),
    "success": Question("Most reliable", "more reliable", "less reliable"),
    "coverage_score": Question("Best coverage", "better", "worse"),
    "cost_usd": Question("Cheapest", "cheaper", "dearer"),
}
"""Metric → the question that it answers."""
STEADIEST = "Steadiest"
_NAMED = 4
"""LLMs that a sentence names; of more it says how many."""

Sign = Literal["+", "−", "=", "?", "·"]
SIGNS: dict[Sign, str] = {
    "+": "better",
    "−": "worse",
    "=": "no difference that matters",
    "?": "can't tell",
    "·": "not tested",
}
"""What stands in the matrix of wins → what it says of the LLM of the row, beside that of the column."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a question.

    :param llms: that it names first: the best, as far as can be told.
    :param words: what there is to say of them.
    :param metric: that it rests on.
    """

    question: str
    outcome: Outcome
    llms: Sequence[str]
    words: str
    metric: str


def answers(pairs: Sequence[Comparison], looks: Looks) -> list[Answer]:
    """An answer to each of ``QUESTIONS``."""
    return [answer(pairs, metric, looks) for metric in QUESTIONS]


def answer(pairs: Sequence[Comparison], metric: str, looks: Looks) -> Answer:
    """Which LLM is best in a metric, as far as can be told.

    :param pairs: of all metrics.
    """
    stands = standing(pairs, metric)
    question = QUESTIONS.get(metric) or _question(metric)
    sentences = [*_sentences(question, stands, looks), *_unknown(metric, stands, looks)]
    shown = stands.best if stands.outcome != "can't tell" else []
    return Answer(question.title, stands.outcome, shown, f"{'; '.join(sentences)}.", metric)


def _question(metric: str) -> Question:
    of, title = words_of(metric), title_of(metric)
    best, worst = (of.more, of.less) if of.more_is_better else (of.less, of.more)
    return Question(f"Best {title}", best, worst)


def _sentences(question: Question, stands: Standing, looks: Looks) -> Iterator[str]:
    best, outcome = stands.best, stands.outcome
    if not stands.pairs:
        return
    if outcome == "better":
        yield from _winner(question, stands, looks)
        return
    if outcome == "no difference that matters":
        yield f"no difference that matters between {'the two' if len(best) == 2 else 'any two of them'}"
    elif stands.untested:
        yield f"not tested: {said(stands.pairs[0])}"
    elif 1 < len(best) < len(stands.llms):
        yield f"can't tell which of {text.listed(_named(best, looks))}"
    else:
        yield f"can't tell from these {text.count(max(pair.days for pair in stands.pairs))} days"
    behind = [llm for llm in stands.llms if llm not in best]
    if behind and best:
        are = "is" if len(behind) == 1 else "are each"
        yield f"{text.listed(_named(behind, looks))} {are} {question.worse} than {'one of them' if best[1:] else 'it'}"


def _winner(question: Question, stands: Standing, looks: Looks) -> Iterator[str]:
    best = stands.best[0]
    over = stands.beaten[best]
    yield f"{question.better} than {text.listed(_named(over, looks))}{_nearest(best, stands, looks)}"
    if others := [llm for llm in stands.llms if llm not in over and llm != best]:
        yield f"it can't be told of {text.listed(_named(others, looks))}"


def _nearest(best: str, stands: Standing, looks: Looks) -> str:
    """How far the best one is from the nearest that it is better than: ": 0.57 times as long as kimi [0.55, 0.59]"."""
    won = [pair if pair.first == best else turned(pair) for pair in stands.pairs if better(pair) == best]
    nearest = min(won, key=_distance)
    size, bracket, ends = size_of(nearest).partition(" [")
    joined = "as" if nearest.is_ratio else "to"
    return f": {size}{f' {joined} {looks.names[nearest.second]}' if len(won) > 1 else ''}{bracket}{ends}"


def _distance(pair: Comparison) -> float:
    estimate = (pair.size.estimate if pair.size else None) or math.inf
    return magnitude(estimate, is_ratio=pair.is_ratio)


def _unknown(metric: str, stands: Standing, looks: Looks) -> Iterator[str]:
    if stands.unknown:
        what = "no price" if metric == "cost_usd" else f"no {title_of(metric)}"
        yield f"{what} is known of {text.listed(_named(stands.unknown, looks))}"


def _named(llms: Sequence[str], looks: Looks) -> list[str]:
    """Names of some LLMs; of many, the first ones and how many others."""
    names = [looks.names[llm] for llm in llms]
    return names if len(names) <= _NAMED else [*names[: _NAMED - 1], f"{len(names) - _NAMED + 1} others"]


def steadiest(known: Steadiness, looks: Looks) -> Answer:
    """Whose latency stays as it is."""
    changes = {"with the time of day": known.by_hour, "from day to day": known.by_day}
    moving = [f"that of {text.listed(_named(llms, looks))} {how}" for how, llms in changes.items() if llms]
    sentences = [
        "no difference that matters between times of day, nor from day to day" if known.steady else "can't tell",
        *([f"latency changes: {', '.join(moving)}"] if moving else []),
    ]
    if known.unknown and (moving or known.steady):
        sentences.append(f"nothing can be told of {text.listed(_named(known.unknown, looks))}")
    return Answer(STEADIEST, known.outcome, known.steady, f"{'; '.join(sentences)}.", "latency_sec")


@dataclass(frozen=True, slots=True)
class Cell:
    """Who of two LLMs is better.

    :param said: the same in words, with how much.
    """

    sign: Sign
    said: str


def wins(pairs: Sequence[Comparison], metric: str, looks: Looks) -> tuple[Sequence[str], dict[tuple[str, str], Cell]]:
    """The LLMs, those first that are better than most, and what is said of each two: of the first beside the second."""
    stands = standing(pairs, metric)
    of_metric = [pair for pair in pairs if pair.metric == metric and not pair.twins]
    both = [facing for pair in of_metric for facing in (pair, turned(pair))]
    cells = {(pair.first, pair.second): Cell(_sign(pair), _said(pair, looks)) for pair in both}
    return [*stands.llms, *stands.unknown], cells


def _sign(pair: Comparison) -> Sign:
    winner = better(pair)
    if winner is not None:
        return "+" if winner == pair.first else "−"
    if untested(pair):
        return "·"
    return "=" if pair.verdict == "no difference that matters" else "?"


def _said(pair: Comparison, looks: Looks) -> str:
    names = looks.names[pair.first], looks.names[pair.second]
    verdict = f"{words(pair.metric, pair.verdict)} than" if better(pair) else f"{said(pair)}, beside"
    if untested(pair):
        verdict = f"not tested ({said(pair)}), beside"
    p = "" if pair.p_holm is None else f", p {text.p_equals(pair.p_holm)}"
    return f"{names[0]}: {verdict} {names[1]}; {size_of(pair)}{p}; {text.count(pair.n)} pairs"
