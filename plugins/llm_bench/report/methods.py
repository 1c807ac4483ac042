"""The methods of a study, as a referee asks for them: with its real settings, and open about what isn't known. Pure."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any, NamedTuple

from llm_bench.analysis import format as text
from llm_bench.analysis.view import View
from llm_bench.measure.limits import PACING
from llm_bench.measure.timing import CLOCK
from llm_bench.method import Method
from llm_bench.rag.retrieval import described
from llm_bench.records import utc_text
from llm_bench.report.definitions import metrics, statistics
from llm_bench.report.facts import Facts, Place
from llm_bench.report.sealing import sealed_items
from llm_bench.report.source import Section
from llm_bench.study import LLM, Generation, Study, Window
from llm_bench.templates import BUILT_IN, Template

CACHES = {
    "as_is": "Prompts are sent as they are: a provider's cache may know them from slots before.",
    "unique": "Each prompt begins with a short line that no earlier prompt had, so that no provider's cache knows it.",
    "both": "Each question is asked cold, behind a short line that no earlier prompt had, and right after once more, "
    "warm, with the same prompt.",
}
"""What a study's setting of the cache does."""


class Item(NamedTuple):
    """What is said about one matter.

    :param lines: a paragraph each.
    :param cites: keys of its sources.
    """

    term: str
    lines: Sequence[str]
    cites: Sequence[str] = ()

    @classmethod
    def of(cls, method: Method) -> Item:
        """A method's own words."""
        return cls(method.term, [method.text], method.cites)


class Part(NamedTuple):
    """A part of the methods."""

    title: str
    items: Sequence[Item]


def methods(study: Study, view: View, facts: Facts, sections: Sequence[Section] = ()) -> list[Part]:
    """All that has to be known to judge the numbers, or to measure them again.

    :param sections: of the report, with the statistics that were run for them.
    """
    return [
        Part("What was sealed", [Item(*item) for item in sealed_items(facts.protocols, facts.departures, study.zone)]),
        Part("What was asked", list(_asked(study, facts))),
        Part("When", list(_when(study, facts))),
        Part("What is in this report", list(_included(view, facts))),
        Part("How it was measured", list(_measured(facts))),
        Part(
            "What the metrics mean",
            [Item.of(method) for method in metrics(facts.questions, entailed=bool(facts.versions["scoring_model"]))],
        ),
        Part("Statistics", [Item.of(method) for method in statistics(sections)]),
    ]


def _asked(study: Study, facts: Facts) -> Iterator[Item]:
    of = {twin: name for name, twin in study.twins.items()}
    yield Item(
        "LLMs",
        [_llm(llm, study.generation, facts.answered.get(llm.name, ()), of.get(llm.name)) for llm in study.llms],
    )
    yield Item(
        "Questions",
        [
            f"{industry}: {len(questions)} questions, {sum(question.answerable for question in questions)} of which "
            "the documents answer"
            for industry, questions in facts.questions.items()
        ],
    )
    yield Item(
        "Prompt",
        [
            *_template(facts.template),
            *_changed(facts),
        ],
    )
    yield Item.of(described(study.retrieval))
    yield Item("Generation", [f"{_generation(study.generation)}; the same for all, but for what stands beside an LLM."])
    yield Item("Cache", [CACHES[study.cache], *_probed(facts)])
    yield Item("Order", list(_order(study, facts)))
    limits = study.deadlines
    yield Item(
        "Deadlines",
        [
            f"{limits.connect_sec:g} s to connect, {limits.first_token_sec:g} s to the first token, "
            f"{limits.total_sec:g} s to the end. What takes longer is a failure."
        ],
    )
    yield Item(
        "At once", [f"Up to {study.concurrency} cells (an LLM and an industry) of a provider are asked at once."]
    )
    yield Item.of(PACING)


def _order(study: Study, facts: Facts) -> Iterator[str]:
    how = {
        "shuffled": "The questions of a cell are shuffled anew in each slot, and in a slot alike for all LLMs.",
        "as_written": "The questions of a cell are asked in the order of their set, the same in each slot.",
    }
    yield how[study.order]
    order = facts.order
    if order is None:
        return
    yield (
        f"In the records, {order.first:,} of {order.questions:,} questions were the first of their cell in some slot. "
        f"A question's mean place is from {order.lowest * 100:.0f} to {order.highest * 100:.0f} % of the way from the "
        "first place to the last: 50 % is the middle."
    )
    if order.apart:
        yield f"Not all LLMs had it at the same place: {order.apart:,} of {order.asked:,} questions in slots."
    yield "The table Latency by position has the first place beside the others."


