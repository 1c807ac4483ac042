"""Whether a change of the model behind an LLM is seen in its answers, and how often one is seen where there was none.

Goals: at most 5 % of the studies in which nothing changed have an LLM whose answers are said to have changed, and at
least 80 % of those are found in which half of the answers of one LLM change, at 20 questions and 10 slots on each side.

Each study has four LLMs, and is judged as the page Identity judges it: by ``similarity``, ``change`` and ``holm``. Its
answers are simulated: some sentences of the shipped documents, each in one of several wordings; a model prefers some
wordings to others. Where it answers at temperature 1, each answer is drawn anew; at temperature 0 it is the likeliest.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from llm_bench.analysis.statistics import change, holm, similarity
from llm_bench.analysis.statistics.changes import LEVEL
from llm_bench.analysis.statistics.kernels import Kernel, equality, hamming, spectrum

PROJECT = Path(__file__).resolve().parents[1]
LLMS, QUESTIONS, SIDE = 4, 20, 10
"""Of a study: LLMs, questions, and slots before the change and after it."""
FALSE_ALARMS, POWER = 0.05, 0.8
RUNS = 200
KERNELS: dict[str, Kernel] = {"spectrum": spectrum, "hamming": hamming, "equality": equality}
"""The first is the product's."""

Answer = str | None
Draw = np.random.Generator
Speaker = Callable[["Model", Draw], str]

OPENINGS = ("", "Based on the passages:\n", "Answer: ", "The answer is as follows. ")
WORDS = {
    "customers": "shoppers",
    "compared with": "versus",
    "highest": "largest",
    "In 2025": "During 2025",
    "was": "came to",
    "and": "as well as",
}


class Model:
    """What a model prefers when it answers a question.

    :param facts: the sentences that it can say, each in all its wordings.
    """

    def __init__(self, facts: Sequence[Sequence[str]], draw: Draw) -> None:
        self._facts = facts
        self._wordings = draw.dirichlet([0.7] * len(facts[0]), size=len(facts))
        self._openings = draw.dirichlet([0.7] * len(OPENINGS))
        self._ends = self._wordings.cumsum(axis=1), self._openings.cumsum()
        self._silent = draw.beta(0.5, 2, size=len(facts))

    def varied(self, draw: Draw) -> str:
        """An answer as at temperature 1."""
        (ends, opening_ends), drawn = self._ends, draw.random((2, len(self._facts)))
        chosen = (ends < drawn[0][:, None]).sum(axis=1)
        said = [
            wordings[place]
            for wordings, place, spoken in zip(self._facts, chosen, drawn[1] > self._silent, strict=True)
            if spoken
        ]
        return OPENINGS[int((opening_ends < draw.random()).sum())] + " ".join(said)

    def likeliest(self, _: Draw) -> str:
        """The answer at temperature 0, always the same."""
        said = [wordings[preferred.argmax()] for wordings, preferred in zip(self._facts, self._wordings, strict=True)]
        return OPENINGS[self._openings.argmax()] + " ".join(said)

    def unsteady(self, draw: Draw) -> str:
        """The answer at temperature 0 where the server's arithmetic isn't always the same: one in twelve is another."""
        return self.varied(draw) if draw.random() < 1 / 12 else self.likeliest(draw)


@dataclass(frozen=True, slots=True)
class Scenario:
    """A kind of study.

    :param speaks: how its models answer.
    :param share: of the answers after the change that are another model's; 0: nothing changes.
    :param by_question: these are all answers of some questions, rather than some of all.
    :param whims: a slot's answers share something: in one slot of five all are another model's.
    :param gaps: answers are missing: some at random, and after the middle those of every other question.
    """

    speaks: Speaker
    share: float = 0.0
    by_question: bool = False
    whims: bool = False
    gaps: bool = False

    @property
    def changes(self) -> bool:
        return self.share > 0


SCENARIOS = {
    "no change, temperature 0, the same answers": Scenario(Model.likeliest),
    "no change, temperature 0, unsteady": Scenario(Model.unsteady),
    "no change, temperature 1": Scenario(Model.varied),
    "no change, temperature 1, slots with whims": Scenario(Model.varied, whims=True),
    "no change, temperature 1, answers missing": Scenario(Model.varied, gaps=True),
    "half of the questions change, temperature 0": Scenario(Model.likeliest, 0.5, by_question=True),
    "half of the questions change, temperature 1": Scenario(Model.varied, 0.5, by_question=True),
    "every other answer changes, temperature 0": Scenario(Model.likeliest, 0.5),
    "every other answer changes, temperature 1": Scenario(Model.varied, 0.5),
}


