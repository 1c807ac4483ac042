"""The contexts of an industry's questions: the passages that fit them best, found once and then kept."""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, NotRequired, TypedDict

from llm_bench.files import locked, replacing, storage_errors
from llm_bench.method import Method
from llm_bench.rag.documents import PASSAGE_WORDS, Passage, load_documents, passages
from llm_bench.rag.embeddings import Embedder, bundled_folder, model_identity
from llm_bench.rag.prompt import build_messages, canonical_hash, context_hash, prompt_hash, within_budget
from llm_bench.rag.questions import Question, load_questions
from llm_bench.rag.ranking import K1, RANK_CONSTANT, B, bm25, fuse, order
from llm_bench.study import DEFAULT_EMBEDDING_MODEL, Retrieval
from llm_bench.templates import BUILT_IN, Template

if TYPE_CHECKING:
    from tokenizers import Tokenizer

RETRIEVAL_VERSION = 2
"""Raise it when the ranking changes, or the way a context is cut to its budget."""

CONVERTED = "documents"
"""The folder, below that of earlier results, of converted documents."""

MANY_PASSAGES, LIKELY_PASSAGES = 1000, 50
"""Of more passages than the one, as many as the other are compared by meaning with each question: the best by words.

In 26,000 passages the best 50 by words held what answers each of 106 questions and facts (`make bench-documents`)."""

_UNLIKE = -1.0  # no cosine is less

_DECIMALS = 6
"""Similarities that agree this far are a tie: a last digit, which differs between machines, decides nothing."""


def described(settings: Retrieval) -> Method:
    """How the contexts of a study are found, in words."""
    return Method(
        "Context",
        f"Documents are cut into passages: paragraphs of at most {PASSAGE_WORDS} words, and tables, below the title "
        "and heading that they stand under. "
        "For each question all passages are ranked twice: by meaning, which is the cosine of their sentence "
        f"embeddings and the question's ({settings.embedding_model}), and by words, which is Okapi BM25 with k1 = {K1} "
        f"and b = {B}. "
        f"Of more than {MANY_PASSAGES:,} passages, only the {LIKELY_PASSAGES} that are best by words are ranked by "
        "meaning. "
        f"The two rankings are fused by the sum of their reciprocal ranks, with the constant {RANK_CONSTANT}. "
        f"The best {settings.top_k} passages are the context, best first, as many as fit whole into "
        f"{settings.max_context_tokens:,} tokens of {DEFAULT_EMBEDDING_MODEL}. "
        "Where not even the first fits, it is cut at the end of a sentence or of a table's row.",
        ("reimers2019", "robertson2009", "cormack2009"),
    )


class Prompt(TypedDict):
    """A question with its context, as plain JSON values.

    ``passages`` come best first; ``documents`` holds the slug of each one's document; ``points`` are the facts that a
    full answer holds, which only scoring reads. ``template`` is there where it isn't the built-in one.
    """

    question_id: str
    question: str
    passages: list[str]
    documents: list[str]
    answerable: bool
    points: list[str]
    context_hash: str
    prompt_hash: str
    template: NotRequired[dict[str, str]]


def retrieve(
    include: Path, industry: str, settings: Retrieval, cache: Path, template: Template = BUILT_IN
) -> list[Prompt]:
    """The prompts of an industry's questions, in the order of the set.

    Passages are ranked by meaning (cosine of embeddings) and by words (BM25), and the two rankings are fused: meaning
    alone finds the right document, but not as often the passage of it that holds the number (`make bench-retrieval`).

    :param include: the folder that holds ``questions/`` and ``knowledge/``.
    :param settings: of its ``top_k`` passages a prompt holds as many, best first, as ``max_context_tokens`` allow.
    :param cache: folder of earlier results, one file for each distinct input; a damaged one is made anew. Below it,
        in ``documents/``, stand converted documents.
    :param template: of the messages, of which each prompt has the hash.
    :raises QuestionSetError: when questions or documents can't be used.
    :raises EmbeddingModelError: when the model can't be loaded.
    :raises StorageError: when the cache can't be written.
    """
    documents = load_documents(include, industry, cache / CONVERTED)
    pieces = [passage for document in documents for passage in passages(document)]
    questions = load_questions(include, industry)
    file = cache / f"{_key(questions, pieces, settings, template)}.json"
    kept = _read(file, questions, template)
    if kept is not None:
        return kept
    with ExitStack() as held:
        with storage_errors(file, "written"):
            held.enter_context(locked(cache))  # of batches that begin together, one finds them
        kept = _read(file, questions, template)
        if kept is None:
            kept = _retrieve(questions, pieces, settings, template)
            _write(file, kept)
        return kept


