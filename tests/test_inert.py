"""Texts from outside as outlets show them; tests/trust/test_hostile.py has every outlet."""

from __future__ import annotations

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures import hostile
from llm_bench import inert

TEXTS = st.text() | st.text(alphabet="'=+-@\t\r\n\uff1da\u202e\x1b") | st.sampled_from([*hostile.ALL.values()])


class TestATextThatIsStored:
    def test_has_halves_of_a_character_put_together_and_a_lone_half_or_nul_replaced(self):
        assert inert.storable("\ud83d\ude00 \ud83d \0") == "\U0001f600 \ufffd \ufffd"

    @given(text=TEXTS)
    def test_is_as_it_came_but_for_them(self, text: str):
        assert inert.storable(text) == text.replace("\0", "\ufffd")


class TestATextThatIsSeen:
    @given(text=TEXTS)
    def test_holds_nothing_that_acts_on_what_is_beside_it(self, text: str):
        shown = inert.seen(text)
        acting = {letter for letter in shown if letter in "\x00\x07\x1b\r\x9b\u202e\u2066\u200b\ufeff\u2028"}
        assert acting == set()
        assert inert.seen(shown) == shown

    @pytest.mark.parametrize("text", hostile.TEXTS.values(), ids=hostile.TEXTS)
    def test_is_the_same_where_all_of_it_can_be_seen(self, text: str):
        assert inert.seen(text) == text

    def test_names_what_cant_be_seen(self):
        assert inert.seen("a\x1b[2J\u202eb\r\nc\rd\te") == "a[U+001B][2J[U+202E]b\nc[U+000D]d\te"

    def test_is_seen_to_wherever_it_stands_in_a_value(self):
        value = {"a": ["\x07", 1, None, {"b": ("\u202e",)}]}
        assert inert.seen_within(value) == {"a": ["[U+0007]", 1, None, {"b": ["[U+202E]"]}]}


class TestALine:
    @given(text=TEXTS)
    def test_is_one(self, text: str):
        assert len(inert.line(text).splitlines()) <= 1


class TestACell:
    @given(text=TEXTS)
    def test_is_no_formula_and_can_be_taken_back(self, text: str):
        cell = inert.cell(text)
        assert cell[:1] not in tuple("=+-@\t\r\n\uff1d")
        changed = cell.lstrip("'")[:1] in tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20") and cell.startswith("'")
        assert (cell[1:] if changed else cell) == text

    @given(text=st.text(alphabet="'=+-@\t\r\n\uff1d\uff0ba") | st.sampled_from([*hostile.TEXTS.values()]))
    def test_is_the_same_in_sql(self, text: str):
        query = f"SELECT {inert.cell_sql('given')} FROM (SELECT $text AS given)"
        assert duckdb.execute(query, {"text": text}).fetchall() == [(inert.cell(text),)]


class TestForOthers:
    def test_markdown_holds_neither_markup_nor_links(self):
        assert inert.markdown("<b>[a](x) `c` *d* e_f\\g") == "\\<b>\\[a](x) \\`c\\` \\*d\\* e_f\\\\g"

    def test_a_message_names_nobody(self):
        assert inert.message("<!channel> & <http://x|y>\x1b") == "&lt;!channel&gt; &amp; &lt;http://x|y&gt;[U+001B]"
