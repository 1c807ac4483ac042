"""Scores a batch: coverage and groundedness of each answer, with one pass of the model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any, TypedDict, cast

import numpy as np

from llm_bench.errors import LLMBenchError
from llm_bench.languages import READ, foreign, unread
from llm_bench.method import Method
from llm_bench.rag.documents import headings, sentences
from llm_bench.rag.kept import encode_once
from llm_bench.rag.prompt import context_hash
from llm_bench.scoring import coverage as maths
from llm_bench.scoring.citations import Part, cut
from llm_bench.scoring.claims import claims, declines, in_full, without_reasoning
from llm_bench.scoring.statements import Evidence, Statement, features, state
from llm_bench.study import DEFAULT_EMBEDDING_MODEL

if TYPE_CHECKING:
    from pathlib import Path

    from llm_bench.rag.embeddings import Embedder
    from llm_bench.records import Record
    from llm_bench.scoring.model import CrossEncoder

SCORING_VERSION = 5
"""Raise it when the same answer may get another score.

1: whole sentences by their cosine alone. 2: figures, years, names and direction compared apart. 3: each figure also by
the words beside it; differences of figures; what a negation denies; labels; figures in sentences that decline. 4: the
words of sentences without a figure; citations left out; units; German; no labels. 5: names and directions that are
exchanged; the year of each figure; rows; sums; days with their month; counts; German directions and negations.
"""

_DECIMALS = 6
"""Beyond it the digits depend on the machine and on what else was encoded with a sentence."""

_EMPTY = "The answer has no sentence that can be compared."

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
    language: str = "en",
    encoder: CrossEncoder | None = None,
    *,
    cache: Path | None = None,
) -> list[Record]:
    """The records with the fields of ``Scores``, the models that scored and ``scoring_version``, as new dicts.

    The scores are null for a record without success, with a blank answer or a bare yes or no. Coverage is null, too,
    where the question can't be answered from the documents, and groundedness where the answer claims nothing.

    :param prompts: question id → its prompt: ``question``, ``passages``, ``points``, ``answerable``.
    :param encoder: judges support in the place of embeddings.
    :param cache: folder for the embeddings of prompts, which come again with each batch; None: none are kept.
    :raises ContextMismatchError: when a record's question has no context here, or another than it was asked with.
    """
    _check_contexts(records, prompts)
    answers = [(record["question_id"], (record["success"] and record["answer"]) or "") for record in records]
    judged = judge(answers, prompts, embedder, language, encoder, cache=cache)
    return [
        {
            **record,
            **judgement.scores,
            "embedding_model": embedder.identity if judgement.sentences else record["embedding_model"],
            "scoring_model": encoder.identity if encoder and judgement.sentences else None,
            "scoring_version": SCORING_VERSION if judgement.sentences else None,
        }
        for record, judgement in zip(records, judged, strict=True)
    ]


class Scores(TypedDict):
    """What scoring says of an answer, as the record has it."""

    coverage_score: float | None
    groundedness: float | None
    context_utilization: float | None
    citation_support: float | None
    citations: list[int] | None
    declined: bool | None
    score_note: str | None


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of an answer.

    :param support: how far the context supports it, in [0, 1]; None for one that claims nothing.
    :param evidence: the one or two sentences of a passage that support it best, as far as any does.
    :param passages: the numbers of their passages, from 1, as the prompt has them.
    :param cited: the numbers of the passages that the answer cites for it; some may not be there.
    :param cited_support: how far those alone support it; None for one that claims nothing, or cites none.
    """

    text: str
    is_claim: bool
    declines: bool
    support: float | None = None
    evidence: tuple[str, ...] = ()
    passages: tuple[int, ...] = ()
    cited: tuple[int, ...] = ()
    cited_support: float | None = None


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
    """The scores of an answer and what they rest on. One that isn't scored has no sentences, and null scores."""

    scores: Scores
    sentences: tuple[Sentence, ...] = ()
    points: tuple[Point, ...] = ()


def _unscored(note: str | None = None) -> Judgement:
    return Judgement(cast(Scores, dict.fromkeys(Scores.__annotations__) | {"score_note": note}))


