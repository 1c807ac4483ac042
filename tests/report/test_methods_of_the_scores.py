"""What the methods say of retrieval and scores, held to what the code does."""

from __future__ import annotations

import ast
import math
import re
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fixtures.knowledge import HashEmbedder
from llm_bench.rag import retrieval
from llm_bench.rag.documents import Document, Passage, passages
from llm_bench.rag.prompt import within_budget
from llm_bench.rag.questions import Question
from llm_bench.rag.retrieval import count_tokens, described
from llm_bench.scoring import coverage as maths
from llm_bench.scoring.claims import claims, declines
from llm_bench.scoring.score import SCORING_VERSION, ContextMismatchError, score
from llm_bench.scoring.statements import Evidence, Statement, features, state
from llm_bench.study import Retrieval
from llm_bench.templates import BUILT_IN
from report.claims import says

TEXTS = [
    "Toys led in the north, with sales of 4.2 million.",
    "Books fell in the south after a long year of toys and games.",
    "The north grew; toys, toys and more toys were sold there.",
    "Garden tools sold well in spring.",
    "Nothing was sold in the west.",
    "The south sold garden tools and toys.",
]
PIECES = [Passage("sales", text) for text in TEXTS]
QUESTION = Question("q", "How did toys sell in the north?")


def context(top_k: int = 4, tokens: int = 1200, pieces: list[Passage] = PIECES) -> list[str]:
    settings = Retrieval().model_copy(update={"top_k": top_k, "max_context_tokens": tokens})
    (prompt,) = retrieval._retrieve([QUESTION], pieces, settings, BUILT_IN)
    return prompt["passages"]


def by_words() -> list[float]:
    """Okapi BM25, by its formula."""
    words = [re.findall(r"\d+\.\d+|\w+", text.lower()) for text in TEXTS]
    mean = sum(map(len, words)) / len(words)
    scores = []
    for own in words:
        total = 0.0
        for word in dict.fromkeys(re.findall(r"\w+", QUESTION.text.lower())):
            holders = sum(word in other for other in words)
            often = Counter(own)[word]
            idf = math.log(1 + (len(words) - holders + 0.5) / (holders + 0.5))
            total += idf * often / (often + 1.2 * (1 - 0.75 + 0.75 * len(own) / mean))
        scores.append(total)
    return scores


def ranks(scores: list[float]) -> list[int]:
    return [sum(other >= own for other in scores) for own in scores]


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> HashEmbedder:
    embedder = HashEmbedder()
    monkeypatch.setattr(retrieval, "Embedder", lambda _name: embedder)
    return embedder


class TestContexts:
    @says("Documents are cut into passages: paragraphs of at most 120 words, and tables, below the title and heading")
    def test_passages_are_paragraphs_and_tables_below_their_headings(self):
        long = " ".join(f"Sentence number {number} has six words." for number in range(60))
        text = f"## Part\n\n{long}\n\nA word before.\n\n| A | B |\n|---|---|\n| 1 | 2 |"
        cut = [passage.text for passage in passages(Document("d", "Title", text))]
        assert all(piece.startswith("# Title: Part\n\n") for piece in cut)
        paragraphs = [piece.removeprefix("# Title: Part\n\n") for piece in cut[:-1]]
        assert " ".join(paragraphs) == long
        assert max(len(piece.split()) for piece in paragraphs) <= 120 < len(long.split())
        assert cut[-1].endswith("| A | B |\n|---|---|\n| 1 | 2 |")

    @says(
        "For each question all passages are ranked twice: by meaning, which is the cosine",
        "The two rankings are fused by the sum of their reciprocal ranks, with the constant 60.",
        "The best 4 passages are the context, best first, as many as fit whole into 1,200 tokens",
    )
    def test_a_context_has_the_best_by_the_sum_of_reciprocal_ranks(self, hashed: HashEmbedder):
        question, *vectors = hashed.encode([QUESTION.text, *TEXTS])
        by_meaning = [round(float(vector @ question), 6) for vector in vectors]
        fused = [
            1 / (60 + one) + 1 / (60 + other) for one, other in zip(ranks(by_meaning), ranks(by_words()), strict=True)
        ]
        best = sorted(range(len(TEXTS)), key=lambda at: -fused[at])
        assert context(top_k=4) == [TEXTS[at] for at in best[:4]]
        assert context(top_k=2) == [TEXTS[at] for at in best[:2]]
        fitting = sum(count_tokens(TEXTS[at]) for at in best[:2])
        assert context(top_k=4, tokens=fitting) == [TEXTS[at] for at in best[:2]]
        assert context(top_k=4, tokens=fitting - 1) == [TEXTS[best[0]]]

    def test_the_sentence_has_the_studys_settings(self):
        settings = Retrieval(top_k=7, max_context_tokens=900, embedding_model="own/model@1")
        text = described(settings).text
        assert "The best 7 passages" in text
        assert "into 900 tokens of all-MiniLM-L6-v2" in text
        assert "(own/model@1)" in text

    @says("Of more than 1,000 passages, only the 50 that are best by words are ranked by meaning.")
    def test_of_many_passages_the_best_by_words_are_compared_by_meaning(self, hashed: HashEmbedder):
        many = [f"toys {'north ' * (number % 40)} {number}" for number in range(1001)]
        context(pieces=[Passage("d", text) for text in many])
        assert [len(call) for call in hashed.calls] == [51]
        hashed.calls.clear()
        context(pieces=[Passage("d", text) for text in many[:1000]])
        assert [len(call) for call in hashed.calls] == [1001]

    @says("Where not even the first fits, it is cut at the end of a sentence or of a table's row.")
    def test_a_first_passage_that_is_too_long_is_cut_at_a_sentences_end(self):
        text = "# Title\n\nThe first sentence. The second sentence. The third sentence."
        kept = within_budget([Passage("d", text)], 8, lambda part: len(part.split()))
        assert [passage.text for passage in kept] == ["# Title\n\nThe first sentence. The second sentence."]


