"""Documents that aren't Markdown: what becomes of them, what is said of what is lost, and what they can't do."""

from __future__ import annotations

import io
import json
import os
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from openpyxl import Workbook
from pypdf import PdfReader, PdfWriter

from llm_bench.errors import QuestionSetError
from llm_bench.rag.convert import conversion
from llm_bench.rag.convert.conversion import MAXIMUM_BYTES, Conversion, ConversionError, convert
from llm_bench.rag.convert.rows import markdown
from llm_bench.rag.documents import load_documents, passages

CLINICS = Path(__file__).resolve().parents[2] / "benchmarks" / "converted" / "knowledge" / "clinics"
REPORT = CLINICS / "annual-report-2025.pdf"

Convert = Callable[..., Conversion]


@pytest.fixture
def converted(tmp_path: Path) -> Convert:
    """Converts a content that a file of that name holds."""

    def converted(name: str, content: str | bytes) -> Conversion:
        file = tmp_path / name
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return convert(file, None)

    return converted


def archive(**members: str | bytes) -> bytes:
    """An archive; in the members' names `__` stands for a slash."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as target:
        for name, content in members.items():
            target.writestr(name.replace("__", "/") + ".xml", content)
    return buffer.getvalue()


WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def docx(body: str, before: str = "", relationships: str = "") -> bytes:
    """A Word document."""
    kinds = (
        '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        '<Override PartName="/word/document.xml"'
        ' ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>'
    )
    content = archive(word__document=f'{before}<w:document xmlns:w="{WORD}"><w:body>{body}</w:body></w:document>')
    buffer = io.BytesIO(content)
    package = "http://schemas.openxmlformats.org/package/2006/relationships"
    with zipfile.ZipFile(buffer, "a") as target:
        target.writestr("[Content_Types].xml", kinds)
        link = f'<Relationship Id="r" Type="{OFFICE}/officeDocument" Target="word/document.xml"/>'
        target.writestr("_rels/.rels", f'<Relationships xmlns="{package}">{link}</Relationships>')
        if relationships:
            inner = f'<Relationships xmlns="{package}">{relationships}</Relationships>'
            target.writestr("word/_rels/document.xml.rels", inner)
    return buffer.getvalue()


def paragraph(text: str) -> str:
    return f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>"


def workbook(fill: Callable[[Workbook], None]) -> bytes:
    book = Workbook()
    fill(book)
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def written(writer: PdfWriter) -> bytes:
    buffer = io.BytesIO()
    writer.write(buffer)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def report() -> str:
    return convert(REPORT, None).text


@pytest.fixture(scope="module")
def manual() -> str:
    return convert(CLINICS / "purchasing-manual.docx", None).text


class TestAPdf:
    def test_keeps_its_headings(self, report: str):
        assert report.startswith("# Linden Clinics: annual report 2025\n")
        assert "\n# Length of stay\n" in report

    @pytest.mark.parametrize(
        "row",
        [
            pytest.param("| Fennside | 4,213 | 4,355 | +3.4% |", id="ruled"),
            pytest.param("| Castle Hill | 4.7 | 4.4 | 15.7 |", id="without rules"),
        ],
    )
    def test_keeps_the_rows_of_its_tables(self, report: str, row: str):
        assert f"\n{row}\n" in report

    def test_has_the_caption_before_the_table(self, report: str):
        assert (
            "\n\nTable 2: Mean length of stay by site (days)\n\n| Site | Medicine | Surgery | Geriatrics |\n" in report
        )

    def test_goes_on_with_a_table_on_the_next_page(self, report: str):
        assert report.count("| Device | Site | Kind | Installed | Book value |") == 1
        assert "| K-133 | Brook | Dialysis |" in report
        assert "| K-134 | Castle Hill | Dialysis |" in report

    def test_has_neither_page_numbers_nor_rules(self, report: str):
        assert "Page 3" not in report
        assert "\n---" not in report

    def test_says_which_pages_have_no_text(self, converted: Convert):
        writer = PdfWriter()
        writer.append(REPORT, pages=(0, 2))
        writer.add_blank_page(300, 300)
        writer.add_blank_page(300, 300)
        assert converted("a.pdf", written(writer)).notes == (
            "no text on pages 3, 4 (scanned?): what stands there is left out",
        )

    def test_of_pictures_alone_is_refused(self, converted: Convert):
        writer = PdfWriter()
        writer.add_blank_page(300, 300)
        with pytest.raises(ConversionError, match=r"holds no text \(no text on page 1 \(scanned\?\)"):
            converted("a.pdf", written(writer))

    def test_that_is_encrypted_is_refused(self, converted: Convert):
        writer = PdfWriter(clone_from=PdfReader(REPORT))
        writer.encrypt("secret", algorithm="RC4-128")
        with pytest.raises(ConversionError, match="is encrypted; allowed: a file that opens without a password"):
            converted("a.pdf", written(writer))

    def test_that_is_none_is_refused(self, converted: Convert):
        with pytest.raises(ConversionError, match="is no PDF, whatever its name says"):
            converted("a.pdf", "Not a PDF.")

    def test_that_is_broken_is_refused(self, converted: Convert):
        with pytest.raises(
            ConversionError, match=r"can't be read as PDF \(.*\); allowed: a file that a PDF viewer opens"
        ):
            converted("a.pdf", REPORT.read_bytes()[:400])


class TestAWordDocument:
    def test_keeps_title_headings_and_lists(self, manual: str):
        assert manual.startswith("# Purchasing manual\n")
        assert "\n# Returns\n\n- Damaged goods are reported within 3 working days, with a photo.\n" in manual

    def test_repeats_a_cell_over_several_rows_in_each(self, manual: str):
        assert "| North | Brook | 07:15 to 15:00 | 1 |\n| South | Grove | 05:45 to 13:00 | 4 |" in manual

    def test_says_what_pictures_it_had(self, converted: Convert):
        buffer = io.BytesIO(docx(paragraph("Rye.")))
        with zipfile.ZipFile(buffer, "a") as target:
            target.writestr("word/media/image1.png", b"")
            target.writestr("word/charts/chart1.xml", b"")
        assert converted("a.docx", buffer.getvalue()) == (
            "Rye.",
            ("1 picture left out", "1 chart or embedded file left out"),
        )

    @pytest.mark.parametrize(
        ("content", "reason"),
        [
            pytest.param(b"Not a DOCX.", "is no DOCX, whatever its name says", id="text"),
            pytest.param(archive(xl__workbook=""), "is no DOCX, whatever its name says", id="a workbook"),
            pytest.param(
                bytes.fromhex("d0cf11e0a1b11ae1") + "EncryptedPackage".encode("utf-16-le"),
                "is encrypted; allowed: a file that opens without a password",
                id="encrypted",
            ),
            pytest.param(bytes.fromhex("d0cf11e0a1b11ae1"), "is an Office file of before 2007", id="DOC"),
            pytest.param(docx(""), "holds no text", id="empty"),
        ],
    )
    def test_that_cannot_be_used_is_refused(self, converted: Convert, content: bytes, reason: str):
        with pytest.raises(ConversionError, match=reason):
            converted("a.docx", content)


class TestAPage:
    def test_keeps_what_is_read_and_leaves_out_the_rest(self):
        text, notes = convert(CLINICS / "energy.html", None)
        assert text.startswith("# Energy at Linden Clinics\n")
        assert "| Grove | 5,578 | 5,152 | 41% |" in text
        assert [word for word in ("Jobs", "track(", "Imprint", "color", "boiler") if word in text] == []
        assert notes == ("1 picture left out",)

    def test_has_its_title_where_no_heading_comes_first(self, converted: Convert):
        assert converted("a.html", "<title>Rye &amp; oats</title><p>Dear.</p>").text == "# Rye & oats\n\nDear."

    def test_has_one_head_where_a_table_has_several(self, converted: Convert):
        table = (
            "<table><tr><th rowspan=2>Site</th><th colspan=2>2025</th></tr><tr><th>May</th><th>June</th></tr>"
            "<tr><td>Aldern</td><td>4|5</td><td>6</td></tr></table>"
        )
        assert converted("a.html", table).text == (
            "| Site | 2025 May | 2025 June |\n|---|---|---|\n| Aldern | 4\\|5 | 6 |"
        )

    def test_is_read_in_the_charset_that_it_names(self, converted: Convert):
        content = '<meta charset="windows-1252"><p>Käse für 5 €</p>'.encode("cp1252")
        assert converted("a.htm", content).text == "Käse für 5 €"

    @pytest.mark.parametrize(
        ("content", "reason"),
        [
            (b"<p>caf\xe9</p>", r"is no text in utf-8 \(byte 6\)"),
            (b"No mark at all.", "is no HTML, whatever its name says"),
            (b"<script>document.write('x')</script>", "holds no text"),
        ],
    )
    def test_that_cannot_be_used_is_refused(self, converted: Convert, content: bytes, reason: str):
        with pytest.raises(ConversionError, match=reason):
            converted("a.html", content)

    def test_says_so_where_parts_are_nested_too_deep(self, converted: Convert):
        assert converted("a.html", "<p>Rye.</p>" + "<div>" * 100_000 + "deep") == (
            "Rye.",
            ("what is nested very deep is left out",),
        )


class TestAList:
    @pytest.mark.parametrize("sign", [",", ";", "\t", "|"])
    def test_is_cut_at_its_own_sign(self, converted: Convert, sign: str):
        rows = [["Site", "Share"], ["Aldern", "4.5 %"], ["Brook", "6 %"]]
        text = converted("a.csv", "\n".join(sign.join(row) for row in rows)).text
        assert text == "| Site | Share |\n|---|---|\n| Aldern | 4.5 % |\n| Brook | 6 % |"

    def test_may_have_quotes_and_the_mark_of_utf_8(self, converted: Convert):
        text = converted("a.csv", '\ufeffSite,Note\nAldern,"a, b\nand ""c"" | d"\n').text
        assert text == '| Site | Note |\n|---|---|\n| Aldern | a, b and "c" \\| d |'

    @pytest.mark.parametrize(
        ("content", "reason"),
        [(b"a;b\n\xe9;1", r"is not UTF-8 text \(byte 4\)"), (b"a,b\n\0,1", "is no CSV"), (b" \n", "holds no text")],
    )
    def test_that_cannot_be_used_is_refused(self, converted: Convert, content: bytes, reason: str):
        with pytest.raises(ConversionError, match=reason):
            converted("a.csv", content)


class TestAWorkbook:
    def test_has_a_section_for_each_sheet_that_shows(self):
        text, notes = convert(CLINICS / "budget-2026.xlsx", None)
        assert text.startswith("## Projects\n\nCapital projects of Linden Clinics, plan of 2026\n\n| Project | Site |")
        assert "\n## Fees\n" in text
        assert "Draft" not in text
        assert notes == ("the hidden sheet Notes is left out",)

    def test_shows_numbers_and_dates_as_excel_does(self):
        text = convert(CLINICS / "budget-2026.xlsx", None).text
        assert "| Laboratory | Eastgate | 7,925 | 12.5% | 2026-11-20 |" in text
        assert "| Single room | F-01 | 74.50 |" in text

    @pytest.mark.parametrize(
        ("value", "form", "shown"),
        [
            (0.1 + 0.2, "General", "0.3"),
            (1234.5, '#,##0.00 "€"', "1,234.50 €"),
            (-3, "$#,##0;[Red]-$#,##0", "$ -3"),
            (True, "General", "TRUE"),
        ],
    )
    def test_shows_a_cell_by_its_format(self, converted: Convert, value: object, form: str, shown: str):
        def fill(book: Workbook) -> None:
            book.active.append(["Name", "Value"])
            book.active.append(["x", value])
            book.active["B2"].number_format = form

        assert converted("a.xlsx", workbook(fill)).text.endswith(f"| x | {shown} |")

    def test_says_how_many_formulas_have_no_value(self, converted: Convert):
        def fill(book: Workbook) -> None:
            book.active.append(["Site", "Beds"])
            book.active.append(["Aldern", "=1+1"])

        assert converted("a.xlsx", workbook(fill)).notes == (
            "1 formula without a value left out: open the file in Excel and save it",
        )


class TestRows:
    def test_of_one_cell_before_a_table_are_paragraphs(self):
        assert markdown([["Sales"], ["in 2025"], ["Site", "€"], ["Aldern", "4"]]) == (
            "Sales\n\nin 2025\n\n| Site | € |\n|---|---|\n| Aldern | 4 |"
        )

    def test_after_a_blank_one_have_a_head_of_their_own(self):
        rows = [["Site", "€"], ["Aldern", "4"], ["", ""], ["Ward", "Beds"], ["W1", "12"]]
        assert markdown(rows).count("|---|---|") == 2

    def test_after_a_blank_one_that_are_numbers_go_on_under_the_head(self):
        rows = [["Site", "€"], ["Aldern", "4"], [], ["Brook", "5"]]
        assert markdown(rows).endswith("| Site | € |\n|---|---|\n| Brook | 5 |")


@pytest.fixture
def server() -> Iterator[tuple[str, list[str]]]:
    """Where a server listens, and what it was asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{listening.server_port}", asked
        listening.shutdown()


