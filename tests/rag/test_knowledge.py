from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_bench.errors import QuestionSetError
from llm_bench.rag.knowledge import (
    PASSAGE_WORDS,
    Document,
    Point,
    Question,
    load_documents,
    load_question_sets,
    load_questions,
    passages,
    sentences,
)

SHIPPED = Path(__file__).resolve().parents[2] / "include"

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
    def test_shipped_ones_hold_ten_questions_with_reference_points(self, shipped, industry):
        questions = load_questions(shipped, industry)
        assert len(questions) == 10
        assert all(question.points for question in questions)

    @pytest.mark.parametrize(
        ("content", "problem"),
        [
            pytest.param(_changed(colour="red"), "questions.0.colour: unknown key", id="unknown key"),
            pytest.param({**SET, "version": 2}, "version: unknown key", id="unknown key of the file"),
            pytest.param(_changed(text="  "), "questions.0.text", id="blank text"),
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
            pytest.param(["a"], "is not a mapping of keys", id="a list"),
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


class TestDocuments:
    def test_are_read_by_slug_with_their_title(self, write_project):
        documents = load_documents(write_project(), "bakery")
        assert [(document.slug, document.title) for document in documents] == [
            ("output", "Output 2025"),
            ("prices", "Prices"),
        ]
        assert documents[1].text == "Flour costs € 0.62 a kilogram."

    def test_title_is_the_slug_in_words_without_a_heading(self, write_project):
        include = write_project(documents={"store-prices.md": "Flour is dear."})
        assert load_documents(include, "bakery") == (Document("store-prices", "Store prices", "Flour is dear."),)

    def test_none_is_a_mistake(self, write_project):
        with pytest.raises(QuestionSetError, match="holds no document"):
            load_documents(write_project(documents={}), "bakery")

    def test_empty_and_undecodable_ones_are_named_at_once(self, write_project):
        include = write_project(documents={"a.md": "", "b.md": "# Only a title\n", "c.md": b"caf\xe9", "d.md": "Fine."})
        with pytest.raises(QuestionSetError) as caught:
            load_documents(include, "bakery")
        assert [problem.split(":")[0] for problem in caught.value.problems] == ["a.md", "b.md", "c.md"]


def _passages(text: str) -> list[str]:
    return [passage.text for passage in passages(Document("d", "Title", text))]


TABLE = "| Country | Stores |\n|---|---:|\n| Denmark | 4 |\n| Austria | 7 |"


class TestPassages:
    def test_a_paragraph_is_a_passage_under_its_documents_title(self):
        assert _passages("One. Two.\n\nThree.") == ["# Title\n\nOne. Two.", "# Title\n\nThree."]

    def test_line_breaks_inside_a_paragraph_are_undone(self):
        assert _passages("One\nand a half.") == ["# Title\n\nOne and a half."]

    def test_items_of_a_list_keep_their_lines(self):
        assert _passages("Three causes:\n- rain\n  and snow\n- wind") == [
            "# Title\n\nThree causes:\n- rain and snow\n- wind"
        ]

    def test_a_section_is_named_beside_the_title(self):
        assert _passages("One.\n\n## Costs\n\nTwo.") == ["# Title\n\nOne.", "# Title: Costs\n\nTwo."]

    def test_a_table_stays_whole_with_the_paragraph_before_it(self):
        assert _passages(f"Before.\n\nStores:\n\n{TABLE}\n\nAfter.") == [
            "# Title\n\nBefore.",
            f"# Title\n\nStores:\n\n{TABLE}",
            "# Title\n\nAfter.",
        ]

    def test_a_table_right_below_its_paragraph_is_the_same(self):
        assert _passages(f"Stores:\n{TABLE}") == [f"# Title\n\nStores:\n\n{TABLE}"]

    def test_a_table_without_a_paragraph_is_a_passage(self):
        assert _passages(f"{TABLE}\n\n{TABLE}") == [f"# Title\n\n{TABLE}"] * 2

    def test_a_long_paragraph_is_cut_at_the_ends_of_sentences(self):
        sentence = "The bakery sold 30.5% more bread at € 4.2 m."  # 9 words
        pieces = [piece.removeprefix("# Title\n\n") for piece in _passages(" ".join([sentence] * 30))]
        assert len(pieces) == 3
        assert all(len(piece.split()) <= PASSAGE_WORDS for piece in pieces)
        assert " ".join(pieces) == " ".join([sentence] * 30)

    def test_a_sentence_that_is_too_long_stays_whole(self):
        assert len(_passages("bread " * (PASSAGE_WORDS + 1))) == 1

    @given(st.text(alphabet="ab .|-#\n12", max_size=200))
    def test_hold_every_word_of_the_document(self, text):
        kept = " ".join(_passages(text))
        headings = " ".join(line for line in text.splitlines() if line.lstrip().startswith("#"))
        assert all(word in kept or word in headings for word in text.replace("#", " ").split())

    def test_are_the_same_each_time(self, shipped):
        first, second = ([passages(document) for document in load_documents(shipped, "retail")] for _ in range(2))
        assert first == second


class TestSentences:
    @pytest.mark.parametrize(
        "sentence",
        [
            "Revenue came to € 4.2 m in the third quarter.",
            "The share was 30.5% of the total.",
            "A basket held 2.6 items on average.",
            "See No. 3 of the list.",
            "Marlow & Finch sold more than its competitors, e.g. in Germany.",
            "Dr. Smith left at the end of Q3.",
        ],
    )
    def test_are_not_cut_inside(self, sentence):
        assert sentences(f"{sentence} {sentence}") == [sentence, sentence]

    def test_end_with_their_line(self):
        assert sentences("Revenue: € 5\nMargin: 3%") == ["Revenue: € 5", "Margin: 3%"]

    def test_each_row_of_a_table_is_one_with_its_columns_named(self):
        assert sentences(f"Stores:\n\n{TABLE}\n\nAfter.") == [
            "Stores:",
            "Country: Denmark; Stores: 4.",
            "Country: Austria; Stores: 7.",
            "After.",
        ]

    def test_rows_joined_into_one_line_are_cut_apart_again(self):
        rows = sentences(TABLE)
        assert sentences(" ".join(rows)) == rows

    def test_headings_and_marks_are_left_out(self):
        assert sentences("# Title\n\n- **Rye:** 4\n2. Wheat\n") == ["Rye: 4", "Wheat"]

    @pytest.mark.parametrize("text", ["# Home & Kitchen", "| a |\n|---|"])
    def test_a_text_of_nothing_else_is_one_sentence(self, text):
        assert sentences(text) == [text]

    @pytest.mark.parametrize("text", ["", " \n\t "])
    def test_blank_text_has_none(self, text):
        assert sentences(text) == []

    def test_text_survives_the_symbols_that_the_segmenter_uses_itself(self):
        assert sentences("Rye∯ is ȸ dark. So it is.") == ["Rye∯ is ȸ dark. So it is."]

    @given(st.text(max_size=200))
    def test_are_trimmed_and_never_blank(self, text):
        found = sentences(text)
        assert all(sentence == sentence.strip() != "" for sentence in found)
        assert bool(found) == bool(text.strip())

    @given(st.text(alphabet="abAB .!?\"'()1230,;:%€&\n", max_size=200))
    def test_lose_no_letter_or_figure_of_prose(self, text):
        def told(some: str) -> str:
            return "".join(char for char in some if char.isalnum())

        # A figure with a full stop at the start of a line would be the mark of a list.
        text = "\n".join(f"a{line}" for line in text.split("\n"))
        assert told("".join(sentences(text))) == told(text)


def test_reading_needs_no_numpy_and_no_torch(shipped: Path, run_python):
    loaded = run_python(
        "from pathlib import Path; from llm_bench.rag.knowledge import load_documents, sentences; "
        f"[sentences(d.text) for d in load_documents(Path({str(shipped)!r}), 'retail')]; import llm_bench.rag.prompt"
    )
    assert not loaded & {"numpy", "torch", "pandas"}


class TestQuestionSetsOfAStudy:
    def test_are_found_by_industry(self):
        assert {name: len(found) for name, found in load_question_sets(SHIPPED, ["retail", "finance"]).items()} == {
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
