"""Makes the plan of a study: of its file, its prompts, its accounts of limits, and records of its LLMs."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import combinations
from pathlib import Path

import numpy as np

from llm_bench.analysis.noise import are_twins
from llm_bench.analysis.queries.comparisons import MAIN
from llm_bench.analysis.statistics.blocks import days_of
from llm_bench.measure.accounts import known_limits
from llm_bench.measure.limits import Limits, Rates, Tokens
from llm_bench.measure.pacing import CHARACTERS_PER_TOKEN
from llm_bench.planning.asked import Prompted, asking, of_llm, prompted
from llm_bench.planning.failing import Failing, typical
from llm_bench.planning.failing import estimate as fails
from llm_bench.planning.history import Differences, Histories, History, differences, failures
from llm_bench.planning.limits import accounts, batches_a_day, rates_of
from llm_bench.planning.plan import WARM_UP, Duration, OfLLM, Plan
from llm_bench.planning.power import Design
from llm_bench.planning.prospects import (
    ASSUMED,
    ASSUMED_FAILING,
    FIRST,
    Pair,
    Prospect,
    prospect,
    prospect_of_success,
)
from llm_bench.planning.simulation import Ask, Batch, Cell, play
from llm_bench.planning.variance import Parts, estimate
from llm_bench.study import LLM, Study

PLACE_TAKEN_SEC = 3.0
"""From when a cell gets the place of another to its first request: a process starts, and loads the client."""

_MOST_PLAYED = 20_000
"""Requests that are played through at most: of two days, where they are no more."""
_IN_A_ROW = 14
"""Batches that are played through to see whether so many of a period would fit."""
_DAY = timedelta(days=1)
_UNKNOWN = replace(ASSUMED_FAILING, assumed=("isolated failures", "outages"))


def make(study: Study, home: Path, include: Path, now: datetime, pilot: Study | None = None) -> Plan:
    """The plan of a study.

    :param home: the folder of its data.
    :param include: the folder of its questions and documents.
    :param now: aware.
    :param pilot: another study with records of the same LLMs; they count where the study itself has none.
    :raises QuestionSetError: its questions or documents can't be used.
    :raises StorageError: its store can't be read.
    """
    sources = [Histories(study, home)]
    prompts = prompted(study, home, include)
    known = {prompt.prompt_hash: prompt.tokens for prompt in prompts}
    if pilot is not None:
        sources.append(Histories(pilot, home))
        known = {prompt.prompt_hash: prompt.tokens for prompt in prompted(pilot, home, include)} | known
    llms = tuple(of_llm(study, llm, prompts, known, sources) for llm in study.llms)
    due = list(study.window.schedule) if study.window else []
    to_come = [moment for moment in due if moment >= now]
    stated = {llm.account: known_limits(home / "data" / "pacing", llm.account) for llm in study.llms}
    cells = _cells(study, llms, prompts, stated)
    levels = {
        account: {kind: level.limit for kind, level in limits.levels.items()} for account, limits in stated.items()
    }

    def played(moments: Sequence[float]) -> list[Batch]:
        return play(moments, cells, study.concurrency, levels)

    moments = _two_days(to_come or due, cells)
    batches = played(moments or [0.0])
    pairs, basis = _pairs(study, sources)
    return Plan(
        study=study.name,
        now=now,
        batches=len(due),
        to_come=len(to_come),
        a_day=batches_a_day(study),
        llms=llms,
        accounts=accounts(study, llms, stated, batches, whole_days=len(moments) == _in_two_days(to_come or due)),
        duration=_duration(study, batches, played),
        prospects=_prospects(pairs, due, len(prompts)) if due else (),
        prospects_basis=basis,
    )


def _in_two_days(due: Sequence[datetime]) -> int:
    return sum(moment < due[0] + 2 * _DAY for moment in due)


def _two_days(due: Sequence[datetime], cells: Sequence[Cell]) -> list[float]:
    """The slots of two days, in seconds: as many as can be played through in seconds, at least two."""
    bound = max(2, _MOST_PLAYED // max(1, sum(len(cell.asks) for cell in cells)))
    return [moment.timestamp() for moment in due[: min(bound, _in_two_days(due))]]


def _cells(
    study: Study, llms: Sequence[OfLLM], prompts: Sequence[Prompted], stated: Mapping[str, Limits]
) -> list[Cell]:
    """The cells in the order in which Airflow starts them."""
    settings, by_name = asking(study), {llm.name: llm for llm in llms}
    started: Counter[str] = Counter()
    cells = []
    for entry, industry in study.cells:
        llm, pool = by_name[entry.name], study.pool(entry.provider)
        asked = [prompt for prompt in prompts if prompt.industry == industry]
        most, answer = llm.request.most_tokens, round(llm.request.answer_tokens * llm.request.answered)
        asks = [
            Ask(
                Tokens(prompt.characters // CHARACTERS_PER_TOKEN, most),
                Tokens(round(prompt.tokens * llm.tokens_scale + settings.more_tokens), answer),
            )
            for prompt in asked
            for _ in range(settings.times)
        ]
        entries = [other for other in study.llms if other.account == entry.account]
        # The tokens a minute that a provider states are counted by its own refill, not as the study's are.
        limits = {
            limit.name: limit.amount
            for limit in rates_of(entries, stated[entry.account])
            if not (limit.provider and limit.name == "tokens_per_minute")
        }
        start = llm.start_sec if started[pool] < study.concurrency else PLACE_TAKEN_SEC
        started[pool] += 1
        cells.append(
            Cell(
                entry.name,
                entry.account,
                pool,
                Rates(**limits),
                [*[Ask(Tokens(WARM_UP.prompt, most), WARM_UP)] * settings.warm_up, *asks],
                llm.busy_sec,
                start,
            )
        )
    return cells


def _duration(study: Study, batches: Sequence[Batch], played: Callable[[Sequence[float]], list[Batch]]) -> Duration:
    took = sorted(batch.took_sec for batch in batches)
    done, window = max(batch.done_sec for batch in batches), study.window
    if window is None or len(window.schedule) < 2:
        return Duration(took[len(took) // 2], took[-1], done, None)
    period = window.period.total_seconds()
    duration = Duration(took[len(took) // 2], took[-1], done, period / window.batches_per_period)
    if duration.fits:
        return duration

    def outlasts(many: int) -> bool:
        spacing = period / many
        return max(batch.done_sec for batch in played([spacing * n for n in range(min(many, _IN_A_ROW))])) > spacing

    fitting = bisect_left(range(1, window.batches_per_period), True, key=outlasts)
    return replace(duration, fitting=fitting)


Pairs = tuple[dict[str, list[Pair]], list[Failing]]
"""Each pair of LLMs in each metric of means, and how their requests fail."""


def _pairs(study: Study, sources: Sequence[Histories]) -> tuple[Pairs, str]:
    """Each pair of the LLMs, and what they rest on."""
    pairs: dict[str, list[Pair]] = {metric: [] for metric in ASSUMED}
    failing: list[Failing] = []
    bases: Counter[str] = Counter()
    for first, second in combinations(study.llms, 2):
        if are_twins(study.twins, first.name, second.name):
            continue  # they are no two LLMs that may differ, and the report corrects them apart
        histories = _both(first, second, sources)
        bases[_basis(histories[0]) if histories else "assumptions"] += 1
        for metric, stated in ASSUMED.items():
            pairs[metric].append(Pair(first.name, second.name, _parts(metric, histories, stated)))
        failing.append(
            typical([fails(*failures(history), ASSUMED_FAILING) for history in histories or ()] or [_UNKNOWN])
        )
    if len(bases) == 1:
        return (pairs, failing), next(iter(bases))
    return (pairs, failing), ", ".join(f"{basis} ({count} pairs)" for basis, count in bases.items())


def _basis(history: History) -> str:
    return f"{history.study}'s records (slots: {history.count('slot')}, days: {history.count('day')})"


def _both(first: LLM, second: LLM, sources: Sequence[Histories]) -> tuple[History, History] | None:
    """Records of both from the same study, which has them in the same slots."""
    for source in sources:
        histories = source.of(first), source.of(second)
        if histories[0] is not None and histories[1] is not None and histories[0] is not histories[1]:
            return histories[0], histories[1]
    return None


def _parts(metric: str, histories: tuple[History, History] | None, stated: Parts) -> Parts:
    if histories is None:
        return replace(stated, assumed=("question", "day", "slot", "rest"))
    both: Differences = differences(*histories, metric)
    return estimate(both.differences, both.questions, both.slots, both.days, stated)


def _prospects(known: Pairs, due: Sequence[datetime], questions: int) -> tuple[Prospect, ...]:
    """What can be shown: the first metric's pairs are the primary comparisons, all others are corrected over all."""
    pairs, failing = known
    if not failing:
        return ()
    days = len(np.unique(days_of([moment.timestamp() for moment in due])))
    design = Design(days, round(len(due) / days), questions)
    every = len(failing) * (len(MAIN) + 1)  # in each metric, and in success
    means = [prospect(name, of, design, every if name != FIRST else len(of)) for name, of in pairs.items()]
    return (*means, prospect_of_success(failing, design, every))
