"""How well each way of ranking passages finds what answers a question: over every set in include/questions.

Queries are the answerable questions, and, as a second set of queries, the facts of their points (text → document).
Each is asked of its industry's passages, and of the passages of all industries together.

- recall@k: the share of a query's reference documents that are among the documents of the first k passages.
- facts@k: the share of a query's facts whose figures all stand in the passages of their document among the first k:
  a document that is found by the wrong passage doesn't help. Facts without a figure are left out.
- MRR: 1 / rank of the first passage of a reference document.

Each is a mean over the queries. Goals: recall@top_k of what a study's prompts hold, made as a study makes them with
default settings, is 1.0; and the ranking that a study uses finds no less than embeddings alone, by recall@top_k and by
facts@top_k, for both kinds of queries in each corpus.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

from llm_bench.rag.documents import Passage, load_documents, passages
from llm_bench.rag.embeddings import Embedder
from llm_bench.rag.prompt import build_messages
from llm_bench.rag.questions import Point, load_questions
from llm_bench.rag.ranking import bm25, fuse, order
from llm_bench.rag.retrieval import Prompt, count_tokens, retrieve, similarities
from llm_bench.study import Retrieval

INCLUDE = Path(__file__).resolve().parents[1] / "include"
DEPTH = 8
GOAL = 1.0
USED, BASE = "hybrid (fusion)", "embeddings"
_FIGURE = re.compile(r"[0-9]+(?:[.,][0-9]+)*")


@dataclass(frozen=True)
class Query:
    """A text to search with, and the facts to be found."""

    text: str
    points: tuple[Point, ...]

    def recall(self, passages: Sequence[Passage]) -> float:
        expected = {point.document for point in self.points}
        return len(expected & {passage.document for passage in passages}) / len(expected)

    def facts(self, passages: Sequence[Passage]) -> float | None:
        with_figures = [point for point in self.points if _FIGURE.search(point.text)]
        return mean(_is_told(point, passages) for point in with_figures) if with_figures else None

    def reciprocal_rank(self, ranked: Sequence[Passage]) -> float:
        expected = {point.document for point in self.points}
        return 1 / next(rank for rank, passage in enumerate(ranked, 1) if passage.document in expected)


def _is_told(point: Point, passages: Sequence[Passage]) -> bool:
    text = " ".join(passage.text for passage in passages if passage.document == point.document)
    return set(_FIGURE.findall(point.text)) <= set(_FIGURE.findall(text))


def rankings(queries: Sequence[Query], corpus: Sequence[Passage], embedder: Embedder) -> dict[str, list[list[Passage]]]:
    """Way of ranking → the passages in its order, for each query."""
    asked, offered = [query.text for query in queries], [passage.text for passage in corpus]
    meaning, words = similarities(asked, offered, embedder), bm25(asked, offered)
    scores = {
        BASE: meaning,
        "BM25": words,
        USED: [fuse(pair) for pair in zip(meaning, words, strict=True)],
        "hybrid (weighted)": [_weighted(*pair) for pair in zip(meaning, words, strict=True)],
    }
    return {way: [[corpus[i] for i in order(row)] for row in rows] for way, rows in scores.items()}


def _weighted(meaning: Sequence[float], words: Sequence[float]) -> list[float]:
    """Half the cosine, half the BM25 score as a share of the query's best."""
    best = max(words) or 1.0
    return [(cosine + score / best) / 2 for cosine, score in zip(meaning, words, strict=True)]


def measure(name: str, queries: Sequence[Query], corpus: Sequence[Passage], embedder: Embedder, top_k: int) -> bool:
    """Prints a table; whether the used way finds at least as much as embeddings alone."""
    print(f"\n{name}: {len(queries)} queries, {len(corpus)} passages")
    print(f"  {'':18} {'recall@1':>8} {' '.join(f'   @{k}' for k in range(2, DEPTH + 1))}   MRR   facts@{top_k}")
    at_top_k: dict[str, tuple[float, float]] = {}
    for way, ranked in rankings(queries, corpus, embedder).items():
        pairs = list(zip(queries, ranked, strict=True))
        recall = [mean(query.recall(passages[:k]) for query, passages in pairs) for k in range(1, DEPTH + 1)]
        reciprocal = mean(query.reciprocal_rank(passages) for query, passages in pairs)
        facts = _mean(query.facts(passages[:top_k]) for query, passages in pairs)
        at_top_k[way] = (recall[top_k - 1], facts)
        print(
            f"  {way:18} {recall[0]:8.3f} {' '.join(f'{r:5.3f}' for r in recall[1:])} {reciprocal:5.3f}   {facts:5.3f}"
        )
    return all(used >= base for used, base in zip(at_top_k[USED], at_top_k[BASE], strict=True))


def _mean(values: Iterable[float | None]) -> float:
    return mean(value for value in values if value is not None)


def prompt_recall(queries: Sequence[Query], prompts: Sequence[Prompt]) -> list[float]:
    """Recall of each answerable question in the context that a study gives with it."""
    return [
        query.recall([Passage(*pair) for pair in zip(prompt["documents"], prompt["passages"], strict=True)])
        for query, prompt in zip(queries, prompts, strict=True)
    ]


def main() -> int:
    """Measures and prints; 0 where the goals are met."""
    settings = Retrieval()
    embedder = Embedder(settings.embedding_model)
    questions: dict[str, list[Query]] = {}
    corpora: dict[str, list[Passage]] = {}
    recalls: list[float] = []
    tokens: list[int] = []
    for industry in sorted(file.stem for file in (INCLUDE / "questions").glob("*.yaml")):
        corpora[industry] = [
            passage for document in load_documents(INCLUDE, industry) for passage in passages(document)
        ]
        asked = load_questions(INCLUDE, industry)
        questions[industry] = [Query(question.text, question.points) for question in asked if question.points]
        with tempfile.TemporaryDirectory() as cache:
            prompts = retrieve(INCLUDE, industry, settings, Path(cache))
        measured = [prompt for question, prompt in zip(asked, prompts, strict=True) if question.points]
        recalls += prompt_recall(questions[industry], measured)
        tokens += [prompt_tokens(prompt) for prompt in prompts]

    everything = [passage for corpus in corpora.values() for passage in corpus]
    kept = True
    for kind in ("questions", "facts"):
        queries = {name: some if kind == "questions" else facts_of(some) for name, some in questions.items()}
        tables = [(name, some, corpora[name]) for name, some in queries.items()]
        tables.append(("all", [query for some in queries.values() for query in some], everything))
        for name, some, corpus in tables:
            kept &= measure(f"{kind}, {name}", some, corpus, embedder, settings.top_k)

    print(f"\nprompt tokens, mean of {len(tokens)} questions: {mean(tokens):.0f} (longest {max(tokens)})")
    print(f"{USED} finds {'no less' if kept else 'LESS'} than {BASE} alone")
    recall = mean(recalls)
    print(f"recall@{settings.top_k} {recall:.3f} (goal: {GOAL})")
    return 0 if kept and recall >= GOAL else 1


def facts_of(queries: Sequence[Query]) -> list[Query]:
    """Each fact as a query for itself."""
    return [Query(point.text, (point,)) for query in queries for point in query.points]


def prompt_tokens(prompt: Prompt) -> int:
    """Tokens of a whole prompt: instruction, passages, question."""
    return sum(count_tokens(message["content"]) for message in build_messages(prompt["question"], prompt["passages"]))


if __name__ == "__main__":
    sys.exit(main())
