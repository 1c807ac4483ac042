"""What the dashboard's pages cost: their queries together, their weight, and a refresh, for three sizes of a study.

Goals: every page's queries together, warm, take at most 200 ms for 4,480 records, 1 s for a million and 3 s for ten
million; those of the page Identity, which is a test of some thousand orders and is counted apart, at most 1, 3 and 6 s;
no page weighs over 1.5 MB, the dashboard's own style and script included, the chart library not; and a refresh
after one new batch reads one object.

Warm: the local copy is filled, and what it reads is in memory. No two rounds ask for the same view, so that nothing
kept of one can serve another; the pages of a round have one view, as those that a person goes through, so that what
several of them rest on is made once. Queries: all that a page does in ``analysis.queries`` or asks the copy itself for;
the whole page, drawn and rendered, is shown beside it. Records are made up, with an answer of 120 characters and 8
events.
"""

from __future__ import annotations

import argparse
import functools
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any
from unittest.mock import patch

from llm_bench.analysis import cache, queries
from llm_bench.analysis.cache import Cache, Records
from llm_bench.analysis.view import View
from llm_bench.records import utc_text
from llm_bench.store.base import Store, open_store
from llm_bench.store.names import slot_in
from llm_bench.store.snapshot import read_object
from llm_bench.study import Study
from madeup import fill, make_study

PROJECT = Path(__file__).resolve().parents[1]
GOALS = {"thesis": 0.2, "million": 1.0, "ten million": 3.0}
"""Seconds."""
IDENTITY_GOALS = {"thesis": 1.0, "million": 3.0, "ten million": 6.0}
"""Seconds, of the page Identity alone."""
SHAPES = {"thesis": (4, 2, 10, 56), "million": (4, 5, 25, 2000), "ten million": (20, 5, 50, 2000)}
"""LLMs, industries, questions in each, slots."""
HEAVIEST = 1.5e6
"""Bytes."""
ROUNDS = 3
TOGETHER = ("overview", "latency", "throughput", "success", "coverage", "declining", "compare", "records")
PAGES = (*TOGETHER, "identity")


