"""What the pages say of a study that was asked cold and warm, from several places, through a gateway."""

from __future__ import annotations

import json
import re
import shutil

import pytest

from analysis.studies import Circumstances, fill_study, thesis
from dashboard.conftest import PAGE, SLOT, thesis_slots
from dashboard.parsed import Parsed
from dashboard.test_pages import LLM, ROOT, see, specs
from llm_bench.dashboard.pages import NAVIGATION
from llm_bench.store.base import from_parquet, object_path, open_store

SLOTS = 7
UPSTREAMS = ("DeepInfra", "Novita", "Chutes")
REASONING = "openrouter/deepseek/deepseek-r1-0528-qwen3-8b"
COLD = SLOTS * 80 * 2


def project(include, home, *places, cache="both"):
    """A project whose thesis study was measured from these places."""
    shutil.copytree(include / "studies", home / "include" / "studies")
    for folder in ("questions", "knowledge"):
        (home / "include" / folder).symlink_to(include / folder)
    file = home / "include" / "studies" / "thesis.yaml"
    file.write_text(re.sub(r"(?m)^cache: \w+", f"cache: {cache}", file.read_text()))
    for number, place in enumerate(places):
        fill_study(
            open_store("file://data", home),
            thesis(include, cache=cache),
            include,
            slots=thesis_slots(include)[:SLOTS],
            seed=number,
            circumstances=place,
        )


@pytest.fixture(scope="module")
def made(include, tmp_path_factory):
    """Asked cold and warm, from here and from Tokyo; one LLM's answers are often cut."""
    home = tmp_path_factory.mktemp("varied")
    upstreams, cut = {REASONING: UPSTREAMS}, {LLM: 0.3}
    places = (
        Circumstances(upstreams=upstreams, cut=cut),
        Circumstances(client="tokyo", farther=0.2, upstreams=upstreams, cut=cut),
    )
    project(include, home, *places)
    return home


@pytest.fixture
def varied(made, monkeypatch):
    monkeypatch.setenv("LLM_BENCH_HOME", str(made))
    return made


