"""How often intervals hold the truth, and tests see a difference where there is none, in made-up studies.

Each study has two LLMs that are alike (`inference_studies`). The functions are those of the product, in
`llm_bench.analysis.statistics`: by days and questions, and for success by slots in their order, as reports have it
(`scopes`, `success`). Beside them stand intervals that take each slot as a cluster of its own, and those of guidellm
and inspect_ai.

Goals, where a method says something: an interval of 95 % holds the truth in at least 93 % of the studies, and a test
finds a difference in at most 6 %; both are held against what chance allows with so many studies (two standard errors).
Where a method says "can't tell" it is counted. `--write` puts the tables into docs/statistics.md.
"""

from __future__ import annotations

import argparse
import math
import re
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import inference_course
from by_slots import mean, paired, quantile, success_rate
from inference_length import Lengthy, at_equal_length, lengthy
from inference_studies import (
    BASE,
    FAILURES,
    FASTER,
    PER_DAY,
    QUESTIONS,
    SCALE,
    WORSE,
    Floats,
    Kind,
    Study,
    Truth,
    drawn,
    kinds,
)
from llm_bench.analysis.statistics import Interval
from llm_bench.analysis.statistics.blocks import days_last
from llm_bench.analysis.statistics.scopes import Conclusion, Grid, Scope, mean_of, quantile_of, ratio_of, share_won
from llm_bench.analysis.statistics.success import rate, rate_difference

PAGE = Path(__file__).resolve().parents[1] / "docs" / "statistics.md"
BEGIN, END = "<!-- tables of make bench-inference -->", "<!-- end of the tables -->"
RUNS = 500
HOLDS, ALARMS, LEVEL = 0.93, 0.06, 0.05
THESE: Scope = "these questions"
LIKE: Scope = "questions like these"
SCOPES = (THESE, LIKE)
NORMAL = 1.959964
SEEN, ANY = "failures like those seen", "any failures"
SIGNS = "by runs of slots"
GOALS = (THESE, LIKE, SEEN, SIGNS)
"""Columns whose numbers have goals: those of the methods that were chosen."""
WIDTHS = (
    ("median", f"by slots, {THESE}", THESE),
    ("median", f"by slots, {LIKE}", LIKE),
    ("score", "by slots", LIKE),
    ("difference of scores", "by slots", LIKE),
    ("rate of success", f"by slots, {ANY}", SEEN),
)
"""Tables, and their columns that are compared in width: the second against the first."""
NOT_MET = inference_course.NOT_MET
"""(table, kind) where the method says beforehand that it can't hold."""


@dataclass(slots=True)
class Tally:
    """What became of one number in all studies of a kind.

    :param hits: whether the interval held the truth, or the test stayed silent; None: it says that it can't tell.
    :param open: intervals whose high end is open.
    :param widths: of the intervals.
    """

    hits: list[bool | None] = field(default_factory=list)
    open: int = 0
    widths: list[float] = field(default_factory=list)

    def add(self, interval: Interval, truth: float) -> None:
        if interval.low is None or interval.high is None:
            self.hits.append(None)
            return
        slack = 1e-9 * max(1.0, abs(truth) if math.isfinite(truth) else 1.0)
        self.hits.append(interval.low - slack <= truth <= interval.high + slack)
        self.open += math.isinf(interval.high) or math.isinf(interval.low)
        self.widths.append(interval.high - interval.low)

    @property
    def said(self) -> list[bool]:
        return [hit for hit in self.hits if hit is not None]

    @property
    def share(self) -> float | None:
        """Of the studies in which something is said; None where that is in less than a twentieth."""
        return sum(self.said) / len(self.said) if len(self.said) >= len(self.hits) / 20 and self.said else None

    @property
    def silent(self) -> float:
        return 1 - len(self.said) / len(self.hits)


Tallies = dict[tuple[str, str], Tally]
"""(table, column) → tally."""