def _probed(facts: Facts) -> Iterator[str]:
    """How the records say that they were asked."""
    if not facts.probes:
        return
    counts = ", ".join(f"{count:,} {probe}" for probe, count in facts.probes.items())
    yield f"Asked, as the records say: {counts}."
    if facts.warm_left_out:
        yield (
            "The warm ones are left out of all figures and tables but those of the section Cache, so that no question "
            "counts twice."
        )


def _template(template: Template) -> Iterator[str]:
    system = template.system
    if system:
        yield f"System message (SHA-256 {hashlib.sha256(system.encode()).hexdigest()}): {system}"
    then = "Then the context's numbered passages, and the question."
    if template.user != BUILT_IN.user:
        then = f"The user's message, of the passages and the question: {template.user}"
    yield f"{then} The table Prompts has each question's hashes."


def _llm(llm: LLM, generation: Generation, answered: Sequence[str], twin_of: str | None) -> str:
    paced = f", at most {llm.requests_per_minute:g} requests a minute" if llm.requests_per_minute else ""
    name = f"{llm.name} (model {llm.model})" if llm.name != llm.model else llm.model
    own = llm.asked_with(generation)
    reasoning = f", {llm.reasoning_budget:,} of these tokens for reasoning" if llm.reasoning_budget else ""
    apart = f", {_generation(own)}{reasoning}" if own != generation else ""
    sent = f", {json.dumps(llm.parameters, ensure_ascii=False)}" if llm.parameters else ""
    others = [model for model in answered if model != llm.model_name]
    said = f"; the provider says that {', '.join(others)} answered" if others else ""
    twin = f", the twin of {twin_of}: the same LLM measured once more" if twin_of else ""
    return f"{name}{twin}{apart}{sent}{paced}{said}"


def _generation(generation: Generation) -> str:
    temperature = "none sent" if generation.temperature is None else f"{generation.temperature:g}"
    return f"max_tokens {generation.max_tokens:,}, temperature {temperature}"


def _changed(facts: Facts) -> list[str]:
    several = [str(row["question_id"]) for row in facts.prompts if len(row["prompts"]) > 1]
    return [f"The prompt changed during the study, for: {', '.join(several)}."] if several else []


def _when(study: Study, facts: Facts) -> Iterator[Item]:
    window = study.window
    if window is None:
        yield Item("Window", ["None: its batches were started by hand."])
        return
    zone = study.zone
    yield Item("Window", [f"{text.moment_and_zone(window.start, zone)} up to {text.moment_and_zone(window.end, zone)}"])
    yield Item("Rhythm", list(_rhythm(window, facts.expected)))
    if not facts.slots:
        yield Item("Completeness", ["Nothing was measured yet."])
        return
    yield Item("Completeness", [line for place in facts.places for line in _complete(place, facts, window)])


def _complete(place: Place, facts: Facts, window: Window) -> Iterator[str]:
    counts: Counter[str] = Counter(slot.state for slot in place.slots)
    states = {
        "done": "measured whole and in time",
        "late": f"measured whole, but later than {_span(window.schedule.grace)} after the slot",
        "incomplete": "measured in part",
        "missed": "missed: not measured",
        "to come": "not due yet at the last record",
    }
    ended = [f"{counts[state]} {words}" for state, words in states.items() if counts[state]]
    held = sum(slot.batch.records for slot in place.slots if slot.batch)
    yield f"{_from(place, facts)}Of {len(place.slots)} slots: {'; '.join(ended)}."
    yield f"{held:,} of {facts.expected * len(place.slots):,} records. The table Slots names what isn't whole."
    if place.outside:
        yield f"{place.outside:,} more records are of no slot of the window."


def _from(place: Place, facts: Facts) -> str:
    """Which client something is said of, where it isn't clear."""
    if place.client is None and len(facts.places) == 1:
        return ""
    return f"From {place.client}: " if place.client else "From the place without a name: "


def _rhythm(window: Window, expected: int) -> Iterator[str]:
    hours = window.period / timedelta(hours=1)
    spacing = window.period / window.batches_per_period
    yield (
        f"{window.batches_per_period} batches in each period of {hours:g} h, evenly spread, so one each "
        f"{_span(spacing)}; {expected:,} records a batch."
    )
    readings = {1: "one period every 24 hours", 2: "periods around the clock"}
    for periods, words in readings.items():
        if window.period * periods <= timedelta(days=1):
            slots = len(window.model_copy(update={"periods_per_day": periods}).schedule)
            which = "This study has" if periods == window.periods_per_day else "The other reading of the rhythm is"
            yield f"{which} {words} (periods_per_day: {periods}): {slots} slots, {slots * expected:,} records."


