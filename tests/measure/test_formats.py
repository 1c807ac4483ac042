"""What the formats other than OpenAI's say, in the example streams of each provider's documentation."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from doubles import bedrock
from llm_bench.measure.formats import framing
from llm_bench.measure.formats.answer import Answer, Usage
from llm_bench.measure.formats.framing import TooLargeError, frames_of
from llm_bench.measure.formats.reader import Reader, read, reader_of

SSE, NDJSON, AMAZON = "text/event-stream", "application/x-ndjson", "application/vnd.amazon.eventstream"


def named(*events: dict[str, Any]) -> list[bytes]:
    """Server-sent events, each named as its type."""
    return [f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in events]


def unnamed(*events: dict[str, Any]) -> list[bytes]:
    return [f"data: {json.dumps(event)}\r\n\r\n".encode() for event in events]


def lines(*events: dict[str, Any]) -> list[bytes]:
    return [json.dumps(event).encode() + b"\n" for event in events]


def frames(*events: tuple[str, dict[str, Any]]) -> list[bytes]:
    return [bedrock.named(name, content) for name, content in events]


def say(pieces: list[bytes], content_type: str = SSE) -> Answer:
    """What pieces say that arrive at 1, 2, 3, …"""
    return read([(float(n), piece) for n, piece in enumerate(pieces, 1)], content_type)


# https://docs.anthropic.com/en/api/messages-streaming
ANTHROPIC = named(
    {
        "type": "message_start",
        "message": {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "content": [],
            "model": "claude-opus-4-1-20250805",
            "stop_reason": None,
            "usage": {"input_tokens": 25, "output_tokens": 1},
        },
    },
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "ping"},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hello"}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "!"}},
    {"type": "content_block_stop", "index": 0},
    {
        "type": "message_delta",
        "delta": {"stop_reason": "end_turn", "stop_sequence": None},
        "usage": {"output_tokens": 15},
    },
    {"type": "message_stop"},
)
# https://ai.google.dev/api/generate-content
GEMINI = unnamed(
    {
        "candidates": [{"content": {"parts": [{"text": "The"}], "role": "model"}, "index": 0}],
        "usageMetadata": {"promptTokenCount": 10, "totalTokenCount": 10},
        "modelVersion": "gemini-2.5-flash",
        "responseId": "r1",
    },
    {
        "candidates": [{"content": {"parts": [{"text": " end"}], "role": "model"}, "finishReason": "STOP", "index": 0}],
        "usageMetadata": {"promptTokenCount": 10, "candidatesTokenCount": 7, "totalTokenCount": 17},
        "modelVersion": "gemini-2.5-flash",
        "responseId": "r1",
    },
)
# https://docs.cohere.com/v2/docs/streaming
COHERE = named(
    {"type": "message-start", "id": "29f1", "delta": {"message": {"role": "assistant", "content": []}}},
    {"type": "content-start", "index": 0, "delta": {"message": {"content": {"type": "text", "text": ""}}}},
    {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": "LLM"}}}},
    {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": " stands"}}}},
    {"type": "content-end", "index": 0},
    {
        "type": "message-end",
        "delta": {
            "finish_reason": "COMPLETE",
            "usage": {
                "billed_units": {"input_tokens": 3, "output_tokens": 9},
                "tokens": {"input_tokens": 66, "output_tokens": 9},
            },
        },
    },
)
# https://docs.ollama.com/api/chat
OLLAMA = lines(
    {"model": "llama3.2", "created_at": "x", "message": {"role": "assistant", "content": "The"}, "done": False},
    {"model": "llama3.2", "created_at": "x", "message": {"role": "assistant", "content": " sky"}, "done": False},
    {
        "model": "llama3.2",
        "created_at": "x",
        "message": {"role": "assistant", "content": ""},
        "done_reason": "stop",
        "done": True,
        "prompt_eval_count": 26,
        "eval_count": 282,
    },
)
# https://docs.aws.amazon.com/bedrock/latest/userguide/conversation-inference-call.html
BEDROCK = frames(
    ("messageStart", {"role": "assistant"}),
    ("contentBlockDelta", {"delta": {"text": "The"}, "contentBlockIndex": 0}),
    ("contentBlockDelta", {"delta": {"text": " song"}, "contentBlockIndex": 0}),
    ("contentBlockStop", {"contentBlockIndex": 0}),
    ("messageStop", {"stopReason": "end_turn"}),
    (
        "metadata",
        {"usage": {"inputTokens": 125, "outputTokens": 60, "totalTokens": 185}, "metrics": {"latencyMs": 1175}},
    ),
)
DOCUMENTED = {
    "anthropic": (ANTHROPIC, SSE, "Hello!", [4, 5], 8, "end_turn", Usage(prompt=25, response=15)),
    "gemini": (GEMINI, SSE, "The end", [1, 2], 2, "STOP", Usage(prompt=10, response=7)),
    "cohere": (COHERE, SSE, "LLM stands", [3, 4], 6, "COMPLETE", Usage(prompt=66, response=9)),
    "ollama": (OLLAMA, NDJSON, "The sky", [1, 2], 3, "stop", Usage(prompt=26, response=282)),
    "bedrock": (BEDROCK, AMAZON, "The song", [2, 3], 6, "end_turn", Usage(prompt=125, response=60)),
}


class TestADocumentedStream:
    @pytest.mark.parametrize("name", DOCUMENTED)
    def test_is_read_as_its_provider_documents_it(self, name: str):
        pieces, content_type, text, tokens, end, reason, usage = DOCUMENTED[name]
        answer = say(pieces, content_type)
        assert (answer.format, answer.text, answer.token_times, answer.ended) == (name, text, tokens, end)
        assert (answer.finish_reason, answer.finish_kind, answer.usage) == (reason, None, usage)

    @pytest.mark.parametrize("name", DOCUMENTED)
    def test_has_no_end_without_its_last_events(self, name: str):
        pieces, content_type, text, *_ = DOCUMENTED[name]
        cut = say(pieces[: 1 if name == "gemini" else -2], content_type)
        assert cut.ended is None
        assert text.startswith(cut.text)

    @settings(deadline=None, max_examples=50)
    @given(st.sampled_from(sorted(DOCUMENTED)), st.data())
    def test_is_read_to_the_letter_however_it_is_cut(self, name: str, data: st.DataObject):
        pieces, content_type, text, _, _, reason, usage = DOCUMENTED[name]
        content = b"".join(pieces)
        cuts = sorted(data.draw(st.lists(st.integers(0, len(content)), max_size=8)))
        parts = [content[a:b] for a, b in zip([0, *cuts], [*cuts, len(content)], strict=True)]
        answer = say(parts, content_type)
        assert (answer.text, answer.finish_reason, answer.usage, answer.garbage) == (text, reason, usage, 0)
        assert answer.ended is not None

    @settings(deadline=None, max_examples=200)
    @given(st.sampled_from(sorted(DOCUMENTED)), st.data())
    def test_may_hold_anything_in_any_place(self, name: str, data: st.DataObject):
        pieces, content_type, *_ = DOCUMENTED[name]
        strange = st.none() | st.booleans() | st.floats() | st.text(max_size=3) | st.lists(st.integers(), max_size=2)
        if content_type == AMAZON:
            events = [json.loads(json.dumps({"delta": {"text": "a"}, "usage": {}, "stopReason": "x"}))]
            made = [bedrock.named(it, _spoilt(events[0], data, strange)) for it in ("contentBlockDelta", "metadata")]
        else:
            events = [json.loads(piece.decode().partition("data: ")[2] or piece) for piece in pieces]
            spoilt = [_spoilt(event, data, strange) for event in events]
            made = lines(*spoilt) if content_type == NDJSON else unnamed(*spoilt)
        answer = say(made, content_type)
        assert isinstance(answer.text, str)
        assert answer.finish_reason is None or isinstance(answer.finish_reason, str)


def _spoilt(content: Any, data: st.DataObject, strange: st.SearchStrategy[Any]) -> Any:
    """Content of which any part may have become something else."""
    if data.draw(st.integers(0, 7)) == 0:
        return data.draw(strange)
    if isinstance(content, dict):
        return {name: _spoilt(value, data, strange) for name, value in content.items()}
    if isinstance(content, list):
        return [_spoilt(value, data, strange) for value in content]
    return content


class TestAnthropic:
    def test_counts_its_prompt_with_what_the_cache_held(self):
        usage = {"input_tokens": 36, "cache_read_input_tokens": 64, "cache_creation_input_tokens": 11}
        start = {"type": "message_start", "message": {"usage": usage | {"output_tokens": 1}}}
        end = {"type": "message_delta", "delta": {}, "usage": {"output_tokens": 222}}
        assert say(named(start, end)).usage == Usage(prompt=111, response=222, cached=64, cache_write=11)

    def test_thinks_before_it_answers(self):
        thinking = {"type": "content_block_delta", "delta": {"type": "thinking_delta", "thinking": "Hm"}}
        signed = {"type": "content_block_delta", "delta": {"type": "signature_delta", "signature": "x"}}
        text = {"type": "content_block_delta", "delta": {"type": "text_delta", "text": "Toys"}}
        answer = say(named(thinking, signed, text))
        assert (answer.reasoning, answer.text) == ("Hm", "Toys")
        assert (answer.token_times, answer.first_answer) == ([1, 3], 3)

    @pytest.mark.parametrize(
        ("reason", "kind"),
        [
            ("max_tokens", None),
            ("stop_sequence", None),
            ("refusal", "content_filtered"),
            ("pause_turn", "stream_error"),
            ("model_context_window_exceeded", "context_too_long"),
            ("a word of the future", "stream_error"),
        ],
    )
    def test_has_reasons_that_are_no_success(self, reason: str, kind: str | None):
        answer = say(named({"type": "message_delta", "delta": {"stop_reason": reason}}, {"type": "message_stop"}))
        assert (answer.ended, answer.finish_kind) == (2, kind)

    def test_says_an_error_midway(self):
        error = {"type": "overloaded_error", "message": "Overloaded"}
        assert say([*ANTHROPIC[:4], *named({"type": "error", "error": error})]).error == error


class TestGemini:
    def test_has_thoughts_which_count_as_generated(self):
        thought = {"candidates": [{"content": {"parts": [{"text": "Hm", "thought": True}]}}]}
        counts = {"promptTokenCount": 10, "candidatesTokenCount": 7, "thoughtsTokenCount": 5}
        last = GEMINI[1].replace(
            b'"promptTokenCount": 10, "candidatesTokenCount": 7', json.dumps(counts)[1:-1].encode()
        )
        answer = say([*unnamed(thought), last])
        assert (answer.reasoning, answer.text, answer.first_answer) == ("Hm", " end", 2)
        assert (answer.usage.response, answer.usage.reasoning) == (12, 5)

    def test_counts_what_its_cache_held(self):
        counts = {"usageMetadata": {"promptTokenCount": 100, "cachedContentTokenCount": 64}}
        assert say(unnamed(counts)).usage == Usage(prompt=100, cached=64)

    @pytest.mark.parametrize("reason", ["SAFETY", "RECITATION", "PROHIBITED_CONTENT", "SPII", "BLOCKLIST"])
    def test_filters(self, reason: str):
        assert say(unnamed({"candidates": [{"finishReason": reason}]})).finish_kind == "content_filtered"

    def test_may_block_the_prompt(self):
        answer = say(unnamed({"promptFeedback": {"blockReason": "SAFETY"}}))
        assert (answer.finish_reason, answer.finish_kind, answer.ended) == ("SAFETY", "content_filtered", 1)


class TestBedrock:
    def test_reasons_and_counts_what_its_cache_held(self):
        reasoning = ("contentBlockDelta", {"delta": {"reasoningContent": {"text": "Hm"}}})
        usage = {"inputTokens": 30, "outputTokens": 9, "cacheReadInputTokens": 64, "cacheWriteInputTokens": 6}
        answer = say(frames(reasoning, ("metadata", {"usage": usage})), AMAZON)
        assert (answer.reasoning, answer.token_times) == ("Hm", [1])
        assert answer.usage == Usage(prompt=100, response=9, cached=64, cache_write=6)

    def test_says_an_exception(self):
        answer = say([*BEDROCK[:2], bedrock.exception("throttlingException", "Too many")], AMAZON)
        assert answer.error == {"type": "throttlingException", "message": "Too many"}

    def test_wraps_a_models_own_format_in_chunks(self):
        packed = [
            bedrock.named("chunk", {"bytes": base64.b64encode(event.partition(b"data: ")[2]).decode()})
            for event in ANTHROPIC
        ]
        answer = say(packed, AMAZON)
        assert (answer.format, answer.text, answer.ended) == ("anthropic", "Hello!", 8)


class TestCohere:
    def test_thinks_before_it_answers(self):
        thinking = {"type": "content-delta", "delta": {"message": {"content": {"thinking": "Hm"}}}}
        answer = say([*named(thinking), *COHERE])
        assert (answer.reasoning, answer.text) == ("Hm", "LLM stands")

    @pytest.mark.parametrize("reason", ["ERROR", "TIMEOUT", "USER_CANCEL"])
    def test_has_reasons_that_are_no_success(self, reason: str):
        assert say(named({"type": "message-end", "delta": {"finish_reason": reason}})).finish_kind == "stream_error"


class TestOllama:
    def test_thinks_before_it_answers(self):
        thinking = {"message": {"role": "assistant", "content": "", "thinking": "Hm"}, "done": False}
        answer = say([*lines(thinking), *OLLAMA], NDJSON)
        assert (answer.reasoning, answer.first_answer) == ("Hm", 2)

    def test_generates_too(self):
        answer = say(lines({"response": "Toys", "done": False}, {"response": "", "done": True}), NDJSON)
        assert (answer.text, answer.finish_reason, answer.ended) == ("Toys", "stop", 2)

    def test_says_an_error_in_a_line(self):
        assert say([*OLLAMA[:1], *lines({"error": "out of memory"})], NDJSON).error == {"message": "out of memory"}


class TestAContentType:
    @pytest.mark.parametrize("text", ["text/event-stream; charset=utf-8", "Text/Event-Stream", "text/event-stream;"])
    def test_is_read_in_any_writing(self, text: str):
        assert frames_of(text) is framing.ServerSentEvents

    def test_of_a_page_is_no_streams(self):
        assert reader_of("application/json") is None
        assert reader_of("") is None


class TestAForeignStream:
    def test_is_known_for_one_and_starts_with_its_first_event(self):
        reader = Reader(framing.ServerSentEvents())
        reader.feed(b": ping\n\n", 1)
        assert not reader.started
        reader.feed(b'data: {"response": "a"}\n\n', 2)
        assert (reader.foreign, reader.started) == (True, True)

    def test_is_none_once_an_event_is_known(self):
        reader = Reader(framing.ServerSentEvents())
        reader.feed(b'data: {"hello": 1}\n\n' + GEMINI[0], 1)
        assert (reader.foreign, reader.answer.format) == (False, "gemini")


class TestSizes:
    def test_of_an_event_are_bounded(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(framing, "LONGEST_EVENT", 1000)
        for frame in (framing.ServerSentEvents, framing.JsonLines, framing.AwsEventStream):
            reader = Reader(frame())
            beginning = bedrock.named("contentBlockDelta", {"delta": {"text": "a" * 5000}})[:900]
            reader.feed(beginning if frame is framing.AwsEventStream else b"data: " + b"a" * 900, 1)
            with pytest.raises(TooLargeError, match="an event is larger"):
                reader.feed(b"a" * 200, 2)

    def test_of_an_answer_are_bounded(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr("llm_bench.measure.formats.reader.LONGEST_ANSWER", 1000)
        reader = Reader(framing.ServerSentEvents())
        reader.feed(b": ping\n\n" * 100, 1)
        with pytest.raises(TooLargeError, match="the answer is larger"):
            reader.feed(b": ping\n\n" * 100, 2)

    def test_past_their_bound_leave_what_came_before(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr("llm_bench.measure.formats.reader.LONGEST_ANSWER", 1000)
        answer = say([*ANTHROPIC[:4], b": ping\n\n" * 200])
        assert (answer.text, answer.ended) == ("Hello", None)

    def test_of_comments_make_no_event(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(framing, "LONGEST_EVENT", 100)
        assert say([b": ping\n\n"] * 100 + ANTHROPIC[3:4]).text == "Hello"


class TestReading:
    def test_parses_each_event_once(self, monkeypatch: pytest.MonkeyPatch):
        parsed: list[str] = []
        original = framing.json_value
        monkeypatch.setattr(
            "llm_bench.measure.formats.reader.json_value", lambda text: (parsed.append(text), original(text))[1]
        )
        reader = Reader(framing.ServerSentEvents())
        for n in range(1000):
            reader.feed(b": ping\n\n", n)
            reader.feed(ANTHROPIC[3], n)
        reader.close(1000, clean=True)
        assert len(parsed) == 1000
