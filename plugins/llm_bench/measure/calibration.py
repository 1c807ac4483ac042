"""How wrong this machine's clock is: the real client against a server that knows what it sent and when.

The client is the operator's own: one process a cell, warmed up, that asks through LiteLLM over our transport. The
errors are upper bounds: client and server share the cores, so what the server waits for one counts as the client's.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from llm_bench import __version__
from llm_bench.errors import LLMBenchError
from llm_bench.measure import reference, timing
from llm_bench.measure.recording import machine_load
from llm_bench.measure.reference import Scenario, Sent
from llm_bench.records import utc_text

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.context import ForkContext
    from multiprocessing.synchronize import Barrier

    from llm_bench.measure.client import Reply
    from llm_bench.store.base import Store

CELLS = 8
"""Cells at once in the second part."""
REQUESTS = 30
"""Requests of each cell: 720 tokens alone and 5,760 at once, in half a minute."""
SCENARIO = Scenario(first_token_sec=0.2, token_sec=0.015, tokens=24)
"""A fast hosted LLM's first token and 65 tokens a second."""
PACKAGES = ("litellm", "httpx", "httpcore", "h11")
"""What a request passes through."""
PROMPT = [{"role": "user", "content": "Which product category generates the highest revenue?"}]

_START_SEC = 120


class CalibrationError(LLMBenchError):
    """The client's error on this machine can't be measured."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One request and its answer, on the client's side. Times are CLOCK_MONOTONIC, in seconds.

    :param id: as the server names it.
    :param sent: when the client's clock started.
    :param tokens: arrival of each token.
    :param delay_sec: time that the client was ready to run but had no core; None where not told.
    """

    id: str
    sent: float
    tokens: tuple[float, ...]
    delay_sec: float | None

    @property
    def ttft_sec(self) -> float:
        return self.tokens[0] - self.sent


@dataclass(frozen=True, slots=True)
class Spread:
    """How large an error is, in seconds; nearest-rank percentiles."""

    count: int
    median: float
    p99: float
    max: float


@dataclass(frozen=True, slots=True)
class Part:
    """The client's errors under one load.

    :param cells: processes that asked at once.
    :param requests: requests asked.
    :param suspect: of them, those that a record would be marked suspect for.
    :param ttft_error_sec: the client's time to first token minus the server's.
    :param token_error_sec: each token's arrival at the client minus the moment the server handed it to the kernel.
    """

    cells: int
    requests: int
    suspect: int
    ttft_error_sec: Spread
    token_error_sec: Spread


@dataclass(frozen=True, slots=True)
class Calibration:
    """One calibration of one machine, as it is kept."""

    measured_at: str
    machine: dict[str, Any]
    versions: dict[str, str]
    scenario: dict[str, Any]
    alone: Part
    eight: Part

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=1)


def calibrate(
    say: Callable[[str], None], *, requests: int = REQUESTS, cells: int = CELLS, scenario: Scenario = SCENARIO
) -> Calibration:
    """Measures the client's error alone, then with several cells at once.

    :param say: is told what is going on.
    :param requests: requests of each cell.
    :param cells: cells of the second part.
    :raises CalibrationError: a cell ended early, or the reference server didn't answer as it should.
    """
    measured_at = utc_text(datetime.now(UTC))
    about = machine()
    with reference.running(scenario) as url:
        say(f"Alone: {requests} requests to a reference server on this machine")
        alone = _part(url, 1, requests)
        say(f"{cells} cells at once: {requests} requests each")
        eight = _part(url, cells, requests)
    packages = {name: version(name) for name in PACKAGES}
    return Calibration(measured_at, about, {"llm_bench": __version__, **packages}, asdict(scenario), alone, eight)


def keep(store: Store, study: str, calibration: Calibration, client: str | None = None) -> str:
    """Puts a calibration with a study's data; its path in the store.

    :param client: name of the place that is measured from.

    :raises StorageError: the store can't be written.
    """
    from llm_bench.store.base import object_path  # noqa: PLC0415  (it brings pyarrow)

    path = object_path("calibrations", study, datetime.fromisoformat(calibration.measured_at), "json", client=client)
    store.commit(path, calibration.to_json().encode(), 0)
    return path


def latest(store: Store, study: str, client: str | None = None) -> dict[str, Any] | None:
    """The content of a study's latest calibration, or None where there is none.

    :param client: name of the place that it was measured at.

    :raises StorageError: the store can't be read.
    """
    from llm_bench.store.names import client_in  # noqa: PLC0415

    paths = [path for path in store.list(f"calibrations/study={study}/") if client_in(path) == client]
    stored = store.read(paths[-1]) if paths else None
    return dict(json.loads(stored[0])) if stored else None


def machine() -> dict[str, Any]:
    """What the errors depend on: cores, system, Python, and the load before anything was measured."""
    return {
        "cores": os.cpu_count(),
        "platform": platform.platform(),
        "processor": platform.machine(),
        "python": platform.python_version(),
        "load": machine_load(),
    }


