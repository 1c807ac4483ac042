"""The parts of a report on objectives of service and on declining."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from llm_bench.analysis.cache import Cache
from llm_bench.analysis.statistics.attainment import ATTAINMENT
from llm_bench.analysis.statistics.declining import DECLINING
from llm_bench.analysis.view import View
from llm_bench.objectives import Objective
from llm_bench.report import answering
from llm_bench.report.source import Source
from llm_bench.study import Study
from report.test_report import Page, project, written

AIMS = (Objective(within_sec=3, share=0.9), Objective(metric="ttft_sec", within_sec=1))


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> tuple[Study, Path]:
    """Seven slots of the default study with two objectives; its project's folder."""
    home = tmp_path_factory.mktemp("answering")
    return project(home, slots=7).model_copy(update={"slo": AIMS}), home


@pytest.fixture
def source(measured: tuple[Study, Path]) -> Source:
    study, home = measured
    return Source.of(Cache(home).records(study), study, View())


@pytest.fixture(scope="module")
def folder(measured: tuple[Study, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    study, home = measured
    return written(home, study, tmp_path_factory.mktemp("report"))


class TestObjectives:
    def test_are_a_part_with_the_chart_of_all_and_a_curve_of_each_time(self, source: Source, measured):
        part = answering.objectives(source, measured[0])
        assert [figure.name for figure in part.figures] == ["objectives", "answered-by-latency", "answered-by-ttft"]
        assert part.title == "Objectives of service"

    def test_are_said_in_words_and_in_a_table(self, source: Source, measured):
        part = answering.objectives(source, measured[0])
        assert part.notes[0].startswith("90 % answered within 3 s: ")
        (shown,) = part.tables
        assert len(shown.rows) == 8

    def test_name_the_method_that_was_run(self, source: Source, measured):
        assert list(answering.objectives(source, measured[0]).methods) == [ATTAINMENT]

    def test_are_no_part_of_a_study_that_has_none(self, source: Source, measured):
        assert answering.objectives(source, measured[0].model_copy(update={"slo": ()})) is None


class TestDeclining:
    def test_is_a_part_with_both_kinds_and_the_questions_that_were_answered(self, source: Source):
        part = answering.declining(source)
        assert [figure.name for figure in part.figures] == ["declined-rightly", "declined-wrongly"]
        assert [shown.name for shown in part.tables] == ["declining", "declining-by-industry", "answered-anyway"]

    def test_names_the_method_that_was_run(self, source: Source):
        assert list(answering.declining(source).methods) == [DECLINING]


class TestAReport:
    def test_has_both_parts_and_their_figures(self, folder: Path):
        text = Page((folder / "report.html").read_text()).text
        assert "95 % with a first token within 1 s" in text
        assert "2 questions that can't be answered: the intervals are for these alone" in text
        for name in ("objectives", "answered-by-ttft", "declined-rightly", "declined-wrongly"):
            assert (folder / "figures" / f"{name}.pdf").stat().st_size > 1000

    @pytest.mark.parametrize("name", ["objectives", "declining", "declining-by-industry", "answered-anyway"])
    def test_has_the_tables_for_computing_and_for_print(self, folder: Path, name: str):
        assert (folder / "tables" / f"{name}.tex").exists()
        assert (folder / "tables" / f"{name}.csv").read_text().count(",") > 3

    def test_says_how_many_were_in_time_with_all_digits(self, folder: Path):
        for row in csv.DictReader((folder / "tables" / "objectives.csv").open()):
            assert float(row["share"]) == int(row["met"]) / int(row["asked"])
