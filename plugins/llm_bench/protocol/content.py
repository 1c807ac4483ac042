"""What a study's protocol says, and what differs between two of them. Pure."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any, NamedTuple

from llm_bench.errors import InputError, unknown
from llm_bench.rag.prompt import canonical_hash

DEFAULT_METRICS = ("latency_sec", "success")
"""What is primary where nothing else is said: the seed's first metric, and whether there was an answer at all."""

ANALYSIS = {
    "unit": "a question on a day: the mean over its slots, of pairs of the same question and slot; of success, a slot",
    "estimate": "times, speeds and cost: the geometric mean of the ratios; scores: the mean of the differences; "
    "success: the difference of the rates",
    "interval": "95 %, by Student's t, of days and questions as crossed random factors; of success, Newcombe's, of "
    "rates as clustered as their failures",
    "test": "by the same t, two-sided; of success, random signs of the runs of slots in which the two differ",
    "scope": "questions like these, on days like these; of success, these questions",
    "correction": "Holm's, over the primary comparisons",
    "level": 0.05,
    "interest": "no difference that matters, where the whole interval lies within the study's interest",
}
"""How the comparisons of this version are made; a later version that makes them otherwise says otherwise."""

PRIMARY, LATE = "primary", "primary, not beforehand"
"""Roles of a comparison that a protocol names."""

_HASH = re.compile(r"[0-9a-f]{64}")
_ABSENT = object()
_NOTHING = "—"


class Change(NamedTuple):
    """Something that isn't as it was sealed, in words.

    :param sealed: as the protocol has it; "—" where it has none.
    :param now: as it is; "—" where there is none any more.
    """

    what: str
    sealed: str
    now: str


