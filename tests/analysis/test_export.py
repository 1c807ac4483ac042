from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from analysis.studies import HOSTILE, fill_study, thesis
from llm_bench.analysis import export as module
from llm_bench.analysis.cache import Cache, Records
from llm_bench.analysis.export import stream
from llm_bench.analysis.view import View
from llm_bench.inert import cell
from llm_bench.records import FIELD_NAMES, SEED_NAMES, arrow_schema, records_of
from llm_bench.store import exports
from llm_bench.store.base import FileStore, from_parquet, object_path, to_parquet

FORMATS = ("csv", "json", "parquet")
SOME = View(industries=("retail",), run_types=("scheduled",), suspect="exclude", llms=("groq/llama3-70b-8192",))


@pytest.fixture(scope="module")
def home(tmp_path_factory, include) -> Path:
    """A project's folder with twelve slots of the made-up study."""
    folder = tmp_path_factory.mktemp("export")
    (folder / "include").symlink_to(include)
    study = thesis(include)
    fill_study(FileStore(folder / "data"), study, include, slots=list(study.window.schedule)[:12])
    return folder


@pytest.fixture(params=["in one part", "in many"])
def records(request, home, include, monkeypatch) -> Records:
    if request.param == "in many":
        monkeypatch.setattr(module, "PART", 50)
    return Cache(home).records(thesis(include))


def whole(records: Records, form: str, view: View = View()) -> bytes:  # noqa: B008  (it is immutable)
    return b"".join(stream(records, view, form))


def rows(records: Records, form: str, view: View = View()) -> list[dict]:  # noqa: B008
    content = whole(records, form, view)
    if form == "csv":
        return list(csv.DictReader(io.StringIO(content.decode(), newline="")))
    return json.loads(content) if form == "json" else records_of(pq.read_table(io.BytesIO(content)))


class TestTheWholeStudy:
    @pytest.mark.parametrize("form", ["csv", "json"])
    def test_is_to_the_byte_what_the_join_writes_of_it(self, records, home, tmp_path, form):
        exports.export(FileStore(home / "data"), tmp_path)
        assert whole(records, form) == (tmp_path / f"batch_eval_metrics.{form}").read_bytes()

    @pytest.mark.parametrize("form", ["csv", "json"])
    def test_without_a_record_is_so_too(self, tmp_path, include, form):
        exports.export(FileStore(tmp_path / "data"), tmp_path)
        exported = whole(Cache(tmp_path).records(thesis(include)), form)
        assert exported == (tmp_path / f"batch_eval_metrics.{form}").read_bytes()

    def test_without_a_record_is_a_table_without_rows(self, tmp_path, include):
        exported = pq.read_table(io.BytesIO(whole(Cache(tmp_path).records(thesis(include)), "parquet")))
        assert (exported.num_rows, exported.schema) == (0, arrow_schema())

    def test_is_in_parquet_what_the_store_holds(self, records, home):
        store = FileStore(home / "data")
        held = [row for path in store.list("records/") for row in from_parquet(store.read(path)[0])]
        order = ("study", "slot", "llm_provider", "llm_model", "question_id")
        assert rows(records, "parquet") == sorted(held, key=lambda row: [row[name] for name in order])

    def test_keeps_the_fields_descriptions_in_parquet(self, records):
        schema = pq.read_schema(io.BytesIO(whole(records, "parquet")))
        assert schema.equals(arrow_schema(), check_metadata=False)
        assert schema.field("latency_sec").metadata[b"unit"] == b"s"

    @pytest.mark.parametrize("form", FORMATS)
    def test_comes_in_parts_of_about_that_size(self, home, include, form, monkeypatch):
        monkeypatch.setattr(module, "PART", 50)
        parts = list(stream(Cache(home).records(thesis(include)), View(), form))
        assert len(parts) in (16, 17)  # 48 cells of 20 records, three a part; what frames the rows may come by itself


class TestAView:
    @pytest.mark.parametrize("form", FORMATS)
    def test_holds_its_records_alone_in_order(self, records, form):
        kept_rows = rows(records, form, SOME)
        everything = rows(records, form)
        kept = [
            row
            for row in everything
            if row["industry"] == "retail"
            and row["run_type"] == "scheduled"
            and not row["suspect"]
            and row["llm_model"] == "llama3-70b-8192"
        ]
        assert kept_rows == kept
        assert 0 < len(kept_rows) < len(everything)

    @pytest.mark.parametrize("form", FORMATS)
    def test_has_the_seeds_columns_first(self, records, form):
        names = tuple(rows(records, form, SOME)[0])
        assert names[:11] == SEED_NAMES
        assert names == FIELD_NAMES

    @pytest.mark.parametrize("form", FORMATS)
    def test_may_hold_nothing(self, records, form):
        assert rows(records, form, View(llms=("no/such",))) == []

    def test_ends_before_its_end(self, records):
        end = datetime(2026, 12, 7, 8, tzinfo=UTC)
        assert {row["slot"] for row in rows(records, "json", View(end=end))} == {
            "2026-12-07T07:00:00.000000Z",
            "2026-12-07T07:51:25.714285Z",
        }


class TestText:
    @pytest.mark.parametrize("form", FORMATS)
    @pytest.mark.parametrize("answer", [*HOSTILE, "+1", "-2 + 3", "@SUM(A1)", '"quoted",\nlines\r\n', "  "])
    def test_is_as_it_was_recorded(self, tmp_path, include, home, form, answer):
        study, store = thesis(include), FileStore(home / "data")
        record = from_parquet(store.read(store.list("records/")[0])[0])[0] | {"answer": answer}
        slot = datetime.fromisoformat(record["slot"])
        FileStore(tmp_path / "data").commit(object_path("records", study.name, slot), to_parquet([record]), 0)
        (row,) = rows(Cache(tmp_path).records(study), form)
        assert row["answer"] == (cell(answer) if form == "csv" else answer)

    def test_leaves_numbers_numbers(self, records):
        assert all(float(row["late_sec"]) >= 0 for row in rows(records, "csv"))
        assert all(isinstance(row["late_sec"], float) for row in rows(records, "json"))


@pytest.mark.slow
class TestTheCommand:
    @pytest.fixture
    def command(self, home):
        def run(*arguments: str) -> subprocess.CompletedProcess[bytes]:
            return subprocess.run(
                [sys.executable, "-m", "llm_bench", "export", "thesis", *arguments],
                env={"LLM_BENCH_HOME": str(home), "PATH": "/usr/bin:/bin"},
                capture_output=True,
                check=False,
            )

        return run

    def test_writes_a_file_and_says_where(self, command, home):
        done = command()
        assert done.returncode == 0, done.stderr
        path = Path(done.stdout.decode().strip())
        assert path == home / "data" / "exports" / "thesis.csv"
        assert path.read_bytes().count(b"record_id") == 1

    def test_writes_a_view_to_standard_output(self, command, home, include):
        done = command("--out", "-", "--format", "json", "--suspect", "exclude", "--industry", "retail")
        assert done.returncode == 0, done.stderr
        view = View(industries=("retail",), suspect="exclude")
        assert done.stdout == whole(Cache(home).records(thesis(include)), "json", view)

    def test_reads_a_date_in_the_studys_time_zone(self, command):
        done = command("--out", "-", "--format", "json", "--end", "2026-12-07T09:00")
        assert max(row["slot"] for row in json.loads(done.stdout)) == "2026-12-07T07:51:25.714285Z"

    def test_names_what_it_can_t_use(self, command):
        done = command("--start", "yesterday")
        assert done.returncode == 2
        assert b"start is 'yesterday'" in done.stderr