def statement(text: str, cosine: float = 1.0, **more: Any) -> Statement:
    """A sentence whose cosine to another one of cosine 1 is given."""
    vector = np.array([cosine, math.sqrt(1 - cosine**2)], np.float32)
    return state(text, vector, features(""), frozenset(), **more)


def supported(text: str, by: str, cosine: float = 1.0) -> float:
    return float(maths.support([statement(text)], Evidence([statement(by, cosine)], [0]))[0])


def mixed(likeness: float, cosine: float = 1.0) -> Any:
    """The likeness, with the plain cosine as a twentieth of it."""
    return pytest.approx(0.95 * likeness + 0.05 * cosine, abs=1e-6)


class TestSupport:
    @says(
        "Answer and context are cut into sentences, and a sentence is compared with each sentence of the other side",
        "The support is the greatest of all, with the greatest plain cosine as 0.05 of it.",
    )
    def test_it_grows_from_a_cosine_of_two_tenths_to_six_tenths_and_takes_the_best(self):
        assert [supported("it did so", "that was it", cosine) for cosine in (0.2, 0.4, 0.6, 0.9)] == [
            mixed(0, 0.2),
            mixed(0.5, 0.4),
            mixed(1, 0.6),
            mixed(1, 0.9),
        ]
        several = Evidence([statement("that was it", cosine) for cosine in (0.1, 0.4, 0.3)], [0, 1, 2])
        assert maths.support([statement("it did so")], several)[0] == mixed(0.5, 0.4)

    def test_two_sentences_of_one_passage_are_compared_together(self):
        first, second = (np.array([0.5, sign * math.sqrt(0.75)], np.float32) for sign in (1, -1))
        both = [state("x was", vector, features(""), frozenset()) for vector in (first, second)]
        asked = [statement("it did so")]
        assert maths.support(asked, Evidence(both, [0, 0]))[0] == mixed(1, 1)  # their mean is the sentence itself
        assert maths.support(asked, Evidence(both, [0, 1]))[0] == mixed(0.75, 0.5)

    @says("Figures, years, names and direction are compared apart, and each that differs leaves 0.2 of the likeness.")
    @pytest.mark.parametrize(
        ("text", "by", "left"),
        [
            ("it took 31 days", "it took days", 0.2),
            ("it took 31 days", "it took 32 days", 0.2),
            ("it was so in 2024", "it was so in 2025", 0.2),
            ("it was in Linz", "it was in Graz", 0.2 * 0.7),  # nor is the word there
            ("sales rose or sales fell: they rose", "sales rose or sales fell: they fell", 0.2),
            ("sales rose", "sales rose", 1),
        ],
    )
    def test_what_differs_leaves_a_part(self, text: str, by: str, left: float):
        assert supported(text, by) == mixed(left)

    @says("Where a figure agrees, a cosine of 0.4 is enough.")
    def test_a_figure_that_agrees_makes_up_for_words(self):
        assert supported("it took 31 days", "it took 31 days", 0.4) == mixed(1, 0.4)
        assert supported("it took days", "it took days", 0.4) == mixed(0.5, 0.4)

    @says("A sentence without a figure loses up to 0.3 of its support, by the share of its words that the other side")
    def test_a_sentence_without_a_figure_is_held_to_its_words(self):
        assert supported("bread sold", "bread baked") == mixed(1 - 0.3 / 2)
        assert supported("bread sold for 31 euros", "31 euros") == mixed(1)

    @says("A figure of an answer counts as far as the words beside it stand beside the same figure in the context")
    def test_a_figure_said_of_the_wrong_thing_counts_less(self):
        rate = Evidence([statement("The default rate was 1.42% in 2025, after 1.25% in 2024.")], [0])
        right = statement("The rate was 1.42% in 2025.", context=rate)
        wrong = statement("The rate was 1.25% in 2025.", context=rate)
        assert right.trust == (1,)
        assert wrong.trust[0] < 0.6
        held = Evidence([statement("The rate was 1.25% in 2025.")], [0])
        assert maths.support([wrong], held)[0] == mixed(wrong.trust[0])

    @says("A sentence in which two names, or two directions, stand with each other's words loses most of its support.")
    def test_a_sentence_that_exchanges_names_or_directions_counts_less(self):
        held = Evidence([statement("wins rose at Linz, and defeats fell at Graz.")], [0])
        for right, wrong in (("Linz with wins, Graz with defeats", "Graz with wins, Linz with defeats"),
                             ("wins rose, defeats fell", "wins fell, defeats rose")):  # fmt: skip
            assert statement(f"It was {right}", context=held).kept == 1
            exchanged = statement(f"It was {wrong}", context=held)
            assert exchanged.kept < 0.6
            assert maths.support([exchanged], Evidence([statement(f"It was {wrong}")], [0]))[0] == mixed(exchanged.kept)

    @says("No LLM judges another's answers.")
    def test_nothing_that_scores_can_ask_an_llm(self):
        reached, files = set(), list(Path(maths.__file__).parent.glob("*.py"))
        for file in files:
            for node in ast.walk(ast.parse(file.read_text())):
                reached |= {node.module or ""} if isinstance(node, ast.ImportFrom) else set()
                reached |= {name.name for name in node.names} if isinstance(node, ast.Import) else set()
        assert not [name for name in reached if re.search(r"litellm|httpx|openai|llm_bench\.measure", name)]


