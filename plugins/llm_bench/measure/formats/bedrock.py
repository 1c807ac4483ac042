"""Amazon Bedrock's ConverseStream.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStreamOutput.html (events, exceptions),
https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_MessageStopEvent.html (stop reasons),
https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html (``inputTokens`` leaves out what was read from
or written to the cache).
"""

from __future__ import annotations

from typing import Any

from llm_bench.measure.formats.answer import STOPPED, Answer, as_count, as_dict, as_text, total

FINISHES: dict[str, str | None] = {
    "end_turn": None,
    "max_tokens": None,
    "stop_sequence": None,
    "tool_use": None,
    "guardrail_intervened": "content_filtered",
    "content_filtered": "content_filtered",
    "model_context_window_exceeded": "context_too_long",
    "malformed_model_output": STOPPED,
    "malformed_tool_use": STOPPED,
}
_NAMES = {
    "messageStart",
    "contentBlockStart",
    "contentBlockDelta",
    "contentBlockStop",
    "messageStop",
    "metadata",
}


class Bedrock:
    """Reader of ConverseStream events. The end is ``messageStop``; ``metadata`` with the counts follows it."""

    name = "bedrock"

    def recognises(self, name: str, _content: dict[str, Any]) -> bool:
        return name in _NAMES

    def read(self, name: str, content: dict[str, Any], at: float, answer: Answer) -> None:
        if name == "contentBlockDelta":
            delta = as_dict(content.get("delta"))
            reasoning = as_dict(delta.get("reasoningContent"))
            answer.say(at, as_text(delta.get("text")), as_text(reasoning.get("text")))
        elif name == "messageStop":
            answer.finish(as_text(content.get("stopReason")), FINISHES)
            answer.end(at, final=False)
        elif name == "metadata":
            if answer.ended is not None:
                answer.end(at, final=True)
            self.count(content, answer)

    def count(self, content: dict[str, Any], answer: Answer) -> None:
        usage = as_dict(content.get("usage"))
        read, written = as_count(usage.get("cacheReadInputTokens")), as_count(usage.get("cacheWriteInputTokens"))
        answer.usage.take(
            prompt=total(as_count(usage.get("inputTokens")), read, written),
            response=as_count(usage.get("outputTokens")),
            cached=read,
            cache_write=written,
        )
        answer.service_tier = as_text(as_dict(content.get("serviceTier")).get("type")) or answer.service_tier

    def close(self, _at: float, _answer: Answer) -> None:
        """Nothing but ``messageStop`` is an end."""
