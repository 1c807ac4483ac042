"""What ``export`` hands out of a study that was asked cold and warm."""

from __future__ import annotations

import csv
from collections import Counter
from datetime import UTC, datetime

import pytest

from llm_bench.store.base import FileStore, from_parquet, object_path, to_parquet

SLOT = datetime(2026, 12, 7, 7, tzinfo=UTC)


@pytest.fixture
def probed(home):
    """The ten records of the study mine, each cold and warm; half of them from Tokyo, by DeepInfra."""
    store = FileStore(home / "data")
    path = object_path("records", "mine", SLOT)
    content, generation = store.read(path)
    records = []
    for number, record in enumerate(from_parquet(content)):
        named = {"client": "tokyo", "upstream_provider": "DeepInfra"} if number % 2 else {}
        for probe in ("cold", "warm"):
            again = {"cache_probe": probe, "unique_line": "x", "record_id": f"{record['record_id'][:-4]}{probe}"}
            records.append(record | named | again)
    store.commit(path, to_parquet(records), generation)


@pytest.fixture
def exported(probed, command, home):
    def run(*options):
        path = home / "out.csv"
        said = command("export", "mine", "--out", str(path), *options)
        assert said.code == 0, said.err
        with path.open() as file:
            return list(csv.DictReader(file)), said.out

    return run


class TestAWholeStudy:
    def test_has_the_warm_records_and_says_how_many(self, exported):
        rows, said = exported()
        assert Counter(row["cache_probe"] for row in rows) == {"cold": 10, "warm": 10}
        assert "10 of them warm, asked once more right after; --cache cold leaves these out" in said


class TestAView:
    @pytest.mark.parametrize(("cache", "count"), [("cold", 10), ("warm", 10), ("all", 20)])
    def test_of_probes_has_these_alone(self, exported, cache, count):
        rows, said = exported("--cache", cache)
        assert len(rows) == count
        assert "warm" not in said

    def test_of_a_client_or_an_upstream_has_these_alone(self, exported):
        assert {row["client"] for row in exported("--client", "tokyo")[0]} == {"tokyo"}
        assert {row["client"] for row in exported("--client", "unnamed")[0]} == {""}
        assert len(exported("--upstream", "DeepInfra", "--cache", "cold")[0]) == 5
