"""Ollama's streams of ``/api/chat`` and ``/api/generate``: a JSON object a line.

https://docs.ollama.com/api/chat, https://docs.ollama.com/api/generate,
https://docs.ollama.com/api/usage (counts, and durations in ns),
https://docs.ollama.com/api/errors (a line with ``error``).
"""

from __future__ import annotations

from typing import Any

from llm_bench.measure.formats.answer import STOPPED, Answer, as_count, as_dict, as_seconds, as_text

FINISHES: dict[str, str | None] = {"stop": None, "length": None, "load": STOPPED, "unload": STOPPED}


class Ollama:
    """Reader of Ollama's lines. The end is ``done: true``, which needn't have a reason."""

    name = "ollama"

    def recognises(self, _name: str, content: dict[str, Any]) -> bool:
        return isinstance(content.get("done"), bool) and ("message" in content or "response" in content)

    def read(self, _name: str, content: dict[str, Any], at: float, answer: Answer) -> None:
        answer.model = as_text(content.get("model")) or answer.model
        message = as_dict(content.get("message"))
        text = as_text(message.get("content")) or as_text(content.get("response"))
        answer.say(at, text, as_text(message.get("thinking")) or as_text(content.get("thinking")))
        if content.get("done") is True:
            answer.finish(as_text(content.get("done_reason")) or "stop", FINISHES)
            self.count(content, answer)
            answer.end(at, final=True)

    def count(self, content: dict[str, Any], answer: Answer) -> None:
        answer.usage.take(
            prompt=as_count(content.get("prompt_eval_count")), response=as_count(content.get("eval_count"))
        )
        names = ("load_duration", "prompt_eval_duration", "eval_duration")
        queue, prompt, completion = (as_seconds(content.get(name), 1e9) for name in names)
        answer.spent.take(queue=queue, prompt=prompt, completion=completion)

    def close(self, _at: float, _answer: Answer) -> None:
        """Nothing but ``done`` is an end."""
