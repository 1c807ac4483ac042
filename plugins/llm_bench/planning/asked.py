"""What a request of each LLM of a study will be: its prompt by the real prompts, its answer by records or assumed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from llm_bench.planning.amounts import Request
from llm_bench.planning.history import Histories, History
from llm_bench.planning.plan import OfLLM
from llm_bench.study import BASELINE, LLM, Study

TYPICAL_SHARE = 0.25
"""Of ``max_tokens``, what an answer is taken to have where no records show it."""
ASSUMED_SPEED, ASSUMED_TTFT_SEC = 60.0, 0.5
ASSUMED_START_SEC = 10.0
"""From a slot to a cell's first request, where no records show it."""
UNIQUE_LINE_TOKENS = 16
"""Of the line before a prompt: fifteen digits, which some tokenizers take one by one."""


class Asking(NamedTuple):
    """What a study's settings make of each question.

    :param times: how often it is asked.
    :param warm_up: requests before the first question of a cell.
    :param more_tokens: of a prompt, beside question and context.
    """

    times: int
    warm_up: int
    more_tokens: int


def asking(study: Study) -> Asking:
    """What the settings add."""
    unique = UNIQUE_LINE_TOKENS if study.cache != "as_is" else 0
    return Asking(study.asked_per_question, int(study.warm_up), unique)


@dataclass(frozen=True, slots=True)
class Prompted:
    """A question as it is asked, in tokens as the default embedding model counts them.

    :param characters: of all messages.
    """

    industry: str
    prompt_hash: str
    tokens: int
    context_tokens: int
    characters: int


def prompted(study: Study, home: Path, include: Path) -> list[Prompted]:
    """The questions of a study, as they will be asked."""
    from llm_bench.rag.prompt import messages_of  # noqa: PLC0415
    from llm_bench.rag.retrieval import count_tokens, retrieve  # noqa: PLC0415
    from llm_bench.templates import load_template  # noqa: PLC0415

    template, cache = load_template(include, study.prompt), home / "data" / "cache"
    prompts = []
    for industry in study.industries:
        for prompt in retrieve(include, industry, study.retrieval, cache, template):
            texts = [message["content"] for message in messages_of(prompt)]
            prompts.append(
                Prompted(
                    industry,
                    prompt["prompt_hash"],
                    sum(map(count_tokens, texts)),
                    sum(map(count_tokens, prompt["passages"])),
                    sum(map(len, texts)),
                )
            )
    return prompts


def of_llm(
    study: Study, llm: LLM, prompts: Sequence[Prompted], known: Mapping[str, int], sources: Sequence[Histories]
) -> OfLLM:
    """What an LLM's requests will be.

    :param known: hash of a prompt → its tokens as counted here, of this study's prompts and of those of its pilot.
    :param sources: records, of the study first.
    """
    history = next(filter(None, (source.of(llm) for source in sources)), None)
    settings, most = asking(study), llm.asked_with(study.generation).max_tokens
    scale = _scale(history, known)
    counted = float(np.mean([prompt.tokens for prompt in prompts])) + (0 if scale else settings.more_tokens)
    context = float(np.mean([prompt.context_tokens for prompt in prompts]))
    answers = (_seen(history) if history is not None else None) or _assumed(most)
    prompt = counted * (scale or 1.0)
    cost = answers.cost_usd if answers.cost_usd is not None else _price(llm, prompt, answers.tokens)
    start = history.start_sec if history is not None else None
    return OfLLM(
        name=llm.name,
        account=llm.account,
        connection=llm.conn_id,
        request=Request(prompt, context * (scale or 1.0), answers.tokens, answers.answered, most, cost),
        requests=len(prompts) * settings.times,
        warm_ups=settings.warm_up * len(study.industries),
        busy_sec=answers.busy_sec,
        start_sec=ASSUMED_START_SEC if start is None else max(0.0, start),
        tokens_scale=scale or 1.0,
        basis=f"{_prompts_basis(scale)}; {answers.basis}",
    )


def _prompts_basis(scale: float | None) -> str:
    return "prompts counted by the default embedding model's tokens" + (
        f", times {scale:.2f} as records show" if scale else ""
    )


class _Answers(NamedTuple):
    """What answers are taken to be.

    :param tokens: of one.
    :param answered: share of the requests that have one.
    :param busy_sec: how long requests take.
    :param cost_usd: of a request; None where no record says it.
    """

    tokens: float
    answered: float
    busy_sec: Sequence[float]
    cost_usd: float | None
    basis: str


def _seen(history: History) -> _Answers | None:
    """As records show them; None where none has an answer."""
    tokens, costs = history.numbers("response_tokens"), history.numbers("cost_usd")
    if not tokens.size or not history.busy_sec.size:
        return None
    return _Answers(
        float(tokens.mean()),
        tokens.size / history.records,
        [float(seconds) for seconds in history.busy_sec],
        float(costs.sum()) / history.records if costs.size else None,
        f"answers as in {history.records:,} records of {history.study}",
    )


def _assumed(most: int) -> _Answers:
    tokens = TYPICAL_SHARE * most
    seconds = ASSUMED_TTFT_SEC + tokens / ASSUMED_SPEED
    basis = f"answers assumed: {tokens:.0f} tokens ({TYPICAL_SHARE:.0%} of max_tokens, {most:,}) in {seconds:.1f} s"
    return _Answers(tokens, 1.0, [seconds], None, basis)


def _scale(history: History | None, known: Mapping[str, int]) -> float | None:
    """An LLM's own tokens of the prompts, as a multiple of those counted here; None where no record has one of them."""
    if history is None:
        return None
    pairs = [
        (tokens, known[prompt])
        for tokens, prompt in zip(history.columns["prompt_tokens"], history.columns["prompt_hash"], strict=True)
        if prompt in known and not np.isnan(tokens)
    ]
    return sum(tokens for tokens, _ in pairs) / sum(counted for _, counted in pairs) if pairs else None


def _price(llm: LLM, prompt: float, answer: float) -> float | None:
    from llm_bench.measure.formats.answer import Usage  # noqa: PLC0415
    from llm_bench.measure.library import quiet_litellm  # noqa: PLC0415
    from llm_bench.measure.prices import cost  # noqa: PLC0415

    if llm.provider == BASELINE:
        return None
    if llm.price is not None:
        return llm.price.cost(round(prompt), 0, round(answer))
    return cost(quiet_litellm(), llm, Usage(), (round(prompt), round(answer)))[0]
