from __future__ import annotations

import copy
import random
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from llm_bench.measure.formats.reader import read
from llm_bench.rag.prompt import context_hash
from llm_bench.scoring.claims import SHORT
from llm_bench.scoring.score import SCORING_VERSION, ContextMismatchError, Judgement, Scores, judge, score

LABELLED = Path(__file__).parents[2] / "benchmarks" / "labelled"
SCORES = ("coverage_score", "groundedness", "declined")
PROMPTS: dict[str, dict[str, Any]] = {
    "loaves": {
        "question": "How many loaves were baked in 2025, and of which kind were most?",
        "passages": [
            "# Output 2025\n\nThe bakery baked 1.2 million loaves in 2025. Most of them were rye.",
            "# Output 2024\n\nThe bakery baked 1.1 million loaves. Most of them were wheat.",
        ],
        "points": ["In 2025 the bakery baked 1.2 million loaves.", "Most of the loaves were rye."],
        "answerable": True,
    },
    "flour": {
        "question": "What does flour cost?",
        "passages": ["# Prices\n\nFlour costs € 0.62 a kilogram.", "# Prices\n\nSalt costs € 0.20."],
        "points": [],
        "answerable": True,
    },
    "yeast": {
        "question": "What does yeast cost?",
        "passages": ["# Prices\n\nFlour costs € 0.62 a kilogram.", "# Prices\n\nSalt costs € 0.20."],
        "points": [],
        "answerable": False,
    },
    "growth": {
        "question": "How did sales and the number of customers of the Graz shop develop in 2025?",
        "passages": [
            "# Shops 2025\n\nSales of the shop in Graz rose by 7.4% to € 310,000 in 2025. The shop in Linz earned "
            "€ 280,000, and 3.1% less than before. The Graz shop opened on Sundays, too."
        ],
        "points": ["Sales of the shop in Graz rose by 7.4% in 2025, to € 310,000."],
        "answerable": True,
    },
    "regions": {
        "question": "How long did interruptions last in the northern and southern region, and what caused most?",
        "passages": [
            "# Northern region\n\nInterruptions lasted 47 minutes on average. Storms blew trees onto the lines.",
            "# Southern region\n\nInterruptions lasted 19 minutes on average. Old cables failed below the streets.",
        ],
        "points": [
            "In the northern region interruptions lasted 47 minutes on average.",
            "In the northern region storms blew trees onto the lines.",
        ],
        "answerable": True,
    },
    "shop": {
        "question": "Which shop earned most in 2025?",
        "passages": [
            "# Shops 2025\n\nIn 2025 the shop in Graz earned most, € 310,000. The shop in Linz had € 280,000."
        ],
        "points": ["The shop in Graz earned most in 2025, € 310,000."],
        "answerable": True,
    },
}


def record(question_id: str = "loaves", answer: str | None = "The bakery baked 1.2 million loaves.", **changes):
    """A record as it comes from measuring; the fields that scoring needs."""
    return {
        "question_id": question_id,
        "question": PROMPTS[question_id]["question"],
        "llm_model": "llama3-70b-8192",
        "success": True,
        "answer": answer,
        "context_hash": context_hash(PROMPTS[question_id]["passages"]),
        "coverage_score": None,
        "groundedness": None,
        "declined": None,
        "score_note": None,
        "context_utilization": None,
        "citations": None,
        "citation_support": None,
        "embedding_model": "planned",
        "scoring_version": None,
        "scoring_model": None,
        **changes,
    }


