"""What one provider's double and this project's client saw of each other, cell by cell."""

from __future__ import annotations

import json
import math
import os
import statistics
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any
from unittest import mock
from urllib.parse import unquote

import httpx

from doubles.faults import ANSWER, REASONING, Fault, Format, answers
from doubles.provider import Asked, Provider, Response, Script, Step, Wait
from fixtures.replies import KEY, recorded
from llm_bench.airflow.hook import LiteLLMHook
from llm_bench.errors import LLMBenchError, RequestError
from llm_bench.measure.client import Endpoint, LLMClient
from llm_bench.measure.exchange import Exchange
from llm_bench.measure.inquiry import NOT_BEFORE_ASKED
from llm_bench.measure.transport import CoreWait
from llm_bench.preflight.checks import Check
from llm_bench.preflight.providers import Inquiry
from llm_bench.records import Record
from llm_bench.study import LLM, Deadlines, Generation, Study
from wires.listed import Double, Listed

PATIENT = Deadlines(connect_sec=5, first_token_sec=5, total_sec=10)
HASTY = Deadlines(connect_sec=1, first_token_sec=1, total_sec=1.5)
"""For what never ends."""
ASKED, MOST_ASKED = 11, 200
UNDISTURBED_SEC = 0.0005
FIRST_TOKEN_SEC, TOKEN_SEC = 0.03, 0.002
TTFT_GOAL_MS = 2.0
PROMPT, CACHED, REASONED, COMPLETED = 100, 64, 17, 222
"""What the doubles state; the last two are no number of the words that they send."""
CHECK_SEC = 20.0


@dataclass
class Row:
    """What came of one provider.

    :param provider: LiteLLM's name of it.
    :param refused: why it can't be measured; empty where it can.
    :param wrong: what isn't as it must be.
    :param cells: what was seen, by the column's name.
    """

    provider: str
    model: str
    refused: str = ""
    wrong: list[str] = field(default_factory=list)
    cells: dict[str, Any] = field(default_factory=dict)

    def put(self, column: str, shown: Any, *, right: bool, why: object = "") -> None:
        """Fills a cell."""
        self.cells[column] = shown
        if not right:
            self.wrong.append(f"{column}: {shown}{f' ({why})' if why else ''}")


class Truth:
    """A script that keeps a log of when it was asked and when it wrote its first token (CLOCK_MONOTONIC)."""

    def __init__(self, kind: type[Format], reasoning: str = "") -> None:
        self._kind = kind
        self._reasoning = reasoning
        self.received: list[float] = []
        self.first: list[float] = []
        self.waited: list[float] = []
        """Seconds that the double's thread was ready to run but had no core, since the request before."""
        self._threads: dict[int, tuple[CoreWait, float]] = {}

    def __call__(self, asked: Asked) -> Response:
        self.received.append(time.monotonic())
        wait, before = self._threads.get(threading.get_ident()) or (CoreWait(), 0.0)
        now = wait.seconds() or 0.0
        self._threads[threading.get_ident()] = wait, now
        self.waited.append(now - before)
        reply = self._kind(asked)
        return Response(self._steps(reply), headers=reply.headers())

    def _steps(self, reply: Format) -> Iterator[Step]:
        yield from reply.opening()
        pieces = [reply.reasoning(word) for word in self._reasoning.split()] if self._reasoning else []
        first, *rest = [*pieces, *(reply.answer(text) for text in (ANSWER[:4], ANSWER[4:]))]
        yield Wait(FIRST_TOKEN_SEC)
        self.first.append(time.monotonic())
        yield first
        for piece in rest:
            yield Wait(TOKEN_SEC)
            yield piece
        yield from reply.closing(COMPLETED, REASONED)


@dataclass
class Cell:
    """A provider's double, and clients of it as its connection makes them."""

    llm: LLM
    double: Double
    provider: Provider
    patient: LLMClient
    hasty: LLMClient

    def record(self, script: Script, *, hasty: bool = False) -> Record:
        """The record of one question, which must take one request."""
        self.provider.script = script
        client = self.hasty if hasty else self.patient
        return recorded(self.llm, client.ask([{"role": "user", "content": "Question: Which category leads?"}]))


