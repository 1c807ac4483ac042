"""Doubles of the two providers that keep a log of every request: what came, and what it was answered with."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from doubles import groq, openrouter
from doubles.faults import Fault
from doubles.provider import Asked, Provider, Response, Script

REQUEST_ID = "x-request-id"


@dataclass(frozen=True, slots=True)
class Served:
    """One request, and what it was answered with.

    :param number: in the order of all requests; the response's ``x-request-id``, where it has headers.
    :param at: when it came, in seconds since the epoch.
    :param question: its text.
    :param fault: name of the fault; None for a good answer.
    :param failure_kind: what the record must hold; None for a success.
    """

    number: int
    at: float
    llm: str
    question: str
    fault: str | None
    failure_kind: str | None


class Log:
    """All requests to all doubles."""

    def __init__(self) -> None:
        self.served: list[Served] = []
        self._lock = threading.Lock()

    def add(self, asked: Asked, llm: str, fault: str | None, failure_kind: str | None) -> Served:
        with self._lock:
            served = Served(len(self.served), asked.at, llm, asked.question, fault, failure_kind)
            self.served.append(served)
        return served


class Faulty:
    """A script that answers a share of the requests with one of a provider's faults, each as likely.

    :param provider: the first part of the LiteLLM model strings.
    :param share: of the requests that meet a fault.
    :param seed: of the draw; the nth request of a question to a model always meets the same.
    """

    def __init__(
        self, provider: str, good: Script, faults: Mapping[str, Fault], log: Log, *, share: float, seed: int
    ) -> None:
        self._provider = provider
        self._good = good
        self._faults = dict(sorted(faults.items()))
        self._log = log
        self._share = share
        self._random = random.Random(f"{seed}/{provider}")

    def __call__(self, asked: Asked) -> Response:
        name = self._random.choice(list(self._faults)) if self._random.random() < self._share else None
        fault = self._faults[name] if name else None
        served = self._log.add(asked, f"{self._provider}/{asked.model}", name, fault.failure_kind if fault else None)
        response = (fault.script if fault else self._good)(asked)
        response.headers[REQUEST_ID] = str(served.number)
        return response


@contextmanager
def doubles(log: Log, *, share: float, seed: int) -> Iterator[dict[str, str]]:
    """Groq's and OpenRouter's doubles; the Airflow connections that lead to them, as environment variables."""
    with Provider() as groqs, Provider() as openrouters:
        groqs.script = Faulty("groq", groq.good, groq.FAULTS, log, share=share, seed=seed)
        openrouters.script = Faulty("openrouter", openrouter.good, openrouter.FAULTS, log, share=share, seed=seed)
        yield {
            f"AIRFLOW_CONN_LLM_{name}": json.dumps({"conn_type": "http", "host": double.url, "password": "rehearsal"})
            for name, double in (("GROQ", groqs), ("OPENROUTER", openrouters))
        }
