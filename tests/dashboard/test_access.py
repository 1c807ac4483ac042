from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

import pytest

from dashboard.conftest import PAGE
from llm_bench.airflow.links import PREFIX
from llm_bench.dashboard import dashboard
from llm_bench.dashboard.app import create_app
from llm_bench.dashboard.pages import NAVIGATION

FORGED = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiIsInJvbGUiOiJBRE1JTiJ9."  # pragma: allowlist secret


class TestAStranger:
    def test_is_sent_to_airflows_login_which_leads_back(self, visitor, stored):
        client = visitor()
        reply = client.get(PAGE)
        assert reply.status_code == 307
        assert parse_qs(urlsplit(reply.headers["location"]).query) == {"next": [PAGE]}
        login = client.get(reply.headers["location"])
        assert login.status_code == 307
        assert urlsplit(login.headers["location"]).path == "/auth/login"

    def test_is_refused_where_it_is_a_program(self, visitor, stored):
        reply = visitor().get(PAGE, headers={"accept": "*/*"})
        assert (reply.status_code, reply.json()) == (401, {"detail": "Not authenticated"})

    @pytest.mark.parametrize("page", [PAGE, PAGE.replace("thesis", "nothing"), "/llm-bench/validations/thesis/x"])
    def test_sees_nothing_and_not_whether_there_is_anything(self, visitor, stored, page):
        assert visitor().get(page, headers={"accept": "*/*"}).status_code == 401

    def test_with_a_forged_token_is_refused(self, visitor, stored):
        client = visitor()
        client.cookies.set("_token", FORGED)
        assert client.get(PAGE).status_code in {307, 403}

    def test_is_led_back_to_what_was_filtered(self, visitor, stored):
        reply = visitor().get("/llm-bench/thesis/latency?industry=retail&suspect=only")
        leads_to = parse_qs(urlsplit(reply.headers["location"]).query)["next"]
        assert leads_to == ["/llm-bench/thesis/latency?industry=retail&suspect=only"]

    def test_is_refused_by_every_page(self, visitor):
        mount = next(route for route in visitor().app.routes if getattr(route, "path", "") == PREFIX)
        assert mount.app is dashboard
        routes = create_app().app.routes
        for route in routes:
            page = PREFIX + re.sub(r"{\w+}", "thesis", route.path)
            assert visitor().get(page, headers={"accept": "*/*"}).status_code == 401
        assert routes


class TestAUser:
    def test_who_may_see_the_dag_sees_its_page(self, visitor, stored):
        reply = visitor("VIEWER").get(PAGE)
        assert reply.status_code == 200
        assert "wait_sec must be at least 0" in reply.text

    @pytest.mark.parametrize(
        "page", [PAGE, *(f"/llm-bench/thesis/{name}" for name in (*NAVIGATION, "records/x", "export/records.csv"))]
    )
    def test_who_may_not_is_told_so(self, visitor, stored, page):
        reply = visitor(None).get(page)
        assert reply.status_code == 403
        assert "Forbidden" in reply.text

    def test_who_may_see_no_dag_sees_no_study(self, visitor, stored):
        reply = visitor(None).get("/llm-bench/")
        assert "There is no study that you may see" in reply.text
        assert "thesis" not in reply.text

    def test_sees_all_studies_and_what_is_wrong_with_the_file_of_one(self, visitor, home):
        (home / "include" / "studies" / "broken.yaml").write_text("llms: [{model: groq/a}]\nindustries: [mining]\n")
        text = visitor("VIEWER").get("/llm-bench/").text
        assert "/llm-bench/thesis/overview" in text
        assert "/llm-bench/quickstart/overview" in text
        assert "broken.yaml has 1 mistake" in text

    def test_with_one_study_sees_it_at_once(self, visitor, home):
        (home / "include" / "studies" / "quickstart.yaml").unlink()
        reply = visitor("VIEWER").get("/llm-bench/")
        assert (reply.status_code, reply.headers["location"]) == (307, "/llm-bench/thesis/overview")

    @pytest.mark.parametrize(
        ("page", "message"),
        [
            (PAGE.replace("thesis", "nothing"), "There is no study nothing"),
            ("/llm-bench/nothing/latency", "There is no study nothing"),
            ("/llm-bench/thesis/records/0123", "has no record 0123"),
            ("/llm-bench/thesis/export/records.xls", "There is no format xls"),
            ("/llm-bench/static/other.js", "There is no file other.js"),
            ("/llm-bench/validations/thesis/20261207T084251.428571Z", "has no validation of the slot"),
            ("/llm-bench/validations/thesis/yesterday", "yesterday is no slot"),
            ("/llm-bench/validations/..%2f..%2fthesis/x", "Not Found"),
        ],
    )
    def test_is_told_what_there_is_not(self, visitor, stored, page, message):
        reply = visitor("VIEWER").get(page)
        assert reply.status_code == 404
        assert message in reply.text

    def test_is_told_when_the_store_cant_be_read(self, visitor, stored, home):
        (stored_file,) = (home / "data" / "validations").rglob("*.json")
        stored_file.unlink()
        stored_file.mkdir()
        reply = visitor("VIEWER").get(PAGE)
        assert reply.status_code == 503
        assert str(stored_file) in reply.text


@pytest.mark.parametrize(
    ("role", "page", "status"),
    [((), PAGE, 307), (("VIEWER",), PAGE, 200), (("VIEWER",), "/llm-bench/thesis/export/records.csv", 200)],
)
def test_what_is_no_page_of_the_dashboard_forbids_scripts_and_anything_from_elsewhere(
    visitor, stored, role, page, status
):
    reply = visitor(*role).get(page)
    assert reply.status_code == status
    assert reply.headers["content-security-policy"].startswith("default-src 'none'; style-src 'unsafe-inline';")
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert reply.headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize(
    ("page", "status"),
    [("thesis/overview", 200), ("thesis/latency?metric=x", 400), ("validations/thesis/x", 404), ("nothing/x", 404)],
)
def test_a_page_of_the_dashboard_runs_only_our_own_script(visitor, stored, page, status):
    reply = visitor("VIEWER").get(f"/llm-bench/{page}")
    assert reply.status_code == status
    policy = dict(part.split(" ", 1) for part in reply.headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert (
        policy["script-src"] == policy["connect-src"] == policy["form-action"] == policy["frame-ancestors"] == "'self'"
    )
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert reply.headers["cache-control"] == "no-store"