def judge(
    answers: Sequence[tuple[str, str]],
    prompts: Mapping[str, Mapping[str, Any]],
    embedder: Embedder,
    language: str = "en",
    encoder: CrossEncoder | None = None,
    *,
    cache: Path | None = None,
) -> list[Judgement]:
    """The judgement of each answer, given as the id of its question and its text, with one pass of the model.

    Where the scorer doesn't read the language, or the answer isn't in it, the scores are null, and their note says why.

    :param prompts: question id → its prompt: ``question``, ``passages``, ``points``, ``answerable``.
    :param language: of questions, context and answers, ISO 639-1.
    :param cache: folder for the embeddings of prompts, which come again with each batch; None: none are kept.
    """
    note = unread(language, embedder.identity, DEFAULT_EMBEDDING_MODEL)
    if note:
        return [_unscored(note if text.strip() else None) for _, text in answers]
    read = language if language in READ else "en"
    texts = [without_reasoning(text) for _, text in answers]
    parts = [
        in_full(cut(text, partial(sentences, language=read)), prompts[name]["question"])
        for (name, _), text in zip(answers, texts, strict=True)
    ]
    asked = {name: None for (name, _), answer in zip(answers, parts, strict=True) if answer}
    wanted = {name: _Wanted(prompts[name], read) for name in asked}
    said = (sentence for sentence, _ in chain(*parts))
    vectors = _vectors(embedder, [prompt.texts() for prompt in wanted.values()], said, cache)
    for prompt in wanted.values():
        prompt.embed(vectors)
    judgements = [
        _in(language, text, wanted[name].judge(answer)) if answer else _unscored(_EMPTY if whole.strip() else None)
        for (name, whole), text, answer in zip(answers, texts, parts, strict=True)
    ]
    if encoder is None:
        return judgements
    return [
        encoder.judged(judgement, wanted[name].passages, vectors) if judgement.sentences else judgement
        for judgement, (name, _) in zip(judgements, answers, strict=True)
    ]


def _in(language: str, text: str, judgement: Judgement) -> Judgement:
    """The judgement, unless the answer is in another language; one with good scores isn't, and that is known sooner."""
    scores = (judgement.scores["coverage_score"], judgement.scores["groundedness"])
    good = all(value is not None and value >= maths.HELD for value in scores)
    note = None if good else foreign(text, language)
    if language not in READ:  # whose turns aren't known
        judgement.scores["declined"] = None
    return _unscored(note) if note else judgement


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


def _vectors(
    embedder: Embedder, prompts: Sequence[Sequence[str]], said: Iterable[str], cache: Path | None
) -> dict[str, np.ndarray]:
    """Embeddings of the texts of prompts and of what was said, each distinct text computed once."""
    vectors: dict[str, np.ndarray] = {}
    if cache is not None:
        for texts in prompts:
            vectors |= zip(texts, encode_once(embedder, texts, cache), strict=True)
    distinct = [text for text in dict.fromkeys(chain(*prompts, said)) if text not in vectors]
    return vectors | dict(zip(distinct, embedder.encode(distinct), strict=True)) if distinct else vectors


