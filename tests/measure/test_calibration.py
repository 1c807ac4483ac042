from __future__ import annotations

import http.client
import json
import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from llm_bench.cli import calibrate
from llm_bench.measure import calibration, reference
from llm_bench.measure.calibration import Calibration, CalibrationError, Part, Seen, Spread, compare
from llm_bench.measure.reference import Scenario, Sent
from llm_bench.store.file import FileStore
from llm_bench.study import LLM, Study

SCENARIO = Scenario(first_token_sec=0.03, token_sec=0.01, tokens=4)
# Stamps that floats hold exactly: the server needs 0.25 s to its first token, then half a second for each.
SENT = Sent("1", received=100.0, tokens=[100.25, 100.75, 101.25], returned=[100.5, 101.0, 101.5], ended=101.75)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with reference.running(SCENARIO) as url:
        yield url


@pytest.fixture(scope="module")
def lines() -> list[str]:
    return []


@pytest.fixture(scope="module")
def result(lines: list[str]) -> Calibration:
    return calibration.calibrate(lines.append, requests=2, cells=2, scenario=SCENARIO)


def seen(sent: float, *tokens: float, delay_sec: float | None = 0.0, name: str = "1") -> Seen:
    return Seen(name, sent, tokens, delay_sec)


class TestTheReferenceServer:
    def ask(self, url: str, times: int) -> list[tuple[str | None, float, list[tuple[float, str]]]]:
        connection = http.client.HTTPConnection(url.removeprefix("http://"))
        answers = []
        for _ in range(times):
            sent = time.monotonic()
            connection.request("POST", "/v1/chat/completions", b"{}")
            response = connection.getresponse()
            events = []
            while line := response.readline():
                if line.strip():
                    events.append((time.monotonic(), line.decode().strip().removeprefix("data: ")))
            answers.append((response.getheader("x-request-id"), sent, events))
        connection.close()
        return answers

    def test_sends_no_token_before_it_is_due_and_logs_when_it_did(self, url: str):
        before = len(reference.fetch_log(url))
        answers = self.ask(url, 2)
        log = reference.fetch_log(url, before)
        assert list(log) == [name for name, _, _ in answers]
        for name, sent, events in answers:
            entry = log[name]
            assert sent <= entry.received
            assert len(entry.tokens) == len(entry.returned) == SCENARIO.tokens
            for number, (handed, returned) in enumerate(zip(entry.tokens, entry.returned, strict=True)):
                assert SCENARIO.due(entry.received, number) <= handed <= returned
            assert entry.ended >= SCENARIO.due(entry.received, SCENARIO.tokens)
            arrivals = [arrival for arrival, data in events if '"content"' in data]
            assert all(handed <= arrival for handed, arrival in zip(entry.tokens, arrivals, strict=True))

    def test_counts_from_the_request_so_that_delays_do_not_add_up(self):
        scenario = Scenario(first_token_sec=0.25, token_sec=0.5, tokens=3)
        assert [scenario.due(100.0, number) for number in range(4)] == [100.25, 100.75, 101.25, 101.75]

    def test_speaks_the_protocol(self, url: str):
        ((_, _, events),) = self.ask(url, 1)
        *chunks, end = [data for _, data in events]
        assert end == "[DONE]"
        deltas = [choice for chunk in chunks for choice in json.loads(chunk)["choices"]]
        assert "".join(choice["delta"].get("content", "") for choice in deltas) == "Toys sell sell sell"
        assert deltas[-1]["finish_reason"] == "stop"
        assert json.loads(chunks[-1])["usage"]["completion_tokens"] == SCENARIO.tokens

    def test_outlives_a_client_that_goes_away(self, url: str):
        with socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2]))) as gone:
            gone.sendall(b"POST /v1/chat/completions HTTP/1.1\r\ncontent-length: 0\r\n\r\n")
        assert len(self.ask(url, 2)) == 2


