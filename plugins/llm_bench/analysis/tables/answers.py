"""Tables of which model answered, and what they say in a sentence. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import tzinfo
from typing import TYPE_CHECKING

from llm_bench.analysis import format as text
from llm_bench.analysis import table
from llm_bench.analysis.statistics.changes import LEAST_TO_COMPARE, LEVEL
from llm_bench.analysis.table import Table

if TYPE_CHECKING:
    from llm_bench.analysis.charts import Looks
    from llm_bench.analysis.queries import Answered, Identity
    from llm_bench.analysis.queries.answers import Verdict

FIELDS = {
    "response_model": "Model",
    "system_fingerprint": "Fingerprint",
    "upstream_provider": "Upstream",
    "answers": "Answers",
}
"""Field in which a provider names what answered, and the answers → what it is called."""

_SAID: Mapping[Verdict, str] = {"changed": "changed", "same": "no change seen", "unknown": "can't tell"}


def verdict(answered: Answered, zone: tzinfo) -> str:
    """What can be said of an LLM's answers."""
    if answered.verdict == "unknown":
        slots = "1 slot" if answered.slots == 1 else f"{text.count(answered.slots)} slots"
        return f"{_SAID['unknown']}: {slots} with answers, and it takes {LEAST_TO_COMPARE}"
    if answered.verdict == "same":
        return f"{_SAID['same']} (p {text.p_equals(answered.p)})"
    return f"the answers changed at {text.moment(answered.at, zone)} (p {text.p_equals(answered.p)})"


def identity(known: Identity, looks: Looks, zone: tzinfo, temperatures: Mapping[str, float | None]) -> Table:
    """Each LLM's answers, and whether they changed.

    :param temperatures: LLM → what it is asked with; None where none is sent. Of the study's file, as it is now.
    """
    return Table(
        "identity",
        "Whether the answers of each LLM changed",
        [
            table.llm(looks),
            table.words("verdict", "Verdict", lambda said: _SAID[said]),
            table.chance("p_holm", "p, Holm", hint="corrected"),
            table.words("changed_at", "Most likely at", lambda at: text.moment(at, zone)),
            table.words("temperature", "Temperature"),
            table.rate("first_day", "Differ on the first day", interval=False),
            table.rate("later", "Differ later", interval=False),
            table.count("slots", "Slots"),
            table.count("answers", "Answers"),
            table.count("left_out", "Left out"),
        ],
        [
            [
                answered.llm,
                answered.verdict,
                answered.p,
                answered.at if answered.verdict == "changed" else None,
                _temperature(answered.llm, temperatures),
                answered.first_day,
                answered.later,
                answered.slots,
                answered.answers,
                answered.left_out,
            ]
            for answered in looks.ordered(known.llms)
        ],
        [
            "p: how often answers that don't change would differ so much at any moment, by chance; corrected by Holm "
            f"over the LLMs; below {LEVEL}, they changed. Differ: of all pairs of an answer and one of the first day "
            "to the same question, how many aren't the same text. Left out: failed, empty, cut, from a cache on "
            "purpose, or to another prompt than usual.",
            *_bounds(known),
        ],
    )


def _temperature(llm: str, temperatures: Mapping[str, float | None]) -> str | None:
    if llm not in temperatures:
        return None
    temperature = temperatures[llm]
    return "none sent" if temperature is None else f"{temperature:g}"


def _bounds(known: Identity) -> list[str]:
    """What wasn't looked at; nothing where all was."""
    said = bounds(known)
    return [said] if said else []


def bounds(known: Identity) -> str:
    """How much of the view was looked at; empty where it is all of it."""
    if known.slots == known.of_slots and known.questions == known.of_questions:
        return ""
    return (
        f"Looked at: {text.count(known.slots)} of {text.count(known.of_slots)} slots and {text.count(known.questions)} "
        f"of {text.count(known.of_questions)} questions, evenly chosen."
    )


def answers_over_time(known: Identity, looks: Looks, zone: tzinfo) -> Table:
    """How many of each slot's answers differ from those of the first day."""
    return Table(
        "identity-over-time",
        "Share of each slot's answers that differ from those of the first day",
        [
            table.words("slot", "Slot", lambda at: text.moment(at, zone)),
            table.llm(looks),
            table.count("answers", "Answers"),
            table.rate("differ", "Differ", interval=False),
        ],
        [[point.at, point.llm, point.n, point.share] for point in sorted(known.points, key=lambda point: point.at)],
    )


def changes(known: Identity, looks: Looks, zone: tzinfo) -> Table:
    """What changed, in the order of time."""
    return Table(
        "identity-changes",
        "What changed, and when",
        [
            table.words("slot", "From slot", lambda at: text.moment(at, zone)),
            table.llm(looks),
            table.words("what", "What", lambda field: FIELDS[field]),
            table.words("value", "Now"),
            table.chance("p_answers", "p of the answers"),
        ],
        [[change.at, change.llm, change.field, change.value, change.p] for change in known.changes],
        [
            "p: how often answers that don't change would differ so much then; corrected over the moments of the LLM, "
            "and, where the answers changed, by Holm over the LLMs."
        ],
    )


def names(known: Identity, looks: Looks, zone: tzinfo) -> Table:
    """What providers say that answered, from when to when."""
    return Table(
        "identity-names",
        "What providers say that answered",
        [
            table.llm(looks),
            table.words("field", "Says", lambda field: FIELDS[field]),
            table.words("value", "Which"),
            table.words("first", "First in", lambda at: text.moment(at, zone)),
            table.words("last", "Last in", lambda at: text.moment(at, zone)),
            table.count("answers", "Answers"),
            table.chance("p_moment", "p of the answers", hint="at its first slot"),
        ],
        [
            [name.llm, name.field, name.value, name.first, name.last, name.answers, name.p]
            for name in looks.ordered(known.names)
        ],
        [
            "p: where a name came up later, how often answers that don't change would differ so much then; corrected "
            "over the moments of the LLM.",
            *_hidden(known, looks),
        ],
    )


def _hidden(known: Identity, looks: Looks) -> list[str]:
    """Which LLMs have more names than are shown."""
    shown = {(name.llm, name.field): 0 for name in known.names}
    for name in known.names:
        shown[name.llm, name.field] += 1
    more = {
        f"{looks.names[name.llm]} {FIELDS[name.field].lower()} {text.count(name.values)}": None
        for name in known.names
        if name.values > shown[name.llm, name.field]
    }
    return [f"There are more than are shown: {', '.join(more)}."] if more else []
