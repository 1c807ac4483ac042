"""A cell of several questions against servers that no one here wrote, and its records field by field."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import httpx
import pytest
from airflow.sdk.exceptions import AirflowFailException

from doubles import anthropic
from doubles.faults import ANSWER, answers
from doubles.provider import Provider
from fixtures.cells import Store, pulls
from llm_bench.airflow.operators.measure import LLMBenchmarkOperator
from llm_bench.records import Record
from llm_bench.study import Study
from servers.installed import ACCELERATE, PYTHON, free_port, serving, set_up

pytestmark = [pytest.mark.servers, pytest.mark.slow]

QUESTIONS = 4
TOKENS = 12
MASTER_KEY = "sk-canary-master-4c1d"
SLOT = datetime(2026, 12, 7, 7, tzinfo=UTC)
PROMPTS = [
    {
        "question_id": f"retail-{number}",
        "question": f"Which product category is number {number}?",
        "passages": ["Home & Kitchen led.", f"Toys are number {number}."],
        "answerable": True,
        "context_hash": "c" * 64,
        "prompt_hash": "p" * 64,
    }
    for number in range(QUESTIONS)
]


@pytest.fixture(scope="module", autouse=True)
def installed() -> None:
    set_up()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A server's folder, and the home of a study."""
    monkeypatch.setenv("LLM_BENCH_HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    return tmp_path


def cell(model: str, url: str, key: str, monkeypatch: pytest.MonkeyPatch) -> list[Record]:
    """The records of a cell, as its task makes them."""
    provider = model.partition("/")[0]
    connection = {"conn_type": "llm", "host": url, "password": key}
    monkeypatch.setenv(f"AIRFLOW_CONN_LLM_{provider.upper()}", json.dumps(connection))
    content = {
        "name": "servers",
        "llms": [{"model": model}],
        "industries": ["retail"],
        "generation": {"temperature": 0, "max_tokens": TOKENS},
    }
    study = Study.model_validate(content)
    operator = LLMBenchmarkOperator(
        task_id="measure",
        llm=model,
        industry="retail",
        cell="retail",
        prepare_task_id="prepare",
    )
    context: Any = {
        "ti": SimpleNamespace(xcom_pull=pulls(study, PROMPTS), xcom_push=lambda **_: None, try_number=1),
        "dag_run": SimpleNamespace(logical_date=SLOT, run_after=SLOT, run_id="r", run_type="scheduled"),
        "task_state_store": Store(),
    }
    return operator.execute(context)


def assert_is_right(record: Record, *, model: str, finish: str, tokens: int) -> None:
    """What holds of each record, whatever the server."""
    assert (record["success"], record["failure_kind"], record["error"]) == (True, None, None)
    assert (record["http_status"], record["finish_reason"]) == (200, finish)
    assert (record["response_model"], record["token_source"]) == (model, "provider")
    assert record["response_tokens"] == tokens
    assert record["answer"]
    assert record["provider_request_id"]
    times = [record[name] for name in ("headers_sec", "first_byte_sec", "ttft_sec", "first_answer_sec", "latency_sec")]
    assert times == sorted(times)
    assert times[0] > 0
    events = record["event_times_sec"]
    assert events == sorted(events)
    assert events[0] == pytest.approx(record["ttft_sec"], abs=1e-5)
    assert events[-1] <= record["latency_sec"] + 1e-6  # they are rounded to it
    assert record["throughput_tps"] == pytest.approx(tokens / record["latency_sec"])
    assert (record["attempt"], record["study"], record["industry"]) == (1, "servers", "retail")


def assert_is_complete(records: list[Record]) -> None:
    assert [record["question_id"] for record in records] == [prompt["question_id"] for prompt in PROMPTS]
    assert len({record["record_id"] for record in records}) == QUESTIONS
    assert len({record["provider_request_id"] for record in records}) == QUESTIONS
    # The connection is opened once, and kept.
    assert [record["connect_sec"] is None for record in records] == [False, *[True] * (QUESTIONS - 1)]


class TestGuidellmsMockServer:
    def test_is_measured_to_the_token(self, folder: Path, monkeypatch: pytest.MonkeyPatch):
        port = free_port()
        options = ["--ttft-ms", "30", "--itl-ms", "5", "--output-tokens", str(TOKENS), "--model", "mocked"]
        command = [str(PYTHON.with_name("guidellm")), "mock-server", "--port", str(port), *options]
        with serving(folder, *command, port=port, ready="/health", HF_HUB_OFFLINE="1") as url:
            records = cell("hosted_vllm/mocked", f"{url}/v1", "", monkeypatch)
        assert_is_complete(records)
        for record in records:
            assert_is_right(record, model="mocked", finish="stop", tokens=TOKENS)
            assert record["prompt_tokens"] > 0
            assert record["ttft_sec"] >= 0.03
            assert len(record["event_times_sec"]) == TOKENS


class TestTransformersServe:
    def test_is_measured_though_it_sends_no_done(self, folder: Path, monkeypatch: pytest.MonkeyPatch):
        model, port = folder / "tiny", free_port()
        make_model(model)
        command = [sys.executable, "-m", "transformers.cli.transformers", "serve", str(model), "--port", str(port)]
        more = {"PYTHONPATH": str(ACCELERATE), "HF_HUB_OFFLINE": "1"}
        with serving(folder, *command, "--device", "cpu", port=port, ready="/health", **more) as url:
            records = cell(f"hosted_vllm/{model}", f"{url}/v1", "", monkeypatch)
            stated = [usage(url, str(model), prompt) for prompt in PROMPTS]
        assert_is_complete(records)
        for record in records:
            assert_is_right(record, model=str(model), finish="length", tokens=TOKENS)
        differences = {record["prompt_tokens"] - tokens for record, tokens in zip(records, stated, strict=True)}
        assert len(differences) == 1  # of what the study's own prompt has beside the question


class Proxied(NamedTuple):
    """A LiteLLM proxy, and the double of Anthropic's behind it."""

    url: str
    upstream: Provider


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxied]:
    folder, port = tmp_path_factory.mktemp("proxy"), free_port()
    with Provider() as upstream:
        parameters = {
            "model": "anthropic/claude-sonnet-4-5",
            "api_key": "upstream-canary",
            "api_base": upstream.url.removesuffix("/v1"),
        }
        config = {
            "model_list": [{"model_name": "behind", "litellm_params": parameters}],
            "router_settings": {"num_retries": 0, "disable_cooldowns": True},
        }
        file = folder / "config.yaml"
        file.write_text(json.dumps(config))
        command = [str(PYTHON.with_name("litellm")), "--config", str(file), "--host", "127.0.0.1", "--port", str(port)]
        more = {"LITELLM_MASTER_KEY": MASTER_KEY, "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
        with serving(folder, *command, port=port, ready="/health/liveliness", **more) as url:
            yield Proxied(f"{url}/v1", upstream)


class TestTheLiteLLMProxy:
    def test_is_measured_with_the_counts_of_its_upstream(
        self, proxy: Proxied, folder: Path, monkeypatch: pytest.MonkeyPatch
    ):
        proxy.upstream.script = answers(
            anthropic.Anthropic, lambda reply: reply.stream(first_token_sec=0.03, token_sec=0.005)
        )
        before = len(proxy.upstream.asked)
        records = cell("litellm_proxy/behind", proxy.url, MASTER_KEY, monkeypatch)
        assert_is_complete(records)
        for record in records:
            assert_is_right(record, model="behind", finish="stop", tokens=4)
            assert (record["answer"], record["prompt_tokens"], record["cached_tokens"]) == (ANSWER, 100, 64)
            assert record["ttft_sec"] >= 0.03
        assert len(proxy.upstream.asked) == before + QUESTIONS

    @pytest.mark.parametrize(
        ("fault", "kind"),
        [("429", "rate_limited"), ("529", "server_error"), ("overloaded midway", "stream_error")],
    )
    def test_hands_on_what_went_wrong_behind_it(
        self, proxy: Proxied, folder: Path, monkeypatch: pytest.MonkeyPatch, fault: str, kind: str
    ):
        proxy.upstream.script = anthropic.FAULTS[fault].script
        records = cell("litellm_proxy/behind", proxy.url, MASTER_KEY, monkeypatch)
        assert [record["failure_kind"] for record in records] == [kind] * QUESTIONS

    def test_has_a_model_that_it_does_not_serve(self, proxy: Proxied, folder: Path, monkeypatch: pytest.MonkeyPatch):
        records = cell("litellm_proxy/gone", proxy.url, MASTER_KEY, monkeypatch)
        assert {record["failure_kind"] for record in records} == {"model_unavailable"}

    def test_refuses_another_key_which_stops_the_cell(
        self, proxy: Proxied, folder: Path, monkeypatch: pytest.MonkeyPatch
    ):
        with pytest.raises(AirflowFailException, match="refused the key"):
            cell("litellm_proxy/behind", proxy.url, "sk-another-key", monkeypatch)


def usage(url: str, model: str, prompt: dict[str, Any]) -> int:
    """Tokens of a question as a server states them to another client."""
    body = {"model": model, "max_tokens": 1, "messages": [{"role": "user", "content": prompt["question"]}]}
    answer = httpx.post(f"{url}/v1/chat/completions", json=body, timeout=60).json()
    return int(answer["usage"]["prompt_tokens"])


def make_model(folder: Path) -> None:
    """A Llama of one layer with random weights, and a tokenizer of bytes."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    bytes_alone = Tokenizer(models.BPE())
    bytes_alone.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bytes_alone.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=300, special_tokens=["<s>", "</s>"], initial_alphabet=alphabet)
    bytes_alone.train_from_iterator(["Which product category leads? Home & Kitchen led."] * 20, trainer)
    special = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "</s>"}
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=bytes_alone, **special)
    tokenizer.chat_template = "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}assistant:"
    shape = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1}
    heads = {"num_attention_heads": 2, "num_key_value_heads": 2, "max_position_embeddings": 4096}
    ends = {"bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 1}
    torch.manual_seed(0)
    LlamaForCausalLM(LlamaConfig(vocab_size=len(tokenizer), **shape, **heads, **ends)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
