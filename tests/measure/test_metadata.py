"""Addresses at which a machine hands out its own credentials are refused, however they are written or found."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from llm_bench.airflow import notifier
from llm_bench.errors import RequestError
from llm_bench.measure.client import Endpoint, LLMClient
from llm_bench.measure.inquiry import ask
from llm_bench.measure.metadata import refuse_metadata
from llm_bench.measure.resolving import addresses
from llm_bench.study import LLM, Deadlines, Generation

WRITTEN = [
    *("169.254.169.254", "169.254.170.2", "fe80::1", "fe80::1%eth0", "[fe80::1]", "fd00:ec2::254", "fd20:ce::254"),
    *("metadata.google.internal", "METADATA.google.internal.", "metadata.goog", "instance-data"),
    *("2852039166", "0xA9FEA9FE", "0xa9.0xfe.0xa9.0xfe", "0251.0376.0251.0376", "169.16689662", "169.254.43518"),
    *("::ffff:169.254.169.254", "::ffff:a9fe:a9fe", "::169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::"),
    *("168.63.129.16", "100.100.100.200", "192.0.0.192"),
]
HARMLESS = ["127.0.0.1", "localhost", "::1", "10.0.0.1", "192.168.1.4", "api.groq.com", "169.253.0.1", "8.8.8.8", "é"]
MESSAGES = [{"role": "user", "content": "Which category leads?"}]


@pytest.fixture
def look_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every name is found at an address of this machine's and at the metadata's."""

    def found(host: Any, port: Any, *args: Any, **options: Any) -> list[Any]:
        listed = ("127.0.0.1", "169.254.169.254")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port or 0)) for address in listed]

    monkeypatch.setattr(socket, "getaddrinfo", found)


def client(address: str) -> LLMClient:
    llm, endpoint = LLM(model="hosted_vllm/a"), Endpoint(api_key="a-key", api_base=address)
    return LLMClient(llm=llm, endpoint=endpoint, generation=Generation(), deadlines=Deadlines())


class TestAnAddress:
    @pytest.mark.parametrize("host", WRITTEN)
    def test_is_refused_however_it_is_written(self, host: str):
        with pytest.raises(RequestError, match="hands out its own credentials") as refused:
            refuse_metadata(host)
        assert host in str(refused.value)

    @pytest.mark.parametrize("host", HARMLESS)
    def test_of_another_kind_is_let_through(self, host: str):
        refuse_metadata(host)

    @pytest.mark.parametrize("host", ["169.254.169.254", "fe80::1%eth0", "::ffff:169.254.169.254", "100.100.100.200"])
    def test_is_refused_where_a_name_leads_to_it(self, host: str):
        with pytest.raises(RequestError, match="hands out"):
            refuse_metadata("llm.example.org", ["10.0.0.1", host])

    @pytest.mark.usefixtures("look_up")
    def test_is_named_with_the_host_that_leads_to_it(self):
        with pytest.raises(RequestError, match=r"llm\.example\.org is at 169\.254\.169\.254"):
            addresses("llm.example.org", 443, 2)


class TestAConnection:
    @pytest.mark.parametrize("host", ["169.254.169.254", "[fe80::1]", "2852039166", "metadata.google.internal"])
    def test_cant_have_it_for_its_base_url(self, host: str):
        with pytest.raises(RequestError, match="hands out its own credentials"):
            client(f"http://{host}/v1")

    @pytest.mark.usefixtures("look_up")
    def test_whose_host_is_found_there_asks_nothing(self):
        with client("http://llm.example.org/v1") as asking, pytest.raises(RequestError, match="at 169"):
            asking.ask(MESSAGES)

    @pytest.mark.usefixtures("look_up")
    def test_whose_host_is_found_there_has_no_key_checked(self):
        with pytest.raises(RequestError, match="at 169"):
            ask("/models", Endpoint(api_key="canary-key", api_base="http://llm.example.org/v1"))

    @pytest.mark.parametrize("host", ["http://169.254.169.254/latest", "http://[::ffff:a9fe:a9fe]/", "0xA9FEA9FE"])
    def test_of_alerts_cant_have_it_for_a_webhook(self, monkeypatch: pytest.MonkeyPatch, host: str):
        connection = f'{{"conn_type": "generic", "host": "{host}", "schema": "http"}}'
        monkeypatch.setenv("AIRFLOW_CONN_ALERTS", connection)
        with pytest.raises(RequestError, match="hands out its own credentials"):
            notifier.post("alerts", "text")