class TestTheError:
    def test_of_the_first_token_is_the_clients_time_less_the_servers(self):
        # The request took 1/8 s to arrive and the token 1/16 s: the client's clock shows both.
        assert calibration.ttft_error(seen(99.875, 100.3125, 100.75, 101.25), SENT) == 0.125 + 0.0625

    def test_of_a_token_is_how_much_later_than_sent_it_was_stamped(self):
        assert calibration.token_errors(seen(100.0, 100.25, 101.0, 101.5), SENT) == [0.0, 0.25, 0.25]

    def test_of_a_part_is_the_median_the_99th_percentile_and_the_largest(self):
        log = {str(number): Sent(str(number), 0.0, [1.0]) for number in range(100)}
        all_seen = [seen(0.0, 1.0 + number / 128, name=str(number)) for number in range(100)]
        part = compare(all_seen, log, cells=8)
        assert part == Part(8, 100, 0, part.ttft_error_sec, part.token_error_sec)
        assert part.token_error_sec == Spread(100, 49 / 128, 98 / 128, 99 / 128)
        assert part.ttft_error_sec == part.token_error_sec

    def test_counts_the_requests_that_a_record_would_be_suspect_for(self):
        all_seen = [seen(100.0, 100.25, 100.75, 101.25, delay_sec=delay) for delay in (None, 0.0, 0.2)]
        assert compare(all_seen, {"1": SENT}, cells=1).suspect == 1

    @pytest.mark.parametrize(
        "all_seen",
        [[], [seen(100.0, 100.25, 100.75)], [seen(100.0, 100.25, 100.75, 101.25, name="2")]],
        ids=["nothing", "a token lost", "another request"],
    )
    def test_is_refused_where_client_and_server_disagree(self, all_seen: list[Seen]):
        with pytest.raises(CalibrationError, match="disagree about what was sent"):
            compare(all_seen, {"1": SENT}, cells=1)


@pytest.mark.slow
class TestACalibration:
    def test_counts_every_request_and_token_of_both_parts(self, result: Calibration):
        for part, cells in ((result.alone, 1), (result.eight, 2)):
            assert (part.cells, part.requests) == (cells, 2 * cells)
            assert part.ttft_error_sec.count == 2 * cells
            assert part.token_error_sec.count == 2 * cells * SCENARIO.tokens
            assert 0 <= part.suspect <= part.requests

    def test_never_finds_an_arrival_before_the_sending(self, result: Calibration):
        for part in (result.alone, result.eight):
            for spread in (part.ttft_error_sec, part.token_error_sec):
                assert 0 <= spread.median <= spread.p99 <= spread.max

    def test_says_what_goes_on(self, result: Calibration, lines: list[str]):
        assert [text.partition(":")[0] for text in lines] == ["Alone", "2 cells at once"]

    def test_is_kept_with_the_studys_data(self, result: Calibration, tmp_path: Path):
        store = FileStore(tmp_path)
        path = calibration.keep(store, "quickstart", result)
        assert store.list("calibrations/study=quickstart/") == [path]
        kept = json.loads((tmp_path / path).read_bytes())
        assert set(kept) == {"measured_at", "machine", "versions", "scenario", "alone", "eight"}
        assert set(kept["machine"]) == {"cores", "platform", "processor", "python", "load"}
        assert set(kept["versions"]) >= {"llm_bench", "litellm"}
        assert kept["eight"]["token_error_sec"]["count"] == 4 * SCENARIO.tokens

    def test_is_found_again_when_it_is_the_latest(self, result: Calibration, tmp_path: Path):
        store = FileStore(tmp_path)
        assert calibration.latest(store, "quickstart") is None
        calibration.keep(store, "quickstart", replace(result, measured_at="2026-01-05T08:00:00.000000Z"))
        calibration.keep(store, "quickstart", result)
        kept = calibration.latest(store, "quickstart")
        assert kept is not None
        assert kept["measured_at"] == result.measured_at

    def test_fails_where_an_answer_is_lost(self):
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            port = closed.getsockname()[1]
        with pytest.raises(CalibrationError, match="ended before its last answer"):
            calibration.ask_at_once(f"http://127.0.0.1:{port}", 1, 1)


def test_the_command_shows_the_errors_in_ms_and_where_they_are_kept(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
):
    part = Part(1, 30, 2, Spread(30, 0.000297, 0.00112, 0.00112), Spread(720, 0.00014, 0.000264, 0.00462))
    result = Calibration("2026-12-07T07:51:25.714285Z", calibration.machine(), {}, {}, part, part)
    study = Study(name="some", llms=(LLM(model="baseline/lead"),), industries=("retail",), storage=f"file://{tmp_path}")
    monkeypatch.setattr(calibrate, "find_study", lambda _: study)
    monkeypatch.setattr(calibration, "calibrate", lambda _: result)
    assert calibrate.calibrate("some") == 0
    shown = capsys.readouterr().out
    assert [figure in shown for figure in ("0.297", "1.120", "0.140", "0.264", "4.620", "2/30")] == [True] * 6
    path = "calibrations/study=some/date=2026-12-07/20261207T075125.714285Z.json"
    assert f"{tmp_path}/{path}" in shown
    assert json.loads((tmp_path / path).read_bytes())["alone"]["suspect"] == 2
