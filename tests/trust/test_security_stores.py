"""Objects of a store that someone has changed: one error names the object, and all others are shown."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from analysis.studies import fill_study, thesis
from dashboard import serving
from fixtures import hostile
from fixtures.trust import Seen
from llm_bench.analysis.cache import Cache
from llm_bench.dashboard.pages import NAVIGATION
from llm_bench.errors import StorageError
from llm_bench.store.base import FileStore, object_path, read_table
from llm_bench.store.exports import export

SLOTS = 4
BATCH = 80
TEXT = "x" * 1_000_000
Tamper = Callable[[pa.Table], bytes]


def written(table: pa.Table, **options: Any) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd", store_schema=False, **options)
    return buffer.getvalue()


def with_column(table: pa.Table, name: str, values: pa.Array) -> pa.Table:
    return table.set_column(table.schema.get_field_index(name), name, values)


def bomb(table: pa.Table) -> bytes:
    """A few kilobytes that stand for two terabytes of answers."""
    rows = 2_000_000
    first = table.slice(0, 1)
    columns = {
        name: pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), first[name].combine_chunks())
        for name in ("slot", "industry", "question_id")
    }
    texts = pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), pa.array([TEXT]))
    return written(pa.table(columns | {"answer": texts}))


def long_lists() -> bytes:
    """One value 600 million times in lists, of which Parquet keeps a few."""
    values = pa.array(np.full(10_000_000, 0.5))
    table = pa.table({"event_times_sec": pa.ListArray.from_arrays(pa.array([0, len(values)], pa.int32()), values)})
    buffer = io.BytesIO()
    with pq.ParquetWriter(buffer, table.schema, compression="zstd", store_schema=False) as writer:
        for _ in range(60):
            writer.write_table(table)
    return buffer.getvalue()


def many_groups(table: pa.Table) -> bytes:
    return written(pa.table({"attempt": pa.array(range(10_001), pa.int64())}), row_group_size=1, write_statistics=False)


def invalid_text(table: pa.Table) -> bytes:
    raw = pa.array([b"\xff\xfe"] * len(table), pa.binary()).view(pa.string())
    return written(with_column(table, "answer", raw))


DAMAGED: dict[str, Tamper] = {
    "truncated": lambda table: written(table)[:-200],
    "cut to nothing": lambda table: b"",
    "no Parquet": lambda table: b"PAR1" + b"\0" * 5000 + b"PAR1",
    "another program's": lambda table: b"<html>" + hostile.TEXTS["markup"].encode(),
    "a column of another type": lambda table: written(
        with_column(table, "latency_sec", pa.array(["slow"] * len(table)))
    ),
    "times without sense": lambda table: written(with_column(table, "slot", pa.array([True] * len(table)))),
    "no slots": lambda table: written(with_column(table, "slot", pa.nulls(len(table), pa.timestamp("us", "UTC")))),
    "texts that are none": invalid_text,
    "more groups of rows than rows": many_groups,
    "more columns than any": lambda table: written(pa.table({f"c{number}": [1] for number in range(1_001)})),
    "a bomb of texts": bomb,
}


def more_columns(table: pa.Table) -> bytes:
    own = {name: table[name] for name in table.column_names}
    return written(pa.table(own | {text: ["a"] * len(table) for text in hostile.ALL.values()}))


HARMLESS: dict[str, Tamper] = {
    "more columns, of hostile names": more_columns,
    "hostile metadata": lambda table: written(table.replace_schema_metadata(dict.fromkeys(hostile.TEXTS, "a"))),
    "columns in another order": lambda table: written(table.select(table.column_names[::-1])),
}


@pytest.fixture(scope="module")
def filled(include: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("stores")
    (home / "include" / "studies").mkdir(parents=True)
    shutil.copy(include / "studies" / "thesis.yaml", home / "include" / "studies")
    for folder in ("questions", "knowledge"):
        (home / "include" / folder).symlink_to(include / folder)
    slots = list(thesis(include).window.schedule)[:SLOTS]
    fill_study(FileStore(home / "data"), thesis(include), include, slots=slots)
    return home


@pytest.fixture
def home(filled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of a study with four slots."""
    home = tmp_path / "home"
    shutil.copytree(filled, home, symlinks=True)
    monkeypatch.setenv("LLM_BENCH_HOME", str(home))
    return home


