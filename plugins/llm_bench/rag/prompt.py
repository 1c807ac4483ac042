"""What an LLM is asked, and the inverse: one template, exact both ways. Pure."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import accumulate, takewhile
from typing import Any

from llm_bench.rag.documents import Passage, openings

SYSTEM = (
    "You answer business questions. Use only the numbered context passages that you are given, and nothing else that "
    "you know. Answer in one to four sentences, with the figures that the context states. If the context does not hold "
    "the answer, say so."
)

# A line of a passage that looks like one of the template's own ("[2] …", "Question: …") gets a backslash in front, and
# one that has backslashes there already gets one more: so the template's lines are told apart from any text.
_OWN = r"(?=\[[0-9]+\] |Question: )"
_LOOKS_OWN = re.compile(rf"(\n\\*){_OWN}")
_ESCAPED = re.compile(rf"(\n\\*)\\{_OWN}")
_PASSAGE = re.compile(r"(?:^|\n\n)\[[0-9]+\] ")
_QUESTION = re.compile(r"(?:^|\n\n)Question: ")


def within_budget(passages: Sequence[Passage], max_tokens: int, count: Callable[[str], int]) -> list[Passage]:
    """The passages from the first on, as many as fit.

    Each is whole, but for a first one that is alone over the budget: it is cut at the end of a sentence or of a table's
    row, where as much fits as can; and it keeps its first sentence or row, even when that doesn't fit.

    :param passages: best first.
    :param max_tokens: for the texts of all passages together.
    :param count: the tokens of a text.
    """
    totals = accumulate(count(passage.text) for passage in passages)
    whole = len(list(takewhile(lambda total: total <= max_tokens, totals)))
    if whole or not passages:
        return list(passages[:whole])
    first, *longer = openings(passages[0].text)
    fitting = [opening for opening in longer if count(opening) <= max_tokens]
    return [replace(passages[0], text=fitting[-1] if fitting else first)]


def build_messages(question: str, passages: Sequence[str]) -> list[dict[str, str]]:
    """The chat messages that ask a question with its context.

    :param passages: best first, as they are numbered.
    """
    blocks = [f"[{number}] {_escape(passage)}" for number, passage in enumerate(passages, 1)]
    content = "\n\n".join([*blocks, f"Question: {question}"])
    return [{"role": "system", "content": SYSTEM}, {"role": "user", "content": content}]


def _escape(passage: str) -> str:
    return _LOOKS_OWN.sub(lambda start: start[1] + "\\", passage)


def parse_messages(messages: Sequence[Mapping[str, Any]]) -> tuple[str, list[str]]:
    """The question and the passages that ``build_messages`` made these messages of, to the letter.

    :raises ValueError: when it didn't make them.
    """
    user = messages[-1] if isinstance(messages, Sequence) and messages else None
    content = user.get("content") if isinstance(user, Mapping) else None
    if isinstance(content, str):
        context, *questions = _QUESTION.split(content, maxsplit=1)
        passages = [_ESCAPED.sub(r"\1", passage) for passage in _PASSAGE.split(context)[1:]]
        if questions and build_messages(questions[0], passages) == list(messages):
            return questions[0], passages
    raise ValueError("the messages were not built by llm-bench: no numbered passages and question as it writes them")


def context_hash(passages: Sequence[str]) -> str:
    """SHA-256 of the passages in their order, 64 hexadecimal digits."""
    return canonical_hash(list(passages))


def prompt_hash(messages: Sequence[Mapping[str, str]]) -> str:
    """SHA-256 of the messages, 64 hexadecimal digits."""
    return canonical_hash([dict(message) for message in messages])


def canonical_hash(value: Any) -> str:
    """SHA-256 of a JSON value's one canonical text (sorted keys, no white space, ASCII), 64 hexadecimal digits."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("ascii")).hexdigest()
