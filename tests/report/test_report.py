from __future__ import annotations

import csv
import hashlib
import io
import re
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from random import Random
from typing import Any

import pypdf
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.studies import HOSTILE, fill_study, make_batch, make_prompts, thesis, with_twin
from fixtures.grades import grade_of
from llm_bench.analysis import table as tables
from llm_bench.analysis.agreement import agreement
from llm_bench.analysis.cache import Cache
from llm_bench.analysis.metrics import METRICS
from llm_bench.analysis.statistics import Interval
from llm_bench.analysis.table import Column, Table
from llm_bench.analysis.view import View
from llm_bench.errors import StorageError
from llm_bench.inert import cell
from llm_bench.measure.calibration import Calibration, Part, Spread, keep
from llm_bench.records import Record
from llm_bench.report import report_zip, write_report
from llm_bench.report.facts import gather
from llm_bench.report.latex import escape, latex
from llm_bench.report.methods import methods
from llm_bench.report.references import references
from llm_bench.report.word import widths
from llm_bench.store.base import from_parquet, object_path, open_store, to_parquet
from llm_bench.store.grades import keep_grade
from llm_bench.study import Study
from report.printed import below, headings, squeezed, words_of
from report.printed import sheets as sheets_of

INCLUDE = Path(__file__).parents[2] / "include"
LATENCY = METRICS["latency_sec"]

Project = Callable[[str], tuple[Study, Path]]


def project(home: Path, *, slots: int | None = None) -> Study:
    """A project with the default study, whose first slots are measured; all of them where left out."""
    (home / "include").symlink_to(INCLUDE)
    study = thesis(INCLUDE, storage="file://data")
    if slots != 0:
        schedule = study.window.schedule
        fill_study(open_store(study.storage, home), study, INCLUDE, slots=list(schedule)[:slots])
    return study


def store_batch(home: Path, study: Study, change: Callable[[Record], Record]) -> None:
    slot = study.window.schedule[0]
    made = make_batch(study, slot, 0, make_prompts(study, INCLUDE), Random(1))
    store = open_store(study.storage, home)
    store.commit(object_path("records", study.name, slot), to_parquet([change(record) for record in made]), 0)


def grade(home: Path, study: Study, many: int) -> None:
    """Puts grades of some answers into the store, which go with their coverage for the most part."""
    store, path = open_store(study.storage, home), object_path("records", study.name, study.window.schedule[0])
    scored = [
        record
        for record in from_parquet(store.read(path)[0])
        if record["coverage_score"] is not None and record["groundedness"] is not None
    ]
    for number, record in enumerate(scored[:many]):
        coverage = round(4 * record["coverage_score"]) if number % 5 else number % 4
        said = {"coverage": coverage, "groundedness": number % 4, "at": f"2026-12-08T08:00:{number:02}.000000Z"}
        keep_grade(store, study.name, 1, grade_of(record, **said))


def written(home: Path, study: Study, folder: Path, view: View | None = None) -> Path:
    write_report(Cache(home).records(study), study, view or View(), folder, home)
    return folder


def content(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


class Page(HTMLParser):
    """What a page holds: its tags, the addresses in them, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.handlers: list[str] = []
        self.texts: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href", "srcset", "action")]
        self.handlers += [name for name, _ in attrs if name.startswith("on")]

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join("".join(self.texts).split())


def captions_of(home: Path) -> str:
    """The captions of a page's report."""
    return (home / "report" / "captions.txt").read_text()


def methods_text(study: Study, home: Path, view: View | None = None) -> str:
    """The methods as text."""
    chosen = view or View()
    facts = gather(Cache(home).records(study), study, chosen, home)
    return "\n".join(line for part in methods(study, chosen, facts) for item in part.items for line in item.lines)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Study, Path]:
    """The default study with all its slots; its project's folder."""
    home = tmp_path_factory.mktemp("whole")
    return project(home), home


