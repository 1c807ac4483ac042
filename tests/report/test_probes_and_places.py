"""What a report says of a study that was asked cold and warm, from several places, through a gateway."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from analysis.studies import Circumstances, fill_study, thesis
from llm_bench.analysis.cache import Cache
from llm_bench.analysis.view import View
from llm_bench.report import write_report
from llm_bench.report.facts import gather
from llm_bench.report.methods import methods
from llm_bench.report.quality import appendix, cache, factors, success
from llm_bench.report.source import Source
from llm_bench.store.base import open_store
from llm_bench.study import Study

INCLUDE = Path(__file__).parents[2] / "include"
MISTRAL, REASONING = "openrouter/mistralai/mistral-7b-instruct", "openrouter/deepseek/deepseek-r1-0528-qwen3-8b"
SLOTS = 6


class Made:
    """A study and its project's folder, with what a report is made from."""

    def __init__(self, home: Path, *places: Circumstances, **changes: object) -> None:
        self.home = home
        self.study: Study = thesis(INCLUDE, storage="file://data", **changes)
        (home / "include").symlink_to(INCLUDE)
        store, slots = open_store("file://data", home), list(self.study.window.schedule)[:SLOTS]
        for number, place in enumerate(places):
            fill_study(store, self.study, INCLUDE, slots=slots, seed=number, circumstances=place)
        self.records = Cache(home).records(self.study)

    def source(self, **view: object) -> Source:
        return Source.of(self.records, self.study, View(**view))

    def facts(self, **view: object):
        return gather(self.records, self.study, View(**view), self.home)

    def methods(self, **view: object) -> str:
        parts = methods(self.study, View(**view), self.facts(**view))
        return "\n".join(line for part in parts for item in part.items for line in item.lines)


@pytest.fixture(scope="module")
def varied(tmp_path_factory) -> Made:
    circumstances = {"upstreams": {REASONING: ("DeepInfra", "Novita")}, "cut": {MISTRAL: 0.3}}
    places = (Circumstances(**circumstances), Circumstances(client="tokyo", farther=0.2, **circumstances))
    return Made(tmp_path_factory.mktemp("varied"), *places, cache="both")


@pytest.fixture(scope="module")
def plain(tmp_path_factory) -> Made:
    return Made(tmp_path_factory.mktemp("plain"), Circumstances(), cache="unique")


class TestTheMethods:
    def test_say_what_was_set_and_what_the_records_show(self, varied, plain):
        half = SLOTS * 80 * 2
        assert "Each question is asked cold" in varied.methods()
        assert f"Asked, as the records say: {half:,} cold, {half:,} warm." in varied.methods()
        assert "left out of all figures and tables but those of the section Cache" in varied.methods()
        assert "Each prompt begins with a short line" in plain.methods()
        assert f"Asked, as the records say: {SLOTS * 80:,} cold." in plain.methods()
        assert "warm" not in plain.methods().replace("warm up", "")

    def test_account_for_each_place(self, varied):
        text = varied.methods()
        of = f"Of 56 slots: {SLOTS} measured whole and in time"
        assert f"From the place without a name: {of}" in text
        assert f"From tokyo: {of}" in text
        assert text.count(f"{SLOTS * 160:,} of 8,960 records") == 2

    def test_account_for_the_place_of_the_view_alone(self, varied):
        text = varied.methods(clients=("tokyo",))
        assert "From tokyo: Of 56 slots" in text
        assert "place without a name" not in text

    def test_need_no_name_where_there_is_one_place(self, plain):
        assert "From the place" not in plain.methods()

    def test_of_a_place_without_a_name_are_of_those_that_measured(self, tmp_path):
        made = Made(tmp_path, Circumstances(client="berlin"), cache="unique")
        assert f"From berlin: Of 56 slots: {SLOTS} measured whole and in time" in made.methods()


class TestTheSections:
    def test_on_who_answered_say_whether_it_matters(self, varied):
        section = factors(varied.source(), "upstream")
        assert [figure.name for figure in section.figures] == ["latency-by-upstream", "first-token-by-upstream"]
        assert [table.name for table in section.tables] == ["by-upstream", "by-upstream-tests"]
        assert "deepseek-r1-0528-qwen3-8b" in section.notes[0]

    def test_on_places_compare_them(self, varied):
        section = factors(varied.source(), "client")
        assert {row[1] for row in section.tables[0].rows} == {"tokyo", "unnamed"}

    def test_on_the_cache_have_time_and_dollars(self, varied):
        section = cache(varied.source())
        assert [figure.name for figure in section.figures] == ["cache-first-token", "cache-dollars"]
        assert len(section.tables[0].rows) == 4

    def test_on_the_cache_are_left_out_of_a_view_of_the_cold_alone(self, varied):
        assert cache(varied.source(cache="cold")) is None

    @pytest.mark.parametrize("factor", ["upstream", "client"])
    def test_arent_there_where_there_is_nothing_to_tell_apart(self, plain, factor):
        assert factors(plain.source(), factor) is None
        assert cache(plain.source()) is None

    def test_on_success_warn_of_cut_answers(self, varied, plain):
        assert "mistral-7b-instruct" in success(varied.source()).notes[0]
        assert success(plain.source()).notes == [""]
        assert "cut" in [column.name for column in success(plain.source()).tables[0].columns]

    def test_on_slots_name_the_place_where_there_are_several(self, varied, plain):
        assert appendix(varied.facts()).tables[1].columns[0].name == "client"
        assert appendix(plain.facts()).tables[1].columns[0].name == "number"


@pytest.mark.slow
class TestAReport:
    def test_says_what_it_leaves_out_and_rests_on_records_that_have_it(self, varied, tmp_path):
        write_report(varied.records, varied.study, View(llms=(REASONING,), clients=("tokyo",)), tmp_path, varied.home)
        with (tmp_path / "records.csv").open() as file:
            probes = [row["cache_probe"] for row in csv.DictReader(file)]
        assert (probes.count("cold"), probes.count("warm")) == (SLOTS * 20, SLOTS * 20)
        page = (tmp_path / "report.html").read_text()
        assert f"{SLOTS * 20} warm records" in page
        assert 'id="cache"' in page
        assert (tmp_path / "tables" / "cache-worth.tex").exists()
        assert (tmp_path / "figures" / "latency-by-upstream.pdf").exists()
