"""What a report says of a study's protocol: sealed or not, kept or departed from."""

from __future__ import annotations

import csv
import io
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

from analysis.studies import SYNTHETIC, fill_study, make_batch, make_prompts, thesis
from llm_bench import __version__
from llm_bench.analysis import statistics
from llm_bench.analysis.cache import Cache
from llm_bench.analysis.table import Table
from llm_bench.analysis.view import View
from llm_bench.protocol import content, keeping
from llm_bench.protocol.content import roles
from llm_bench.protocol.draft import draft
from llm_bench.report import write_report
from llm_bench.report.facts import Facts, gather
from llm_bench.report.methods import methods
from llm_bench.report.quality import comparison
from llm_bench.report.sealing import departed, header
from llm_bench.report.source import Source
from llm_bench.store.base import object_path, open_store, to_parquet
from llm_bench.study import Study

INCLUDE = Path(__file__).parents[2] / "include"
SLOTS = 7
VERSIONS = {"llm_bench": f"{__version__}+{SYNTHETIC}", "litellm": SYNTHETIC}


@dataclass
class Project:
    """The default study in a project of its own, with its first slots measured."""

    home: Path
    study: Study

    @property
    def llms(self) -> list[str]:
        return [llm.name for llm in self.study.llms]

    def change(self, **changed: Any) -> None:
        self.study = self.study.model_copy(update=changed)

    def seal(self, *, records: int = 0, amend: str | None = None, view: View | None = None, metrics: Any = None) -> str:
        """Seals the study as it is; the SHA-256."""
        pairs = [self.llms[:2], self.llms[1:3]]
        metrics = metrics or ["latency_sec", "success"]
        plan = draft(self.study, self.home / "include", (view or View()).to_query(), metrics, pairs)
        store = open_store("file://data", self.home)
        sealed = keeping.seal(store, "thesis", plan, counts=(records, 0), versions=VERSIONS, amend=amend)
        return sealed[1].sha256

    def facts(self, view: View | None = None) -> Facts:
        return gather(Cache(self.home).records(self.study), self.study, view or View(), self.home)

    def said(self, view: View | None = None) -> Mapping[str, Sequence[str]]:
        """What the methods say of the protocol, by what it is about."""
        (part,) = (
            part for part in methods(self.study, view or View(), self.facts(view)) if part.title == "What was sealed"
        )
        return {item.term: item.lines for item in part.items}

    def header(self, view: View | None = None) -> str:
        facts = self.facts(view)
        return header("thesis", facts.protocols, facts.departures, self.study.zone)

    def compared(self, name: str, view: View | None = None) -> Table:
        """A table of paired differences."""
        chosen = view or View()
        known = roles(self.facts(chosen).protocols, chosen.to_query())
        source = Source.of(Cache(self.home).records(self.study), self.study, chosen, known)
        (table,) = (table for table in comparison(source).tables if table.name == name)
        return table

    def rewrite(self, name: str, old: str, new: str) -> None:
        path = self.home / "include" / name
        path.write_text(path.read_text().replace(old, new, 1))


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("measured")
    study = thesis(INCLUDE, storage="file://data")
    fill_study(open_store(study.storage, home), study, INCLUDE, slots=list(study.window.schedule)[:SLOTS])
    return home / "data"


@pytest.fixture
def project(measured: Path, tmp_path: Path) -> Project:
    shutil.copytree(INCLUDE, tmp_path / "include")
    shutil.copytree(measured, tmp_path / "data")
    return Project(tmp_path, thesis(INCLUDE, storage="file://data"))


def rows(table: Table) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(table.to_csv().decode())))


class TestAStudyThatWasNotSealed:
    def test_is_said_to_have_nothing_chosen_beforehand(self, project: Project):
        (line,) = project.said()["Protocol"]
        assert line.startswith("None: this study was not sealed beforehand, so that which metrics")
        assert project.header().startswith("Not sealed: nothing was chosen beforehand")

    def test_has_those_of_the_first_metric_as_primary(self, project: Project):
        table = project.compared("compare-latency")
        assert {row["role"] for row in rows(table)} == {"primary"}
        assert {row["role"] for row in rows(project.compared("compare-ttft"))} == {"exploratory"}
        assert "corrected over the 6 primary comparisons; that of the exploratory ones over all" in table.notes[0]


