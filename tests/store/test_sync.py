from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest

from llm_bench.__main__ import main
from llm_bench.errors import InputError, StorageError
from llm_bench.store.base import from_parquet, object_path, open_store, to_parquet
from llm_bench.store.compaction import compact
from llm_bench.store.snapshot import record_objects
from llm_bench.store.sync import KINDS, sync, to_copy

SLOT = datetime(2026, 12, 7, 7, 51, 25, 714285, tzinfo=UTC)
PATH = object_path("records", "thesis", SLOT)


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    from doubles import gcs, proxy

    with gcs.serving() as server, proxy.proxied(server) as clean:
        yield clean.url


@pytest.fixture(
    params=[
        ("file", "file"),
        pytest.param(("gs", "file"), marks=pytest.mark.slow),
        pytest.param(("file", "gs"), marks=pytest.mark.slow),
    ],
    ids="-".join,
)
def urls(request, tmp_path, monkeypatch) -> list[str]:
    """The URLs of the source and the destination; both are empty."""
    if "gs" in request.param:
        from doubles import gcs

        gcs.connect(request.getfixturevalue("bucket"), monkeypatch)
    monkeypatch.setenv("LLM_BENCH_HOME", str(tmp_path))
    places = {"file": "file://{}", "gs": f"gs://studies/{request.node.name}/{{}}"}
    return [places[kind].format(end) for kind, end in zip(request.param, ("source", "dest"), strict=True)]


@pytest.fixture
def stores(urls, tmp_path):
    return [open_store(url, tmp_path) for url in urls]


def fill(store) -> None:
    for kind in KINDS:
        for study in ("thesis", "quickstart"):
            for number in range(3):
                store.commit(f"{kind}/study={study}/date=2026-12-07/{number}.json", b"%d" % number * 100, 0)


def copy(source, dest, study=None) -> Counter[str]:
    return Counter(outcome for _, outcome in sync(source, dest, to_copy(source, study)))


def contents(store) -> dict[str, bytes]:
    return {path: store.read(path)[0] for path in store.list("")}


class TestSync:
    def test_copies_every_kind_of_every_study(self, stores):
        fill(stores[0])
        assert copy(*stores) == {"copied": 6 * len(KINDS)}
        assert contents(stores[1]) == contents(stores[0])

    def test_copies_one_study_alone(self, stores):
        fill(stores[0])
        assert copy(*stores, "thesis") == {"copied": 3 * len(KINDS)}
        assert all("/study=thesis/" in path for path in stores[1].list(""))

    def test_leaves_out_what_is_no_studys(self, stores):
        fill(stores[0])
        stores[0].commit("probe/x", b"1", 0)
        copy(*stores)
        assert stores[1].list("probe/") == []

    def test_again_copies_nothing(self, stores):
        fill(stores[0])
        copy(*stores)
        before = stores[1].entries("")
        assert copy(*stores) == {"same": 6 * len(KINDS)}
        assert stores[1].entries("") == before

    def test_goes_on_where_it_was_interrupted(self, stores):
        fill(stores[0])
        begun = sync(*stores, to_copy(stores[0]))
        for _ in range(5):
            next(begun)
        begun.close()
        there = len(stores[1].list(""))
        assert 5 <= there < 6 * len(KINDS)
        assert copy(*stores) == {"same": there, "copied": 6 * len(KINDS) - there}
        assert contents(stores[1]) == contents(stores[0])

    def test_replaces_what_is_older_in_the_destination(self, stores):
        stores[1].commit(PATH, b"old", 0)
        time.sleep(0.01)
        stores[0].commit(PATH, b"new", 0)
        assert copy(*stores) == {"copied": 1}
        assert stores[1].read(PATH)[0] == b"new"

    def test_keeps_what_is_newer_in_the_destination(self, stores):
        stores[0].commit(PATH, b"old", 0)
        time.sleep(0.01)
        stores[1].commit(PATH, b"new", 0)
        assert copy(*stores) == {"newer": 1}
        assert stores[1].read(PATH)[0] == b"new"

    def test_never_removes_what_only_the_destination_has(self, stores):
        stores[0].commit(PATH, b"one", 0)
        stores[1].commit("records/study=thesis/date=2026-12-08/other.parquet", b"two", 0)
        copy(*stores)
        assert len(stores[1].list("")) == 2

    def test_of_nothing_is_an_error_that_says_what_to_look_at(self, stores):
        with pytest.raises(StorageError, match=r"holds no study's data\. Correct its URL"):
            to_copy(stores[0])
        fill(stores[0])
        with pytest.raises(InputError, match=r"holds nothing of study nowhere\. Known: quickstart, thesis"):
            to_copy(stores[0], "nowhere")

    def test_of_what_is_gone_by_now_says_so(self, stores):
        generation = stores[0].commit(PATH, b"one", 0)
        entries = to_copy(stores[0])
        stores[0].delete(PATH, generation)
        with pytest.raises(StorageError, match=r"is gone since the store was listed\. Sync again"):
            list(sync(*stores, entries))


