from __future__ import annotations

from dataclasses import replace

import pytest

from llm_bench.analysis import tables
from llm_bench.analysis.agreement import Agreement, Judged, Scorer, agreement
from llm_bench.analysis.metrics import METRICS
from llm_bench.rag.embeddings import model_identity
from llm_bench.scoring.score import SCORING_VERSION
from llm_bench.study import DEFAULT_EMBEDDING_MODEL

SCORER = Scorer(4, "small")
NEWS = Judged("news", "AUROC", "groundedness", 0.81, 0.78, 0.84, 817, "token overlap", 0.76)
CLAIMS = replace(NEWS, name="claims", value=0.79, best_baseline_value=0.7)
PAIRS = Judged("pairs", "ρ", "coverage_score", 0.6, 0.5, 0.7, 280, "cosine", 0.55)
KNOWN = Agreement(SCORER, [NEWS, CLAIMS, PAIRS])


def note(*scorers: Scorer) -> str:
    return tables.agreement(KNOWN, scorers).notes[-1]


class TestTheTable:
    def test_has_each_set_with_its_interval_beside_the_best_simple_way(self):
        rows = tables.agreement(KNOWN, [SCORER]).cells
        assert [cell.text for cell in rows[0]] == [
            *("news", "Groundedness", "AUROC", "0.81", "0.76", "token overlap", "817")
        ]
        assert rows[0][3].interval == "[0.78, 0.84]"

    def test_says_what_it_was_measured_for(self):
        assert note(SCORER) == "Measured for version 4 with small."

    def test_says_so_where_the_records_are_of_another_version(self):
        assert "; these records are of version 3 with small," in note(Scorer(3, "small"))

    def test_says_so_where_the_records_are_of_another_model(self):
        assert "; these records are of version 4 with large," in note(Scorer(4, "large"))

    def test_says_so_where_some_of_the_records_are_of_another(self):
        said = note(SCORER, Scorer(3, "small"), Scorer(None, "large"))
        assert "; some of these records are of version 3 with small and an unknown version with large," in said


class TestTheSentence:
    def test_has_the_mean_of_each_score_over_its_sets(self):
        assert KNOWN.in_words == (
            "On answers that other people judged, groundedness tells answers that their context supports from others "
            "with an AUROC of 0.80, where the best simple way of each set has 0.73 (means of 2 sets); coverage orders "
            "answers by their completeness with a Spearman's ρ of 0.60, where the best simple way has 0.55."
        )

    def test_leaves_out_a_score_without_a_set(self):
        assert "coverage" not in Agreement(SCORER, [NEWS]).in_words


class TestTheFile:
    def test_is_of_the_scoring_of_this_release(self):
        assert agreement().scorer == Scorer(SCORING_VERSION, model_identity(DEFAULT_EMBEDDING_MODEL))

    @pytest.mark.parametrize("judged", agreement().sets, ids=lambda judged: judged.name)
    def test_has_scores_that_records_have(self, judged: Judged):
        assert judged.metric in METRICS
        assert judged.low <= judged.value <= judged.high