def prompt(points: list[str], *, answerable: bool = True) -> dict[str, Any]:
    held = ["# Sales\n\nToys led in 2025. Books fell by 12 percent in 2025."]
    return {"question": "What led?", "points": points, "answerable": answerable, "passages": held}


def scored(answer: str | None, points: list[str], *, success: bool = True, answerable: bool = True) -> dict[str, Any]:
    asked = prompt(points, answerable=answerable)
    record = {
        "question_id": "q",
        "llm_model": "m",
        "answer": answer,
        "success": success,
        "embedding_model": "planned",
        "context_hash": retrieval.context_hash(asked["passages"]),
    }
    (made,) = score([record], {"q": asked}, HashEmbedder())  # type: ignore[list-item,arg-type]
    return made


TOYS, BOOKS, OTHER = "Toys led in 2025.", "Books fell by 12 percent in 2025.", "Games cost 99 euros in Linz."


class TestScores:
    @says("An answer that succeeded is scored, without its reasoning, by version 5 of the scoring")
    def test_the_same_answer_has_the_same_score_and_no_other_is_scored(self):
        assert SCORING_VERSION == 5
        assert scored(TOYS, [TOYS]) == scored(TOYS, [TOYS])
        assert scored(TOYS, [TOYS], success=False)["coverage_score"] is None
        value = scored(OTHER, [TOYS, BOOKS])["coverage_score"]
        assert value == round(value, 6)
        with pytest.raises(ContextMismatchError):
            score([scored(TOYS, [TOYS]) | {"context_hash": "another"}], {"q": prompt([TOYS])}, HashEmbedder())

    def test_reasoning_is_no_part_of_the_answer(self):
        from llm_bench.measure.formats.reader import read

        delta = 'data: {"choices": [{"delta": {"content": "<think>Books?</think>Toys led."}}]}\n\n'
        assert read([(0.1, delta.encode())]).text == "Toys led."

    @says(
        "Coverage is a recall, from 0 to 1: the mean support that the answer gives the question's reference points.",
        "Those count that the question's context holds, with a support of 0.5 or more.",
    )
    def test_coverage_is_the_mean_support_of_the_points_that_the_context_holds(self):
        points = [statement("toys led"), statement("it took 31 days"), statement("in Linz")]
        context = Evidence([statement("toys led"), statement("it took 31 days")], [0, 1])
        answer = Evidence([statement("toys led")], [0])
        held, support = maths.support(points, context), maths.support(points, answer)
        assert [value >= 0.5 for value in held] == [True, True, False]
        assert maths.coverage(held, support) == pytest.approx(support[:2].mean())
        more = Evidence([statement("toys led"), statement("in the sun, quite else", 0.9)], [0, 1])
        assert maths.support(points[:1], more) == pytest.approx(support[:1])

    @says("Where a question can't be answered from the documents, or its context holds no point, there is none.")
    def test_without_a_point_in_the_context_there_is_no_coverage(self):
        assert scored(TOYS, [TOYS])["coverage_score"] == pytest.approx(1)
        assert scored(TOYS, [], answerable=False)["coverage_score"] is None
        assert scored(TOYS, [OTHER])["coverage_score"] is None

    @says("For a question without reference points the sentences of its context stand in their place, each weighted")
    def test_without_points_context_sentences_count_by_a_power_of_their_cosine(self):
        context = [statement("toys led", 0.9), statement("it took 31 days", 0.5)]
        answer = Evidence([statement("toys led", 0.9)], [0])
        weights = np.array([0.9, 0.5]) ** 6
        expected = weights @ maths.support(context, answer) / weights.sum()
        asked = np.array([1, 0], np.float32)
        assert maths.coverage_without_points(asked, context, answer) == pytest.approx(expected)

    @says("Groundedness is a precision, from 0 to 1: the mean support that the context gives what the answer claims")
    def test_groundedness_is_the_mean_support_of_claims_by_their_words(self):
        claimed, context = [statement("toys led"), statement("it took 31 days")], Evidence([statement("toys led")], [0])
        support = maths.support(claimed, context)
        assert support[0] != pytest.approx(support[1])
        expected = (2 * support[0] + 4 * support[1]) / 6
        assert maths.groundedness(list(zip(support, [2, 4], strict=True))) == pytest.approx(expected)
        whole = scored(f"{TOYS} {OTHER}", [TOYS])["groundedness"]
        apart = [scored(text, [TOYS])["groundedness"] for text in (TOYS, OTHER)]
        words = [len(text.split()) for text in (TOYS, OTHER)]
        assert whole == pytest.approx(np.average(apart, weights=words), abs=1e-5)

    @says("Sentences that decline or are polite claim nothing, and an answer without a claim has none.")
    def test_what_declines_or_is_polite_claims_nothing(self):
        declining, polite = "The context does not state it.", "I hope this helps."
        assert not claims(declining)
        assert not claims(polite)
        assert scored(f"{declining} {polite}", [TOYS])["groundedness"] is None
        assert scored(f"{TOYS} {polite}", [TOYS])["groundedness"] == scored(TOYS, [TOYS])["groundedness"]

    @says(
        "The utilization of a context is the mean support that an answer's claims give the sentences of its context",
        "An answer that claims nothing uses nothing.",
    )
    def test_utilization_is_the_mean_support_of_the_contexts_sentences_by_their_words(self):
        said, held = statement(TOYS), [statement(TOYS), statement(BOOKS)]
        support = maths.support(held, Evidence([said], [0]))
        words = [len(text.split()) for text in (TOYS, BOOKS)]
        assert maths.groundedness(list(zip(support, words, strict=True))) < 1
        alone, both = (scored(text, [TOYS])["context_utilization"] for text in (TOYS, f"{TOYS} {BOOKS}"))
        assert alone == pytest.approx(words[0] / sum(words), abs=0.1)
        assert both == pytest.approx(1)
        assert scored("The context does not state it.", [TOYS])["context_utilization"] == 0

    @says("Where an answer cites passages by their numbers, the citations are no part of what it says.")
    def test_citations_are_no_part_of_what_is_said(self):
        cited, plain = (scored(text, [TOYS]) for text in (f"{TOYS[:-1]} [1].", TOYS))
        same = ("coverage_score", "groundedness", "context_utilization", "declined")
        assert [cited[name] for name in same] == [plain[name] for name in same]
        assert (cited["citations"], plain["citations"]) == ([1], [])

    @says("Citation support is the mean support that the cited passages alone give what is claimed with a citation")
    def test_citation_support_is_by_the_cited_passages_and_the_words_of_what_cites(self):
        assert scored(f"{TOYS[:-1]} [1]. {OTHER}", [TOYS])["citation_support"] == pytest.approx(1, abs=1e-5)
        assert scored(f"{TOYS[:-1]} [2].", [TOYS])["citation_support"] == 0
        assert scored(TOYS, [TOYS])["citation_support"] is None
        words = [len(text.split()) for text in (TOYS, BOOKS)]
        half = scored(f"{TOYS[:-1]} [1]. {BOOKS[:-1]} [2].", [TOYS])["citation_support"]
        assert half == pytest.approx(words[0] / sum(words), abs=1e-5)

    @says("An answer declines where a sentence of it has one of a fixed list of English and German turns")
    def test_an_answer_declines_where_one_of_its_sentences_does(self):
        declining = "The passages do not mention who left."
        assert declines(declining)
        assert scored(f"{TOYS} {declining}", [TOYS])["declined"] is True
        assert scored(TOYS, [TOYS])["declined"] is False
        assert scored(f"{TOYS} Der Kontext nennt es nicht.", [TOYS])["declined"] is True
        assert scored("I'm sorry, but I can't help with that.", [TOYS])["declined"] is True
        assert scored("Nobody wrote it down.", [TOYS])["declined"] is False