class _Wanted:
    """What the answers to one question are held against."""

    def __init__(self, prompt: Mapping[str, Any], language: str) -> None:
        self._prompt, self._language = prompt, language
        self._points: list[str] = prompt["points"]
        self.passages = [sentences(passage, language=language) for passage in prompt["passages"]]
        self._context = [(number, sentence) for number, passage in enumerate(self.passages) for sentence in passage]

    def texts(self) -> list[str]:
        """All that must be embedded."""
        return [self._prompt["question"], *self._points, *(sentence for _, sentence in self._context)]

    def embed(self, vectors: Mapping[str, np.ndarray]) -> None:
        self._vectors = vectors
        self._asked = features(self._prompt["question"], self._language)
        self._wanted = [self._state(point, self._asked.years) for point in self._points]
        around = [self._around(passage) for passage in self._prompt["passages"]]
        self._given = [self._state(sentence, **around[number]) for number, sentence in self._context]
        # A fact may take two sentences of a passage, but not one of this passage and one of that.
        self._evidence = Evidence(self._given, [number for number, _ in self._context])
        self._held = maths.support(self._wanted, self._evidence)

    def _around(self, passage: str) -> dict[str, frozenset[Any]]:
        # A heading's years are meant where a sentence has none, and its words are those of each sentence below it.
        above = [features(heading, self._language) for heading in headings(passage)]
        lines = [features(line, self._language) for line in passage.splitlines()]
        return {
            "years": _union(heading.years for heading in above),
            "heading": _union(heading.content for heading in above),
            "place": _union(line.words for line in lines),
        }

    def _state(self, text: str, years: frozenset[int], **more: Any) -> Statement:
        return state(text, self._vectors[text], self._asked, years, language=self._language, **more)

    def judge(self, parts: Sequence[Part]) -> Judgement:
        """The judgement of an answer, given by its sentences and what each cites."""
        answer = [sentence for sentence, _ in parts]
        known = [features(sentence, self._language) for sentence in answer]
        whole = {
            "others": _union(each.years for each in known),
            "marks": [mark for each in known for mark in each.marks],
            "context": self._evidence,
        }
        stated = [self._state(sentence, self._asked.years, **whole) for sentence in answer]
        judged = [self._sentence(sentence, of, cited) for (sentence, cited), of in zip(parts, stated, strict=True)]
        claimed = [statement for statement, part in zip(stated, judged, strict=True) if part.is_claim]
        used = maths.support(self._given, Evidence(claimed, [0] * len(claimed)))
        points, coverage = self._coverage(answer, stated) if self._prompt["answerable"] else ([], None)
        scores: Scores = {
            "coverage_score": rounded(coverage),
            "groundedness": by_words((part.support, part.text) for part in judged),
            "context_utilization": by_words(zip(used.tolist(), (text for _, text in self._context), strict=True)),
            "citation_support": by_words((part.cited_support, part.text) for part in judged),
            "citations": sorted({number for part in judged for number in part.cited}),
            "declined": any(part.declines for part in judged),
            "score_note": None,
        }
        return Judgement(scores, tuple(judged), tuple(points))

    def _sentence(self, text: str, stated: Statement, cited: frozenset[int]) -> Sentence:
        sentence = Sentence(text, claims(text, figure=bool(stated.figures)), declines(text), cited=tuple(sorted(cited)))
        if not sentence.is_claim:
            return sentence
        ((support, by),) = maths.supported([stated], self._evidence)
        return replace(
            sentence,
            support=support,
            evidence=tuple(self._context[i][1] for i in by),
            passages=tuple(sorted({self._context[i][0] + 1 for i in by})),
            cited_support=float(maths.support([stated], self._among(cited))[0]) if cited else None,
        )

    def _among(self, cited: frozenset[int]) -> Evidence:
        """What some passages alone say, of which some may not be there."""
        among = [(given, at) for given, (at, _) in zip(self._given, self._context, strict=True) if at + 1 in cited]
        return Evidence([given for given, _ in among], [at for _, at in among])

    def _coverage(self, answer: Sequence[str], stated: Sequence[Statement]) -> tuple[list[Point], float | None]:
        evidence = Evidence(stated, [0] * len(stated))
        if not self._points:
            return [], maths.coverage_without_points(self._vectors[self._prompt["question"]], self._given, evidence)
        stating = maths.supported(self._wanted, evidence)
        points = [
            Point(text, bool(held >= maths.HELD), support, tuple(answer[i] for i in by))
            for text, held, (support, by) in zip(self._points, self._held, stating, strict=True)
        ]
        return points, maths.coverage(self._held, [point.support for point in points])


def _union(sets: Iterable[frozenset[Any]]) -> frozenset[Any]:
    return frozenset[Any]().union(*sets)


def by_words(supports: Iterable[tuple[float | None, str]]) -> float | None:
    """The mean of those that there are, weighted by the words of their texts."""
    return rounded(maths.groundedness([(value, len(text.split())) for value, text in supports if value is not None]))


def rounded(value: float | None) -> float | None:
    return None if value is None else round(value, _DECIMALS)