@pytest.fixture(scope="module")
def report(whole: tuple[Study, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    study, home = whole
    return written(home, study, tmp_path_factory.mktemp("report"))


@pytest.mark.slow
class TestAReport:
    def test_is_the_same_bytes_from_the_same_data_elsewhere(
        self, report: Path, whole: tuple[Study, Path], tmp_path: Path
    ):
        study, home = whole
        shutil.copytree(home / "data" / "records", tmp_path / "home" / "data" / "records")
        (tmp_path / "home" / "include").symlink_to(INCLUDE)
        again = content(written(tmp_path / "home", study, tmp_path / "again"))
        assert again.keys() == content(report).keys()
        assert [name for name, made in content(report).items() if made != again[name]] == []

    def test_rests_on_records_that_its_checksum_names(self, report: Path):
        checksum = hashlib.sha256((report / "records.csv").read_bytes()).hexdigest()
        assert checksum in (report / "report.html").read_text()
        records = csv.DictReader(io.StringIO((report / "records.csv").read_text()))
        assert sum(1 for _ in records) == 4390

    def test_can_be_verified(self, report: Path):
        subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=report, check=True)
        listed = {line.partition("  ")[2] for line in (report / "SHA256SUMS").read_text().splitlines()}
        assert listed == content(report).keys() - {"SHA256SUMS"}

    @pytest.mark.parametrize("name", ["report.html", "appendix.html"])
    def test_has_pages_that_load_nothing_and_run_nothing(self, report: Path, name: str):
        page = Page((report / name).read_text())
        assert not {"script", "iframe", "object", "embed", "form"} & set(page.tags)
        assert page.handlers == []
        sources = {source.address for source in references().values()} | {"report.html", "appendix.html"}
        assert all(address.startswith(("#", "data:")) or address in sources for address in page.addresses)

    @pytest.mark.parametrize("name", ["report.html", "appendix.html"])
    def test_shows_hostile_answers_as_text(self, report: Path, name: str):
        raw = (report / name).read_text()
        assert not any(text in raw for text in HOSTILE)
        assert "<script" not in raw

    def test_shows_each_figure_with_what_it_shows_in_words(self, report: Path):
        raw = "".join((report / name).read_text() for name in ("report.html", "appendix.html"))
        figures = {path.stem for path in (report / "figures").iterdir()}
        assert raw.count('<figure id="') == len(figures) == raw.count('alt="')
        assert 'alt=""' not in raw

    def test_has_each_figure_in_three_forms_that_open(self, report: Path):
        for path in (report / "figures").glob("*.svg"):
            assert path.read_text().startswith("<svg")
            assert path.with_suffix(".png").read_bytes().startswith(b"\x89PNG")
            assert len(pypdf.PdfReader(path.with_suffix(".pdf")).pages) == 1

    def test_has_tables_that_agree_with_the_records(self, report: Path):
        rows = list(csv.DictReader((report / "records.csv").open()))
        for row in csv.DictReader((report / "tables" / "success.csv").open()):
            own = [record for record in rows if f"{record['llm_provider']}/{record['llm_model']}" == row["llm"]]
            assert int(row["records"]) == len(own)
            assert int(row["succeeded"]) == sum(record["success"] == "true" for record in own)
            assert float(row["rate_low"]) < float(row["rate"]) < float(row["rate_high"])

    def test_names_no_place_of_the_machine_that_made_it(self, report: Path, whole: tuple[Study, Path]):
        naming = [name for name, made in content(report).items() if str(whole[1]).encode() in made]
        assert naming == []

    @pytest.mark.skipif(not shutil.which("pdflatex"), reason="no LaTeX here")
    def test_has_latex_that_compiles(self, report: Path, tmp_path: Path):
        head = r"\documentclass{article}\usepackage[a4paper,margin=2.5cm]{geometry}\usepackage[T1]{fontenc}"
        packages = r"\usepackage{array,booktabs,graphicx,longtable,textcomp}"
        taken = "".join(rf"\input{{\llmbench/{name}.tex}}" for name in ("methods", "results", "appendix"))
        sources = r"\bibliographystyle{plain}\bibliography{\llmbench/references}"
        folder = rf"\newcommand{{\llmbench}}{{{report}}}"
        text = rf"{head}{packages}\begin{{document}}{folder}{taken}{sources}\end{{document}}"
        (tmp_path / "all.tex").write_text(text)
        command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "all.tex"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-2000:]
        wide = [float(points) for points in re.findall(r"Overfull \\hbox \(([0-9.]+)pt", done.stdout)]
        assert max(wide, default=0) < 20
        assert "multiply defined" not in done.stdout

    def test_written_again_removes_its_own_files_alone(self, report: Path, whole: tuple[Study, Path], tmp_path: Path):
        folder = tmp_path / "mine"
        shutil.copytree(report, folder)
        (folder / "thesis.tex").write_text("mine")
        (folder / "figures" / "old.png").write_bytes(b"of an earlier report")
        with (folder / "SHA256SUMS").open("a") as sums:
            sums.write("0" * 64 + "  figures/old.png\n" + "0" * 64 + "  ../outside.txt\n")
        (tmp_path / "outside.txt").write_text("not its own")
        study, home = whole
        written(home, study, folder)
        assert not (folder / "figures" / "old.png").exists()
        assert (folder / "thesis.tex").read_text() == "mine"
        assert (tmp_path / "outside.txt").exists()


