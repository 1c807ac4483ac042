"""Grading answers by hand: whose they are isn't shown, who may grade does, and nothing that was said is lost."""

from __future__ import annotations

import errno
import re
import shutil
from collections.abc import Iterable
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from dashboard.conftest import SLOTS, thesis_slots
from dashboard.serving import token
from fixtures.grades import grade_of
from fixtures.started import until
from llm_bench.records import Record, llm_of
from llm_bench.store.base import from_parquet, object_path, open_store, to_parquet
from llm_bench.store.grades import grading, keep_grade

ROOT = "/llm-bench/thesis/grading"


@pytest.fixture
def own(loaded, tmp_path, monkeypatch) -> Path:
    """The project with records of a study, of this test's own."""
    home = tmp_path / "home"
    shutil.copytree(loaded / "data", home / "data", ignore=shutil.ignore_patterns("cache", "grades"))
    shutil.copytree(loaded / "include", home / "include", symlinks=True)
    monkeypatch.setenv("LLM_BENCH_HOME", str(home))
    return home


@pytest.fixture
def store(own):
    return open_store("file://data", own)


@pytest.fixture
def ann(own, visitor) -> TestClient:
    """Somebody who may add to a study, and sees what a click leads to."""
    return visitor("USER")


def sampled(client: TestClient) -> None:
    assert client.post(ROOT).status_code == 303


def given(page: str, **grades: str) -> dict[str, str]:
    """What the form of a page sends."""
    return {"answer": re.search(r'name="answer" value="(\w+)"', page)[1], **grades}


def grade(client: TestClient, number: int, coverage="3", groundedness="4"):
    page = client.get(f"{ROOT}/{number}").text
    return client.post(f"{ROOT}/{number}", data=given(page, coverage=coverage, groundedness=groundedness))


def graded(store, include: Path, numbers: Iterable[int]) -> None:
    """Puts grades of Ann's into the store, as many clicks would."""
    ids, held = grading(store, "thesis").samples[-1].record_ids, records(store, include)
    for number in numbers:
        record = held[ids[number - 1]]
        said = {"coverage": number % 5, "groundedness": number % 4, "at": f"2026-11-29T08:00:{number:02}.000000Z"}
        keep_grade(store, "thesis", 1, grade_of(record, **said))


def records(store, include: Path) -> dict[str, Record]:
    """All of the study by their ids."""
    paths = [object_path("records", "thesis", slot) for slot in thesis_slots(include)[:SLOTS]]
    return {record["record_id"]: record for path in paths for record in from_parquet(store.read(path)[0])}


def record_of(store, include: Path, number: int):
    return records(store, include)[grading(store, "thesis").samples[0].record_ids[number - 1]]


class TestTheSample:
    def test_is_drawn_by_a_click_and_kept(self, ann, store):
        reply = ann.post(ROOT)
        assert (reply.status_code, reply.headers["location"]) == (303, ROOT)
        (sample,) = grading(store, "thesis").samples
        assert (sample.number, sample.seed, sample.by, len(sample.record_ids)) == (1, "thesis 1", "ann", 40)
        assert "drawn by the seed “thesis 1”" in ann.get(ROOT).text

    def test_is_drawn_once(self, ann, store):
        sampled(ann)
        first = grading(store, "thesis").samples
        sampled(ann)
        assert grading(store, "thesis").samples == first

    def test_is_the_same_wherever_it_is_drawn(self, ann, store, loaded, monkeypatch, tmp_path):
        sampled(ann)
        other = tmp_path / "other"
        shutil.copytree(loaded, other, symlinks=True)
        monkeypatch.setenv("LLM_BENCH_HOME", str(other))
        sampled(ann)
        ids = [grading(at, "thesis").samples[0].record_ids for at in (store, open_store("file://data", other))]
        assert ids[0] == ids[1]

    def test_is_another_one_where_all_of_the_first_was_graded(self, ann, store, include):
        sampled(ann)
        graded(store, include, range(1, 41))
        assert "Draw another 40 answers" in ann.get(ROOT).text
        sampled(ann)
        first, second = grading(store, "thesis").samples
        assert set(first.record_ids).isdisjoint(second.record_ids)
        assert "40 <small>of 80" in ann.get(ROOT).text

    def test_of_a_study_without_an_answer_says_so(self, home, visitor):
        page = visitor("USER").get(ROOT).text
        assert "nothing to grade before a batch is measured" in page
        reply = visitor("USER").post(ROOT)
        assert (reply.status_code, "No answer with a score is left" in reply.text) == (400, True)