class TestAStudyThatWasSealedAndKept:
    def test_says_when_it_was_sealed_and_that_no_record_was_there(self, project: Project):
        checksum = project.seal()
        first, second = project.said()["Protocol"]
        assert first.endswith(", before the first record.")
        assert second == f"SHA-256 of the sealed file: {checksum}"
        assert project.header().endswith("before the first record; no departure known")

    def test_names_what_is_primary_and_that_the_rest_is_not(self, project: Project):
        project.seal()
        first, last = project.said()["Primary"]
        assert first.startswith("4 comparisons, in latency_sec, success: groq/llama3-70b-8192 with groq/")
        assert last == "Everything else in this report is exploratory."

    def test_names_exclusions_and_analysis(self, project: Project):
        view = View(suspect="exclude", run_types=("scheduled",))
        project.seal(view=view)
        assert project.said(view)["Exclusions sealed"] == ["Filters: run_type = scheduled, suspect = exclude."]
        assert "correction: Holm's, over the primary comparisons" in project.said(view)["Analysis sealed"]

    def test_has_no_departure(self, project: Project):
        project.seal()
        assert project.said()["Departures"] == ["None known."]

    def test_has_its_comparisons_marked(self, project: Project):
        project.seal()
        marked = {(row["first"], row["second"]): row["role"] for row in rows(project.compared("compare-latency"))}
        primary = {tuple(project.llms[:2]), tuple(project.llms[1:3])}
        assert {pair for pair, role in marked.items() if role == "primary"} == primary
        assert {marked[pair] for pair in marked.keys() - primary} == {"exploratory"}
        assert {row["role"] for row in rows(project.compared("compare-ttft"))} == {"exploratory"}

    def test_has_p_corrected_within_what_is_primary(self, project: Project):
        project.seal()
        tables = [project.compared("compare-latency"), project.compared("compare-success")]
        primary = [row for table in tables for row in rows(table) if row["role"] == "primary"]
        plain = [float(row["p"]) if row["p"] else None for row in primary]
        corrected = [float(row["p_holm"]) if row["p_holm"] else None for row in primary]
        assert len(primary) == 4
        assert corrected == statistics.holm(plain)
        assert "corrected over the 4 primary comparisons" in tables[0].notes[0]


class TestAStudyThatWasSealedLate:
    def test_says_after_how_many_records(self, project: Project):
        project.seal(records=560)
        assert "after 560 records were there: not beforehand." in project.said()["Protocol"][0]
        assert "after 560 records were there: not beforehand" in project.header()

    def test_has_its_comparisons_marked_as_such(self, project: Project):
        project.seal(records=560)
        assert {row["role"] for row in rows(project.compared("compare-latency"))} == {
            "primary, not beforehand",
            "exploratory",
        }


