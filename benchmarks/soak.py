"""Lets a study run around the clock under faults: ``benchmarks/soak.py [--hours 2]``. Does anything grow?

The scheduler starts a batch of four LLMs in two industries every minute, on its own clock, while tasks are killed,
a provider's requests and the storage's fail, and someone looks at the dashboard. Memory (PSS) and file handles of every
service are taken each half minute. The services themselves aren't killed, nor is the disk filled, which can end them: a
new process would begin with little.

The last line is the growth of the service that grows most, by a robust slope (Theil and Sen's) over what was seen after
the first quarter. The exit code is 0 where it is under 5 % an hour, every batch is there once, and each record says
what its provider did.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import psutil

import rehearsal  # noqa: F401  (it puts the doubles on the path)

# isort: split
from doubles import gcs
from doubles.proxy import proxied
from llm_bench.airflow.links import PREFIX
from llm_bench.inputs import read_yaml
from llm_bench.local.api import AirflowAPI
from llm_bench.local.servers import postgres, redis_server
from llm_bench.local.services import free_port
from llm_bench.local.stack import PROCESSES, Stack, running, settings
from llm_bench.measure.accounts import PACING_VARIABLE
from llm_bench.rag.questions import load_question_sets
from llm_bench.study import parse_study
from rehearsal.account import account
from rehearsal.harm import Harm, storage_faults
from rehearsal.providers import Log, doubles
from rehearsal.stack import QUICK, make_home
from rehearse import PROVIDER_FAULTS, STORAGE_FAULTS, complete, compressed, say, show, stored

STUDY = "soak"
SPACING = timedelta(seconds=60)
LEAD = timedelta(seconds=120)
"""From the start of the machinery to the first slot."""
EACH_SEC = 30.0
SETTLED = 0.25
"""The share of the time after which a service has loaded what it needs."""
LEAST = 4
"""With fewer samples than this nothing can be said of a service."""
MOST = 0.05
"""How much a service may grow in an hour."""
LASTING_SEC = 90.0
"""A process that is younger is a task's, which ends by itself."""
KINDS = {"measure": 80, "validate_and_load": 20}
PAGES = ("overview", "compare", "records", "success")
PAUSE_SEC = 60.0
"""Mean time between two harms."""
SERVICES = (*PROCESSES, "baselines")


@dataclass(frozen=True, slots=True)
class Sample:
    """What a service held at a moment.

    :param at: hours since the first slot.
    :param memory: PSS of all its lasting processes, in bytes.
    :param handles: open files and sockets of them.
    """

    at: float
    memory: int
    handles: int


@dataclass(frozen=True, slots=True)
class Growth:
    """How a service's use of something changes.

    :param level: at the first moment that counts.
    :param hourly: share of the level by which it grows in an hour.
    :param low: the lower end of the 95 % confidence interval of that.
    :param high: the upper end.
    """

    level: float
    hourly: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.hourly:+.1%} an hour (95 % CI {self.low:+.1%} to {self.high:+.1%})"


def growth(hours: Sequence[float], values: Sequence[float]) -> Growth:
    """The growth that a robust line through the values shows. Pure.

    :param hours: when each value was taken.
    """
    from scipy.stats import theilslopes  # noqa: PLC0415

    line = theilslopes(values, hours)
    level = line.intercept + line.slope * hours[0]
    return Growth(level, *(slope / level for slope in (line.slope, line.low_slope, line.high_slope)))


def sample(leader: int, hours: float) -> Sample | None:
    """What a service holds now; None where it has just been started again.

    :param leader: the process that leads its session.
    """
    memory = handles = 0
    with suppress(psutil.Error):
        first = psutil.Process(leader)
        for process in [first, *first.children(recursive=True)]:
            with suppress(psutil.Error):
                if time.time() - process.create_time() > LASTING_SEC:
                    memory += process.memory_full_info().pss
                    handles += process.num_fds()
    return Sample(hours, memory, handles) if memory else None


def study_of(hours: float, start: datetime) -> dict[str, Any]:
    """The content of its file: the thesis study, a batch each minute."""
    slots = max(4, round(timedelta(hours=hours) / SPACING))
    content = compressed(slots)
    length = slots * SPACING
    content["window"] = {
        "start": start.isoformat(),
        "end": (start + length).isoformat(),
        "period": f"PT{length.total_seconds():.0f}S",
        "batches_per_period": slots,
        "periods_per_day": 1,
    }
    content["storage"] = "gs://studies/soak"
    return content


class Watch:
    """What each service of a stack held over time."""

    def __init__(self, stack: Stack, started: float) -> None:
        self.samples: dict[str, list[Sample]] = defaultdict(list)
        self._stack = stack
        self._started = started

    def take(self) -> None:
        """Takes a sample of each."""
        hours = (time.monotonic() - self._started) / 3600
        for name in SERVICES:
            if self._stack.processes.is_up(name) and (taken := sample(self._stack.processes.pid(name), hours)):
                self.samples[name].append(taken)

    def table(self) -> list[tuple[str, str, Growth]]:
        """Service, what of it, and how that grew after the first quarter."""
        rows = []
        for name, samples in self.samples.items():
            settled = [each for each in samples if each.at >= SETTLED * samples[-1].at]
            if len(settled) < LEAST:
                continue
            hours = [each.at for each in settled]
            rows.append((name, "memory", growth(hours, [each.memory for each in settled])))
            rows.append((name, "file handles", growth(hours, [each.handles for each in settled])))
        return rows


