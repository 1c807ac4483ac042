"""What the pages show of a study in which an LLM has a twin, and of the network."""

from __future__ import annotations

import pytest

from analysis.studies import fill_study, thesis, with_twin
from dashboard.conftest import SLOTS, thesis_slots
from dashboard.parsed import Parsed
from llm_bench.store.base import open_store

LLAMA, TWIN = "groq/llama3-70b-8192", "llama again"


@pytest.fixture(scope="module")
def twinned(loaded, include):
    """The loaded project, whose thesis study has a twin now, measured as the others."""
    file = loaded / "include" / "studies" / "thesis.yaml"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace(f"model: {LLAMA}\n", f"model: {LLAMA}\n    twin: {TWIN}\n"), encoding="utf-8")
    store = open_store("file://data", loaded)
    for path in store.list("records/"):
        (loaded / "data" / path).unlink()
    study = with_twin(thesis(include), LLAMA, TWIN)
    fill_study(store, study, include, slots=list(thesis_slots(include))[:SLOTS])
    return loaded


@pytest.fixture
def page(twinned, visitor):
    def see(address: str) -> str:
        reply = visitor("VIEWER").get(f"/llm-bench/thesis/{address}")
        assert reply.status_code == 200, reply.text
        return Parsed(reply.content).text

    return see


class TestTheComparison:
    def test_shows_the_noise_floor_beside_each_difference(self, page):
        text = page("compare")
        assert "these are twins" in text
        assert "Shaded: the noise floor" in text

    def test_says_what_the_floor_means_for_the_differences(self, page):
        assert "noise floor is known" in page("compare") or "noise floor, though significant" in page("compare")

    def test_has_it_where_only_others_are_looked_at(self, page):
        others = "llm=groq/moonshotai/kimi-k2-instruct&llm=openrouter/mistralai/mistral-7b-instruct"
        assert "Shaded: the noise floor" in page(f"compare?{others}")


class TestTheOverview:
    def test_says_whose_twin_an_llm_is(self, page):
        text = page("overview")
        assert "llama again (twin)" in text
        assert "twin of llama3-70b-8192" in text


class TestTheLatencyPage:
    def test_has_the_first_token_less_a_round_trip(self, page):
        assert "Time to first token less a round trip" in page("latency")

    def test_has_a_table_of_the_network(self, page):
        assert "The network: medians of the round trip to each LLM" in page("latency")

    def test_shows_the_first_token_less_a_round_trip(self, page):
        assert "Time to first token less a round trip" in page("latency?metric=ttft_less_rtt_sec")

    def test_alone_has_that_table(self, page):
        assert "The network: medians" not in page("throughput")
