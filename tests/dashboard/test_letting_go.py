"""What a page leaves behind in the server: nothing that waits for Python's search for rings of objects."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import duckdb
import pytest

from dashboard.test_pages import see
from llm_bench.analysis.cache import Records
from llm_bench.analysis.queries.numbers import Scan
from llm_bench.dashboard import context
from llm_bench.dashboard.pages import NAVIGATION

pytestmark = pytest.mark.usefixtures("loaded")


@pytest.fixture
def readers(monkeypatch: pytest.MonkeyPatch) -> list[Records]:
    """Those that pages look at the records with."""
    given: list[Records] = []
    original = context.records_of

    def noted(study) -> Records:
        given.append(original(study))
        return given[-1]

    monkeypatch.setattr(context, "records_of", noted)
    return given


@pytest.fixture
def without_search() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.parametrize("page", sorted(NAVIGATION))
class TestAPage:
    def test_ends_its_look_at_the_data(self, visitor, readers, page):
        see(visitor("VIEWER"), page)
        assert readers
        for reader in readers:
            with pytest.raises(duckdb.ConnectionException):
                reader.rows("FROM llms")

    @pytest.mark.usefixtures("without_search")
    def test_lets_go_of_the_numbers_that_it_read(self, visitor, page):
        see(visitor("VIEWER"), page)
        assert not [thing for thing in gc.get_objects() if isinstance(thing, Scan)]