def scores_of(scored: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(scored[name] for name in SCORES)


class TestScores:
    def test_are_filled_in_with_the_model_that_gave_them(self, hash_embedder):
        (scored,) = score([record()], PROMPTS, hash_embedder)
        assert 0 < scored["coverage_score"] < 1
        assert scored["groundedness"] > 0.9
        assert scored["declined"] is False
        assert scored["embedding_model"] == "hash@1"

    def test_are_plain_values(self, hash_embedder):
        (scored,) = score([record()], PROMPTS, hash_embedder)
        assert [type(value) for value in scores_of(scored)] == [float, float, bool]

    @pytest.mark.parametrize(
        "unanswered",
        [
            pytest.param({"success": False, "answer": None}, id="failure"),
            pytest.param({"success": False, "answer": "The bakery"}, id="failure after some text"),
            pytest.param({"answer": " \n"}, id="blank answer"),
            pytest.param({"answer": None}, id="no answer"),
        ],
    )
    def test_are_null_without_an_answer(self, hash_embedder, unanswered):
        before = {"coverage_score": 0.5, "groundedness": 0.5, "declined": True}
        (scored,) = score([record(**unanswered, **before)], PROMPTS, hash_embedder)
        assert scores_of(scored) == (None, None, None)
        assert scored["embedding_model"] == "planned"

    def test_leave_the_given_records_as_they_are(self, hash_embedder):
        records = [record(), record("flour", None, success=False)]
        before = copy.deepcopy(records)
        score(records, PROMPTS, hash_embedder)
        assert records == before

    def test_come_in_the_order_of_the_records_with_all_their_fields(self, hash_embedder):
        scored = score([record("flour"), record("loaves", None), record("loaves")], PROMPTS, hash_embedder)
        assert [row["question_id"] for row in scored] == ["flour", "loaves", "loaves"]
        assert all(row.keys() == record().keys() for row in scored)

    def test_are_the_same_with_kept_embeddings_of_the_prompts(self, embedder, tmp_path):
        records = [record(), record("flour", "Flour costs € 0.62 a kilogram."), record("growth", "Sales rose by 7.4%.")]
        expected = score(records, PROMPTS, embedder)
        for _ in range(2):
            kept = score(records, PROMPTS, embedder, cache=tmp_path)
            for row, same in zip(kept, expected, strict=True):
                assert scores_of(row) == pytest.approx(scores_of(same), abs=2e-6)
        assert len(list(tmp_path.glob("*.npz"))) == len(records)

    def test_are_of_the_answer_without_the_reasoning_before_it(self):
        """Which the record's answer leaves out already."""
        body = b'data: {"choices":[{"delta":{"content":"<think>Was it 9 loaves?</think>It baked 1.2 million."}}]}\n\n'
        answer = read([(0.0, body + b"data: [DONE]\n\n")])
        assert answer.text == "It baked 1.2 million."
        assert answer.reasoning == "Was it 9 loaves?"


class TestCoverage:
    def test_of_a_question_that_cannot_be_answered_is_null(self, hash_embedder):
        (scored,) = score([record("yeast", "Yeast costs € 9.")], PROMPTS, hash_embedder)
        assert scored["coverage_score"] is None
        assert scored["groundedness"] is not None

    def test_of_an_empty_context_is_null(self, hash_embedder):
        prompts = {name: {**prompt, "passages": []} for name, prompt in PROMPTS.items()}
        records = [record(name, context_hash=context_hash([])) for name in prompts]
        scored = score(records, prompts, hash_embedder)
        assert {scores_of(row) for row in scored} == {(None, 0, False)}


class TestGroundedness:
    @pytest.mark.parametrize("answer", ["The context does not state it.", "Sure! Thanks for asking."])
    def test_without_a_claim_is_null(self, hash_embedder, answer):
        (scored,) = score([record(answer=answer)], PROMPTS, hash_embedder)
        assert scored["groundedness"] is None
        assert scored["coverage_score"] is not None

    def test_counts_a_figure_in_a_sentence_that_declines(self, hash_embedder):
        answer = "The context states only how many loaves were baked in 2024, 1.1 million."
        (scored,) = score([record(answer=answer)], PROMPTS, hash_embedder)
        assert scored["declined"] is True
        assert scored["groundedness"] > 0

    def test_takes_the_year_of_a_sentence_from_the_rest_of_the_answer(self, embedder):
        sentence = "Painting took three weeks."
        passages = [f"# Works 2024\n\nThe forge was rebuilt. {sentence}", "# Works 2025\n\nThe oven was sold."]
        prompts = {"loaves": {**PROMPTS["loaves"], "passages": passages}}
        answers = (sentence, f"The forge was rebuilt in 2024. {sentence}")
        records = [record(answer=answer, context_hash=context_hash(passages)) for answer in answers]
        alone, after = score(records, prompts, embedder)
        assert alone["groundedness"] < 0.5
        assert after["groundedness"] > 0.9

    def test_tells_a_figure_that_is_of_another_passage(self, embedder):
        answer = "- **Northern region:** 47 minutes on average. Storms blew trees onto the lines."
        answers = [record("regions", text) for text in (answer, answer.replace("47 minutes", "19 minutes"))]
        better, worse = score(answers, PROMPTS, embedder)
        assert better["groundedness"] > worse["groundedness"] + 0.04

    def test_does_not_count_what_is_no_claim(self, embedder):
        claim = "The bakery baked 1.2 million loaves in 2025."
        answers = [claim, f"Sure! {claim} The context does not state their price. I hope this helps."]
        alone, among = score([record(answer=answer) for answer in answers], PROMPTS, embedder)
        assert among["groundedness"] == pytest.approx(alone["groundedness"], abs=1e-5)


class TestDeclined:
    @pytest.mark.parametrize(
        ("answer", "declined"),
        [
            ("It baked 1.2 million loaves.", False),
            ("The passages do not state it.", True),
            ("It baked 1.2 million loaves. The context does not tell of which kind.", True),
        ],
    )
    def test_is_said_of_the_whole_answer_or_a_part(self, hash_embedder, answer, declined):
        (scored,) = score([record(answer=answer)], PROMPTS, hash_embedder)
        assert scored["declined"] is declined


class TestWhatIsUsedAndCited:
    LOAVES, RYE = "The bakery baked 1.2 million loaves in 2025", "Most of them were rye"

    def judged(self, embedder, answer: str) -> Scores:
        (judgement,) = judge([("loaves", answer)], PROMPTS, embedder)
        return judgement.scores

    def test_is_in_the_record_with_the_version_of_the_scoring(self, hash_embedder):
        (scored,) = score([record(answer=f"{self.LOAVES} [1].")], PROMPTS, hash_embedder)
        assert (scored["citations"], scored["scoring_version"]) == ([1], SCORING_VERSION)
        assert 0 < scored["context_utilization"] < 1
        assert scored["citation_support"] > 0.9

    @pytest.mark.parametrize("answer", ["Yes.", "<think>Was it 1.2 million?", "[1]", None])
    def test_is_null_where_there_is_nothing_to_score(self, hash_embedder, answer):
        (scored,) = score([record(answer=answer)], PROMPTS, hash_embedder)
        note = "The answer has no sentence that can be compared." if answer else None
        assert [scored[name] for name in Scores.__annotations__] == [*[None] * 6, note]
        assert scored["scoring_version"] is None

    @pytest.mark.parametrize(
        "form", ["{} [1].", "{}. [1]", "According to [1], {}.", "{} (Passage 1).", "{}.\n\nSource: [1]"]
    )
    def test_changes_no_other_score(self, embedder, form):
        plain = self.judged(embedder, f"{self.LOAVES}.")
        cited = self.judged(embedder, form.format(self.LOAVES))
        for name in ("coverage_score", "groundedness", "context_utilization"):
            assert cited[name] == pytest.approx(plain[name], abs=0.02)
        assert (plain["citations"], cited["citations"]) == ([], [1])

    def test_is_supported_by_the_cited_passages_alone(self, embedder):
        right, wrong, beyond = (self.judged(embedder, f"{self.LOAVES} [{number}].") for number in (1, 2, 7))
        assert right["citation_support"] > 0.9
        assert wrong["citation_support"] < 0.5
        assert (beyond["citation_support"], beyond["citations"]) == (0, [7])
        assert self.judged(embedder, f"{self.LOAVES}.")["citation_support"] is None

    def test_is_supported_by_all_that_a_sentence_cites(self, embedder):
        both = self.judged(embedder, f"{self.LOAVES} [1][2].")
        assert both["citation_support"] == pytest.approx(
            self.judged(embedder, f"{self.LOAVES} [1].")["citation_support"]
        )

    def test_is_more_of_the_context_the_more_the_answer_says_of_it(self, embedder):
        answers = ("The context does not say.", f"{self.LOAVES}.", f"{self.LOAVES}. {self.RYE}.")
        none, some, more = (self.judged(embedder, answer)["context_utilization"] for answer in answers)
        assert none == 0 < some < more < 1

    def test_is_shown_with_each_sentence(self, embedder):
        (judgement,) = judge([("loaves", f"{self.LOAVES} [2][1]. {self.RYE}.")], PROMPTS, embedder)
        first, second = judgement.sentences
        assert (first.cited, second.cited) == ((1, 2), ())
        assert second.cited_support is None
        assert first.cited_support > 0.9


class TestAShortAnswer:
    @pytest.mark.parametrize(
        ("right", "wrong"), [("1.2 million.", "1.7 million."), ("1.2 million loaves.", "9,000 loaves.")]
    )
    def test_is_judged_by_what_it_says_to_the_question(self, embedder, right, wrong):
        better, worse = judge([("loaves", right), ("loaves", wrong)], PROMPTS, embedder)
        assert better.scores["groundedness"] > 0.6 > worse.scores["groundedness"] + 0.3
        assert better.scores["coverage_score"] > worse.scores["coverage_score"]


class TestJudgement:
    ANSWER = "The bakery baked 1.2 million loaves in 2025. In 2024 it was 1.1 million. The price is not stated here."

    def judged(self, embedder, answer: str = ANSWER, name: str = "loaves") -> Judgement:
        (judgement,) = judge([(name, answer)], PROMPTS, embedder)
        return judgement

    def test_has_the_scores_of_the_record(self, hash_embedder):
        (scored,) = score([record(answer=self.ANSWER)], PROMPTS, hash_embedder)
        assert self.judged(hash_embedder).scores == {name: scored[name] for name in Scores.__annotations__}

    def test_says_of_each_sentence_what_supports_it_and_where(self, embedder):
        first, second, third = self.judged(embedder).sentences
        assert first.evidence == ("The bakery baked 1.2 million loaves in 2025.",)
        assert (first.passages, second.passages) == ((1,), (2,))
        assert second.evidence == ("The bakery baked 1.1 million loaves.",)
        assert (third.is_claim, third.declines) == (False, True)
        assert (third.support, third.evidence, third.passages) == (None, (), ())

    def test_groundedness_is_the_mean_of_what_it_shows(self, embedder):
        judgement = self.judged(embedder)
        claims = [sentence for sentence in judgement.sentences if sentence.is_claim]
        weighed = sum(claim.support * len(claim.text.split()) for claim in claims)
        words = sum(len(claim.text.split()) for claim in claims)
        assert judgement.scores["groundedness"] == pytest.approx(weighed / words, abs=1e-6)

    def test_says_of_each_point_whether_it_counts_and_what_states_it(self, embedder):
        prompt = {**PROMPTS["loaves"], "points": [*PROMPTS["loaves"]["points"], "The oven was sold to Graz."]}
        (judgement,) = judge([("loaves", self.ANSWER)], {"loaves": prompt}, embedder)
        assert [point.held for point in judgement.points] == [True, True, False]
        assert judgement.points[0].evidence == ("The bakery baked 1.2 million loaves in 2025.",)
        held = [point.support for point in judgement.points if point.held]
        assert judgement.scores["coverage_score"] == pytest.approx(sum(held) / 2, abs=1e-6)

    def test_of_a_question_that_cannot_be_answered_has_no_points(self, hash_embedder):
        judgement = self.judged(hash_embedder, "Yeast costs € 9.", "yeast")
        assert (judgement.points, judgement.scores["coverage_score"]) == ((), None)

    def test_of_a_blank_answer_is_empty(self, hash_embedder):
        judgement = self.judged(hash_embedder, " \n")
        assert (judgement.sentences, judgement.points) == ((), ())
        assert set(judgement.scores.values()) == {None}


class TestALanguage:
    GERMAN = "Die Bäckerei backte im Jahr 2025 insgesamt 1,2 Millionen Brote, die meisten davon aus Roggen."

    def test_that_the_scorer_does_not_read_has_null_scores_and_a_note(self, hash_embedder):
        hash_embedder.identity = "all-MiniLM-L6-v2@bundle"
        scored, blank = score([record(), record(answer="")], PROMPTS, hash_embedder, "fr")
        assert scores_of(scored) == scores_of(blank) == (None, None, None)
        assert scored["score_note"] == "The scorer doesn't read French: name a multilingual scoring.model."
        assert blank["score_note"] is None
        assert hash_embedder.calls == []

    def test_that_a_chosen_model_reads_is_scored_but_for_its_turns(self, hash_embedder):
        (scored,) = score([record()], PROMPTS, hash_embedder, "fr")
        assert scored["groundedness"] > 0.9
        assert (scored["declined"], scored["score_note"]) == (None, None)

    def test_other_than_the_one_asked_in_has_null_scores_and_a_note(self, embedder):
        chinese = "面包店在2025年烤了120万个面包。"
        scored = score([record(answer=answer) for answer in (chinese, self.GERMAN)], PROMPTS, embedder)
        assert {scores_of(row) for row in scored} == {(None, None, None)}
        notes = ["The answer isn't in the letters of English.", "The answer is in German, not in English."]
        assert [row["score_note"] for row in scored] == notes

    def test_is_not_looked_at_where_the_scores_are_good(self, hash_embedder, monkeypatch):
        monkeypatch.setattr("llm_bench.scoring.score.foreign", lambda text, language: "another")
        good = " ".join(PROMPTS["loaves"]["points"])
        scored = score([record(answer=good), record(answer="Salt.")], PROMPTS, hash_embedder)
        assert [row["score_note"] for row in scored] == [None, "another"]

    def test_that_is_german_is_cut_into_german_sentences(self, hash_embedder):
        (judgement,) = judge([("loaves", "Es begann am 3. Juni in Linz. Es endete.")], PROMPTS, hash_embedder, "de")
        assert [part.text for part in judgement.sentences] == ["Es begann am 3. Juni in Linz.", "Es endete."]

    @pytest.mark.parametrize("name", ["coverage_score", "groundedness"])
    def test_that_is_german_orders_right_above_wrong(self, embedder, name):
        cases = yaml.safe_load((LABELLED / "german.yaml").read_text(encoding="utf-8"))["cases"]
        prompts = {
            case["right"]: {
                "question": case["question"],
                "passages": case["context"],
                "points": [case["point"]],
                "answerable": True,
            }
            for case in cases
        }
        answers = [(case["right"], case[kind]) for case in cases for kind in ("right", "wrong")]
        values = [judgement.scores[name] for judgement in judge(answers, prompts, embedder, "de")]
        ordered = [right > wrong for right, wrong in zip(values[::2], values[1::2], strict=True)]
        assert sum(ordered) >= 0.85 * len(cases)


class TestAnyText:
    """Whatever letters it has, from right to left or from top to bottom."""

    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(st.text(), st.lists(st.text(), max_size=3), st.lists(st.text(), max_size=2), st.text())
    def test_has_scores_from_0_to_1_or_none(self, hash_embedder, question, passages, points, answer):
        prompt = {"question": question, "passages": passages, "points": points, "answerable": True}
        (judgement,) = judge([("any", answer)], {"any": prompt}, hash_embedder)
        for name in ("coverage_score", "groundedness"):
            value = judgement.scores[name]
            assert value is None or 0 <= value <= 1

    @pytest.mark.parametrize(
        "text",
        ["بِسْمِ 12٫5 מִלְיוֹן.", "売上は1,234万円。前年比３％増。", "👩‍👩‍👧 İstanbul ſix ﬁve ½ ²", "\u202e4.2\x00\ufffe"],
    )
    def test_is_read_by_the_real_model(self, embedder, text):
        prompt = {"question": text, "passages": [text], "points": [text], "answerable": True}
        (judgement,) = judge([("any", text)], {"any": prompt}, embedder)
        assert judgement.scores.keys() == Scores.__annotations__.keys()


class TestEncoding:
    def test_takes_each_distinct_text_once_in_one_call(self, hash_embedder):
        same = "Flour costs € 0.62 a kilogram."
        score([record("flour"), record("yeast", same), record("flour", same)], PROMPTS, hash_embedder)
        (texts,) = hash_embedder.calls
        assert sorted(texts) == [
            "Flour costs € 0.62 a kilogram.",
            "Salt costs € 0.20.",
            "The bakery baked 1.2 million loaves.",
            "What does flour cost?",
            "What does yeast cost?",
        ]

    def test_is_left_out_when_nothing_was_answered(self, hash_embedder):
        score([record(answer=None)], PROMPTS, hash_embedder)
        assert score([], {}, hash_embedder) == []
        assert hash_embedder.calls == []


class TestContextsThatDontMatch:
    @pytest.mark.parametrize("success", [True, False])
    def test_another_context_is_refused(self, hash_embedder, success):
        changed = {**PROMPTS, "loaves": {**PROMPTS["loaves"], "passages": ["# Output\n\nIt baked 9 loaves."]}}
        with pytest.raises(
            ContextMismatchError, match=r"llama3-70b-8192 was asked loaves .* Clear the run's prepare task"
        ):
            score([record("flour"), record("loaves", success=success)], changed, hash_embedder)

    def test_a_missing_context_is_refused(self, hash_embedder):
        with pytest.raises(ContextMismatchError, match="is missing"):
            score([record()], {"flour": PROMPTS["flour"]}, hash_embedder)


GRAZ = "Sales of the shop in Graz rose by 7.4% to € 310,000 in 2025."
TWINS = [
    pytest.param("loaves", "It baked 1.2 million loaves.", "It baked 1.4 million loaves.", id="figure"),
    pytest.param("loaves", "In 2025, 1.2 million loaves.", "In 2025, 1.1 million loaves.", id="figure of another year"),
    pytest.param("loaves", "1.2 million were baked in 2025.", "1.2 million were baked in 2023.", id="year"),
    pytest.param("flour", "Flour costs € 0.62 a kilogram.", "Flour costs € 0.26 a kilogram.", id="digits swapped"),
    pytest.param("flour", "A kilogram is € 0.62.", "A kilogram is € 0.90.", id="figure alone"),
    pytest.param("growth", GRAZ, GRAZ.replace("310,000", "130,000"), id="amount"),
    pytest.param("growth", GRAZ, GRAZ.replace("7.4%", "4.7%"), id="share"),
    pytest.param("growth", GRAZ, GRAZ.replace("rose", "fell"), id="direction"),
    pytest.param("growth", GRAZ, GRAZ.replace("rose", "did not rise"), id="negation"),
    pytest.param("growth", GRAZ, GRAZ.replace("2025", "2024"), id="year of a sentence"),
    pytest.param("shop", "The shop in Graz earned most.", "The shop in Wels earned most.", id="name"),
    pytest.param("growth", GRAZ, GRAZ.replace("310,000", "280,000"), id="amount of another shop"),
    pytest.param("shop", "It was the one in Graz, € 310,000.", "It was the one in Wels, € 310,000.", id="name, figure"),
]
ANSWERS = [
    ("loaves", "1.2 million loaves were baked in total. Rye made up most of them."),
    ("loaves", "It baked 1.2 million loaves."),
    ("loaves", "About 1.2m, mostly rye.\nThe year before it was 1.1m."),
    ("loaves", "The CET1 ratio was 14.7%."),
    ("flour", "Flour costs € 0.62 a kilogram."),
    ("flour", "Sixty-two cents."),
    ("yeast", "The context does not state the price of yeast."),
    ("yeast", "Yeast costs € 0.62 a kilogram."),
    ("growth", GRAZ),
    ("growth", "The Graz shop earned € 310,000, 7.4% more. Linz earned € 280,000."),
    ("growth", "The shop did well."),
]
SENTENCES = sorted({sentence for _, answer in ANSWERS for sentence in answer.splitlines()})


@pytest.fixture(scope="module")
def known(embedder):
    """The real model, which computes each text once."""

    class Known:
        identity = embedder.identity
        rows: dict[str, Any] = {}  # noqa: RUF012

        def encode(self, texts):
            import numpy as np

            new = [text for text in texts if text not in self.rows]
            self.rows |= dict(zip(new, embedder.encode(new), strict=True))
            return np.array([self.rows[text] for text in texts])

    return Known()


class TestWithTheRealModel:
    def scores(self, embedder, *answers: tuple[str, str], prompts=PROMPTS) -> list[tuple[Any, ...]]:
        return [scores_of(scored) for scored in score([record(*answer) for answer in answers], prompts, embedder)]

    def test_right_beats_half_right_beats_off_topic(self, embedder):
        right, half, _, off = self.scores(embedder, *ANSWERS[:4])
        assert right[0] > half[0] > off[0] + 0.5
        assert right[1] > 0.8
        assert off[1] < 0.2

    @pytest.mark.parametrize("with_points", [True, False])
    @pytest.mark.parametrize("question", ["loaves", "flour", "growth"])
    def test_the_context_itself_is_wholly_covered_and_grounded(self, embedder, question, with_points):
        prompt = PROMPTS[question] if with_points else {**PROMPTS[question], "points": []}
        newest = [passage for passage in prompt["passages"] if "2024" not in passage]
        prompts = {question: {**prompt, "passages": newest}}
        whole = "\n".join(passage.split("\n\n")[1] for passage in newest)
        (scored,) = score([record(question, whole, context_hash=context_hash(newest))], prompts, embedder)
        assert scored["coverage_score"] > 0.97
        assert scored["groundedness"] > 0.97

    @pytest.mark.parametrize(("question", "right", "wrong"), TWINS)
    def test_a_wrong_answer_scores_below_its_right_twin(self, embedder, question, right, wrong):
        better, worse = self.scores(embedder, (question, right), (question, wrong))
        assert better[0] > worse[0] + 0.1
        assert better[1] > worse[1] + 0.1

    def test_an_invented_answer_to_what_cannot_be_answered_is_badly_grounded(self, embedder):
        declining, invented = self.scores(embedder, ANSWERS[6], ("yeast", "Fresh yeast costs € 1.85 a cube."))
        assert declining == (None, None, True)
        assert invented[0] is None
        assert invented[1] < 0.2
        assert invented[2] is False

    def test_neither_the_order_nor_the_rest_of_the_batch_matters(self, embedder):
        together = self.scores(embedder, *ANSWERS)
        order = list(range(len(ANSWERS)))
        random.Random(1).shuffle(order)
        shuffled = dict(zip(order, self.scores(embedder, *(ANSWERS[i] for i in order)), strict=True))
        alone = [self.scores(embedder, answer)[0] for answer in ANSWERS]
        halves = self.scores(embedder, *ANSWERS[:5]) + self.scores(embedder, *ANSWERS[5:])
        for i, expected in enumerate(together):
            for other in (shuffled[i], alone[i], halves[i]):
                assert other == pytest.approx(expected, abs=1e-6)

    @settings(suppress_health_check=[HealthCheck.differing_executors])
    @given(st.sampled_from(sorted(PROMPTS)), st.lists(st.sampled_from(SENTENCES), min_size=1, max_size=5), st.randoms())
    def test_the_order_of_sentences_points_and_passages_does_not_matter(self, known, question, answer, lots):
        (before,) = self.scores(known, (question, "\n".join(answer)))
        lots.shuffle(answer)
        prompt = {**PROMPTS[question], **{name: [*PROMPTS[question][name]] for name in ("passages", "points")}}
        lots.shuffle(prompt["passages"])
        lots.shuffle(prompt["points"])
        shuffled = record(question, "\n".join(answer), context_hash=context_hash(prompt["passages"]))
        (after,) = score([shuffled], {question: prompt}, known)
        assert scores_of(after) == pytest.approx(before, abs=1e-6)

    @settings(suppress_health_check=[HealthCheck.differing_executors])
    @given(
        st.sampled_from(["loaves", "flour", "growth"]),
        st.lists(st.sampled_from(SENTENCES), min_size=1, max_size=4),
        st.sampled_from(SENTENCES),
    )
    def test_another_sentence_never_lowers_coverage(self, known, question, answer, sentence):
        assume(len("\n".join(answer).split()) > SHORT)  # a short answer has its question before it while it is alone
        less, more = self.scores(known, (question, "\n".join(answer)), (question, "\n".join([*answer, sentence])))
        assert 0 <= less[0] <= more[0] <= 1
        assert more[1] is None or 0 <= more[1] <= 1
