"""The answers of a cell that an earlier attempt kept: taken up only where they were measured as they would be now.

They lie in Airflow's task state store, by the index of the mapped task. That index is another cell's once the study's
LLMs are in another order, so what is kept names its cell.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from llm_bench.measure.settings import Settings, changes, settings_hash
from llm_bench.measure.turns import Turn
from llm_bench.records import Record

CELL = "_cell"
"""The key under which the state names its cell; a question's id begins with a letter."""


class State(Protocol):
    """What Airflow keeps of a task across its attempts, and across a clear."""

    def get(self, key: str) -> Any:
        """The value of a key, or None."""

    def set(self, key: str, value: Any) -> None:
        """Puts a JSON value under a key."""

    def clear(self) -> None:
        """Forgets all of them."""


def take_up(state: State, industry: str, settings: Settings, cell_turns: Sequence[Turn]) -> tuple[list[Record], str]:
    """The records to go on from, and why others were dropped: empty where none were.

    :param settings: of the client that asks now.
    :param cell_turns: the cell's requests, in their order.
    """
    cell = {"industry": industry, "settings": dict(settings)}
    why = _difference(state.get(CELL), cell)
    if not why:
        records, why = _unchanged(state, settings_hash(settings), cell_turns)
        if records or not why:
            state.set(CELL, cell)
            return records, why
    state.clear()
    state.set(CELL, cell)
    return [], why


def _difference(earlier: Any, cell: Mapping[str, Any]) -> str:
    """What the kept answers were measured with that isn't so now; empty where nothing is."""
    if not isinstance(earlier, dict):
        return ""  # none yet
    before, now = earlier["settings"], cell["settings"]
    if (before["llm"], earlier["industry"]) != (now["llm"], cell["industry"]):
        return f"they are those of {before['llm']} · {earlier['industry']}"
    return changes(before, now)


def _unchanged(state: State, settings: str, cell_turns: Sequence[Turn]) -> tuple[list[Record], str]:
    """The records up to the first request that is open, or was made otherwise than now: then with the reason."""
    records: list[Record] = []
    for turn in cell_turns:
        record = state.get(turn.key)
        if record is None:
            return records, ""
        question_id = turn.prompt["question_id"]
        if record["prompt_hash"] != turn.prompt["prompt_hash"]:
            return records, f"{question_id} has another prompt now"
        if record.get("settings_hash") != settings:
            return records, f"{question_id} doesn't say that it was asked with these settings"
        if record.get("cache_probe") != turn.cache_probe:
            return records, f"{question_id} was asked with another setting of the study's cache"
        records.append(record)
    return records, ""
