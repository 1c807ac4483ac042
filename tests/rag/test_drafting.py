from __future__ import annotations

import pytest
import yaml

from llm_bench.errors import QuestionSetError
from llm_bench.rag.documents import Document
from llm_bench.rag.drafting import FILL_IN, draft
from llm_bench.rag.questions import load_questions

OUTPUT = Document(
    "output", "Output", "In 2025 it baked 1.2 million loaves. It was founded in 1950.\n\n## Rye\n\nIt was 40%."
)
PRICES = Document(
    "prices", "Prices", "Table 1: Prices\n\n| Flour | Price |\n|---|---|\n| rye | € 0.62 |\n| oats | € 0.80 |"
)


def _questions(count: int = 10, documents: tuple[Document, ...] = (OUTPUT, PRICES)) -> list[dict]:
    content = yaml.safe_load(draft("bakery", documents, count))
    assert content["industry"] == "bakery"
    return content["questions"]


class TestADraft:
    def test_has_a_question_for_each_passage_with_numbers_the_documents_taking_turns(self):
        assert [[point["text"] for point in question["points"]] for question in _questions()[:-1]] == [
            ["In 2025 it baked 1.2 million loaves."],
            ["Prices – Flour: rye; Price: € 0.62.", "Prices – Flour: oats; Price: € 0.80."],
            ["It was 40%."],
        ]

    def test_names_the_document_of_each_point(self):
        documents = [point["document"] for question in _questions()[:-1] for point in question["points"]]
        assert documents == ["output", "prices", "prices", "output"]

    def test_has_the_heading_of_each_passage(self):
        assert '- id: "bakery-03" # Output: Rye\n' in draft("bakery", [OUTPUT, PRICES], 10)

    def test_ends_with_a_question_that_cannot_be_answered(self):
        assert _questions()[-1]["answerable"] is False

    def test_has_as_many_questions_as_are_wanted(self):
        assert [question["id"] for question in _questions(2)] == ["bakery-01", "bakery-02"]

    def test_states_nothing_twice(self):
        again = Document("again", "Again", "It was 40%.\n\nIt was 40%.")
        assert len(_questions(documents=(again,))) == 2

    def test_survives_whatever_a_document_holds(self):
        text = 'It was "5": #1 \\ of\u2028the € and \x85 more.'
        (question, _) = _questions(documents=(Document("odd", "Odd: # ☃", text),))
        assert question["points"][0]["text"].startswith('It was "5": #1')


class TestAnUnfilledDraft:
    @pytest.fixture
    def include(self, write_project):
        include = write_project(documents={"output.md": f"# Output\n\n{OUTPUT.text}"})
        (include / "questions" / "bakery.yaml").write_text(draft("bakery", [OUTPUT], 10), encoding="utf-8")
        return include

    def test_is_refused_with_every_question_that_is_left(self, include):
        with pytest.raises(QuestionSetError) as caught:
            load_questions(include, "bakery")
        assert [problem.split(":")[0] for problem in caught.value.problems] == [
            "questions.0.text",
            "questions.1.text",
            "questions.2.text",
        ]
        assert all("is still to be written" in problem for problem in caught.value.problems)

    def test_can_be_used_once_the_questions_are_written(self, include):
        file = include / "questions" / "bakery.yaml"
        file.write_text(file.read_text(encoding="utf-8").replace(f"{FILL_IN}: ", "Why? "), encoding="utf-8")
        assert [question.answerable for question in load_questions(include, "bakery")] == [True, True, False]
