"""What stops a study is told apart: each fault alone, against a real server."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shutil
from pathlib import Path

import pytest

from doubles import anthropic, groq
from doubles.faults import answers
from doubles.provider import refusing, unreachable
from llm_bench.measure import inquiry
from llm_bench.measure.advice import ADVICE
from llm_bench.paths import program
from llm_bench.preflight.checks import Check

KEY = "canary-key-5d1c"
LISTS = {
    "anthropic": (
        "/models?limit=1000",
        "x-api-key",
        {"data": [{"type": "model", "id": "some-model", "display_name": "Some Model"}], "has_more": False},
        "served",
    ),
    "gemini": (
        "/models?pageSize=1000",
        "x-goog-api-key",
        {"models": [{"name": "models/some-model", "inputTokenLimit": 1048576, "outputTokenLimit": 65536}]},
        "served, 1,048,576 tokens of context",
    ),
}
"""Path, header of the key, list, and what is said of the model."""
ALERTS = {"connection": "thesis_alerts"}


def failed(checks: dict[str, Check]) -> list[str]:
    return [name for name, check in checks.items() if check.passed is False]


class TestAllWell:
    def test_passes_every_check(self, connect, run):
        connect()
        checks = run("groq/some-model", "groq/vendor/another-model")
        assert all(check.passed for check in checks.values())
        assert list(checks) == [
            *("questions", "documents", "window", "language", "alerts", "storage"),
            *("groq: reached", "groq: key"),
            *("groq/some-model", "groq/vendor/another-model", "clock", "embedding model"),
        ]
        assert checks["groq: key"].detail == "accepted (connection llm_groq)"

    def test_names_the_language_that_answers_are_scored_in(self, connect, run):
        connect()
        assert run()["language"].detail == "English"

    def test_warns_before_anything_is_paid_that_answers_will_have_no_scores(self, connect, run):
        connect()
        check = run(language="fr")["language"]
        assert (check.passed, check.detail) == (True, "French: answers will have no scores")
        assert check.fix == "The scorer doesn't read French: name a multilingual scoring.model."

    def test_spends_no_token(self, connect, run, provider):
        connect()
        run("groq/some-model", "groq/vendor/another-model")
        assert provider.asked == []

    def test_leaves_nothing_in_the_storage(self, connect, run, home):
        connect()
        run()
        assert [path.name for path in (home / "data").rglob("*")] == [".lock"]

    def test_of_built_in_baselines_needs_no_provider(self, run):
        checks = run("baseline/lead")
        assert checks["baseline/lead"].detail == "built in"
        assert all(check.passed for check in checks.values())


class TestTheRequest:
    def test_that_litellm_refuses_to_make_is_not_ready(self, connect, run, provider):
        provider.models = ["gpt-5"]
        connect("openai")
        check = run("openai/gpt-5")["openai/gpt-5"]
        assert check.passed is False
        assert check.detail.startswith("LiteLLM doesn't send temperature 0.0 to openai/gpt-5: ")
        assert "don't support temperature=0.0. Only temperature=1 is supported." in check.detail
        assert "drop_params" not in check.detail
        assert "(temperature: null)" in check.fix
        assert provider.asked == []

    def test_is_tried_where_the_provider_is_not_reached_too(self, connect, run):
        with refusing() as url:
            connect("openai", url=url)
            checks = run("openai/gpt-5", "openai/gpt-4o")
        assert (checks["openai/gpt-5"].passed, checks["openai/gpt-4o"].passed) == (False, None)

    def test_that_would_go_elsewhere_is_not_ready(self, connect, run):
        connect("replicate")
        check = run("replicate/vendor/model")["replicate/vendor/model"]
        assert check.passed is False
        assert "can't be measured" in check.detail


class TestAskingEachLLM:
    def test_shows_its_time_to_first_token_and_tokens(self, connect, run, provider):
        connect()
        checks = run("groq/some-model", "groq/vendor/another-model", ask=True)
        for model in ("groq/some-model", "groq/vendor/another-model"):
            assert re.fullmatch(r"served; answered: TTFT \d\.\d{3} s, 4 tokens", checks[model].detail)
        assert all(check.passed for check in checks.values())

    def test_spends_one_short_request_for_each(self, connect, run, provider):
        connect()
        run("groq/some-model", "groq/vendor/another-model", ask=True)
        asked = [(asked.model, asked.content["max_tokens"]) for asked in provider.asked]
        assert asked == [("some-model", 16), ("vendor/another-model", 16)]

    def test_finds_out_what_a_list_does_not_say(self, run, monkeypatch, provider):
        monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
        monkeypatch.setenv("ANTHROPIC_API_BASE", provider.url)
        provider.script = anthropic.good
        checks = run(anthropic.MODEL, ask=True)
        assert checks["anthropic: key"].detail == "accepted (environment), as it was answered"
        assert checks[anthropic.MODEL].detail.startswith("answered: TTFT")
        assert all(check.passed for check in checks.values())

    def test_that_fails_is_shown_with_what_to_do(self, connect, run, provider):
        connect()
        provider.script = groq.FAULTS["503"].script
        check = run(ask=True)["groq/some-model"]
        assert check.passed is False
        assert check.detail.startswith("server_error: HTTP 503: Service Unavailable")
        assert check.fix == ADVICE["server_error"]
        assert KEY not in repr(check)

    def test_that_is_refused_is_shown_with_what_to_do(self, connect, run, provider):
        connect()
        provider.script = groq.MISTAKES["400, spend limit"].script
        check = run(ask=True)["groq/some-model"]
        assert check.passed is False
        assert check.fix.startswith("Top up the account")
        assert check.fix.endswith("then check again.")

    def test_passes_with_a_model_that_only_reasons_for_so_long(self, connect, run, provider):
        connect()
        provider.script = answers(groq.Groq, lambda reply: [
            *reply.opening(), reply.reasoning("Hm"), *reply.closing(16, 16, "length")
        ])  # fmt: skip
        assert run(ask=True)["groq/some-model"].detail.endswith(", 16 tokens")

    def test_is_left_out_where_the_key_is_refused_or_the_model_gone(self, connect, run, provider):
        connect(key="another-key")
        run(ask=True)
        connect()
        run("groq/some-modle", ask=True)
        assert provider.asked == []


class TestTheAlerts:
    def test_pass_with_the_webhooks_host_alone_as_its_address_is_a_secret(self, run, monkeypatch):
        connection = {"conn_type": "http", "host": "https://hooks.example/services/T0/canary"}
        monkeypatch.setenv("AIRFLOW_CONN_THESIS_ALERTS", json.dumps(connection))
        check = run("baseline/lead", alerts=ALERTS)["alerts"]
        assert (check.passed, check.detail) == (True, "to hooks.example (connection thesis_alerts)")

    def test_to_a_connection_that_is_missing_are_told_with_where_to_add_it(self, run):
        check = run("baseline/lead", alerts=ALERTS)["alerts"]
        assert check.passed is False
        assert "There is no connection thesis_alerts" in check.detail
        assert "Admin → Connections" in check.fix

    def test_to_a_connection_without_a_host_are_told(self, run, monkeypatch):
        monkeypatch.setenv("AIRFLOW_CONN_THESIS_ALERTS", json.dumps({"conn_type": "http"}))
        assert run("baseline/lead", alerts=ALERTS)["alerts"].passed is False


class TestExpectationsOfTheStudysOwn:
    def test_pass_where_great_expectations_knows_them(self, run):
        entry = {"type": "expect_column_values_to_be_between", "kwargs": {"column": "latency_sec", "max_value": 30}}
        check = run("baseline/lead", quality=[entry])["quality"]
        assert (check.passed, check.detail) == (True, "1 of the study's own")

    def test_are_told_all_at_once_where_it_does_not(self, run):
        unknown = {"type": "expect_the_best"}
        mistaken = {"type": "expect_column_values_to_be_between", "kwargs": {"column": "latency_sec", "max": 30}}
        check = run("baseline/lead", quality=[unknown, mistaken])["quality"]
        assert check.passed is False
        assert "quality.0: expect_the_best: expect_the_best not found" in check.detail
        assert re.search(r"quality\.1: expect_column_values_to_be_between: .*max", check.detail)


class TestTheKey:
    def test_that_is_nowhere_is_told_with_where_to_put_it(self, run, monkeypatch, provider):
        monkeypatch.setenv("GROQ_API_BASE", provider.url)
        checks = run()
        assert failed(checks) == ["groq: key"]
        assert "neither the Airflow connection llm_groq nor the environment variable GROQ_API_KEY" in (
            checks["groq: key"].detail
        )
        assert checks["groq: key"].fix.endswith("restart Airflow; then check again.")
        assert checks["groq/some-model"].passed is None

    def test_that_is_refused_is_told(self, connect, run):
        connect(key="another-key")
        checks = run()
        assert failed(checks) == ["groq: key"]
        assert checks["groq: key"].detail == "groq refused the key (connection llm_groq): HTTP 401."
        assert "Correct the API key of the Airflow connection llm_groq" in checks["groq: key"].fix

    def test_of_the_environment_is_found_as_a_task_finds_it(self, run, monkeypatch, provider):
        monkeypatch.setenv("GROQ_API_BASE", provider.url)
        monkeypatch.setenv("GROQ_API_KEY", KEY)
        assert run()["groq: key"].detail == "accepted (environment)"

    def test_that_was_pasted_with_a_line_break_is_told_and_not_sent(self, run, monkeypatch, provider):
        monkeypatch.setenv("GROQ_API_BASE", provider.url)
        monkeypatch.setenv("GROQ_API_KEY", f"{KEY}\n")
        checks = run()
        assert failed(checks) == ["groq: key"]
        assert "holds a space, a line break" in checks["groq: key"].detail

    def test_of_gemini_that_is_refused_is_told_though_it_answers_400(self, run, monkeypatch, gateway):
        error = {
            "code": 400,
            "status": "INVALID_ARGUMENT",
            "message": "API key not valid. Please pass a valid API key.",
        }
        error["details"] = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}]
        server = gateway({"/models?pageSize=1000": (400, {"error": error})})
        listing = dataclasses.replace(inquiry.LISTINGS["gemini"], address=server.url)
        monkeypatch.setitem(inquiry.LISTINGS, "gemini", listing)
        monkeypatch.setenv("GEMINI_API_KEY", KEY)
        checks = run("gemini/some-model")
        assert failed(checks) == ["gemini: key"]
        assert checks["gemini: key"].detail == "gemini refused the key (environment): HTTP 400."

    def test_of_openrouter_is_tried_apart_as_its_list_is_open_to_anyone(self, connect, run, gateway):
        server = gateway({"/models": (200, {"data": [{"id": "a/b"}]}), "/key": (401, {"error": {"message": KEY}})})
        connect("openrouter", url=server.url)
        checks = run("openrouter/a/b")
        assert failed(checks) == ["openrouter: key"]
        assert checks["openrouter/a/b"].detail == "served"
        assert sorted(server.asked) == [("/key", f"Bearer {KEY}"), ("/models", f"Bearer {KEY}")]

    def test_is_not_needed_by_a_server_of_ones_own(self, connect, run, gateway):
        server = gateway({"/models": (200, {"data": [{"id": "local"}]})})
        connect("hosted_vllm", key="", url=server.url)
        checks = run("hosted_vllm/local")
        assert all(check.passed for check in checks.values())
        assert checks["hosted_vllm: key"].detail == "none needed"
        assert server.asked == [("/models", "")]

    @pytest.mark.parametrize("key", [KEY, "another-key", f"{KEY} "])
    def test_is_never_shown(self, connect, run, provider, key):
        connect(key=key)
        provider.models = [f"id-with-{key}"]
        assert key.strip() not in repr(run())


class TestAModel:
    def test_that_was_retired_is_told_with_the_nearest(self, connect, run):
        connect()
        checks = run("groq/some-modle", "groq/vendor/another-model")
        assert failed(checks) == ["groq/some-modle"]
        assert checks["groq/some-modle"].detail.startswith(
            "groq doesn't serve this model (any more); nearest: some-model"
        )
        assert checks["groq/some-modle"].fix == (
            "Name another of its models in include/studies/mine.yaml, as groq/some-model."
        )

    def test_of_a_provider_without_a_list_cannot_be_told(self, connect, run, gateway):
        connect(url=gateway({}).url)
        checks = run()
        assert checks["groq: key"].passed is None
        assert checks["groq/some-model"] == Check(
            "groq/some-model", None, "whether it is served can't be told before it is asked"
        )

    def test_of_a_provider_whose_list_is_not_known_cannot_be_told(self, run, monkeypatch):
        monkeypatch.setenv("COHERE_API_KEY", KEY)
        checks = run("cohere_chat/command-x")
        assert checks["cohere_chat/command-x"].detail == "whether it is served can't be told before it is asked"
        unknown = [name for name, check in checks.items() if check.passed is None]
        assert (unknown, failed(checks)) == (["cohere_chat: key", "cohere_chat/command-x"], [])

    @pytest.mark.parametrize("name", LISTS)
    def test_of_a_provider_whose_list_has_a_form_of_its_own_is_looked_up(self, run, monkeypatch, gateway, name):
        path, header, listed, detail = LISTS[name]
        server = gateway({path: (200, listed)})
        monkeypatch.setitem(inquiry.LISTINGS, name, dataclasses.replace(inquiry.LISTINGS[name], address=server.url))
        monkeypatch.setenv(f"{name.upper()}_API_KEY", KEY)
        checks = run(f"{name}/some-model", f"{name}/some-modle")
        assert checks[f"{name}: key"].detail == "accepted (environment)"
        assert checks[f"{name}/some-model"].detail == detail
        assert "nearest: some-model" in checks[f"{name}/some-modle"].detail
        assert server.headers[-1][header] == KEY
        assert "authorization" not in server.headers[-1]

    def test_of_such_a_provider_at_another_address_cannot_be_told(self, connect, run):
        connect("anthropic")
        assert run("anthropic/claude-x")["anthropic/claude-x"].passed is None

    def test_of_a_provider_that_nobody_knows_is_told(self, run):
        checks = run("nobody/some-model")
        assert failed(checks) == ["nobody: key"]
        assert checks["nobody: key"].detail.startswith("LiteLLM knows no provider 'nobody'")


class TestTheClock:
    @pytest.mark.parametrize(
        ("offset", "difference"), [(30.0, "(29|30|31) s behind"), (-30.0, "(29|30|31) s ahead of")]
    )
    def test_that_is_off_by_30_seconds_is_told(self, connect, run, provider, offset, difference):
        provider.date_offset_sec = offset
        connect()
        checks = run()
        assert failed(checks) == ["clock"]
        assert re.fullmatch(rf"This machine.s clock is {difference} groq.s\.", checks["clock"].detail)
        assert "time synchronisation" in checks["clock"].fix


class TestTheNetwork:
    def test_that_is_down_is_one_line_and_hides_no_other(self, connect, run):
        with refusing() as url:
            connect(url=url)
            checks = run("groq/some-model", "nobody/some-model", storage="file://include/studies/thesis.yaml")
        assert failed(checks) == ["storage", "groq: reached", "nobody: key"]
        assert "can't be reached: [Errno " in checks["groq: reached"].detail
        assert [checks[name].passed for name in ("groq: key", "groq/some-model", "clock")] == [None] * 3

    @pytest.mark.parametrize(
        "url", ["http://[::1", "ftp://127.0.0.1/v1", f"http://me:{KEY}@127.0.0.1:1/v1", "http://ü..x"]
    )
    def test_is_told_of_an_odd_address_without_its_password(self, connect, run, url):
        connect(url=url)
        checks = run()
        assert failed(checks)[0] == "groq: reached"
        assert KEY not in repr(checks)

    def test_that_swallows_everything_is_told_in_time(self, connect, run, monkeypatch):
        monkeypatch.setattr("llm_bench.measure.inquiry.TIMEOUT_SEC", 0.3)
        with unreachable() as url:
            connect(url=url)
            checks = run()
        assert "doesn't answer in time" in checks["groq: reached"].detail


class TestTheStorage:
    @pytest.mark.skipif(os.getuid() == 0, reason="root may write everywhere")
    def test_that_is_read_only_is_told(self, run, tmp_path: Path):
        folder = tmp_path / "locked"
        folder.mkdir(mode=0o500)
        assert "Permission denied" in run("baseline/lead", storage=f"file://{folder}")["storage"].detail

    def test_that_is_no_folder_is_told(self, run, home):
        (home / "data").write_text("not a folder")
        checks = run("baseline/lead")
        assert failed(checks) == ["storage"]
        assert checks["storage"].fix == "Check that folder and its disk, then check again."


class TestThePlan:
    def test_counts_the_questions_that_cant_be_answered(self, run):
        assert run("baseline/lead")["questions"].detail == "10 retail; 1 of these can't be answered"

    def test_says_what_the_study_holds_its_llms_to(self, run):
        checks = run("baseline/lead", slo=[{"within_sec": 3}, {"metric": "ttft_sec", "within_sec": 1, "share": 0.9}])
        assert checks["objectives"].detail == "95 % answered within 3 s; 90 % with a first token within 1 s"

    def test_with_a_broken_question_set_is_told(self, run, home, include):
        (home / "include").unlink()
        (home / "include" / "questions").mkdir(parents=True)
        (home / "include" / "questions" / "retail.yaml").write_text("industry: retail\nquestions: []\n")
        (home / "include" / "knowledge").symlink_to(include / "knowledge")
        checks = run("baseline/lead")
        assert failed(checks) == ["questions"]
        assert "retail.yaml has 1 mistake" in checks["questions"].detail

    @pytest.fixture
    def clinics(self, home) -> Path:
        """The folder of an industry's documents, none of which is Markdown."""
        own = Path(__file__).resolve().parents[2] / "benchmarks" / "converted"
        (home / "include").unlink()
        shutil.copytree(own, home / "include")
        return home / "include" / "knowledge" / "clinics"

    def test_says_what_the_conversion_of_documents_lost(self, run, clinics):
        check = run("baseline/lead", industries=["clinics"])["documents"]
        assert (check.passed, check.detail.splitlines()) == (
            True,
            [
                "5 clinics",
                "note: budget-2026.xlsx: the hidden sheet Notes is left out",
                "note: energy.html: 1 picture left out",
            ],
        )

    def test_with_a_document_that_cannot_be_used_is_told(self, run, clinics):
        (clinics / "broken.pdf").write_text("no")
        checks = run("baseline/lead", industries=["clinics"])
        assert failed(checks) == ["documents"]
        assert "broken.pdf: is no PDF, whatever its name says" in checks["documents"].detail

    def test_with_an_embedding_model_that_cannot_be_had_is_told(self, run):
        checks = run("baseline/lead", retrieval={"embedding_model": "someone/unpinned"})
        assert failed(checks) == ["embedding model"]

    def test_with_a_scoring_model_that_cannot_be_had_is_told(self, run):
        checks = run("baseline/lead", scoring={"model": "someone/unpinned"})
        assert failed(checks) == ["scoring model"]

    def test_loads_the_scoring_model_only_where_the_study_names_one(self, run):
        assert "scoring model" not in run("baseline/lead")
        assert run("baseline/lead", scoring={"model": "all-MiniLM-L6-v2"})["scoring model"].passed

    @pytest.mark.parametrize(
        ("start", "end", "passed", "detail"),
        [
            ("2026-12-07T08:00:00+01:00", "2026-12-11T08:00:00+01:00", True, "56 slots, the first 2026-12-07 08:00"),
            ("2026-12-01T08:00:00Z", "2026-12-05T08:00:00Z", True, "started; slot 6 of 56 is next, 2026-12-01 12:17"),
            ("2026-11-01T08:00:00Z", "2026-11-05T08:00:00Z", False, "It is over: it ended 2026-11-05T08:00:00+00:00"),
        ],
    )
    def test_tells_where_its_window_lies(self, run, start, end, passed, detail):
        check = run("baseline/lead", window={"start": start, "end": end})["window"]
        assert (check.passed, detail in check.detail) == (passed, True)

    def test_whose_window_is_over_is_moved_to_tomorrow(self, run):
        window = {"start": "2026-11-01T08:00:00+01:00", "end": "2026-11-05T08:00:00+01:00"}
        fix = run("baseline/lead", window=window)["window"].fix
        assert f"LLM_BENCH_START=2026-12-02T08:00:00+01:00 {program('llm-bench')} up" in fix


class TestTwoConnectionsOfOneProvider:
    def test_are_asked_each_for_its_own_llms(self, run, connect, monkeypatch, provider):
        connect()
        monkeypatch.setenv(
            "AIRFLOW_CONN_SPARE", json.dumps({"conn_type": "http", "host": provider.url, "password": "x"})
        )
        llms = [
            {"model": "groq/some-model"},
            {"name": "spare", "model": "groq/some-model", "connection": "spare"},
            {"name": "absent", "model": "groq/some-model", "connection": "absent"},
        ]
        checks = run(llms=llms)
        assert checks["groq: key"].passed
        assert "connection spare" in checks["groq (spare): key"].detail
        assert (checks["groq/some-model"].passed, checks["groq (spare): key"].passed) == (True, False)
        assert "There is no Airflow connection absent" in checks["groq (absent): key"].detail
