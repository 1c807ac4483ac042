"""A made-up study with everything on, and each sentence that its report's methods have."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any

import llm_bench
from analysis.studies import SYNTHETIC, Circumstances, fill_study, thesis
from llm_bench import __version__
from llm_bench.analysis.cache import Cache, Records
from llm_bench.analysis.view import View
from llm_bench.measure.calibration import Calibration, Part, Spread, keep
from llm_bench.method import Method
from llm_bench.protocol import keeping
from llm_bench.protocol.draft import draft
from llm_bench.report import methods as parts
from llm_bench.report.facts import Facts, gather
from llm_bench.report.files import sections_of
from llm_bench.report.source import Section
from llm_bench.store.base import open_store
from llm_bench.study import Retrieval, Study

INCLUDE = Path(__file__).parents[2] / "include"
SLOTS = 35
"""Enough for one that is late, one that was missed and one that lacks a cell."""

_END = re.compile(r"(?<=[.!?]) (?=[A-Z0-9“p])(?<!e\.g\. )")


def sentences(line: str) -> list[str]:
    """The sentences of a paragraph; what is quoted in it whole counts as one."""
    return [line] if line.startswith(("System message", "Then the context's")) else _END.split(line)


@dataclass
class Everything:
    """The study, and what its report says of it."""

    home: Path
    study: Study

    @classmethod
    def made(cls, home: Path) -> Everything:
        shutil.copytree(INCLUDE, home / "include")
        entries = [llm.model_dump() for llm in thesis(INCLUDE).llms]
        entries[0]["twin"] = "llama again"
        entries[1] |= {"parameters": {"top_p": 0.9}, "temperature": 0.5}
        entries[3]["reasoning_budget"] = 2048
        study = Study.model_validate(
            thesis(INCLUDE, storage="file://data").model_dump() | {"llms": entries, "cache": "both"}
        )
        everything = cls(home, study)
        everything._seal()
        store = open_store(study.storage, home)
        place = Circumstances(
            client="frankfurt",
            upstreams={study.llms[-1].name: ("DeepInfra", "Novita")},
            cut={study.llms[2].name: 0.2},
        )
        fill_study(store, study, INCLUDE, slots=list(study.window.schedule)[:SLOTS], circumstances=place)
        part = Part(8, 240, 3, Spread(240, 0.00021, 0.0041, 0.009), Spread(5760, 0.0001, 0.003, 0.01))
        machine = {"cores": 2, "platform": "Linux", "python": "3.11.9"}
        calibration = Calibration("2026-12-06T10:00:00.000000Z", machine, {"httpx": "0.28"}, {}, part, part)
        keep(store, study.name, calibration, "frankfurt")
        return everything

    def _seal(self) -> None:
        names = [llm.name for llm in self.study.llms]
        plan = draft(self.study, self.home / "include", View().to_query(), ["latency_sec"], [names[:2]])
        versions = {"llm_bench": f"{__version__}+{SYNTHETIC}", "litellm": SYNTHETIC}
        keeping.seal(open_store("file://data", self.home), "thesis", plan, counts=(0, 0), versions=versions, amend=None)

    @cached_property
    def records(self) -> Records:
        return Cache(self.home).records(self.study)

    @cached_property
    def facts(self) -> Facts:
        return gather(self.records, self.study, View(), self.home)

    @cached_property
    def sections(self) -> list[Section]:
        return sections_of(self.records, self.study, View(), self.facts)

    def rows(self, sql: str) -> Any:
        return self.records.rows(sql)

    def lines(self, study: Study | None = None, view: View | None = None, **facts: Any) -> list[str]:
        """What the methods say, of the study, of another one, or of other facts."""
        from dataclasses import replace

        known = replace(self.facts, **facts)
        said = parts.methods(study or self.study, view or View(), known, self.sections)
        return [line for part in said for item in part.items for line in item.lines]

    def said(self, study: Study | None = None, view: View | None = None, **facts: Any) -> list[str]:
        """The same, a sentence each."""
        return [sentence for line in self.lines(study, view, **facts) for sentence in sentences(line)]

    def changed(self, **changes: Any) -> Study:
        return self.study.model_copy(update=changes)

    def slots(self) -> Sequence[datetime]:
        return list(self.study.window.schedule)


def constants() -> Iterator[Method]:
    """Every method that stands beside code of the package, and those that are put together from settings."""
    from llm_bench.rag.retrieval import described

    yield described(Retrieval())
    root = Path(llm_bench.__file__).parent
    for path in sorted(root.rglob("*.py")):
        if "= Method(" in path.read_text(encoding="utf-8"):
            module = import_module(".".join(["llm_bench", *path.relative_to(root).with_suffix("").parts]))
            yield from (value for value in vars(module).values() if isinstance(value, Method))
