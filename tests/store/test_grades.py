"""What people say of answers, in the store: it is kept for good, whoever else writes at the same time."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from doubles import gcs
from fixtures import grades
from llm_bench.errors import ConflictError, StorageError
from llm_bench.store.base import FileStore, Store, open_store
from llm_bench.store.grades import Sample, grading, keep_grade, keep_sample
from llm_bench.store.sync import sync, to_copy

RECORD = "0123456789abcdef0123456789abcdef"
SAMPLE = Sample(
    number=1, seed="thesis 1", of=1_000, by="ann", at="2026-11-29T08:00:00.000000Z", record_ids=(RECORD, "f" * 32)
)
GRADE = replace(grades.GRADE, record_id=RECORD, groundedness=None, at="2026-11-29T08:01:00.000000Z", rubric=1)


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    with gcs.serving() as url:
        yield url


@pytest.fixture(params=["file", pytest.param("gs", marks=pytest.mark.slow)])
def store(request, tmp_path, monkeypatch) -> Store:
    if request.param == "file":
        return FileStore(tmp_path / "data")
    gcs.connect(request.getfixturevalue("bucket"), monkeypatch)
    return open_store(f"gs://studies/{request.node.name}", tmp_path)


class TestWhatIsKept:
    def test_of_nobody_is_nothing(self, store):
        assert (grading(store, "thesis").samples, grading(store, "thesis").grades) == ([], [])

    def test_is_there_as_it_was_given(self, store):
        keep_sample(store, "thesis", SAMPLE)
        keep_grade(store, "thesis", 1, GRADE)
        known = grading(store, "thesis")
        assert (known.samples, known.grades, known.unread) == ([SAMPLE], [GRADE], [])

    def test_is_of_its_study_alone(self, store):
        keep_grade(store, "thesis", 1, GRADE)
        assert grading(store, "thesis-2").grades == []

    def test_may_be_by_people_of_any_name(self, store):
        for by in ("ann", "ann/../bob", "\u202eann\0", "a" * 500, "ann@example.org"):
            keep_grade(store, "thesis", 1, replace(GRADE, by=by))
        assert len(grading(store, "thesis").grades) == 5

    def test_counts_as_it_was_said_last_by_each(self, store):
        keep_grade(store, "thesis", 1, replace(GRADE, coverage=0, at="2026-11-29T08:02:00.000000Z"))
        keep_grade(store, "thesis", 1, GRADE)
        keep_grade(store, "thesis", 1, replace(GRADE, by="bob"))
        known = grading(store, "thesis")
        assert len(known.grades) == 3
        assert {by: grade.coverage for (_, by), grade in known.latest.items()} == {"ann": 0, "bob": 3}

    def test_is_copied_with_the_study(self, store, tmp_path):
        keep_sample(store, "thesis", SAMPLE)
        keep_grade(store, "thesis", 1, GRADE)
        other = FileStore(tmp_path / "copy")
        assert [outcome for _, outcome in sync(store, other, to_copy(store, "thesis"))] == ["copied", "copied"]
        assert grading(other, "thesis") == grading(store, "thesis")

    def test_goes_together_where_two_copies_were_graded_apart(self, store, tmp_path):
        other = FileStore(tmp_path / "copy")
        keep_grade(store, "thesis", 1, GRADE)
        keep_grade(other, "thesis", 1, replace(GRADE, by="bob"))
        list(sync(store, other, to_copy(store, "thesis")))
        assert {grade.by for grade in grading(other, "thesis").grades} == {"ann", "bob"}


def grade_many(root: Path, by: str) -> None:
    for number in range(20):
        keep_grade(FileStore(root), "thesis", 1, replace(GRADE, by=by, at=f"2026-11-29T08:01:{number:02}.000000Z"))


class TestManyAtOnce:
    def test_draw_one_sample_between_them_and_all_but_one_learn_of_it(self, store):
        def drawn(by: str) -> bool:
            try:
                keep_sample(store, "thesis", replace(SAMPLE, by=by, record_ids=(by,)))
            except ConflictError:
                return False
            return True

        with ThreadPoolExecutor(4) as pool:
            outcomes = dict(zip("abcd", pool.map(drawn, "abcd"), strict=True))
        assert sum(outcomes.values()) == 1
        (sample,) = grading(store, "thesis").samples
        assert outcomes[sample.by]

    def test_lose_no_grade_of_one_another(self, store):
        given = [
            replace(GRADE, by=by, at=f"2026-11-29T08:01:{number:02}.000000Z") for by in "abc" for number in range(8)
        ]
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda grade: keep_grade(store, "thesis", 1, grade), given))
        assert set(grading(store, "thesis").grades) == set(given)

    def test_lose_none_in_several_processes(self, tmp_path):
        context = multiprocessing.get_context("spawn")
        servers = [context.Process(target=grade_many, args=(tmp_path, by)) for by in ("ann", "bob")]
        for server in servers:
            server.start()
        for server in servers:
            server.join(120)
        known = grading(FileStore(tmp_path), "thesis").grades
        assert [sum(grade.by == by for grade in known) for by in ("ann", "bob")] == [20, 20]


class TestWhatIsDamaged:
    @pytest.mark.parametrize(
        "content",
        [b"", b"[]", b"{", b"\xff\xfe", b'{"record_id": 1}', b"[" * 100_000],
        ids=["nothing", "a list", "a beginning", "no text", "too little", "too deep"],
    )
    def test_is_named_and_hides_nothing_else(self, tmp_path, content):
        store = FileStore(tmp_path)
        keep_grade(store, "thesis", 1, GRADE)
        store.commit("grades/study=thesis/001/broken.json", content, 0)
        known = grading(store, "thesis")
        assert known.grades == [GRADE]
        assert next(map(str, known.unread)).startswith("grades/study=thesis/001/broken.json is damaged: ")

    @pytest.mark.parametrize("coverage", [5, -1, 2.5, "3", [3]])
    def test_is_a_grade_that_is_none(self, tmp_path, coverage):
        store = FileStore(tmp_path)
        keep_grade(store, "thesis", 1, replace(GRADE, coverage=coverage))
        known = grading(store, "thesis")
        assert (known.grades, len(known.unread)) == ([], 1)

    def test_lets_no_report_be_made_without_it(self, tmp_path):
        store = FileStore(tmp_path)
        store.commit("grades/study=thesis/001/broken.json", b"{", 0)
        with pytest.raises(StorageError, match="is damaged"):
            grading(store, "thesis").require_all()