def main() -> int:
    """Soaks; 0 where nothing grows and nothing is lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=float, default=2.0, help="how long the study lasts, up to 24")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6), help="of all that is drawn")
    options = parser.parse_args()
    home = Path(tempfile.mkdtemp(prefix="llm-bench-soak-"))
    try:
        with ExitStack() as stage:
            return soak(home, options.hours, options.seed, stage)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def soak(home: Path, hours: float, seed: int, stage: ExitStack) -> int:
    """The whole play in an empty folder."""
    start = datetime.now(UTC).replace(microsecond=0) + LEAD
    make_home(home, {STUDY: study_of(hours, start)})
    path = home / "include" / "studies" / f"{STUDY}.yaml"
    study = parse_study(read_yaml(path), path, home / "include")
    assert study.window is not None
    schedule = study.window.schedule
    say(f"Soaking {len(schedule)} batches, one every {SPACING.seconds} s; seed {seed} (--seed repeats what is drawn)")
    log = Log()
    database = stage.enter_context(postgres())
    redis = stage.enter_context(redis_server())
    bucket = stage.enter_context(gcs.serving())
    proxy = stage.enter_context(proxied(bucket))
    proxy.choose = storage_faults(share=STORAGE_FAULTS, seed=seed)
    connections = stage.enter_context(doubles(log, share=PROVIDER_FAULTS, seed=seed))
    google = {"STORAGE_EMULATOR_HOST": proxy.url, "AIRFLOW_CONN_GOOGLE_CLOUD_DEFAULT": gcs.CONNECTION}
    environment = QUICK | connections | google | settings(database={"sql_alchemy_conn": database.url})
    environment |= {"NO_GCE_CHECK": "true", PACING_VARIABLE: redis.url}
    baselines = [sys.executable, "-m", "llm_bench", "baselines", "--port", str(free_port())]
    stack = Stack(home, environment, {**PROCESSES, "baselines": baselines}, say=say)
    os.environ.update(stack.environment | {"STORAGE_EMULATOR_HOST": bucket})  # to read the records past the proxy
    api = stage.enter_context(running(stack))
    api.wait_for_dag(study.dag_id)
    api.request("PATCH", f"/dags/{study.dag_id}", json={"is_paused": False})
    if datetime.now(UTC) > start:
        sys.exit(f"Airflow wasn't up {LEAD} after its start; try again on a machine that is less busy")
    harm = Harm(
        stack,
        database,
        api,
        study.dag_id,
        redis=redis,
        disk=None,
        pause_sec=PAUSE_SEC,
        once=False,
        seed=seed,
        say=say,
        kinds=KINDS,
    )
    watch = play(stack, api, harm, start, study.window.end)
    cleared = complete(stack, api, study)
    questions = [
        question.id for asked in load_question_sets(home / "include", study.industries).values() for question in asked
    ]
    result = account(study, schedule, questions, stored(study, home), log.served)
    show(result, cleared)
    print(f"{harm.done.total()} harms: {dict(harm.done)}; started again: {dict(stack.processes.restarts)}")
    print(f"{result.records} of {result.expected} records, {result.duplicates} duplicates, {result.lost} lost")
    return report(watch, hours) or int(not result.good)


def play(stack: Stack, api: AirflowAPI, harm: Harm, start: datetime, end: datetime) -> Watch:
    """Does harm, looks at the dashboard and takes samples until the window has ended."""
    time.sleep(max(0.0, (start - datetime.now(UTC)).total_seconds()))
    watch = Watch(stack, time.monotonic())
    sampled = harmed = time.monotonic()
    pause = harm.pause()
    while datetime.now(UTC) < end:
        now = time.monotonic()
        if now - sampled >= EACH_SEC:
            sampled = now
            look(api)
            watch.take()
        if now - harmed > pause and harm.again():
            harmed, pause = time.monotonic(), harm.pause()
        time.sleep(1)
    return watch


def look(api: AirflowAPI) -> None:
    """Opens the pages that a person looks at."""
    with suppress(httpx.HTTPError), httpx.Client(base_url=api.url, timeout=60) as person:  # a busy server, say
        login = person.post("/auth/token", json={"username": api.user, "password": api.password}).json()
        person.headers["authorization"] = f"Bearer {login.get('access_token')}"
        for page in PAGES:
            person.get(f"{PREFIX}/{STUDY}/{page}")


def report(watch: Watch, hours: float) -> int:
    """Prints how each service grew, the one that did most last; 0 where none did too much."""
    rows = sorted(watch.table(), key=lambda row: row[2].hourly)
    for name, what, grown in rows:
        level = f"{grown.level / 2**20:,.0f} MiB" if what == "memory" else f"{grown.level:.0f}"
        print(f"{name}: {what} {level} {grown}, {len(watch.samples[name])} samples")
    if not rows:
        print("no service was there for long enough")
        return 1
    name, what, grown = rows[-1]
    within = grown.hourly < MOST
    print(
        f"{hours:g} h: nothing grew more than the {what} of the {name}: {grown} after the first quarter; "
        f"allowed: under {MOST:.0%}: {'met' if within else 'MISSED'}"
    )
    return 0 if within else 1


if __name__ == "__main__":
    sys.exit(main())