class TestADeparture:
    def test_is_a_setting_of_the_study_from_what_to_what(self, project: Project):
        project.seal()
        generation = project.study.generation.model_copy(update={"max_tokens": 64})
        project.change(generation=generation, concurrency=2)
        before = thesis(INCLUDE)
        assert project.said()["Departures"] == [
            f"setting generation.max_tokens: {before.generation.max_tokens} → 64.",
            f"setting concurrency: {before.concurrency} → 2.",
        ]

    def test_is_a_question_or_a_document_that_changed(self, project: Project):
        project.seal()
        project.rewrite("questions/retail.yaml", "Which product category", "Which category")
        project.rewrite("knowledge/finance/deposits-2025.md", "2025", "2024")
        first, second = project.said()["Departures"]
        assert first.startswith("question retail/retail-01: ")
        assert second.startswith("document finance/deposits-2025.md: ")

    def test_is_the_prompts_template(self, project: Project):
        project.change(prompt="one-sentence")
        project.seal()
        project.rewrite("prompts/one-sentence.yaml", "sentence", "short sentence")
        (line,) = project.said()["Departures"]
        assert line.startswith("prompt template: ")

    def test_is_another_way_to_compare_which_is_explained(self, project: Project, monkeypatch: pytest.MonkeyPatch):
        earlier = {"unit": "slot", "test": "Wilcoxon's signed-rank test, two-sided", "level": 0.05}
        with monkeypatch.context() as patch:
            patch.setattr(content, "ANALYSIS", earlier)
            project.seal()
        *named, last = project.said()["Departures"]
        assert any(
            line.startswith("analysis test: Wilcoxon's signed-rank test, two-sided → by the same") for line in named
        )
        assert "analysis level" not in " ".join(named)
        assert last.startswith("The version of llm-bench that made this report makes comparisons otherwise")

    def test_is_an_llm_that_was_removed(self, project: Project):
        gone = project.llms[-1]
        project.seal()
        project.change(llms=project.study.llms[:-1])
        assert f"setting llms.{gone}: there → —." in project.said()["Departures"]

    def test_is_a_filter_of_the_report_which_leaves_nothing_primary(self, project: Project):
        project.seal(view=View(suspect="exclude"))
        said = project.said()
        assert said["Departures"] == ["filter suspect: exclude → —."]
        assert "none of its results is primary" in said["Primary"][1]
        assert "role" not in rows(project.compared("compare-latency"))[0]

    def test_is_a_slot_that_was_missed_and_its_records(self, project: Project):
        project.seal()
        path = object_path("records", "thesis", project.study.window.schedule[3])
        (project.home / "data" / path).unlink()
        assert project.said()["Departures"] == [
            "slots missed: none → 1.",
            "records of the slots that were due: 560 → 480.",
        ]

    def test_is_a_trial_where_the_report_counts_it(self, project: Project):
        scheduled = View(run_types=("scheduled",))
        project.seal(view=scheduled)
        slot = project.study.window.schedule[0] - timedelta(hours=1)
        made = make_batch(project.study, slot, 0, make_prompts(project.study, INCLUDE), Random(1))
        trial = [record | {"run_type": "manual"} for record in made]
        open_store("file://data", project.home).commit(object_path("records", "thesis", slot), to_parquet(trial), 0)
        assert project.said(scheduled)["Departures"] == ["None known."]
        assert "records of no slot of the window in this report: none → 80." in project.said()["Departures"]

    def test_is_a_prompt_or_a_setting_that_changed_and_was_changed_back(self, project: Project):
        project.seal()
        slot = project.study.window.schedule[SLOTS]
        made = make_batch(project.study, slot, SLOTS, make_prompts(project.study, INCLUDE), Random(1))
        changed = [record | {"prompt_hash": "0" * 64, "settings_hash": "0" * 64} for record in made]
        store = open_store("file://data", project.home)
        store.commit(object_path("records", "thesis", slot), to_parquet(changed), 0)
        lines = project.said()["Departures"]
        assert "prompt of retail-01: one in all records → 2 in the records." in lines
        assert f"settings of {project.llms[0]}: one in all records → 2 in the records." in lines

    def test_is_an_llm_to_compare_that_has_no_record(self, project: Project):
        project.seal()
        view = View(llms=tuple(project.llms[1:]))
        assert (
            f"records of {project.llms[0]}, which is to be compared: some → none." in project.said(view)["Departures"]
        )

    def test_is_counted_at_the_top(self, project: Project):
        project.seal()
        project.change(concurrency=2)
        assert project.header().endswith("; 1 departure")


class TestAnAmendment:
    def test_is_told_with_its_reason_and_what_it_changed(self, project: Project):
        project.seal()
        project.change(concurrency=2)
        project.seal(records=560, amend="the free tier is slow")
        said = project.said()
        first, second = said["Amendments"]
        assert first.startswith("1, ")
        assert "after 560 records were there: not beforehand" in first
        assert first.endswith(
            f"Reason: the free tier is slow. What: setting concurrency: {thesis(INCLUDE).concurrency} → 2."
        )
        assert second == "What was amended with records at hand changes nothing of what is primary."
        assert said["Departures"] == [f"setting concurrency: {thesis(INCLUDE).concurrency} → 2 (amendment 1)."]

    def test_with_records_at_hand_makes_nothing_primary(self, project: Project):
        project.seal()
        project.seal(records=560, amend="TTFT differs more", metrics=["ttft_sec"])
        assert {row["role"] for row in rows(project.compared("compare-ttft"))} == {"exploratory"}
        assert "primary" in {row["role"] for row in rows(project.compared("compare-latency"))}
        assert project.said()["Departures"] == ["None known."]


class TestTheTableOfDepartures:
    def test_has_a_row_for_each(self, project: Project):
        project.seal()
        project.change(concurrency=2)
        (row,) = rows(departed(project.facts().departures))
        assert row == {"what": "setting concurrency", "sealed": "4", "now": "2", "amendment": ""}


@pytest.mark.slow
def test_a_whole_report_has_the_line_the_part_and_the_table(project: Project, tmp_path: Path):
    project.seal()
    project.change(concurrency=2)
    folder = tmp_path / "report"
    write_report(Cache(project.home).records(project.study), project.study, View(), folder, project.home)
    page = (folder / "report.html").read_text()
    assert "before the first record; 1 departure</dd>" in page
    assert "<h3>What was sealed</h3>" in page
    assert '<section id="protocol">' in page
    assert (folder / "tables" / "departures.csv").read_text().splitlines()[1] == "setting concurrency,4,2,"
    assert (folder / "tables" / "departures.tex").exists()
