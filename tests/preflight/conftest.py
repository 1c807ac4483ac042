from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from doubles.provider import Provider
from doubles.server import Server
from llm_bench.preflight import Check, preflight
from llm_bench.study import Study

KEY = "canary-key-5d1c"
NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)

MakeStudy = Callable[..., Study]
Run = Callable[..., dict[str, Check]]


@pytest.fixture
def provider() -> Iterator[Provider]:
    """A provider that serves two models to the holder of ``KEY``."""
    with Provider() as server:
        server.models = ["some-model", "vendor/another-model"]
        server.key = KEY
        yield server


class Gateway(Server):
    """A server of which each path is set; use as a context manager.

    :param pages: path → status and JSON; any other path is 404.
    """

    def __init__(self, pages: dict[str, tuple[int, Any]]) -> None:
        gateway = self
        self.asked: list[tuple[str, str]] = []
        self.headers: list[dict[str, str]] = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                gateway.asked.append((self.path, self.headers.get("authorization", "")))
                gateway.headers.append({name.lower(): value for name, value in self.headers.items()})
                status, content = pages.get(self.path, (404, {}))
                self.send_response(status)
                self.end_headers()
                self.wfile.write(json.dumps(content).encode())

        super().__init__(Handler)
        self.url = self.address


@pytest.fixture
def gateway() -> Iterator[Callable[..., Gateway]]:
    """Starts servers of set pages."""
    with ExitStack() as stack:
        yield lambda pages: stack.enter_context(Gateway(pages))


@pytest.fixture
def connect(provider: Provider, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Sets the connection of a provider, which leads to the double."""

    def set_connection(name: str = "groq", key: str = KEY, url: str = provider.url) -> None:
        content = {"conn_type": "http", "host": url, "password": key}
        monkeypatch.setenv(f"AIRFLOW_CONN_LLM_{name.upper()}", json.dumps(content))

    return set_connection


@pytest.fixture
def home(tmp_path: Path, include: Path) -> Path:
    """A project's folder with nothing in it but the shipped questions and knowledge."""
    (tmp_path / "include").symlink_to(include)
    return tmp_path


@pytest.fixture
def make_study() -> MakeStudy:
    """A study of one model of Groq's, with changes."""

    def make(*models: str, **changes: Any) -> Study:
        llms = [{"model": model} for model in models or ("groq/some-model",)]
        return Study.model_validate({"name": "mine", "llms": llms, "industries": ["retail"], **changes})

    return make


@pytest.fixture
def run(make_study: MakeStudy, home: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Checks a study, with a model that loads at once; each check by its name."""
    monkeypatch.setattr("llm_bench.rag.embeddings._load", lambda _model, _threads: object())
    monkeypatch.setattr("llm_bench.preflight.apart", lambda job: job)  # this process has threads

    def check(*models: str, ask: bool = False, **changes: Any) -> dict[str, Check]:
        return {check.name: check for check in preflight(make_study(*models, **changes), home, NOW, ask=ask)}

    return check
