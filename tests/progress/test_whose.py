"""Whose slots are accounted for, where several places measured or this one has no name."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from llm_bench.errors import SetupError
from llm_bench.paths import client
from llm_bench.progress.measured import clients, whose
from llm_bench.store.base import FileStore, object_path

SLOT = datetime(2026, 12, 7, 7, tzinfo=UTC)


class TestTheClientThatIsAccountedFor:
    @pytest.mark.parametrize(
        ("own", "known", "chosen", "expected"),
        [
            (None, (), (), None),
            (None, ("unnamed",), (), None),
            (None, ("tokyo", "unnamed"), (), None),
            (None, ("berlin", "tokyo"), (), "berlin"),
            ("paris", (), (), "paris"),
            ("paris", ("berlin", "tokyo"), (), "paris"),
            ("tokyo", ("berlin", "tokyo"), (), "tokyo"),
            (None, ("berlin", "tokyo"), ("tokyo",), "tokyo"),
            ("tokyo", ("tokyo", "unnamed"), ("unnamed",), None),
            (None, ("berlin", "tokyo", "unnamed"), ("berlin", "tokyo"), None),
        ],
    )
    def test_is_the_chosen_one_or_this_place_or_the_first_that_measured(self, own, known, chosen, expected):
        assert whose(own, known, chosen) == expected

    def test_is_known_from_the_paths_of_its_objects(self, tmp_path):
        store = FileStore(tmp_path)
        for name in ("tokyo", None):
            store.commit(object_path("records", "mine", SLOT, client=name), b"", 0)
        assert clients(store, "mine") == ["tokyo", "unnamed"]
        assert clients(store, "other") == []


class TestAClientsName:
    def test_isnt_what_stands_for_none(self, monkeypatch):
        monkeypatch.setenv("LLM_BENCH_CLIENT", "unnamed")
        with pytest.raises(SetupError, match="LLM_BENCH_CLIENT"):
            client()
