"""What a report says of the study's protocol: what was sealed when, what is primary, and every departure. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import tzinfo
from functools import partial
from itertools import pairwise

from llm_bench.analysis import format as text
from llm_bench.analysis import table
from llm_bench.analysis.table import Table
from llm_bench.progress.states import Slot
from llm_bench.protocol import words
from llm_bench.protocol.content import Change, Departure, Protocol, binding, changes
from llm_bench.protocol.words import Moment

NONE, SOME = "none", "some"


def seen(
    protocol: Protocol,
    *,
    slots: Sequence[Slot],
    expected: int,
    outside: int,
    versions: Mapping[str, Sequence[str]],
    variants: Mapping[str, int],
    llms: Sequence[str],
) -> Iterator[Change]:
    """In what the records aren't what the protocol said.

    :param slots: of the window; empty where there is none.
    :param expected: records of a whole batch.
    :param outside: records of no slot of the window that are in this report.
    :param versions: field of the record → its values.
    :param variants: what should be one thing in all records → how many it is.
    :param llms: that have records.
    """
    yield from _incomplete(slots, expected, outside)
    for name, sealed in protocol.versions.items():
        others = versions.get(f"{name}_version", ())
        if any(version != sealed for version in others):
            yield Change(f"version of {name} in the records", sealed, ", ".join(others))
    for what, count in variants.items():
        if count > 1:
            yield Change(what, "one in all records", f"{count:,} in the records")
    for name in dict.fromkeys(name for pair in protocol.plan.pairs for name in pair):
        if name not in llms:
            yield Change(f"records of {name}, which is to be compared", SOME, NONE)


def _incomplete(slots: Sequence[Slot], expected: int, outside: int) -> Iterator[Change]:
    """In what the slots of the window, as far as they were due, aren't whole and in time."""
    counts: Counter[str] = Counter(slot.state for slot in slots)
    for state, what in {"missed": "missed", "incomplete": "measured in part", "late": "measured late"}.items():
        if counts[state]:
            yield Change(f"slots {what}", NONE, f"{counts[state]:,}")
    due = expected * sum(slot.state != "to come" for slot in slots)
    held = sum(slot.batch.records for slot in slots if slot.batch)
    if held < due:
        yield Change("records of the slots that were due", f"{due:,}", f"{held:,}")
    refused = sum(slot.quarantined for slot in slots)
    if refused:
        yield Change("records refused by the quality gate", NONE, f"{refused:,}")
    if outside:
        yield Change("records of no slot of the window in this report", NONE, f"{outside:,}")


def sealed_items(
    protocols: Sequence[Protocol], departures: Sequence[Departure], zone: tzinfo
) -> Iterator[tuple[str, list[str]]]:
    """What there is to say, by what it is about."""
    moment = partial(text.moment_and_zone, zone=zone)
    if not protocols:
        yield (
            "Protocol",
            [
                "None: this study was not sealed beforehand, so that which metrics, comparisons and exclusions matter "
                "could be chosen with the data at hand. The first metric's comparisons are marked as primary because "
                "it is the first for every study, and nobody chose it for this one; all others are exploratory."
            ],
        )
        return
    bound = binding(protocols)
    plan = bound.plan
    yield "Protocol", [f"Sealed on {words.sealed(bound, moment)}.", f"SHA-256 of the sealed file: {bound.sha256}"]
    if len(protocols) > 1:
        yield "Amendments", list(_amendments(protocols, moment))
    pairs = "; ".join(" with ".join(pair) for pair in plan.pairs)
    yield (
        "Primary",
        [
            f"{len(plan.metrics) * len(plan.pairs):,} comparisons, in {', '.join(plan.metrics)}: {pairs}.",
            *_standing(bound, departures),
            "Everything else in this report is exploratory.",
        ],
    )
    filters = [f"{name} = {value}" for name, values in plan.filters.items() for value in values]
    yield "Exclusions sealed", [f"Filters: {', '.join(filters) or 'none, all records of the study count'}."]
    yield "Analysis sealed", [f"{name}: {value}" for name, value in plan.analysis.items()]
    yield "Departures", [*map(_departure, departures), *_otherwise(departures)] or ["None known."]


def _otherwise(departures: Sequence[Departure]) -> Iterator[str]:
    """What it means that comparisons aren't made as they were sealed."""
    if any(departure.change.what.startswith("analysis ") for departure in departures):
        yield (
            "The version of llm-bench that made this report makes comparisons otherwise than the one that sealed the "
            "protocol. Which comparisons are primary is as sealed; their sizes, intervals and p are by the new way. "
            "The sealed way is that of the version which the protocol names."
        )


def _standing(bound: Protocol, departures: Sequence[Departure]) -> Iterator[str]:
    """What keeps primary results from being what they are called."""
    if not bound.beforehand:
        yield "They were chosen when records were there already, and are marked so."
    if any(departure.change.what.startswith("filter ") for departure in departures):
        yield "This report's filters aren't those that were sealed, so that none of its results is primary."


def _amendments(protocols: Sequence[Protocol], moment: Moment) -> Iterator[str]:
    for before, after in pairwise(protocols):
        what = "; ".join(map(_change, changes(before.plan, after.plan)))
        yield f"{after.number - 1}, {words.sealed(after, moment)}. Reason: {after.reason}. What: {what}."
    if any(not protocol.beforehand for protocol in protocols[1:]):
        yield "What was amended with records at hand changes nothing of what is primary."


def _departure(departure: Departure) -> str:
    amended = f" (amendment {departure.amendment - 1})" if departure.amendment else ""
    return f"{_change(departure.change)}{amended}."


def _change(change: Change) -> str:
    return f"{change.what}: {change.sealed} → {change.now}"


def departed(departures: Sequence[Departure]) -> Table:
    """The departures as a table."""
    return Table(
        "departures",
        "Departures from the sealed protocol",
        [
            table.words("what", "What"),
            table.long("sealed", "As sealed"),
            table.long("now", "As it is"),
            table.count("amendment", "Amendment"),
        ],
        [[*departure.change, departure.amendment and departure.amendment - 1] for departure in departures],
        ["Amendment: the number of the first one that announced it."],
    )


def header(study: str, protocols: Sequence[Protocol], departures: Sequence[Departure], zone: tzinfo) -> str:
    """Whether the study was sealed and kept, in a line."""
    count = len(departures)
    kept = f"; {count:,} departure{'s' * (count != 1)}" if count else "; no departure known"
    said = words.line(study, protocols, partial(text.moment_and_zone, zone=zone)) + (kept if protocols else "")
    return said[0].upper() + said[1:]