@pytest.fixture
def readers(include, tmp_path, monkeypatch):
    """A place without a name that holds the records of two others."""
    project(include, tmp_path, Circumstances(client="berlin"), Circumstances(client="tokyo"), cache="unique")
    monkeypatch.setenv("LLM_BENCH_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def reader(visitor):
    return visitor("VIEWER")


class TestWarmRecords:
    @pytest.mark.parametrize("page", [page for page in NAVIGATION if page != "export"])
    def test_are_left_out_of_every_page_and_it_says_so_and_where_they_are(self, varied, reader, page):
        parsed = see(reader, page)
        assert f"{COLD:,} warm records are left out" in parsed.text
        assert f"{ROOT}/records?cache=warm" in parsed.addresses
        assert f"{ROOT}/caching" in parsed.addresses

    def test_are_counted_as_the_other_filters_choose(self, varied, reader):
        assert f"{COLD // 4} warm records are left out" in see(reader, "latency", llm=LLM).text

    def test_can_be_chosen_alone_or_too(self, varied, reader):
        alone, all_of_them = (see(reader, "records", cache=cache).text for cache in ("warm", "all"))
        assert f"of {COLD:,};" in alone
        assert "left out, each of a question" not in alone
        assert f"of {2 * COLD:,};" in all_of_them
        assert "a question counts twice" in all_of_them

    def test_are_exported_unless_the_view_says_otherwise(self, varied, reader):
        assert f"{COLD:,} of them are warm" in see(reader, "export").text
        assert len(reader.get(f"{ROOT}/export/records.json").json()) == 2 * COLD
        assert len(reader.get(f"{ROOT}/export/records.json?cache=cold").json()) == COLD
        assert f"{COLD:,} records in this view" in see(reader, "export", cache="cold").text

    def test_are_no_word_where_there_are_none(self, loaded, reader):
        text = see(reader, "latency").text
        assert "warm" not in text
        assert 'name="upstream"' not in text
        assert "Asked from" not in text
        assert f"{ROOT}/caching" not in see(reader, "latency").addresses

    def test_lead_to_their_cold_ones(self, varied, reader, include):
        path = object_path("records", "thesis", thesis_slots(include)[0])
        records = from_parquet(open_store("file://data", varied).read(path)[0])
        warm = next(record for record in records if record["cache_probe"] == "warm")
        (cold,) = [
            record["record_id"]
            for record in records
            if record["cache_probe"] == "cold"
            and (record["llm"], record["question_id"]) == (warm["llm"], warm["question_id"])
        ]
        parsed = see(reader, f"records/{warm['record_id']}")
        assert f"{ROOT}/records/{cold}" in parsed.addresses
        assert "Of the prompt cached 75.0" in parsed.text or "Of the prompt cached 74.9" in parsed.text
        assert f"{ROOT}/records/{warm['record_id']}" in see(reader, f"records/{cold}").addresses


class TestTheWorthOfACache:
    def test_is_shown_with_its_numbers(self, varied, reader):
        assert set(specs(reader, "caching")) == {"first-token", "dollars"}
        assert "Cold beside warm: what a known prompt saves" in see(reader, "caching").text

    def test_of_a_study_that_asks_once_says_what_would_show_it(self, loaded, reader):
        assert "With cache: both in its file" in see(reader, "caching").text

    def test_stands_as_a_share_of_tokens_in_the_overview(self, varied, reader):
        assert "Cached: share of the prompts' tokens" in see(reader, "overview").text


class TestCutAnswers:
    @pytest.mark.parametrize("page", ["overview", "success"])
    def test_are_warned_of_where_they_are_many(self, varied, reader, page):
        parsed = see(reader, page)
        assert "Answers are cut at their limit of tokens: mistral-7b-instruct" in parsed.text
        assert "larger max_tokens in its entry" in parsed.text
        (address,) = [address for address in parsed.addresses if "outcome=cut" in address]
        assert "answered, cut" in see(reader, address.removeprefix(f"{ROOT}/")).text

    @pytest.mark.parametrize("page", ["overview", "success"])
    def test_are_no_warning_where_there_are_none(self, loaded, reader, page):
        assert "Answers are cut" not in see(reader, page).text


class TestUpstreamsAndClients:
    def test_are_compared(self, varied, reader):
        text = see(reader, "compare").text
        assert re.search("(differs by who answered|in latency is found) for deepseek-r1-0528-qwen3-8b", text)
        assert "Each LLM by who answered" in text
        assert "Each LLM by where it was asked from" in text
        assert {"latency-by-upstream", "first-token-by-client"} <= set(specs(reader, "compare"))

    def test_are_filters(self, varied, reader):
        parsed = see(reader, "records", upstream="Novita", client="tokyo")
        assert "by Novita from tokyo" in parsed.text
        assert f"{ROOT}/latency?upstream=Novita&client=tokyo" in parsed.addresses
        assert see(reader, "records", client="unnamed").text.count(f"of {COLD // 2};") == 1

    @pytest.mark.parametrize(("name", "value"), [("upstream", "Nobody"), ("client", "paris"), ("cache", "hot")])
    def test_that_there_are_not_are_named(self, varied, reader, name, value):
        assert f"{name} is '{value}'" in see(reader, "latency", 400, **{name: value}).text

    def test_that_no_record_names_cant_be_chosen(self, loaded, reader):
        text = see(reader, "latency", 400, client="tokyo").text
        assert "Leave it out: no record of it names a client." in text


class TestTheCalendar:
    def test_is_this_places_and_says_who_else_measured(self, varied, reader):
        text = see(reader, "overview", slot=1).text
        assert f"{SLOTS} done" in text
        assert "160 of 160 records" in text
        assert "the study was also asked from tokyo" in text

    def test_is_anothers_where_the_filter_says_so(self, varied, reader):
        parsed = see(reader, "overview", slot=1, client="tokyo")
        assert "The calendar is of tokyo, not of this installation, which has no name" in parsed.text
        assert f"{SLOTS} done" in parsed.text
        assert f"{PAGE.replace('075125.714285', '070000.000000')}?client=tokyo" in parsed.addresses

    def test_leads_to_all_records_of_its_slot_and_place(self, varied, reader):
        parsed = see(reader, "overview", slot=1)
        (address,) = [address for address in parsed.addresses if address.startswith("records?start=")]
        assert "160 records" in see(reader, address).text

    def test_of_a_place_without_a_name_is_of_the_first_that_has_records(self, readers, reader):
        text = see(reader, "overview").text
        assert "The calendar is of berlin" in text
        assert f"{SLOTS} done" in text
        assert "also asked from tokyo" in text
        assert "What needs a hand there is shown where it is measured" in text

    def test_of_a_place_with_a_name_is_its_own(self, readers, reader, monkeypatch):
        monkeypatch.setenv("LLM_BENCH_CLIENT", "tokyo")
        text = see(reader, "overview").text
        assert "The calendar is of tokyo alone" in text
        assert f"{SLOTS} done" in text


class TestAValidation:
    @pytest.fixture
    def judged(self, home, results):
        path = object_path("validations", "thesis", SLOT, "json", client="tokyo")
        open_store("file://data", home).commit(path, json.dumps(results).encode(), 0)

    def test_is_of_the_client_that_the_address_names(self, judged, reader):
        assert reader.get(PAGE).status_code == 404
        assert "Asked from tokyo" in Parsed(reader.get(f"{PAGE}?client=tokyo").content).text

    def test_is_this_places_without_one(self, judged, reader, monkeypatch):
        monkeypatch.setenv("LLM_BENCH_CLIENT", "tokyo")
        assert "Asked from tokyo" in Parsed(reader.get(PAGE).content).text
        assert reader.get(f"{PAGE}?client=unnamed").status_code == 404

    @pytest.mark.parametrize("name", ["../../../etc", "Tokyo", "a/b"])
    def test_is_none_of_a_name_that_no_client_can_have(self, judged, reader, name):
        reply = reader.get(PAGE, params={"client": name})
        assert reply.status_code == 404
        assert "is no client" in reply.text
