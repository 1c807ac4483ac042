"""OpenRouter as a study meets it over days: several upstreams, a cache of prompts, and answers that differ by model.

OpenRouter says which upstream answered in ``provider`` (https://openrouter.ai/docs/api-reference/overview), and what a
cache read in ``prompt_tokens_details.cached_tokens`` (https://openrouter.ai/docs/features/prompt-caching).
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Iterator, Mapping

from doubles.openrouter import COST, OpenRouter
from doubles.provider import Asked, Response, Step, Wait

UPSTREAMS: Mapping[str, float] = {"DeepInfra": 0.02, "Together": 0.03, "Nebius": 0.09}
"""Those that answer in turn, each with its seconds before the first token."""
COLD_SEC = 0.03
"""What a prompt takes longer that no cache holds."""


class _Routed(OpenRouter):
    cached = 0

    def usage(self, completion: int, reasoning: int = 0) -> bytes:
        prompt = sum(len(message["content"].split()) for message in self.asked.content["messages"])
        counts = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
        details = {
            "cost": COST * (1 - 0.5 * self.cached / prompt),
            "prompt_tokens_details": {"cached_tokens": self.cached},
            "completion_tokens_details": {"reasoning_tokens": reasoning},
        }
        return self.chunk(None, usage=counts | details)


class Router:
    """A script of the router.

    :param answer: what a question is answered with; the second argument counts the requests of its model so far.
    :param cut: the models whose answers end at their ``max_tokens``.
    """

    def __init__(self, answer: Callable[[Asked, int], str], cut: frozenset[str] = frozenset()) -> None:
        self._answer = answer
        self._cut = cut
        self._seen: set[str] = set()
        self._counts: dict[str, int] = {}
        self._lock = threading.Lock()
        self.served: list[tuple[str, str, bool]] = []
        """Model, upstream and whether the cache knew the prompt, of each request."""

    def __call__(self, asked: Asked) -> Response:
        prompt = json.dumps(asked.content["messages"])
        reply = _Routed(asked)
        with self._lock:
            number = self._counts[asked.model] = self._counts.get(asked.model, -1) + 1
            known = prompt in self._seen
            self._seen.add(prompt)
            reply.upstream = self._upstream(prompt)
            self.served.append((asked.model, reply.upstream, known))
        words = sum(len(message["content"].split()) for message in asked.content["messages"])
        reply.cached = words - words % 16 if known else 0
        first_token_sec = UPSTREAMS[reply.upstream] + (0 if known else COLD_SEC)
        return Response(self._stream(reply, self._answer(asked, number), first_token_sec), headers=reply.headers())

    @staticmethod
    def _upstream(prompt: str) -> str:
        """One of the three; the same for the same prompt, as a router keeps to the upstream whose cache is warm."""
        return list(UPSTREAMS)[hashlib.sha256(prompt.encode()).digest()[0] % len(UPSTREAMS)]

    def _stream(self, reply: _Routed, answer: str, first_token_sec: float) -> Iterator[Step]:
        words = answer.split()
        yield from reply.opening()
        yield Wait(first_token_sec)
        for number, word in enumerate(words):
            yield reply.answer(word if number == 0 else f" {word}")
        yield from reply.closing(len(words), reason="length" if reply.asked.model in self._cut else "stop")
