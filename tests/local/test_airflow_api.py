"""The client of Airflow's API: whatever keeps a reply from coming is an error with a cause and a fix."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from llm_bench.errors import SetupError
from llm_bench.local import api
from llm_bench.local.api import AirflowAPI


class Server(ThreadingHTTPServer):
    """Airflow's API as far as a log-in goes; it then falls silent, hangs up or answers with an error page."""

    def __init__(self) -> None:
        self.ended = threading.Event()
        self.locked = 0
        """How many more requests for a run the database refuses."""
        self.runs: list[str] = []
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        content = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if not self.path.endswith("/dagRuns"):
            self._reply(201, {"access_token": "a token"})
            return
        self.server.runs.append(content["dag_run_id"])
        if self.server.locked:
            self.server.locked -= 1
            self._reply(500, {"detail": {"reason": "Database error", "statement": "hidden"}})
        else:
            self._reply(200, {"dag_run_id": content["dag_run_id"]})

    def do_GET(self) -> None:
        if self.path.endswith("/silent"):
            self.server.ended.wait(10)
        elif self.path.endswith("/unknown"):
            self._reply(404, {"detail": "not there"})
        self.close_connection = True

    def _reply(self, status: int, content: dict[str, Any]) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield running
        running.ended.set()
        running.shutdown()
        thread.join()


@pytest.fixture
def airflow(server: Server, monkeypatch: pytest.MonkeyPatch) -> AirflowAPI:
    monkeypatch.setattr(api, "TIMEOUT_SEC", 0.2)
    return AirflowAPI(server.url, "admin", "secret")


class TestARequest:
    def test_without_an_answer_in_time_says_so(self, airflow: AirflowAPI):
        with pytest.raises(SetupError) as caught:
            airflow.request("GET", "/silent")
        assert caught.value.cause == f"Airflow at {airflow.url} didn't answer GET /silent within 0.2 s."
        assert "run the command again" in caught.value.fix

    def test_whose_connection_is_closed_says_so(self, airflow: AirflowAPI):
        with pytest.raises(SetupError, match="can't be reached: Server disconnected") as caught:
            airflow.request("GET", "/closed")
        assert "see the logs" in caught.value.fix

    def test_that_is_refused_gives_airflows_own_words(self, airflow: AirflowAPI):
        with pytest.raises(SetupError, match=r"refused GET /unknown \(HTTP 404\): .*not there"):
            airflow.request("GET", "/unknown")


class TestADatabaseThatIsBusy:
    def test_is_asked_again_for_the_same_run(self, airflow: AirflowAPI, server: Server):
        server.locked = 2
        started = airflow.trigger("a_study")
        assert server.runs == [started] * 3

    def test_for_too_long_is_an_error(self, airflow: AirflowAPI, server: Server, monkeypatch: pytest.MonkeyPatch):
        server.locked = 100
        monkeypatch.setattr(api, "DATABASE_PATIENCE_SEC", 0.2)
        with pytest.raises(SetupError, match=r"HTTP 500.*Database error"):
            airflow.trigger("a_study")


class TestWaitingForADAG:
    def test_ends_where_the_connection_is_closed(self, airflow: AirflowAPI):
        with pytest.raises(SetupError, match="can't be reached"):
            airflow.wait_for_dag("closed")


class TestALogIn:
    def test_where_nothing_listens_says_so(self):
        with pytest.raises(SetupError, match=r"Airflow at http://127\.0\.0\.1:9 can't be reached"):
            AirflowAPI("http://127.0.0.1:9", "admin", "secret")
