"""How well the scores agree with people, as it was measured on public sets: read from ``scoring/agreement.json``.

``make bench-judged`` writes the file, for one version of the scoring and one model.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

from llm_bench import scoring
from llm_bench.analysis import format as text

_SAID = {
    "groundedness": "groundedness tells answers that their context supports from others with an AUROC of {}",
    "coverage_score": "coverage orders answers by their completeness with a Spearman's ρ of {}",
}


class Scorer(NamedTuple):
    """What scored answers.

    :param version: of the scoring; None in a record that is older than the field.
    """

    version: int | None
    model: str

    def __str__(self) -> str:
        return f"{'an unknown version' if self.version is None else f'version {self.version}'} with {self.model}"


@dataclass(frozen=True, slots=True)
class Judged:
    """How a score does on a public set of answers that people judged.

    :param measure: "AUROC" or "ρ".
    :param metric: the record's field.
    :param low: the end of the interval of 95 %, as ``high`` is.
    :param n: judged answers, or pairs of them.
    :param best_baseline: the simple way of scoring that does best on the set.
    """

    name: str
    measure: str
    metric: str
    value: float
    low: float
    high: float
    n: int
    best_baseline: str
    best_baseline_value: float


def _compared(judged: Judged) -> tuple[float, float]:
    return judged.value, judged.best_baseline_value


@dataclass(frozen=True, slots=True)
class Agreement:
    """What the file says: who scored, and how well on each set."""

    scorer: Scorer
    sets: Sequence[Judged]

    @property
    def in_words(self) -> str:
        """One sentence: the mean of each score over its sets, beside the best simple ways'."""
        parts = []
        for metric, said in _SAID.items():
            sets = [judged for judged in self.sets if judged.metric == metric]
            if not sets:
                continue
            ours, best = (f"{fmean(values):.2f}" for values in zip(*map(_compared, sets), strict=True))
            ways = f"way of each set has {best} (means of {len(sets)} sets)" if len(sets) > 1 else f"way has {best}"
            parts.append(f"{said.format(ours)}, where the best simple {ways}")
        return f"On answers that other people judged, {'; '.join(parts)}."

    def measured_for(self, scorers: Sequence[Scorer]) -> str:
        """Whose agreement it is, and whether that scored some records, too.

        :param scorers: of the records.
        """
        others = [str(scorer) for scorer in scorers if scorer != self.scorer]
        if not others:
            return f"Measured for {self.scorer}."
        which = "these records are" if len(others) == len(scorers) else "some of these records are"
        return f"Measured for {self.scorer}; {which} of {text.listed(others)}, which may agree more or less."


@cache
def agreement() -> Agreement:
    """The agreement that was measured for this release."""
    return read_agreement(Path(scoring.__file__).with_name("agreement.json"))


def read_agreement(path: Path) -> Agreement:
    """The agreement that a file has."""
    held = json.loads(path.read_text(encoding="utf-8"))
    scorer = Scorer(held["scoring_version"], held["embedding_model"])
    return Agreement(scorer, tuple(Judged(**judged) for judged in held["sets"]))
