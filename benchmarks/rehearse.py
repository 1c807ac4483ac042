"""Rehearses the study ``thesis`` by one backfill, under faults: ``benchmarks/rehearse.py [--slots N] [--seed S]``.

The last line is ``4480 of 4480 records, 0 duplicates, 0 lost``, and the exit code 0 where that is so and every record
says what its provider did, through as many kills as were due: 40 in all 56 batches, each of which may take 6 s longer
than its slowest cell.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rehearsal import PROJECT  # it puts the doubles on the path

# isort: split
from doubles import gcs
from doubles.proxy import proxied
from llm_bench.inputs import read_yaml
from llm_bench.local.api import AirflowAPI
from llm_bench.local.servers import postgres, redis_server
from llm_bench.local.stack import Stack, running, settings
from llm_bench.measure.accounts import PACING_VARIABLE
from llm_bench.rag.questions import load_question_sets
from llm_bench.records import Record, utc_text
from llm_bench.schedule import Schedule
from llm_bench.store.base import from_parquet, open_store
from llm_bench.study import START_VARIABLE, Study, parse_study
from rehearsal.account import Account, account, waited_sec
from rehearsal.disk import Disk, small_disk
from rehearsal.harm import Harm, storage_faults
from rehearsal.providers import Log, doubles
from rehearsal.stack import QUICK, make_home, patiently

STUDY = "thesis"
START = "2026-01-05T08:00:00+01:00"
"""Airflow takes no backfill of the future."""
LIMIT_SEC = 75 * 60.0
ROUNDS = 5
"""How often what ``status`` prints is done, at most."""
WHOLE = 56
"""Batches of the study. In fewer of them the first ones, which find all cold, count for more than they are."""
KILLS = 40 / WHOLE
"""That a batch must survive, in the mean."""
OVERHEAD_SEC = 6.0
"""Of a batch of the whole study, at most."""
PROVIDER_FAULTS, STORAGE_FAULTS = 0.05, 0.05
"""Shares of the requests."""


def say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def compressed(slots: int) -> dict[str, Any]:
    """The thesis study's file, so that four days fit into a quarter of an hour: without its rate limits, with shorter
    deadlines, and the first slots of its window; and with a bucket for its records.
    """
    path = PROJECT / "include" / "studies" / f"{STUDY}.yaml"
    content: dict[str, Any] = read_yaml(path)
    window = parse_study(content, path, PROJECT / "include").window
    assert window is not None
    if slots < len(window.schedule):
        content["window"]["end"] = utc_text(window.schedule[slots])
    for llm in content["llms"]:
        llm.pop("requests_per_minute", None)
    content["deadlines"] = {"connect_sec": 10, "first_token_sec": 10, "total_sec": 15}
    content["storage"] = "gs://studies/rehearsal"
    return content


def main() -> int:
    """Rehearses; 0 where every record is there once and says what happened."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--slots", type=int, default=WHOLE, help=f"the first so many of the window's {WHOLE}")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6), help="of all that is drawn")
    parser.add_argument("--pause-sec", type=float, default=4.0, help="mean time between two harms, at least")
    parser.add_argument("--once", action="store_true", help="each kind of harm once, and no more")
    parser.add_argument("--active", type=int, default=3, help="batches measured at once")
    parser.add_argument("--keep", type=Path, help="a new folder for the home, with all logs; left out: none is kept")
    options = parser.parse_args()
    home = Path(tempfile.mkdtemp(prefix="llm-bench-rehearsal-"))
    try:
        with small_disk(home) as disk:
            try:
                return rehearse(home, disk, options)
            finally:
                if options.keep:
                    shutil.copytree(home, options.keep, symlinks=True)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def rehearse(home: Path, disk: Disk | None, options: argparse.Namespace) -> int:
    """The whole play in an empty folder.

    :param disk: of that folder, where it can be filled.
    """
    say(f"Rehearsing {options.slots} batches of {STUDY}; seed {options.seed} (--seed repeats what is drawn)")
    make_home(home, {STUDY: compressed(options.slots)})
    log = Log()
    with ExitStack() as stage:
        database = stage.enter_context(postgres())
        redis = stage.enter_context(redis_server())
        bucket = stage.enter_context(gcs.serving())
        proxy = stage.enter_context(proxied(bucket))
        proxy.choose = storage_faults(share=STORAGE_FAULTS, seed=options.seed)
        connections = stage.enter_context(doubles(log, share=PROVIDER_FAULTS, seed=options.seed))
        google = {"STORAGE_EMULATOR_HOST": proxy.url, "AIRFLOW_CONN_GOOGLE_CLOUD_DEFAULT": gcs.CONNECTION}
        environment = QUICK | connections | google | settings(database={"sql_alchemy_conn": database.url})
        environment |= {"NO_GCE_CHECK": "true", START_VARIABLE: START, PACING_VARIABLE: redis.url}
        stack = Stack(home, environment, say=say)
        # For reading the records at the end: past the proxy, and as Airflow is configured.
        os.environ.update(stack.environment | {"STORAGE_EMULATOR_HOST": bucket})
        path = home / "include" / "studies" / f"{STUDY}.yaml"
        study = parse_study(read_yaml(path), path, home / "include", START)
        assert study.window is not None
        schedule = study.window.schedule
        api = stage.enter_context(running(stack))
        api.wait_for_dag(study.dag_id)
        how = {"pause_sec": options.pause_sec, "once": options.once, "seed": options.seed}
        harm = Harm(stack, database, api, study.dag_id, redis=redis, disk=disk, **how, say=say)
        started = time.monotonic()
        backfill(stack, api, study, schedule, options.active)
        ended = play(api, study, schedule, harm, started)
        cleared = complete(stack, api, study)
        took = time.monotonic() - started
        (home / "doubles.json").write_text(json.dumps([asdict(served) for served in log.served], indent=0))
        questions = [
            question.id
            for asked in load_question_sets(home / "include", study.industries).values()
            for question in asked
        ]
        records = stored(study, home)
        result = account(study, schedule, questions, records, log.served)
        show_faults(harm, stack, [fault for _, fault in proxy.requests])
        killed = options.once or harm.kills >= KILLS * len(schedule)
        if not killed:
            print(f"too few processes were killed: {KILLS * len(schedule):.0f} were due")
        show(result, cleared)
        overhead = show_times(took, len(schedule), waited_sec(records, study.deadlines))
        fast = len(schedule) < WHOLE or overhead <= OVERHEAD_SEC
        if not fast:
            print(f"the overhead is over {OVERHEAD_SEC:g} s")
    print(f"{result.records} of {result.expected} records, {result.duplicates} duplicates, {result.lost} lost")
    return 0 if result.good and ended and killed and fast else 1


