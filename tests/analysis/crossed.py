"""Studies whose every value is given: LLMs, slots and questions crossed, straight in a copy that queries read."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import duckdb
import numpy as np
import pyarrow as pa

from llm_bench.analysis import layout
from llm_bench.analysis.cache import Records
from llm_bench.records import arrow_schema
from llm_bench.store.base import write_table
from llm_bench.store.snapshot import RecordObject

FIRST = datetime(2026, 1, 5, 8, tzinfo=UTC)


class Crossed:
    """A copy with one record for each LLM, slot and question; its values can be set again and again.

    :ivar shape: LLMs, slots and questions.
    """

    def __init__(self, llms: int = 3, days: int = 4, slots: int = 14, questions: int = 20) -> None:
        self.shape = (llms, days * slots, questions)
        self.names = [f"provider/model-{number}" for number in range(llms)]
        moments = [FIRST + timedelta(days=day, minutes=50 * slot) for day in range(days) for slot in range(slots)]
        llm, slot, question = (places.ravel() for places in np.indices(self.shape))
        columns = {
            "record_id": [f"{number:032x}" for number in range(llm.size)],
            "llm_provider": ["provider"] * llm.size,
            "llm_model": [f"model-{number}" for number in llm],
            "slot": [moments[number] for number in slot],
            "industry": [f"industry-{number % 2}" for number in question],
            "question_id": [f"q{number // 2:03}" for number in question],  # ids that two industries share
            "question": ["Which category sells most?"] * llm.size,
            "run_type": ["scheduled"] * llm.size,
        }
        schema = pa.schema([field.with_nullable(nullable=True) for field in arrow_schema()])
        arrays = [
            pa.array(columns[field.name], field.type) if field.name in columns else pa.nulls(llm.size, field.type)
            for field in schema
        ]
        self._connection = duckdb.connect()
        layout.create(self._connection)
        content = write_table(pa.table(arrays, schema=schema))
        layout.replace(self._connection, [], [(RecordObject("records/made-up", 1, ()), content)], "")
        self._keys = {
            "llm_no": llm,
            "slot_no": slot,
            "question_no": (question % 2) * ((questions + 1) // 2) + question // 2,
        }

    def records(self, values: Mapping[str, np.ndarray]) -> Records:
        """The copy with these values: name of a field → an array that is as wide as ``shape``; NaN where there is none.

        A record without a latency has failed; one of 1 second has all that latency isn't given for.
        """
        given = {"latency_sec": np.ones(self.shape), **values}
        wide = {name: np.broadcast_to(of, self.shape).ravel() for name, of in given.items()}
        table = pa.table({**self._keys, **{name: pa.array(of, from_pandas=True) for name, of in wide.items()}})
        self._connection.register("given", table)
        bins = f"CASE WHEN {{0}} < {layout.FLOOR} THEN 0 ELSE floor(ln({{0}} / {layout.FLOOR}) / {layout.BIN}) + 1 END"
        changes = ", ".join(f"{name} = given.{name}, {name}_bin = {bins.format(f'given.{name}')}" for name in wide)
        self._connection.execute(
            f"UPDATE records SET {changes}, success = given.latency_sec IS NOT NULL FROM given "
            f"WHERE {' AND '.join(f'records.{name} = given.{name}' for name in self._keys)}"
        )
        self._connection.unregister("given")
        return Records("made-up", self._connection.cursor(), {}, lambda: None)
