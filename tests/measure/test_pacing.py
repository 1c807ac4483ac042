from __future__ import annotations

import json
import multiprocessing
import time
from pathlib import Path

import pytest

from doubles.clock import Clock
from llm_bench.errors import StorageError
from llm_bench.measure.pacing import Pacer, most_tokens


def ask_twice(folder: Path, asked: multiprocessing.Queue[float]) -> None:
    """Two requests of a cell that is a process of its own."""
    pacer = Pacer(folder, "groq/a", 3600, sleep=lambda _: time.sleep(0.01))
    for _ in range(2):
        pacer.wait(1)
        asked.put(time.time())


class TestPacer:
    def test_tells_how_long_it_waited(self, tmp_path: Path):
        clock = Clock()
        pacer = Pacer(tmp_path, "groq/a", 1, clock, clock.sleep)
        assert pacer.wait(1) == 0
        clock.now += 20
        assert pacer.wait(1) == pytest.approx(40)

    def test_never_waits_without_a_limit(self, tmp_path: Path):
        clock = Clock()
        pacer = Pacer(tmp_path, "groq/a", None, clock, clock.sleep)
        assert [pacer.wait(1) for _ in range(100)] == [0] * 100

    def test_shares_the_limit_with_the_other_cells_of_the_llm(self, tmp_path: Path):
        clock = Clock()
        cells = [Pacer(tmp_path, "groq/a/b", 2, clock, clock.sleep) for _ in range(2)]
        assert [cells[0].wait(1), cells[1].wait(1)] == [0, 0]
        assert cells[0].wait(1) == pytest.approx(60)

    def test_shares_nothing_with_another_llm(self, tmp_path: Path):
        clock = Clock()
        assert [Pacer(tmp_path, model, 1, clock, clock.sleep).wait(1) for model in ("groq/a", "groq/b")] == [0, 0]

    def test_shares_it_among_processes(self, tmp_path: Path):
        context = multiprocessing.get_context("spawn")
        asked: multiprocessing.Queue[float] = context.Queue()
        cells = [context.Process(target=ask_twice, args=(tmp_path, asked)) for _ in range(3)]
        for cell in cells:
            cell.start()
        for cell in cells:
            cell.join()
        assert len(json.loads(next(tmp_path.glob("*.json")).read_text())["grants"]) == 6

    def test_starts_anew_when_its_file_is_damaged(self, tmp_path: Path):
        clock = Clock()
        Pacer(tmp_path, "groq/a", 1, clock, clock.sleep).wait(1)
        (file,) = tmp_path.glob("*.json")
        file.write_text(file.read_text()[:7])
        assert Pacer(tmp_path, "groq/a", 1, clock, clock.sleep).wait(1) == 0

    def test_says_when_its_file_cannot_be_written(self, tmp_path: Path):
        (tmp_path / "pacing").write_text("in the way")
        with pytest.raises(StorageError, match="can't be written"):
            Pacer(tmp_path / "pacing", "groq/a", 1).wait(1)


def test_the_most_tokens_of_a_request_are_its_prompt_and_its_longest_answer():
    assert most_tokens([{"content": "a" * 300}, {"content": "b" * 30}], 512) == 110 + 512