class TestACompactedDay:
    def test_takes_the_place_of_the_slots_that_were_copied_before(self, stores, make_record):
        source, dest = stores
        generation = source.commit(PATH, to_parquet([make_record(0)]), 0)
        copy(source, dest)
        source.commit(PATH, to_parquet([make_record(0, attempt=2)]), generation)
        time.sleep(0.01)
        compact(source, "thesis", date(2026, 12, 8))
        assert copy(source, dest) == {"copied": 1, "compacted": 1}
        (day,) = record_objects(dest)
        assert [record["attempt"] for record in from_parquet(dest.read(day.path)[0])] == [2]

    def test_leaves_a_slot_that_was_loaded_in_the_destination_since(self, stores, make_record):
        source, dest = stores
        source.commit(PATH, to_parquet([make_record(0)]), 0)
        compact(source, "thesis", date(2026, 12, 8))
        time.sleep(0.01)
        dest.commit(PATH, to_parquet([make_record(0, attempt=2)]), 0)
        assert copy(source, dest) == {"copied": 1, "newer": 1}
        assert [(stored.path == PATH, len(stored.without)) for stored in record_objects(dest)] == [
            (True, 0),
            (False, 1),
        ]

    def test_leaves_a_slot_that_the_source_never_had(self, stores, make_record):
        source, dest = stores
        source.commit(PATH, to_parquet([make_record(0)]), 0)
        compact(source, "thesis", date(2026, 12, 8))
        later = SLOT + timedelta(minutes=51)
        dest.commit(object_path("records", "thesis", later), to_parquet([make_record(0, slot=later)]), 0)
        assert copy(source, dest) == {"copied": 1}
        assert len(record_objects(dest)) == 2


class TestAProtocol:
    def test_is_never_replaced_not_even_by_a_later_one(self, stores):
        source, dest = stores
        path = "protocols/study=thesis/001.yaml"
        dest.commit(path, b"first", 0)
        time.sleep(0.01)
        source.commit(path, b"second", 0)
        assert copy(source, dest) == {"newer": 1}
        assert dest.read(path)[0] == b"first"


class TestCommand:
    def test_tells_what_it_copied(self, urls, stores, capsys):
        fill(stores[0])
        assert main(["sync", *urls, "--study", "thesis"]) == 0
        assert f"{3 * len(KINDS)} objects copied, 0 were there already" in capsys.readouterr().out
        assert main(["sync", *urls]) == 0
        assert f"{3 * len(KINDS)} objects copied, {3 * len(KINDS)} were there already" in capsys.readouterr().out

    def test_names_what_it_left_and_fails(self, urls, stores, capsys):
        stores[0].commit(PATH, b"old", 0)
        time.sleep(0.01)
        stores[1].commit(PATH, b"new", 0)
        assert main(["sync", *urls]) == 1
        assert f"{PATH} differs and is newer" in capsys.readouterr().out

    def test_of_an_empty_source_fails_with_the_mend(self, urls, capsys):
        assert main(["sync", *urls]) == 1
        assert "Correct its URL" in capsys.readouterr().err

    def test_compact_says_what_it_did(self, project, monkeypatch, tmp_path, make_record, capsys):
        (tmp_path / "include").symlink_to(project / "include")
        monkeypatch.setenv("LLM_BENCH_HOME", str(tmp_path))
        slot = datetime(2026, 1, 1, tzinfo=UTC)
        store = open_store("file://data", tmp_path)
        store.commit(object_path("records", "thesis", slot), to_parquet([make_record(0, slot=slot)]), 0)
        assert main(["compact", "thesis"]) == 0
        assert "thesis: 1 slots taken into 1 objects of days, 1 objects of slots removed" in capsys.readouterr().out
        assert main(["compact", "thesis"]) == 0
        assert "every past day is compact" in capsys.readouterr().out
