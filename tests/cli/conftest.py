from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from llm_bench.cli.console import console
from llm_bench.cli.main import main
from llm_bench.store.base import FileStore


@dataclass(frozen=True)
class Said:
    """What a command ended in: its exit code, and what it wrote to standard output and standard error."""

    code: int
    out: str
    err: str


Command = Callable[..., Said]


@pytest.fixture
def undone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a command changes of its process, which is its own outside these tests."""
    monkeypatch.setenv("_AIRFLOW_PROCESS_CONTEXT", "server")
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture
def home(tmp_path: Path, include: Path, monkeypatch: pytest.MonkeyPatch, fill: Any) -> Path:
    """A project with the studies mine and yours; mine has ten records, of an LLM and industry that it has no more."""
    (tmp_path / "include" / "studies").mkdir(parents=True)
    for part in ("questions", "knowledge"):
        (tmp_path / "include" / part).symlink_to(include / part)
    for name in ("mine", "yours"):
        (tmp_path / "include" / "studies" / f"{name}.yaml").write_text(
            "llms: [{model: groq/llama3-70b-8192}, {model: groq/moonshotai/kimi-k2-instruct}]\nindustries: [retail]\n"
        )
    monkeypatch.setenv("LLM_BENCH_HOME", str(tmp_path))
    slot = datetime(2026, 12, 7, 7, tzinfo=UTC)
    fill(FileStore(tmp_path / "data"), "mine", slot, industry="finance", llm_provider="openrouter", llm_model="old")
    return tmp_path


@pytest.fixture
def command(home: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """Runs the command line with arguments."""
    monkeypatch.setenv("COLUMNS", "200")
    console.cache_clear()  # another test may have made it, in its own width

    def run(*arguments: str) -> Said:
        try:
            code = main(list(arguments))
        except SystemExit as ended:
            code = int(ended.code or 0)
        return Said(code, *capfd.readouterr())

    return run
