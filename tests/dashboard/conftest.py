from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from analysis.studies import fill_study, thesis
from dashboard import serving
from llm_bench.store.base import object_path, open_store

SLOT = datetime(2026, 12, 7, 7, 51, 25, 714285, tzinfo=UTC)
SLOTS = 8
"""Of the study that has records."""
PAGE = "/llm-bench/validations/thesis/20261207T075125.714285Z"


def expectation(name: str, **changes: Any) -> dict[str, Any]:
    """One expectation of the stored results, met where nothing else is said."""
    return {
        "name": name,
        "type": "expect_column_values_to_be_between",
        "severity": "critical",
        "success": True,
        "unexpected_count": 0,
        "examples": [],
    } | changes


@pytest.fixture
def results() -> dict[str, Any]:
    """What the gate stored of a batch of 80: a critical expectation and a mere warning are broken."""
    broken = {"success": False, "unexpected_count": 2, "examples": ["0123abcd", "4567cdef"]}
    return {
        "runs": ["scheduled__2026-12-07T07:51:25.714285+00:00"],
        "success": False,
        "records": {"valid": 78, "warned": 2, "refused": 2},
        "great_expectations_version": "1.24.1",
        "statistics": {},
        "expectations": [
            expectation("wait_sec must be at least 0", **broken),
            expectation("cost_usd must be at most 1", **broken, severity="warning"),
            expectation("attempt must be at least 1"),
        ],
    }


@pytest.fixture
def home(include: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with the shipped studies and nothing measured."""
    _project(include, tmp_path)
    monkeypatch.setenv("LLM_BENCH_HOME", str(tmp_path))
    return tmp_path


def _project(include: Path, home: Path) -> None:
    shutil.copytree(include / "studies", home / "include" / "studies")
    for folder in ("questions", "knowledge"):
        (home / "include" / folder).symlink_to(include / folder)


@pytest.fixture
def stored(home: Path, results: dict[str, Any]) -> dict[str, Any]:
    """The results, stored as the thesis study's for ``SLOT``."""
    path = object_path("validations", "thesis", SLOT, "json")
    open_store("file://data", home).commit(path, json.dumps(results).encode(), 0)
    return results


@pytest.fixture
def visitor(api_server: FastAPI) -> Callable[..., TestClient]:
    """A browser: of a stranger, or logged in with a role of the simple auth manager (None: a user without rights)."""

    def visit(*role: str | None) -> TestClient:
        client = TestClient(api_server, follow_redirects=False, headers={"accept": "text/html"})
        if role:
            client.cookies.set("_token", serving.token(role[0]))
        return client

    return visit


@pytest.fixture(scope="module")
def loaded(include: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A project whose thesis study has made-up records of its first slots; the window lies ahead of any clock."""
    home = tmp_path_factory.mktemp("loaded")
    _project(include, home)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LLM_BENCH_HOME", str(home))
        fill_study(open_store("file://data", home), thesis(include), include, slots=list(thesis_slots(include))[:SLOTS])
        yield home


def thesis_slots(include: Path) -> list[datetime]:
    """All slots of the thesis study."""
    return list(thesis(include).window.schedule)
