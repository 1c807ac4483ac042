"""Hostile text, from a provider, a store and the study's own files, at every outlet: it is unchanged and does nothing.

An outlet is a route of the dashboard, a kind of file, a command, an alert, a metric, a log. Whoever adds one adds it
here: the lists are held to what there is.
"""

from __future__ import annotations

import io
import json
import logging
import re
import shutil
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from html import unescape
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest
import yaml
from fastapi import FastAPI
from starlette.testclient import TestClient

from analysis.studies import make_batch, make_prompts
from dashboard import serving
from dashboard.browser import chromium
from fixtures import hostile
from fixtures.grades import grade_of
from fixtures.hostile import INDUSTRY, NAMES, NOTES, STRANGER, TEXT, questions, study_file
from fixtures.outlets import addresses, of_page, of_zip, wrong_in
from fixtures.trust import Seen
from llm_bench import inert
from llm_bench.airflow import notifier, stats
from llm_bench.archive import words
from llm_bench.cli import main as command_line
from llm_bench.cli.console import console
from llm_bench.dashboard.app import create_app
from llm_bench.errors import LLMBenchError, StudyError
from llm_bench.gate.completeness import due_of
from llm_bench.records import FIELDS, Record, record_id
from llm_bench.report.latex import escape
from llm_bench.store.base import Store, from_parquet, object_path, open_store, to_parquet
from llm_bench.store.contexts import keep_contexts
from llm_bench.store.exports import export
from llm_bench.store.grades import Sample, keep_grade, keep_sample
from llm_bench.study import Study, load_study, parse_study

KEPT = {"record_id", "study", "question_id", "llm", "llm_provider", "llm_model", "industry"} | {
    *("context_hash", "prompt_hash", "settings_hash", "embedding_model")
}
"""Texts of a record by which pages find it; all others are hostile."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A project whose study, questions, documents and records are full of hostile text."""
    home = tmp_path_factory.mktemp("hostile")
    include = home / "include"
    for folder in ("studies", "questions", f"knowledge/{INDUSTRY}"):
        (include / folder).mkdir(parents=True)
    write(include / "questions" / f"{INDUSTRY}.yaml", {"industry": INDUSTRY, "questions": questions()})
    (include / "knowledge" / INDUSTRY / "notes.md").write_text(f"# Notes\n\n{NOTES}")
    write(include / "studies" / "hostile.yaml", study_file(*NAMES.values()) | {"industries": [INDUSTRY]})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LLM_BENCH_HOME", str(home))
        fill(home, load_study(include / "studies" / "hostile.yaml"))
        yield home


def write(path: Path, content: Any) -> None:
    path.write_text(yaml.safe_dump(content, allow_unicode=True))


def fill(home: Path, study: Study) -> None:
    store, prompts = open_store("file://data", home), make_prompts(study, home / "include")
    keep_contexts(store, study.name, prompts.values())
    for number, slot in enumerate(study.window.schedule):
        records = list(make_batch(study, slot, number, prompts, Random(number)))
        for place, record in enumerate(records):
            harm(record, place)
        others = [stranger(record) for record in records if record["llm"] == NAMES["markup"]]
        store.commit(object_path("records", study.name, slot), to_parquet(records + others), 0)
        results = json.dumps(validation(study))
        store.commit(object_path("validations", study.name, slot, "json"), results.encode(), 0)
    answered = [record for record in records if record["success"]]
    keep_graded(store, study.name, answered[:2])


def keep_graded(store: Store, study: str, records: list[Record]) -> None:
    """A sample that somebody of a hostile name drew and graded."""
    ids = [record["record_id"] for record in records]
    keep_sample(store, study, Sample(number=1, seed=TEXT, of=2, by=TEXT, at=TEXT, record_ids=ids))
    for record in records:
        said = {"coverage": 1, "groundedness": None, "by": TEXT, "scoring_version": 1, "embedding_model": TEXT}
        keep_grade(store, study, 1, grade_of(record, **said))


def harm(record: Record, place: int) -> None:
    """Puts hostile text wherever a record holds free text; of every third, a failure."""
    for field in FIELDS:
        if field.type == "string" and not field.allowed and field.name not in KEPT:
            record[field.name] = TEXT
    if place % 3:
        record["error"] = None
    else:
        clock = [field.name for field in FIELDS if field.group == "clock" and field.nullable]
        record |= dict.fromkeys([*clock, "answer", "latency_sec", "throughput_tps", "coverage_score", "groundedness"])
        record |= {"success": False, "failure_kind": "server_error", "http_status": 503}