@pytest.mark.slow
class TestAReportInPrint:
    @pytest.fixture(scope="class")
    def page(self, report: Path) -> str:
        return (report / "report.html").read_text()

    @pytest.fixture(scope="class")
    def sheets(self, report: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
        """The text of each sheet, but for its number."""
        printed = sheets_of(report / "report.html", tmp_path_factory.mktemp("printed") / "report.pdf")
        return [re.sub(rf"(^{number} | {number}$)", "", sheet) for number, sheet in enumerate(printed, 1)]

    def test_has_12_to_16_sheets(self, sheets: list[str]):
        assert 12 <= len(sheets) <= 16

    def test_begins_with_a_sheet_that_answers_what_people_ask(self, sheets: list[str]):
        first = sheets[0]
        places = [first.find(title) for title in ("Fastest", "Most reliable", "Best coverage", "Cheapest", "Steadiest")]
        assert -1 not in places
        assert places == sorted(places)
        assert first.index("Summary") < places[0] < first.index("Table 1.") < first.index("Table 2.")
        assert "Table 3." not in first
        assert "Figure 1." not in first
        assert "Latency" in sheets[1][:20]

    def test_has_each_figure_on_the_sheet_of_its_caption(self, sheets: list[str], page: str, report: Path):
        names = re.findall(r"<strong>(Figure \d+\.).*?\(([\w-]+)\)</span></figcaption>\s*<img", page, re.DOTALL)
        assert len(names) > 10
        for label, name in names:
            (sheet,) = [sheet for sheet in sheets if label in sheet]
            words = words_of((report / "figures" / f"{name}.svg").read_text())
            there = [word for word in words if squeezed(word) in below(sheet, label)]
            # Without the charts' own font, a name may be too long, and lacks a letter.
            assert len(there) >= 0.6 * len(words), (label, name)

    def test_has_the_first_row_of_each_table_on_the_sheet_of_its_caption(self, sheets: list[str], page: str):
        tables = re.findall(r"<strong>(Table \d+\.).*?<tbody>\s*<tr>(.*?)</tr>", page, re.DOTALL)
        assert len(tables) > 8
        for label, row in tables:
            (sheet,) = [sheet for sheet in sheets if label in sheet]
            cells = re.findall(r"<bdi>([^<]+)</bdi>", row)
            assert all(squeezed(cell)[:12] in below(sheet, label) for cell in cells), label

    def test_ends_no_sheet_with_a_heading_or_a_caption(self, sheets: list[str], page: str):
        ends = [heading for heading in headings(page) for sheet in sheets if sheet.endswith(f" {heading}")]
        assert ends == []

    def test_names_what_stands_in_the_appendix(self, page: str, report: Path):
        appendix = (report / "appendix.html").read_text()
        numbers = [int(number) for text in (page, appendix) for number in re.findall(r"<strong>Figure (\d+)\.", text)]
        assert numbers == list(range(1, len(list((report / "figures").glob("*.svg"))) + 1))
        assert re.findall(r"<strong>Figure", appendix)


texts = st.lists(st.lists(st.text("ab -", max_size=40), min_size=1, max_size=4), min_size=1, max_size=9)


class TestWidthsOfATablesColumns:
    @given(texts, st.floats(100, 2000))
    def test_fill_the_table(self, columns: list[list[str]], width: float):
        shared = widths(columns, width)
        assert sum(shared) == pytest.approx(width)
        assert min(shared) > 0

    def test_break_no_word_where_there_is_room_for_all(self):
        long = "deepseek-r1-0528-qwen3-8b"  # breaks after a hyphen
        columns = [["Verdict", "exploratory"], ["LLM", long], ["Question", "word " * 40]]
        words, name, question = widths(columns, 200)
        for width, letters in ((words, "exploratory"), (name, "deepseek-"), (question, "Question")):
            assert width > 4 * len(letters)

    def test_are_alike_where_the_texts_are(self):
        assert widths([["ab"], ["ab"]], 300) == [150, 150]


@pytest.mark.slow
class TestAReportToWriteIn:
    """The same for Word and in Markdown"""

    @pytest.fixture(scope="class")
    def markdown(self, report: Path) -> str:
        return (report / "report.md").read_text()

    @pytest.fixture(scope="class")
    def document(self, report: Path) -> Any:
        from docx import Document

        return Document(str(report / "report.docx"))

    @pytest.fixture(scope="class")
    def captions(self, report: Path) -> list[str]:
        """All of them, figures first."""
        return [paragraph.split("\n", 1)[1] for paragraph in (report / "captions.txt").read_text().split("\n\n")[:-1]]

    def test_has_all_captions_numbered_by_word_itself(self, document: Any, captions: list[str]):
        styled = [paragraph for paragraph in document.paragraphs if paragraph.style.name == "Caption"]
        fields = [re.findall(r"SEQ (\w+) .*?<w:t>(\d+)</w:t>", paragraph._p.xml, re.DOTALL) for paragraph in styled]
        assert [f"{kind} {number}" for ((kind, number),) in fields] == [
            caption.split(".")[0] for caption in sorted(captions, key=self._place(styled))
        ]

    @staticmethod
    def _place(styled: list[Any]) -> Callable[[str], int]:
        """Where a caption stands in the document."""
        numbers = [
            "".join(re.findall(r"<w:t[^>]*>([^<]*)</w:t>", paragraph._p.xml)).split(".")[0] for paragraph in styled
        ]
        return lambda caption: numbers.index(caption.split(".")[0])

    def test_has_each_figure_as_wide_as_the_text_or_as_high_as_a_page_with_words_for_who_cant_see_it(
        self, document: Any, report: Path
    ):
        page = document.sections[0]
        width, height = (page.page_width - 2 * page.left_margin, page.page_height - 2 * page.top_margin)
        for shape in document.inline_shapes:
            assert shape.width == width or shape.height == pytest.approx(0.8 * height, rel=0.01)
            assert shape.height < 0.81 * height  # its caption is on the same page
        assert len(document.inline_shapes) == len(list((report / "figures").glob("*.png")))
        assert all(shape._inline.docPr.get("descr") for shape in document.inline_shapes)

    def test_has_each_table_whole(self, document: Any, report: Path):
        rows = sum(len(list(csv.reader(path.open()))) for path in (report / "tables").glob("*.csv"))
        assert sum(len(table.rows) for table in document.tables) == rows

    def test_has_tables_as_wide_as_the_text_whose_columns_say_how_wide_they_are(self, document: Any):
        page = document.sections[0]
        width = page.page_width - page.left_margin - page.right_margin
        for table in document.tables:
            assert sum(column.width for column in table.columns) == pytest.approx(width, rel=0.001)
            assert {tuple(cell.width for cell in row.cells) for row in table.rows} == {
                tuple(column.width for column in table.columns)
            }

    def test_says_the_same_in_markdown(self, markdown: str, captions: list[str], report: Path):
        labels = [caption.split(".")[0] for caption in captions]
        assert sorted(re.findall(r"^\*\*((?:Figure|Table) \d+)\.", markdown, re.MULTILINE)) == sorted(labels)
        linked = set(re.findall(r"\]\((figures/[\w-]+\.png)\)$", markdown, re.MULTILINE))
        assert linked == {f"figures/{path.name}" for path in (report / "figures").glob("*.png")}

    def test_cites_in_markdown_what_the_bibliography_holds(self, markdown: str, report: Path):
        cited = set(re.findall(r"@(\w+)[;\]]", markdown))
        assert cited == set(re.findall(r"^@\w+\{(\w+),", (report / "references.bib").read_text(), re.MULTILINE))

    def test_has_tables_in_markdown_whose_rows_are_alike(self, markdown: str):
        for table in re.findall(r"(?:^\|.*\n)+", markdown, re.MULTILINE):
            assert len({len(re.findall(r"(?<!\\)\|", row)) for row in table.splitlines()}) == 1

    def test_shows_hostile_answers_as_text(self, markdown: str):
        assert not any(text in markdown for text in HOSTILE)


@pytest.fixture(scope="module")
def twinned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report of eight slots, in which an LLM has a twin."""
    home = tmp_path_factory.mktemp("twinned")
    study = with_twin(project(home, slots=0), "groq/llama3-70b-8192", "llama again")
    fill_study(open_store(study.storage, home), study, INCLUDE, slots=list(study.window.schedule)[:8])
    return written(home, study, tmp_path_factory.mktemp("report"))


@pytest.mark.slow
class TestAReportWithATwin:
    def test_has_the_noise_floor_in_the_tables_of_differences(self, twinned: Path):
        rows = list(csv.DictReader((twinned / "tables" / "compare-latency.csv").read_text().splitlines()))
        assert len({row["noise_floor"] for row in rows}) == 1
        assert [(row["first"], row["second"]) for row in rows if row["to_the_floor"] == "these are twins"] == [
            ("groq/llama3-70b-8192", "llama again")
        ]

    def test_says_what_it_is(self, twinned: Path):
        page = Page((twinned / "report.html").read_text())
        assert "llama again (twin)" in page.text
        assert "Noise floor" in page.text
        assert "noise floor" in " ".join(page.texts[page.texts.index("Comparison") :])


class TestAPackedReport:
    def test_holds_the_same_files_and_is_the_same_bytes(self, tmp_path: Path):
        study = project(tmp_path, slots=2)
        records = Cache(tmp_path).records(study)
        packed = report_zip(records, study, View(), tmp_path)
        assert packed == report_zip(records, study, View(), tmp_path)
        with zipfile.ZipFile(io.BytesIO(packed)) as archive:
            assert archive.testzip() is None
            inside = {name.removeprefix("thesis/"): archive.read(name) for name in archive.namelist()}
        assert inside == content(written(tmp_path, study, tmp_path / "report"))


@pytest.mark.slow
class TestAReportOfLittle:
    def page(self, home: Path, study: Study, view: View | None = None) -> str:
        return Page((written(home, study, home / "report", view) / "report.html").read_text()).text

    def test_without_records_says_that_nothing_was_measured(self, tmp_path: Path):
        text = self.page(tmp_path, project(tmp_path, slots=0))
        assert "nothing of this study was measured yet" in text
        assert "Nothing was measured yet." in text

    def test_with_a_view_that_leaves_none_says_so(self, tmp_path: Path):
        study = project(tmp_path, slots=1)
        text = self.page(tmp_path, study, View(start=study.window.end))
        assert "the filters leave none" in text

    def test_of_one_slot_has_estimates_without_intervals(self, tmp_path: Path):
        text = self.page(tmp_path, project(tmp_path, slots=1))
        assert "There are no intervals: can't tell beyond this one day: it takes at least 4." in text
        assert "[—]" not in text
        (row, *_) = csv.DictReader((tmp_path / "report" / "tables" / "summary-speed.csv").open())
        assert float(row["latency_sec"]) > 0
        assert row["latency_sec_low"] == ""

    def test_says_how_well_the_scores_agree_with_people_on_other_answers_than_these(self, tmp_path: Path):
        text = self.page(tmp_path, project(tmp_path, slots=1))
        assert "On answers that other people judged, groundedness tells answers" in text
        rows = list(csv.DictReader((tmp_path / "report" / "tables" / "agreement.csv").open()))
        assert [row["set"] for row in rows] == [judged.name for judged in agreement().sets]
        (caption,) = re.findall("Agreement of the scores with people, on public sets.*", captions_of(tmp_path))
        assert "Of 80 records" not in caption

    def test_says_how_well_they_agree_with_grades_of_its_own_answers(self, tmp_path: Path):
        study = project(tmp_path, slots=1)
        grade(tmp_path, study, 30)
        text = self.page(tmp_path, study)
        assert "Agreement of the scores with grades of these answers" in text
        assert "People read a random sample of the answers" in text
        rows = list(csv.DictReader((tmp_path / "report" / "tables" / "graded.csv").open()))
        assert [(row["metric"], row["answers"], row["people"]) for row in rows] == [
            ("coverage_score", "30", "1"), ("groundedness", "30", "1")
        ]  # fmt: skip
        assert float(rows[0]["rho_low"]) < float(rows[0]["rho"]) < float(rows[0]["rho_high"])

    def test_isnt_made_without_a_grade_that_cant_be_read(self, tmp_path: Path):
        study = project(tmp_path, slots=1)
        open_store(study.storage, tmp_path).commit("grades/study=thesis/001/broken.json", b"{", 0)
        with pytest.raises(StorageError, match="is damaged"):
            self.page(tmp_path, study)

    def test_says_so_where_the_agreement_was_measured_for_another_scorer(self, tmp_path: Path):
        study = project(tmp_path, slots=0)
        store_batch(tmp_path, study, lambda record: record | {"embedding_model": "other@1"})
        assert "with other@1, which may agree more or less" in self.page(tmp_path, study)

    def test_of_failures_alone_has_a_latency_among_the_failures(self, tmp_path: Path):
        study = project(tmp_path, slots=0)
        lost = ("latency_sec", "ttft_sec", "first_answer_sec", "throughput_tps", "decode_tps", "coverage_score")
        broken = dict.fromkeys((*lost, "groundedness", "itl_mean_sec", "itl_p99_sec", "itl_max_sec", "event_times_sec"))
        store_batch(
            tmp_path, study, lambda record: record | broken | {"success": False, "failure_kind": "server_error"}
        )
        text = self.page(tmp_path, study)
        assert "NaN" not in text
        (row, *_) = csv.DictReader((tmp_path / "report" / "tables" / "summary-speed.csv").open())
        assert (row["success"], row["latency_sec"], row["failed"]) == ("0.0", "inf", row["records"])
        assert row["throughput_tps"] == ""


class TestTheMethods:
    def test_tell_both_readings_of_the_rhythm(self, whole: tuple[Study, Path]):
        text = methods_text(*whole)
        assert "This study has one period every 24 hours (periods_per_day: 1): 56 slots, 4,480 records." in text
        assert "(periods_per_day: 2): 112 slots, 8,960 records." in text

    def test_tell_what_was_missed_late_and_left_incomplete(self, whole: tuple[Study, Path]):
        text = methods_text(*whole)
        assert "1 missed: not measured" in text
        assert "1 measured in part" in text
        assert "1 measured whole, but later than 5 min after the slot" in text
        assert "4,390 of 4,480 records" in text

    def test_say_that_the_instruments_error_was_never_measured_and_how_to(self, whole: tuple[Study, Path]):
        text = methods_text(*whole)
        assert "Not known: it was never measured" in text
        assert "llm-bench calibrate" in text

    def test_tell_the_instruments_error_once_it_was_measured(self, tmp_path: Path):
        study = project(tmp_path, slots=1)
        part = Part(8, 240, 3, Spread(240, 0.00021, 0.0041, 0.009), Spread(5760, 0.0001, 0.003, 0.01))
        machine = {"cores": 2, "platform": "Linux", "python": "3.11.9"}
        made = Calibration("2026-12-06T10:00:00.000000Z", machine, {"httpx": "0.28"}, {}, part, part)
        keep(open_store(study.storage, tmp_path), study.name, made)
        assert "too long by 0.21 ms at the median and 4.10 ms at the 99th percentile" in methods_text(study, tmp_path)

    def test_tell_the_filters_and_what_became_of_suspects(self, whole: tuple[Study, Path]):
        study, home = whole
        text = methods_text(study, home, View(industries=("retail",), suspect="exclude"))
        assert "industry = retail, suspect = exclude." in text
        suspect = sum(
            row["suspect"] is not None
            for row in Cache(home).records(study).rows("SELECT suspect FROM records WHERE industry = 'retail'")
        )
        assert suspect > 0
        assert f"{suspect} records are marked suspect" in text
        assert "They are left out." in text

    def test_name_each_llm_the_settings_and_the_versions(self, whole: tuple[Study, Path]):
        text = methods_text(*whole)
        for expected in (
            "groq/llama3-70b-8192, at most 30 requests a minute",
            "max_tokens 1,024, temperature 0",
            "60 s to the first token",
            "LiteLLM synthetic",
            "all-MiniLM-L6-v2@",
        ):
            assert expected in text

    def test_say_how_much_of_an_llms_tokens_are_for_reasoning(self, whole: tuple[Study, Path]):
        study, home = whole
        careful = study.llms[2].model_copy(update={"reasoning_budget": 2048})
        text = methods_text(study.model_copy(update={"llms": (careful,)}), home)
        assert "max_tokens 3,072, temperature 0, 2,048 of these tokens for reasoning" in text

    def test_say_in_which_order_questions_were_asked_and_what_the_records_show(self, whole: tuple[Study, Path]):
        text = methods_text(*whole)
        assert "shuffled anew in each slot, and in a slot alike for all LLMs" in text
        assert "20 of 20 questions were the first of their cell in some slot" in text
        assert "Not all LLMs had it at the same place" not in text

    def test_say_where_the_client_was_and_how_far_from_each_llm(self, tmp_path: Path):
        study = project(tmp_path, slots=0)
        store_batch(tmp_path, study, lambda record: record | {"client": "frankfurt"})
        text = methods_text(study, tmp_path)
        assert "frankfurt: 80 records" in text
        assert "groq/llama3-70b-8192 0.0140\u202fs" in text

    def test_say_that_the_place_had_no_name(self, whole: tuple[Study, Path]):
        assert "a place without a name (LLM_BENCH_CLIENT was not set): 4,390 records" in methods_text(*whole)

    def test_name_a_twin_as_one(self, tmp_path: Path):
        study = with_twin(project(tmp_path, slots=0), "groq/llama3-70b-8192", "llama again")
        assert "the twin of groq/llama3-70b-8192: the same LLM measured once more" in methods_text(study, tmp_path)

    def test_say_so_where_a_prompt_or_the_scoring_model_changed(self, tmp_path: Path):
        study = project(tmp_path, slots=1)
        later = study.window.schedule[1]
        made = list(make_batch(study, later, 1, make_prompts(study, INCLUDE), Random(1)))
        changed = [record | {"prompt_hash": "0" * 64, "embedding_model": "other@1"} for record in made]
        open_store(study.storage, tmp_path).commit(object_path("records", study.name, later), to_parquet(changed), 0)
        text = methods_text(study, tmp_path)
        assert "The prompt changed during the study, for: finance-01" in text
        assert "Scores of several models stand together here" in text

    def test_dont_ask_the_clock(self, whole: tuple[Study, Path], monkeypatch: pytest.MonkeyPatch):
        study, home = whole
        assert methods_text(study, home) == methods_text(study, home)
        assert "the last was asked 2026-12-10T18:0" in methods_text(study, home)


def a_table(*rows: list[Any], columns: list[Column] | None = None) -> Table:
    made = [tables.words("llm", "LLM"), tables.count("n", "Records"), tables.metric("latency_sec", LATENCY)]
    return Table("example", "An example", columns or made, rows)


class TestATable:
    ROW = ("groq/m", 1200, Interval(1.23456789, 1.2, 1.31, 1200, 56))

    def test_is_read_with_three_digits_and_the_interval_below(self):
        ((_, count, value),) = a_table(list(self.ROW)).cells
        assert (count.text, value.text, value.interval) == ("1,200", "1.23", "[1.20, 1.31]")

    def test_is_computed_with_all_digits(self):
        text = a_table(list(self.ROW)).to_csv().decode()
        assert text == "llm,n,latency_sec,latency_sec_low,latency_sec_high\r\ngroq/m,1200,1.23456789,1.2,1.31\r\n"

    def test_has_nothing_where_there_is_nothing(self):
        table = a_table(["groq/m", 0, None], ["groq/n", 3, Interval(0.5, None, None, 3, 1)])
        assert [row[2].text for row in table.cells] == ["—", "0.500"]
        assert table.to_csv().decode().splitlines()[1:] == ["groq/m,0,,,", "groq/n,3,0.5,,"]

    def test_says_why_an_interval_is_missing(self):
        assert "fewer than 6 slots" in a_table(["groq/n", 3, Interval(0.5, None, None, 3, 1)]).all_notes[-1]
        assert a_table(list(self.ROW)).all_notes == ["Intervals are of 95 %."]

    @given(st.lists(st.tuples(st.text(), st.integers(0, 10**9)), max_size=5))
    def test_comes_back_whole_from_csv(self, rows: list[tuple[str, int]]):
        columns = [tables.words("text", "Text"), tables.count("n", "n")]
        kept = [(cell(text.encode(errors="backslashreplace").decode()), n) for text, n in rows]
        made = a_table(*map(list, rows), columns=columns).to_csv().decode()
        read = list(csv.reader(io.StringIO(made, newline="")))[1:]
        assert [(text, int(n)) for text, n in read] == kept


class TestLatex:
    def test_prints_its_own_signs_as_text(self):
        assert escape(r"50 % of $x_1 & {a}\b #2 ~ ^") == (
            r"50 \% of \$x\_\allowbreak{}1 \& \{a\}\textbackslash{}b \#2 \textasciitilde{} \textasciicircum{}"
        )

    def test_may_break_a_digest_into_lines_and_no_word(self):
        assert escape("0a1b2c3d4e5f" * 2 + "66") == r"0a1b2c3d4e5f\allowbreak{}0a1b2c3d4e5f\allowbreak{}66"
        assert escape("Kundenzufriedenheitsindex 2025") == "Kundenzufriedenheitsindex 2025"

    def test_names_what_it_has_no_letter_for(self):
        assert escape("é − 你\x07") == "é $-$ [U+4F60] "

    @given(st.text())
    def test_leaves_no_command_of_the_text(self, text: str):
        made = escape(text)
        known = r"\\(textbackslash|textasciicircum|textasciitilde|textless|textgreater|textbar|textquotedbl|"
        known += r"textasciigrave|textquotesingle|texttwosuperior|ldots|allowbreak)\{\}|\\[{}$&#%_]|"
        known += r"\$(-|\\pm|\\approx|\\geq|\\leq|"
        known += r"\\times|\\cdot|\\rightarrow)\$"
        rest = re.sub(known, "", made)
        assert not set(rest) & set('\\{}$&#%_^<>|"')

    def test_breaks_a_long_table_over_pages(self):
        assert "longtable" in latex(a_table(*(["groq/m", n, None] for n in range(31))))
        assert "longtable" not in latex(a_table(*(["groq/m", n, None] for n in range(30))))

    def test_numbers_a_long_table_once_however_many_pages_and_panels_it_has(self):
        columns = [tables.words(name, name.title()) for name in ("llm", *(f"words_{n}" for n in range(9)))]
        made = latex(
            a_table(*([f"groq/m{n}", *("many words " * 4 for _ in range(9))] for n in range(31)), columns=columns)
        )
        panels = made.count(r"\begin{longtable}")
        assert panels > 1
        assert made.count(r"\label") == made.count(r"\endfirsthead") == 1
        assert made.count(r"\addtocounter{table}{-1}") == panels - 1

    def test_breaks_the_lines_of_long_words_alone(self):
        made = latex(a_table(["groq/m", 1, None], ["a question of many words " * 6, 1, None]))
        assert made.count("raggedright") == 1
        assert "raggedright" not in latex(a_table(["groq/m", 1, None]))


@pytest.mark.slow
class TestTheCommand:
    def test_writes_a_report_of_a_view(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ):
        from llm_bench.__main__ import main

        project(tmp_path, slots=2)
        monkeypatch.setenv("LLM_BENCH_HOME", str(tmp_path))
        assert main(["report", "thesis", "--industry", "retail", "--out", str(tmp_path / "out")]) == 0
        assert str(tmp_path / "out" / "report.html") in capsys.readouterr().out
        rows = list(csv.DictReader((tmp_path / "out" / "records.csv").open()))
        assert {row["industry"] for row in rows} == {"retail"}
