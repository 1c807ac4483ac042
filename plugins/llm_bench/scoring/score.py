"""Scores a batch: coverage and groundedness of each answer, with one pass of the model."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any, TypedDict

import numpy as np

from llm_bench.errors import LLMBenchError
from llm_bench.method import Method
from llm_bench.rag.documents import headings, sentences
from llm_bench.rag.prompt import context_hash
from llm_bench.scoring import coverage as maths
from llm_bench.scoring.statements import Evidence, Statement, claims, declines, features, state
from llm_bench.scoring.surroundings import Surroundings, content

if TYPE_CHECKING:
    from llm_bench.rag.embeddings import Embedder
    from llm_bench.records import Record
    from llm_bench.scoring.model import CrossEncoder

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


def score(
    records: Sequence[Record],
    prompts: Mapping[str, Mapping[str, Any]],
    embedder: Embedder,
    encoder: CrossEncoder | None = None,
) -> list[Record]:
    """The records with ``coverage_score``, ``groundedness``, ``declined`` and the models that scored, as new dicts.

    The scores are null for a record without success or with a blank answer. Coverage is null, too, where the
    question can't be answered from the documents, and groundedness where the answer claims nothing.

    :param prompts: question id → its prompt: ``question``, ``passages``, ``points``, ``answerable``.
    :param encoder: judges support in the place of embeddings.
    :raises ContextMismatchError: when a record's question has no context here, or another than it was asked with.
    """
    _check_contexts(records, prompts)
    answers = [(record["question_id"], (record["success"] and record["answer"]) or "") for record in records]
    return [
        {
            **record,
            **judgement.scores,
            "embedding_model": embedder.identity if judgement.sentences else record["embedding_model"],
            "scoring_model": encoder.identity if encoder and judgement.sentences else None,
        }
        for record, judgement in zip(records, judge(answers, prompts, embedder, encoder), strict=True)
    ]


class Scores(TypedDict):
    """What scoring says of an answer, as the record has it."""

    coverage_score: float | None
    groundedness: float | None
    declined: bool | None


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of an answer.

    :param support: how far the context supports it, in [0, 1]; None for one that claims nothing.
    :param evidence: the one or two sentences of a passage that support it best, as far as any does.
    :param passages: the numbers of their passages, from 1, as the prompt has them.
    """

    text: str
    is_claim: bool
    declines: bool
    support: float | None = None
    evidence: tuple[str, ...] = ()
    passages: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Point:
    """A reference point of the question.

    :param held: whether the context holds it; else it doesn't count.
    :param support: how far the answer states it, in [0, 1].
    :param evidence: the one or two sentences of the answer that state it best, as far as any does.
    """

    text: str
    held: bool
    support: float
    evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Judgement:
    """The scores of an answer and what they rest on. A blank answer has no sentences, and null scores."""

    scores: Scores
    sentences: tuple[Sentence, ...] = ()
    points: tuple[Point, ...] = ()


_UNSCORED: Scores = {"coverage_score": None, "groundedness": None, "declined": None}


def judge(
    answers: Sequence[tuple[str, str]],
    prompts: Mapping[str, Mapping[str, Any]],
    embedder: Embedder,
    encoder: CrossEncoder | None = None,
) -> list[Judgement]:
    """The judgement of each answer, given as the id of its question and its text, with one pass of the model.

    :param prompts: question id → its prompt: ``question``, ``passages``, ``points``, ``answerable``.
    """
    parts = [sentences(text) if text.strip() else [] for _, text in answers]
    asked = {name: None for (name, _), answer in zip(answers, parts, strict=True) if answer}
    wanted = {name: _Wanted(prompts[name]) for name in asked}
    vectors = _vectors(embedder, [*(text for prompt in wanted.values() for text in prompt.texts()), *chain(*parts)])
    for prompt in wanted.values():
        prompt.embed(vectors)
    judgements = [
        wanted[name].judge(text, answer, vectors) if answer else Judgement(_UNSCORED)
        for (name, text), answer in zip(answers, parts, strict=True)
    ]
    if encoder is None:
        return judgements
    return [
        encoder.judged(judgement, prompts[name]["passages"], vectors) if judgement.sentences else judgement
        for judgement, (name, _) in zip(judgements, answers, strict=True)
    ]


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


def _vectors(embedder: Embedder, texts: Iterable[str]) -> dict[str, np.ndarray]:
    """Embeddings of texts, each distinct one computed once."""
    distinct = list(dict.fromkeys(texts))
    return dict(zip(distinct, embedder.encode(distinct), strict=True)) if distinct else {}


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

    def embed(self, vectors: Mapping[str, np.ndarray]) -> None:
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
        self._held = maths.support(self._wanted, self._evidence)
        self._surroundings = Surroundings(
            (sentence, given.years, self._headings[number])
            for given, (number, sentence) in zip(self._given, self._context, strict=True)
        )

    def judge(self, text: str, answer: Sequence[str], vectors: Mapping[str, np.ndarray]) -> Judgement:
        """The judgement of an answer, given by its text and the sentences of it."""
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
        judged = [self._sentence(sentence, of) for sentence, of in zip(answer, stated, strict=True)]
        supports = [(part.support, len(part.text.split())) for part in judged if part.support is not None]
        points, coverage = self._coverage(answer, stated) if self._answerable else ([], None)
        scores: Scores = {
            "coverage_score": rounded(coverage),
            "groundedness": rounded(maths.groundedness(supports)),
            "declined": any(part.declines for part in judged),
        }
        return Judgement(scores, tuple(judged), tuple(points))

    def _sentence(self, text: str, stated: Statement) -> Sentence:
        if not claims(text, figure=bool(stated.figures)):
            return Sentence(text, is_claim=False, declines=declines(text))
        ((support, by),) = maths.supported([stated], self._evidence)
        passages = tuple(sorted({self._context[i][0] + 1 for i in by}))
        return Sentence(text, True, declines(text), support, tuple(self._context[i][1] for i in by), passages)

    def _coverage(self, answer: Sequence[str], stated: Sequence[Statement]) -> tuple[list[Point], float | None]:
        evidence = Evidence(stated, [0] * len(stated))
        if not self._points:
            return [], maths.coverage_without_points(self._meaning, self._given, evidence)
        stating = maths.supported(self._wanted, evidence)
        points = [
            Point(text, bool(held >= maths.HELD), support, tuple(answer[i] for i in by))
            for text, held, (support, by) in zip(self._points, self._held, stating, strict=True)
        ]
        return points, maths.coverage(self._held, [point.support for point in points])


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


def rounded(value: float | None) -> float | None:
    return None if value is None else round(value, _DECIMALS)