def stranger(record: Record) -> Record:
    """The same record of an LLM that no study may have."""
    named = (record["study"], record["slot"], STRANGER, record["question_id"])
    return record | {"llm": STRANGER, "llm_model": STRANGER, "record_id": record_id(*named)}


def validation(study: Study) -> dict[str, Any]:
    broken = {"success": False, "unexpected_count": 1, "examples": [TEXT], "severity": "critical"}
    return {
        "runs": [TEXT],
        "success": False,
        "records": {"valid": 1, "warned": 0, "refused": 1},
        "great_expectations_version": TEXT,
        "statistics": {},
        "expectations": [{"name": TEXT, "type": "expect_column_values_to_be_between", **broken}],
    }


@pytest.fixture(scope="module")
def study(home: Path) -> Study:
    return load_study(home / "include" / "studies" / "hostile.yaml")


@pytest.fixture(scope="module")
def stored(home: Path, study: Study) -> list[Record]:
    """The records as the store holds them."""
    store = open_store("file://data", home)
    return [record for path in store.list("records/") for record in from_parquet(store.read(path)[0])]


@pytest.fixture(scope="module")
def reader(home: Path, api_server: FastAPI) -> TestClient:
    """A reader of the dashboard, behind Airflow's own login."""
    client = TestClient(api_server, headers={"accept": "text/html"}, follow_redirects=False)
    client.cookies.set("_token", serving.token("VIEWER"))
    return client


def routes() -> list[str]:
    return sorted(route.path for route in create_app().app.routes)


class TestTheDashboard:
    """Hostile text"""

    @pytest.mark.parametrize("route", routes())
    def test_shows_it_as_text(self, reader: TestClient, stored: list[Record], route: str):
        held = addresses(stored)
        assert route in held, "a new route is an outlet: say in `addresses` how it is reached"
        for address in held[route]:
            reply = reader.get(f"/llm-bench{address}")
            assert reply.status_code in {200, 307, 404}, reply.text
            kind = reply.headers.get("content-type", "text/html").partition(";")[0]
            ending = {"text/html": "html", "application/vnd.apache.parquet": "parquet", "application/zip": "zip"}
            name = f"x.{ending.get(kind, kind.rpartition('/')[2])}"
            assert wrong_in(name, reply.content) == []

    def test_shows_it_unchanged(self, reader: TestClient, stored: list[Record]):
        answered = next(record for record in stored if record["success"])
        page = unescape(reader.get(f"/llm-bench/hostile/records/{answered['record_id']}").text)
        for text in hostile.ALL.values():
            assert re.sub(r"\s+", " ", inert.seen(text)) in re.sub(r"\s+", " ", page)

    def test_says_of_a_hostile_address_what_is_wrong_with_it(self, reader: TestClient):
        for name in ("q", "question", "sort", "llm", "industry", "start", "metric", "outcome"):
            reply = reader.get("/llm-bench/hostile/records", params={name: TEXT})
            assert reply.status_code in {200, 400}
            assert of_page(reply.content) == []


class TestFilesThatLeave:
    """Hostile text"""

    def test_of_all_records_hold_it_unchanged_or_marked(self, home: Path, stored: list[Record]):
        data = home / "data"
        export(open_store("file://data", home), data)
        rows = {row["record_id"]: row for row in json.loads((data / "batch_eval_metrics.json").read_text())}
        for record in stored:
            assert {name: rows[record["record_id"]][name] for name in ("answer", "error", "note", "llm")} == {
                name: record[name] for name in ("answer", "error", "note", "llm")
            }
        assert wrong_in("x.csv", (data / "batch_eval_metrics.csv").read_bytes()) == []

    @pytest.mark.trust
    def test_of_a_report_hold_it_as_text(self, reader: TestClient, seen: Seen):
        """The report of a study whose names, questions, answers and errors are scripts, formulas and commands."""
        packed = reader.get("/llm-bench/hostile/export/report.zip").content
        with zipfile.ZipFile(io.BytesIO(packed)) as report:
            names = report.namelist()
            page = unescape(report.read("hostile/report.html").decode())
        assert {"html", "tex", "csv", "svg", "pdf", "png", "txt", "bib"} <= {name.rpartition(".")[2] for name in names}
        assert hostile.TEXTS["a template"] in page
        assert of_zip(packed) == []
        seen(f"in each of its {len(names)} files it is text: no element, no formula, no command of LaTeX's")

    @pytest.mark.parametrize("text", hostile.ALL.values(), ids=hostile.ALL)
    def test_can_be_read_back_as_it_was(self, text: str):
        marked = inert.cell(text)
        assert (marked[1:] if re.match(r"'+[=+\-@\t\r\n]", marked) else marked) == text

    @pytest.mark.parametrize("text", hostile.ALL.values(), ids=hostile.ALL)
    def test_for_latex_print_it(self, text: str):
        assert hostile.wrong_in_latex(escape(text)) == []


