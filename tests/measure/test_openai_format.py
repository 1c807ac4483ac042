from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_bench.measure.formats.answer import Answer, Usage
from llm_bench.measure.formats.reader import read as read_stream


def event(
    delta: dict[str, Any] | None = None, finish: str | None = None, *, ensure_ascii: bool = True, **more: Any
) -> str:
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
    content = {"id": "c1", "model": "m", "choices": choices, **more}
    return f"data: {json.dumps(content, ensure_ascii=ensure_ascii)}\n\n"


def read(*pieces: tuple[float, str]) -> Answer:
    return read_stream([(at, piece.encode()) for at, piece in pieces])


def in_pieces(content: bytes, data: st.DataObject) -> Answer:
    """What a stream says that comes cut anywhere, also within a character or a line break."""
    cuts = sorted(data.draw(st.lists(st.integers(0, len(content)), max_size=8)))
    pieces = [content[a:b] for a, b in zip([0, *cuts], [*cuts, len(content)], strict=True)]
    return read_stream([(float(n), piece) for n, piece in enumerate(pieces)])


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

    def test_done_within_an_answer_is_text(self):
        answer = read((1, event({"content": "data: [DONE]\n\n"})), (2, event({"content": "[DONE]"})))
        assert (answer.text, answer.ended) == ("data: [DONE]\n\n[DONE]", None)

    def test_is_believed_without_done_where_finish_and_usage_came_and_noted(self):
        usage = {"prompt_tokens": 1, "completion_tokens": 1}
        answer = read((1, event({"content": "a"}, "stop")), (2, event(usage=usage)))
        assert (answer.ended, answer.note) == (2, "the stream ended without [DONE]")
        assert read((1, event({"content": "a"}, "stop", usage=usage))).ended == 1

    def test_is_not_without_either(self):
        assert read((1, event({"content": "a"}, "stop"))).ended is None
        assert read((1, event({"content": "a"}, usage={"completion_tokens": 1}))).ended is None


