from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from llm_bench.measure import wire


def event(delta: dict[str, Any] | None = None, finish: str | None = None, **more: Any) -> str:
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
    return f"data: {json.dumps({'id': 'c1', 'model': 'm', 'choices': choices, **more})}\n\n"


def read(*pieces: tuple[float, str]) -> wire.Answer:
    return wire.read_answer(wire.events([(at, piece.encode()) for at, piece in pieces]))


DONE = "data: [DONE]\n\n"


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

    @given(st.text(min_size=1).filter(lambda text: "\r" not in text), st.data())
    def test_any_text_in_any_pieces_is_read_to_the_letter(self, text: str, data: st.DataObject):
        content = (event({"content": text}) + event({}, "stop") + DONE).encode()
        cuts = sorted(data.draw(st.lists(st.integers(0, len(content)), max_size=8)))
        pieces = [content[a:b] for a, b in zip([0, *cuts], [*cuts, len(content)], strict=True)]
        answer = wire.read_answer(wire.events([(float(n), piece) for n, piece in enumerate(pieces)]))
        assert (answer.text, answer.finish_reason, answer.garbage) == (text, "stop", 0)
        assert answer.ended is not None


class TestEnd:
    def test_done_ends_the_stream(self):
        answer = read((1, event({"content": "a"}, "stop")), (2, DONE), (3, event({"content": "b"})))
        assert (answer.ended, answer.text) == (2, "a")

    def test_without_done_it_has_no_end(self):
        assert read((1, event({"content": "a"}, "stop"))).ended is None

    def test_an_event_that_is_cut_off_is_not_read(self):
        assert read((1, event({"content": "a"})), (2, 'data: {"choices": [{"del')).text == "a"

    def test_done_within_an_answer_is_text(self):
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


class TestTrouble:
    def test_an_error_event_is_kept(self):
        answer = read(
            (1, event({"content": "a"})), (2, event({"content": ""}, "error", error={"code": 502, "message": "x"}))
        )
        assert answer.error == {"code": 502, "message": "x"}

    def test_garbage_is_counted(self):
        assert read((1, "data: {nonsense\n\n"), (2, "data: 7\n\n"), (3, DONE)).garbage == 2

    def test_events_of_another_protocol_are_counted(self):
        answer = read((1, 'data: {"type": "content_block_delta", "delta": {"text": "a"}}\n\n'))
        assert (answer.foreign, answer.chunks) == (1, 0)
