from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_bench.errors import QuestionSetError
from llm_bench.rag import documents
from llm_bench.rag.documents import (
    PASSAGE_WORDS,
    SENTENCE_CHARACTERS,
    Document,
    load_documents,
    openings,
    passages,
    sentences,
)


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

    def test_hold_no_letter_that_a_store_refuses(self, write_project):
        include = write_project(documents={b"flour\xff.md".decode(errors="surrogateescape"): "Flour\0is dear."})
        assert load_documents(include, "bakery") == (Document("flour\ufffd", "Flour\ufffd", "Flour\ufffdis dear."),)

    def test_none_is_a_mistake(self, write_project):
        with pytest.raises(QuestionSetError, match="holds no document"):
            load_documents(write_project(documents={}), "bakery")

    def test_empty_and_undecodable_ones_are_named_at_once(self, write_project):
        include = write_project(documents={"a.md": "", "b.md": "# Only a title\n", "c.md": b"caf\xe9", "d.md": "Fine."})
        with pytest.raises(QuestionSetError) as caught:
            load_documents(include, "bakery")
        assert [problem.split(":")[0] for problem in caught.value.problems] == ["a.md", "b.md", "c.md"]

    def test_files_that_would_not_be_read_are_named(self, write_project):
        include = write_project(documents={"a.md": "Fine.", "b.txt": "Not read.", ".hidden": ""})
        (include / "knowledge" / "bakery" / "more").mkdir()
        with pytest.raises(QuestionSetError) as caught:
            load_documents(include, "bakery")
        assert [problem.split(":")[0] for problem in caught.value.problems] == ["b.txt", "more"]


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

    def test_a_line_that_starts_with_a_sentences_last_figure_is_no_item(self):
        assert _passages("The average age was\n40. It rose.\n\nFigures:\n1. Rye\n2. Wheat") == [
            "# Title\n\nThe average age was 40. It rose.",
            "# Title\n\nFigures:\n1. Rye\n2. Wheat",
        ]

    def test_a_sentence_or_figure_broken_over_lines_is_joined(self):
        assert _passages("Sales were € 4.2\nm in Jan.\n2025, or approx.\n4.5 % of the total.") == [
            "# Title\n\nSales were € 4.2 m in Jan. 2025, or approx. 4.5 % of the total."
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

    def test_a_long_table_is_cut_between_its_rows_and_each_part_has_its_head_and_caption(self):
        head = "| Country | Stores |\n|---|---:|"
        pieces = _passages(f"Stores by country:\n\n{head}\n" + "\n".join(f"| Denmark | {i} |" for i in range(100)))
        rows = [
            row
            for piece in pieces
            for row in piece.removeprefix(f"# Title\n\nStores by country:\n\n{head}\n").split("\n")
        ]
        assert len(pieces) > 1
        assert rows == [f"| Denmark | {i} |" for i in range(100)]

    def test_a_long_paragraph_before_a_long_table_stands_before_its_first_part_alone(self):
        table = "\n".join(["| a |", "|---|", *(f"| {i} |" for i in range(200))])
        first, *more = _passages("word " * 60 + f"\n\n{table}")
        assert first.startswith("# Title\n\nword word")
        assert [piece.split("\n\n")[1][:13] for piece in more] == ["| a |\n|---|\n|"] * len(more)

    def test_a_head_longer_than_a_sentence_may_be_is_not_repeated(self):
        head = f"| {'long ' * 1000}|"
        pieces = _passages("\n".join([head, "|---|", *(f"| {i} |" for i in range(200))]))
        assert len(pieces) > 3
        assert sum(head in piece for piece in pieces) == 1

    def test_a_sentence_that_is_too_long_stays_whole(self):
        assert len(_passages("bread " * (PASSAGE_WORDS + 1))) == 1

    @pytest.mark.parametrize(
        "text", ["bread " * 5000, "b" * 30_000, "approx. " * 4000], ids=["words", "a word", "open"]
    )
    def test_text_without_an_end_of_a_sentence_is_cut_all_the_same(self, text: str):
        pieces = [piece.removeprefix("# Title\n\n") for piece in _passages(text)]
        assert max(map(len, pieces)) <= SENTENCE_CHARACTERS
        assert "".join(pieces).replace(" ", "") == text.replace(" ", "")

    @given(st.text(alphabet="ab .|-#\n12", max_size=200))
    def test_hold_every_word_of_the_document(self, text):
        kept = " ".join(_passages(text))
        headings = " ".join(line for line in text.splitlines() if line.lstrip().startswith("#"))
        assert all(word in kept or word in headings for word in text.replace("#", " ").split())

    def test_are_the_same_each_time(self, shipped):
        first, second = ([passages(document) for document in load_documents(shipped, "retail")] for _ in range(2))
        assert first == second


SHAPES = {
    "one paragraph": "In 2025 it sold 30.5% more bread at € 4.2 m. ",
    "lines of a paragraph": "In 2025 it sold 30.5% more,\n",
    "no end of a sentence": "bread ",
    "a heading": "#",
    "a table": "| Linden | 2025 |\n",
}


class TestTheWorkOfCutting:
    """Counted in what is done, as time is another each time."""

    def test_gives_the_segmenter_no_more_than_in_proportion_and_little_at_once(self, monkeypatch):
        lengths: list[int] = []
        original = documents._segment
        monkeypatch.setattr(
            documents, "_segment", lambda text, *rest: [lengths.append(len(text)), original(text, *rest)][1]
        )
        work = []
        for times in (500, 2000):
            lengths.clear()
            _passages(SHAPES["one paragraph"] * times)
            work.append(sum(lengths))
            assert max(lengths) <= SENTENCE_CHARACTERS
        assert work[1] / work[0] < 5

    @pytest.mark.parametrize("shape", SHAPES)
    def test_grows_no_faster_than_the_text(self, shape: str):
        text = SHAPES[shape]
        start = "| Site | Year |\n|---|---|\n" if text.startswith("|") else ""
        small, large = (_lines_run(start + text * (size // len(text))) for size in (20_000, 80_000))
        assert large <= 6 * small + 1000

    def test_gives_passages_that_together_are_no_longer_than_in_proportion(self):
        sizes = [sum(map(len, _passages("| Site | Year |\n|---|---|\n" + SHAPES["a table"] * n))) for n in (500, 2000)]
        assert sizes[1] / sizes[0] < 5


def _lines_run(text: str) -> int:
    """How many lines of Python are run to cut a text."""
    lines = 0

    def trace(frame, event, arg):
        nonlocal lines
        lines += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        _passages(text)
    finally:
        sys.settrace(before)
    return lines


class TestSentences:
    @pytest.mark.parametrize(
        "sentence",
        [
            "Revenue came to € 4.2 m in the third quarter.",
            "The share was 30.5% of the total.",
            "A basket held 2.6 items on average.",
            "See No. 3 of the list.",
            "Sales reached € 4.2 m.",
            "The U.S. market grew by 3%.",
            "It was approx. 4.5 % of sales.",
            "Approx. 40 stores closed.",
            "Prices are shown incl. VAT (excl. Delivery).",
            "Rent per sq. m rose by 2%.",
            "It took ca. 40 days.",
            "Loans came to € 1.65 bn. in 2025.",
            "About 5 pct. of the items were returned.",
            "The bakery baked 1.2 million loaves.",
            "The peak came in Q4 2025.",
            "Marlow & Finch Ltd. sold more than before.",
            "The largest is Marlow & Finch Ltd.",
            "The share was 4.5.",
            "It opened in Jan. 2025 in Lille.",
            "It opened on 3 Sept. 2025.",
            "The forecast was € 3.5 – 4.2 m for both years.",
            "Costs were 3.5–4.2 m.",
            "Marlow & Finch sold more than its competitors, e.g. in Germany.",
            "Dr. Smith left at the end of Q3.",
        ],
    )
    def test_are_not_cut_inside(self, sentence):
        assert sentences(f"{sentence} {sentence}") == [sentence, sentence]

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("Sales were € 1.65 bn. Costs fell.", ["Sales were € 1.65 bn.", "Costs fell."]),
            ("It reached € 4.2 m. 96 were open.", ["It reached € 4.2 m.", "96 were open."]),
            ("It grew in Q4 2025. In 2026 it fell.", ["It grew in Q4 2025.", "In 2026 it fell."]),
            ("1. Rye rose. 2. Wheat fell.", ["Rye rose.", "2. Wheat fell."]),
        ],
    )
    def test_are_cut_after_a_unit_or_figure_that_ends_one(self, text, expected):
        assert sentences(text) == expected

    def test_end_with_their_line(self):
        assert sentences("Revenue: € 5\nMargin: 3%") == ["Revenue: € 5", "Margin: 3%"]

    def test_each_row_of_a_table_is_one_with_its_columns_named(self):
        assert sentences(f"Stores:\n\n{TABLE}\n\nAfter.") == [
            "Stores:",
            "Stores – Country: Denmark; Stores: 4.",
            "Stores – Country: Austria; Stores: 7.",
            "After.",
        ]

    def test_a_row_has_the_heading_above_its_table(self):
        assert sentences(f"# Report: Stores in 2025\n\n{TABLE}")[0] == (
            "Report: Stores in 2025 – Country: Denmark; Stores: 4."
        )

    def test_a_row_has_no_long_paragraph_before_it(self):
        assert sentences(f"{'Many words ' * 7}stand here.\n\n{TABLE}")[1] == "Country: Denmark; Stores: 4."

    def test_a_row_has_the_unit_that_its_name_ends_in(self):
        table = "| Item | 2024 | 2025 |\n|---|---|---|\n| Revenue (EUR m) | 3.9 | 4.2 |\n| Stores | 4 | 5 |"
        assert sentences(table) == [
            "Item: Revenue (EUR m); 2024 (EUR m): 3.9; 2025 (EUR m): 4.2.",
            "Item: Stores; 2024: 4; 2025: 5.",
        ]

    @pytest.mark.parametrize(
        ("title", "unit"),
        [
            ("Revenue (EUR m)", "EUR m"),
            ("Revenue, in EUR million:", "EUR million"),
            ("Umsatz (Mio. €)", "Mio. €"),
            ("Shares (%)", "%"),
            ("Sales in thousands", "thousands"),
        ],
    )
    def test_a_row_has_the_unit_that_its_title_ends_in(self, title, unit):
        table = f"{title}\n\n| Country | 2025 |\n|---|---|\n| Denmark | 4.2 |"
        assert sentences(table)[1] == f"{title.rstrip(':')} – Country: Denmark; 2025 ({unit}): 4.2."

    @pytest.mark.parametrize("title", ["Revenue (audited)", "Stores in Denmark", "What we did in May"])
    def test_a_row_has_no_unit_of_a_title_without_one(self, title):
        table = f"{title}\n\n| Country | 2025 |\n|---|---|\n| Denmark | 4.2 |"
        assert sentences(table)[1] == f"{title} – Country: Denmark; 2025: 4.2."

    def test_the_unit_of_a_title_is_not_that_of_whole_numbers_beside_decimals_or_of_a_column_with_its_own(self):
        head = "Revenue (EUR m)\n\n| Country | 2025 | Stores | Margin (%) |\n|---|---|---|---|"
        table = f"{head}\n| Denmark | 4.2 | 7 | 3.1 |"
        assert sentences(table)[1] == (
            "Revenue (EUR m) – Country: Denmark; 2025 (EUR m): 4.2; Stores: 7; Margin (%): 3.1."
        )

    @pytest.mark.parametrize(
        "table",
        ["Country\tStores\nDenmark\t4", "Country | Stores | -\nDenmark | 4 | -", "Country,Stores,-\nDenmark,4,-",
         'Country;Stores;-\n"Denmark";4;-'],
    )  # fmt: skip
    def test_rows_of_tables_without_a_rule_are_ones_too(self, table):
        assert sentences(table)[0].startswith("Country: Denmark; Stores: 4")

    @pytest.mark.parametrize(
        "text", ["Rye, oats, and wheat.\nMilk, butter, and eggs.", "Rye | oats", "One, two,\nthree"]
    )
    def test_prose_is_no_table(self, text):
        assert sentences(text) == text.split("\n")

    def test_end_where_their_language_ends_them(self):
        text = "Am 3. März kam z. B. ein Laden dazu. Er kostete 3 Mrd. Euro."
        assert sentences(text, language="de") == [
            "Am 3. März kam z. B. ein Laden dazu.", "Er kostete 3 Mrd. Euro.",
        ]  # fmt: skip

    def test_a_cell_may_hold_an_escaped_border(self):
        assert sentences("| Kind | Share |\n|---|---|\n| rye \\| wheat | 4.5 % |\n| a | b \\||") == [
            "Kind: rye | wheat; Share: 4.5 %.",
            "Kind: a; Share: b |.",
        ]

    def test_a_column_without_a_name_and_an_empty_cell_keep_their_place(self):
        table = "| | 2024 | 2025 |\n|---|---|---|\n| Rye | 4 | 5 |\n| | 6 | |"
        assert sentences(table) == ["Rye; 2024: 4; 2025: 5.", "2024: 6."]

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

    def test_of_a_line_longer_than_a_sentence_may_be_are_the_same(self):
        expected = [f"The share of shop No. {i} was {i}.5% in 2025." for i in range(400)]
        assert sentences(" ".join(expected)) == expected

    def test_text_survives_the_symbols_that_the_segmenter_uses_itself(self):
        assert sentences("Rye∯ is ȸ dark. So it is.") == ["Rye∯ is ȸ dark. So it is."]

    @given(st.text(max_size=200))
    def test_are_trimmed_and_never_blank(self, text):
        parts = sentences(text)
        assert all(sentence == sentence.strip() != "" for sentence in parts)
        assert bool(parts) == bool(text.strip())

    @given(st.text(alphabet="abAB .!?\"'()1230,;:%€&\n", max_size=200))
    def test_lose_no_letter_or_figure_of_prose(self, text):
        def letters(some: str) -> str:
            return "".join(char for char in some if char.isalnum())

        # A figure with a full stop at the start of a line would be the mark of a list.
        text = "\n".join(f"a{line}" for line in text.split("\n"))
        assert letters("".join(sentences(text))) == letters(text)


class TestOpenings:
    def test_end_with_sentences_and_rows(self):
        text = f"# Title\n\nIt sold 4.2 m. It grew.\n\n{TABLE}"
        head, denmark, austria = TABLE.rpartition("\n| Denmark")[0], "\n| Denmark | 4 |", "\n| Austria | 7 |"
        first = "# Title\n\nIt sold 4.2 m."
        assert list(openings(text)) == [
            first,
            f"{first} It grew.",
            f"{first} It grew.\n\n{head}{denmark}",
            f"{first} It grew.\n\n{head}{denmark}{austria}",
        ]

    @given(st.text(alphabet="abA1 .|-#\n", max_size=200))
    def test_each_begin_the_text_and_grow_up_to_all_of_it(self, text):
        beginnings = list(openings(text))
        assert beginnings[-1] == text
        assert all(text.startswith(opening) for opening in beginnings)
        assert [len(opening) for opening in beginnings] == sorted({len(opening) for opening in beginnings})


def test_reading_needs_no_numpy_and_no_torch(shipped: Path, run_python):
    loaded = run_python(
        "from pathlib import Path; from llm_bench.rag.documents import load_documents, sentences; "
        f"[sentences(d.text) for d in load_documents(Path({str(shipped)!r}), 'retail')]; import llm_bench.rag.prompt"
    )
    assert not loaded & {"numpy", "torch", "pandas"}
