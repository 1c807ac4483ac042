"""The expectations that Great Expectations has none for: each with its words, severity, reason and condition.

To add one, add a class: it is registered with Great Expectations under its name in snake case, and belongs to the suite
of every study (``rules.suite``). What Great Expectations can say by itself belongs to ``rules``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from great_expectations.compatibility import pydantic
from great_expectations.execution_engine import PandasExecutionEngine
from great_expectations.expectations.expectation import ColumnMapExpectation, MulticolumnMapExpectation
from great_expectations.expectations.metrics.map_metric_provider import (
    ColumnMapMetricProvider,
    MulticolumnMapMetricProvider,
    column_condition_partial,
    multicolumn_condition_partial,
)

from llm_bench.gate.columns import is_rising
from llm_bench.gate.completeness import Due
from llm_bench.records import record_id, utc_text

TOLERANCE = 1e-6
"""Relative for rates; for times in seconds, absolute: they are kept to the microsecond."""
MAX_CHARACTERS_PER_TOKEN = 16
MAX_USD_PER_TOKEN = 0.001


class ColumnValuesRise(ColumnMapMetricProvider):  # type: ignore[misc]
    condition_metric_name = "column_values.rise"

    @column_condition_partial(engine=PandasExecutionEngine)  # type: ignore[untyped-decorator]
    def _pandas(cls, column: pd.Series, **_: Any) -> pd.Series:  # noqa: N805
        if column.dtype != object:
            return pd.Series(True, index=column.index)
        return column.map(is_rising).astype(bool)


class ExpectColumnValuesToRise(ColumnMapExpectation):  # type: ignore[misc]
    """Each value is a list of numbers in rising order, none below 0: the type of ``offsets`` and ``ordinals``."""

    map_metric = "column_values.rise"


class RecordExpectation(MulticolumnMapExpectation):  # type: ignore[misc]
    """An expectation of each record by itself; a record with a null in one of its columns is passed over.

    :cvar words: what is expected, as it is reported.
    :cvar severity_level: ``critical`` forbids loading the record, ``warning`` stands in it.
    :cvar reason: why; for Great Expectations' ``notes``.
    :cvar columns: the fields that it looks at.
    :cvar arguments: names of the values that ``of_study`` gives and ``holds`` takes, each a field of the class.
    """

    words: ClassVar[str]
    severity_level: ClassVar[Literal["critical", "warning"]] = "critical"
    reason: ClassVar[str | None] = None
    columns: ClassVar[tuple[str, ...]]
    arguments: ClassVar[tuple[str, ...]] = ()

    ignore_row_if: Literal["any_value_is_missing", "never"] = "any_value_is_missing"

    _dicts: dict[str, Any] = pydantic.PrivateAttr(default_factory=dict)

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls.map_metric = f"record.{cls.__name__}"
        cls.success_keys = (*cls.arguments, "mostly")

        def condition(_: Any, column_list: pd.DataFrame, **values: Any) -> Any:
            return cls.holds(column_list, **{name: values[name] for name in cls.arguments})

        attributes = {
            "condition_metric_name": cls.map_metric,
            "condition_value_keys": cls.arguments,
            "_pandas": multicolumn_condition_partial(engine=PandasExecutionEngine)(condition),
        }
        type(f"{cls.__name__}Metric", (MulticolumnMapMetricProvider,), attributes)

    def dict(self, **options: Any) -> dict[str, Any]:
        """The same as Great Expectations' own, but made once: it asks a hundred times, and arguments may be long."""
        key = repr(sorted(options.items()))
        if key not in self._dicts:
            self._dicts[key] = super().dict(**options)
        return {**self._dicts[key]}

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        self._dicts.clear()

    @classmethod
    def of_study(cls, due: Due) -> Mapping[str, Any]:
        """Its arguments for a study; no slot changes them."""
        del due
        return {}

    @staticmethod
    def holds(rows: pd.DataFrame) -> pd.Series:
        """Whether each row meets it.

        :param rows: the columns asked for, none of them null.
        """
        raise NotImplementedError


# The identity of a record, and the matrix of the study.


class ExpectModelToBeOfTheStudy(RecordExpectation):
    words = "the LLM must be one of the study's"
    columns = ("llm", "llm_provider", "llm_model")
    arguments = ("models",)
    models: dict[str, str]

    @classmethod
    def of_study(cls, due: Due) -> Mapping[str, Any]:
        return {"models": {llm.name: llm.model for llm in due.study.llms}}

    @staticmethod
    def holds(rows: pd.DataFrame, models: dict[str, str]) -> pd.Series:  # type: ignore[override]
        llms, providers, names = (_arrow(rows[name]) for name in ("llm", "llm_provider", "llm_model"))
        asked = pc.binary_join_element_wise(
            llms, pc.binary_join_element_wise(providers, names, pa.scalar("/", names.type)), pa.scalar("\n", names.type)
        )
        known = [f"{name}\n{model}" for name, model in models.items()]
        return _like(rows, pc.is_in(asked, value_set=pa.array(known, names.type)))


