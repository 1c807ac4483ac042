"""Scores a batch: coverage and groundedness of each answer, with one pass of the model."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypedDict

import numpy as np

from llm_bench.errors import LLMBenchError
from llm_bench.method import Method
from llm_bench.rag.documents import headings, sentences
from llm_bench.rag.prompt import context_hash
from llm_bench.scoring import coverage as maths
from llm_bench.scoring.claims import claims, declines
from llm_bench.scoring.statements import Evidence, Statement, features, state
from llm_bench.scoring.surroundings import Surroundings, content

if TYPE_CHECKING:
    from llm_bench.rag.embeddings import Embedder
    from llm_bench.records import Record

SCORING_VERSION = 3
"""Raise it when the same answer may get another score.

1: whole sentences by their cosine alone. 2: figures, years, names and direction compared apart. 3: each figure also by
the words beside it; differences of figures; what a negation denies; labels; figures in sentences that decline.
"""

_LABEL = re.compile(r"^\s*(?:[-*+•]\s+|[0-9]{1,3}[.)]\s+)?\*\*(?P<text>[^*\n]{2,60}?)(?::\*\*|\*\*:)", re.MULTILINE)
"""What a paragraph may begin with: "**Northern region:** …"."""

_DECIMALS = 6
"""Beyond it the digits depend on the machine and on what else was encoded with a sentence."""

SCORING = Method(
    "Scoring",
    f"An answer that succeeded is scored, without its reasoning, by version {SCORING_VERSION} of the scoring, with the "
    f"context that it was asked with; the same answer has the same score on any day, to {_DECIMALS} digits.",
)


class ContextMismatchError(LLMBenchError):
    """A record can't be scored: the context at hand is not the one that the LLM was given."""


def score(records: Sequence[Record], prompts: Mapping[str, Mapping[str, Any]], embedder: Embedder) -> list[Record]:
    """The records with ``coverage_score``, ``groundedness``, ``declined`` and ``embedding_model``, as new dicts.

    All but the last are null for a record without success or with a blank answer. Coverage is null, too, where the
    question can't be answered from the documents, and groundedness where the answer claims nothing.

    :param prompts: question id → its prompt: ``question``, ``passages``, ``points``, ``answerable``.
    :raises ContextMismatchError: when a record's question has no context here, or another than it was asked with.
    """
    _check_contexts(records, prompts)
    texts = [_answer_of(record) for record in records]
    answers = [sentences(text) if text else [] for text in texts]
    asked = {record["question_id"]: None for record, answer in zip(records, answers, strict=True) if answer}
    wanted = {name: _Wanted(prompts[name]) for name in asked}
    vectors = _Vectors(embedder, [*(text for prompt in wanted.values() for text in prompt.texts()), *_all(answers)])
    for prompt in wanted.values():
        prompt.embed(vectors)
    return [
        _scored(record, wanted[record["question_id"]].judge(text, answer, vectors), embedder.identity)
        if answer
        else {**record, **_UNSCORED}
        for record, text, answer in zip(records, texts, answers, strict=True)
    ]


class Scores(TypedDict):
    """What scoring says of an answer, as the record has it."""

    coverage_score: float | None
    groundedness: float | None
    declined: bool | None


_UNSCORED: Scores = {"coverage_score": None, "groundedness": None, "declined": None}


def _scored(record: Record, scores: Scores, embedding_model: str) -> Record:
    return {**record, **scores, "embedding_model": embedding_model}


def _answer_of(record: Record) -> str:
    """The answer to score, empty where there is none."""
    text = record["answer"] or ""
    return text if record["success"] and text.strip() else ""


def _all(answers: Iterable[Iterable[str]]) -> Iterable[str]:
    return (sentence for answer in answers for sentence in answer)


def _check_contexts(records: Sequence[Record], prompts: Mapping[str, Mapping[str, Any]]) -> None:
    hashes = {question_id: context_hash(prompt["passages"]) for question_id, prompt in prompts.items()}
    for record in records:
        expected, at_hand = record["context_hash"], hashes.get(record["question_id"])
        if expected != at_hand:
            raise ContextMismatchError(
                f"{record['llm_model']} was asked {record['question_id']} with the context {expected[:12]}…, but the "
                f"context to score it with is {f'{at_hand[:12]}…' if at_hand else 'missing'}.",
                "Clear the run's prepare task and all after it, so that the questions are asked and scored with the "
                "same context.",
            )


