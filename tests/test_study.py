from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from llm_bench.errors import StudyError
from llm_bench.objectives import Objective
from llm_bench.study import LLM, Study, load_study, parse_study, study_files

GOOD: dict[str, Any] = {
    "window": {"start": "2026-12-07T08:00:00+01:00", "end": "2026-12-11T08:00:00+01:00"},
    "llms": [{"model": "groq/llama3-70b-8192"}, {"model": "openrouter/vendor/other"}],
    "industries": ["retail", "finance"],
}
EXPECTATION = {"type": "expect_column_values_to_be_null", "kwargs": {"column": "error"}}
AIM = {"within_sec": 3}
"""An objective of service."""


def mistakes_of(change: dict[str, Any], include: Path) -> tuple[str, ...]:
    """The problems in a good study after a change: dotted key → value, or None to take the key out."""
    content = copy.deepcopy(GOOD)
    for key, value in change.items():
        *path, last = key.split(".")
        part: Any = content
        for step in path:
            part = part[int(step)] if step.isdigit() else part.setdefault(step, {})
        if value is None:
            del part[last]
        else:
            part[last] = value
    with pytest.raises(StudyError) as caught:
        parse_study(content, Path("include/studies/mine.yaml"), include)
    return caught.value.problems


class TestShippedStudies:
    def test_thesis_is_56_batches_of_80_questions(self, include: Path):
        study = load_study(include / "studies" / "thesis.yaml")
        assert study.window is not None
        assert len(study.window.schedule) == 56
        assert [llm.model for llm in study.llms] == [
            "groq/llama3-70b-8192",
            "groq/moonshotai/kimi-k2-instruct",
            "openrouter/mistralai/mistral-7b-instruct",
            "openrouter/deepseek/deepseek-r1-0528-qwen3-8b",
        ]
        assert study.industries == ("retail", "finance")

    def test_thesis_around_the_clock_is_112_batches_by_one_setting(self, include: Path):
        content = yaml.safe_load((include / "studies" / "thesis.yaml").read_text())
        content["window"] = {key: str(value) for key, value in content["window"].items()} | {"periods_per_day": 2}
        content["window"] |= {"start": "2026-12-07T08:00:00+01:00", "end": "2026-12-11T08:00:00+01:00"}
        content["window"]["batches_per_period"] = 14
        study = parse_study(content, Path("thesis.yaml"), include)
        assert study.window is not None
        assert len(study.window.schedule) == 112

    def test_quickstart_needs_no_provider(self, include: Path):
        assert load_study(include / "studies" / "quickstart.yaml").providers == ("baseline",)

    def test_all_load(self, include: Path):
        assert {load_study(path).name for path in study_files(include)} == {"quickstart", "thesis"}


class TestAStudy:
    @pytest.fixture
    def study(self, include: Path) -> Study:
        return parse_study(GOOD, Path("mine.yaml"), include)

    def test_is_named_after_its_file(self, study: Study):
        assert study.name == "mine"

    def test_is_immutable(self, study: Study):
        with pytest.raises(ValidationError):
            study.concurrency = 9  # type: ignore[misc]

    def test_has_a_cell_for_each_llm_and_industry(self, study: Study):
        assert [(llm.model, industry) for llm, industry in study.cells] == [
            ("groq/llama3-70b-8192", "retail"),
            ("groq/llama3-70b-8192", "finance"),
            ("openrouter/vendor/other", "retail"),
            ("openrouter/vendor/other", "finance"),
        ]

    def test_splits_a_model_string_at_its_first_slash(self, study: Study):
        assert (study.llms[1].provider, study.llms[1].model_name) == ("openrouter", "vendor/other")

    def test_labels_an_llm_by_its_last_part(self, study: Study):
        assert study.label(study.llms[1]) == "other"

    def test_labels_llms_of_the_same_last_part_in_full(self, include: Path):
        llms = [{"model": "groq/a/same"}, {"model": "openrouter/b/same"}]
        study = parse_study({**GOOD, "llms": llms}, Path("mine.yaml"), include)
        assert [study.label(llm) for llm in study.llms] == ["groq/a/same", "openrouter/b/same"]

    def test_survives_a_trip_through_json(self, study: Study):
        assert Study.model_validate(study.model_dump(mode="json")) == study

    def test_takes_a_period_of_any_length(self, include: Path):
        window = {**GOOD["window"], "period": "PT14M", "batches_per_period": 14}
        study = parse_study({**GOOD, "window": window}, Path("mine.yaml"), include)
        assert study.window is not None
        slots = list(study.window.schedule)
        assert (slots[1] - slots[0]).total_seconds() == 60