def main() -> int:
    """Simulates every kind, prints the tables; 0 where the goals are met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=RUNS, help="studies of each kind")
    parser.add_argument("--kind", default="", help="only kinds whose name has this (a regular expression)")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/statistics.md")
    options = parser.parse_args()
    tables: dict[str, dict[str, Tallies]] = defaultdict(dict)
    every: list[tuple[Mapping[str, Any], Callable[[Any, int], Tallies]]] = [
        (kinds(), _times),
        (FASTER, _found),
        (FAILURES, _failures),
        (WORSE, _found_failing),
        (lengthy(), _lengths),
    ]
    chosen = [
        (measure, name, kind)
        for named, measure in every
        for name, kind in named.items()
        if re.search(options.kind, name)
    ]
    started = time.monotonic()
    with ProcessPoolExecutor() as pool:
        waiting = [(name, pool.submit(measure, kind, options.runs)) for measure, name, kind in chosen]
        for name, measured in waiting:
            tallies = measured.result()
            for table in dict.fromkeys(table for table, _ in tallies):
                tables[table][name] = {key: tally for key, tally in tallies.items() if key[0] == table}
            print(f"  {name}: {options.runs} studies, {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
    for name, tallies in inference_course.course_tables(options.runs, Tally, options.kind or ""):
        for table in dict.fromkeys(table for table, _ in tallies):
            tables[table][name] = {key: tally for key, tally in tallies.items() if key[0] == table}
    text = "\n\n".join([*(_table(table, rows) for table, rows in tables.items()), _widths(tables)])
    print(text)
    if options.write:
        before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
        PAGE.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{rest.partition(END)[2]}", encoding="utf-8")
    missed = [*_missed(tables)]
    print(f"inference: {options.runs} studies of each kind: " + (f"MISSED: {'; '.join(missed)}" if missed else "met"))
    return 1 if missed else 0


def _times(kind: Kind, runs: int) -> Tallies:
    """Times and scores of a kind."""
    truth = Truth(kind)
    tallies: Tallies = defaultdict(Tally)
    slot, question = (codes.ravel() for codes in np.indices((kind.slots, QUESTIONS)))
    day = slot // PER_DAY
    timed = kind.request > 0
    for study in drawn(kind, runs):
        if timed:
            _one_llm(kind, study, truth, tallies, (slot, day, question))
        if not kind.spikes:  # a score has no such tail
            _scores(study, tallies, (slot, day, question), carried=_carried(kind, study))
        if timed:
            _pairs(study, tallies, (slot, day, question), carried=_carried(kind, study))
    return dict(tallies)


Places = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Slot, day and question of each request."""
UNTOLD = Interval(None, None, None, 0, 0)


