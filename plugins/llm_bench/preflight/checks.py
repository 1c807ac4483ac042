"""A check, and how its outcome is told."""

from __future__ import annotations

import multiprocessing
import signal
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from llm_bench.errors import LLMBenchError, outside_a_task

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

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


def apart(job: Callable[[], T]) -> Callable[[], T]:
    """Runs a job in a process of its own, which takes another core; what is returned waits for its result.

    It forks, so it is for a process that has no other thread yet, and has loaded nothing that takes long.
    """
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_send, args=(sender, job), daemon=True)  # ends with this one
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # Ctrl-C is for this one, which ends the other
    process.start()
    signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
    sender.close()

    def result() -> T:
        try:
            content: T = receiver.recv()
        except EOFError:
            process.join()
            raise LLMBenchError(
                f"The process that did this ended by itself, with {process.exitcode}.",
                "See whether this machine has enough memory, then check again.",
            ) from None
        return content

    return result


def _send(sender: Connection, job: Callable[[], T]) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    sender.send(job())
