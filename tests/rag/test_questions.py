from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import Any

import pytest

from llm_bench.errors import QuestionSetError
from llm_bench.rag.convert import conversion, office, process
from llm_bench.rag.documents import CAPTION_WORDS, ENDINGS, load_documents
from llm_bench.rag.prompt import build_messages
from llm_bench.rag.questions import Point, Question, load_question_sets, load_questions
from llm_bench.rag.retrieval import LIKELY_PASSAGES, MANY_PASSAGES, retrieve
from llm_bench.study import Retrieval, load_study

SHIPPED = Path(__file__).resolve().parents[2] / "include"

FIGURE = re.compile(r"[0-9]+(?:[.,][0-9]+)*")

SET: dict[str, Any] = {
    "industry": "bakery",
    "questions": [
        {"id": "a", "text": "How many?", "points": [{"text": "Many.", "document": "output"}]},
        {"id": "b", "text": "How few?"},
    ],
}


def _changed(**changes: Any) -> dict[str, Any]:
    """The question set with its first question changed."""
    changed = copy.deepcopy(SET)
    changed["questions"][0].update(changes)
    return changed


class TestQuestionSets:
    def test_are_read_in_their_order(self, write_project):
        assert load_questions(write_project(SET), "bakery") == (
            Question("a", "How many?", (Point("Many.", "output"),)),
            Question("b", "How few?"),
        )

    @pytest.mark.parametrize("industry", ["retail", "finance"])
    def test_shipped_ones_hold_ten_questions_one_of_which_cannot_be_answered(self, shipped, industry):
        questions = load_questions(shipped, industry)
        assert len(questions) == 10
        assert [question.answerable for question in questions].count(False) == 1
        assert all(bool(question.points) == question.answerable for question in questions)

    @pytest.mark.parametrize("industry", ["retail", "finance"])
    def test_shipped_ones_have_questions_that_need_two_documents(self, shipped, industry):
        needed = [{point.document for point in question.points} for question in load_questions(shipped, industry)]
        assert sum(len(documents) > 1 for documents in needed) >= 2

    @pytest.mark.parametrize("industry", ["retail", "finance"])
    def test_figures_of_shipped_points_stand_in_their_documents(self, shipped, industry):
        texts = {document.slug: f"{document.title} {document.text}" for document in load_documents(shipped, industry)}
        missing = [
            (question.id, figure)
            for question in load_questions(shipped, industry)
            for point in question.points
            for figure in FIGURE.findall(point.text)
            if figure not in FIGURE.findall(texts[point.document])
        ]
        assert missing == []

    @pytest.mark.parametrize(
        ("content", "problem"),
        [
            pytest.param(_changed(colour="red"), "questions.0.colour: unknown key", id="unknown key"),
            pytest.param({**SET, "version": 2}, "version: unknown key", id="unknown key of the file"),
            pytest.param(_changed(text="  "), "questions.0.text", id="blank text"),
            pytest.param(_changed(text="a\x00b"), "letter 2 is U+0000, which can't be seen", id="a letter unseen"),
            pytest.param(_changed(text="a" * 20_001), "should have at most 20000 characters", id="a text too long"),
            pytest.param(_changed(id="b"), "questions.1.id: 'b': stands there twice", id="repeated id"),
            pytest.param(_changed(id="a b"), "questions.0.id: 'a b'", id="id that is no name"),
            pytest.param({**SET, "industry": "retail"}, "allowed: bakery", id="another file's industry"),
            pytest.param({**SET, "questions": []}, "questions: []", id="no questions"),
            pytest.param({"industry": "bakery"}, "questions: is missing", id="no list of questions"),
            pytest.param(
                _changed(points=[{"text": "Many.", "document": "outputs"}]),
                "questions.0.points.0.document: 'outputs': no such document; allowed: output, prices",
                id="point in no document",
            ),
            pytest.param(
                _changed(answerable=False), "questions.0.answerable: False: has points", id="points without answer"
            ),
            pytest.param(_changed(answerable="perhaps"), "questions.0.answerable: 'perhaps'", id="unclear answerable"),
            pytest.param(
                _changed(text="How few?"), "questions.1.text: 'How few?': stands there twice", id="repeated text"
            ),
            pytest.param(_changed(id=1), "questions.0.id: 1: input should be a valid string", id="number for an id"),
            pytest.param(_changed(points=None), "questions.0.points: None", id="points left blank"),
            pytest.param(
                _changed(points=["Many."]),
                "questions.0.points.0: 'Many.': is not a mapping of keys; allowed: text, document",
                id="point without document",
            ),
            pytest.param(
                {**SET, "questions": [*SET["questions"], "Why?"]},
                "questions.2: 'Why?': is not a mapping of keys; allowed: id, text, points, answerable",
                id="question without keys",
            ),
            pytest.param({**SET, "questions": None}, "questions: None", id="questions left blank"),
            pytest.param(
                ["a"], "(the file): ['a']: is not a mapping of keys; allowed: industry, questions", id="a list"
            ),
            pytest.param(None, "(the file): None: is not a mapping of keys", id="an empty file"),
        ],
    )
    def test_mistakes_are_named(self, write_project, content, problem):
        with pytest.raises(QuestionSetError, match=r"bakery\.yaml has 1 mistake") as caught:
            load_questions(write_project(content), "bakery")
        assert problem in str(caught.value)

    def test_all_mistakes_are_named_at_once(self, write_project):
        content = _changed(id="b", text="", points=[{"text": "Many.", "document": "none"}], colour="red")
        content["industry"] = "retail"
        with pytest.raises(QuestionSetError) as caught:
            load_questions(write_project(content), "bakery")
        assert len(caught.value.problems) == 5

    def test_missing_file_is_a_question_set_error(self, write_project):
        with pytest.raises(QuestionSetError, match="there is no such file"):
            load_questions(write_project(), "mining")


