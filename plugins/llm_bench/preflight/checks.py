"""A check, and how its outcome is told."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TypeVar

from llm_bench.errors import LLMBenchError, outside_a_task

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Check:
    """What came of one check.

    :param name: what was looked at.
    :param passed: None where it couldn't be found out: by what costs nothing, or for the failure of another check.
    :param detail: what was found.
    :param fix: what to do about it; empty where nothing is to be done here. Of a check that passed it is advice.
    """

    name: str
    passed: bool | None
    detail: str
    fix: str = ""


def tell(name: str, look: Callable[[], str]) -> Check:
    """A check that passes with what ``look`` returns, and fails with what it raises."""
    try:
        return Check(name, True, look())
    except LLMBenchError as error:
        return Check(name, False, error.cause.strip(), outside_a_task(error.fix, "check again"))
    except Exception as fault:  # whatever it is, the other checks go on
        reason = str(fault).strip().split("\n")[0]
        return Check(name, False, f"Unforeseen: {type(fault).__name__}: {reason}.", "Fix what it names, or report it.")


def start(job: Callable[[], T]) -> Future[T]:
    """Runs a job beside the others, in a thread that doesn't keep the program from ending."""
    future: Future[T] = Future()

    def work() -> None:
        try:
            future.set_result(job())
        except Exception as fault:
            future.set_exception(fault)

    threading.Thread(target=work, daemon=True).start()
    return future
