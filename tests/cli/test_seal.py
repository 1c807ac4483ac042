"""``llm-bench seal``."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from llm_bench.protocol.keeping import held
from llm_bench.store.base import FileStore
from llm_bench.study import load_studies

LLAMA, KIMI = "groq/llama3-70b-8192", "groq/moonshotai/kimi-k2-instruct"


def protocols(home: Path, study: str = "yours"):
    return held(FileStore(home / "data"), study)


class TestSealing:
    def test_takes_every_pair_in_latency_and_success_where_nothing_is_said(self, command, home):
        said = command("seal", "yours")
        assert said.code == 0
        assert "yours is sealed: " in said.out
        assert "before the first record" in said.out
        (sealed,) = protocols(home)
        assert (sealed.plan.metrics, sealed.plan.pairs) == (["latency_sec", "success"], [[LLAMA, KIMI]])
        assert sealed.sha256 in said.out

    def test_takes_what_is_said(self, command, home):
        options = ("--metric", "ttft_sec", "--pair", KIMI, LLAMA, "--run-type", "scheduled", "--suspect", "exclude")
        assert command("seal", "yours", *options).code == 0
        (sealed,) = protocols(home)
        assert (sealed.plan.metrics, sealed.plan.pairs) == (["ttft_sec"], [[LLAMA, KIMI]])
        assert sealed.plan.filters == {"run_type": ["scheduled"], "suspect": ["exclude"]}

    def test_writes_the_same_file_beside_the_studys(self, command, home):
        command("seal", "yours")
        file = home / "include" / "studies" / "yours.protocol.yaml"
        assert file.read_bytes() == (home / "data" / "protocols" / "study=yours" / "001.yaml").read_bytes()
        assert yaml.safe_load(file.read_text())["study"] == "yours"

    def test_leaves_the_studies_as_they_are(self, command, home):
        command("seal", "yours")
        studies, mistakes = load_studies(home / "include")
        assert ([study.name for study in studies], mistakes) == (["mine", "yours"], [])

    def test_with_records_at_hand_says_so(self, command, home):
        said = command("seal", "mine")
        assert said.code == 0
        assert "after 10 records were there: not beforehand" in said.out
        assert [sealed.beforehand for sealed in protocols(home, "mine")] == [False]

    def test_of_later_records_alone_is_beforehand(self, command, home):
        assert "before the first record (10 other records" in command("seal", "mine", "--start", "2026-12-08").out
        assert [sealed.beforehand for sealed in protocols(home, "mine")] == [True]

    def test_counts_the_records_of_the_window_apart_from_trials(self, command, home, fill):
        study = home / "include" / "studies" / "yours.yaml"
        window = "{start: 2026-12-07T08:00:00Z, end: 2026-12-08T08:00:00Z, batches_per_period: 1}"
        study.write_text(f"{study.read_text()}window: {window}\n")
        store = FileStore(home / "data")
        fill(store, "yours", datetime(2026, 12, 6, 9, tzinfo=UTC), records=3, run_type="manual")
        fill(store, "yours", datetime(2026, 12, 7, 8, tzinfo=UTC), records=5)
        assert (
            "after 5 records were there: not beforehand (3 other records were there, too)"
            in command("seal", "yours").out
        )

    def test_again_changes_nothing(self, command, home):
        command("seal", "yours")
        (home / "include" / "studies" / "yours.protocol.yaml").unlink()
        said = command("seal", "yours")
        assert (said.code, "was sealed, and is as it was" in said.out) == (0, True)
        assert len(protocols(home)) == 1
        assert (home / "include" / "studies" / "yours.protocol.yaml").exists()

    def test_of_something_else_is_refused(self, command, home):
        command("seal", "yours")
        said = command("seal", "yours", "--metric", "ttft_sec")
        assert said.code == 2
        assert "this differs from it: primary metrics: latency_sec, success → ttft_sec." in said.err
        assert "llm-bench seal yours --amend" in said.err
        assert len(protocols(home)) == 1


class TestAmending:
    def test_keeps_what_was_sealed_and_what_is_not_said(self, command, home):
        command("seal", "yours", "--metric", "ttft_sec", "--suspect", "exclude")
        study = home / "include" / "studies" / "yours.yaml"
        study.write_text(study.read_text() + "concurrency: 2\n")
        said = command("seal", "yours", "--amend", "the free tier is slow")
        assert (said.code, "yours is amended: " in said.out) == (0, True)
        first, second = protocols(home)
        assert (second.plan.metrics, second.plan.filters) == (first.plan.metrics, first.plan.filters)
        assert second.plan.settings == {**first.plan.settings, "concurrency": 2}
        assert second.reason == "the free tier is slow"

    def test_takes_other_filters_where_some_are_said(self, command, home):
        command("seal", "yours", "--suspect", "exclude")
        command("seal", "yours", "--amend", "backfills count", "--run-type", "scheduled", "--run-type", "backfill")
        assert protocols(home)[1].plan.filters == {"run_type": ["scheduled", "backfill"]}

    def test_needs_something_sealed(self, command):
        said = command("seal", "yours", "--amend", "why not")
        assert (said.code, "no protocol to amend" in said.err) == (2, True)


class TestAName:
    @pytest.mark.parametrize(
        ("options", "words"),
        [
            (("--metric", "latency"), "LLMs aren't compared in 'latency'. Did you mean latency_sec?"),
            (("--pair", LLAMA, "groq/kimi"), "The study has no LLM 'groq/kimi' to compare."),
            (("--pair", LLAMA, LLAMA), "is one LLM."),
        ],
    )
    def test_that_cant_be_used_is_an_error(self, command, home, options, words):
        said = command("seal", "yours", *options)
        assert (said.code, words in said.err) == (2, True)
        assert protocols(home) == []