def main() -> int:
    """Simulates each scenario; 0 where every goal is met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=RUNS, help="studies of each scenario")
    parser.add_argument("--kernel", choices=KERNELS, action="append", help="judge by this one, or these")
    options = parser.parse_args()
    met = [_measured(name, options.runs) for name in options.kernel or ["spectrum"]]
    return 0 if all(met) else 1


def _measured(kernel: str, runs: int) -> bool:
    alarms: list[float] = []
    powers: list[float] = []
    for name, scenario in SCENARIOS.items():
        started = time.monotonic()
        judged = [_judge(scenario, KERNELS[kernel], np.random.default_rng([run, 17])) for run in range(runs)]
        share = sum(alarmed for alarmed, _ in judged) / runs
        near = [abs(at - SIDE) <= 1 for alarmed, at in judged if alarmed and at is not None]
        placed = f", {sum(near) / max(len(near), 1):.0%} of them within a slot" if scenario.changes else ""
        print(f"  {kernel:<9} {name}: {share:.1%}{placed} ({time.monotonic() - started:.0f} s)", flush=True)
        (powers if scenario.changes else alarms).append(share)
    met = bool(max(alarms) <= FALSE_ALARMS and min(powers) >= POWER)
    print(
        f"identity, {kernel}: false alarms at most {max(alarms):.1%} (goal {FALSE_ALARMS:.0%}), power at least "
        f"{min(powers):.1%} (goal {POWER:.0%}), {runs} studies of each of {len(SCENARIOS)} kinds: "
        f"{'met' if met else 'MISSED'}"
    )
    return met


def _judge(scenario: Scenario, kernel: Kernel, draw: Draw) -> tuple[bool, int | None]:
    """Whether an LLM of a study is said to have changed, and where the first one is said to have."""
    quiet = Scenario(Model.likeliest)
    kinds = [scenario, *([quiet] if scenario.changes else [scenario]) * (LLMS - 1)]
    changes = [change(similarity(_llm(kind, draw), kernel)) for kind in kinds]
    adjusted = holm([tested.p_value for tested in changes])
    return any(p is not None and p < LEVEL for p in adjusted), changes[0].at


def _llm(scenario: Scenario, draw: Draw) -> list[list[Answer]]:
    """The answers of an LLM: a row for each question, in it one for each slot."""
    whims: list[bool] = (draw.random(2 * SIDE) < 0.2 * scenario.whims).tolist()
    changed = draw.permutation(QUESTIONS) < QUESTIONS * scenario.share
    return [_question(scenario, whims, bool(changed[number]), number % 2 == 1, draw) for number in range(QUESTIONS)]


def _question(scenario: Scenario, whims: Sequence[bool], changed: bool, fails: bool, draw: Draw) -> list[Answer]:
    facts = [_wordings(SENTENCES[place]) for place in draw.choice(len(SENTENCES), 4, replace=False)]
    model, other = Model(facts, draw), Model(facts, draw)
    answers: list[Answer] = []
    for slot, whim in enumerate(whims):
        swapped = changed if scenario.by_question else draw.random() < scenario.share
        speaker = other if whim or (swapped and slot >= SIDE) else model
        missing = scenario.gaps and (draw.random() < 0.05 or (fails and slot >= SIDE))
        answers.append(None if missing else scenario.speaks(speaker, draw))
    return answers


def _wordings(sentence: str) -> list[str]:
    lower = sentence[0].lower() + sentence[1:]
    other = sentence
    for word, instead in WORDS.items():
        other = other.replace(word, instead)
    return [
        f"{sentence}.",
        f"According to the context, {lower}.",
        f"{sentence.rsplit(',', 1)[0]}.",
        f"{other}.",
        f"The context says that {lower}.",
    ]


def _sentences() -> list[str]:
    texts = [file.read_text() for file in sorted((PROJECT / "include" / "knowledge").rglob("*.md"))]
    pieces = [piece.strip() for text in texts for part in text.split("\n\n")[1:] for piece in part.split(". ")]
    return [piece for piece in pieces if len(piece) > 40]


SENTENCES = _sentences()

if __name__ == "__main__":
    sys.exit(main())
