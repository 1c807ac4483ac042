"""What each page says of a study, through Airflow's API server."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from analysis.studies import HOSTILE, fill_study, thesis
from dashboard.conftest import SLOTS, thesis_slots
from dashboard.parsed import Parsed
from llm_bench.analysis.agreement import agreement
from llm_bench.analysis.metrics import METRICS
from llm_bench.dashboard import comparing
from llm_bench.dashboard.pages import NAVIGATION
from llm_bench.protocol import keeping
from llm_bench.protocol.draft import draft
from llm_bench.records import FAILURE_KINDS, FIELD_NAMES, FIELDS, SEED_NAMES, utc_text
from llm_bench.store.base import from_parquet, object_path, open_store, to_parquet

ROOT = "/llm-bench/thesis"
LLM = "openrouter/mistralai/mistral-7b-instruct"
CLOCK = [field.name for field in FIELDS if field.group == "clock"]


@pytest.fixture
def reader(visitor):
    return visitor("VIEWER")


def see(reader, page, status=200, **query):
    reply = reader.get(f"{ROOT}/{page}?{urlencode(query, doseq=True)}" if query else f"{ROOT}/{page}")
    assert reply.status_code == status, reply.text
    return Parsed(reply.content)


def specs(reader, page, **query):
    """The charts of a page: name → Vega-Lite."""
    reply = reader.get(f"{ROOT}/{page}?{urlencode(query, doseq=True)}")
    charts = re.findall(r'<script type="application/json" id="([\w-]+)-spec">(.*?)</script>', reply.text)
    return {name: json.loads(content) for name, content in charts}


def first_records(home, include):
    path = object_path("records", "thesis", thesis_slots(include)[0])
    return from_parquet(open_store("file://data", home).read(path)[0])


def put(home, include, records, number=0):
    path = object_path("records", "thesis", thesis_slots(include)[number])
    open_store("file://data", home).commit(path, to_parquet(records), 0)


@pytest.fixture
def batch(home, include):
    """One batch's made-up records, not stored."""
    fill_study(open_store("file://data", home), thesis(include), include, slots=thesis_slots(include)[:1])
    records = first_records(home, include)
    for path in (home / "data" / "records").rglob("*.parquet"):
        path.unlink()
    return records


class TestEveryPage:
    @pytest.mark.parametrize("page", NAVIGATION)
    def test_keeps_the_filters_in_its_links_to_the_others(self, loaded, reader, page):
        query = [("industry", "retail"), ("llm", LLM), ("suspect", "exclude")]
        parsed = see(reader, page, **dict(query))
        pages = {f"{ROOT}/{name}" for name in NAVIGATION}
        others = {address for address in parsed.addresses if urlsplit(address).path in pages}
        kept = [address for address in others if parse_qsl(urlsplit(address).query)[:3] == query]
        assert {urlsplit(address).path for address in kept} == {f"{ROOT}/{name}" for name in NAVIGATION}

    @pytest.mark.parametrize("page", NAVIGATION)
    def test_loads_nothing_from_elsewhere(self, loaded, reader, page):
        assert not [address for address in see(reader, page).addresses if "//" in address]

    @pytest.mark.parametrize("page", NAVIGATION)
    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("start", "yesterday"),
            ("suspect", "maybe"),
            ("run_type", "x"),
            ("llm", "groq/other"),
            ("industry", "mining"),
        ],
    )
    def test_refuses_a_filter_that_cant_be_used_and_names_it(self, loaded, reader, page, name, value):
        assert f"{name} is '{value}'" in see(reader, page, 400, **{name: value}).text

    @pytest.mark.parametrize("page", NAVIGATION)
    def test_of_a_study_without_records_says_what_to_do(self, home, reader, page):
        text = see(reader, page).text
        assert ("llm-bench run thesis" in text) or page == "export"

    @pytest.mark.parametrize("page", ["latency", "success", "compare", "identity", "records"])
    def test_without_a_record_in_the_view_leads_back_to_all(self, loaded, reader, page):
        assert "No record is in this view" in see(reader, page, start="2030-01-01").text

    @pytest.mark.parametrize("page", NAVIGATION)
    def test_can_be_seen_when_all_failed(self, home, include, reader, batch, page):
        lost = [name for name in CLOCK if name not in ("wait_sec",)]
        failed = dict.fromkeys([*lost, "coverage_score", "groundedness", "cost_usd", "answer", "event_times_sec"])
        failed |= {"success": False, "failure_kind": "connection", "error": "refused"}
        put(home, include, [record | failed for record in batch])
        text = see(reader, page).text
        assert "nan" not in text.lower().split()
        if page == "success":
            assert "0.0 %" in text

    @pytest.mark.parametrize("page", NAVIGATION)
    def test_can_be_seen_of_one_llm(self, loaded, reader, page):
        assert "mistral-7b-instruct" in see(reader, page, llm=LLM).text

    @pytest.mark.parametrize("page", NAVIGATION)
    def test_of_a_store_that_cant_be_read_says_why_and_what_to_do(self, home, include, reader, page):
        path = home / "data" / object_path("records", "thesis", thesis_slots(include)[0])
        path.parent.mkdir(parents=True)
        path.write_text("half an obj")
        text = see(reader, page).text
        assert "These records are missing on this page." in text
        assert path.name in text
        assert "Clear the run of its slot" in text


