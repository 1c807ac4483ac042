"""Protocols in a store: written once, amended, never replaced."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from doubles import gcs
from llm_bench.errors import ConflictError, InputError, StorageError
from llm_bench.protocol import keeping
from llm_bench.protocol.content import Plan
from llm_bench.protocol.draft import draft
from llm_bench.store.base import Store, open_store
from llm_bench.study import Study, load_study

VERSIONS = {"llm_bench": "1.0", "litellm": "2.0"}


@pytest.fixture
def study(include: Path) -> Study:
    return load_study(include / "studies" / "thesis.yaml")


@pytest.fixture
def plan(study: Study, include: Path) -> Plan:
    names = [llm.name for llm in study.llms]
    return draft(study, include, [("suspect", "exclude")], ["latency_sec", "success"], [names[:2]])


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    with gcs.serving() as url:
        yield url


@pytest.fixture(params=["file", pytest.param("gs", marks=pytest.mark.slow)])
def store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    if request.param == "gs":
        gcs.connect(request.getfixturevalue("bucket"), monkeypatch)
        return open_store(f"gs://studies/{tmp_path.name}", tmp_path)
    return open_store("file://data", tmp_path)


def seal(store: Store, plan: Plan, **options: Any) -> tuple[str, Any, bool]:
    return keeping.seal(store, "thesis", plan, **{"counts": (0, 0), "versions": VERSIONS, "amend": None} | options)


class TestAProtocol:
    def test_comes_back_as_it_was_sealed(self, store: Store, plan: Plan):
        path, sealed, new = seal(store, plan, counts=(80, 20))
        assert (path, new) == ("protocols/study=thesis/001.yaml", True)
        assert keeping.held(store, "thesis") == [sealed]
        assert (sealed.number, sealed.reason, sealed.records_before, sealed.others_before) == (1, None, 80, 20)
        assert sealed.plan == plan

    def test_is_not_there_before_it_is_sealed(self, store: Store):
        assert keeping.held(store, "thesis") == []

    def test_of_the_same_plan_is_sealed_once(self, store: Store, plan: Plan):
        _, sealed, _ = seal(store, plan)
        assert seal(store, plan) == ("protocols/study=thesis/001.yaml", sealed, False)
        assert keeping.held(store, "thesis") == [sealed]

    def test_is_never_replaced_by_another(self, store: Store, plan: Plan):
        _, sealed, _ = seal(store, plan)
        with pytest.raises(InputError, match=r"differs from it: primary metrics: latency_sec, success → ttft_sec\."):
            seal(store, replace(plan, metrics=["ttft_sec"]))
        assert keeping.held(store, "thesis") == [sealed]

    def test_has_amendments_beside_it(self, store: Store, plan: Plan):
        _, sealed, _ = seal(store, plan)
        path, amended, new = seal(store, replace(plan, metrics=["ttft_sec"]), amend="TTFT is what users see")
        assert (path, new) == ("protocols/study=thesis/002.yaml", True)
        assert keeping.held(store, "thesis") == [sealed, amended]
        assert (amended.number, amended.reason) == (2, "TTFT is what users see")

    def test_is_needed_for_an_amendment(self, store: Store, plan: Plan):
        with pytest.raises(InputError, match="no protocol to amend"):
            seal(store, plan, amend="why")

    def test_is_sealed_by_one_of_two_at_once(self, store: Store, plan: Plan, monkeypatch: pytest.MonkeyPatch):
        seal(store, plan)
        monkeypatch.setattr(keeping, "held", lambda *_: [])
        with pytest.raises(ConflictError):
            seal(store, replace(plan, metrics=["ttft_sec"]))

    def test_that_is_damaged_is_an_error(self, store: Store):
        store.commit("protocols/study=thesis/001.yaml", b"study: thesis\n", 0)
        with pytest.raises(StorageError, match=r"protocols/study=thesis/001\.yaml is no protocol"):
            keeping.held(store, "thesis")


class TestTheFile:
    def test_can_be_read_by_anyone(self, tmp_path: Path, plan: Plan, study: Study):
        _, sealed, _ = seal(open_store("file://data", tmp_path), plan)
        content = yaml.safe_load(sealed.content)
        assert content["study"] == "thesis"
        assert content["hashes"] == plan.hashes
        assert set(content["hashes"]) == {"study", "questions", "documents", "prompt"}
        assert content["plan"]["settings"]["window"]["batches_per_period"] == study.window.batches_per_period
        assert content["plan"]["analysis"]["level"] == 0.05
        assert content["versions"] == VERSIONS


class TestADraft:
    def test_has_every_question_document_and_key_of_the_study(self, plan: Plan, study: Study, include: Path):
        assert {industry: len(ids) for industry, ids in plan.questions.items()} == {"retail": 10, "finance": 10}
        files = {path.name for path in (include / "knowledge" / "retail").glob("*.md")}
        assert set(plan.documents["retail"]) == files
        assert set(plan.settings) == set(Study.model_fields) - {"name", "description", "storage", "alerts"}

    def test_of_a_study_with_another_place_is_the_same(self, plan: Plan, study: Study, include: Path):
        moved = study.model_copy(update={"storage": "gs://elsewhere/thesis"})
        assert draft(moved, include, [("suspect", "exclude")], plan.metrics, plan.pairs) == plan
