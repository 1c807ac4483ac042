"""Scores of stored answers by another model, kept beside the records: nothing is measured again, nothing replaced."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from llm_bench import __version__
from llm_bench.records import Record
from llm_bench.scoring.score import SCORING_VERSION, Scores, score
from llm_bench.store.base import Store, from_parquet, write_table
from llm_bench.store.contexts import context_path, read_context
from llm_bench.store.snapshot import snapshot

if TYPE_CHECKING:
    import pyarrow as pa

    from llm_bench.rag.embeddings import Embedder
    from llm_bench.scoring.model import CrossEncoder


_Asked = dict[tuple[str, str], list[Record]]
"""Question id and hash of the prompt → the records that were asked with it."""


@dataclass(frozen=True, slots=True)
class Rescored:
    """What was scored of one day of a study.

    :param path: the object with the scores.
    :param records: how many records it holds.
    :param before: mean coverage as recorded; None where there is none.
    :param after: mean coverage by the new model.
    :param unscored: question ids whose context isn't in the store.
    """

    path: str
    records: int
    before: float | None
    after: float | None
    unscored: tuple[str, ...]


def rescore(
    store: Store,
    study: str,
    embedder: Embedder,
    points: Mapping[str, Sequence[str]],
    at: datetime,
    *,
    language: str = "en",
    encoder: CrossEncoder | None = None,
) -> Iterator[Rescored]:
    """Score every stored answer of a study, day by day, into ``scores/study=…/by=<model>/date=….parquet``.

    :param points: question id → its reference points today; a question that isn't there keeps those it was asked with.
    :param at: when this is, aware: kept with each score.
    :param language: of the study, ISO 639-1.
    :param encoder: judges support in the place of the embedder.
    :raises StorageError: the store can't be read or written.
    """
    with TemporaryDirectory(prefix="llm-bench-") as folder:
        days: dict[str, list[Record]] = {}
        for listed, copy in snapshot(store, Path(folder), study).items():
            day = "/".join(listed.path.split("/")[2:-1])  # of each client apart
            rows = from_parquet(copy.read_bytes())
            days.setdefault(day, []).extend(row for row in rows if row["slot"] not in listed.without)
    contexts = set(store.list(f"contexts/study={study}/"))
    for day, records in sorted(days.items()):
        asked: _Asked = {}
        for record in records:
            asked.setdefault((record["question_id"], record["prompt_hash"]), []).append(record)
        prompts = {key: _prompt(store, study, key, points) for key in asked if context_path(study, *key) in contexts}
        yield _rescore_day(store, study, day, asked=asked, prompts=prompts, models=(embedder, language, encoder), at=at)


def _rescore_day(
    store: Store,
    study: str,
    day: str,
    *,
    asked: _Asked,
    prompts: Mapping[tuple[str, str], Mapping[str, Any]],
    models: tuple[Embedder, str, CrossEncoder | None],
    at: datetime,
) -> Rescored:
    # One question may have been asked with two contexts, so each prompt's answers are scored apart.
    scored = [record for key, prompt in prompts.items() for record in score(asked[key], {key[0]: prompt}, *models)]
    by = (models[2] or models[0]).identity
    path = f"scores/study={study}/by={_file_name(by)}/{day}.parquet"
    held = store.read(path)
    store.commit(path, write_table(_table(scored, (models[0], models[2]), at)), held[1] if held else 0)
    before = _mean(record for key in prompts for record in asked[key])
    missing = sorted({question_id for question_id, _ in asked.keys() - prompts.keys()})
    return Rescored(path, len(scored), before, _mean(scored), tuple(missing))


def _prompt(store: Store, study: str, key: tuple[str, str], points: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """What was asked, with the points of today."""
    prompt = read_context(store, study, *key)
    return prompt | {"points": list(points.get(key[0], prompt["points"]))}


def _table(scored: Sequence[Record], models: tuple[Embedder, CrossEncoder | None], at: datetime) -> pa.Table:
    """One row for each record: its id, the scores, and where they come from."""
    import pyarrow as pa

    schema = pa.schema(
        [
            pa.field("record_id", pa.string(), nullable=False),
            pa.field("slot", pa.string(), nullable=False),
            pa.field("coverage_score", pa.float64()),
            pa.field("groundedness", pa.float64()),
            pa.field("context_utilization", pa.float64()),
            pa.field("citations", pa.list_(pa.int64())),
            pa.field("citation_support", pa.float64()),
            pa.field("declined", pa.bool_()),
            pa.field("score_note", pa.string()),
            pa.field("embedding_model", pa.string(), nullable=False),
            pa.field("scoring_model", pa.string()),
            pa.field("scoring_version", pa.int64(), nullable=False),
            pa.field("llm_bench_version", pa.string(), nullable=False),
            pa.field("scored_at", pa.timestamp("us", tz="UTC"), nullable=False),
        ]
    )
    provenance = {
        "embedding_model": models[0].identity,
        "scoring_model": models[1].identity if models[1] else None,
        "scoring_version": SCORING_VERSION,
        "llm_bench_version": __version__,
        "scored_at": at,
    }
    rows = [
        {
            "record_id": record["record_id"],
            "slot": record["slot"],
            **{name: record.get(name) for name in Scores.__annotations__},
            **provenance,
        }
        for record in scored
    ]
    return pa.Table.from_pylist(sorted(rows, key=lambda row: (row["slot"], row["record_id"])), schema=schema)


def _file_name(identity: str) -> str:
    """A model's identity as part of a path."""
    return identity.replace("/", "--").replace("@", "--")


def _mean(records: Iterable[Record]) -> float | None:
    values = [record["coverage_score"] for record in records if record["coverage_score"] is not None]
    return fmean(values) if values else None
