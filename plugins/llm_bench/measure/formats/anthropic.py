"""Anthropic's Messages stream.

https://docs.anthropic.com/en/api/messages-streaming (events), https://docs.anthropic.com/en/api/handling-stop-reasons
(stop reasons), https://docs.anthropic.com/en/docs/build-with-claude/prompt-caching (``input_tokens`` leaves out what
was read from or written to the cache).
"""

from __future__ import annotations

from typing import Any

from llm_bench.measure.formats.answer import STOPPED, Answer, Usage, as_count, as_dict, as_text, total

FINISHES: dict[str, str | None] = {
    "end_turn": None,
    "max_tokens": None,
    "stop_sequence": None,
    "tool_use": None,
    "refusal": "content_filtered",
    "model_context_window_exceeded": "context_too_long",
    "pause_turn": STOPPED,  # the turn of a server's tool is to be gone on with
}
_TYPES = {
    "message_start",
    "content_block_start",
    "content_block_delta",
    "content_block_stop",
    "message_delta",
    "message_stop",
    "ping",
}


class Anthropic:
    """Reader of Messages events. The end is ``message_stop``."""

    name = "anthropic"

    def recognises(self, _name: str, content: dict[str, Any]) -> bool:
        return as_text(content.get("type")) in _TYPES

    def read(self, _name: str, content: dict[str, Any], at: float, answer: Answer) -> None:
        kind = as_text(content.get("type"))
        if kind == "message_start":
            message = as_dict(content.get("message"))
            answer.model = as_text(message.get("model")) or None
            answer.request_id = as_text(message.get("id")) or None
        elif kind == "content_block_start":
            _say(answer, at, as_dict(content.get("content_block")))
        elif kind == "content_block_delta":
            _say(answer, at, as_dict(content.get("delta")))
        elif kind == "message_delta":
            answer.finish(as_text(as_dict(content.get("delta")).get("stop_reason")), FINISHES)
        elif kind == "message_stop":
            answer.end(at, final=True)
        self.count(content, answer)

    def count(self, content: dict[str, Any], answer: Answer) -> None:
        first = as_dict(as_dict(content.get("message")).get("usage"))
        # What message_start says of the output is of its first piece, no count of it.
        _take_usage(answer.usage, first | {"output_tokens": None})
        _take_usage(answer.usage, as_dict(content.get("usage")))
        answer.service_tier = as_text(first.get("service_tier")) or answer.service_tier

    def close(self, _at: float, _answer: Answer) -> None:
        """Nothing but ``message_stop`` is an end."""


def _say(answer: Answer, at: float, part: dict[str, Any]) -> None:
    """Takes a block's beginning or a delta of it: ``text``, ``thinking``, or a tool's input, which is no text."""
    answer.say(at, as_text(part.get("text")), as_text(part.get("thinking")))


def _take_usage(kept: Usage, usage: dict[str, Any]) -> None:
    """Takes the counts; those of ``message_delta`` are cumulative, so the last ones count."""
    read, written = as_count(usage.get("cache_read_input_tokens")), as_count(usage.get("cache_creation_input_tokens"))
    details = as_dict(usage.get("output_tokens_details"))
    kept.take(
        prompt=total(as_count(usage.get("input_tokens")), read, written),
        response=as_count(usage.get("output_tokens")),
        reasoning=as_count(details.get("thinking_tokens")),
        cached=read,
        cache_write=written,
    )