class TestUsage:
    @pytest.mark.parametrize("where", ["before", "in the last event", "after it", "after [DONE]", "in the choice"])
    def test_is_read_wherever_it_stands(self, where: str):
        usage = {"prompt_tokens": 3, "completion_tokens": 2}
        last = {"usage": usage} if where == "in the last event" else {}
        choice = {"index": 0, "delta": {}, "finish_reason": "stop", "usage": usage}
        pieces = {
            "before": event(usage=usage),
            "text": event({"content": "a"}),
            "in the choice": event(choices=[choice]),
            "stop": event({}, "stop", **last),
            "after it": event(usage=usage),
            "done": DONE,
            "after [DONE]": event(usage=usage),
        }
        kept = [piece for name, piece in pieces.items() if name in {where, "text", "stop", "done"}]
        assert read(*enumerate(kept)).usage == Usage(prompt=3, response=2)

    def test_is_read_from_groqs_own_field(self):
        usage = {"prompt_tokens": 3, "completion_tokens": 2}
        assert read((1, event({}, "stop", x_groq={"id": "req_1", "usage": usage}))).usage.response == 2

    def test_is_none_where_the_provider_states_none(self):
        assert read((1, event({"content": "a"}, "stop")), (2, DONE)).usage == Usage()

    def test_is_kept_as_far_as_it_is_stated(self):
        usage = {"prompt_tokens": 3.0, "completion_tokens": None, "cost": 0.5}
        assert read((1, event(usage=usage))).usage == Usage(prompt=3, cost=0.5)
        later = {"prompt_tokens": None, "completion_tokens": 7}
        assert read((1, event(usage=usage)), (2, event(usage=later))).usage == Usage(prompt=3, response=7, cost=0.5)

    def test_is_left_out_as_far_as_it_can_be_none(self):
        usage = {"prompt_tokens": 3, "completion_tokens": -1, "prompt_tokens_details": {"cached_tokens": 1.5}}
        assert read((1, event(usage=usage))).usage == Usage(prompt=3)

    @pytest.mark.parametrize(
        ("usage", "expected"),
        [
            ({"prompt_tokens_details": {"cached_tokens": 64}}, Usage(cached=64)),
            ({"prompt_cache_hit_tokens": 64}, Usage(cached=64)),  # DeepSeek
            ({"cached_tokens": 64}, Usage(cached=64)),  # Moonshot
            ({"prompt_tokens_details": {"cache_write_tokens": 8}}, Usage(cache_write=8)),
            ({"completion_tokens_details": {"reasoning_tokens": 5}}, Usage(reasoning=5)),
            ({"reasoning_tokens": 5}, Usage(reasoning=5)),
        ],
    )
    def test_has_its_parts_under_the_names_that_providers_give_them(self, usage: dict[str, Any], expected: Usage):
        assert read((1, event(usage=usage))).usage == expected

    def test_counts_reasoning_in_where_the_provider_counts_it_apart(self):
        details = {"completion_tokens_details": {"reasoning_tokens": 5}}
        usage = {"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 17} | details
        assert read((1, event(usage=usage))).usage.response == 7  # xAI
        assert read((1, event(usage=usage | {"total_tokens": 12}))).usage.response == 2


class TestFinish:
    @pytest.mark.parametrize("reason", ["stop", "length", "eos", "tool_calls"])
    def test_is_a_success_for_what_is_listed(self, reason: str):
        answer = read((1, event({"content": "a"}, reason)), (2, DONE))
        assert (answer.finish_reason, answer.finish_kind) == (reason, None)

    @pytest.mark.parametrize(
        ("reason", "kind"),
        [
            ("content_filter", "content_filtered"),
            ("sensitive", "content_filtered"),
            ("model_context_window_exceeded", "context_too_long"),
            ("model_length", "context_too_long"),
            ("error", "stream_error"),
            ("network_error", "stream_error"),
            ("insufficient_system_resource", "stream_error"),
            ("abort", "stream_error"),
            ("timeout", "stream_error"),
            ("cancelled", "stream_error"),
            ("repetition_truncation", "stream_error"),
            ("a word of the future", "stream_error"),
        ],
    )
    def test_is_a_failure_for_all_else(self, reason: str, kind: str):
        assert read((1, event({"content": "a"}, reason)), (2, DONE)).finish_kind == kind

    def test_is_the_upstreams_where_that_says_worse(self):
        choice = {"index": 0, "delta": {}, "finish_reason": "stop", "native_finish_reason": "error"}
        answer = read((1, event({"content": "a"})), (2, event(choices=[choice])), (3, DONE))
        assert (answer.finish_reason, answer.finish_kind) == ("error", "stream_error")
        fine = choice | {"native_finish_reason": "STOP"}
        assert read((1, event(choices=[fine])), (2, DONE)).finish_kind is None

    def test_is_none_yet_where_it_is_null_in_words(self):
        assert read((1, event({"content": "a"}, "null")), (2, event({}, "stop"))).finish_reason == "stop"
        assert read((1, event({"content": "a"}, "null"))).finish_reason is None


class TestContent:
    def test_may_be_a_list_of_parts(self):
        parts = [{"type": "text", "text": "Home "}]
        answer = read((1, event({"content": parts})), (2, event({"content": "led."})))
        assert (answer.text, answer.token_times) == ("Home led.", [1, 2])

    def test_may_have_thinking_among_its_parts(self):
        thinking = [{"type": "thinking", "thinking": [{"type": "text", "text": "Hm"}]}]
        answer = read((1, event({"content": thinking})), (2, event({"content": [{"type": "text", "text": "Toys"}]})))
        assert (answer.reasoning, answer.text) == ("Hm", "Toys")
        assert (answer.token_times, answer.first_answer) == ([1, 2], 2)

    def test_may_be_an_object(self):
        assert read((1, event({"content": {"type": "text", "text": "Toys"}}))).text == "Toys"

    def test_may_be_a_refusal(self):
        answer = read((1, event({"content": None, "refusal": "I can't "})), (2, event({"refusal": "say."})))
        assert (answer.text, answer.token_times) == ("I can't say.", [1, 2])

    def test_is_that_of_the_first_choice(self):
        choices = [{"index": 1, "delta": {"content": "no"}}, {"index": 0, "delta": {"content": "yes"}}]
        second = {"choices": [{"index": 1, "delta": {"content": "no"}, "finish_reason": "stop"}]}
        answer = read((1, event(choices=choices)), (2, event(**second)))
        assert (answer.text, answer.finish_reason, answer.token_times) == ("yes", None, [1])

    def test_is_read_after_azures_first_event_without_choices(self):
        filtered = event(model="", prompt_filter_results=[{"prompt_index": 0, "content_filter_results": {}}])
        answer = read((1, filtered), (2, event({"content": "a"})))
        assert (answer.format, answer.model, answer.text) == ("openai", "m", "a")


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

    def test_is_told_in_vllms_words(self):
        error = {"object": "error", "message": "out of memory", "type": "InternalServerError", "code": 500}
        answer = read((1, event({"content": "a"})), (2, f"data: {json.dumps(error)}\n\n"), (3, DONE))
        assert answer.error == error
        assert read((1, f"data: {json.dumps(error)}\n\n"), (2, DONE)).error == error

    def test_is_told_in_llama_cpps_line(self):
        answer = read((1, event({"content": "a"})), (2, 'error: {"code": 500, "message": "slot lost"}\n\n'))
        assert answer.error == {"code": 500, "message": "slot lost"}


class TestTheBorders:
    def test_a_count_is_from_0_to_2_to_the_31(self):
        usage = {"prompt_tokens": 0, "completion_tokens": 2**31 - 1, "cost": 0.0}
        assert read((1, event(usage=usage))).usage == Usage(prompt=0, response=2**31 - 1, cost=0.0)
        assert (
            read((1, event(usage={"prompt_tokens": 2**31, "completion_tokens": True, "cost": True}))).usage == Usage()
        )

    def test_details_may_hold_summaries(self):
        details = [{"summary": "Hm, "}, {"text": "so"}, {"text": 7}]
        assert read((1, event({"reasoning_details": details}))).reasoning == "Hm, so"

    def test_an_answer_begins_with_the_piece_that_holds_its_first_letter(self):
        answer = read((1, event({"content": "<think>Hm</think>a"})), (2, event({"content": "b"})))
        assert (answer.reasoning, answer.text, answer.first_answer) == ("Hm", "ab", 1)
        answer = read((1, event({"content": "<think>Hm</think>"})), (2, event({"content": "b"})))
        assert answer.first_answer == 2

    def test_events_and_garbage_are_counted_one_by_one(self):
        answer = read((1, event({"content": "a"}) * 3), (2, "data: x\n\n"), (3, 'data: {"type": "ping"}\n\n'))
        assert (answer.events, answer.garbage) == (5, 1)

    def test_what_was_said_once_stays_said(self):
        answer = read(
            (1, event({"content": "a"}, "stop", model="m1", usage={"prompt_tokens": 1})),
            (2, event(id="c2", model=None)),
        )
        assert (answer.model, answer.request_id, answer.finish_reason) == ("m1", "c1", "stop")
        assert answer.usage == Usage(prompt=1)

    def test_an_error_alone_is_of_no_format(self):
        answer = read((1, 'data: {"error": {"code": 1}}\n\n'))
        assert (answer.error, answer.format, answer.garbage) == ({"code": 1}, None, 0)

    def test_an_error_in_words_is_kept_as_one_in_an_object_is(self):
        assert read((1, event(error="gone"))).error == {"message": "gone"}

    def test_a_token_is_there_as_soon_as_an_event_with_text_is_whole(self):
        whole = event({"content": "a"})
        assert read((1, whole)).token_times == [1]
        assert read((1, whole[:-1])).token_times == []
        assert read((1, event({"role": "assistant"}))).token_times == []