def _key(questions: Sequence[Question], pieces: Sequence[Passage], settings: Retrieval, template: Template) -> str:
    """SHA-256 of all that the prompts depend on; how documents are cut shows in the passages."""
    return canonical_hash(
        {
            "version": RETRIEVAL_VERSION,
            "questions": [_named(question) for question in questions],
            "passages": [[piece.document, piece.text] for piece in pieces],
            "settings": settings.model_dump(mode="json"),
            "model": model_identity(settings.embedding_model),
            "tokens": model_identity(DEFAULT_EMBEDDING_MODEL),
            "ranking": {"bm25": [K1, B], "fusion": RANK_CONSTANT, "likely": [MANY_PASSAGES, LIKELY_PASSAGES]},
            "template": build_messages("question", ["first passage", "second passage"], template),
        }
    )


def _named(question: Question) -> list[object]:
    return [question.id, question.text, question.answerable, [point.text for point in question.points]]


def _retrieve(
    questions: Sequence[Question], pieces: Sequence[Passage], settings: Retrieval, template: Template
) -> list[Prompt]:
    asked, offered = [question.text for question in questions], [piece.text for piece in pieces]
    by_words = bm25(asked, offered)
    by_meaning = _by_meaning(asked, offered, by_words, Embedder(settings.embedding_model))
    prompts = []
    for question, *rankings in zip(questions, by_meaning, by_words, strict=True):
        # Passages come by slug and position, which therefore break a tie.
        best = [pieces[i] for i in order(fuse(rankings))[: settings.top_k]]
        context = within_budget(best, settings.max_context_tokens, count_tokens)
        prompts.append(_prompt(question, context, template))
    return prompts


def _by_meaning(
    asked: Sequence[str], offered: Sequence[str], by_words: Sequence[Sequence[float]], embedder: Embedder
) -> list[list[float]]:
    """Cosine of each passage to each question; of many passages, only of those that answer the question by its words.

    A document of 5 MB has 10,000 passages, which would take minutes to embed. All others are last in this ranking.
    """
    if len(offered) <= MANY_PASSAGES:
        return similarities(asked, offered, embedder)
    likely = [order(scores)[:LIKELY_PASSAGES] for scores in by_words]
    chosen = sorted({i for row in likely for i in row})
    compared = similarities(asked, [offered[i] for i in chosen], embedder)
    place = {i: at for at, i in enumerate(chosen)}
    ranking = [[_UNLIKE] * len(offered) for _ in asked]
    for row, own, cosines in zip(ranking, likely, compared, strict=True):
        for i in own:
            row[i] = cosines[place[i]]
    return ranking


def similarities(queries: Sequence[str], texts: Sequence[str], embedder: Embedder) -> list[list[float]]:
    """Cosine of each text to each query: m for each of n queries."""
    vectors = embedder.encode([*queries, *texts])
    cosines: list[list[float]] = (
        (vectors[: len(queries)] @ vectors[len(queries) :].T).astype(float).round(_DECIMALS).tolist()
    )
    return cosines


def count_tokens(text: str) -> int:
    """The tokens of a text as the default embedding model's WordPiece cuts it, without its marks of start and end.

    One measure for every LLM under test, so that all of them get the same context; each cuts text in its own way and
    counts some per cent more or fewer. It loads neither torch nor anything from the network.

    :raises EmbeddingModelError: when the default model's package isn't installed.
    """
    return len(_tokenizer().encode(text, add_special_tokens=False).ids)


@functools.cache
def _tokenizer() -> Tokenizer:
    from tokenizers import Tokenizer  # noqa: PLC0415

    tokenizer = Tokenizer.from_file(str(bundled_folder() / "tokenizer.json"))
    tokenizer.no_truncation()  # the file cuts texts, and fills short ones up, to the model's length
    tokenizer.no_padding()
    return tokenizer


def _prompt(question: Question, context: Sequence[Passage], template: Template) -> Prompt:
    texts = [passage.text for passage in context]
    prompt = Prompt(
        question_id=question.id,
        question=question.text,
        passages=texts,
        documents=[passage.document for passage in context],
        answerable=question.answerable,
        points=[point.text for point in question.points],
        context_hash=context_hash(texts),
        prompt_hash=prompt_hash(build_messages(question.text, texts, template)),
    )
    if template != BUILT_IN:
        prompt["template"] = template.model_dump()
    return prompt


def _read(file: Path, questions: Sequence[Question], template: Template) -> list[Prompt] | None:
    """What the file holds, or None when there is none or it is damaged."""
    try:
        kept: Any = json.loads(file.read_text(encoding="utf-8"))
        rebuilt = [
            _prompt(
                question,
                [Passage(*pair) for pair in zip(prompt["documents"], prompt["passages"], strict=True)],
                template,
            )
            for question, prompt in zip(questions, kept, strict=True)
        ]
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return rebuilt if rebuilt == kept else None


def _write(file: Path, prompts: Sequence[Prompt]) -> None:
    """Writes the file as a whole or not at all."""
    with storage_errors(file, "written"), replacing(file) as partial:
        partial.write_text(json.dumps(prompts, ensure_ascii=False, indent=1), encoding="utf-8")
