"""Cohere's chat stream, version 2.

https://docs.cohere.com/v2/docs/streaming (events), https://docs.cohere.com/v2/reference/chat-stream (finish reasons,
usage), https://docs.cohere.com/v2/docs/reasoning (``thinking``).
"""

from __future__ import annotations

from typing import Any

from llm_bench.measure.formats.answer import STOPPED, Answer, as_count, as_dict, as_text, first

FINISHES: dict[str, str | None] = {
    "COMPLETE": None,
    "MAX_TOKENS": None,
    "STOP_SEQUENCE": None,
    "TOOL_CALL": None,
    "ERROR_TOXIC": "content_filtered",
    "ERROR_LIMIT": "context_too_long",
    "ERROR": STOPPED,
    "TIMEOUT": STOPPED,
    "USER_CANCEL": STOPPED,
}
_TYPES = {"message-start", "content-start", "content-delta", "message-end"}


class Cohere:
    """Reader of chat events. The end is ``message-end``."""

    name = "cohere"

    def recognises(self, _name: str, content: dict[str, Any]) -> bool:
        return as_text(content.get("type")) in _TYPES

    def read(self, _name: str, content: dict[str, Any], at: float, answer: Answer) -> None:
        kind, delta = as_text(content.get("type")), as_dict(content.get("delta"))
        if kind == "message-start":
            answer.request_id = as_text(content.get("id")) or None
        elif kind in {"content-start", "content-delta"}:
            said = as_dict(as_dict(delta.get("message")).get("content"))
            answer.say(at, as_text(said.get("text")), as_text(said.get("thinking")))
        elif kind == "message-end":
            answer.finish(as_text(delta.get("finish_reason")), FINISHES)
            if delta.get("error"):
                answer.error = {"message": str(delta["error"])}
            self.count(content, answer)
            answer.end(at, final=True)

    def count(self, content: dict[str, Any], answer: Answer) -> None:
        usage = as_dict(as_dict(content.get("delta")).get("usage"))
        tokens, billed = as_dict(usage.get("tokens")), as_dict(usage.get("billed_units"))
        answer.usage.take(
            prompt=first(as_count(tokens.get("input_tokens")), as_count(billed.get("input_tokens"))),
            response=first(as_count(tokens.get("output_tokens")), as_count(billed.get("output_tokens"))),
            cached=as_count(usage.get("cached_tokens")),
        )

    def close(self, _at: float, _answer: Answer) -> None:
        """Nothing but ``message-end`` is an end."""