class Trial:
    """Everything of one provider. Use as a context manager.

    What depends on the clock, or opens connections beside the measured one, comes first and alone (``alone``); the
    rest may run beside other providers' (``beside``).
    """

    def __init__(self, listed: Listed) -> None:
        self.row = Row(listed.provider, listed.model)
        self._listed = listed
        self._stack = ExitStack()
        self._cell: Cell | None = None

    def __enter__(self) -> Trial:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._stack.close()

    def alone(self) -> None:
        """The requests, their times and counts, and the check."""
        listed, row = self._listed, self.row
        provider = self._stack.enter_context(Provider())
        os.environ.update(_environment(listed, provider))
        llm = LLM(model=listed.model)
        try:
            hook = LiteLLMHook(llm=llm)
            patient, hasty = (
                self._stack.enter_context(hook.get_conn(deadlines=deadlines)) for deadlines in (PATIENT, HASTY)
            )
        except RequestError as error:
            _refused(row, listed, provider, error)
            return
        if listed.double is None:
            row.wrong.append("it can be measured, though it is listed as one that can't")
            return
        self._cell = cell = Cell(llm, listed.double, provider, patient, hasty)
        row.cells["own address"] = _nameless(_own_address(llm), llm)
        _ask(row, cell)
        _check_counts(row, cell)
        _check_preflight(row, cell, listed)

    def beside(self) -> Row:
        """The faults and the cut streams; the whole row."""
        if self._cell is not None:
            _check_faults(self.row, self._cell)
            _check_cuts(self.row, self._cell)
        return self.row


def _environment(listed: Listed, provider: Provider) -> dict[str, str]:
    """What a user would have set, with a connection to the double."""
    connection = {"conn_type": "llm", "host": provider.url, "password": KEY, "extra": dict(listed.extra)}
    return {**listed.environment, f"AIRFLOW_CONN_LLM_{listed.provider.upper()}": json.dumps(connection)}


def _refused(row: Row, listed: Listed, provider: Provider, error: LLMBenchError) -> None:
    row.refused = error.cause
    if listed.double is not None:
        row.wrong.append(f"refused: {error.cause}")
    if provider.connections:
        row.wrong.append(f"{provider.connections} connections though it is refused")


def _own_address(llm: LLM) -> str:
    """Where a question goes that no connection says the address of; empty where LiteLLM knows none. Nothing is sent."""
    urls: list[str] = []
    admit = Exchange.admit

    def note(exchange: Exchange, request: httpx.Request) -> None:
        admit(exchange, request)
        urls.append(str(request.url.copy_with(query=None)))

    try:
        with mock.patch.object(Exchange, "admit", note):
            LLMClient(llm=llm, endpoint=Endpoint(KEY), generation=Generation(), deadlines=PATIENT).close()
    except LLMBenchError:
        return ""
    return urls[-1]


def _ask(row: Row, cell: Cell) -> None:
    """The first requests: how many, where to, and how exact their TTFT is."""
    truth = Truth(cell.double.format)
    before = len(cell.provider.asked)
    record = cell.record(truth)
    requests = len(cell.provider.asked)
    right = (before, requests, record["success"]) == (0, 1, True)
    row.put("one request", requests, right=right, why=record["error"])
    path = cell.provider.asked[-1].path.partition("?")[0].removeprefix("/v1")
    row.cells["path"] = _nameless(path, cell.llm)
    off = _ttft_error(cell)
    row.put("TTFT error, ms", round(off, 2), right=abs(off) <= TTFT_GOAL_MS)
    row.cells["timed"] = cell.patient.ask([{"role": "user", "content": "Question: a?"}]).timing_source


def _nameless(address: str, llm: LLM) -> str:
    """An address with the model's name taken out."""
    return unquote(address).replace(llm.model_name, "<model>")


def _ttft_error(cell: Cell) -> float:
    """The median of what the record's TTFT is over the double's own, in ms.

    A request during which either side was ready to run but had no core says nothing of the client, and is asked again.
    """
    truth = Truth(cell.double.format)
    errors: list[tuple[float, float]] = []
    """Of each request: how long a side had no core, and by how much the TTFTs differ."""
    while len(errors) < MOST_ASKED and sum(delay <= UNDISTURBED_SEC for delay, _ in errors) < ASKED:
        record = cell.record(truth)
        delay = max(truth.waited[-1], record["client_delay_sec"] or 0.0)
        errors.append((delay, (record["ttft_sec"] or math.nan) - (truth.first[-1] - truth.received[-1])))
    return statistics.median(error for _, error in sorted(errors)[:ASKED]) * 1000