class ExpectQuestionToBeOfItsIndustry(RecordExpectation):
    words = "question_id must be one of its industry's"
    columns = ("industry", "question_id")
    arguments = ("questions",)
    questions: dict[str, list[str]]

    @classmethod
    def of_study(cls, due: Due) -> Mapping[str, Any]:
        return {"questions": {industry: list(asked) for industry, asked in due.questions.items()}}

    @staticmethod
    def holds(rows: pd.DataFrame, questions: dict[str, list[str]]) -> pd.Series:  # type: ignore[override]
        industries, keys = _arrow(rows["industry"]), _arrow(rows["question_id"])
        # An industry that the study lacks breaks a rule of its own.
        held = pc.invert(pc.is_in(industries, value_set=pa.array(list(questions), industries.type)))
        for industry, asked in questions.items():
            belongs = pc.is_in(keys, value_set=pa.array(asked, keys.type))
            held = pc.or_(held, pc.and_(pc.equal(industries, industry), belongs))
        return _like(rows, held)


class ExpectRecordIdToNameItsRecord(RecordExpectation):
    words = "record_id must be that of study, slot, LLM, question_id, cache_probe and client"
    columns = ("record_id", "study", "slot", "llm", "question_id", "cache_probe", "client")
    ignore_row_if: Literal["any_value_is_missing", "never"] = "never"  # the last two may be null

    @staticmethod
    def holds(rows: pd.DataFrame) -> pd.Series:
        numbers, slots = pd.factorize(rows["slot"])
        texts = [utc_text(slot.to_pydatetime()) for slot in slots]
        columns = ExpectRecordIdToNameItsRecord.columns
        values = zip(*(_arrow(rows[name]).to_pylist() for name in columns if name != "slot"), strict=True)
        return _like(
            rows,
            [
                None in (known, study, llm, question)
                or number < 0
                or known == record_id(study, texts[number], llm, question, cache_probe=probe, client=client)
                for number, (known, study, llm, question, probe, client) in zip(numbers.tolist(), values, strict=True)
            ],
        )


# What a record says in two places.


class ExpectThroughputToBeTokensPerSecond(RecordExpectation):
    words = "throughput_tps is response_tokens / latency_sec"
    columns = ("throughput_tps", "response_tokens", "latency_sec")

    @staticmethod
    def holds(rows: pd.DataFrame) -> pd.Series:
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            return _close(rows["throughput_tps"], rows["response_tokens"] / rows["latency_sec"], TOLERANCE)


class ExpectDecodeRateToBeThatOfTheEvents(RecordExpectation):
    words = "decode_tps is (response_tokens − 1) / (last − first of event_times_sec)"
    columns = ("decode_tps", "response_tokens", "event_times_sec")

    @staticmethod
    def holds(rows: pd.DataFrame) -> pd.Series:
        first, last = _ends(rows["event_times_sec"])
        span = last - first
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            # The events are rounded to the microsecond, the rate was computed before.
            agrees = _close(rows["decode_tps"], (rows["response_tokens"] - 1) / span, TOLERANCE + 2e-6 / span)
        return agrees | ~(span > 0)


class ExpectTTFTToBeTheFirstEvent(RecordExpectation):
    words = "ttft_sec is the first of event_times_sec"
    columns = ("ttft_sec", "event_times_sec")

    @staticmethod
    def holds(rows: pd.DataFrame) -> pd.Series:
        first, _ = _ends(rows["event_times_sec"])
        return ~((first - rows["ttft_sec"]).abs() > TOLERANCE)


class ExpectEventsToEndWithTheAnswer(RecordExpectation):
    words = "event_times_sec must not exceed latency_sec"
    columns = ("latency_sec", "event_times_sec")

    @staticmethod
    def holds(rows: pd.DataFrame) -> pd.Series:
        _, last = _ends(rows["event_times_sec"])
        return ~(last > rows["latency_sec"] + TOLERANCE)


class ExpectLatenessToCountFromTheSlot(RecordExpectation):
    words = "late_sec is measured_at − slot"
    columns = ("late_sec", "measured_at", "slot")

    @staticmethod
    def holds(rows: pd.DataFrame) -> pd.Series:
        late = (rows["measured_at"] - rows["slot"]).dt.total_seconds()
        return (rows["late_sec"] - late).abs() <= TOLERANCE


# What nothing forbids and yet can hardly be.


