"""The bucket of a study, against an emulator."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from doubles import gcs
from llm_bench.preflight import PATIENCE_SEC
from llm_bench.store.base import open_store

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with gcs.serving() as url:
        yield url


@pytest.fixture(autouse=True)
def _connected(server, monkeypatch):
    gcs.connect(server, monkeypatch)


def test_that_is_there_passes_and_nothing_stays_in_it(run, tmp_path):
    check = run("baseline/lead", storage="gs://studies/prefix")["storage"]
    assert (check.passed, check.detail) == (True, "gs://studies/prefix: written, listed, read back, removed")
    assert open_store("gs://studies", tmp_path).list("") == []


def test_that_is_missing_is_named(run):
    checks = run("baseline/lead", storage="gs://nowhere/prefix")
    assert [name for name, check in checks.items() if not check.passed] == ["storage"]
    assert checks["storage"].detail == "There is no bucket nowhere."
    assert checks["storage"].fix == "Create it, or correct the study's storage."


def test_that_cannot_be_reached_is_told_before_its_client_gives_up(run, monkeypatch):
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{gcs.free_port()}")
    monkeypatch.setattr("llm_bench.preflight.PATIENCE_SEC", 1.0)
    check = run("baseline/lead", storage="gs://studies")["storage"]
    assert (check.passed, check.detail) == (False, "gs://studies doesn't answer in time.")
    assert PATIENCE_SEC < 30  # its client would try for two minutes


def test_that_forbids_removal_is_told_with_the_role(run, monkeypatch):
    def forbidden(*_self: object, **_names: str) -> None:
        raise PermissionError("403 storage.objects.delete")

    monkeypatch.setattr("airflow.providers.google.cloud.hooks.gcs.GCSHook.delete", forbidden)
    check = run("baseline/lead", storage="gs://studies/prefix")["storage"]
    assert "can't be removed, so no object can be replaced: 403" in check.detail
    assert "Storage Object User" in check.fix