def _carried(kind: Kind, study: Study) -> bool:
    """Whether the product would say that days aren't clusters, of either LLM."""
    slots = np.arange(kind.slots)
    moments = slots + (PER_DAY * (slots // PER_DAY) if kind.night else 0)
    return any(days_last(np.median(levels, axis=1), moments, slots // PER_DAY) for levels in study.levels)


def _one_llm(kind: Kind, study: Study, truth: Truth, tallies: Tallies, places: Places) -> None:
    slot, day, question = places
    asked = np.where(study.failed[0], np.inf, np.exp(study.levels[0])).ravel()
    answered = np.where(np.isinf(asked), np.nan, asked)
    grid, kept = Grid.of(asked, day, question), Grid.of(answered, day, question)
    carried = _carried(kind, study)
    for name, q in (("median", 0.5), ("0.95-quantile", 0.95)):
        true = {THESE: truth.quantile_of(study.questions[0], q), LIKE: truth.quantile(q)}
        by_slot = quantile(answered, slot, q)
        for scope in SCOPES:
            tallies[name, f"by slots, {scope}"].add(by_slot, true[scope])
        for scope in SCOPES:
            tallies[name, scope].add(_said(quantile_of(grid, q, scope), carried), true[scope])
    true = {THESE: truth.mean_of(study.questions[0]), LIKE: truth.mean}
    known = answered[~np.isnan(answered)]
    for scope in SCOPES:
        tallies["mean", f"by slots, {scope}"].add(mean(answered, slot), true[scope])
        tallies["mean", f"guidellm, {scope}"].add(_guidellm(known), true[scope])
    for scope in SCOPES:
        tallies["mean", scope].add(_said(mean_of(kept, scope), carried), true[scope])


def _scores(study: Study, tallies: Tallies, places: Places, *, carried: bool) -> None:
    """A score of each LLM and their difference, of questions like these."""
    slot, day, question = places
    asked = ~np.isnan(study.levels[0]).ravel()
    slot, day, question = slot[asked], day[asked], question[asked]
    first, second = (BASE + SCALE * levels.ravel()[asked] for levels in study.levels)
    tallies["score", "by slots"].add(mean(first, slot), BASE)
    tallies["score", "inspect_ai"].add(_inspect(first), BASE)
    tallies["score", "inspect_ai, by question"].add(_inspect(first, question), BASE)
    of_score, of_both = Grid.of(first, day, question), Grid.of(first - second, day, question)
    tallies["score", LIKE].add(_said(mean_of(of_score, LIKE), carried), BASE)
    today, now = paired(first - second, slot), mean_of(of_both, LIKE)
    name = "difference of scores"
    tallies[name, "by slots"].add(today.difference, 0.0)
    tallies[name, LIKE].add(_said(now, carried), 0.0)
    tallies[name, "by slots: false alarms"].hits.append(_silent(today.p_value))
    tallies[name, f"{LIKE}: false alarms"].hits.append(None if carried else _silent(now.p_value))


def _pairs(study: Study, tallies: Tallies, places: Places, *, carried: bool) -> None:
    slot, day, question = places
    first, second = (
        np.where(failed, np.inf, np.exp(levels)).ravel()
        for failed, levels in zip(study.failed, study.levels, strict=True)
    )
    both = np.isfinite(first) & np.isfinite(second)
    today = paired(np.where(both, first, np.nan) - np.where(both, second, np.nan), slot)
    name = "times of two LLMs"
    tallies[name, "by slots: false alarms"].hits.append(_silent(today.p_value))
    these = float(np.exp(np.subtract(*study.questions).mean()))
    for scope, true in ((THESE, these), (LIKE, 1.0)):
        ratio = ratio_of(first, second, day, question, scope)
        tallies[name, f"ratio, {scope}"].add(_said(ratio, carried), true)
    tallies[name, f"ratio, {LIKE}: false alarms"].hits.append(None if carried else _silent(ratio.p_value))
    won = share_won(first, second, day, question, LIKE)
    tallies[name, f"share won, {LIKE}: false alarms"].hits.append(None if carried else _silent(won.p_value))


def _found(kind: Kind, runs: int) -> Tallies:
    """How often it is found that one LLM takes 1.1 times as long."""
    tallies: Tallies = defaultdict(Tally)
    slot, question = (codes.ravel() for codes in np.indices((kind.slots, QUESTIONS)))
    day, name = slot // PER_DAY, "found: 1.1 times as long"
    for study in drawn(kind, runs):
        first, second = np.exp(study.levels).reshape(2, -1)
        carried = _carried(kind, study)
        tallies[name, "by slots"].hits.append(not _silent(paired(first - second, slot).p_value))
        for scope in SCOPES:
            p_value = ratio_of(first, second, day, question, scope).p_value
            tallies[name, f"ratio: {scope}"].hits.append(None if carried else not _silent(p_value))
        p_value = share_won(first, second, day, question, LIKE).p_value
        tallies[name, f"share won: {LIKE}"].hits.append(None if carried else not _silent(p_value))
    return dict(tallies)


def _failures(kind: Kind, runs: int) -> Tallies:
    """Rates of success: of any failures that there are, and of such as a study saw."""
    tallies: Tallies = defaultdict(Tally)
    asked = np.full(kind.slots, QUESTIONS)
    any_failures, alone = kind.succeeds, kind.succeeds_alone
    for study in drawn(kind, runs):
        first, second = (~study.failed).sum(axis=2)
        name = "rate of success"
        tallies[name, f"by slots, {ANY}"].add(success_rate(first.tolist(), asked.tolist()), any_failures)
        tallies[name, f"inspect_ai, {ANY}"].add(_inspect((~study.failed[0]).astype(float).ravel()), any_failures)
        interval = rate(first, asked).interval
        tallies[name, ANY].add(interval, any_failures)
        if not kind.waves:  # how high a wave can come isn't among what was seen
            tallies[name, SEEN].add(interval, any_failures if study.down[0].any() else alone)
        difference, name = rate_difference(first, second, asked), "difference of rates"
        tallies[name, SIGNS].add(difference.interval, 0.0)
        tallies[name, f"{SIGNS}: false alarms"].hits.append(_silent(difference.p_value))
    return dict(tallies)


def _found_failing(kind: Kind, runs: int) -> Tallies:
    """How often it is found that more of one LLM's requests fail."""
    tallies: Tallies = defaultdict(Tally)
    asked, name = np.full(kind.slots, QUESTIONS), "found: more requests fail"
    for study in drawn(kind, runs):
        first, second = (~study.failed).sum(axis=2)
        tallies[name, SIGNS].hits.append(not _silent(rate_difference(first, second, asked).p_value))
    return dict(tallies)


def _lengths(kind: Lengthy, runs: int) -> Tallies:
    tallies: Tallies = defaultdict(Tally)
    at_equal_length(kind, runs, tallies, _carried)
    return dict(tallies)


def _said(conclusion: Conclusion, carried: bool) -> Interval:
    return UNTOLD if carried else conclusion.interval


def _silent(p: float | None) -> bool:
    return p is None or p > LEVEL


def _guidellm(values: Floats) -> Interval:
    """What a reader makes of guidellm's mean, std_dev (of all values) and count; it prints no interval itself."""
    return _normal(float(values.mean()), float(values.std() / np.sqrt(values.size)))


def _inspect(scores: Floats, cluster: np.ndarray | None = None) -> Interval:
    """The mean ∓ 1.96 of inspect_ai's stderr(), or of its stderr(cluster=…)."""
    middle, n = float(scores.mean()), scores.size
    if cluster is None:
        return _normal(middle, float(scores.std(ddof=1) / np.sqrt(n)))
    sums = np.bincount(cluster, scores - middle)
    return _normal(middle, float(np.sqrt(sums @ sums * sums.size / (sums.size - 1)) / n))


def _normal(middle: float, error: float) -> Interval:
    return Interval(middle, middle - NORMAL * error, middle + NORMAL * error, 0, 0)


def _table(table: str, rows: Mapping[str, Tallies]) -> str:
    columns = list(dict.fromkeys(column for tallies in rows.values() for _, column in tallies))
    lines = [f"| {table} | {' | '.join(columns)} |", "| --- |" + " --- |" * len(columns)]
    for name, tallies in rows.items():
        cells = [_cell(column, tallies[table, column]) if (table, column) in tallies else "–" for column in columns]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _widths(tables: Mapping[str, Mapping[str, Tallies]]) -> str:
    """How many times as wide as those by slots the intervals are, at the median."""
    lines = []
    for name in dict.fromkeys(name for rows in tables.values() for name in rows):
        cells = []
        for table, by_slots, column in WIDTHS:
            tallies = tables.get(table, {}).get(name, {})
            before, now = (tallies.get((table, key), Tally()).widths for key in (by_slots, column))
            narrow = float(np.median(before)) if before and now else 0.0
            cells.append(f"{np.median(now) / narrow:.1f}" if narrow > 1e-9 else "–")
        if set(cells) != {"–"}:
            lines.append(f"| {name} | {' | '.join(cells)} |")
    head = " | ".join(f"{table}, {column}" for table, _, column in WIDTHS)
    return "\n".join([f"| times as wide as by slots | {head} |", "| --- |" + " --- |" * len(WIDTHS), *lines])


def _cell(column: str, tally: Tally) -> str:
    if tally.share is None:
        return "can't tell"
    share = 1 - tally.share if column.endswith("alarms") else tally.share
    notes = [f"{tally.silent:.0%} can't tell"] if tally.silent else []
    notes += [f"{tally.open / len(tally.said):.0%} open"] if tally.open else []
    return f"{share:.1%}" + (f" ({', '.join(notes)})" if notes else "")


def _missed(tables: Mapping[str, Mapping[str, Tallies]]) -> Iterator[str]:
    for table, rows in tables.items():
        for name, tallies in rows.items():
            for (_, column), tally in tallies.items():
                if not _good(table, column, tally):
                    yield f"{table}, {name}, {column}: {_cell(column, tally)}"


def _good(table: str, column: str, tally: Tally) -> bool:
    if table.startswith("found"):
        return True
    of = column.removesuffix(": false alarms").removeprefix("ratio, ").removeprefix("share won, ")
    if of not in GOALS or tally.share is None:
        return True
    goal = 1 - ALARMS if column.endswith("alarms") else HOLDS
    return tally.share >= goal - 2 * math.sqrt(goal * (1 - goal) / len(tally.said))


if __name__ == "__main__":
    sys.exit(main())
