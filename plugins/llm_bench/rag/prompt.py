"""What an LLM is asked, and the inverse, exact both ways. Pure."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import accumulate, takewhile
from typing import Any

from llm_bench.rag.documents import Passage, openings
from llm_bench.templates import BUILT_IN, Template

# A line of a passage that looks like one of the template's own ("[2] …", "Question: …") gets a backslash in front, and
# one that has backslashes there already gets one more: so the template's lines are told apart from any text.
_OWN = r"(?=\[[0-9]+\] |Question: )"
_LOOKS_OWN = re.compile(rf"(\n\\*){_OWN}")
_ESCAPED = re.compile(rf"(\n\\*)\\{_OWN}")
_LINE = re.compile(r"Request [0-9]{15}\.\n\n")
"""The line that may stand before a prompt, as ``unique_line`` makes it."""
_PASSAGE = re.compile(r"(?:^|\n\n)\[[0-9]+\] ")


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


def build_messages(question: str, passages: Sequence[str], template: Template = BUILT_IN) -> list[dict[str, str]]:
    """The chat messages that ask a question with its context.

    :param passages: best first, as they are numbered.
    """
    context = "\n\n".join(f"[{number}] {_escape(passage)}" for number, passage in enumerate(passages, 1))
    content = template.fill(context, question)
    user = {"role": "user", "content": content if passages else content.lstrip("\n")}
    return [{"role": "system", "content": template.system}, user] if template.system else [user]


def messages_of(prompt: Mapping[str, Any]) -> list[dict[str, str]]:
    """The messages of a question with its context.

    :param prompt: as ``rag.retrieval.Prompt``.
    """
    template = Template(**prompt["template"]) if "template" in prompt else BUILT_IN
    return build_messages(prompt["question"], prompt["passages"], template)


def unique_line() -> str:
    """A line that no other prompt begins with.

    It ends in 15 digits: a tokenizer that cuts numbers into pieces of one or of three digits makes as many of each.
    """
    return f"Request {secrets.randbelow(10**15):015d}."


def behind(line: str | None, messages: Sequence[Mapping[str, str]]) -> list[dict[str, str]]:
    """The messages with a line before all that they say, where there is one: a cache knows prompts by their beginning.

    :param line: as ``unique_line`` makes it.
    """
    first, *others = ({**message} for message in messages)
    return [{**first, "content": f"{line}\n\n{first['content']}"} if line else first, *others]


def _escape(passage: str) -> str:
    return _LOOKS_OWN.sub(lambda start: start[1] + "\\", passage)


def parse_messages(
    messages: Sequence[Mapping[str, Any]], templates: Iterable[Template] = (BUILT_IN,)
) -> tuple[str, list[str]]:
    """The question and the passages that ``build_messages`` made these messages of, to the letter.

    A unique line before them is passed over.

    :param templates: one of which was used.
    :raises ValueError: when it didn't make them.
    """
    templates = list(templates)
    for made in _bare(messages):
        for template in templates:
            for context, question in _readings(made[-1]["content"], template):
                passages = [_ESCAPED.sub(r"\1", passage) for passage in _PASSAGE.split(context)[1:]]
                if build_messages(question, passages, template) == made:
                    return question, passages
    raise ValueError("the messages were not built by llm-bench: no numbered passages and question as it writes them")


def _bare(messages: Any) -> Iterator[list[Any]]:
    """The messages as they are and, where they begin with a unique line, without it; nothing where they are none."""
    if not isinstance(messages, Sequence) or isinstance(messages, str) or not messages:
        return
    if all(isinstance(message, Mapping) and isinstance(message.get("content"), str) for message in messages):
        first, *others = messages
        yield [first, *others]
        if line := _LINE.match(first["content"]):
            yield [{**first, "content": first["content"][line.end() :]}, *others]


def _readings(content: str, template: Template) -> Iterator[tuple[str, str]]:
    """What could be context and question of a user's message, by a template."""
    before, between, after = template.parts
    # Without a passage, the lines before the question are left out.
    empty = template.fill("", "")
    for whole in (content, "\n" * (len(empty) - len(empty.lstrip("\n"))) + content):
        if whole.startswith(before) and whole.endswith(after):
            inner = whole[len(before) : len(whole) - len(after)]
            for cut in re.finditer(re.escape(between), inner):
                first, second = inner[: cut.start()], inner[cut.end() :]
                yield (first, second) if template.context_first else (second, first)


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
