"""Figures and tables are numbered, their captions are whole, and a thesis can take them in."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

from llm_bench.analysis import charts
from llm_bench.analysis import table as tables
from llm_bench.analysis.charts.axes import titled, unbroken
from llm_bench.analysis.statistics import Interval
from llm_bench.analysis.table import Table
from llm_bench.analysis.view import View
from llm_bench.method import Method
from llm_bench.report import write_report
from llm_bench.report.captions import captions
from llm_bench.report.source import Basis, Figure, Section
from report.everything import Everything


def _column_widths(tex: str) -> list[list[float]]:
    """Of each tabular of a table, the widths of its broken columns in widths of the text."""
    specs = re.findall(r"^\\begin\{(?:tabular|longtable)\}(.*)$", tex, re.MULTILINE)
    return [[float(width) for width in re.findall(r"p\{(-?[\d.]+)\\textwidth\}", spec)] for spec in specs]


BASIS = Basis(records=4390, llms=4, questions=20, slots=55, days=4)
TESTED = Method("A test", "It is made.")


def a_table(*columns: tables.Column, notes: tuple[str, ...] = ()) -> Table:
    value = [Interval(1.0, 0.5, 1.5, 9, 9) if column.ends else 0.5 for column in columns]
    return Table("numbers", "Some numbers", columns, [value], notes)


class TestACaption:
    def test_numbers_figures_and_tables_through_all_sections(self):
        first = Section("One", [Figure("a", None)], [Table("t", "T", [], [])])
        second = Section("Two", [Figure("b", None), Figure("c", None)], [Table("u", "U", [], [])])
        named = captions([first, second], dict.fromkeys("abc", charts.Caption("A chart", ())))
        assert [caption.label for caption in named.figures.values()] == ["Figure 1", "Figure 2", "Figure 3"]
        assert [caption.label for caption in named.tables.values()] == ["Table 1", "Table 2"]

    def test_says_how_to_read_a_chart_what_it_leaves_out_and_what_it_rests_on(self):
        section = Section("One", [Figure("a", None)], [], methods=[TESTED], basis=BASIS)
        own = charts.Caption("Latency", ("Median and 95 % interval", "3 records left out: failed"))
        assert captions([section], {"a": own}).figures["a"].text == (
            "Figure 1. Latency. Median and 95 % interval. 3 records left out: failed. Of 4,390 records of 4 LLMs, "
            "20 questions, 55 slots on 4 days. By these methods: A test."
        )

    def test_says_of_which_level_a_tables_intervals_are_and_by_which_methods(self):
        table = a_table(tables.estimate("x", "X"), notes=("Left out: failures.",))
        section = Section("One", [], [table], methods=[TESTED], basis=BASIS)
        assert captions([section], {}).tables["numbers"].sentences == [
            "Left out: failures.",
            "Intervals are of 95 %.",
            "Of 4,390 records of 4 LLMs, 20 questions, 55 slots on 4 days.",
            "By these methods: A test.",
        ]

    def test_names_a_tables_own_methods_where_they_arent_all_of_its_section(self):
        table, other = a_table(tables.estimate("x", "X")), Method("Another test", "It is made, too.")
        section = Section("One", [], [table], methods=[TESTED, other], by={"numbers": [other]})
        assert captions([section], {}).tables["numbers"].sentences[-1] == "By these methods: Another test."

    def test_names_no_method_where_nothing_was_concluded(self):
        section = Section("One", [], [a_table(tables.number("x", "X"))], methods=[TESTED])
        assert captions([section], {}).tables["numbers"].sentences == []

    def test_joins_what_a_chart_broke_into_lines(self):
        lines = ["a word " * 40 + "and then it ends", "a short one", "another"]
        broken = titled("A chart", lines).to_dict()["subtitle"]
        assert len(broken) > len(lines)
        assert unbroken(broken) == tuple(lines)


@pytest.fixture(scope="module")
def folder(everything: Everything, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a study with everything on."""
    written = tmp_path_factory.mktemp("report")
    write_report(everything.records, everything.study, View(), written, everything.home)
    return written


