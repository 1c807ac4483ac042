"""How well documents that aren't Markdown are read, and what large ones cost.

    make bench-documents                     reading and cost
    make bench-documents ARGS=--tables=DIR   tables, too: DIR has PDFs, each with its tables in NAME-str.xml as in the
                                             table competition of ICDAR 2013

- Reading: the questions of benchmarks/converted, which a PDF of ten pages, a DOCX, a page, a CSV and an XLSX answer.
  Goals: recall@top_k and facts@top_k of the prompts, made with default settings, are at least 0.9 for each document.
- Cost: the CPU seconds of cutting 5 MB, by its ratio to those of a quarter. Goal: at most 8 (4 is in proportion, 16 is
  quadratic).
- Haystack: how much of what answers the shipped questions is among the best passages by words, of 26,000: more aren't
  compared by meaning. Goal: all of it.
- Tables: the share of the pairs of cells side by side (or one above the other) that are so in the Markdown, too.
"""

from __future__ import annotations

import argparse
import re
import sys
import sysconfig
import tempfile
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from statistics import mean

from llm_bench.rag.convert.conversion import ConversionError, convert
from llm_bench.rag.documents import Document, Passage, load_documents, passages
from llm_bench.rag.questions import load_questions
from llm_bench.rag.ranking import bm25, order
from llm_bench.rag.retrieval import LIKELY_PASSAGES, retrieve
from llm_bench.study import Retrieval
from retrieval import INCLUDE, Query, facts_of

CONVERTED = Path(__file__).resolve().parent / "converted"
GOAL = 0.9
SIZE = 5_000_000
RATIO = 8.0
HAYSTACK_PASSAGES = 26_000


def reading() -> bool:
    """Whether the prompts hold what answers the questions, for each document."""
    asked = load_questions(CONVERTED, "clinics")
    with tempfile.TemporaryDirectory() as cache:
        prompts = retrieve(CONVERTED, "clinics", Retrieval(), Path(cache))
    scores: dict[str, list[tuple[float, float]]] = {}
    for question, prompt in zip(asked, prompts, strict=True):
        if question.points:
            query = Query(question.text, question.points)
            context = [Passage(*pair) for pair in zip(prompt["documents"], prompt["passages"], strict=True)]
            scores.setdefault(question.points[0].document, []).append(
                (query.recall(context), query.facts(context) or 0)
            )
    kept = True
    top_k = Retrieval().top_k
    for document, pairs in scores.items():
        recall, facts = (mean(values) for values in zip(*pairs, strict=True))
        print(f"  {document:20} {len(pairs):2} questions, recall@{top_k} {recall:.3f}, facts@{top_k} {facts:.3f}")
        kept &= min(recall, facts) >= GOAL
    return kept


