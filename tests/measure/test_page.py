from __future__ import annotations

import gzip
import zlib

import httpx

from llm_bench.measure.page import LONGEST_PAGE, page


class TestAPage:
    def test_is_read_as_its_headers_say(self):
        headers = httpx.Headers({"content-type": "text/plain; charset=latin-1"})
        assert page(headers, b"caf\xe9") == "café"

    def test_is_unpacked(self):
        assert page(httpx.Headers({"content-encoding": "gzip"}), gzip.compress(b"sorry")) == "sorry"
        assert page(httpx.Headers({"content-encoding": "deflate"}), zlib.compress(b"sorry")) == "sorry"

    def test_is_empty_where_it_can_not_be(self):
        assert page(httpx.Headers({"content-encoding": "gzip"}), b"no gzip") == ""
        assert page(httpx.Headers({"content-encoding": "br"}), b"whatever") == ""

    def test_is_its_beginning_where_it_is_very_long_and_ends_between_words(self):
        text = page(httpx.Headers(), b"word " * 50_000)
        assert set(text.split()) == {"word"}
        assert len(text) <= LONGEST_PAGE
        assert page(httpx.Headers(), b" " * 100_000) == ""

    def test_is_unpacked_no_further_than_its_beginning(self):
        bomb = gzip.compress(b"sorry " * 20_000_000)
        assert len(page(httpx.Headers({"content-encoding": "gzip"}), bomb)) <= LONGEST_PAGE

    def test_is_whole_below_64_kilobytes_and_loses_its_last_word_from_there_on(self):
        words = b"a " * (LONGEST_PAGE // 2 - 1)
        assert LONGEST_PAGE == 64 * 1024
        assert page(httpx.Headers(), words + b"b") == words.decode() + "b"
        assert page(httpx.Headers(), words + b"bc") == words.decode().rstrip()