def _check_counts(row: Row, cell: Cell) -> None:
    """Tokens, reasoning and cached tokens as the double states them."""
    kind = cell.double.format
    record = cell.record(Truth(kind, REASONING if kind.thinks else ""))
    counts = (record["prompt_tokens"], record["response_tokens"], record["token_source"])
    row.put("tokens", f"{counts[0]}/{counts[1]}", right=counts == (PROMPT, COMPLETED, "provider"), why=counts)
    stated = REASONED if kind.counts_reasoning else None
    apart = record["answer"] == ANSWER and _later(record) == kind.thinks
    reasoning = record["reasoning_tokens"]
    row.put("reasoning", _shown(reasoning), right=reasoning == stated and apart, why=record["answer"])
    cached = record["cached_tokens"]
    row.put("cached", _shown(cached), right=cached == (CACHED if kind.counts_cached else None))


def _later(record: Record) -> bool:
    """Whether the answer's text began after the first token."""
    return (record["first_answer_sec"] or 0.0) > (record["ttft_sec"] or 0.0)


def _shown(count: int | None) -> str:
    return "not stated" if count is None else str(count)


def _check_faults(row: Row, cell: Cell) -> None:
    """Each documented fault has its kind, and each mistake its error."""
    wrong = [why for name, fault in cell.double.faults.items() if (why := _fault(cell, name, fault))]
    for name, mistake in cell.double.mistakes.items():
        try:
            wrong.append(f"{name}: no error but {cell.record(mistake.script)['failure_kind']}")
        except LLMBenchError as error:
            if type(error).__name__ != mistake.error or KEY in str(error):
                wrong.append(f"{name}: {type(error).__name__}: {error}")
    number = len(cell.double.faults) + len(cell.double.mistakes)
    row.put("faults", f"{number - len(wrong)}/{number}", right=not wrong, why=wrong)


def _fault(cell: Cell, name: str, fault: Fault) -> str:
    """What is wrong with the record of a fault; empty where nothing is."""
    endless = not {"hang", "hangs", "trickle"}.isdisjoint(name.split())
    try:
        record: Mapping[str, Any] = cell.record(fault.script, hasty=endless)
    except LLMBenchError as error:
        return f"{name}: stopped the cell: {error.cause}"
    seen = {field: record[field] for field in fault.expected}
    differs = {field: (value, fault.expected[field]) for field, value in seen.items() if value != fault.expected[field]}
    if record["success"] or KEY in str(record):
        return f"{name}: {'a success' if record['success'] else 'the key is in the record'}"
    return f"{name}: {differs}" if differs else ""


def _check_cuts(row: Row, cell: Cell) -> None:
    """A stream that is cut, cleanly or not, after any of its events but the last is a success only if it was whole."""
    kind, wrong, number = cell.double.format, [], 0
    steps = len([step for step in kind(cell.provider.asked[-1]).stream() if isinstance(step, bytes)])
    for kept in range(steps):
        for whole in (True, False):
            number += 1

            def build(reply: Format, kept: int = kept) -> list[Step]:
                events: list[Step] = [step for step in reply.stream() if isinstance(step, bytes)]
                return events[:kept]

            record = cell.record(answers(kind, build, whole=whole))
            if record["success"] and (record["answer"], bool(record["finish_reason"])) != (ANSWER, True):
                wrong.append(f"after {kept} of {steps} events{'' if whole else ', not cleanly'}")
    row.put("cuts", f"{number - len(wrong)}/{number}", right=not wrong, why=wrong)


def _check_preflight(row: Row, cell: Cell, listed: Listed) -> None:
    """`check` with a good provider, with one that serves another model, and with one that knows another key."""
    provider, name = cell.provider, cell.llm.model_name
    asks, ready = _preflight(provider, listed, [name], KEY)
    _, gone = _preflight(provider, listed, ["another-model"], KEY)
    _, keyless = _preflight(provider, listed, [name], "another-key")
    failed = [
        f"{check.name}: {check.detail}"
        for check in ready
        if not check.passed and not (check.passed is None and check.detail.endswith(NOT_BEFORE_ASKED))
    ]
    noticed = [any(check.passed is False for check in checks) for checks in (gone, keyless)]
    shown = "key and model" if all(noticed) else ("request" if not any(noticed) else f"{noticed}")
    row.put("check", shown, right=not failed and noticed == [asks, asks], why=failed)


def _preflight(provider: Provider, listed: Listed, models: list[str], key: str) -> tuple[bool, list[Check]]:
    provider.models, provider.key = models, key
    study = Study.model_validate({"name": "providers", "llms": [{"model": listed.model}], "industries": ["retail"]})
    inquiry = Inquiry(listed.provider, study)
    return inquiry.asks, list(inquiry.checks(time.monotonic() + CHECK_SEC))
