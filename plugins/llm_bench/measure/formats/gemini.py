"""Gemini's ``streamGenerateContent``, of the Gemini API and of Vertex AI.

https://ai.google.dev/api/generate-content (``GenerateContentResponse``, ``FinishReason``, ``BlockReason``,
``UsageMetadata``), https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference.
"""

from __future__ import annotations

from typing import Any

from llm_bench.measure.formats.answer import STOPPED, Answer, as_count, as_dict, as_list, as_text, total

_FILTERED = (
    *("SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "MODEL_ARMOR"),
    *("IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION"),
)
FINISHES: dict[str, str | None] = {
    "STOP": None,
    "MAX_TOKENS": None,
    **dict.fromkeys(_FILTERED, "content_filtered"),
    "OTHER": STOPPED,
    "MALFORMED_FUNCTION_CALL": STOPPED,
}
_KEYS = {"candidates", "usageMetadata", "promptFeedback"}


class Gemini:
    """Reader of ``GenerateContentResponse``. The end is a ``finishReason``; the counts come with it or after it."""

    name = "gemini"

    def recognises(self, _name: str, content: dict[str, Any]) -> bool:
        return not _KEYS.isdisjoint(content)

    def read(self, _name: str, content: dict[str, Any], at: float, answer: Answer) -> None:
        answer.model = as_text(content.get("modelVersion")) or answer.model
        answer.request_id = as_text(content.get("responseId")) or answer.request_id
        candidates = as_list(content.get("candidates"))
        candidate = as_dict(candidates[0]) if candidates else {}
        parts = [as_dict(part) for part in as_list(as_dict(candidate.get("content")).get("parts"))]
        answer.say(
            at,
            "".join(as_text(part.get("text")) for part in parts if part.get("thought") is not True),
            "".join(as_text(part.get("text")) for part in parts if part.get("thought") is True),
        )
        answer.finish(as_text(candidate.get("finishReason")), FINISHES)
        blocked = as_text(as_dict(content.get("promptFeedback")).get("blockReason"))
        if blocked:
            answer.finish_reason, answer.finish_kind = blocked, "content_filtered"
        if answer.finish_reason:
            answer.end(at, final=False)
        self.count(content, answer)

    def count(self, content: dict[str, Any], answer: Answer) -> None:
        usage = as_dict(content.get("usageMetadata"))
        thoughts = as_count(usage.get("thoughtsTokenCount"))
        said = as_count(usage.get("candidatesTokenCount"))
        answer.usage.take(
            prompt=as_count(usage.get("promptTokenCount")),
            response=total(said, thoughts) if said is not None else thoughts,
            reasoning=thoughts,
            cached=as_count(usage.get("cachedContentTokenCount")),
        )

    def close(self, _at: float, _answer: Answer) -> None:
        """Nothing but a ``finishReason`` is an end."""