@pytest.mark.slow
class TestTheReport:
    def test_has_each_figure_and_table_numbered_on_its_page(self, folder: Path):
        page = "".join((folder / name).read_text() for name in ("report.html", "appendix.html"))
        for kind, files in (("Figure", "figures/*.pdf"), ("Table", "tables/*.csv")):
            count = len(list(folder.glob(files)))
            numbers = [int(number) for number in re.findall(rf"<strong>{kind} (\d+)\.", page)]
            assert numbers == list(range(1, count + 1))

    def test_has_captions_that_say_how_much_they_rest_on(self, folder: Path):
        paragraphs = (folder / "captions.txt").read_text().strip().split("\n\n")
        assert len(paragraphs) == len(list(folder.glob("figures/*.pdf"))) + len(list(folder.glob("tables/*.csv")))
        rest = [
            name for name in paragraphs if not re.search(r"Of [\d,]+ records of \d+ LLMs, 20 questions, 34 slots", name)
        ]
        assert [paragraph.splitlines()[0] for paragraph in rest] == [
            "tables/agreement", "tables/departures", "tables/prompts", "tables/slots"
        ]  # fmt: skip

    def test_says_of_each_interval_which_level_it_has(self, folder: Path):
        for paragraph in (folder / "captions.txt").read_text().strip().split("\n\n"):
            name, caption = paragraph.split("\n", 1)
            if name.startswith("tables/"):
                rows = csv.DictReader((folder / f"{name}.csv").open())
                there = any(value for row in rows for key, value in row.items() if key.endswith("_low"))
                assert there == ("Intervals are of 95 %." in caption), name

    def test_sets_all_tables_within_the_width_of_a_page(self, folder: Path):
        widths = [spec for path in folder.glob("tables/*.tex") for spec in _column_widths(path.read_text())]
        assert all(width > 0 for spec in widths for width in spec)
        assert max(map(sum, widths)) <= 1

    def test_links_each_citation_to_a_source_with_title_and_identifier(self, folder: Path):
        page = (folder / "report.html").read_text()
        linked = set(re.findall(r'href="#source-(\d+)"', page))
        listed = re.findall(r'<li id="source-(\d+)">(.*?)</li>', page, re.DOTALL)
        assert linked == {number for number, _ in listed}
        assert all("<cite>" in text and 'href="http' in text for _, text in listed)
        bib = (folder / "references.bib").read_text()
        assert len(listed) == bib.count("\n@") + 1

    def test_has_methods_that_cite_what_its_sources_hold(self, folder: Path):
        keys = {
            key
            for cite in re.findall(r"\\cite\{(.*?)\}", (folder / "methods.tex").read_text())
            for key in cite.split(",")
        }
        assert keys == set(re.findall(r"^@\w+\{(\w+),", (folder / "references.bib").read_text(), re.MULTILINE))

    def test_has_results_that_take_in_every_figure_and_table_that_is_there(self, folder: Path):
        results = "".join((folder / name).read_text() for name in ("results.tex", "appendix.tex"))
        taken = re.findall(r"\\llmbench/((?:figures|tables)/[\w-]+\.(?:pdf|tex))", results)
        there = [*folder.glob("figures/*.pdf"), *folder.glob("tables/*.tex")]
        assert sorted(taken) == sorted(path.relative_to(folder).as_posix() for path in there)

    def test_has_no_preamble_and_closes_what_it_opens(self, folder: Path):
        for path in [*folder.glob("*.tex"), *folder.glob("tables/*.tex")]:
            text = re.sub(r"\\[{}%\\]|(?m:^%.*$)", "", path.read_text())
            assert "documentclass" not in text
            assert text.count("{") == text.count("}"), path
            begun, ended = (re.findall(rf"\\{word}\{{(\w+)\}}", text) for word in ("begin", "end"))
            assert sorted(begun) == sorted(ended), path
            assert "[U+" not in text, path

    def test_has_labels_that_no_two_share(self, folder: Path):
        text = "".join(path.read_text() for path in [*folder.glob("*.tex"), *folder.glob("tables/*.tex")])
        labels = re.findall(r"\\label\{(.*?)\}", text)
        assert len(labels) == len(set(labels))