class _Vectors:
    """Embeddings of texts, each distinct one computed once."""

    def __init__(self, embedder: Embedder, texts: Iterable[str]) -> None:
        distinct = list(dict.fromkeys(texts))
        rows = embedder.encode(distinct) if distinct else np.zeros((0, 0), np.float32)
        self._rows: dict[str, np.ndarray] = dict(zip(distinct, rows, strict=True))

    def __getitem__(self, text: str) -> np.ndarray:
        return self._rows[text]


class _Wanted:
    """What the answers to one question are held against."""

    def __init__(self, prompt: Mapping[str, Any]) -> None:
        self._question: str = prompt["question"]
        self._points: list[str] = prompt["points"]
        self._answerable: bool = prompt["answerable"]
        passages: list[str] = prompt["passages"]
        self._context = [
            (number, sentence) for number, passage in enumerate(passages) for sentence in sentences(passage)
        ]
        self._headings = [_union(map(content, headings(passage))) for passage in passages]
        self._years = [_union(features(heading).years for heading in headings(passage)) for passage in passages]
        self._places = [_union(features(line).words for line in passage.splitlines()) for passage in passages]
        # What some passages are about, and not all: a label of such words shows which passage a paragraph draws on.
        self._subjects = _union(self._headings) - frozenset.intersection(*self._places) if passages else frozenset()

    def texts(self) -> list[str]:
        """All that must be embedded."""
        return [self._question, *self._points, *(sentence for _, sentence in self._context)]

    def embed(self, vectors: _Vectors) -> None:
        known = features(self._question)
        self._asked = known
        self._meaning = vectors[self._question]
        self._wanted = [state(point, vectors[point], known, known.years) for point in self._points]
        # A heading's years are meant where a sentence has none, and its words are those of each sentence below it.
        self._given = [
            state(sentence, vectors[sentence], known, self._years[number], place=self._places[number])
            for number, sentence in self._context
        ]
        # A fact may take two sentences of a passage, but not one of this passage and one of that.
        self._evidence = Evidence(self._given, [number for number, _ in self._context])
        self._surroundings = Surroundings(
            (sentence, given.years, self._headings[number])
            for given, (number, sentence) in zip(self._given, self._context, strict=True)
        )

    def judge(self, text: str, answer: Sequence[str], vectors: _Vectors) -> Scores:
        """The scores of an answer, given by its text and the sentences of it."""
        named = _union(features(sentence).years for sentence in answer)
        stated = [
            state(
                sentence,
                vectors[sentence],
                self._asked,
                self._asked.years,
                others=named,
                label=label,
                surroundings=self._surroundings,
            )
            for sentence, label in zip(answer, _labels(text, answer, self._subjects), strict=True)
        ]
        claimed = [
            (statement, len(sentence.split()))
            for statement, sentence in zip(stated, answer, strict=True)
            if claims(sentence, figure=bool(statement.figures))
        ]
        return {
            "coverage_score": _rounded(self._coverage(stated)) if self._answerable else None,
            "groundedness": _rounded(
                maths.groundedness(
                    [statement for statement, _ in claimed], [words for _, words in claimed], self._evidence
                )
            ),
            "declined": any(map(declines, answer)),
        }

    def _coverage(self, stated: Sequence[Statement]) -> float | None:
        answer = Evidence(stated, [0] * len(stated))
        if self._wanted:
            return maths.coverage(self._wanted, self._evidence, answer)
        return maths.coverage_without_points(self._meaning, self._given, answer)


def _labels(text: str, answer: Sequence[str], subjects: frozenset[str]) -> list[frozenset[str]]:
    """The words that are subjects, of the label of each sentence's line; the label's own sentence has them already.

    :param answer: the sentences of the text.
    """
    labels = [frozenset[str]()] * len(answer)
    at = 0
    for match in _LABEL.finditer(text) if subjects else ():
        label = content(match["text"]) & subjects
        line = text[match.start("text") :].split("\n", 1)[0].replace("**", "")
        first = next((i for i in range(at, len(answer)) if line.startswith(answer[i])), None)
        if label and first is not None:
            at = first
            while at < len(answer) and answer[at] in line:
                labels[at] = label if at > first else frozenset()
                line = line.partition(answer[at])[2]
                at += 1
    return labels


def _union(sets: Iterable[frozenset[Any]]) -> frozenset[Any]:
    return frozenset[Any]().union(*sets)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, _DECIMALS)
