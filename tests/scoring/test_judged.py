"""What `make bench-judged` computes of answers that other people judged."""

from __future__ import annotations

import json

import numpy as np
import pytest

import judged
import judged_sets
from fixtures.knowledge import HashEmbedder
from judged import Remembering, measured, scored, without
from judged_sets import BrokenRowError, JudgedSet, auroc, interval, read, spearman
from llm_bench.analysis.agreement import Scorer, read_agreement
from llm_bench.scoring.score import SCORING_VERSION

SAID = "The clinic treated 240 patients in May."


def held(answer=SAID, label=1, **more):
    return {"context": [SAID], "answer": answer, "label": label, **more}


def preferred(completeness, **more):
    return {"question": "", "gold": SAID, "a1": "None.", "a2": SAID, "completeness": completeness, **more}


def written(tmp_path, *lines):
    path = tmp_path / "made_up.jsonl"
    path.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines), encoding="utf-8")
    return path


class TestTheAUROC:
    @pytest.mark.parametrize(
        ("values", "area"),
        [
            ([0.1, 0.2, 0.8, 0.9], 1.0),
            ([0.9, 0.8, 0.2, 0.1], 0.0),
            ([0.5, 0.5, 0.5, 0.5], 0.5),
            ([0.1, 0.8, 0.8, 0.9], 0.875),  # three of four pairs in order, and one tied
        ],
    )
    def test_is_the_share_of_pairs_in_order_ties_half(self, values, area):
        assert auroc(np.array([0, 0, 1, 1]), np.array(values)) == pytest.approx(area)

    def test_is_nan_where_all_are_labelled_alike(self):
        assert np.isnan(auroc(np.ones(3), np.arange(3)))


class TestTheRankCorrelation:
    def test_is_that_of_the_ranks_not_of_the_values(self):
        assert spearman(np.array([1, 2, 3, 4]), np.array([1, 10, 100, 1000])) == pytest.approx(1)

    def test_takes_ties_at_their_mean_rank(self):
        from scipy.stats import spearmanr

        people, values = np.array([-2, -0.5, -0.5, 0, 1.5, 2]), np.array([0.1, -0.3, 0.2, 0.2, 0.2, 0.4])
        assert spearman(people, values) == pytest.approx(spearmanr(people, values).statistic)


class TestTheInterval:
    def test_of_a_perfect_order_is_a_point(self):
        rows = [held(label=i % 2) for i in range(40)]
        assert interval(JudgedSet("", rows).resampled(np.arange(40) % 2)) == (1.0, 1.0)

    def test_draws_groups_whole(self):
        values, labels = np.random.default_rng(5).normal(size=40), [0, 1] * 20
        apart = JudgedSet("", [held(label=label, group=i) for i, label in enumerate(labels)] * 9)
        as_if_new = JudgedSet("", [held(label=label) for label in labels] * 9)
        low, high = interval(apart.resampled(np.tile(values, 9)))
        narrow, narrower = interval(as_if_new.resampled(np.tile(values, 9)))
        assert high - low == pytest.approx(3 * (narrower - narrow), rel=0.25)  # nine times as many rows: a third


class TestASet:
    def test_is_read_by_its_kind(self, tmp_path):
        assert read(written(tmp_path, held(), held(label=0))).judged.tolist() == [[1], [0]]
        assert read(written(tmp_path, preferred(-1.5))).judged.tolist() == [[-1.5]]

    def test_counts_each_persons_word(self, tmp_path):
        judged = read(written(tmp_path, *(preferred(0, completeness_all=[i, 1 - i]) for i in (0, 1))))
        assert judged.agreement(np.array([0.1, 0.2])) == pytest.approx(0)

    @pytest.mark.parametrize(
        ("broken", "reason"),
        [
            ("{", "Expecting property name"),
            ({"context": [SAID], "label": 1}, "it has no 'answer'"),
            (held(label=0.5), "`label` is 0.5"),
            ({**held(), "context": SAID}, "a list of passages"),
            (preferred(1), "it has no 'label'"),
            (held(answer=None), "no text"),
        ],
    )
    def test_with_a_broken_row_names_file_and_line(self, tmp_path, broken, reason):
        path = written(tmp_path, held(), broken)
        with pytest.raises(BrokenRowError, match=rf"made_up\.jsonl, line 2 .*{reason}"):
            read(path)

    @pytest.mark.parametrize(
        ("broken", "reason"),
        [
            (held(), "it has no"),
            (preferred("more"), "no numbers"),
            (preferred(1, completeness_all=[1, 2]), "2 people judged it"),
        ],
    )
    def test_of_preferences_with_a_broken_row_names_file_and_line(self, tmp_path, broken, reason):
        path = written(tmp_path, preferred(1), broken)
        with pytest.raises(BrokenRowError, match=rf"made_up\.jsonl, line 2 .*{reason}"):
            read(path)

    def test_without_a_row_is_no_set(self, tmp_path):
        with pytest.raises(BrokenRowError, match="has no row"):
            read(written(tmp_path))


