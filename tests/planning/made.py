"""A plan that was put together by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from llm_bench.planning.amounts import Remedy, Request, total
from llm_bench.planning.plan import Duration, Exceeded, Limit, OfAccount, OfLLM, Plan

GROQ = OfLLM(
    name="groq/some-model",
    account="groq/some-model",
    connection="llm_groq",
    request=Request(1000, 800, 1143, 1.0, 2048, 0.001),
    requests=20,
    warm_ups=0,
    busy_sec=(1.0,),
    start_sec=5.0,
    tokens_scale=1.0,
    basis="as in 80 records of trial",
)
OTHER = replace(GROQ, name="mistral/other", account="mistral/other", connection="llm_mistral")


def account(refused: int = 37, *exceeded: Exceeded, llm: OfLLM = GROQ) -> OfAccount:
    limit = Limit("tokens_per_day", 100_000, provider=False)
    over = exceeded or ((Exceeded(limit, Remedy(2, 300, 7)),) if refused else ())
    return OfAccount(llm.account, (llm.name,), total([llm.batch]).times(14), (limit,), refused, over)


def plan(*llms: OfLLM, **changes: Any) -> Plan:
    made = Plan(
        study="mine",
        now=datetime(2026, 12, 1, 12, tzinfo=UTC),
        batches=56,
        to_come=56,
        a_day=14,
        llms=llms or (GROQ, OTHER),
        accounts=(),
        duration=Duration(40.0, 41.0, 50.0, 3085.0),
        prospects=(),
        prospects_basis="assumptions",
    )
    return replace(made, **changes)
