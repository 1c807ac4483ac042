"""A study that is edited while a batch of it runs"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from fixtures.running import INDUSTRY, QUESTIONS, REFUSED, Project, installed, question, waits_for
from fixtures.trust import Seen

pytestmark = pytest.mark.trust

PATIENT = {"first_token_sec": 600, "total_sec": 600}
"""Deadlines of LLMs that wait until the test lets them go."""


def of(*names: str, **content: Any) -> dict[str, Any]:
    """A study of LLMs with these names."""
    llms = [{"model": f"hosted_vllm/{name}"} for name in names]
    return {"llms": llms, "industries": [INDUSTRY], "deadlines": PATIENT} | content


def llms(records: list[Any]) -> dict[str, int]:
    """How many records there are of each LLM."""
    return dict(Counter(record["llm"].partition("/")[2] for record in records))


def settings(records: list[Any]) -> dict[str, set[str]]:
    """The settings that each LLM was asked with."""
    hashes: dict[str, set[str]] = {}
    for record in records:
        hashes.setdefault(record["llm"], set()).add(record["settings_hash"])
    return hashes


class TestALLM:
    """A study that is edited while a batch of it runs"""

    def test_put_in_front_of_the_list_is_asked_from_the_next_batch_on(self, running: Project, seen: Seen):
        """An LLM is put in front of the list in mid-batch, while a cell has failed that is then cleared."""
        running.write("front", **of("front-b", "front-c"))
        running.held |= {"front-b"}
        running.failures["front-c", 3] = REFUSED
        run = running.start("front")
        waits_for(lambda: "failed" in running.cells("front", run).values())
        running.write("front", **of("front-a", "front-b", "front-c"))
        running.seen("front")
        running.held.clear()
        assert running.ended("front", run) == "failed"
        running.clear("front", run)
        assert running.ended("front", run) == "success"
        assert running.cells("front", run) == {"front-b · short": "success", "front-c · short": "success"}
        assert {task["pool"] for task in running.tasks("front", run)} == {"llm_bench_front_hosted_vllm"}
        (batch,) = running.records("front")
        assert llms(batch) == {"front-b": QUESTIONS, "front-c": QUESTIONS}
        again = len(running.asked("front-b", "front-c")) - 2 * QUESTIONS
        assert again == 1  # the question whose key was refused
        assert running.asked("front-a") == []
        assert running.ended("front", running.start("front")) == "success"
        assert llms(running.records("front")[1]) == dict.fromkeys(("front-a", "front-b", "front-c"), QUESTIONS)
        assert running.records("front", "quarantine") == []
        seen(f"the batch stayed 2 × {QUESTIONS} records, {again} request asked again; the next had 3 × {QUESTIONS}")

    def test_taken_away_is_still_asked_in_the_batch_that_runs(self, running: Project, seen: Seen):
        """The first LLM of the list is taken away in mid-batch."""
        running.write("back", **of("back-a", "back-b", "back-c"))
        running.held |= {"back-a", "back-c"}
        run = running.start("back")
        waits_for(lambda: running.asked("back-a") and running.asked("back-c"))
        running.write("back", **of("back-b", "back-c"))
        running.seen("back")
        running.held.clear()
        assert running.ended("back", run) == "success"
        assert llms(running.records("back")[0]) == dict.fromkeys(("back-a", "back-b", "back-c"), QUESTIONS)
        assert running.ended("back", running.start("back")) == "success"
        assert llms(running.records("back")[1]) == dict.fromkeys(("back-b", "back-c"), QUESTIONS)
        assert len(running.asked("back-a", "back-b", "back-c")) == 5 * QUESTIONS
        seen(f"the batch stayed 3 × {QUESTIONS} records, the next had 2 × {QUESTIONS}; nothing was asked twice")


class TestASetting:
    """A study that is edited while a batch of it runs"""

    def test_that_is_changed_holds_from_the_next_batch_on(self, running: Project, seen: Seen):
        """`max_tokens` is changed in mid-batch, from 512 to 64."""
        running.write("tokens", **of("tokens-a", "tokens-b", generation={"max_tokens": 512}))
        running.held |= {"tokens-a"}
        run = running.start("tokens")
        waits_for(lambda: running.asked("tokens-a"))
        running.write("tokens", **of("tokens-a", "tokens-b", generation={"max_tokens": 64}))
        running.seen("tokens")
        running.held.clear()
        assert running.ended("tokens", run) == "success"
        assert {asked.content["max_tokens"] for asked in running.asked("tokens-a", "tokens-b")} == {512}
        assert running.ended("tokens", running.start("tokens")) == "success"
        sent = Counter(asked.content["max_tokens"] for asked in running.asked("tokens-a", "tokens-b"))
        assert sent == {512: 2 * QUESTIONS, 64: 2 * QUESTIONS}
        first, second = map(settings, running.records("tokens"))
        assert all(len(hashes) == 1 for hashes in (*first.values(), *second.values()))
        assert all(first[llm] != second[llm] for llm in first)
        (change,) = running.status("tokens")["changes"]
        assert change["what"] == ["other settings: hosted_vllm/tokens-a, hosted_vllm/tokens-b"]
        assert "the study is another one from" in running.page("tokens/overview")
        seen(
            "all 8 requests of the batch had 512, all 8 of the next 64; `settings_hash`, `status` and the page tell "
            "them apart"
        )


class TestAQuestionAndADocument:
    """A study that is edited while a batch of it runs"""

    def test_that_are_changed_hold_from_the_next_batch_on(self, running: Project, seen: Seen):
        """In mid-batch a question is changed, one is added, one taken away, and the document changed."""
        running.write("asked", **of("asked-a"))
        running.held |= {"asked-a"}
        run = running.start("asked")
        waits_for(lambda: running.asked("asked-a"))
        before = [question(number) for number in range(QUESTIONS)]
        changed = [question(1, "Which was category {}?"), question(2), question(3), question(4)]
        running.ask(*changed)
        running.document(" ".join(f"Category {number} is now number {number}." for number in range(1, 5)))
        running.held.clear()
        try:
            assert running.ended("asked", run) == "success"
            assert running.ended("asked", running.start("asked")) == "success"
        finally:
            running.ask(*before)
        first, second = running.records("asked")
        assert {record["question_id"] for record in first} == {f"short-{number}" for number in range(4)}
        assert {record["question_id"]: record["question"] for record in second} == {
            asked["id"]: asked["text"] for asked in changed
        }
        assert running.records("asked", "quarantine") == []
        assert not {record["prompt_hash"] for record in first} & {record["prompt_hash"] for record in second}
        assert not any("is now" in asked.question for asked in running.asked("asked-a")[:QUESTIONS])
        seen("the batch asked its 4 questions with their contexts as they were, the next the new ones; 0 in quarantine")


class TestAStudysFile:
    """A study that is edited while a batch of it runs"""

    def test_that_is_torn_for_a_while_costs_nothing(self, running: Project, seen: Seen):
        """The file is saved with a mistake in mid-batch, and corrected once Airflow has no DAG of it any more."""
        running.write("torn", **of("torn-a", "torn-b"))
        running.held |= {"torn-a"}
        run = running.start("torn")
        waits_for(lambda: running.asked("torn-a"))
        whole = running.file("torn").read_text()
        running.file("torn").write_text("llms: [\n")
        waits_for(lambda: running.api.request("GET", "/dags/llm_bench_torn").get("is_stale"))
        running.held.clear()
        waits_for(lambda: len(running.asked("torn-a", "torn-b")) == 2 * QUESTIONS)
        running.file("torn").write_text(whole)
        state = running.ended("torn", run)
        cleared = ""
        if state == "failed":
            running.clear("torn", run)
            assert running.ended("torn", run) == "success"
            cleared = " once its failed tasks were cleared"
        (batch,) = running.records("torn")
        assert llms(batch) == {"torn-a": QUESTIONS, "torn-b": QUESTIONS}
        assert len(running.asked("torn-a", "torn-b")) == 2 * QUESTIONS
        seen(f"the batch was whole{cleared}: {len(batch)} records of {2 * QUESTIONS} requests")

    def test_that_is_renamed_begins_another_study(self, running: Project, seen: Seen):
        """The file gets another name in mid-batch, and then the old one back."""
        running.write("renamed", **of("renamed-a"))
        running.held |= {"renamed-a"}
        run = running.start("renamed")
        waits_for(lambda: running.asked("renamed-a"))
        running.file("renamed").rename(running.file("other"))
        running.api.wait_for_dag("llm_bench_other", 300)
        waits_for(lambda: running.api.request("GET", "/dags/llm_bench_renamed").get("is_stale"))
        running.held.clear()
        waits_for(lambda: len(running.asked("renamed-a")) == QUESTIONS)
        assert running.ended("other", running.start("other")) == "success"
        assert llms(running.records("other")[0]) == {"renamed-a": QUESTIONS}
        running.file("other").rename(running.file("renamed"))
        if running.ended("renamed", run) == "failed":
            running.clear("renamed", run)
            assert running.ended("renamed", run) == "success"
        assert llms(running.records("renamed")[0]) == {"renamed-a": QUESTIONS}
        assert len(running.asked("renamed-a")) == 2 * QUESTIONS
        seen(
            "under the new name it measured 4 records of its own; the batch of the old name was whole once it had its "
            "name back, and nothing was asked twice"
        )

    def test_that_is_deleted_leaves_what_was_measured(self, running: Project, seen: Seen):
        """The file is deleted after a batch and in the middle of the next, and put back."""
        running.write("deleted", **of("deleted-a"))
        assert running.ended("deleted", running.start("deleted")) == "success"
        running.held |= {"deleted-a"}
        run = running.start("deleted")
        waits_for(lambda: len(running.asked("deleted-a")) == QUESTIONS + 1)
        kept = running.file("deleted").read_text()
        running.file("deleted").unlink()
        waits_for(lambda: running.api.request("GET", "/dags/llm_bench_deleted").get("is_stale"))
        running.held.clear()
        waits_for(lambda: len(running.asked("deleted-a")) == 2 * QUESTIONS)
        assert llms(running.records("deleted")[0]) == {"deleted-a": QUESTIONS}
        running.file("deleted").write_text(kept)
        if running.ended("deleted", run) == "failed":
            running.clear("deleted", run)
            assert running.ended("deleted", run) == "success"
        assert [llms(batch) for batch in running.records("deleted")] == [{"deleted-a": QUESTIONS}] * 2
        assert len(running.asked("deleted-a")) == 2 * QUESTIONS
        seen("the first batch stayed; the second was whole once the file was back, and nothing was asked twice")


def in_one_slot(storage: Path) -> dict[str, Any]:
    """What makes two installations measure a study in the same slot into one storage."""
    end = datetime.now(UTC).replace(microsecond=0)
    window = {"start": (end - timedelta(hours=1)).isoformat(), "end": end.isoformat(), "period": "PT1H"}
    return {"storage": f"file://{storage}", "catchup": True, "window": window | {"batches_per_period": 1}}


def the_run(place: Project, study: str) -> str:
    """The run that an installation makes of a study's only slot."""
    runs = waits_for(lambda: place.api.request("GET", f"/dags/llm_bench_{study}/dagRuns")["dag_runs"])
    return str(runs[0]["dag_run_id"])


