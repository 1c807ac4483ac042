from __future__ import annotations

import threading

import pytest

from llm_bench.analysis.threads import each


class TestEach:
    def test_gives_what_is_made_of_each_item_in_their_order(self):
        assert each(lambda number: number * number, range(50)) == [number * number for number in range(50)]

    def test_leaves_no_thread_behind(self):
        before = threading.active_count()
        each(str, range(8))
        assert threading.active_count() == before

    def test_fails_as_what_makes_one_fails(self):
        with pytest.raises(ZeroDivisionError):
            each(lambda number: 1 // number, [1, 0])