class TestTheOverview:
    def test_shows_every_slot_with_its_state(self, loaded, reader):
        text = see(reader, "overview").text
        assert len(re.findall(r"Slot \d+, \w+ \d\d Dec", text)) == len("14") * 28
        assert f"{SLOTS} done" in text

    def test_leads_from_a_slot_to_its_records_its_quality_and_its_run(self, loaded, reader):
        parsed = see(reader, "overview", slot=2)
        assert "Slot 2, Mon 07 Dec 08:51:25: done" in parsed.text
        (records,) = [address for address in parsed.addresses if address.startswith("records?start=")]
        assert "80 records" in see(reader, records).text
        assert "/llm-bench/validations/thesis/20261207T075125.714285Z" in parsed.addresses
        assert any(address.startswith("/dags/llm_bench_thesis/runs/synthetic") for address in parsed.addresses)

    @pytest.mark.parametrize("slot", ["0", "57", "x", "²"])
    def test_refuses_a_slot_that_there_is_not(self, loaded, reader, slot):
        assert f"slot is {slot!r}" in see(reader, "overview", 400, slot=slot).text

    def test_lists_the_batches_of_a_study_without_a_window(self, home, reader, batch):
        slot = datetime(2026, 11, 3, 9, tzinfo=UTC)
        changed = {"study": "quickstart", "slot": "2026-11-03T09:00:00.000000Z"}
        lead = {"llm": "baseline/lead", "llm_provider": "baseline", "llm_model": "lead"}
        records = [record | changed | lead for record in batch[:20]]
        open_store("file://data", home).commit(object_path("records", "quickstart", slot), to_parquet(records), 0)
        text = Parsed(reader.get("/llm-bench/quickstart/overview").content).text
        assert "Tue 03 Nov 09:00:00" in text
        assert "20 of 80" in text


class TestAProtocol:
    def seal(self, home, include, records=0):
        names = [llm.name for llm in thesis(include).llms]
        plan = draft(thesis(include), include, [], ["latency_sec"], [names[:2]])
        store = open_store("file://data", home)
        keeping.seal(store, "thesis", plan, counts=(records, 0), versions={}, amend=None)

    def test_that_there_is_none_is_said(self, home, include, reader, batch):
        put(home, include, batch)
        assert "not sealed: nothing was chosen beforehand" in see(reader, "overview").text

    def test_is_said_with_when_it_was_sealed(self, home, include, reader, batch):
        put(home, include, batch)
        self.seal(home, include)
        assert re.search(
            r"sealed on \w+ \d+ \w+ \d+, \d+:\d+:\d+, before the first record", see(reader, "overview").text
        )

    def test_is_said_to_be_no_protocol_of_beforehand(self, home, include, reader, batch):
        put(home, include, batch)
        self.seal(home, include, records=80)
        assert "after 80 records were there: not beforehand" in see(reader, "overview").text

    def test_marks_what_is_primary_in_the_comparison(self, home, include, reader, batch):
        put(home, include, batch)
        before = see(reader, "compare").text
        self.seal(home, include)
        after = see(reader, "compare").text
        assert "corrected over the 1 primary comparisons" in after
        assert "corrected over the 1 primary comparisons" not in before


