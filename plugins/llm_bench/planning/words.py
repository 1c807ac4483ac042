"""A plan in words: what each of them is about, what there is to say, and what needs a hand. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from llm_bench.analysis import format as text
from llm_bench.analysis.statistics import LEAST_SLOTS
from llm_bench.analysis.statistics.scopes import FEW_DAYS, FEW_QUESTIONS, LEAST_DAYS, LEAST_QUESTIONS
from llm_bench.analysis.statistics.success import FEW_SLOTS
from llm_bench.planning.amounts import DAY_LIMITS, Amount
from llm_bench.planning.failing import Failing
from llm_bench.planning.plan import Duration, Exceeded, Limit, OfAccount, Plan
from llm_bench.planning.prospects import FIRST, Prospect

UNITS = {"days": "days", "slots": "slots a day", "questions": "questions"}
"""What there can be twice as much of, by its name in a prospect."""


def facts(plan: Plan) -> Iterator[tuple[str, str]]:
    """A plan in words: what each is about, and what there is to say."""
    if plan.batches:
        yield "Batches", f"{plan.to_come:,} of {plan.batches:,} to come, {plan.a_day} a day"
    if plan.to_come:
        yield "To come", _amount(plan, plan.batch.times(plan.to_come), plan.most_tokens * plan.to_come)
    if plan.to_come != plan.batches:
        yield "Whole", _amount(plan, plan.batch.times(plan.batches), plan.most_tokens * plan.batches)
    if not plan.batches:
        yield "Batches", "none is due by itself: the study has no window"
    yield "A batch", _amount(plan, plan.batch, plan.most_tokens)
    yield "Duration", duration(plan.duration)
    yield from (("Limits", _account(account)) for account in plan.accounts if account.limits)
    yield from (("Can show", _prospect(prospect)) for prospect in plan.prospects)
    if plan.prospects:
        yield "", f"that is of a typical pair of LLMs, with 80 % power, by {plan.prospects_basis}"
    yield from (("Assumed", words) for prospect in plan.prospects if (words := _assumed(prospect)))
    for basis, names in _bases(plan).items():
        yield "Rests on", f"{', '.join(names)}: {basis}" if len(names) < len(plan.llms) else basis


def warnings(plan: Plan) -> Iterator[str]:
    """What needs a hand, and what would help."""
    for account in plan.accounts:
        if account.refused:
            yield _refused(account)
    if not plan.duration.fits:
        yield (
            f"a batch is done {_span(plan.duration.done_sec)} after its slot, and the next is due after "
            f"{_span(plan.duration.spacing_sec or 0)}: it would fit with {_fewer(plan.duration)}a higher "
            "requests_per_minute where the provider allows it, or fewer questions"
        )


def _fewer(duration: Duration) -> str:
    return f"batches_per_period: {duration.fitting}, or " if duration.fitting else ""


def rows(plan: Plan) -> Iterator[tuple[str, ...]]:
    """A row of a table for each LLM, and for each account of a provider that several of them share."""
    batches = plan.to_come or plan.batches or 1
    for llm in plan.llms:
        yield _row(llm.name, llm.batch, batches, plan.a_day)
    for connection, amount in plan.by_connection.items():
        members = [llm for llm in plan.llms if llm.connection == connection]
        if 1 < len(members) < len(plan.llms):
            yield _row(f"all by {connection}", amount, batches, plan.a_day)


HEADINGS = ("LLM", "requests", "a day", "tokens in", "tokens out", "tokens", "USD")


def _row(name: str, batch: Amount, batches: int, a_day: int) -> tuple[str, ...]:
    amount = batch.times(batches)
    tokens = (amount.prompt_tokens, amount.answer_tokens, amount.tokens)
    day = text.count(batch.requests * a_day if a_day else None)
    return (name, text.count(amount.requests), day, *map(text.many, tokens), text.number(amount.cost_usd))


def _amount(plan: Plan, amount: Amount, most: float) -> str:
    cost = "dollars not known" if amount.cost_usd is None else f"${text.number(amount.cost_usd)}"
    if amount.cost_usd is not None and plan.unpriced:
        cost += f" without {', '.join(plan.unpriced)}"
    return (
        f"{text.count(amount.requests)} requests, about {text.many(amount.tokens)} tokens "
        f"({text.many(amount.prompt_tokens)} in, {text.many(amount.answer_tokens)} out; at most {text.many(most)}), "
        f"{cost}"
    )


def duration(duration: Duration) -> str:
    """How long a batch takes, and what there is."""
    words = f"about {_span(duration.took_sec)} from the first request to the last answer, at the paced rate"
    if duration.longest_sec > 1.1 * duration.took_sec:
        words += f", at most {_span(duration.longest_sec)}"
    return words if duration.spacing_sec is None else f"{words}; of {_span(duration.spacing_sec)} to the next batch"


def _span(seconds: float) -> str:
    return text.span(timedelta(seconds=seconds))


def _account(account: OfAccount) -> str:
    limits = ", ".join(
        f"{_exactly(limit)} {limit.name.replace('_per_', ' a ')}{' (the provider says so)' if limit.provider else ''}"
        for limit in account.limits
    )
    return f"{_named(account)}: {limits}"


def _exactly(limit: Limit) -> str:
    """A limit as it is stated."""
    return text.count(round(limit.amount)) if limit.amount >= 1 else text.number(limit.amount)


def _named(account: OfAccount) -> str:
    return " and ".join(account.llms)


def _refused(account: OfAccount) -> str:
    asked = f"{text.count(account.day.requests)} requests and about {text.many(account.day.tokens)} tokens a day"
    limits = ", ".join(
        f"limit {_exactly(limit)} {DAY_LIMITS[limit.name]} a day"
        for limit in [exceeded.limit for exceeded in account.exceeded] or account.limits
        if limit.name in DAY_LIMITS
    )
    questions = "question" if account.refused == 1 else "questions"
    refused = f"{text.count(account.refused)} {questions} a day will be refused"
    fitting = "; ".join(map(_fitting, account.exceeded))
    return f"{_named(account)}: {asked}; {limits}: {refused}" + (f"; it would fit with {fitting}" if fitting else "")


def _fitting(exceeded: Exceeded) -> str:
    remedy = exceeded.remedy
    ways = [f"batches_per_period: {remedy.batches}"] if remedy.batches else ["fewer questions"]
    if remedy.context_tokens is not None:
        ways.append(f"contexts of {text.count(remedy.context_tokens)} tokens (max_context_tokens)")
    ways.append(f"{remedy.accounts} keys in place of one (connection of an LLM's entry), or a higher tier")
    return ", or ".join(ways)


_DOUBTS = {
    FEW_DAYS: f"none with fewer than {LEAST_DAYS} days",
    FEW_QUESTIONS: f"none with fewer than {LEAST_QUESTIONS} questions",
    FEW_SLOTS: f"none with fewer than {LEAST_SLOTS} slots",
}


def _prospect(prospect: Prospect) -> str:
    title = f"{_title(prospect)} {'ratio' if _is_ratio(prospect) else 'difference'}"
    if prospect.typical is None:
        return f"{title}: {_DOUBTS.get(prospect.doubt or '', 'none')}{_of_these(prospect)}{_doubled(prospect)}"
    words = f"{title}: {_size(prospect, prospect.typical)} and more for {prospect.scope}, on days like these"
    after = "none" if prospect.after_holm is None else _size(prospect, prospect.after_holm)
    words += f" ({after} after Holm over {prospect.comparisons:,} comparisons)" if prospect.comparisons > 1 else ""
    if prospect.widest is not None and _size(prospect, prospect.widest[1]) != _size(prospect, prospect.typical):
        words += f"; {_size(prospect, prospect.widest[1])} for {prospect.widest[0]}"
    return words + _of_these(prospect) + _doubled(prospect)


def _of_these(prospect: Prospect) -> str:
    """What is found of these questions, where that is another size."""
    if prospect.these is None:
        return ""
    size = _size(prospect, prospect.these)
    if prospect.typical is not None and size == _size(prospect, prospect.typical):
        return ""
    return f"; {size} for these questions alone"


def _title(prospect: Prospect) -> str:
    return prospect.metric.partition("_")[0].capitalize()


def _doubled(prospect: Prospect) -> str:
    if not prospect.most:
        return ""
    sizes = [size for what in prospect.most if (size := prospect.doubled[what]) is not None]
    named = " or ".join(UNITS[what] for what in prospect.most)
    return f"; twice the {named} would buy most: {_size(prospect, sizes[0])}"


def _is_ratio(prospect: Prospect) -> bool:
    return prospect.metric == FIRST


def _size(prospect: Prospect, size: float) -> str:
    if _is_ratio(prospect):
        return f"{size:.2f}" if size >= 1.02 else f"{size:.3f}"
    return f"{size * 100:.1f} points" if prospect.metric == "success" else f"{text.number(size)}"


_STEPS = {
    "question": "from question to question (LLM × question)",
    "day": "from day to day",
    "slot": "from slot to slot",
    "rest": "from request to request",
}


def _assumed(prospect: Prospect) -> str:
    """What the records couldn't show, and what is taken instead; empty where they showed all."""
    basis = prospect.basis
    if isinstance(basis, Failing):
        words = {
            "isolated failures": f"{_percent(basis.isolated)} of the requests fail, each by itself",
            "outages": f"outages in {_percent(basis.outages)} of the slots" if basis.outages else "no outages",
        }
        known = [words[part] for part in words if part in basis.assumed]
    else:
        sizes = {part: getattr(basis, part) for part in _STEPS if part in basis.assumed}
        known = [
            f"{_percent(size) if _is_ratio(prospect) else text.number(size)} {_STEPS[part]}"
            for part, size in sizes.items()
        ]
        known[:1] = [f"two LLMs differ by {part}" for part in known[:1]]
    return f"{_title(prospect)}: {', '.join(known)}" if known else ""


def _percent(share: float) -> str:
    return f"{100 * share:.2g} %"


def _bases(plan: Plan) -> dict[str, list[str]]:
    bases: dict[str, list[str]] = {}
    for llm in plan.llms:
        bases.setdefault(llm.basis, []).append(llm.name)
    return bases