def ask_at_once(url: str, cells: int, requests: int) -> list[list[Seen]]:
    """What each of several processes saw that ask a reference server at once.

    They are forked from one process that has LiteLLM, as Airflow forks its tasks, and start when all are warmed up.

    :param url: the reference server's address.
    :raises CalibrationError: a process ended early.
    """
    command = [sys.executable, "-m", "llm_bench.measure.calibration", url, str(cells), str(requests)]
    parent = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if parent.returncode != 0:
        raise CalibrationError(
            "A cell of the calibration ended before its last answer: its error stands above.",
            "End what else uses this machine, then calibrate again.",
        )
    seen = json.loads(parent.stdout.splitlines()[-1])
    return [[Seen(**request) for request in cell] for cell in seen]


def main() -> int:
    """The process that the cells are forked from; prints what they saw."""
    from llm_bench.measure.library import quiet_litellm  # noqa: PLC0415  (brings LiteLLM)

    url, cells, requests = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    quiet_litellm()
    context = multiprocessing.get_context("fork")
    barrier = context.Barrier(cells)
    started = [_start(context, barrier, url, requests) for _ in range(cells)]
    try:
        seen = [receiving.recv() for receiving in started]
    except EOFError:
        return 1
    print(json.dumps(seen))  # noqa: T201
    return 0


def _start(context: ForkContext, barrier: Barrier, url: str, requests: int) -> Connection:
    receiving, sending = context.Pipe(duplex=False)
    context.Process(target=_cell, args=(sending, barrier, url, requests), daemon=True).start()
    sending.close()  # so that the end of the process is the end of the pipe
    return receiving


def _cell(sending: Connection, barrier: Barrier, url: str, requests: int) -> None:
    """One cell: the operator's client, which says what it saw once all its questions are answered."""
    from llm_bench.measure.client import Endpoint, LLMClient  # noqa: PLC0415
    from llm_bench.study import LLM, Deadlines, Generation  # noqa: PLC0415

    endpoint = Endpoint("none", f"{url}/v1")
    with LLMClient(
        llm=LLM(model="groq/reference"), endpoint=endpoint, generation=Generation(), deadlines=Deadlines()
    ) as client:
        barrier.wait(_START_SEC)
        seen = [asdict(_seen(client.ask(PROMPT))) for _ in range(requests)]
    sending.send(seen)


def _seen(reply: Reply) -> Seen:
    exchange = reply.exchange
    if reply.failure_kind is not None or exchange.sent is None:
        raise CalibrationError(
            f"The reference server's answer was not taken: {reply.failure_kind}: {reply.error}.",
            "End what else uses this machine, then calibrate again.",
        )
    tokens = tuple(reply.answer.token_times)
    return Seen(exchange.headers["x-request-id"], exchange.sent, tokens, exchange.delay_sec)


def _part(url: str, cells: int, requests: int) -> Part:
    before = len(reference.fetch_log(url))
    seen = [request for cell in ask_at_once(url, cells, requests) for request in cell]
    return compare(seen, reference.fetch_log(url, before), cells)


def compare(seen: Sequence[Seen], log: dict[str, Sent], cells: int) -> Part:
    """The client's errors: what it saw against what the server did. Pure.

    :param seen: the client's side.
    :param log: the server's side, by request.
    :param cells: how many asked at once.
    :raises CalibrationError: they aren't the same requests with the same tokens.
    """
    if not seen or any(request.id not in log or len(request.tokens) != len(log[request.id].tokens) for request in seen):
        raise CalibrationError(
            "The client and the reference server disagree about what was sent.",
            "Calibrate again; if it stays so, report it with this machine's Python and package versions.",
        )
    return Part(
        cells=cells,
        requests=len(seen),
        suspect=sum(timing.suspicion(request.delay_sec, request.ttft_sec) is not None for request in seen),
        ttft_error_sec=_spread([ttft_error(request, log[request.id]) for request in seen]),
        token_error_sec=_spread([error for request in seen for error in token_errors(request, log[request.id])]),
    )


def ttft_error(seen: Seen, sent: Sent) -> float:
    """The client's time to first token minus the server's, in seconds."""
    return seen.ttft_sec - (sent.tokens[0] - sent.received)


def token_errors(seen: Seen, sent: Sent) -> list[float]:
    """How much later than it was sent each token was stamped, in seconds."""
    return [arrived - handed for arrived, handed in zip(seen.tokens, sent.tokens, strict=True)]


def _spread(errors: list[float]) -> Spread:
    ranked = sorted(errors)
    middle, high = timing.percentile(ranked, 0.5), timing.percentile(ranked, 0.99)
    assert middle is not None and high is not None  # noqa: PT018, S101  (there is at least one)
    return Spread(len(ranked), middle, high, ranked[-1])


if __name__ == "__main__":
    sys.exit(main())