SHAPES: dict[str, Callable[[int], str]] = {
    "one paragraph": lambda size: "In 2025 the bakery sold 30.5% more bread at € 4.2 m than before. " * (size // 65),
    "lines of a paragraph": lambda size: "In 2025 the bakery sold 30.5% more bread at € 4.2 m,\n" * (size // 53),
    "paragraphs": lambda size: "In 2025 the bakery sold 30.5% more bread at € 4.2 m than before.\n\n" * (size // 66),
    "no end of a sentence": lambda size: "bread " * (size // 6),
    "a table": lambda size: "| Site | Year | Sales |\n|---|---|---|\n" + "| Linden | 2025 | 4.2 |\n" * (size // 24),
}


def cost() -> bool:
    """Whether cutting takes time in proportion to the size, for each shape of text."""
    kept = True
    for shape, text in SHAPES.items():
        quarter, whole = (min(_cpu_sec(text(size)) for _ in range(2)) for size in (SIZE // 4, SIZE))
        ratio = whole / quarter
        print(f"  {shape:20} {whole:5.1f} s for {SIZE / 10**6:.0f} MB, {ratio:4.1f} × those of a quarter")
        kept &= ratio <= RATIO
    return kept


def _cpu_sec(text: str) -> float:
    started = time.process_time()
    passages(Document("large", "Large", text))
    return time.process_time() - started


def haystack() -> bool:
    """Whether the best passages by words hold what answers, among those of Python's own library."""
    corpus = list(_hay())
    queries: list[Query] = []
    for include, industry in ((INCLUDE, "retail"), (INCLUDE, "finance"), (CONVERTED, "clinics")):
        corpus += [passage for document in load_documents(include, industry) for passage in passages(document)]
        asked = [Query(question.text, question.points) for question in load_questions(include, industry)]
        asked = [query for query in asked if query.points]
        queries += [*asked, *facts_of(asked)]
    ranked = bm25([query.text for query in queries], [passage.text for passage in corpus])
    best = [[corpus[i] for i in order(scores)[:LIKELY_PASSAGES]] for scores in ranked]
    recall = mean(query.recall(some) for query, some in zip(queries, best, strict=True))
    print(f"  {len(corpus):,} passages, {len(queries)} queries: recall@{LIKELY_PASSAGES} by words {recall:.3f}")
    return recall == 1


def _hay() -> Iterator[Passage]:
    left = HAYSTACK_PASSAGES
    for file in sorted(Path(sysconfig.get_path("stdlib")).glob("*/*.py")):
        pieces = passages(Document(str(file), file.stem, file.read_text(encoding="utf-8", errors="ignore")))[:left]
        left -= len(pieces)
        yield from pieces


Pairs = set[tuple[str, str]]


def tables(folder: Path) -> None:
    """Prints how much of the tables of real PDFs is kept."""
    started = time.perf_counter()
    right, wanted, had = [0, 0], [0, 0], [0, 0]
    truths = [truth for truth in sorted(folder.rglob("*-str.xml")) if _pdf(truth).exists()]
    for truth in truths:
        try:
            grids = _markdown_grids(convert(_pdf(truth), None).text)
        except ConversionError as reason:
            print(f"  {_pdf(truth).name}: {reason}")
            grids = []
        for i, (kept, true) in enumerate(zip(_neighbours(grids), _neighbours(_true_grids(truth)), strict=True)):
            right[i] += len(kept & true)
            wanted[i] += len(true)
            had[i] += len(kept)
    for i, name in enumerate(("side by side", "one above the other")):
        print(f"  {name:20} recall {right[i] / wanted[i]:.3f}, precision {right[i] / max(had[i], 1):.3f}")
    print(f"  {len(truths)} files, {time.perf_counter() - started:.0f} s")


def _pdf(truth: Path) -> Path:
    return truth.with_name(truth.name.replace("-str.xml", ".pdf"))


def _true_grids(truth: Path) -> Iterator[list[list[str]]]:
    for region in ET.parse(truth).getroot().iter("region"):
        cells = {
            (int(cell.get("start-row", 0)), int(cell.get("start-col", 0))): cell.findtext("content") or ""
            for cell in region.iter("cell")
        }
        width = max((column for _, column in cells), default=-1) + 1
        height = max((row for row, _ in cells), default=-1) + 1
        yield [[cells.get((row, column), "") for column in range(width)] for row in range(height)]


def _markdown_grids(text: str) -> list[list[list[str]]]:
    blocks = (block.split("\n") for block in re.split(r"\n\s*\n", text) if block.startswith("|"))
    return [[re.split(r"(?<!\\)\|", line.strip("|")) for i, line in enumerate(block) if i != 1] for block in blocks]


def _neighbours(grids: Iterator[list[list[str]]] | Sequence[list[list[str]]]) -> tuple[Pairs, Pairs]:
    """The pairs of texts in cells side by side, and one above the other; empty cells are passed over."""
    beside: Pairs = set()
    above: Pairs = set()
    for grid in grids:
        width = max(map(len, grid), default=0)
        columns = [[row[i] for row in grid if i < len(row)] for i in range(width)]
        for pairs, lines in ((beside, grid), (above, columns)):
            for line in lines:
                texts = [text for cell in line if (text := re.sub(r"[\W_]+", "", cell).casefold())]
                pairs.update(pairwise(texts))
    return beside, above


def main() -> int:
    """Measures and prints; 0 where the goals are met."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--tables", type=Path, metavar="DIR")
    options = parser.parse_args()
    kept = True
    for title, measure in (("Reading", reading), ("Cost", cost), ("Haystack", haystack)):
        print(f"{title}:", flush=True)
        kept &= measure()
    if options.tables:
        print("Tables:", flush=True)
        tables(options.tables)
    print("all goals are met" if kept else "MISSED: see above")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