class TestNumbers:
    @pytest.mark.parametrize("metric", ["ttft_sec", "first_answer_sec"])
    def test_of_latency_tell_the_first_token_and_the_first_answer_apart(self, loaded, reader, metric):
        shown = specs(reader, "latency", metric=metric)
        assert set(shown) == {"over-time", "answered-by", "distribution", "time-of-day", "by-industry"}

    def test_refuse_a_metric_of_another_page(self, loaded, reader):
        assert "metric is 'coverage_score'" in see(reader, "latency", 400, metric="coverage_score").text

    def test_say_how_many_failed(self, loaded, reader, include):
        failed = sum(not record["success"] for record in all_records(loaded, include))
        assert f"{failed} records failed: later than any answer" in see(reader, "latency").text

    def test_lead_from_each_point_to_the_records_of_its_llm_and_slot(self, loaded, reader):
        drawn = specs(reader, "latency")["over-time"]["datasets"].values()
        (points,) = [rows for rows in drawn if "href" in rows[0]]
        assert len(points) == SLOTS * 4
        assert "20 records" in see(reader, points[0]["href"]).text

    def test_are_there_without_a_script_too(self, loaded, reader):
        assert "Latency, median of each slot, in s" in see(reader, "latency").text

    def test_name_the_scorers_where_scores_of_several_are_in_view(self, home, include, reader, batch):
        half = len(batch) // 2
        put(home, include, batch[:half] + [record | {"embedding_model": "other"} for record in batch[half:]])
        said = r"several scorers \(version \d with all-MiniLM-L6-v2@\S+, version \d with other\)"
        assert re.search(said, see(reader, "coverage").text)

    @pytest.mark.parametrize("metric", ["coverage_score", "groundedness"])
    def test_of_coverage_show_how_well_the_scores_agree_with_people(self, loaded, reader, metric):
        text = see(reader, "coverage", metric=metric).text
        assert "On answers that other people judged, groundedness tells" in text
        assert "Agreement of the scores with people, on public sets" in text
        assert all(judged.name in text for judged in agreement().sets)

    def test_say_so_where_the_agreement_is_of_another_scorer(self, home, include, reader, batch):
        put(home, include, [record | {"embedding_model": "other"} for record in batch])
        assert re.search(
            r"; these records are of .* with other, which may agree more or less", see(reader, "coverage").text
        )

    def test_of_latency_have_no_agreement(self, loaded, reader):
        assert "Agreement of the scores" not in see(reader, "latency").text

    def test_of_coverage_say_how_many_answers_were_not_scored_and_why(self, home, include, reader, batch):
        note = "The answer is in German, not in English."
        put(home, include, [record | {"score_note": note} for record in batch[:3]] + batch[3:])
        assert f"Not scored: 3, because: {note}" in see(reader, "coverage").text
        assert "Not scored" not in see(reader, "latency").text

    def test_of_throughput_show_what_each_would_take_at_equal_length(self, loaded, reader):
        assert "equal-length" in specs(reader, "throughput")
        text = see(reader, "throughput").text
        assert "Ratios of latencies, first to second, as measured and with" in text
        assert "At equal length: as if every answer had" in text

    def test_of_throughput_are_in_characters_where_asked_so(self, loaded, reader):
        assert "Throughput of text of each LLM, in characters/s" in see(reader, "throughput", metric="text_cps").text

    def test_of_coverage_show_who_cites_which_passages(self, loaded, reader):
        text = see(reader, "coverage").text
        assert "Citations of passages in the answers of each LLM" in text
        assert "Not there: answers that cite a number which no passage has." in text

    @pytest.mark.parametrize("metric", ["context_utilization", "citation_support"])
    def test_of_coverage_are_of_what_is_used_and_cited_where_asked_so(self, loaded, reader, metric):
        assert f"{METRICS[metric].title} of each LLM, from 0 to 1" in see(reader, "coverage", metric=metric).text

    def test_of_coverage_show_the_least_covered_answers(self, loaded, reader):
        parsed = see(reader, "coverage")
        assert "Least covered questions" in parsed.text
        assert len([address for address in parsed.addresses if address.startswith(f"{ROOT}/records/")]) == 10


