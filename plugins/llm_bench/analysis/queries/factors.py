"""Whether it matters who answered behind a gateway, or where it was asked from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from llm_bench.analysis import statistics
from llm_bench.analysis.cache import Records
from llm_bench.analysis.metrics import METRICS
from llm_bench.analysis.queries import strata
from llm_bench.analysis.queries.groups import Groups
from llm_bench.analysis.queries.numbers import Scan
from llm_bench.analysis.statistics import Interval
from llm_bench.analysis.statistics.success import rate
from llm_bench.analysis.view import View
from llm_bench.records import UNNAMED

Factor = Literal["upstream", "client"]
LATENCY, TTFT = METRICS["latency_sec"], METRICS["ttft_sec"]


@dataclass(frozen=True, slots=True)
class Level:
    """One LLM's records with one upstream, or from one client.

    :param level: the upstream or client; ``UNNAMED`` where records name none.
    :param share: of the LLM's records.
    :param latency: median; None without a value.
    :param ttft: median; None without a value.
    """

    llm: str
    level: str
    records: int
    share: Interval
    success: Interval
    latency: Interval | None
    ttft: Interval | None


@dataclass(frozen=True, slots=True)
class LevelTest:
    """Whether one LLM's latency differs by level (see ``statistics.differs``).

    :param levels: that are named, fewest requests last.
    :param slots: in which at least two of them can be compared, or runs of slots.
    :param p: Holm-corrected over the LLMs; None where nothing can be compared.
    """

    llm: str
    levels: Sequence[str]
    slots: int
    p: float | None


@dataclass(frozen=True, slots=True)
class ByLevel:
    """The LLMs by upstream or client: by LLM, then as the records are many."""

    factor: Factor
    levels: Sequence[Level]
    tests: Sequence[LevelTest]
    approximate: bool


def by_level(records: Records, view: View, factor: Factor) -> ByLevel | None:
    """The LLMs that name upstreams by these, or all of them by client; None where there is nothing to tell apart."""
    names = strata.upstreams(records) if factor == "upstream" else strata.clients(records)
    if set(names) <= {UNNAMED}:
        return None
    scan = Scan.of(records, view, [LATENCY, TTFT])
    key = scan.key(len(scan.llms) * len(names), len(names))._replace(added={f"{factor}_no": np.arange(len(names))})
    counts = scan.counts("records", key)
    chosen = _chosen(counts.sum(axis=1).reshape(len(scan.llms), len(names)), names, factor)
    if not any(chosen):
        return None
    succeeded = scan.counts("succeeded", key)
    groups = scan.groups(LATENCY, key, clusters=True)
    numbers, there = scan.numbered(f"{factor}_no"), {number for of_llm in chosen for number in of_llm}
    medians = {
        number: [scan.estimated(metric, where=numbers == number) for metric in (LATENCY, TTFT)] for number in there
    }

    def level(llm: int, number: int) -> Level:
        group = llm * len(names) + number
        asked = counts[group]
        of = counts[llm * len(names) : (llm + 1) * len(names)].sum(axis=0)
        latency, ttft = (of_llms[llm][0].like for of_llms in medians[number])
        return Level(
            llm=scan.llms[llm],
            level=names[number],
            records=int(asked.sum()),
            share=rate(asked, of).interval,
            success=rate(succeeded[group], asked).interval,
            latency=latency,
            ttft=ttft,
        )

    def test(llm: int, numbers: Sequence[int]) -> LevelTest:
        named = [number for number in numbers if factor == "client" or names[number] != UNNAMED]
        result = _test(groups, [llm * len(names) + number for number in named])
        return LevelTest(scan.llms[llm], [names[number] for number in named], result.slots, result.p_value)

    tests = [test(llm, numbers) for llm, numbers in enumerate(chosen) if numbers]
    adjusted = statistics.holm([of_llm.p for of_llm in tests])
    return ByLevel(
        factor=factor,
        levels=[level(llm, number) for llm, numbers in enumerate(chosen) for number in numbers],
        tests=[replace(of_llm, p=p) for of_llm, p in zip(tests, adjusted, strict=True)],
        approximate=scan.approximate,
    )


def _chosen(counts: statistics.Codes, names: Sequence[str], factor: Factor) -> list[list[int]]:
    """The levels of each LLM that has any to be told apart, most records first."""
    chosen = []
    for row in counts:
        there = [int(number) for number in np.argsort(-row, kind="stable") if row[number]]
        named = [number for number in there if names[number] != UNNAMED]
        chosen.append(there if named or factor == "client" else [])
    several = {number for numbers in chosen for number in numbers}
    return chosen if factor == "upstream" or len(several) > 1 else [[] for _ in chosen]


def _test(groups: Groups, numbers: Sequence[int]) -> statistics.Differs:
    """Whether groups of one LLM differ."""
    values, slots, weights, levels = [], [], [], []
    for number in numbers:
        if groups.counted is not None and groups.middles is not None:
            bucket, place = np.nonzero(groups.counted[number])
            values.append(groups.middles[place])
            slots.append(bucket)
            weights.append(groups.counted[number][bucket, place])
        else:
            part = groups.of(number)
            assert groups.clusters is not None  # noqa: S101  (asked for)
            values.append(groups.values[part])
            slots.append(groups.clusters[part])
            weights.append(groups.weights[part])
        levels.append(np.full(values[-1].size, number))
    if not values:
        return statistics.Differs(None, 0)
    return statistics.differs(*(np.concatenate(parts) for parts in (values, slots, levels, weights)))