class TestADocumentFromOutside:
    def test_is_refused_beyond_a_size(self, tmp_path: Path):
        file = tmp_path / "a.pdf"
        with file.open("wb") as large:
            large.truncate(MAXIMUM_BYTES + 10**6)
        with pytest.raises(ConversionError, match="is 51 MB; allowed: at most 50 MB"):
            convert(file, None)

    @pytest.mark.parametrize("name", ["a.docx", "a.xlsx"])
    def test_that_unpacks_to_very_much_is_refused(self, converted: Convert, name: str):
        bomb = archive(word__document=b"\0" * 201_000_000, xl__workbook=b"")
        assert len(bomb) < 10**6
        with pytest.raises(ConversionError, match="unpacks to 201 MB; allowed: at most 200 MB"):
            converted(name, bomb)

    @pytest.mark.parametrize(
        "entity", ['<!ENTITY e SYSTEM "file:///etc/hostname">', '<!ENTITY e "rye">'], ids=["of a file", "its own"]
    )
    def test_is_refused_with_entities(self, converted: Convert, entity: str):
        with pytest.raises(ConversionError, match="EntitiesForbidden"):
            converted("a.docx", docx(paragraph("&e;"), before=f"<!DOCTYPE d [{entity}]>"))

    def test_has_nothing_fetched(self, converted: Convert, server: tuple[str, list[str]]):
        address, asked = server
        page = f'<link rel="stylesheet" href="{address}/c"><img src="{address}/i"><iframe src="{address}/f">'
        page += "</iframe><p>Rye."
        assert converted("a.html", page).text == "Rye."
        linked = f'<Relationship Id="p" Type="{OFFICE}/image" Target="{address}/p" TargetMode="External"/>'
        assert converted("a.docx", docx(paragraph("Oats."), relationships=linked)).text == "Oats."
        assert asked == []

    def test_is_read_without_this_ones_secrets(self, converted: Convert, tmp_path: Path, monkeypatch):
        monkeypatch.setenv("GROQ_API_KEY", "canary")
        self.take_for_python(tmp_path, 'printf \'{"text": "key:%s.", "notes": []}\' "$GROQ_API_KEY"', monkeypatch)
        assert converted("a.csv", "a,b").text == "key:."

    def test_that_ends_its_process_is_refused(self, converted: Convert, tmp_path: Path, monkeypatch):
        self.take_for_python(tmp_path, "kill -9 $$", monkeypatch)
        with pytest.raises(ConversionError, match="the process that converts it ended by signal 9"):
            converted("a.csv", "a,b")

    def test_that_takes_too_long_is_refused(self, converted: Convert, tmp_path: Path, monkeypatch):
        monkeypatch.setattr(conversion, "PATIENCE_SEC", 0.2)
        self.take_for_python(tmp_path, "exec sleep 60", monkeypatch)
        with pytest.raises(ConversionError, match=r"takes more than 0\.2 s to read; allowed: a smaller file"):
            converted("a.csv", "a,b")

    def test_of_too_much_text_is_refused(self, converted: Convert, monkeypatch):
        monkeypatch.setattr(conversion, "MAXIMUM_TEXT", 10)
        with pytest.raises(ConversionError, match="million letters; allowed: at most"):
            converted("a.csv", "a,b\n" * 10)

    def take_for_python(self, folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
        program = folder / "python"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        monkeypatch.setattr(sys, "executable", str(program))


class TestTheCache:
    @pytest.fixture
    def file(self, tmp_path: Path) -> Path:
        file = tmp_path / "list.csv"
        file.write_text("Site,Beds\nAldern,12\n")
        return file

    @pytest.fixture
    def conversions(self, monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
        """The contents that were converted."""
        contents: list[bytes] = []
        original = conversion._converted

        def counted(content: bytes, ending: str) -> dict[str, object]:
            contents.append(content)
            return original(content, ending)

        monkeypatch.setattr(conversion, "_converted", counted)
        return contents

    def test_spares_the_second_conversion(self, file: Path, tmp_path: Path, conversions: list[bytes]):
        first, second = (convert(file, tmp_path / "cache") for _ in range(2))
        assert first == second
        assert len(conversions) == 1

    def test_goes_by_content_and_not_by_name_or_time(self, file: Path, tmp_path: Path, conversions: list[bytes]):
        convert(file, tmp_path / "cache")
        os.utime(file, (1, 1))
        convert(file.rename(tmp_path / "other.csv"), tmp_path / "cache")
        assert len(conversions) == 1

    @pytest.mark.parametrize("change", ["content", "version", "library"])
    def test_misses_when_something_changed(
        self, file: Path, tmp_path: Path, conversions: list[bytes], change: str, monkeypatch
    ):
        convert(file, tmp_path / "cache")
        if change == "content":
            file.write_text("Site,Beds\nAldern,13\n")
        elif change == "version":
            monkeypatch.setattr(conversion, "CONVERSION_VERSION", -1)
        else:
            monkeypatch.setattr(conversion, "LIBRARIES", {".csv": ("openpyxl",)})
        convert(file, tmp_path / "cache")
        assert len(conversions) == 2

    @pytest.mark.parametrize("damage", ["", "null", "[]", '["| Site | Beds |", [], "0"]'])
    def test_is_made_anew_when_damaged(self, file: Path, tmp_path: Path, damage: str):
        intact = convert(file, tmp_path / "cache")
        (kept,) = (tmp_path / "cache").glob("[!.]*")
        kept.write_text(damage)
        assert convert(file, tmp_path / "cache") == intact
        assert json.loads(kept.read_text())[0] == intact.text


class TestDocuments:
    def test_of_all_kinds_are_read_by_slug(self):
        documents = load_documents(CLINICS.parents[1], "clinics")
        assert [(document.slug, document.title) for document in documents] == [
            ("annual-report-2025", "Linden Clinics: annual report 2025"),
            ("budget-2026", "Budget 2026"),
            ("energy", "Energy at Linden Clinics"),
            ("purchasing-manual", "Purchasing manual"),
            ("wards", "Wards"),
        ]
        assert [document.notes for document in documents if document.slug == "energy"] == [("1 picture left out",)]

    def test_that_cannot_be_used_are_named_at_once(self, write_project):
        files = {"a.pdf": "no", "b.docx": "no", "c.md": "Fine.", "d.csv": "", "e.xlsx": "no", "f.md": b"\xe9"}
        with pytest.raises(QuestionSetError) as caught:
            load_documents(write_project(documents=files), "bakery")
        assert [problem.split(":")[0] for problem in caught.value.problems] == [
            "a.pdf",
            "b.docx",
            "d.csv",
            "e.xlsx",
            "f.md",
        ]

    def test_of_one_name_are_named(self, write_project):
        include = write_project(documents={"a.md": "Fine.", "a.csv": "a,b\nc,1"})
        with pytest.raises(QuestionSetError, match=r"a\.md: has the name of a\.csv; allowed: each name once"):
            load_documents(include, "bakery")

    def test_that_word_has_open_leave_no_trace(self, write_project):
        include = write_project(documents={"a.md": "Fine.", "~$a.docx": "locked"})
        assert [document.slug for document in load_documents(include, "bakery")] == ["a"]

    def test_of_markdown_are_refused_beyond_a_size(self, write_project):
        include = write_project(documents={"a.md": "Fine."})
        with (include / "knowledge" / "bakery" / "a.md").open("r+b") as large:
            large.truncate(MAXIMUM_BYTES + 10**6)
        with pytest.raises(QuestionSetError, match=r"a\.md: is 51 MB; allowed: at most 50 MB"):
            load_documents(include, "bakery")

    def test_that_are_long_tables_have_passages_with_their_head(self):
        wards = next(document for document in load_documents(CLINICS.parents[1], "clinics") if document.slug == "wards")
        pieces = passages(wards)
        assert len(pieces) > 10
        assert all("| Ward | Site | Speciality | Beds | Occupancy |\n|---|" in piece.text for piece in pieces)


def test_converting_loads_no_library_here(run_python):
    loaded = run_python(
        f"from pathlib import Path; from llm_bench.rag.documents import load_documents; "
        f"load_documents(Path({str(CLINICS.parents[1])!r}), 'clinics')"
    )
    assert not loaded & {"liteparse", "mammoth", "html_to_markdown", "openpyxl", "numpy", "pandas"}
