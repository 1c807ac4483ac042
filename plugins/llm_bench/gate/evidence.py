"""Facts about each row of a chunk of records, as far as its columns and its study tell them. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from llm_bench.gate.columns import Column, Flags, Numbers
from llm_bench.gate.completeness import Due
from llm_bench.records import record_id, utc_text
from llm_bench.schedule import from_us, to_us
from llm_bench.study import BASELINE

if TYPE_CHECKING:
    import pyarrow as pa

Places = npt.NDArray[np.int64]

TOLERANCE = 1e-6
"""Relative for rates; for times in seconds, absolute: they are kept to the microsecond."""
MAX_TOKENS_PER_SEC = 5_000
MIN_TTFT_SEC = 0.001
MAX_CHARACTERS_PER_TOKEN = 16
MAX_USD_PER_TOKEN = 0.001
DEADLINE_GRACE_SEC = 1.0
"""A deadline is applied when bytes arrive, so a request may outlast it by one read."""

NULL_WHEN_FAILED = ("latency_sec", "throughput_tps", "decode_tps", "coverage_score", "groundedness")

_US = 1_000_000


class Facts:
    """Facts about each row, as arrays of booleans; where one doesn't apply, it is true."""

    def __init__(self, columns: Mapping[str, Column], due: Due, count: int) -> None:
        self._columns = columns
        self._due = due
        self._count = count

    def all(self) -> dict[str, Flags]:
        return self._membership() | self._outcome() | self._agreement() | self._plausibility()

    def _number(self, name: str) -> Numbers:
        return self._columns[name].numbers

    def _judged(self, *names: str) -> Flags:
        """Where the values of all these fields are what the record says, null included."""
        return _all([self._columns[name].judged for name in names])

    def _given(self, *names: str) -> Flags:
        """Where there is a value, not null, in all these fields."""
        return _all([~self._columns[name].null for name in names])

    def _where(self, applies: Flags, holds: Flags) -> Flags:
        return ~applies | holds

    # The matrix of the study.

    @cached_property
    def _llm(self) -> Places:
        """The LLM's number in the study, −1 for another."""
        import pyarrow as pa
        import pyarrow.compute as pc

        names = pc.binary_join_element_wise(
            self._columns["llm_provider"].values, self._columns["llm_model"].values, "/"
        )
        return _index(names, pa.array([llm.model for llm in self._due.study.llms]))

    @cached_property
    def _industry(self) -> Places:
        import pyarrow as pa

        return _index(self._columns["industry"].values, pa.array(list(self._due.questions), pa.string()))

    @cached_property
    def _asked(self) -> list[tuple[int, str, str]]:
        """Every question of the study: its industry's number, its id, its text."""
        industries = enumerate(self._due.questions.values())
        return [(number, key, text) for number, asked in industries for key, text in asked.items()]

    @cached_property
    def _question(self) -> Places:
        """The question's number in the study, −1 for another. (An id names one question of the whole study.)"""
        import pyarrow as pa

        return _index(self._columns["question_id"].values, pa.array([key for _, key, _ in self._asked], pa.string()))

    @cached_property
    def _belongs(self) -> Flags:
        """Whether the question is one of its industry."""
        industries = np.array([*(number for number, _, _ in self._asked), -1])
        found: Flags = (self._question >= 0) & (industries[self._question] == self._industry)
        return found

    @cached_property
    def place(self) -> Places:
        inside = self._belongs & (self._llm >= 0)
        return np.where(inside, self._llm * len(self._asked) + self._question, -1)

    def _membership(self) -> dict[str, Flags]:
        import pyarrow.compute as pc

        study = pc.fill_null(pc.equal(self._columns["study"].values, self._due.study.name), True)
        known_industry = self._industry >= 0
        return {
            "study_due": study.to_numpy(zero_copy_only=False),
            "slot_due": self._where(self._given("slot"), self._number("slot") == to_us(self._due.slot)),
            "llm_due": self._where(self._given("llm_provider", "llm_model"), self._llm >= 0),
            "industry_due": self._where(self._given("industry"), known_industry),
            "question_due": self._where(self._given("question_id") & known_industry, self._belongs),
            "record_id_agrees": self._record_id_agrees(),
        }

    def _record_id_agrees(self) -> Flags:
        names = ("record_id", "study", "slot", "llm_provider", "llm_model", "question_id")
        rows = np.flatnonzero(self._given(*names))
        slots = {us: utc_text(from_us(int(us))) for us in np.unique(self._number("slot")[rows])}
        agrees = np.ones(self._count, bool)
        values = [self._columns[name].values.take(rows).to_pylist() for name in names if name != "slot"]
        times = self._number("slot")[rows]
        agrees[rows] = [
            found == record_id(study, slots[time], f"{provider}/{model}", question)
            for found, study, provider, model, question, time in zip(*values, times, strict=True)
        ]
        return agrees

    # Success and failure.

    @cached_property
    def _succeeded(self) -> Flags:
        found: Flags = self._number("success") == 1
        return found

    def _outcome(self) -> dict[str, Flags]:
        failed = self._number("success") == 0
        present = {name: self._columns[name].present for name in ("failure_kind", "latency_sec", "throughput_tps")}
        return {
            "failure_kind_set_when_failed": ~failed | present["failure_kind"],
            "failure_kind_null_when_succeeded": ~self._succeeded | ~self._given("failure_kind"),
            "latency_set_when_succeeded": ~self._succeeded | present["latency_sec"],
            "throughput_set_when_succeeded": ~(self._succeeded & self._given("response_tokens"))
            | present["throughput_tps"],
            "status_fine_when_succeeded": ~(self._succeeded & (self._number("http_status") >= 400)),
            **{f"{name}_null_when_failed": ~failed | ~self._given(name) for name in NULL_WHEN_FAILED},
            "answer_given": self._answer_given(),
        }

    def _answer_given(self) -> Flags:
        import pyarrow.compute as pc

        text = pc.utf8_trim_whitespace(pc.fill_null(self._columns["answer"].values, ""))
        given = pc.not_equal(text, "").to_numpy(zero_copy_only=False)
        return self._where(self._succeeded & self._judged("answer"), given)

    # What a record says in two places.

    def _agreement(self) -> dict[str, Flags]:
        late = (self._number("measured_at") - self._number("slot")) / _US
        return {
            "throughput_agrees": self._throughput_agrees(),
            "decode_agrees": self._decode_agrees(),
            "ttft_agrees": self._times_agree("ttft_sec", first=True),
            "ended_in_time": self._ended_in_time(),
            "late_agrees": ~(np.abs(self._number("late_sec") - late) > TOLERANCE),
            "timestamp_agrees": ~(np.abs(self._number("timestamp") - self._number("measured_at")) > 0),
        }

    def _throughput_agrees(self) -> Flags:
        rate, tokens, seconds = map(self._number, ("throughput_tps", "response_tokens", "latency_sec"))
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            agrees = _close(rate, tokens / seconds, TOLERANCE)
        judged = self._judged("response_tokens", "latency_sec") & self._given("throughput_tps")
        return self._where(self._succeeded & judged, agrees)

    def _decode_agrees(self) -> Flags:
        span = self._last - self._first
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            # The events are rounded to the microsecond, the rate was computed before.
            agrees = _close(
                self._number("decode_tps"), (self._number("response_tokens") - 1) / span, TOLERANCE + 2e-6 / span
            )
        judged = self._judged("response_tokens") & self._given("decode_tps") & (span > 0)
        return self._where(judged, agrees)

    @cached_property
    def _first(self) -> Numbers:
        return self._event(0)

    @cached_property
    def _last(self) -> Numbers:
        return self._event(-1)

    def _event(self, which: int) -> Numbers:
        """The time of an event, s after the request; NaN where none is known."""
        events = self._columns["event_times_sec"].values
        offsets = events.offsets.to_numpy()
        found = np.full(self._count, np.nan)
        filled = offsets[1:] > offsets[:-1]
        at = offsets[:-1][filled] if which == 0 else offsets[1:][filled] - 1
        found[filled] = events.values.to_numpy(zero_copy_only=False)[at]
        return found

    def _times_agree(self, name: str, *, first: bool) -> Flags:
        return ~(np.abs((self._first if first else self._last) - self._number(name)) > TOLERANCE)

    def _ended_in_time(self) -> Flags:
        return ~(self._last > self._number("latency_sec") + TOLERANCE)

    # What nothing forbids and yet can hardly be.

    def _plausibility(self) -> dict[str, Flags]:
        # A baseline is on this machine: no bound of a network or of a model holds for it.
        remote = ~self._is("llm_provider", BASELINE)
        tokens, prompt = self._number("response_tokens"), self._number("prompt_tokens")
        deadlines = self._due.study.deadlines
        counted = np.nan_to_num(tokens) + np.nan_to_num(prompt)
        estimated = self._is("token_source", "estimated")
        most = self._due.study.generation.max_tokens
        return {
            "throughput_plausible": ~(remote & (self._number("throughput_tps") > MAX_TOKENS_PER_SEC)),
            "decode_plausible": ~(remote & (self._number("decode_tps") > MAX_TOKENS_PER_SEC)),
            "ttft_plausible": ~(remote & (self._number("ttft_sec") < MIN_TTFT_SEC)),
            "ttft_within_deadline": ~(self._number("ttft_sec") > deadlines.first_token_sec + DEADLINE_GRACE_SEC),
            "latency_within_deadline": ~(self._number("latency_sec") > deadlines.total_sec + DEADLINE_GRACE_SEC),
            "within_slot": self._within_slot(),
            "prompt_tokens_plausible": ~(self._length("question") > prompt * MAX_CHARACTERS_PER_TOKEN),
            "response_tokens_plausible": ~(self._length("answer") > tokens * MAX_CHARACTERS_PER_TOKEN),
            "response_tokens_within_limit": ~(~estimated & (tokens > most)),
            "reasoning_plausible": ~(self._number("reasoning_tokens") > tokens),
            "cached_plausible": ~(self._number("cached_tokens") > prompt),
            "cost_plausible": ~(self._number("cost_usd") > counted * MAX_USD_PER_TOKEN),
            "question_unchanged": self._question_unchanged(),
            "model_as_asked": self._model_as_asked(),
        }

    def _is(self, name: str, text: str) -> Flags:
        found: Flags = self._columns[name].values.to_numpy(zero_copy_only=False) == text
        return found

    def _length(self, name: str) -> Numbers:
        """Characters of a text, NaN for null."""
        import pyarrow as pa
        import pyarrow.compute as pc

        lengths = pc.utf8_length(self._columns[name].values).cast(pa.float64())
        found: Numbers = lengths.to_numpy(zero_copy_only=False)
        return found

    def _within_slot(self) -> Flags:
        window = self._due.study.window
        if window is None:
            return np.ones(self._count, bool)
        length = window.period.total_seconds() / window.batches_per_period
        return ~(self._is("run_type", "scheduled") & (self._number("late_sec") >= length))

    def _question_unchanged(self) -> Flags:
        import pyarrow as pa
        import pyarrow.compute as pc

        texts = pa.array([text for _, _, text in self._asked], pa.string())
        known = pa.array(self._question, mask=self._question < 0)
        same = pc.equal(self._columns["question"].values, texts.take(known))
        return pc.fill_null(same, True).to_numpy(zero_copy_only=False)  # type: ignore[no-any-return]

    def _model_as_asked(self) -> Flags:
        """Whether the model that answered has the name of the one asked, give or take a prefix or a suffix."""
        pairs = zip(self._texts("llm_model"), self._texts("response_model"), strict=True)
        return np.fromiter((not told or not asked or _same_model(asked, told) for asked, told in pairs), bool)

    def _texts(self, name: str) -> list[str | None]:
        found: list[str | None] = self._columns[name].values.to_pylist()
        return found


def _same_model(asked: str, told: str) -> bool:
    asked, told = (name.lower().rpartition("/")[2] for name in (asked, told))
    return asked in told or told in asked


def _index(values: pa.Array, known: pa.Array) -> Places:
    """Each value's number among the known ones, −1 for another and for null."""
    import pyarrow.compute as pc

    found: Places = pc.fill_null(pc.index_in(values, value_set=known, skip_nulls=True), -1).to_numpy().astype(np.int64)
    return found


def _close(value: Numbers, other: Numbers, tolerance: float | Numbers) -> Flags:
    found: Flags = np.abs(value - other) <= tolerance * np.maximum(np.abs(value), np.abs(other))
    return found


def _all(parts: Sequence[Flags]) -> Flags:
    found: Flags = np.logical_and.reduce(parts)
    return found