class TestTheComparison:
    def test_of_very_many_llms_takes_the_first_and_says_so(self, home, include, reader, batch, monkeypatch):
        monkeypatch.setattr(comparing, "MAX_COMPARED", 8)
        models = [f"model-{number:02}" for number in range(10)]
        put(
            home,
            include,
            [
                record | {"llm_model": model, "llm": None, "record_id": f"{record['record_id']}{model}"}
                for record in batch[:20]
                for model in models
            ],
        )
        assert "The first 8 LLMs of 10 are compared pair by pair" in see(reader, "compare").text
        chosen = [f"{batch[0]['llm_provider']}/{model}" for model in models[-2:]]
        assert "are compared pair by pair" not in see(reader, "compare", llm=chosen).text

    def test_shows_one_metric_at_a_time_and_the_pairs_of_one_llm_where_asked_so(self, loaded, reader):
        (shown,) = [
            chart for name, chart in specs(reader, "compare", metric="success", of=LLM).items() if name == "pairs"
        ]
        (pairs,) = [rows for rows in shown["datasets"].values() if "pair" in rows[0]]
        assert [row["first"] for row in pairs] == ["mistral-7b-instruct"] * 3

    def test_refuses_an_llm_that_isnt_compared(self, loaded, reader):
        assert "of is 'no/such'" in see(reader, "compare", 400, of="no/such").text


class TestIdentity:
    @pytest.fixture
    def swapped(self, home, include, batch):
        """24 slots in which all answers are the same, but for one LLM's from the 13th slot on."""
        for number, slot in enumerate(thesis_slots(include)[:24]):
            own = {name: utc_text(slot) for name in ("slot", "measured_at", "timestamp")}
            own |= {"response_model": "b" if number >= 12 else "a"}
            put(
                home,
                include,
                [
                    record
                    | own
                    | {"record_id": f"{record['record_id'][:28]}{number:04}"}
                    | ({"answer": "Toys."} if number >= 12 and record["llm"] == LLM and record["success"] else {})
                    for record in batch
                ],
                number,
            )

    def test_says_of_each_llm_whether_and_when_its_answers_changed(self, swapped, reader):
        text = see(reader, "identity").text
        assert "mistral-7b-instruct : the answers changed at Mon 07 Dec 18:17:08 (p = 0.0" in text
        assert text.count("no change seen (p = 1.000)") == 3

    def test_marks_the_moment_in_both_charts(self, swapped, reader):
        shown = specs(reader, "identity")
        assert shown["answers-over-time"]["layer"][-1]["mark"]["type"] == "rule"
        (rows,) = shown["changes"]["datasets"].values()
        assert {row["kind"] for row in rows} == {"another model is named", "the answers changed"}
        assert {row["when"] for row in rows} == {"Mon 07 Dec 2026 18:17"}

    def test_leads_from_a_point_to_its_records(self, swapped, reader):
        drawn = specs(reader, "identity")["answers-over-time"]["datasets"].values()
        points = [rows for rows in drawn if "href" in rows[0]]
        assert "20 records" in see(reader, points[0][0]["href"]).text

    def test_of_few_slots_cant_tell(self, loaded, reader):
        text = see(reader, "identity").text
        assert f"can't tell: {SLOTS} slots with answers, and it takes 11" in text

    def test_says_that_no_provider_named_anything(self, loaded, reader):
        assert "No provider said which model" in see(reader, "identity").text


