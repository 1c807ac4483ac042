"""What a study asks of its LLMs and their accounts, and whether a limit of a day carries it. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

DAY_LIMITS: Mapping[str, str] = {"requests_per_day": "requests", "tokens_per_day": "tokens"}
"""A limit of a day → what it counts."""


@dataclass(frozen=True, slots=True)
class Amount:
    """Requests, and what they take.

    :param cost_usd: None where no price is known.
    """

    requests: int
    prompt_tokens: float
    answer_tokens: float
    cost_usd: float | None

    @property
    def tokens(self) -> float:
        """Of prompts and answers together."""
        return self.prompt_tokens + self.answer_tokens

    def times(self, n: int) -> Amount:
        """So many of it."""
        cost = None if self.cost_usd is None else self.cost_usd * n
        return Amount(self.requests * n, self.prompt_tokens * n, self.answer_tokens * n, cost)


def total(amounts: Iterable[Amount]) -> Amount:
    """All of them together; the cost of those whose price is known, None where that is none."""
    parts = list(amounts)
    costs = [part.cost_usd for part in parts if part.cost_usd is not None]
    return Amount(
        sum(part.requests for part in parts),
        sum(part.prompt_tokens for part in parts),
        sum(part.answer_tokens for part in parts),
        sum(costs) if costs else None,
    )


@dataclass(frozen=True, slots=True)
class Request:
    """What a request of an LLM is taken to be, in its own tokens.

    :param prompt_tokens: of its prompt.
    :param context_tokens: of these, the context's.
    :param answer_tokens: of its answer.
    :param answered: share of the requests that cost tokens.
    :param most_tokens: of the longest answer.
    """

    prompt_tokens: float
    context_tokens: float
    answer_tokens: float
    answered: float
    most_tokens: int
    cost_usd: float | None

    def times(self, n: int) -> Amount:
        """What so many of them take."""
        share = self.answered * n
        cost = None if self.cost_usd is None else self.cost_usd * n
        return Amount(n, self.prompt_tokens * share, self.answer_tokens * share, cost)


@dataclass(frozen=True, slots=True)
class Remedy:
    """What would fit under a limit.

    :param batches: of a period; 0 where not one fits.
    :param context_tokens: of a prompt's context, as the study's ``max_context_tokens`` counts them; None where no
        shorter context helps.
    :param accounts: as many keys as this one has.
    """

    batches: int
    context_tokens: int | None
    accounts: int


def remedy(limit: float, kind: str, day: Amount, *, batches: int, periods: int, context: float, least: float) -> Remedy:
    """What would fit under a limit of a day.

    :param kind: "requests" or "tokens".
    :param day: what the account is asked in a day.
    :param batches: of a period.
    :param periods: of a day.
    :param context: tokens of a request's context, as they are in ``day``.
    :param least: the shortest context that a study can ask for.
    """
    asked = float(getattr(day, kind))
    batch = asked / (batches * periods)
    shorter = None
    if kind == "tokens" and day.requests:
        kept = math.floor(context - (asked - limit) / day.requests)
        shorter = kept if kept >= least else None
    return Remedy(math.floor(limit / batch / periods + 1e-9) if batch else batches, shorter, math.ceil(asked / limit))