class Departure(NamedTuple):
    """A change since the protocol that binds.

    :param amendment: number of the first one that says so; None where none does.
    """

    change: Change
    amendment: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a protocol binds; all of it JSON values.

    :param metrics: of the primary comparisons.
    :param pairs: of LLMs, of the primary comparisons.
    :param filters: name in an address → values, as a view has them: what is left out of the analysis.
    :param analysis: how the comparisons are made.
    :param settings: the study's file, whatever keys it has.
    :param questions: industry → id → SHA-256 of the question with its reference points.
    :param documents: industry → name of the file → SHA-256 of its content.
    :param prompt: SHA-256 of the prompt's template.
    """

    metrics: Sequence[str]
    pairs: Sequence[Sequence[str]]
    filters: Mapping[str, Sequence[str]]
    analysis: Mapping[str, Any] = field(default_factory=lambda: ANALYSIS)
    settings: Mapping[str, Any]
    questions: Mapping[str, Mapping[str, str]]
    documents: Mapping[str, Mapping[str, str]]
    prompt: str

    @property
    def hashes(self) -> dict[str, str]:
        """One SHA-256 each of what was asked, and how."""
        parts = {"study": self.settings, "questions": self.questions, "documents": self.documents}
        return {name: canonical_hash(part) for name, part in parts.items()} | {"prompt": self.prompt}


@dataclass(frozen=True, slots=True)
class Protocol:
    """A plan, sealed; the first of a study, or an amendment.

    :param number: from 1 on.
    :param sealed_at: UTC, as the records have it.
    :param reason: of an amendment; None of the first.
    :param records_before: of those that the plan is about, in the store by then: of slots of the study's window (all
        where it has none) that its filters leave.
    :param others_before: other records in the store by then, as of trials by hand.
    :param versions: of what was installed.
    :param plan: what it binds.
    :param content: of the file.
    """

    number: int
    sealed_at: str
    reason: str | None
    records_before: int
    others_before: int
    versions: Mapping[str, str]
    plan: Plan
    content: bytes = b""

    @property
    def beforehand(self) -> bool:
        """Whether none of the records that it is about was there."""
        return not self.records_before

    @property
    def sha256(self) -> str:
        """Of the file."""
        return hashlib.sha256(self.content).hexdigest()


def binding(protocols: Sequence[Protocol]) -> Protocol:
    """The protocol that says what is primary: the last that was sealed before the first record, or else the first.

    What was amended with records at hand neither makes a result primary nor takes it away.

    :param protocols: of a study, at least one, in their order.
    """
    before = [protocol for protocol in protocols if protocol.beforehand]
    return before[-1] if before else protocols[0]


def roles(
    protocols: Sequence[Protocol], filters: Iterable[tuple[str, str]]
) -> dict[tuple[str, frozenset[str]], str] | None:
    """The comparisons (metric and two LLMs) that aren't exploratory → their role; None where nothing was sealed.

    There is none under other filters than those that were sealed.

    :param protocols: of the study, in their order.
    :param filters: of the analysis, as ``View.to_query`` gives them.
    """
    if not protocols:
        return None
    bound = binding(protocols)
    sealed = [(name, value) for name, values in bound.plan.filters.items() for value in values]
    if sorted(sealed) != sorted(filters):
        return {}
    role = PRIMARY if bound.beforehand else LATE
    return {(metric, frozenset(pair)): role for metric in bound.plan.metrics for pair in bound.plan.pairs}


def departures(protocols: Sequence[Protocol], now: Plan, seen: Iterable[Change] = ()) -> list[Departure]:
    """All in which a study isn't as it was sealed.

    :param protocols: of the study, at least one, in their order.
    :param now: the study as it is.
    :param seen: what the records show beside it.
    """
    bound = binding(protocols)
    amendments = protocols[protocols.index(bound) + 1 :]
    since = [(amendment.number, {change.what for change in changes(amendment.plan, now)}) for amendment in amendments]

    def amended(what: str) -> int | None:
        return next((number for number, still in since if what not in still), None)

    made = [Departure(change, amended(change.what)) for change in changes(bound.plan, now)]
    return [*made, *(Departure(change, None) for change in seen)]


def primary_pairs(llms: Sequence[str], named: Sequence[Sequence[str]], twins: Collection[str] = ()) -> list[list[str]]:
    """The pairs that are primary, each in the study's order; where none is named, all but those with a twin.

    :param llms: of the study.
    :param twins: those of them that are there to show the noise.
    :raises InputError: a name isn't one of the study's, or a pair has one LLM twice.
    """
    if not named:
        return [list(pair) for pair in combinations([llm for llm in llms if llm not in twins], 2)]
    for pair in named:
        for name in pair:
            if name not in llms:
                raise unknown(f"The study has no LLM {name!r} to compare.", name, llms)
        if len(set(pair)) < 2:
            raise InputError(f"The pair {pair[0]} and {pair[-1]} is one LLM.", "Name two different ones.")
    return [list(pair) for pair in dict.fromkeys(tuple(sorted(pair, key=llms.index)) for pair in named)]


def changes(sealed: Plan, now: Plan) -> list[Change]:
    """What differs between two plans."""
    return [
        Change(_place(path), _text(before), _text(after))
        for path, before, after in _differ((), _tree(sealed), _tree(now))
    ]


def _tree(plan: Plan) -> dict[str, Any]:
    return {
        "setting": plan.settings,
        "question": plan.questions,
        "document": plan.documents,
        "prompt template": plan.prompt,
        "filter": plan.filters,
        "primary metrics": sorted(plan.metrics),
        "primary pairs": sorted(" with ".join(sorted(pair)) for pair in plan.pairs),
        "analysis": plan.analysis,
    }


def _differ(path: tuple[str, ...], before: Any, after: Any) -> Iterator[tuple[tuple[str, ...], Any, Any]]:
    """The smallest parts that differ, with where they stand."""
    before, after = _named(before), _named(after)
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in dict.fromkeys([*before, *after]):
            yield from _differ((*path, str(key)), before.get(key, _ABSENT), after.get(key, _ABSENT))
    elif before != after:
        yield path, before, after


def _named(value: Any) -> Any:
    """A list of mappings with names, as a mapping by name: its order is of no account."""
    if isinstance(value, Sequence) and not isinstance(value, str) and value:
        names = [item.get("name") if isinstance(item, Mapping) else None for item in value]
        if all(names) and len(set(names)) == len(names):
            return dict(zip(names, value, strict=True))
    return value


def _place(path: tuple[str, ...]) -> str:
    kind, *within = path
    return " ".join([kind, ("/" if kind in {"question", "document"} else ".").join(within)]).strip()


def _text(value: Any) -> str:
    if value is _ABSENT or value == []:
        return _NOTHING
    if isinstance(value, Mapping) and "name" in value:
        return "there"
    if isinstance(value, str):
        return f"{value[:8]}…" if _HASH.fullmatch(value) else value
    if isinstance(value, Sequence) and all(isinstance(item, str) for item in value):
        return ", ".join(value)
    return json.dumps(value, ensure_ascii=False)
