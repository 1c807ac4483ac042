"""A plan: what a study will ask, take and cost, what its limits refuse, and what it can show. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from llm_bench.measure.limits import Tokens
from llm_bench.planning.amounts import Amount, Remedy, Request, total
from llm_bench.planning.prospects import Prospect
from llm_bench.records import utc_text

WARM_UP = Tokens(16, 4)
"""Tokens of the short request that may open a cell."""


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit of an account.

    :param name: as a study names it, e.g. "tokens_per_day".
    :param provider: whether the provider says so; else the study does.
    """

    name: str
    amount: float
    provider: bool


@dataclass(frozen=True, slots=True)
class OfLLM:
    """An LLM's share of a study.

    :param request: of one that is measured.
    :param requests: of a batch, those that are measured.
    :param warm_ups: of a batch, those that aren't.
    :param basis: what the numbers rest on.
    """

    name: str
    account: str
    connection: str
    request: Request
    requests: int
    warm_ups: int
    busy_sec: Sequence[float]
    start_sec: float
    tokens_scale: float
    basis: str

    @property
    def batch(self) -> Amount:
        cost = None if self.request.cost_usd is None else 0.0  # too little to count
        warm = Amount(self.warm_ups, self.warm_ups * WARM_UP.prompt, self.warm_ups * WARM_UP.answer, cost)
        return total([self.request.times(self.requests), warm])


@dataclass(frozen=True, slots=True)
class Exceeded:
    """A limit of a day that is less than a day asks for."""

    limit: Limit
    remedy: Remedy


@dataclass(frozen=True, slots=True)
class OfAccount:
    """What is asked of an account, and what it allows.

    :param refused: questions of a day that its limits refuse.
    """

    account: str
    llms: tuple[str, ...]
    day: Amount
    limits: tuple[Limit, ...]
    refused: int
    exceeded: tuple[Exceeded, ...]


@dataclass(frozen=True, slots=True)
class Duration:
    """How long batches take.

    :param took_sec: from the first request to the last answer, of the batch in the middle.
    :param longest_sec: of the longest.
    :param done_sec: from the slot to the last answer, of the longest.
    :param spacing_sec: from a slot to the next; None without a window.
    :param fitting: where they don't fit, as many batches of a period as would; 0 where not one does.
    """

    took_sec: float
    longest_sec: float
    done_sec: float
    spacing_sec: float | None
    fitting: int = 0

    @property
    def fits(self) -> bool:
        """Whether each batch is done before the next is due."""
        return self.spacing_sec is None or self.done_sec <= self.spacing_sec


@dataclass(frozen=True, slots=True)
class Plan:
    """The plan of a study.

    :param batches: of the window; 0 without one.
    :param to_come: of them, those from now on.
    :param a_day: batches of a day.
    """

    study: str
    now: datetime
    batches: int
    to_come: int
    a_day: int
    llms: tuple[OfLLM, ...]
    accounts: tuple[OfAccount, ...]
    duration: Duration
    prospects: tuple[Prospect, ...]
    prospects_basis: str

    @property
    def batch(self) -> Amount:
        """A whole batch."""
        return total(llm.batch for llm in self.llms)

    @property
    def unpriced(self) -> tuple[str, ...]:
        """LLMs without a known price."""
        return tuple(llm.name for llm in self.llms if llm.request.cost_usd is None)

    @property
    def most_tokens(self) -> float:
        """Of a batch, were each answer as long as it may be."""
        return sum(llm.requests * (llm.request.prompt_tokens + llm.request.most_tokens) for llm in self.llms)

    @property
    def by_connection(self) -> Mapping[str, Amount]:
        """A batch's share of each provider's account."""
        shares: dict[str, list[Amount]] = defaultdict(list)
        for llm in self.llms:
            shares[llm.connection].append(llm.batch)
        return {connection: total(amounts) for connection, amounts in shares.items()}

    @property
    def needs_a_hand(self) -> bool:
        """Whether questions will be refused, or batches don't fit."""
        return not self.duration.fits or any(account.refused for account in self.accounts)


def as_json(plan: Plan) -> dict[str, Any]:
    """The plan as JSON values: moments as UTC text, durations in seconds."""
    batch = plan.batch
    return {
        "study": plan.study,
        "now": utc_text(plan.now),
        "batches": plan.batches,
        "batches_to_come": plan.to_come,
        "batches_a_day": plan.a_day,
        "batch": asdict(batch),
        "whole": asdict(batch.times(plan.batches)),
        "to_come": asdict(batch.times(plan.to_come)),
        "most_tokens_to_come": plan.most_tokens * plan.to_come,
        "unpriced": list(plan.unpriced),
        "llms": [
            {
                "llm": llm.name,
                "account": llm.account,
                "connection": llm.connection,
                "request": asdict(llm.request),
                "batch": asdict(llm.batch),
                "to_come": asdict(llm.batch.times(plan.to_come)),
                "basis": llm.basis,
            }
            for llm in plan.llms
        ],
        "connections": {
            connection: asdict(amount.times(plan.to_come)) for connection, amount in plan.by_connection.items()
        },
        "accounts": [asdict(account) for account in plan.accounts],
        "duration": asdict(plan.duration) | {"fits": plan.duration.fits},
        "prospects": [asdict(prospect) for prospect in plan.prospects],
        "prospects_basis": plan.prospects_basis,
        "needs_a_hand": plan.needs_a_hand,
    }
