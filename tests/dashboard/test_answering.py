"""What the pages say of objectives of service and of declining."""

from __future__ import annotations

from pathlib import Path

import pytest

from analysis.studies import fill_study, thesis
from dashboard.conftest import thesis_slots
from dashboard.test_pages import ROOT, see, specs
from llm_bench.store.base import from_parquet, object_path, open_store, to_parquet

pytestmark = pytest.mark.usefixtures("home")
LLAMA, REASONING = "groq/llama3-70b-8192", "openrouter/deepseek/deepseek-r1-0528-qwen3-8b"
SLO = "slo:\n  - {within_sec: 3, share: 0.9}\n  - {metric: ttft_sec, within_sec: 1}\n"


@pytest.fixture
def reader(visitor):
    return visitor("VIEWER")


def with_objectives(home: Path, slo: str = SLO) -> None:
    path = home / "include" / "studies" / "thesis.yaml"
    path.write_text(path.read_text() + slo)


def measured(home: Path, include: Path, slots: int = 1) -> None:
    fill_study(open_store("file://data", home), thesis(include), include, slots=thesis_slots(include)[:slots])


def invents(home: Path, include: Path) -> None:
    """An LLM that never declines, in a batch that is stored."""
    store, path = open_store("file://data", home), object_path("records", "thesis", thesis_slots(include)[0])
    content, generation = store.read(path)
    records = [
        record | ({"declined": False, "answer": "About forty."} if record["llm"] == LLAMA and record["success"] else {})
        for record in from_parquet(content)
    ]
    store.commit(path, to_parquet(records), generation)


class TestObjectivesOfService:
    @pytest.mark.parametrize("page", ["overview", "latency"])
    def test_stand_with_each_llms_verdict(self, home, include, reader, page):
        with_objectives(home)
        measured(home, include, 6)
        text = see(reader, page).text
        assert "Objectives of service" in text
        assert "90 % answered within 3 s llama3-70b-8192" in text
        assert " attained " in text
        assert " missed " in text

    @pytest.mark.parametrize("page", ["overview", "latency"])
    def test_are_absent_of_a_study_that_has_none(self, home, include, reader, page):
        measured(home, include)
        assert "Objectives of service" not in see(reader, page).text

    @pytest.mark.parametrize("page", ["overview", "latency"])
    def test_can_be_seen_without_a_record(self, home, reader, page):
        with_objectives(home)
        assert "Nothing is measured yet" in see(reader, page).text

    def test_are_drawn_with_the_time_that_they_are_of(self, home, include, reader):
        with_objectives(home)
        measured(home, include)
        (rows,) = [
            rows
            for rows in specs(reader, "latency", metric="ttft_sec")["attainment"]["datasets"].values()
            if len(rows) > 1
        ]
        assert {row["objective"] for row in rows} == {"95 % with a first token within 1 s"}
        assert "attainment" not in specs(reader, "latency", metric="first_answer_sec")

    def test_are_of_the_view(self, home, include, reader):
        with_objectives(home)
        measured(home, include)
        assert "llama3-70b-8192 groq 10 " in see(reader, "latency", llm=LLAMA, industry="retail").text

    def test_that_cant_be_attained_are_a_mistake_of_the_study(self, home, reader):
        with_objectives(home, "slo: [{within_sec: 1000}]\n")
        reply = reader.get(f"{ROOT}/overview")
        assert reply.status_code != 200
        assert "later than deadlines.total_sec (180)" in reply.text


class TestTheSharesAnsweredByWhen:
    @pytest.mark.parametrize("metric", ["latency_sec", "ttft_sec", "first_answer_sec"])
    def test_are_drawn_for_each_llm(self, home, include, reader, metric):
        measured(home, include)
        (rows,) = specs(reader, "latency", metric=metric)["answered-by"]["datasets"].values()
        assert len({row["llm"] for row in rows}) == 4

    def test_arent_of_a_time_that_is_no_wait(self, home, include, reader):
        measured(home, include)
        assert "answered-by" not in specs(reader, "latency", metric="ttft_less_rtt_sec")


class TestDeclining:
    def test_says_who_declines_and_that_two_questions_are_few(self, home, include, reader):
        measured(home, include)
        text = see(reader, "declining").text
        assert "2 questions that can't be answered: the intervals are for these alone" in text
        assert "18 questions that can be answered: the intervals are for questions like these" in text
        assert "it takes at least 4" in text

    def test_leads_from_an_answer_that_was_invented_to_its_record(self, home, include, reader):
        measured(home, include)
        invents(home, include)
        parsed = see(reader, "declining")
        assert "Answered all the same" in parsed.text
        address = next(link for link in parsed.addresses if link.startswith(f"{ROOT}/records/"))
        assert "About forty." in see(reader, address.removeprefix(f"{ROOT}/")).text

    def test_doesnt_show_what_was_answered_where_all_declined(self, home, include, reader):
        measured(home, include)
        assert "Answered all the same" not in see(reader, "declining").text

    def test_draws_both_kinds(self, home, include, reader):
        measured(home, include)
        assert set(specs(reader, "declining")) == {"rightly", "wrongly"}
