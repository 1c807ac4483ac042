from __future__ import annotations

import gzip
import json
from itertools import pairwise
from typing import Any

import httpx
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_bench.measure import wire


def event(
    delta: dict[str, Any] | None = None, finish: str | None = None, *, ensure_ascii: bool = True, **more: Any
) -> str:
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
    content = {"id": "c1", "model": "m", "choices": choices, **more}
    return f"data: {json.dumps(content, ensure_ascii=ensure_ascii)}\n\n"


def read(*pieces: tuple[float, str]) -> wire.Answer:
    return wire.read_answer(wire.events([(at, piece.encode()) for at, piece in pieces]))


def in_pieces(content: bytes, data: st.DataObject) -> wire.Answer:
    """What a stream says that comes cut anywhere, also within a character or a line break."""
    cuts = sorted(data.draw(st.lists(st.integers(0, len(content)), max_size=8)))
    pieces = [content[a:b] for a, b in zip([0, *cuts], [*cuts, len(content)], strict=True)]
    return wire.read_answer(wire.events([(float(n), piece) for n, piece in enumerate(pieces)]))


DONE = "data: [DONE]\n\n"
JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["content", "reasoning", "reasoning_details", "message", "x"]), inner)
    ),
    max_leaves=4,
)
CHUNKS = st.fixed_dictionaries(
    {},
    optional={
        "id": JSON,
        "model": JSON,
        "usage": JSON | st.dictionaries(st.sampled_from(["completion_tokens", "prompt_tokens_details"]), JSON),
        "error": JSON,
        "x_groq": JSON | st.fixed_dictionaries({"usage": JSON, "error": JSON, "id": JSON}),
        "choices": JSON | st.lists(JSON | st.fixed_dictionaries({"delta": JSON, "finish_reason": JSON}), max_size=2),
    },
)


class TestTokens:
    def test_text_is_put_together(self):
        answer = read((1, event({"content": "Home "})), (2, event({"content": "& Kitchen"})), (3, DONE))
        assert answer.text == "Home & Kitchen"

    def test_each_is_stamped_with_the_arrival_of_its_event(self):
        answer = read((1, event({"content": "a"})), (2, event({"content": "b"})), (3, DONE))
        assert answer.token_times == [1, 2]

    def test_a_role_alone_is_none(self):
        answer = read((1, event({"role": "assistant", "content": ""})), (2, event({"content": "a"})))
        assert answer.token_times == [2]

    def test_a_comment_is_none(self):
        answer = read((1, ": OPENROUTER PROCESSING\n\n"), (2, event({"content": "a"})))
        assert answer.token_times == [2]

    def test_reasoning_is_one_but_no_answer(self):
        answer = read(
            (1, event({"reasoning": "hm"})), (2, event({"reasoning_content": "so"})), (3, event({"content": "a"}))
        )
        assert (answer.token_times, answer.first_answer) == ([1, 2, 3], 3)
        assert (answer.reasoning, answer.text) == ("hmso", "a")

    def test_an_event_in_two_pieces_arrives_with_the_second(self):
        whole = event({"content": "a"})
        assert read((1, whole[:20]), (2, whole[20:])).token_times == [2]

    def test_two_events_in_one_piece_arrive_together(self):
        assert read((1, event({"content": "a"}) + event({"content": "b"}))).token_times == [1, 1]

    @settings(deadline=None)
    @given(
        st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1)), st.booleans(), st.data()
    )
    def test_any_text_in_any_pieces_is_read_to_the_letter(self, texts: list[str], escaped: bool, data: st.DataObject):
        content = "".join(event({"content": text}, ensure_ascii=escaped) for text in texts) + event({}, "stop") + DONE
        answer = in_pieces(content.encode(), data)
        assert (answer.text, answer.finish_reason, answer.garbage) == ("".join(texts), "stop", 0)
        assert len(answer.token_times) == len(texts)
        assert answer.ended is not None