def backfill(stack: Stack, api: AirflowAPI, study: Study, schedule: Schedule, active: int) -> None:
    """Starts the one backfill of the whole window."""
    api.request("PATCH", f"/dags/{study.dag_id}", json={"is_paused": False})
    dates = ["--from-date", utc_text(schedule[0]), "--to-date", utc_text(schedule[len(schedule) - 1])]
    how = ["--reprocess-behavior", "none", "--max-active-runs", str(active)]
    done = stack.command("backfill", "create", "--dag-id", study.dag_id, *dates, *how)
    if done.returncode:
        sys.exit(f"the backfill can't be created: {done.stderr}")
    say(f"airflow backfill create --dag-id {study.dag_id} {' '.join(dates + how)}")


def play(api: AirflowAPI, study: Study, schedule: Schedule, harm: Harm, started: float) -> bool:
    """Does harm until all runs have ended; whether they have, in time."""
    shown, last = 0, started
    pause = harm.pause()
    while time.monotonic() - started < LIMIT_SEC:
        states = Counter(run["state"] for run in runs(api, study))
        ended = states["success"] + states["failed"]
        if ended > shown:
            say(f"{ended} of {len(schedule)} batches ended, {states['failed']} of them incomplete")
            shown = ended
        if ended >= len(schedule):
            return True
        if harm.due(ended) and time.monotonic() - last > pause and harm.again():
            last, pause = time.monotonic(), harm.pause()
        time.sleep(2)  # each look takes the API server's time
    say(f"Not done after {LIMIT_SEC / 60:.0f} min: {dict(states)}")
    return False


def runs(api: AirflowAPI, study: Study) -> list[dict[str, Any]]:
    """The runs of a study of up to 100 slots."""
    path = f"/dags/{study.dag_id}/dagRuns"
    return list(patiently(lambda: api.request("GET", path, params={"limit": 100}))["dag_runs"])


def complete(stack: Stack, api: AirflowAPI, study: Study) -> int:
    """Does what ``status`` says as long as anything needs a hand; how often it was needed."""
    for number in range(ROUNDS):
        status = stack.run([sys.executable, "-m", "llm_bench", "status", study.name, "--json"])
        report = json.loads(status.stdout)
        commands = [command for step in report["to_do"] for command in step["commands"]]
        if not commands:
            return number
        for command in commands:
            say(f"status says: {command}")
            done = stack.run(command)
            if done.returncode:
                say(done.stderr[-2000:])
            wait_for_runs(api, study)
    return ROUNDS


def wait_for_runs(api: AirflowAPI, study: Study) -> None:
    deadline = time.monotonic() + 600
    time.sleep(2)
    path, asked = f"/dags/{study.dag_id}/dagRuns", {"state": ["queued", "running"], "limit": 1}
    while time.monotonic() < deadline and patiently(lambda: api.request("GET", path, params=asked))["dag_runs"]:
        time.sleep(1)


def stored(study: Study, home: Path) -> list[Record]:
    """All rows that the store holds of the study."""
    store = open_store(study.storage, home)
    objects = [store.read(path) for path in store.list(f"records/study={study.name}/")]
    return [
        record for stored_object in objects if stored_object is not None for record in from_parquet(stored_object[0])
    ]


def show_faults(harm: Harm, stack: Stack, storage: Sequence[str | None]) -> None:
    """Prints what was done to the study."""
    print(f"{harm.kills} processes killed: {dict(harm.done)}; started again: {dict(stack.processes.restarts)}")
    failed = Counter(fault for fault in storage if fault)
    print(f"storage: {failed.total()} of {len(storage)} requests failed: {dict(failed)}")


def show(result: Account, cleared: int) -> None:
    """Prints the account."""
    print(f"what status prints was needed {cleared} times")
    failed = sum(result.failed.values())
    print(f"{failed} recorded failures, {len(result.wrong)} differ from the doubles' own log: {dict(result.failed)}")
    print(f"{result.unrecorded} more requests were answered, but their task was killed before it kept the record")
    for line in result.wrong[:20]:
        print(f"  {line}")


def show_times(took: float, batches: int, waited: float) -> float:
    """Prints what it took; the overhead of a batch in seconds."""
    each = took / batches
    print(
        f"{took / 60:.1f} min on {os.cpu_count()} cores (load {os.getloadavg()[0]:.1f}), {each:.1f} s for a batch; "
        f"the doubles keep its slowest cell {waited:.1f} s, so the overhead is {each - waited:.1f} s"
    )
    return each - waited


if __name__ == "__main__":
    sys.exit(main())