class TestThePageAboutWritingASet:
    """docs/questions.md: its files make a study that works, and ask with the prompt that it shows."""

    PAGE = (SHIPPED.parent / "docs" / "questions.md").read_text(encoding="utf-8")
    FILES = re.compile(r"`include/([\w./-]+)`:\n\n```(?:markdown|yaml)\n(.*?)```", re.DOTALL)

    @pytest.fixture
    def include(self, tmp_path) -> Path:
        for name, content in self.FILES.findall(self.PAGE):
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(content, encoding="utf-8")
        return tmp_path

    def test_shows_no_yaml_that_is_not_one_of_its_files(self):
        assert self.PAGE.count("```yaml") == sum(name.endswith(".yaml") for name, _ in self.FILES.findall(self.PAGE))

    def test_shows_a_set_whose_figures_stand_in_its_documents(self, include):
        texts = {document.slug: document.text for document in load_documents(include, "clinic")}
        questions = load_questions(include, "clinic")
        assert [question.answerable for question in questions] == [True, True, False]
        assert all(
            figure in texts[point.document]
            for question in questions
            for point in question.points
            for figure in FIGURE.findall(point.text)
        )

    def test_lists_the_endings_that_a_document_may_have(self):
        rows = re.findall(r"^\| ((?:`\.\w+`(?:, )?)+) \|", self.PAGE, re.MULTILINE)
        assert sorted(re.findall(r"\.\w+", " ".join(rows))) == sorted(ENDINGS)

    @pytest.mark.parametrize(
        "bound",
        [
            f"more than {conversion.MAXIMUM_BYTES // 10**6} MB",
            f"more than {conversion.MAXIMUM_TEXT // 10**6} million letters",
            f"more than {office.MAXIMUM_UNPACKED_BYTES // 10**6} MB is refused",
            f"{process.MEMORY_BYTES // 2**30} GiB of memory",
            f"{process.CPU_SEC} s of CPU time",
            f"at most {CAPTION_WORDS} words",
            f"more than {MANY_PASSAGES:,} passages",
            f"{LIKELY_PASSAGES} of them",
        ],
    )
    def test_states_each_bound(self, bound: str):
        assert bound in " ".join(self.PAGE.split())

    def test_shows_a_study_with_the_defaults(self, include):
        assert load_study(include / "studies" / "clinic.yaml", include).retrieval == Retrieval()

    def test_shows_the_prompt(self, include, tmp_path, embedder, monkeypatch):
        monkeypatch.setattr("llm_bench.rag.retrieval.Embedder", lambda model: embedder)
        prompt = retrieve(include, "clinic", Retrieval(top_k=2), tmp_path / "cache")[1]
        (shown,) = re.findall(r"```text\n(.*?)\n```", self.PAGE, re.DOTALL)
        assert build_messages(prompt["question"], prompt["passages"])[1]["content"] == shown


class TestQuestionSetsOfAStudy:
    def test_are_found_by_industry(self):
        assert {
            name: len(questions) for name, questions in load_question_sets(SHIPPED, ["retail", "finance"]).items()
        } == {
            "retail": 10,
            "finance": 10,
        }

    def test_share_no_id(self, tmp_path: Path):
        for industry in ("bakery", "dairy"):
            folder = tmp_path / "knowledge" / industry
            folder.mkdir(parents=True)
            (folder / "output.md").write_text("# Output\n\nMuch.\n")
            (tmp_path / "questions").mkdir(exist_ok=True)
            questions = f"industry: {industry}\nquestions: [{{id: q1, text: 'How much?'}}]\n"
            (tmp_path / "questions" / f"{industry}.yaml").write_text(questions)
        with pytest.raises(QuestionSetError, match="the id 'q1' is also one of bakery"):
            load_question_sets(tmp_path, ["bakery", "dairy"])