class TestReasoning:
    def test_in_think_tags_is_no_answer(self):
        answer = read(
            (1, event({"content": "<think>Hm"})), (2, event({"content": "</think>"})), (3, event({"content": "a"}))
        )
        assert (answer.reasoning, answer.text, answer.first_answer) == ("Hm", "a", 3)
        assert answer.token_times == [1, 2, 3]

    def test_may_have_its_tags_cut_by_chunks(self):
        pieces = ["\n<thi", "nk>H", "m</", "thi", "nk>", "\n\n", "Toys"]
        answer = read(*((float(n), event({"content": piece})) for n, piece in enumerate(pieces)))
        assert (answer.reasoning, answer.text, answer.first_answer) == ("\nHm", "\n\nToys", 6)

    def test_that_is_never_closed_leaves_no_answer(self):
        answer = read((1, event({"content": "<think>Hm, and so on"})))
        assert (answer.reasoning, answer.text, answer.first_answer) == ("Hm, and so on", "", None)

    def test_may_be_closed_without_having_been_opened(self):
        answer = read((1, event({"content": "Hm"})), (2, event({"content": "</think>Toys"})))
        assert (answer.reasoning, answer.text, answer.first_answer) == ("Hm", "Toys", 2)

    def test_is_none_where_the_answer_speaks_of_the_tag(self):
        text = "Write <think>Hm</think> first."
        assert read((1, event({"content": text}))).text == text

    def test_closes_no_tag_where_it_has_its_own_field(self):
        answer = read((1, event({"reasoning": "Hm"})), (2, event({"content": "Then </think> ends it."})))
        assert (answer.reasoning, answer.text) == ("Hm", "Then </think> ends it.")

    def test_told_in_details_alone_is_read(self):
        details = [{"type": "reasoning.text", "text": "Hm"}, {"type": "reasoning.encrypted", "data": "x"}]
        assert read((1, event({"content": "", "reasoning_details": details}))).reasoning == "Hm"

    def test_told_twice_is_read_once(self):
        delta = {"reasoning": "Hm", "reasoning_details": [{"type": "reasoning.text", "text": "Hm"}]}
        assert read((1, event(delta))).reasoning == "Hm"

    def test_is_followed_by_the_answer_only_where_that_is_not_blank(self):
        answer = read((1, event({"reasoning": "Hm"})), (2, event({"content": "\n"})), (3, event({"content": "a"})))
        assert (answer.token_times, answer.first_answer) == ([1, 2, 3], 3)

    @settings(deadline=None)
    @given(st.text("ab \n"), st.text("ab \n"), st.lists(st.integers(0, 60)), st.data())
    def test_is_told_from_the_answer_whatever_the_chunks(
        self, reasoning: str, text: str, borders: list[int], data: st.DataObject
    ):
        content = f"<think>{reasoning}</think>{text}"
        borders = sorted({0, len(content), *(border % len(content) for border in borders)})
        deltas = [content[a:b] for a, b in pairwise(borders)]
        answer = in_pieces("".join(event({"content": delta}) for delta in deltas).encode(), data)
        assert (answer.reasoning, answer.text) == (reasoning, text)
        assert (answer.first_answer is not None) == bool(text.strip())

    @settings(deadline=None)
    @given(st.lists(st.sampled_from(["<think>", "</think>", "<", "th", "ink>", " ", "a"])))
    def test_loses_no_text(self, pieces: list[str]):
        answer = read(*((float(n), event({"content": piece})) for n, piece in enumerate(pieces)))
        whole = "".join(pieces)
        kept = answer.reasoning + answer.text
        assert whole in {
            kept,
            f"{answer.reasoning}</think>{answer.text}",
            *(
                f"{kept[:n]}<think>{answer.reasoning[n:]}{end}{answer.text}"
                for n in range(len(kept) + 1)
                for end in TAGS
            ),
        }


TAGS = ("", "</think>")


class TestEnd:
    def test_done_ends_the_stream(self):
        answer = read((1, event({"content": "a"}, "stop")), (2, DONE), (3, event({"content": "b"})))
        assert (answer.ended, answer.text) == (2, "a")

    def test_without_done_it_has_no_end(self):
        assert read((1, event({"content": "a"}, "stop"))).ended is None

    def test_an_event_that_is_cut_off_is_not_read(self):
        assert read((1, event({"content": "a"})), (2, 'data: {"choices": [{"del')).text == "a"

    def test_a_lone_field_is_no_event(self):
        answer = read((1, "retry: 3000\n\n"), (2, "id: 7\n\n"), (3, event({"content": "a"}, "stop")), (4, "\n" + DONE))
        assert (answer.garbage, answer.text, answer.ended) == (0, "a", 4)

    def test_line_ends_may_be_of_any_kind(self):
        content = event({"content": "a"}, "stop") + DONE
        for end in ("\r\n", "\r"):
            assert read((1, content.replace("\n", end))).ended == 1
        assert wire.has_end(content.replace("\n", "\r\n").encode())

    def test_done_within_an_answer_is_text(self):
        assert not wire.has_end(b'data: [DONE] is how it ends"}}]}\n\n')
        assert not wire.has_end(event({"content": "data: [DONE]\n"}).encode())
        assert wire.has_end((event({}, "stop") + DONE).encode())