class TestAnAnswer:
    def test_is_shown_with_its_question_and_context(self, ann, store, include):
        sampled(ann)
        record, page = record_of(store, include, 1), unescape(ann.get(f"{ROOT}/1").text)
        assert record["question"] in page
        assert " ".join(record["answer"].split()) in " ".join(page.split())
        assert 'aria-label="Passage 1"' in page

    def test_is_nobodys(self, ann, store, include):
        """Neither its LLM, provider and record nor its slot and scores are named."""
        sampled(ann)
        for number in (1, 13, 25, 40):
            record, page = record_of(store, include, number), unescape(ann.get(f"{ROOT}/{number}").text)
            page = page.replace(record["answer"], "")
            hidden = {llm_of(record), record["llm_model"], record["llm_provider"], record["record_id"], record["slot"]}
            assert not {name for name in hidden if name in page}
            assert "scored" not in page

    def test_is_followed_and_preceded_by_the_others(self, ann):
        sampled(ann)
        page = ann.get(f"{ROOT}/2").text
        assert f'rel="prev" href="{ROOT}/1"' in page
        assert f'rel="next" href="{ROOT}/3"' in page

    @pytest.mark.parametrize("number", ["0", "41", "-1", "1.0", "x", "9" * 5000])
    def test_that_the_sample_lacks_isnt_found(self, ann, number):
        sampled(ann)
        assert ann.get(f"{ROOT}/{number}").status_code == 404

    def test_whose_record_is_gone_says_so_and_leads_on(self, ann, store, include):
        sampled(ann)
        slot = record_of(store, include, 1)["slot"]
        (path,) = [path for path in store.list("records/") if slot.replace("-", "").replace(":", "") in path]
        store.delete(path, store.read(path)[1])
        page = shown(ann, "isn't there any more", f"{ROOT}/1")
        assert f'href="{ROOT}/2"' in page
        assert "of 40 graded" not in page


def shown(client: TestClient, words: str, address: str) -> str:
    """A page, once it shows what the store has: it looks there every two seconds."""

    def page() -> str | None:
        text = client.get(address).text
        return text if words in unescape(text) else None

    return str(until(page, 60))


def full(path: Path) -> Any:
    raise OSError(errno.ENOSPC, "No space left on device", str(path))


class TestAGrade:
    def test_is_kept_with_who_and_when_and_what_scored(self, ann, store, include):
        sampled(ann)
        reply = grade(ann, 1)
        assert (reply.status_code, reply.headers["location"]) == (303, f"{ROOT}/2")
        (kept,) = grading(store, "thesis").grades
        record = record_of(store, include, 1)
        assert (kept.record_id, kept.coverage, kept.groundedness, kept.by) == (record["record_id"], 3, 4, "ann")
        assert (kept.scoring_version, kept.embedding_model) == (record["scoring_version"], record["embedding_model"])
        assert kept.at.endswith("Z")
        assert kept.rubric == 1

    def test_counts(self, ann):
        sampled(ann)
        grade(ann, 7)
        assert "1 of 40 graded by you" in ann.get(f"{ROOT}/8").text
        page = ann.get(f"{ROOT}/7").text
        assert re.search(r'name="coverage" value="3" required checked', page)
        assert re.search(r'name="groundedness" value="4" required checked', page)

    def test_may_be_that_one_cant_say(self, ann, store):
        sampled(ann)
        grade(ann, 1, groundedness="can't say")
        assert [kept.groundedness for kept in grading(store, "thesis").grades] == [None]

    def test_takes_the_place_of_an_earlier_one(self, ann, store):
        sampled(ann)
        grade(ann, 1)
        grade(ann, 1, coverage="0")
        known = grading(store, "thesis")
        assert len(known.grades) == 2
        assert [kept.coverage for kept in known.latest.values()] == [0]

    def test_leads_to_the_next_open_one_and_at_last_back(self, ann, store, include):
        sampled(ann)
        graded(store, include, [2, *range(4, 40)])
        assert [grade(ann, number).headers["location"] for number in (1, 40, 3)] == [f"{ROOT}/3", f"{ROOT}/3", ROOT]

    @pytest.mark.parametrize("value", ["5", "-1", "", "3.0", "<b>", "３"])
    def test_that_is_none_is_refused_and_says_what_is_one(self, ann, store, value):
        sampled(ann)
        reply = grade(ann, 1, coverage=value)
        assert reply.status_code == 400
        assert "Choose one of 0, 1, 2, 3, 4 and can" in unescape(reply.text)
        assert grading(store, "thesis").grades == []

    def test_of_an_answer_that_was_measured_anew_is_refused(self, ann, store, include):
        sampled(ann)
        page = ann.get(f"{ROOT}/1").text
        record = record_of(store, include, 1)
        for path in store.list("records/"):
            content, generation = store.read(path)
            batch = from_parquet(content)
            if any(other["record_id"] == record["record_id"] for other in batch):
                changed = [
                    other | {"answer": "Another one."} if other["record_id"] == record["record_id"] else other
                    for other in batch
                ]
                store.commit(path, to_parquet(changed), generation)
        shown(ann, "Another one.", f"{ROOT}/1")
        reply = ann.post(f"{ROOT}/1", data=given(page, coverage="3", groundedness="3"))
        assert reply.status_code == 400
        assert "isn't what you read" in unescape(reply.text)
        assert grading(store, "thesis").grades == []

    def test_that_cant_be_kept_says_what_to_do(self, ann, store, monkeypatch):
        sampled(ann)
        monkeypatch.setattr("llm_bench.store.file.replacing", full)
        reply = grade(ann, 1)
        assert reply.status_code == 503
        text = " ".join(unescape(reply.text).split())
        assert "The grade wasn't kept:" in text
        assert "Free some space there, then go back and send the grade again." in text
        monkeypatch.undo()
        assert grading(store, "thesis").grades == []

    def test_in_a_form_that_is_too_large_is_refused(self, ann):
        sampled(ann)
        assert ann.post(f"{ROOT}/1", data={"coverage": "3" * 5000}).status_code == 400


