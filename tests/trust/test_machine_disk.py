"""The disk, under commands"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fixtures.batches import MakeRecord
from fixtures.trust import Seen
from llm_bench.store.base import FileStore, object_path, to_parquet
from rehearsal.disk import Disk, small_disk

pytestmark = pytest.mark.trust

SIZE = 48 * 2**20
STUDY = "small"
START = datetime(2026, 11, 2, 8, tzinfo=UTC)
COMMANDS = {
    "export as CSV": ["export", STUDY],
    "export as JSON": ["export", STUDY, "--format", "json"],
    "export as Parquet": ["export", STUDY, "--format", "parquet"],
    "report": ["report", STUDY],
    "archive": ["archive", STUDY],
    "compact": ["compact", STUDY],
}


@dataclass
class Project:
    """A project of some batches, whose data lie on a small disk."""

    home: Path
    disk: Disk

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        environment = os.environ | {"LLM_BENCH_HOME": str(self.home), "COLUMNS": "200"}
        command = [sys.executable, "-m", "llm_bench", *words]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, cwd=self.home)

    def files(self) -> dict[str, bytes]:
        """All that lies on the disk, but for the copy of the records, which is made again."""
        paths = (path for path in (self.home / "data").rglob("*") if path.is_file())
        kept = {str(path.relative_to(self.home)): path for path in paths if "cache" not in path.parts}
        return {name: path.read_bytes() for name, path in kept.items() if path.name != ".lock"}

    def full(self) -> AbstractContextManager[None]:
        return self.disk.full()

    @contextmanager
    def read_only(self) -> Iterator[None]:
        data = self.home / "data"
        subprocess.run(["mount", "-o", "remount,ro", data], check=True)
        try:
            yield
        finally:
            subprocess.run(["mount", "-o", "remount,rw", data], check=True)


@pytest.fixture
def small(include: Path, tmp_path: Path, make_record: MakeRecord) -> Iterator[Project]:
    (tmp_path / "include" / "studies").mkdir(parents=True)
    for part in ("questions", "knowledge", "prompts"):
        if (include / part).exists():
            (tmp_path / "include" / part).symlink_to(include / part)
    (tmp_path / "include" / "studies" / f"{STUDY}.yaml").write_text(
        "llms: [{model: groq/llama3-70b-8192}, {model: groq/moonshotai/kimi-k2-instruct}]\n"
        "industries: [retail, finance]\n"
        f"window: {{start: '{START.isoformat()}', end: '{(START + timedelta(hours=12)).isoformat()}'}}\n"
    )
    (tmp_path / "data").mkdir()
    with small_disk(tmp_path / "data", SIZE) as disk:
        if disk is None:
            pytest.skip("only root may mount a small disk")
        store = FileStore(tmp_path / "data")
        for number in range(14):
            slot = START + number * timedelta(hours=12) / 14
            llms = (("groq", "llama3-70b-8192"), ("groq", "moonshotai/kimi-k2-instruct"))
            batch = [make_record(n, llm=llm, slot=slot, study=STUDY) for llm in llms for n in range(20)]
            store.commit(object_path("records", STUDY, slot), to_parquet(batch), 0)
        yield Project(tmp_path, disk)


class TestACommand:
    """The disk, under commands"""

    @pytest.mark.parametrize(("fault", "words"), [("full", "No space left"), ("read_only", "Read-only file system")])
    def test_on_a_disk_that_takes_nothing_says_so_and_works_as_soon_as_it_does(
        self, small: Project, seen: Seen, fault: str, words: str
    ):
        """export, report, archive and compact while no byte is free on the disk of the data; again, read-only."""
        for name, command in COMMANDS.items():
            before = small.files()
            with getattr(small, fault)():
                failed = small.run(*command)
                after = {path: content for path, content in small.files().items() if path != "data/filler"}
            said = failed.stdout + failed.stderr
            assert failed.returncode == 1, (name, said)
            assert words in said, (name, said)
            assert "Traceback" not in said, (name, said)
            assert after == before, (name, set(after) ^ set(before))
            done = small.run(*command)
            assert done.returncode == 0, (name, done.stdout + done.stderr)
        seen(f'each of {", ".join(COMMANDS)} ended with exit code 1 and "{words}", left nothing half written; then did')

    def test_that_only_reads_works_on_a_full_disk(self, small: Project, seen: Seen):
        """`status` and `plan` while no byte is free."""
        small.run("export", STUDY)
        with small.full():
            outcomes = {command: small.run(command, STUDY) for command in ("status", "plan")}
        for command, done in outcomes.items():
            assert "Traceback" not in done.stdout + done.stderr, (command, done.stderr)
        assert "560 records" in outcomes["status"].stdout or "560" in outcomes["status"].stdout
        seen("both say what they say otherwise")