class TestUsage:
    def test_is_read_from_the_last_chunk(self):
        usage = {"prompt_tokens": 3, "completion_tokens": 2}
        assert read((1, event({"content": "a"})), (2, event(usage=usage))).usage == usage

    def test_is_read_from_groqs_own_field(self):
        usage = {"prompt_tokens": 3, "completion_tokens": 2}
        assert read((1, event({}, "stop", x_groq={"id": "req_1", "usage": usage}))).usage == usage

    def test_is_none_where_the_provider_states_none(self):
        assert read((1, event({"content": "a"}, "stop")), (2, DONE)).usage is None

    def test_is_left_out_as_far_as_it_can_be_none(self):
        usage = {
            "prompt_tokens": 3,
            "completion_tokens": -1,
            "total_tokens": "4",
            "cost": 0.5,
            "details": {"a_tokens": 1.5},
        }
        assert read((1, event(usage=usage))).usage == {"prompt_tokens": 3, "cost": 0.5, "details": {}}


class TestTheRequestsId:
    def test_is_the_completions(self):
        assert read((1, event({"content": "a"}))).request_id == "c1"

    def test_is_rather_the_one_that_groq_gives_the_request(self):
        answer = read((1, event({"content": ""}, x_groq={"id": "req_1"})), (2, event({"content": "a"})))
        assert answer.request_id == "req_1"


class TestTrouble:
    def test_an_error_event_is_kept(self):
        answer = read(
            (1, event({"content": "a"})), (2, event({"content": ""}, "error", error={"code": 502, "message": "x"}))
        )
        assert answer.error == {"code": 502, "message": "x"}

    def test_an_error_event_has_its_error_where_it_is_named_so(self):
        assert read((1, 'event: error\ndata: {"error": {"code": 1}}\n\n')).error == {"code": 1}
        assert read((1, 'event: error\ndata: {"message": "gone"}\n\n')).error == {"message": "gone"}
        assert read((1, "event: error\ndata: gone\n\n")).error == {"message": "gone"}

    def test_an_error_may_be_a_word_or_stand_in_the_choice(self):
        assert read((1, event({}, x_groq={"id": "r", "error": "over capacity"}))).error == {"message": "over capacity"}
        choice = {"delta": {}, "error": {"code": 502}}
        assert read((1, event(choices=[choice]))).error == {"code": 502}

    def test_garbage_is_counted(self):
        pieces = ["{nonsense", "7", '{"id": NaN}', "[" * 100_000]
        assert read(*((1, f"data: {piece}\n\n") for piece in pieces), (3, DONE)).garbage == 4

    @settings(deadline=None)
    @given(st.lists(CHUNKS), st.data())
    def test_no_chunk_is_too_strange_to_be_read(self, chunks: list[Any], data: st.DataObject):
        answer = in_pieces("".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks).encode(), data)
        assert all(isinstance(text, str) for text in (answer.text, answer.reasoning))
        assert all(text is None or isinstance(text, str) for text in (answer.model, answer.request_id))
        (answer.text + answer.reasoning).encode()

    @settings(deadline=None)
    @given(st.binary(), st.data())
    def test_no_bytes_are_too_strange_to_be_read(self, content: bytes, data: st.DataObject):
        in_pieces(content, data)
        in_pieces(b"data: " + content + b"\n\n", data)

    def test_events_of_another_protocol_are_counted(self):
        answer = read((1, 'data: {"type": "content_block_delta", "delta": {"text": "a"}}\n\n'))
        assert (answer.foreign, answer.chunks) == (1, 0)