class TestTheRight:
    def test_to_grade_is_the_one_to_edit_task_instances(self, own, visitor, store):
        sampled(visitor("USER"))
        viewer = visitor("VIEWER")
        page = viewer.get(f"{ROOT}/1")
        assert page.status_code == 200
        assert "<form" not in page.text
        for address, form in ((ROOT, {}), (f"{ROOT}/1", {"coverage": "3"})):
            reply = viewer.post(address, data=form)
            assert reply.status_code == 403
            assert "ask for the right to edit the task instances of its DAG" in reply.text
        assert "You may read this study, and not grade" in viewer.get(ROOT).text

    def test_is_nobodys_without_one_to_the_dag(self, own, visitor):
        assert visitor(None).get(ROOT).status_code == 403
        assert visitor(None).post(ROOT).status_code == 403

    @pytest.mark.parametrize(
        "headers",
        [
            {"sec-fetch-site": "cross-site"},
            {"sec-fetch-site": "same-site"},
            {"origin": "http://elsewhere.example"},
            {"origin": "null"},
            {"origin": "http://testserver:81"},
        ],
        ids=str,
    )
    def test_isnt_lent_to_the_page_of_another_site(self, ann, store, headers):
        reply = ann.post(ROOT, headers=headers)
        assert reply.status_code == 403
        assert grading(store, "thesis").samples == []

    @pytest.mark.parametrize(
        "headers",
        [{"sec-fetch-site": "same-origin", "origin": "http://behind.a.proxy"}, {"origin": "http://testserver"}, {}],
        ids=str,
    )
    def test_is_used_by_our_own_page_and_by_a_program(self, ann, store, headers):
        assert ann.post(ROOT, headers=headers).status_code == 303

    def test_is_each_persons_own(self, ann, own, visitor, store):
        sampled(ann)
        grade(ann, 1)
        bob = visitor("ADMIN")
        bob.cookies.set("_token", token("ADMIN", "bob"))
        assert "0 of 40 graded by you" in bob.get(f"{ROOT}/1").text
        grade(bob, 1, coverage="1")
        assert {kept.by: kept.coverage for kept in grading(store, "thesis").grades} == {"ann": 3, "bob": 1}


class TestTheAgreement:
    COVERAGE = "/llm-bench/thesis/coverage"

    def test_is_on_the_page_of_the_scores_once_enough_is_graded(self, ann, store, include):
        assert "Grade a random sample of these answers" in ann.get(self.COVERAGE).text
        sampled(ann)
        graded(store, include, range(1, 13))
        assert "too few yet: 12 of 25" in ann.get(self.COVERAGE).text
        graded(store, include, range(13, 41))
        page = unescape(ann.get(self.COVERAGE).text)
        assert "Agreement of the scores with grades of these answers" in page
        assert "too few" not in page

    def test_is_of_the_records_of_the_view(self, ann, store, include):
        sampled(ann)
        graded(store, include, range(1, 41))
        held = records(store, include)
        llms = [llm_of(held[record_id]) for record_id in grading(store, "thesis").samples[0].record_ids]
        page = ann.get(self.COVERAGE, params={"llm": llms[0]}).text
        assert f"too few yet: {llms.count(llms[0])} of 25" in page

    def test_names_a_grade_that_cant_be_read(self, ann, store):
        sampled(ann)
        store.commit("grades/study=thesis/001/broken.json", b"{", 0)
        for page in ("/llm-bench/thesis/coverage", ROOT):
            assert "grades/study=thesis/001/broken.json is damaged" in ann.get(page).text


def test_a_grade_by_a_hostile_name_is_text(ann, store):
    sampled(ann)
    grade(ann, 1)
    (kept,) = grading(store, "thesis").grades
    keep_grade(store, "thesis", 1, replace(kept, by="<script>alert(1)</script>\u202e"))
    page = ann.get(ROOT).text
    assert "<script>alert" not in page
    assert "\u202e" not in page
