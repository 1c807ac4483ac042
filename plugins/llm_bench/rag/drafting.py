"""A question file to begin with, made of the documents: a person writes the questions. Pure."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence

from llm_bench.rag.documents import Document, Passage, headings, passages, sentences

FILL_IN = "FILL IN"
"""What stands where a person has to write; a question set that still has it is refused."""

_NUMBER = re.compile(r"(?<![\w.,])(?!(?:19|20)[0-9]{2}\b)[0-9]")  # which is no year, and not part of a name
_CAPTION = re.compile(r"(?:Table|Tab\.|Figure|Fig\.|Exhibit) [0-9]")
_ANSWER_CHARACTERS = 300
_POINTS = 2


def draft(industry: str, documents: Sequence[Document], count: int) -> str:
    """A question file that can't be used yet: for each question a passage with numbers, and what it states.

    The documents take turns, so that each is asked about. The last question is one that can't be answered.

    :param count: of questions; fewer where the documents hold fewer passages with numbers.
    """
    import yaml  # noqa: PLC0415

    def quoted(text: str) -> str:
        line: str = yaml.safe_dump(text, default_style='"', allow_unicode=True, width=10**9)
        return line.strip()

    lines = [
        f"# Drafted from the documents in include/knowledge/{industry}. What is left to a person: write each question",
        f"# instead of {FILL_IN}, and say in it which year and measure it means; keep, change or remove the points",
        "# below it, which are the facts of a full answer; remove the questions that aren't worth asking.",
        f"industry: {quoted(industry)}",
        "questions:",
    ]
    prefix = re.sub(r"[^A-Za-z0-9_.-]", "-", industry)
    chosen = list(itertools.islice(_candidates(documents), count - 1))
    for number, (passage, facts) in enumerate(chosen, 1):
        name = f"{prefix}-{number:02}"
        lines += [
            f"  - id: {quoted(name)} # {' '.join(headings(passage.text))}",
            f"    text: {quoted(f'{FILL_IN}: question {number}, which the points below answer')}",
            "    points:",
        ]
        for fact in facts:
            lines += [f"      - text: {quoted(fact)}", f"        document: {quoted(passage.document)}"]
    lines += [
        f"  - id: {quoted(f'{prefix}-{len(chosen) + 1:02}')}",
        f"    text: {quoted(f'{FILL_IN}: a question near to what the documents hold, not in them')}",
        "    answerable: false",
    ]
    return "\n".join(lines) + "\n"


def _candidates(documents: Sequence[Document]) -> Iterator[tuple[Passage, list[str]]]:
    """Passages with what they state in numbers, of each document in turn."""
    turns = itertools.zip_longest(*(_of_document(document) for document in documents))
    return (candidate for turn in turns for candidate in turn if candidate is not None)


def _of_document(document: Document) -> Iterator[tuple[Passage, list[str]]]:
    stated: set[str] = set()
    for passage in passages(document):
        facts = [text for text in sentences(passage.text) if _is_fact(text) and text not in stated][:_POINTS]
        if facts:
            stated.update(facts)
            yield passage, facts


def _is_fact(text: str) -> bool:
    return bool(_NUMBER.search(text)) and not _CAPTION.match(text) and len(text) <= _ANSWER_CHARACTERS
