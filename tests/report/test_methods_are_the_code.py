"""Each sentence of a report's methods has one check that fails when the code's way changes, and each check has one."""

from __future__ import annotations

import re
from importlib import import_module

import pytest

from report.claims import CLAIMS
from report.everything import Everything, constants, sentences
from report.held import SAID, claim

for _name in ("study", "instrument", "scores", "statistics"):
    import_module(f"report.test_methods_of_the_{_name}")
claim()


def claiming(sentence: str) -> set[str]:
    return {begin for begin in CLAIMS if re.match(begin if begin.startswith("^") else re.escape(begin), sentence)}


@pytest.fixture(scope="module")
def written(everything: Everything) -> list[str]:
    """What the methods of a study with everything on say, and what any other could, by the methods beside the code."""
    own = everything.said()
    return list(dict.fromkeys([*own, *(sentence for method in constants() for sentence in sentences(method.text))]))


class TestTheMethods:
    def test_say_nothing_that_no_check_holds_and_nothing_that_two_do(self, written: list[str]):
        assert [(sentence, claiming(sentence)) for sentence in written if len(claiming(sentence)) != 1] == []

    def test_say_all_that_is_checked(self, written: list[str]):
        claimed = {begin for sentence in written for begin in claiming(sentence)}
        assert sorted(CLAIMS.keys() - claimed) == []

    def test_rest_on_tests_that_are_there(self):
        assert [held.test for held in SAID if not held.is_checked] == []
