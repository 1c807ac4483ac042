from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

import pytest

from dashboard.conftest import PAGE
from llm_bench.dashboard import PREFIX, dashboard
from llm_bench.dashboard.app import create_app


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
        client.cookies.set("_token", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiIsInJvbGUiOiJBRE1JTiJ9.")
        assert client.get(PAGE).status_code in {307, 403}

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

    def test_who_may_not_is_told_so(self, visitor, stored):
        reply = visitor(None).get(PAGE)
        assert reply.status_code == 403
        assert "Forbidden" in reply.text

    @pytest.mark.parametrize(
        ("page", "told"),
        [
            (PAGE.replace("thesis", "nothing"), "There is no study nothing"),
            ("/llm-bench/validations/thesis/20261207T084251.428571Z", "has no validation of the slot"),
            ("/llm-bench/validations/thesis/yesterday", "yesterday is no slot"),
            ("/llm-bench/validations/..%2f..%2fthesis/x", "Not Found"),
        ],
    )
    def test_is_told_what_there_is_not(self, visitor, stored, page, told):
        reply = visitor("VIEWER").get(page)
        assert reply.status_code == 404
        assert told in reply.text

    def test_is_told_when_the_store_cant_be_read(self, visitor, stored, home):
        (stored_file,) = (home / "data" / "validations").rglob("*.json")
        stored_file.unlink()
        stored_file.mkdir()
        reply = visitor("VIEWER").get(PAGE)
        assert reply.status_code == 500
        assert str(stored_file) in reply.text


@pytest.mark.parametrize(
    ("role", "page", "status"),
    [((), PAGE, 307), (("VIEWER",), PAGE, 200), (("VIEWER",), PAGE + "0", 404), (("VIEWER",), "/llm-bench/", 404)],
)
def test_every_answer_forbids_scripts_and_anything_from_elsewhere(visitor, stored, role, page, status):
    reply = visitor(*role).get(page)
    assert reply.status_code == status
    assert reply.headers["content-security-policy"].startswith("default-src 'none'; style-src 'unsafe-inline';")
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert reply.headers["referrer-policy"] == "no-referrer"