@pytest.fixture
def slot(include: Path) -> datetime:
    """The one whose object is changed."""
    return list(thesis(include).window.schedule)[1]


@pytest.fixture
def reader(api_server: FastAPI) -> Iterator[TestClient]:
    client = TestClient(api_server, headers={"accept": "text/html"}, follow_redirects=False)
    client.cookies.set("_token", serving.token("VIEWER"))
    return client


def tampered(home: Path, slot: datetime, tamper: Tamper) -> str:
    """Changes the slot's object; its path in the store."""
    path = object_path("records", "thesis", slot)
    file = home / "data" / path
    file.write_bytes(tamper(read_table(file.read_bytes())))
    return path


class TestAChangedObject:
    """Objects of the store"""

    @pytest.mark.parametrize("name", DAMAGED)
    def test_is_named_on_a_page_that_shows_all_others(self, home: Path, slot: datetime, reader: TestClient, name: str):
        path = tampered(home, slot, DAMAGED[name])
        reply = reader.get("/llm-bench/thesis/records")
        assert reply.status_code == 200
        assert reply.text.count(path) == 1
        assert f"{(SLOTS - 1) * BATCH} records" in reply.text

    @pytest.mark.parametrize("name", HARMLESS)
    def test_that_holds_all_that_it_should_is_shown(self, home: Path, slot: datetime, reader: TestClient, name: str):
        path = tampered(home, slot, HARMLESS[name])
        reply = reader.get("/llm-bench/thesis/records")
        assert path not in reply.text
        assert f"{SLOTS * BATCH} records" in reply.text

    def test_is_named_on_every_page_of_its_study(self, home: Path, slot: datetime, reader: TestClient):
        path = tampered(home, slot, DAMAGED["truncated"])
        for page in NAVIGATION:
            reply = reader.get(f"/llm-bench/thesis/{page}")
            assert reply.status_code == 200, page
            assert path in reply.text, page

    @pytest.mark.parametrize("file", ["export/records.csv", "export/report.zip"])
    def test_is_missing_in_no_file_without_a_word(self, home: Path, slot: datetime, reader: TestClient, file: str):
        path = tampered(home, slot, DAMAGED["truncated"])
        reply = reader.get(f"/llm-bench/thesis/{file}")
        assert reply.status_code == 503
        assert path in reply.text

    @pytest.mark.parametrize("name", ["truncated", "a bomb of texts", "more groups of rows than rows"])
    def test_is_named_by_the_export_after_a_batch(self, home: Path, slot: datetime, name: str):
        path = tampered(home, slot, DAMAGED[name])
        with pytest.raises(StorageError, match=path.rpartition("/")[2]):
            export(FileStore(home / "data"), home / "data")

    def test_is_read_again_once_it_was_put_back(self, home: Path, slot: datetime):
        cache, study = Cache(home, fresh_sec=0), thesis(home / "include")
        path = object_path("records", "thesis", slot)
        whole = (home / "data" / path).read_bytes()
        tampered(home, slot, DAMAGED["truncated"])
        assert [path in str(fault) for fault in cache.records(study, partly=True).unread] == [True]
        with pytest.raises(StorageError, match=path):
            cache.records(study)
        FileStore(home / "data").commit(path, whole, FileStore(home / "data").read(path)[1])
        assert list(cache.records(study).unread) == []


class TestAChangedVerdict:
    """Objects of the store"""

    @pytest.mark.parametrize(
        "content", [b"{", b"[]", b"null", b'{"runs": 1}', b"[" * 100_000, b'{"a":' * 50_000, b"\xff"]
    )
    def test_is_named_by_its_page(self, home: Path, slot: datetime, reader: TestClient, content: bytes):
        path = object_path("validations", "thesis", slot, "json")
        FileStore(home / "data").commit(path, content, 0)
        reply = reader.get(f"/llm-bench/validations/thesis/{path.rpartition('/')[2].removesuffix('.json')}")
        assert reply.status_code == 503
        assert path in reply.text


@pytest.mark.trust
class TestABomb:
    """Objects of the store"""

    def test_of_lists_is_named_and_not_unpacked(self, seen: Seen):
        """An object of a few kilobytes stands for lists of 600 million numbers."""
        content = long_lists()
        with pytest.raises(StorageError, match="GiB of memory") as named:
            read_table(content)
        seen(f"{len(content) / 1000:.0f} kB weren't unpacked: {named.value.cause}")