class TestAStudysFile:
    """Hostile text"""

    @pytest.mark.parametrize("text", hostile.TEXTS.values(), ids=hostile.TEXTS)
    def test_may_have_it_as_a_name(self, tmp_path: Path, include: Path, text: str):
        study = parse_study(study_file(text), tmp_path / "any.yaml", include)
        assert [llm.name for llm in study.llms] == [text]

    @pytest.mark.parametrize("text", hostile.UNSEEN.values(), ids=hostile.UNSEEN)
    def test_is_refused_where_a_name_has_letters_that_cant_be_seen(self, tmp_path: Path, include: Path, text: str):
        with pytest.raises(StudyError, match=r"llms\.0\.name") as refused:
            parse_study(study_file(text), tmp_path / "any.yaml", include)
        assert hostile.unseen_in(str(refused.value)) == set()

    @pytest.mark.parametrize("text", ["../../etc/passwd", "/etc/passwd", "a/b", "..", "\0", *hostile.UNSEEN.values()])
    def test_names_no_questions_that_lie_elsewhere(self, tmp_path: Path, include: Path, text: str):
        with pytest.raises(StudyError, match="industries"):
            parse_study(study_file("a") | {"industries": [text]}, tmp_path / "any.yaml", include)


COMMANDS: dict[str, list[str]] = {
    "status": ["hostile"],
    "export": ["hostile"],
    "archive": ["hostile"],
    "requeue": ["hostile"],
    "compact": ["hostile"],
    "seal": ["hostile"],
}
OTHERS = {
    *(
        "init",
        "questions",
        "up",
        "run",
        "ask",
        "check",
        "plan",
        "report",
        "rescore",
        "sync",
        "score",
        "calibrate",
        "baselines",
    ),
}
"""Commands that take longer than a test; they print by the same ``console``."""