class TestSuccess:
    def test_leads_from_each_kind_of_failure_to_its_records(self, loaded, reader, include):
        kinds = {record["failure_kind"] for record in all_records(loaded, include)} - {None}
        addresses = see(reader, "success").addresses
        for kind in kinds:
            (address,) = [link for link in addresses if link == f"{ROOT}/records?outcome={kind}"]
            count = sum(record["failure_kind"] == kind for record in all_records(loaded, include))
            assert f" {count} record" in see(reader, address.removeprefix(f"{ROOT}/")).text


class TestRecords:
    def test_are_found_by_a_piece_of_text(self, loaded, reader):
        assert "No record is found" in see(reader, "records", q="x" * 50).text
        assert " 0 records" not in see(reader, "records", q="mortgage").text

    def test_come_fifty_at_a_time(self, loaded, reader):
        text = see(reader, "records", part=2, sort="latency_sec", order="down").text
        assert f"51 to 100 of {SLOTS * 80}" in text

    @pytest.mark.parametrize(
        ("name", "value"), [("part", "0"), ("part", "x"), ("sort", "answer; DROP"), ("outcome", "x"), ("order", "x")]
    )
    def test_refuse_an_option_that_cant_be_used_and_name_it(self, loaded, reader, name, value):
        assert f"{name} is {value!r}" in see(reader, "records", 400, **{name: value}).text

    def test_keep_the_search_when_they_are_sorted(self, loaded, reader):
        addresses = see(reader, "records", q="mortgage", industry="finance").addresses
        assert f"{ROOT}/records?industry=finance&q=mortgage&sort=latency_sec&order=up" in addresses


class TestARecord:
    def test_shows_every_field_in_its_group_once(self, loaded, reader, include):
        record = first_records(loaded, include)[0]
        words = see(reader, f"records/{record['record_id']}").words
        shown = [name for name in words[words.index("All fields") :] if name in FIELD_NAMES]
        assert sorted(shown) == sorted(field.name for field in FIELDS if field.group != "exchange")

    def test_shows_the_context_that_it_was_asked_with(self, loaded, reader, include):
        record = next(record for record in first_records(loaded, include) if record["success"])
        text = see(reader, f"records/{record['record_id']}").text
        assert "Marked is what the answer takes up" in text
        assert record["question"] in text

    def test_leads_to_the_same_question_in_the_slots_beside_it(self, loaded, reader, include):
        record = first_records(loaded, include)[0]
        parsed = see(reader, f"records/{record['record_id']}")
        assert "Slot before" not in parsed.text
        (after,) = [link for link in parsed.addresses if re.fullmatch(rf"{ROOT}/records/\w+", link)]
        neighbour = see(reader, after.removeprefix(f"{ROOT}/"))
        assert "Slot before" in neighbour.text
        assert f"{ROOT}/records/{record['record_id']}" in neighbour.addresses

    def test_marks_the_passages_that_it_cites_and_names_those_that_arent_there(self, home, include, reader, batch):
        put(home, include, [batch[0] | {"citations": [2, 9]}, *batch[1:]])
        text = see(reader, f"records/{batch[0]['record_id']}").text
        assert text.count("· cited") == 1
        assert "Cited, but not there: passage 9." in text
        assert "2, 9" in text

    def test_without_its_context_says_where_it_should_be(self, home, include, reader, batch):
        put(home, include, batch)
        for path in (home / "data" / "contexts").rglob("*.json"):
            path.unlink()
        text = see(reader, f"records/{batch[0]['record_id']}").text
        assert f"there is no contexts/study=thesis/{batch[0]['question_id']}" in text

    @pytest.mark.parametrize("kind", FAILURE_KINDS)
    def test_that_failed_says_how(self, home, include, reader, batch, kind):
        lost = dict.fromkeys([*CLOCK, "coverage_score", "groundedness", "answer", "event_times_sec"])
        failed = batch[0] | lost | {"wait_sec": 0.0, "success": False, "failure_kind": kind, "error": "so it is"}
        put(home, include, [failed])
        text = see(reader, f"records/{failed['record_id']}").text
        assert f"Failed: {kind.replace('_', ' ')}" in text
        assert "so it is" in text


