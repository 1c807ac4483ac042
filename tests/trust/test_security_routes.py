"""Who may do what at each route of the dashboard, and what tricks with names come to."""

from __future__ import annotations

import http.client
import itertools
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from dashboard import serving
from fixtures.hostile import ALL
from llm_bench.airflow.links import PREFIX
from llm_bench.dashboard.app import create_app
from llm_bench.plugin import LLMBenchPlugin

LOGGED_IN, STUDY = "whoever is logged in", "who may see the study's DAG"
MATRIX = {
    "/": LOGGED_IN,
    "/static/{name}": LOGGED_IN,
    "/validations/{study}/{slot}": STUDY,
    "/{study}": STUDY,
    "/{study}/overview": STUDY,
    "/{study}/latency": STUDY,
    "/{study}/throughput": STUDY,
    "/{study}/success": STUDY,
    "/{study}/coverage": STUDY,
    "/{study}/declining": STUDY,
    "/{study}/compare": STUDY,
    "/{study}/caching": STUDY,
    "/{study}/identity": STUDY,
    "/{study}/records": STUDY,
    "/{study}/records/{record_id}": STUDY,
    "/{study}/export": STUDY,
    "/{study}/export/records.{form}": STUDY,
    "/{study}/export/report.zip": STUDY,
    "/{study}/live": STUDY,
    "/{study}/records/{record_id}/beside": STUDY,
    "/{study}/grading": STUDY,
    "/{study}/grading/{number}": STUDY,
    "/-/{dag_id}": STUDY,
    "/-/{dag_id}/{run_id}": STUDY,
    "/-/{dag_id}/{run_id}/quality": STUDY,
}
"""Each route, and who may GET it. A new route needs a line here."""
ADDS = {"/{study}/grading", "/{study}/grading/{number}"}
"""Those that one may POST to who may edit the task instances of the study's DAG: all others only read."""
VALUES = {
    "slot": "20261207T075125.714285Z",
    "record_id": "0123",
    "number": "1",
    "form": "csv",
    "name": "app.css",
    "dag_id": "llm_bench_thesis",
    "run_id": "manual__2026-12-07",
}
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND")
ROLES = ("VIEWER", "USER", "OP", "ADMIN")
STRANGER, RIGHTLESS = "nobody", "without rights"

Visit = Callable[[str], TestClient]