class TestAPage:
    def test_is_read_as_its_headers_say(self):
        headers = httpx.Headers({"content-type": "text/plain; charset=latin-1"})
        assert wire.page(headers, [(1, b"caf"), (2, b"\xe9")]) == "café"

    def test_is_decompressed(self):
        headers = httpx.Headers({"content-encoding": "gzip"})
        assert wire.page(headers, [(1, gzip.compress(b"sorry"))]) == "sorry"

    def test_is_empty_where_it_can_not_be(self):
        assert wire.page(httpx.Headers({"content-encoding": "gzip"}), [(1, b"no gzip")]) == ""

    def test_is_its_beginning_where_it_is_very_long_and_ends_between_words(self):
        text = wire.page(httpx.Headers(), [(1, b"word " * 50_000)])
        assert set(text.split()) == {"word"}
        assert len(text) <= 1 << 16
        assert wire.page(httpx.Headers(), [(1, b" " * 100_000)]) == ""


class TestAStream:
    def test_is_one_that_says_so_and_is_not_compressed(self):
        events = {"content-type": "text/event-stream; charset=utf-8"}
        assert wire.is_stream(200, httpx.Headers(events))
        assert wire.is_stream(200, httpx.Headers(events | {"content-encoding": "identity"}))
        assert not wire.is_stream(200, httpx.Headers(events | {"content-encoding": "gzip"}))
        assert not wire.is_stream(429, httpx.Headers(events))
        assert not wire.is_stream(200, httpx.Headers({"content-type": "application/json"}))


class TestTheBorders:
    def test_a_count_is_from_0_to_2_to_the_31(self):
        usage = {"a_tokens": 0, "b_tokens": 2**31 - 1, "c_tokens": 2**31, "d_tokens": True, "cost": 0.0, "e": True}
        assert read((1, event(usage=usage))).usage == {"a_tokens": 0, "b_tokens": 2**31 - 1, "cost": 0.0}

    def test_a_page_is_whole_up_to_64_kilobytes(self):
        words = b"a " * (32 * 1024)
        assert wire.page(httpx.Headers(), [(1, words)]) == words.decode()
        assert wire.page(httpx.Headers(), [(1, words + b"a")]) == words.decode().rstrip().removesuffix("a").rstrip()

    def test_details_may_hold_summaries(self):
        details = [{"summary": "Hm, "}, {"text": "so"}, {"text": 7}]
        assert read((1, event({"reasoning_details": details}))).reasoning == "Hm, so"

    def test_an_answer_begins_with_the_piece_that_holds_its_first_letter(self):
        answer = read((1, event({"content": "<think>Hm</think>a"})), (2, event({"content": "b"})))
        assert (answer.reasoning, answer.text, answer.first_answer) == ("Hm", "ab", 1)
        answer = read((1, event({"content": "<think>Hm</think>"})), (2, event({"content": "b"})))
        assert answer.first_answer == 2

    def test_chunks_and_garbage_are_counted_one_by_one(self):
        answer = read((1, event({"content": "a"}) * 3), (2, "data: x\n\n"), (3, 'data: {"type": "ping"}\n\n'))
        assert (answer.chunks, answer.garbage, answer.foreign) == (3, 1, 1)

    def test_an_error_alone_is_of_no_other_protocol(self):
        answer = read((1, 'data: {"error": {"code": 1}}\n\n'))
        assert (answer.error, answer.foreign, answer.chunks) == ({"code": 1}, 0, 0)

    def test_what_was_said_once_stays_said(self):
        answer = read(
            (1, event({"content": "a"}, "stop", model="m1", usage={"prompt_tokens": 1})),
            (2, event(id="c2", model=None)),
        )
        assert (answer.model, answer.request_id, answer.finish_reason) == ("m1", "c1", "stop")
        assert answer.usage == {"prompt_tokens": 1}

    def test_an_error_of_the_choice_is_kept_as_is_one_in_words(self):
        assert read((1, event(error="gone"))).error == {"message": "gone"}

    def test_a_body_has_a_token_as_soon_as_an_event_with_text_is_whole(self):
        whole = event({"content": "a"}).encode()
        assert wire.has_token([(1.0, whole)])
        assert not wire.has_token([(1.0, whole[:-1])])
        assert not wire.has_token([(1.0, event({"role": "assistant"}).encode())])

    def test_halves_of_a_character_are_put_together_and_a_lone_one_is_replaced(self):
        assert wire.storable("\ud83d\ude00 \ud83d \0") == "\U0001f600 \ufffd \ufffd"