class ExpectQuestionToFitItsTokens(RecordExpectation):
    words = f"question must have at most {MAX_CHARACTERS_PER_TOKEN} characters per token of prompt_tokens"
    severity_level = "warning"
    reason = "The prompt holds more than the question: it was cut before it reached the LLM, or miscounted."
    columns = ("question", "prompt_tokens")

    @staticmethod
    def holds(rows: pd.DataFrame) -> pd.Series:
        return _length(rows["question"]) <= rows["prompt_tokens"] * MAX_CHARACTERS_PER_TOKEN


class ExpectAnswerToFitItsTokens(RecordExpectation):
    words = f"answer must have at most {MAX_CHARACTERS_PER_TOKEN} characters per token of response_tokens"
    severity_level = "warning"
    reason = "So few tokens (or none) can't say so much: they are miscounted, and throughput_tps with them."
    columns = ("answer", "response_tokens")

    @staticmethod
    def holds(rows: pd.DataFrame) -> pd.Series:
        return _length(rows["answer"]) <= rows["response_tokens"] * MAX_CHARACTERS_PER_TOKEN


class ExpectCostToFitItsTokens(RecordExpectation):
    words = f"cost_usd must be at most {MAX_USD_PER_TOKEN:g} per token"
    severity_level = "warning"
    reason = "The dearest LLMs cost less: the price is in another unit, or the tokens are miscounted."
    columns = ("cost_usd", "prompt_tokens", "response_tokens")
    ignore_row_if: Literal["any_value_is_missing", "never"] = "never"

    @staticmethod
    def holds(rows: pd.DataFrame) -> pd.Series:
        tokens = rows["prompt_tokens"].fillna(0) + rows["response_tokens"].fillna(0)
        return ~(rows["cost_usd"] > tokens * MAX_USD_PER_TOKEN).fillna(False)


class ExpectQuestionToBeUnchanged(RecordExpectation):
    words = "question must be as the question set has it now"
    severity_level = "warning"
    reason = "The set was edited while the study ran: answers to two wordings stand under one question_id."
    columns = ("question_id", "question")
    arguments = ("texts",)
    texts: dict[str, str]

    @classmethod
    def of_study(cls, due: Due) -> Mapping[str, Any]:
        return {"texts": {key: text for asked in due.questions.values() for key, text in asked.items()}}

    @staticmethod
    def holds(rows: pd.DataFrame, texts: dict[str, str]) -> pd.Series:  # type: ignore[override]
        keys, questions = _arrow(rows["question_id"]), _arrow(rows["question"])
        known = pa.array(list(texts.values()), questions.type).take(
            pc.index_in(keys, value_set=pa.array(list(texts), keys.type))
        )
        return _like(rows, pc.fill_null(pc.equal(questions, known), True))


class ExpectResponseModelToBeTheOneAsked(RecordExpectation):
    words = "response_model must be the model asked"
    severity_level = "warning"
    reason = "The provider says that another model answered."
    columns = ("llm_model", "response_model")

    @staticmethod
    def holds(rows: pd.DataFrame) -> pd.Series:
        pairs = list(zip(*(_arrow(rows[name]).to_pylist() for name in ("llm_model", "response_model")), strict=True))
        same = {pair: _same_model(*pair) for pair in set(pairs)}
        return _like(rows, [same[pair] for pair in pairs])


def _same_model(asked: str, answered: str) -> bool:
    """Whether two models have the same name, give or take a prefix or a suffix."""
    asked, answered = (name.lower().rpartition("/")[2] for name in (asked, answered))
    return asked in answered or answered in asked


def _close(value: pd.Series, other: pd.Series, tolerance: float | pd.Series) -> pd.Series:
    return (value - other).abs() <= tolerance * np.maximum(value.abs(), other.abs())


def _arrow(column: pd.Series) -> pa.Array:
    array = pa.array(column, from_pandas=True)
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array


def _like(rows: pd.DataFrame, values: Any) -> pd.Series:
    """Values, one a row, with the rows' index."""
    if isinstance(values, pa.Array):
        values = values.to_numpy(zero_copy_only=False)
    return pd.Series(values, index=rows.index, dtype=bool)


def _length(texts: pd.Series) -> pd.Series:
    return pd.Series(pc.utf8_length(_arrow(texts)).to_numpy(zero_copy_only=False), index=texts.index)


def _ends(times: pd.Series) -> tuple[pd.Series, pd.Series]:
    """The first and the last event of each row, s after the request; NaN for a row without one."""
    events = _arrow(times)
    counts = pc.list_value_length(events).to_numpy(zero_copy_only=False)
    moments = events.flatten().to_numpy(zero_copy_only=False)
    ends = np.cumsum(counts)
    first, last = np.full(len(times), np.nan), np.full(len(times), np.nan)
    filled = counts > 0
    first[filled], last[filled] = moments[(ends - counts)[filled]], moments[ends[filled] - 1]
    return pd.Series(first, index=times.index), pd.Series(last, index=times.index)