class TestObjectives:
    def test_may_be_as_late_as_their_deadlines(self, include: Path):
        slo = [
            {"metric": "latency_sec", "within_sec": 180},
            {"metric": "ttft_sec", "within_sec": 60},
            {"metric": "first_answer_sec", "within_sec": 180},
        ]
        assert len(parse_study({**GOOD, "slo": slo}, Path("mine.yaml"), include).slo) == 3

    def test_may_ask_for_two_shares_of_one_time(self, include: Path):
        study = parse_study({**GOOD, "slo": [AIM, AIM | {"share": 0.5}]}, Path("mine.yaml"), include)
        assert [aim.words for aim in study.slo] == ["95 % answered within 3 s", "50 % answered within 3 s"]

    def test_say_what_they_ask_for(self):
        aim = Objective(metric="ttft_sec", within_sec=0.25, share=0.999)
        assert aim.words == "99.9 % with a first token within 0.25 s"
        assert (
            Objective(metric="first_answer_sec", within_sec=2).words
            == "95 % with a first word of the answer within 2 s"
        )


class TestStartByEnvironment:
    def test_moves_the_window_and_keeps_its_length(self, include: Path, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setenv("LLM_BENCH_START", "2027-01-04T08:00:00+01:00")
        study = load_study(include / "studies" / "thesis.yaml")
        assert study.window is not None
        assert study.window.start.isoformat() == "2027-01-04T08:00:00+01:00"
        assert len(study.window.schedule) == 56

    def test_leaves_a_study_without_a_window_alone(self, include: Path, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setenv("LLM_BENCH_START", "2027-01-04T08:00:00+01:00")
        assert load_study(include / "studies" / "quickstart.yaml").window is None

    def test_a_start_without_a_time_zone_names_the_variable(self, include: Path, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setenv("LLM_BENCH_START", "2027-01-04T08:00:00")
        with pytest.raises(StudyError, match=r"LLM_BENCH_START.*allowed: ISO 8601 with a UTC offset"):
            load_study(include / "studies" / "thesis.yaml")


class TestMistakes:
    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"colour": "red"}, "colour: unknown key; allowed: name, description, window, "),
            ({"window.days": 4}, "window.days: unknown key; allowed: start, end, period, "),
            (
                {"llms.0.rpm": 3},
                "llms.0.rpm: unknown key; allowed: name, model, requests_per_minute, tokens_per_minute",
            ),
            ({"retrieval.topk": 3}, "retrieval.topk: unknown key; allowed: top_k, max_context_tokens, "),
            ({"retrieval.max_context_tokens": 10}, "retrieval.max_context_tokens: 10: input should be greater than"),
            (
                {"retrieval.max_context_tokens": 10**6},
                "retrieval.max_context_tokens: 1000000: input should be less than",
            ),
            ({"llms.1.model": "groq/llama3-70b-8192"}, "groq/llama3-70b-8192 stands there twice; allowed: each once"),
            ({"industries": ["retail", "retail"]}, "retail stands there twice"),
            ({"industries": ["retail", "mining"]}, "knowledge base for mining; allowed: finance, retail"),
            (
                {"window.end": "2026-12-06T08:00:00+01:00"},
                "window.end: '2026-12-06T08:00:00+01:00': is not after start",
            ),
            (
                {"window.batches_per_period": 0},
                "window.batches_per_period: 0: input should be greater than or equal to 1",
            ),
            ({"window.periods_per_day": 3}, "window.periods_per_day: 3: input should be 1 or 2"),
            ({"window.period": "PT13H", "window.periods_per_day": 2}, "2 periods of 13:00:00 don't fit into 24 hours"),
            (
                {"window.start": "2026-12-07T08:00:00"},
                "window.start: '2026-12-07T08:00:00': has no time zone; allowed:",
            ),
            ({"window.start": None}, "window.start: is missing"),
            ({"llms": []}, "llms: []: tuple should have at least 1 item"),
            ({"llms.0.model": "llama3"}, "llms.0.model: 'llama3': string should match pattern"),
            ({"deadlines.total_sec": 5}, "is shorter than first_token_sec (60)"),
            ({"slo": [{"share": 0.9}]}, "slo.0.within_sec: is missing"),
            ({"slo": [AIM | {"share": 95}]}, "slo.0.share: 95: input should be less than 1"),
            ({"slo": [AIM | {"metric": "cost_usd"}]}, "slo.0.metric: 'cost_usd': input should be 'latency_sec', "),
            ({"slo": [AIM, AIM | {"share": 0.95}]}, "95 % answered within 3 s stands there twice; allowed: each once"),
            (
                {"slo": [AIM | {"within_sec": 181}]},
                "latency_sec within 181 s is later than deadlines.total_sec (180), when a request has failed; allowed: "
                "at most that",
            ),
            (
                {"slo": [AIM | {"metric": "ttft_sec", "within_sec": 61}]},
                "ttft_sec within 61 s is later than deadlines.first_token_sec (60)",
            ),
            (
                {"slo": [AIM], "deadlines": {"first_token_sec": 1, "total_sec": 2}},
                "latency_sec within 3 s is later than deadlines.total_sec (2)",
            ),
            ({"language": "german"}, "language: 'german': string should match pattern"),
            ({"language": "xx"}, "language: 'xx': is no code of ISO 639-1; allowed: en, de, fr, "),
            ({"storage": "s3://x"}, "storage: 's3://x': string should match pattern"),
            ({"storage": "file://../../etc"}, "storage: 'file://../../etc': goes up by `..`; allowed: a folder of"),
            ({"storage": "gs://_"}, "storage: 'gs://_': has no bucket's name"),
            ({"deadlines.total_sec": float("inf")}, "deadlines.total_sec: inf: input should be less than or equal to "),
            (
                {"deadlines.connect_sec": float("nan")},
                "deadlines.connect_sec: nan: input should be less",
            ),
            ({"generation.max_tokens": 10**30}, "generation.max_tokens: 10000000000"),
            ({"window.period": 12}, "window.period: 12: a number has no unit; allowed: ISO 8601"),
            ({"window.start": 0}, "window.start: 0: a number has no unit"),
            ({"window.end": "9999-12-31T23:59:59Z"}, "window.end: '9999-12-31T23:59:59Z': allowed: from 2000 to 2200"),
            ({"window.batches_per_period": 10**9}, "input should be less than or equal to 10000"),
            ({"window.period": "PT1S"}, "14 in 0:00:01 are less than a second apart; allowed: at least that"),
            (
                {"window.end": "2199-12-11T08:00:00Z", "window.batches_per_period": 1_000},
                "window.periods_per_day: 1: the window has 63,",
            ),
            ({"llms": [{"model": f"groq/{n}"} for n in range(201)]}, "tuple should have at most 200 items"),
            (
                {"llms": [{"name": "a", "model": "groq/a\u202eb"}]},
                "letter 7 is U+202E, which can't be seen; allowed: letters that can",
            ),
            ({"llms.0.name": "a\x00b"}, "letter 2 is U+0000, which can't be seen"),
            ({"llms.0.parameters": {"top_p": float("inf")}}, "llms.0.parameters: can't be written as JSON"),
            ({"llms.0.parameters": {"stop": "x" * 20_001}}, "letters long as JSON; allowed: at most 20,000"),
            ({"description": "a\nb"}, "description: 'a\\nb': letter 2 is U+000A"),
            ({"quality": [{"kwargs": {"column": "latency_sec"}}]}, "quality.0.type: is missing"),
            ({"quality": [{"type": "latency < 3"}]}, "quality.0.type: 'latency < 3': string should match pattern"),
            ({"quality": [EXPECTATION | {"kwargs": {"column": "speed"}}]}, "a record has no field speed; allowed: the"),
            ({"quality": [EXPECTATION | {"kwargs": {"column_list": ["a", "study"]}}]}, "a record has no field a; "),
            ({"quality": [EXPECTATION | {"severity": "info"}]}, "quality.0.severity: 'info': input should be 'crit"),
            ({"quality": [EXPECTATION, EXPECTATION]}, "expect_column_values_to_be_null (column error) stands there"),
            ({"name": "other"}, "name: 'other': differs from the file's name; allowed: mine"),
        ],
    )
    def test_are_told_with_key_cause_and_what_is_allowed(self, change: dict[str, Any], message: str, include: Path):
        problems = mistakes_of(change, include)
        assert len(problems) == 1
        assert message in problems[0]

    def test_are_all_told_at_once(self, include: Path):
        change = {
            "colour": 1,
            "llms.1.model": "groq/llama3-70b-8192",
            "industries": ["mining"],
            "window.batches_per_period": 0,
            "window.end": "2026-12-01T08:00:00Z",
        }
        assert len(mistakes_of(change, include)) == 5

    def test_name_the_file(self, include: Path):
        with pytest.raises(StudyError, match=r"include/studies/mine\.yaml has 1 mistake"):
            parse_study({**GOOD, "colour": 1}, Path("include/studies/mine.yaml"), include)

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("a: [1", "line 2: did not find expected ',' or ']'"),
            ("- 1\n", "is not a mapping"),
            ("", "is not a mapping"),
            ("catchup: true\ncatchup: false\n", "line 1: the key 'catchup' stands there twice"),
            ("llms: &a [*a]", "is nested too deep; allowed: at most 40 levels"),
            ("#" * 200_001, "has 200,001 bytes; allowed: at most 200,000"),
            ("{a: " * 2_000, "line 1: exceeded maximum nesting depth"),
            (
                "a: &a0 [x, x]\n" + "".join(f"b{n}: &a{n + 1} [*a{n}, *a{n}]\n" for n in range(30)),
                "holds 8,589,934,558 values; allowed: at most 20,000",
            ),
            ("a: 1" + "0" * 5_000, "Exceeds the limit (4300 digits)"),
            ("a: !!python/object/apply:os.getpid []", "line 1: could not determine a constructor for the tag"),
        ],
    )
    def test_in_the_yaml_itself_are_told_too(self, text: str, message: str, tmp_path: Path, include: Path):
        path = tmp_path / "mine.yaml"
        path.write_text(text)
        with pytest.raises(StudyError) as caught:
            load_study(path, include)
        assert message in str(caught.value)

    def test_a_file_that_is_not_text_is_told(self, tmp_path: Path, include: Path):
        path = tmp_path / "mine.yaml"
        path.write_bytes(b"\xff\xfe\x00")
        with pytest.raises(StudyError, match="is not UTF-8 text"):
            load_study(path, include)

    def test_a_missing_file_is_told(self, tmp_path: Path, include: Path):
        with pytest.raises(StudyError, match="there is no such file"):
            load_study(tmp_path / "mine.yaml", include)


def test_an_llm_needs_a_provider():
    with pytest.raises(ValidationError):
        LLM(model="llama3")
