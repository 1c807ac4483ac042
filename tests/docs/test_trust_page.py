"""The page that `make trust` writes of what it saw."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from fixtures import trust
from fixtures.trust import HEAD, Row, merged, parsed, written

DISK = Row("Disks", "The disk is full.", "Nothing is lost.", "2026-11-28")
CLOCK = Row("Clocks", "The clock goes back by an hour.", "4 of 4 slots.", "2026-11-28")


class TestTheRowsOfARunOfSomeTests:
    def test_take_the_place_of_what_the_same_tests_saw_before(self):
        again = Row("Disks", "The disk is full.", "One record is lost.", "2026-11-29")
        assert merged([DISK, CLOCK], [again]) == [CLOCK, again]

    def test_stand_beside_those_of_the_others(self):
        assert merged([DISK], [CLOCK]) == [CLOCK, DISK]


class TestThePage:
    def test_is_read_as_it_was_written(self):
        assert parsed(written([CLOCK, DISK])) == [CLOCK, DISK]

    def test_has_a_table_for_each_title(self):
        page = written([CLOCK, DISK])
        assert page.startswith(HEAD)
        assert page.index("## Clocks") < page.index("4 of 4 slots.") < page.index("## Disks")

    def test_loses_what_a_test_saw_another_day_that_now_failed_before_it_saw_anything(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ):
        page = tmp_path / "trust.md"
        page.write_text(written([CLOCK, DISK]))
        monkeypatch.setenv(trust.PAGE, str(page))
        config: Any = SimpleNamespace(
            stash=pytest.Stash(), args=["one.py"], getini=lambda _: ["tests"], option=SimpleNamespace(keyword="")
        )
        trust.pytest_configure(config)
        config.stash[trust._TESTS]["one.py::test"] = CLOCK.test
        config.stash[trust._FAILED].add("one.py::test")
        session: Any = SimpleNamespace(config=config)
        trust.pytest_sessionfinish(session, pytest.ExitCode.TESTS_FAILED)
        assert parsed(page.read_text()) == [DISK]