class TestTheScores:
    models = (Remembering(HashEmbedder()), None)

    def test_are_the_products_groundedness(self):
        right, wrong = scored(JudgedSet("", [held(), held("Trees grow in Brazil.")]), self.models)
        assert right > wrong

    def test_of_an_answer_that_claims_nothing_count_as_supported(self):
        results = measured([JudgedSet("", [held("The context does not say."), held(label=0)])], self.models)
        assert results.values[judged.OURS][0][0] == 1.0
        assert results.nulls == [1]

    def test_are_the_difference_of_coverages_where_people_preferred_one(self):
        (difference,) = scored(JudgedSet("", [preferred(2)]), self.models)
        assert difference > 0.8


class TestAPartSwitchedOff:
    def test_is_none_of_a_cross_encoder(self, monkeypatch):
        monkeypatch.setattr(judged, "scored", lambda judged, models: np.ones(len(judged.rows)))
        ways = measured([JudgedSet("", [held()])], (Remembering(HashEmbedder()), "a cross-encoder")).values
        assert list(ways) == [judged.OURS, *judged.WAYS]

    @pytest.mark.parametrize("part", judged.SWITCHED_OFF)
    def test_is_a_part_of_the_scorer(self, part):
        places = judged.SWITCHED_OFF[part]
        before = [getattr(*judged._place(name)) for name in places]
        with without(places):
            assert [getattr(*judged._place(name)) for name in places] == list(places.values())
        assert [getattr(*judged._place(name)) for name in places] == before

    def test_is_an_error_where_the_scorer_has_none(self):
        with pytest.raises(AttributeError), without({"coverage.NO_SUCH_PART": 1}):
            pass


class TestARun:
    @pytest.fixture
    def run(self, monkeypatch, tmp_path, capsys):
        page = tmp_path / "page.md"
        page.write_text(f"Before.\n{judged.BEGIN}\nold\n{judged.END}\nAfter.\n", encoding="utf-8")
        monkeypatch.setattr(judged, "PAGE", page)
        monkeypatch.setattr(judged, "SHOWN", tmp_path / "agreement.json")
        monkeypatch.setattr(judged, "loaded", lambda _: (Remembering(HashEmbedder()), None))
        monkeypatch.setattr(judged_sets, "RESAMPLES", 50)

        def run(*arguments):
            monkeypatch.setattr("sys.argv", ["judged.py", *map(str, arguments)])
            code = judged.main()
            return code, capsys.readouterr(), page.read_text(encoding="utf-8")

        return run

    def test_says_in_its_last_line_whether_the_goals_are_met(self, run, tmp_path):
        written(tmp_path, held(), held("Trees grow in Brazil.", 0), held("Nobody came to Linz.", 0))
        code, shown, _ = run(tmp_path)
        last = shown.out.splitlines()[-1]
        assert last.startswith("judged by others: 1.000, ")
        assert (code, last.split()[-1]) in {(0, "met"), (1, "MISSED")}

    def test_misses_where_the_scores_order_answers_the_wrong_way(self, run, tmp_path):
        written(tmp_path, held(label=0), held("Trees grow in Brazil.", 1))
        code, shown, _ = run(tmp_path)
        assert code == 1
        assert shown.out.splitlines()[-1] == "judged by others: 0.000, 1 of 3 goals: MISSED"  # no worse than a baseline

    def test_puts_its_tables_into_the_page(self, run, tmp_path):
        written(tmp_path, preferred(1), preferred(-1, a1=SAID, a2="None."), preferred(2))
        _, shown, page = run(tmp_path, "--write")
        table = page.partition(judged.BEGIN)[2].partition(judged.END)[0].strip()
        assert table.startswith("| completeness, Spearman's ρ | made_up (3) |")
        assert table in shown.out
        assert page.startswith("Before.")
        assert page.endswith("After.\n")

    def test_writes_what_the_coverage_page_and_the_report_show(self, run, tmp_path):
        written(tmp_path, held(), held("Trees grow in Brazil.", 0), held("Nobody came to Linz.", 0))
        run(tmp_path, "--write")
        shown = read_agreement(tmp_path / "agreement.json")
        (made_up,) = shown.sets
        assert shown.scorer == Scorer(SCORING_VERSION, HashEmbedder().identity)
        assert (made_up.name, made_up.metric, made_up.measure, made_up.n) == ("made_up", "groundedness", "AUROC", 3)
        assert (made_up.low, made_up.value, made_up.high) == (1, 1, 1)

    def test_without_a_set_says_what_one_must_hold(self, run, tmp_path):
        code, shown, _ = run()
        assert code == 2
        assert "`completeness_all`" in shown.err

    def test_of_a_broken_set_ends_with_the_error(self, run, tmp_path):
        written(tmp_path, "no row")
        code, shown, _ = run(tmp_path)
        assert code == 2
        assert "made_up.jsonl, line 1" in shown.err