class TestHostileText:
    @pytest.mark.parametrize("place", ["answer", "error", "suspect"])
    def test_of_a_record_is_text(self, home, include, reader, batch, place):
        hostile = "".join(HOSTILE)
        put(home, include, [record | {place: hostile} for record in batch])
        for page in (f"records/{batch[0]['record_id']}", "records", "coverage", "success"):
            reply = reader.get(f"{ROOT}/{page}")
            assert reply.status_code == 200
            assert "<script>document" not in reply.text
            assert "<img src=x" not in reply.text
            assert "<svg/onload" not in reply.text

    def test_of_the_address_is_text(self, loaded, reader):
        for name in ("q", "question", "sort", "llm", "start"):
            reply = reader.get(f"{ROOT}/records", params={name: HOSTILE[0]})
            assert "<script>document" not in reply.text

    def test_in_a_chart_cant_end_its_script(self, home, include, reader, batch):
        text = "</script><script>alert(1)</script><!--"
        put(home, include, [record | {"question": text} for record in batch])
        page = reader.get(f"{ROOT}/coverage").text
        assert "<script>alert" not in page
        assert text in json.dumps(specs(reader, "coverage")["by-question"], ensure_ascii=False)


class TestExports:
    def test_hold_the_records_of_the_view_with_the_seeds_columns_first(self, loaded, reader, include):
        reply = reader.get(f"{ROOT}/export/records.csv", params={"llm": LLM, "industry": "retail"})
        rows = list(csv.DictReader(io.StringIO(reply.content.decode())))
        assert tuple(rows[0])[: len(SEED_NAMES)] == SEED_NAMES
        assert len(rows) == SLOTS * 10
        assert {row["industry"] for row in rows} == {"retail"}
        assert reply.headers["content-disposition"] == 'attachment; filename="thesis-records.csv"'

    def test_come_as_json_and_parquet_too(self, loaded, reader):
        import pyarrow.parquet as pq

        assert len(reader.get(f"{ROOT}/export/records.json").json()) == SLOTS * 80
        table = pq.read_table(io.BytesIO(reader.get(f"{ROOT}/export/records.parquet").content))
        assert table.num_rows == SLOTS * 80

    def test_arent_downloads_where_the_store_cant_be_read(self, home, include, reader):
        path = home / "data" / object_path("records", "thesis", thesis_slots(include)[0])
        path.parent.mkdir(parents=True)
        path.write_text("half an obj")
        reply = reader.get(f"{ROOT}/export/records.csv", headers={"accept": "*/*"})
        assert reply.status_code == 503
        assert path.name in reply.json()["detail"]

    @pytest.mark.slow
    def test_of_a_report_holds_the_records_that_it_rests_on(self, loaded, reader, include):
        reply = reader.get(f"{ROOT}/export/report.zip")
        assert reply.status_code == 200
        with zipfile.ZipFile(io.BytesIO(reply.content)) as report:
            names = {name.rpartition("/")[2]: name for name in report.namelist()}
            assert report.testzip() is None
            rows = list(csv.DictReader(io.TextIOWrapper(report.open(names["records.csv"]), encoding="utf-8")))
            assert len(rows) == len(list(all_records(loaded, include)))
            assert b"data:image/svg+xml" in report.read(names["report.html"])


class TestStaticFiles:
    def test_are_kept_by_browsers_for_as_long_as_their_name_lasts(self, loaded, reader):
        style, script = (
            address for address in see(reader, "overview").addresses if address.startswith("/llm-bench/static/app-")
        )
        for address, kind in ((style, "text/css"), (script, "text/javascript")):
            reply = reader.get(address)
            assert reply.headers["content-type"].startswith(kind)
            assert reply.headers["cache-control"] == "private, max-age=31536000, immutable"
        assert reader.get(script.replace("app-", "app-0")).status_code == 404


def all_records(home, include):
    store = open_store("file://data", home)
    for slot in thesis_slots(include)[:SLOTS]:
        yield from from_parquet(store.read(object_path("records", "thesis", slot))[0])
