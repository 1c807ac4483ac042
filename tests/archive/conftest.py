from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from analysis.studies import Circumstances, fill_study
from fixtures.grades import GRADE
from llm_bench.archive.packing import Made, make_archive
from llm_bench.protocol import keeping
from llm_bench.protocol.draft import draft
from llm_bench.store.base import Store, open_store
from llm_bench.store.grades import keep_grade
from llm_bench.study import Study, load_study

CANARY = "canary-5d1c"
"""Stands in all that must never get into an archive."""

STUDY = f"""\
# {CANARY}: a person's own note
description: Two LLMs, asked from two places
window: {{start: "2026-12-07T08:00:00+01:00", end: "2026-12-08T08:00:00+01:00"}}
llms:
  - {{model: groq/llama3-70b-8192, temperature: 0, twin: again}}
  - {{model: openrouter/mistralai/mistral-7b-instruct, name: mistral, parameters: {{top_p: 0.9}}}}
industries: [retail, finance]
prompt: own
cache: both
slo: [{{within_sec: 3, share: 0.95}}]
alerts: {{connection: alerts-{CANARY}}}
storage: STORAGE
"""


@dataclass(frozen=True)
class Project:
    """A project with a study whose first slots were measured from two places."""

    home: Path
    study: Study
    store: Store

    @property
    def include(self) -> Path:
        return self.home / "include"

    def pack(self, target: Path, **options: Any) -> Made:
        return make_archive(self.study, self.store, self.include, target, **options)


def project(home: Path, shipped: Path, storage: str, slots: int = 3) -> Project:
    """Makes a project, with what lies in one beside its studies."""
    include = home / "include"
    for part in ("questions", "knowledge"):
        shutil.copytree(shipped / part, include / part)
    (include / "knowledge" / "retail" / "Größe & mehr.pdf").write_bytes(b"%PDF-1.4 a document")
    (include / "prompts").mkdir()
    (include / "prompts" / "own.yaml").write_text('user: "{question}\\n\\n{context}"\n')
    (include / "studies").mkdir()
    file = include / "studies" / "mine.yaml"
    file.write_text(STUDY.replace("STORAGE", storage))
    (home / ".env").write_text(f"GROQ_API_KEY={CANARY}\n")
    study = load_study(file)
    store = open_store(study.storage, home)
    plan = draft(study, include, [], ["latency_sec"], [["groq/llama3-70b-8192", "mistral"]])
    _, protocol, _ = keeping.seal(store, "mine", plan, counts=(0, 0), versions={}, amend=None)
    (include / "studies" / "mine.protocol.yaml").write_bytes(protocol.content)
    (include / "knowledge" / "retail" / "Größe & mehr.pdf").rename(home / "kept.pdf")  # made-up contexts want Markdown
    for client, farther in (("tokyo", 0.2), ("frankfurt", 0.0)):
        where = Circumstances(client=client, farther=farther)
        chosen = list(study.window.schedule)[:slots] if study.window else []
        fill_study(store, study, include, slots=chosen, circumstances=where)
    (home / "kept.pdf").rename(include / "knowledge" / "retail" / "Größe & mehr.pdf")
    store.commit("calibrations/study=mine/20261207T060000.000000Z.json", b'{"of": "a machine"}', 0)
    store.commit("validations/study=mine/client=tokyo/date=2026-12-07/x.json", b"{}", 0)
    store.commit(f"validations/study=other/{CANARY}.json", CANARY.encode(), 0)
    keep_grade(store, "mine", 1, GRADE)
    return Project(home, study, store)


@pytest.fixture(scope="session")
def measured(tmp_path_factory: pytest.TempPathFactory, include: Path) -> Project:
    home = tmp_path_factory.mktemp("measured")
    return project(home, include, f"file://{home}/data-{CANARY}")


@pytest.fixture(scope="session")
def archive(measured: Project, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive of the study mine."""
    target = tmp_path_factory.mktemp("archive") / "mine.zip"
    measured.pack(target)
    return target


Change = Callable[[Path, dict[str, bytes]], Path]


@pytest.fixture
def changed(archive: Path, tmp_path: Path) -> Callable[[dict[str, bytes | None]], Path]:
    """Packs the archive anew, with some of its files changed, added, or (None) left out."""

    def change(contents: dict[str, bytes | None]) -> Path:
        target = tmp_path / "changed.zip"
        with zipfile.ZipFile(archive) as source:
            held: dict[str, bytes | None] = {name: source.read(name) for name in source.namelist()}
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as packed:
            for name, content in (held | contents).items():
                if content is not None:
                    packed.writestr(name, content)
        return target

    return change