@pytest.fixture
def command(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Iterator[Callable[..., str]]:
    """Runs a command on a copy of the project; what it wrote."""
    monkeypatch.setenv("_AIRFLOW_PROCESS_CONTEXT", "server")
    monkeypatch.setenv("LLM_BENCH_HOME", str(tmp_path / "home"))
    shutil.copytree(home, tmp_path / "home")
    console.cache_clear()

    def run(*arguments: str) -> str:
        command_line.main(list(arguments))
        return "".join(capfd.readouterr())

    yield run
    logging.disable(logging.NOTSET)
    console.cache_clear()


class TestTheTerminal:
    """Hostile text"""

    def test_is_that_of_every_command(self):
        parser = command_line.command_line()
        (commands,) = (action.choices for action in parser._actions if isinstance(action.choices, dict))
        assert commands.keys() == COMMANDS.keys() | OTHERS, "a new command is an outlet: put it in one of the two"
        sources = [path.read_text() for path in Path(command_line.__file__).parent.glob("*.py")]
        assert not any(re.search(r"\bConsole\(", text) for text in sources), "a terminal beside `console`"

    @pytest.mark.parametrize("name", COMMANDS)
    def test_shows_it_as_text(self, command: Callable[..., str], name: str):
        said = command(name, *COMMANDS[name])
        assert said
        assert hostile.unseen_in(said) == set()

    @pytest.mark.parametrize("text", hostile.ALL.values(), ids=hostile.ALL)
    def test_obeys_nothing(self, capfd: pytest.CaptureFixture[str], text: str):
        console.cache_clear()
        console().print(f"[bold]{text}[/bold]")
        said = capfd.readouterr().out
        console.cache_clear()
        assert said.startswith("[bold]")
        assert hostile.unseen_in(said) == set()


class TestWhatIsSentAndLogged:
    """Hostile text"""

    def test_by_every_alert_is_plain_text(self, monkeypatch: pytest.MonkeyPatch):
        sent: list[Any] = []
        monkeypatch.setattr(notifier, "webhook", lambda _: ("http://127.0.0.1:9", {}))
        answer = httpx.Response(200, request=httpx.Request("POST", "http://127.0.0.1:9"))
        monkeypatch.setattr(httpx, "post", lambda *_, json, **__: sent.append(json) or answer)
        for kind in notifier.Alert.__subclasses__():
            alert = kind.__new__(kind)
            alert.connection = "alerts"
            monkeypatch.setattr(kind, "text", lambda *_: TEXT)
            alert.notify({})
        assert len(sent) == len(notifier.Alert.__subclasses__()) >= 3
        for message in sent:
            assert hostile.unseen_in(message["text"]) == set()
            assert not set("<>") & set(message["text"])

    def test_by_every_metric_is_a_name_of_plain_letters(self, study: Study, stored: list[Record], home: Path):
        due = due_of(study, datetime.fromisoformat(stored[0]["slot"]), home / "include")
        made = stats.gauges(due, [record for record in stored if record["slot"] == stored[0]["slot"]])
        assert len({gauge.tags.get("llm") for gauge in made}) > len(NAMES)
        for gauge in made:
            assert all(re.fullmatch(r"[A-Za-z0-9_./-]+", value) for value in gauge.tags.values())
            assert re.fullmatch(r"[A-Za-z0-9_.-]+", gauge.plain_name)

    @pytest.mark.parametrize("text", hostile.ALL.values(), ids=hostile.ALL)
    def test_in_an_error_or_a_line_of_a_log_can_be_seen(self, text: str):
        assert hostile.unseen_in(str(LLMBenchError(text, text))) == set()
        assert hostile.unseen_in(inert.line(text)) == set()
        assert len(inert.line(text).splitlines()) == 1


class TestTheArchive:
    """Hostile text"""

    def test_refuses_a_file_whose_name_leads_elsewhere_on_another_machine(self, command: Callable[..., str]):
        said = command("archive", "hostile")
        assert "would lie outside an archive" in said
        assert "\\input" in said

    def test_has_a_page_of_markdown_in_which_it_is_text(self, study: Study):
        now = datetime(2026, 12, 7, tzinfo=UTC)
        made = dict.fromkeys(("llm-bench", "python"), "1")
        page = words.readme(words.Origin(study, 1, now, now, {}, made, [words.Author(TEXT)])).decode()
        assert hostile.unseen_in(page) == set()
        assert re.findall(r"(?<!\\)[<\[`*]", page) == []


@pytest.mark.trust
class TestARealBrowser:
    """Hostile text"""

    def test_runs_none_of_it(self, reader: TestClient, stored: list[Record], seen: Seen):
        """Every page of a study whose names, questions, answers and errors are scripts, opened in chromium."""
        faults: list[str] = []
        pages = [page for held in addresses(stored).values() for page in held if "export/" not in page]
        with serving.served(reader.app) as address, chromium() as browser:
            ours = (address, "blob:", "data:")
            context = browser.new_context()
            context.add_cookies([{"name": "_token", "value": serving.token("VIEWER"), "url": address}])
            context.add_init_script("window.hostile = () => { throw new Error('hostile ran'); };")
            context.on("request", lambda sent: None if sent.url.startswith(ours) else faults.append(sent.url))
            tab = context.new_page()
            tab.on("pageerror", lambda error: faults.append(str(error)))
            tab.on("dialog", lambda dialog: faults.append(dialog.message))
            for page in pages:
                tab.goto(f"{address}/llm-bench{page}")
                tab.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true; })")
                tab.evaluate("document.querySelectorAll('[data-chart]').forEach((chart) => draw(chart))")
                faults.extend(f"{page}: an element" for _ in range(tab.locator(hostile.MARK).count()))
        assert faults == []
        seen(f"{len(pages)} pages were opened: none of it ran or was an element, and no other host was asked")
