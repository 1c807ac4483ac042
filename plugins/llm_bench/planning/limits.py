"""What the accounts of a study's LLMs allow, against what a day asks of them. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

from llm_bench.measure.limits import Limits, Rates
from llm_bench.planning.amounts import DAY_LIMITS, Amount, Remedy, remedy, total
from llm_bench.planning.plan import Exceeded, Limit, OfAccount, OfLLM
from llm_bench.planning.simulation import Batch

if TYPE_CHECKING:
    from llm_bench.study import LLM, Study

LEAST_CONTEXT = 100
"""The smallest ``max_context_tokens`` that a study can have."""


def rates_of(llms: Sequence[LLM], learnt: Limits) -> tuple[Limit, ...]:
    """The limits of an account: of each name the strictest that its entries or its provider state."""
    limits: dict[str, Limit] = {}
    for name in asdict(Rates()):
        stated = [
            *(Limit(name, float(value), provider=False) for llm in llms if (value := getattr(llm, name)) is not None),
            *([Limit(name, learnt.allowed[name], provider=True)] if name in learnt.allowed else []),
        ]
        if stated:
            limits[name] = min(stated, key=lambda limit: limit.amount)
    return tuple(limits.values())


def accounts(
    study: Study, llms: Sequence[OfLLM], stated: Mapping[str, Limits], batches: Sequence[Batch], *, whole_days: bool
) -> tuple[OfAccount, ...]:
    """What each account is asked in a day, and what it will refuse.

    :param stated: by account, what its provider says.
    :param batches: as they were played through.
    :param whole_days: whether they are all of their days.
    """
    return tuple(
        _account(study, [llm for llm in llms if llm.account == account], stated[account], batches, whole_days)
        for account in dict.fromkeys(llm.account for llm in llms)
    )


def _account(
    study: Study, members: Sequence[OfLLM], stated: Limits, batches: Sequence[Batch], whole_days: bool
) -> OfAccount:
    account, names = members[0].account, tuple(llm.name for llm in members)
    limits = rates_of([llm for llm in study.llms if llm.account == account], stated)
    day = total(llm.batch for llm in members).times(max(1, batches_a_day(study)))
    over = [limit for limit in limits if limit.name in DAY_LIMITS and limit.amount < _counted(day, limit)]
    refused = _refused(batches, names)
    if not whole_days:
        refused = max([refused, *(_at_least(day, limit) for limit in over)])
    exceeded = tuple(Exceeded(limit, _remedy(study, members, day, limit)) for limit in over)
    return OfAccount(account, names, day, limits, refused, exceeded)


def batches_a_day(study: Study) -> int:
    """Batches of a whole day; 0 without a window."""
    window = study.window
    return min(len(window.schedule), window.batches_per_period * window.periods_per_day) if window else 0


def _counted(day: Amount, limit: Limit) -> float:
    return float(getattr(day, DAY_LIMITS[limit.name]))


def _at_least(day: Amount, limit: Limit) -> int:
    return round(day.requests * (1 - limit.amount / _counted(day, limit)))


def _refused(batches: Sequence[Batch], llms: Sequence[str]) -> int:
    """The questions refused in the worst of the days."""
    days: Counter[int] = Counter()
    for batch in batches:
        days[int((batch.due - batches[0].due) // 86400)] += sum(batch.refused[llm] for llm in llms)
    return max(days.values(), default=0)


def _remedy(study: Study, members: Sequence[OfLLM], day: Amount, limit: Limit) -> Remedy:
    window, requests = study.window, sum(llm.requests for llm in members)
    context = sum(llm.requests * llm.request.context_tokens for llm in members) / requests
    scale = sum(llm.requests * llm.tokens_scale for llm in members) / requests
    fitting = remedy(
        limit.amount,
        DAY_LIMITS[limit.name],
        day,
        batches=window.batches_per_period if window else 1,
        periods=window.periods_per_day if window else 1,
        context=context,
        least=LEAST_CONTEXT * scale,
    )
    shorter = fitting.context_tokens
    return replace(fitting, context_tokens=None if shorter is None else int(shorter / scale))