class TestTwoStudiesOfOneName:
    """A study that two installations measure into one storage"""

    def test_without_names_of_the_places_replace_nothing_of_each_other(
        self, running: Project, project: Path, tmp_path: Path, seen: Seen
    ):
        """Neither installation has a name; both measure the same slot, and the one that began first ends last."""
        content = of("shared-a", **in_one_slot(tmp_path / "shared"))
        running.held.add("shared-a")
        running.write("shared", **content)
        running.switch_on("shared")
        waits_for(lambda: running.asked("shared-a"))
        with installed(project, tmp_path / "elsewhere") as elsewhere:
            elsewhere.write("shared", **content)
            elsewhere.switch_on("shared")
            assert elsewhere.ended("shared", the_run(elsewhere, "shared")) == "success"
            (kept,) = running.records("shared", data=tmp_path / "shared")
            running.held.clear()
            assert running.ended("shared", the_run(running, "shared")) == "failed"
            assert running.records("shared", data=tmp_path / "shared") == [kept]
            assert len(kept) == QUESTIONS
            assert "Another place has measured this slot of the study meanwhile: 4 records" in running.logged("shared")
            assert "though all records are there" in " ".join(running.command("status", "shared").split())
            assert "though all records are there" in running.page("shared/overview")
        seen(
            f"the {QUESTIONS} records of the one that ended first stayed as they were; the run of the other failed "
            "with an error that says how to name the places, which `status` and the overview say, too"
        )

    def test_with_a_name_have_objects_of_their_own(self, running: Project, project: Path, tmp_path: Path, seen: Seen):
        """The second installation is named frankfurt; both measure the same slot at once."""
        content = of("named-a", **in_one_slot(tmp_path / "named"))
        running.held.add("named-a")
        running.write("named", **content)
        running.switch_on("named")
        waits_for(lambda: running.asked("named-a"))
        with installed(project, tmp_path / "elsewhere", LLM_BENCH_CLIENT="frankfurt") as elsewhere:
            elsewhere.write("named", **content)
            elsewhere.switch_on("named")
            assert elsewhere.ended("named", the_run(elsewhere, "named")) == "success"
            running.held.clear()
            assert running.ended("named", the_run(running, "named")) == "success"
            batches = running.records("named", data=tmp_path / "named")
            assert [len(batch) for batch in batches] == [QUESTIONS] * 2
            assert {record["client"] for batch in batches for record in batch} == {None, "frankfurt"}
            assert elsewhere.status("named")["counts"]["late"] == 1
        seen(f"each place has its {QUESTIONS} records, in an object of its own")