def main() -> int:
    """Measures each size; 0 where every goal is met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=SHAPES, action="append", help="this size; may be given again")
    parser.add_argument("--folder", type=Path, help="keep the studies and copies here, to measure them again")
    options = parser.parse_args()
    met = True
    outcomes = []
    watch = Stopwatch()
    watch.attach()
    with tempfile.TemporaryDirectory() as scratch:
        for name in options.only or SHAPES:
            measured = measure(name, (options.folder or Path(scratch)) / name.replace(" ", "-"), watch)
            quick = measured.queries <= GOALS[name] and measured.identity <= IDENTITY_GOALS[name]
            good = quick and measured.weight <= HEAVIEST and measured.objects == 1
            outcomes.append(
                f"{measured.records:,} records {measured.queries * 1000:.0f} ms (goal {GOALS[name] * 1000:.0f}), "
                f"identity {measured.identity * 1000:.0f} ms (goal {IDENTITY_GOALS[name] * 1000:.0f}), "
                f"{measured.weight / 1e6:.2f} MB (goal 1.5), {measured.objects} object read (goal 1)"
            )
            met &= good
    print(f"analysis: {'; '.join(outcomes)}: {'met' if met else 'MISSED'}")
    return 0 if met else 1


@dataclass(frozen=True, slots=True)
class Measured:
    """The numbers of a study of one size.

    :param queries: of all pages but Identity together, seconds; the median of the rounds.
    :param identity: of the page Identity, likewise.
    :param weight: of the heaviest page, bytes.
    :param objects: that a refresh after one new batch read.
    """

    records: int
    queries: float
    identity: float
    weight: int
    objects: int


def measure(name: str, home: Path, watch: Stopwatch) -> Measured:
    """Fills a study of this size, and asks for its pages."""
    os.environ |= {"LLM_BENCH_HOME": str(home), "AIRFLOW_HOME": str(home / "airflow")}

    study = make_study(home, *SHAPES[name])
    store = open_store(study.storage, home)
    assert study.window is not None
    slots = list(study.window.schedule)
    started = time.monotonic()
    fill(store, study, slots[:-1])
    made = time.monotonic() - started
    copy = Cache(home, fresh_sec=3600)
    started = time.monotonic()
    records = copy.records(study)
    copied = time.monotonic() - started
    count = records.rows("SELECT count(*) AS n FROM records")[0]["n"]
    print(f"{name}: {count:,} records; made in {made:.0f} s, copied in {copied:.1f} s", flush=True)
    rounds = [ask_all(study, copy, view, watch) for view in views(slots)]
    asked = {page: median(times[page].queries for times in rounds[1:]) for page in PAGES}
    for page in PAGES:
        whole = median(times[page].whole for times in rounds[1:])
        weight = max(times[page].weight for times in rounds)
        print(
            f"  {page:<11} queries {asked[page] * 1000:6.0f} ms, whole {whole * 1000:6.0f} ms, {weight / 1e3:5.0f} kB"
        )
    together = [sum(times[page].queries for page in TOGETHER) for times in rounds[1:]]
    cpu = median(sum(times[page].cpu for page in TOGETHER) for times in rounds[1:])
    print(
        f"  together    queries {', '.join(f'{took * 1000:.0f}' for took in together)} ms; {cpu * 1000:.0f} ms of CPU"
    )
    return Measured(
        records=count,
        queries=median(together),
        identity=asked["identity"],
        weight=max(times[page].weight for times in rounds for page in PAGES) + own_assets(),
        objects=refresh(home, store, study, slots[-1]),
    )


def views(slots: Sequence[datetime]) -> Iterator[View]:
    """As many views as there are rounds and one to warm up, no two alike and each of nearly all records."""
    yield View()
    for number in range(ROUNDS):
        yield View(start=slots[0] - timedelta(days=number + 1), suspect="exclude" if number % 2 == 0 else "include")


@dataclass(frozen=True, slots=True)
class Asked:
    """What a page cost, in seconds and bytes."""

    queries: float
    cpu: float
    whole: float
    weight: int


def ask_all(study: Study, copy: Cache, view: View, watch: Stopwatch) -> dict[str, Asked]:
    """Every page of a view."""
    # Airflow, which they import, looks at the environment once.
    from llm_bench.dashboard import compare, declining, identity, metric, overview, success  # noqa: PLC0415
    from llm_bench.dashboard import records as records_page  # noqa: PLC0415
    from llm_bench.dashboard.context import Look  # noqa: PLC0415

    pages: dict[str, Callable[[Look], Any]] = {
        "overview": overview.page,
        "success": success.page,
        "declining": declining.page,
        "compare": compare.page,
        "identity": identity.page,
        "records": records_page.page,
        **{name: functools.partial(metric.page, name=name) for name in ("latency", "throughput", "coverage")},
    }
    asked = {}
    for name in PAGES:
        records = copy.records(study)  # as for every request
        watch.took = watch.cpu = 0.0
        started = time.perf_counter()
        look = Look(
            root="/llm-bench",
            query=view.to_query(),
            study=study,
            view=view,
            records=records,
            choices=queries.choices(records),
        )
        body = pages[name](look).body
        asked[name] = Asked(watch.took, watch.cpu, time.perf_counter() - started, len(body))
    return asked


@dataclass
class Stopwatch:
    """How long was spent in the functions it is attached to, those within others counted once."""

    took: float = 0.0
    cpu: float = 0.0
    _running: bool = False

    def attach(self) -> None:

        for name in queries.__all__:
            if name.islower():
                setattr(queries, name, self._timed(getattr(queries, name)))
        for name in ("query", "rows"):
            setattr(Records, name, self._timed(getattr(Records, name)))

    def _timed(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def timed(*arguments: Any, **options: Any) -> Any:
            if self._running:
                return function(*arguments, **options)
            self._running, started, used = True, time.perf_counter(), time.process_time()
            try:
                return function(*arguments, **options)
            finally:
                self._running = False
                self.took += time.perf_counter() - started
                self.cpu += time.process_time() - used

        return timed


def own_assets() -> int:
    """Bytes of the dashboard's own static files, which the browser keeps."""
    folder = PROJECT / "plugins" / "llm_bench" / "dashboard" / "static"
    return sum(file.stat().st_size for file in folder.glob("*") if file.is_file())


def refresh(home: Path, store: Store, study: Study, slot: datetime) -> int:
    """Loads one more batch; how many objects a refresh then reads."""
    for path in [path for path in store.list("records/") if slot_in(path) == utc_text(slot)]:
        stored = store.read(path)
        assert stored is not None
        store.delete(path, stored[1])  # of an earlier measurement
    copy = Cache(home, fresh_sec=0)
    copy.records(study)
    fill(store, study, [slot])
    with patch.object(cache, "read_object", wraps=read_object) as read:
        started = time.monotonic()
        copy.records(study)
    print(f"  refresh     {read.call_count} object read, {(time.monotonic() - started) * 1000:.0f} ms", flush=True)
    return read.call_count


if __name__ == "__main__":
    code = main()
    print(f"peak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9:.2f} GB", file=sys.stderr)
    sys.exit(code)