def _included(view: View, facts: Facts) -> Iterator[Item]:
    chosen = [f"{name} = {value}" for name, value in view.to_query()]
    yield Item("Filters", [", ".join(chosen) + "." if chosen else "None: all records of the study."])
    counts = facts.counts
    started = {"scheduled": "by the schedule", "backfill": "by a backfill", "manual": "by hand"}
    yield Item(
        "Records",
        ["None."]
        if not counts["records"]
        else [
            f"{facts.basis}: "
            + ", ".join(f"{counts[name]:,} of them started {words}" for name, words in started.items() if counts[name])
            + f"; the last was asked {utc_text(counts['until'])}."
        ],
    )
    kept = {"include": "They are in all figures", "exclude": "They are left out", "only": "They alone are shown"}
    yield Item(
        "Suspect",
        [f"{facts.suspect:,} records are marked suspect. {kept[view.suspect]}."],
    )
    refused = sum(slot.quarantined for slot in facts.slots)
    yield Item(
        "Quarantined",
        [
            f"{refused:,} records broke a rule of the schema, and are in no figure."
            if refused
            else "No record of the window's slots was refused by the quality gate."
        ],
    )
    yield Item(
        "Also marked",
        [
            f"{counts['warned']:,} with a warning of the quality gate; {counts['retried']:,} asked in a later attempt "
            f"at their task; {counts['estimated']:,} whose tokens are estimated, as the provider stated none."
        ],
    )


def _measured(facts: Facts) -> Iterator[Item]:
    names = {"llm_bench_version": "llm-bench", "litellm_version": "LiteLLM", "schema_version": "schema of the record"}
    yield Item("Versions", [f"{words} {', '.join(facts.versions[name]) or '–'}" for name, words in names.items()])
    models = facts.versions["scoring_model"] or facts.versions["embedding_model"]
    several = " Scores of several models stand together here, and aren't comparable." if len(models) > 1 else ""
    yield Item.of(CLOCK)
    yield Item("Where the client was", list(_place(facts)))
    yield Item("Scored by", [f"{', '.join(models) or '–'}.{several}"])
    errors = [line for place in facts.places for line in _calibrated(place.calibration, _from(place, facts))]
    yield Item("Error of the instrument", errors)


def _place(facts: Facts) -> Iterator[str]:
    yield (
        "; ".join(
            f"{name or 'a place without a name (LLM_BENCH_CLIENT was not set)'}: {records:,} records"
            for name, records in facts.clients.items()
        )
        or "–"
    )
    known = [f"{way.llm} {text.value(way.rtt, 's')}" for way in facts.network if way.rtt is not None]
    yield (
        f"Median round trip to where the connection ends (a proxy or the nearest edge of a network, say): "
        f"{', '.join(known)}."
        if known
        else "The round trip to the LLMs isn't known."
    )


def _calibrated(calibration: Mapping[str, Any] | None, place: str) -> Iterator[str]:
    if calibration is None:
        yield (
            f"{place}Not known: it was never measured on the machine of this study. `llm-bench calibrate` with the "
            "study's name measures it and keeps it with the study's data; a report made after that states it."
        )
        return
    machine = calibration["machine"]
    yield (
        f"{place}Measured {calibration['measured_at'][:10]} on {machine['cores']} cores ({machine['platform']}, Python "
        f"{machine['python']}), against a server that knows what it sent and when. The errors are upper bounds: client "
        "and server shared the cores."
    )
    for part in (calibration["alone"], calibration["eight"]):
        first, token = part["ttft_error_sec"], part["token_error_sec"]
        yield (
            f"{part['cells']} at once: time to first token too long by {_ms(first['median'])} at the median and "
            f"{_ms(first['p99'])} at the 99th percentile, each token by {_ms(token['median'])} and {_ms(token['p99'])} "
            f"({part['requests']:,} requests, {part['suspect']:,} of them suspect)."
        )
    yield f"With {', '.join(f'{name} {number}' for name, number in calibration['versions'].items())}."


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.2f} ms"


def _span(span: timedelta) -> str:
    minutes, seconds = divmod(span.total_seconds(), 60)
    return f"{minutes:.0f} min" + (f" {seconds:.1f} s" if round(seconds, 1) else "")


def settings(study: Study) -> str:
    """The study's file as it was read, as JSON, without what speaks of a place."""
    return json.dumps(study.model_dump(mode="json", exclude={"storage", "alerts"}), indent=1, ensure_ascii=False)