@pytest.fixture(scope="module")
def home(include: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A project with two studies, and a file beside it that nobody may read."""
    home = tmp_path_factory.mktemp("gates") / "home"
    (home / "include" / "studies").mkdir(parents=True)
    for name in ("thesis", "quickstart"):
        shutil.copy(include / "studies" / f"{name}.yaml", home / "include" / "studies")
    for folder in ("questions", "knowledge"):
        (home / "include" / folder).symlink_to(include / folder)
    for place in (home, home.parent, home / "include", home / "data"):
        place.mkdir(exist_ok=True)
        for name in ("secret", "secret.yaml", "secret.json", "secret.parquet"):
            (place / name).write_text("canary-of-a-file: 1")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LLM_BENCH_HOME", str(home))
        patch.setattr("llm_bench.report.report_zip", lambda *_: b"")  # it takes long to make, and is none of this
        yield home


@pytest.fixture(scope="module")
def visit(home: Path, api_server: FastAPI) -> Visit:
    """A program of somebody's: of a role of Airflow's, of nobody, or of a user without rights."""

    def visit(who: str) -> TestClient:
        client = TestClient(api_server, follow_redirects=False, raise_server_exceptions=False)
        if who != STRANGER:
            client.cookies.set("_token", serving.token(None if who == RIGHTLESS else who))
        return client

    return visit


def paths() -> list[str]:
    return [route.path for route in create_app().app.routes]


def methods(route: str) -> set[str]:
    """What a route answers to."""
    return {"GET", "POST"} if route in ADDS else {"GET"}


def address(route: str, study: str = "thesis") -> str:
    return PREFIX + route.format(**VALUES | {"study": study, "dag_id": f"llm_bench_{study}"})


class TestTheMatrix:
    """Routes of the dashboard"""

    def test_has_every_route(self):
        assert set(paths()) == MATRIX.keys(), "say in MATRIX who may see a new route"

    def test_is_of_all_that_the_plugin_serves(self):
        assert [served["url_prefix"] for served in LLMBenchPlugin.fastapi_apps] == [PREFIX]
        assert not LLMBenchPlugin.flask_blueprints
        assert not LLMBenchPlugin.fastapi_root_middlewares

    @pytest.mark.parametrize(("route", "method"), itertools.product(MATRIX, METHODS))
    def test_lets_no_stranger_do_anything(self, visit: Visit, route: str, method: str):
        reply = visit(STRANGER).request(method, address(route))
        assert reply.status_code == (401 if method in methods(route) else 405)
        assert "thesis" not in reply.text.replace(address(route), "")

    @pytest.mark.parametrize(("route", "who"), itertools.product(MATRIX, (RIGHTLESS, *ROLES)))
    def test_lets_only_those_see_who_may(self, visit: Visit, route: str, who: str):
        reply = visit(who).get(address(route))
        if who == RIGHTLESS and MATRIX[route] == STUDY:
            assert reply.status_code == 403
        else:
            assert reply.status_code in {200, 307, 404}

    @pytest.mark.parametrize(
        ("route", "who", "method"), itertools.product(MATRIX, (RIGHTLESS, "VIEWER", "ADMIN"), METHODS[1:])
    )
    def test_lets_nobody_change_anything(self, visit: Visit, route: str, who: str, method: str):
        if method not in methods(route):
            assert visit(who).request(method, address(route)).status_code == 405
        elif who != "ADMIN":
            assert visit(who).request(method, address(route)).status_code == 403

    @pytest.mark.parametrize("route", sorted(ADDS))
    def test_lets_only_those_add_who_may(self, visit: Visit, home: Path, route: str):
        for who in ROLES[1:]:
            assert visit(who).post(address(route)).status_code in {303, 400, 404}
        for site in ("cross-site", "same-site"):
            assert visit("ADMIN").post(address(route), headers={"sec-fetch-site": site}).status_code == 403
        assert [*home.rglob("grades")] == []

    def test_is_whole_on_what_may_be_added_to(self):
        posted = {route.path for route in create_app().app.routes if "POST" in (getattr(route, "methods", None) or ())}
        assert posted == ADDS, "say in ADDS what a new route adds to"

    @pytest.mark.parametrize("route", [route for route, who in MATRIX.items() if who == STUDY])
    def test_asks_for_the_right_to_that_very_study(self, visit: Visit, monkeypatch: pytest.MonkeyPatch, route: str):
        from airflow.api_fastapi.app import get_auth_manager

        def authorised(*, method: str, user: object, access_entity: object = None, details: object = None) -> bool:
            return getattr(details, "id", None) == "llm_bench_quickstart"

        monkeypatch.setattr(get_auth_manager(), "is_authorized_dag", authorised)
        assert visit("ADMIN").get(address(route)).status_code == 403
        assert visit("ADMIN").get(address(route, "quickstart")).status_code != 403

    def test_lists_the_studies_that_one_may_see_alone(self, visit: Visit, monkeypatch: pytest.MonkeyPatch):
        from airflow.api_fastapi.app import get_auth_manager

        def authorised(*, method: str, user: object, access_entity: object = None, details: object = None) -> bool:
            return getattr(details, "id", None) == "llm_bench_quickstart"

        monkeypatch.setattr(get_auth_manager(), "is_authorized_dag", authorised)
        reply = visit("ADMIN").get(f"{PREFIX}/")
        assert reply.status_code == 307
        assert reply.headers["location"].endswith("/quickstart/overview")


TRICKS = (
    *("..", "../..", "../../secret", "..%2fsecret", "..%2f..%2fsecret", "%2e%2e%2fsecret", "%2e%2e/secret"),
    *("....//secret", "..\\secret", "..%5csecret", "%252e%252e%252fsecret", "..%c0%afsecret", "..%00/secret"),
    *("/etc/passwd", "%2fetc%2fpasswd", "//etc/passwd", "file:%2f%2f%2fetc%2fpasswd", "~", "~root", "."),
    *("secret", "secret.yaml", "secret%00.yaml", "secret%0a", "thesis%00", "thesis.yaml", "THESIS", "thesis%20", "*"),
    *("thesis%2f..%2f..%2fsecret", "CON", "a" * 5000, "%ff%fe", "%", "%zz", "%f0%9f%92%a9", "-1", "0x0", "__init__"),
)


class TestTricksWithNames:
    """Names in the addresses of the dashboard"""

    @pytest.fixture
    def ask(self, visit: Visit) -> Iterator[Callable[[str, str], tuple[int, str]]]:
        """Asks for an address just as it is written, which clients would tidy up; status and content."""
        with serving.served(visit(STRANGER).app) as server:

            def ask(path: str, who: str) -> tuple[int, str]:
                connection = http.client.HTTPConnection(server.removeprefix("http://"), timeout=60)
                cookie = {} if who == STRANGER else {"cookie": f"_token={serving.token(who)}"}
                connection.request("GET", path, headers=cookie)
                reply = connection.getresponse()
                content = reply.read().decode(errors="replace")
                connection.close()
                return reply.status, content

            yield ask

    @pytest.mark.parametrize("route", [route for route in MATRIX if "{" in route])
    def test_lead_to_no_file_and_to_no_fault(self, ask: Callable[[str, str], tuple[int, str]], route: str):
        for trick, part in itertools.product(TRICKS, VALUES | {"study": ""}):
            if "{" + part + "}" in route:
                path = PREFIX + route.format(**{"study": "thesis", **VALUES, part: trick})
                status, content = ask(path, "ADMIN")
                assert status in {307, 400, 403, 404}, path
                assert "canary-of-a-file" not in content
                assert "root:x:" not in content

    def test_come_to_nothing_for_a_stranger(self, ask: Callable[[str, str], tuple[int, str]]):
        hostile = ["".join(f"%{byte:02x}" for byte in text.encode()) for text in ALL.values()]
        for trick in (*TRICKS, *hostile):
            status, content = ask(f"{PREFIX}/{trick}/overview", STRANGER)
            assert status in {307, 401, 404}, trick
            assert "canary-of-a-file" not in content
