from __future__ import annotations

import json
import math
import multiprocessing
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import ValidationError

from doubles.clock import NOW, Clock
from llm_bench.errors import InputError, StorageError
from llm_bench.measure.accounts import PACING_VARIABLE, FileAccount, moment, open_account
from llm_bench.measure.exchange import Exchange
from llm_bench.measure.formats.answer import Answer
from llm_bench.measure.ledger import Moment
from llm_bench.measure.limits import SENT_WITHIN_SEC, Rates, Tokens
from llm_bench.measure.pacing import ClosedError, Pacer, most_tokens, notice_of, rates_of
from llm_bench.study import LLM

SMALL = Tokens(1, 0)
UNLIMITED = Rates()
ONE_A_MINUTE = Rates(requests_per_minute=1)


class Here:
    """A machine whose clock moves only when somebody waits, and may be put anywhere."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = Clock()
        self.put = 0.0

    def look(self) -> Moment:
        return Moment("boot", self.clock.now - NOW, self.clock.now + self.put)

    def pacer(self, model: str = "groq/a", rates: Rates = ONE_A_MINUTE) -> Pacer:
        return Pacer(FileAccount(self.folder, model, self.look), rates, self.clock.sleep, self.clock)


@pytest.fixture
def here(tmp_path: Path) -> Here:
    return Here(tmp_path)


def reply(
    status: int = 200,
    kind: str | None = None,
    body: str = "",
    error: dict[str, Any] | None = None,
    tokens: int | None = None,
    **headers: str,
) -> Any:
    """The part of a reply that a pacer looks at."""
    exchange = Exchange(connect_sec=1, first_token_sec=1, total_sec=1, question="?", status=status)
    exchange.headers = httpx.Headers({name.replace("_", "-"): value for name, value in headers.items()})
    exchange.head = bytearray(body.encode())

    class Reply:
        failure_kind = kind
        answer = Answer(error=error)
        prompt_tokens = response_tokens = tokens

    Reply.exchange = exchange  # type: ignore[attr-defined]
    return Reply


def ask_twice(folder: Path) -> None:
    """Two requests of a cell that is a process of its own."""
    pacer = Pacer(FileAccount(folder, "groq/a"), Rates(requests_per_minute=3600))
    for _ in range(2):
        pacer.wait(SMALL)


class TestPacer:
    def test_says_how_long_it_waited(self, here: Here):
        pacer = here.pacer()
        assert pacer.wait(SMALL) == 0
        pacer.learn(reply())
        here.clock.now += 20
        assert pacer.wait(SMALL) == pytest.approx(40)

    def test_never_waits_without_a_limit(self, here: Here):
        pacer = here.pacer(rates=UNLIMITED)
        assert [pacer.wait(SMALL) for _ in range(100)] == [0] * 100

    def test_shares_the_limit_with_the_other_cells_of_the_llm(self, here: Here):
        cells = [here.pacer("groq/a/b", Rates(requests_per_minute=2)) for _ in range(2)]
        for cell in cells:
            assert cell.wait(SMALL) == 0
            cell.learn(reply())
        assert cells[0].wait(SMALL) == pytest.approx(60)

    def test_shares_nothing_with_another_llm(self, here: Here):
        assert [here.pacer(model).wait(SMALL) for model in ("groq/a", "groq/b")] == [0, 0]

    def test_shares_it_among_processes(self, tmp_path: Path):
        context = multiprocessing.get_context("spawn")
        cells = [context.Process(target=ask_twice, args=(tmp_path,)) for _ in range(3)]
        for cell in cells:
            cell.start()
        for cell in cells:
            cell.join()
        assert len(json.loads(next(tmp_path.glob("*.json")).read_text())["limits"]["grants"]) == 6

    @pytest.mark.parametrize("jump", [-3600, 86400])
    def test_goes_on_pacing_when_the_machines_clock_is_put_elsewhere(self, here: Here, jump: float):
        pacer = here.pacer()
        pacer.wait(SMALL)
        pacer.learn(reply())
        here.put = jump
        assert pacer.wait(SMALL) == pytest.approx(60)

    def test_waits_ten_minutes_where_the_study_allows_a_tenth_of_a_request_a_minute(self, here: Here):
        pacer = here.pacer(rates=Rates(requests_per_minute=0.1))
        pacer.wait(SMALL)
        pacer.learn(reply())
        assert pacer.wait(SMALL) == pytest.approx(600)

    @pytest.mark.parametrize(("sent", "answered", "counted"), [(4, 4.5, 4.5), (4, 9, 5), (4, None, 5)])
    def test_counts_a_request_by_when_its_provider_had_it(
        self, here: Here, sent: float, answered: float | None, counted: float
    ):
        """At its answer at the latest, and a second after it was sent: a busy machine had held it up before."""
        pacer = here.pacer()
        pacer.wait(SMALL)
        let_go = here.clock()
        here.clock.now += 10
        response = reply()
        response.exchange.sent = let_go + sent
        response.exchange.headers_read = None if answered is None else let_go + answered
        pacer.learn(response)
        assert pacer.wait(SMALL) == pytest.approx(50 + counted)

    def test_counts_a_request_without_an_answer_by_when_it_may_have_left(self, here: Here):
        here.pacer().wait(SMALL)
        assert here.pacer().wait(SMALL) == pytest.approx(60 + SENT_WITHIN_SEC)

    def test_starts_anew_when_its_file_is_damaged(self, here: Here):
        here.pacer().wait(SMALL)
        (file,) = here.folder.glob("*.json")
        file.write_bytes(b"\xff" + file.read_bytes()[:7])
        assert here.pacer().wait(SMALL) == 0

    def test_says_when_its_file_cannot_be_written(self, tmp_path: Path):
        (tmp_path / "pacing").write_text("in the way")
        with pytest.raises(StorageError, match="can't be written"):
            Pacer(FileAccount(tmp_path / "pacing", "groq/a"), ONE_A_MINUTE).wait(SMALL)


class TestWhatAReplySays:
    def test_is_waited_for(self, here: Here):
        pacer = here.pacer(rates=UNLIMITED)
        pacer.wait(SMALL)
        pacer.learn(reply(429, "rate_limited", '{"error": {"message": "Please try again in 20s."}}'))
        assert pacer.wait(SMALL) == pytest.approx(20)

    def test_is_read_from_an_error_within_the_stream(self, here: Here):
        pacer = here.pacer(rates=UNLIMITED)
        pacer.wait(SMALL)
        pacer.learn(reply(200, "rate_limited", error={"message": "Please try again in 20s."}))
        assert pacer.wait(SMALL) == pytest.approx(20)

    def test_closes_the_llm_for_all_its_cells_where_it_is_of_a_day(self, here: Here):
        pacer = here.pacer(rates=UNLIMITED)
        pacer.wait(SMALL)
        pacer.learn(reply(429, "rate_limited", retry_after="86400"))
        with pytest.raises(ClosedError):
            here.pacer(rates=UNLIMITED).wait(SMALL)

    def test_of_a_day_ends_a_wait_that_is_under_way(self, here: Here):
        here.pacer().wait(SMALL)
        waiting = here.pacer()

        def sleep(seconds: float) -> None:
            here.clock.sleep(seconds)
            here.pacer().learn(reply(429, "rate_limited", retry_after="86400"))

        waiting._sleep = sleep
        with pytest.raises(ClosedError) as limit:
            waiting.wait(SMALL)
        assert limit.value.waited_sec == pytest.approx(5)

    def test_of_a_refusal_counts_no_tokens(self, here: Here):
        pacer = here.pacer(rates=Rates(tokens_per_day=1000))
        pacer.wait(Tokens(400, 512))
        pacer.learn(reply(429, "rate_limited"))
        assert pacer.wait(Tokens(400, 512)) == 0

    def test_counts_what_the_answer_has_cost(self, here: Here):
        pacer = here.pacer(rates=Rates(tokens_per_day=1000))
        pacer.wait(Tokens(400, 512))
        pacer.learn(reply(tokens=250))
        assert pacer.wait(Tokens(400, 100)) == 0

    def test_of_another_failure_is_no_refusal(self):
        assert not notice_of(reply(503, "server_error", retry_after="86400"), NOW).refused

    def test_of_a_body_too_long_is_read_from_its_beginning(self):
        body = "Please try again in 20s. " + "x" * 100_000
        assert notice_of(reply(429, "rate_limited", body), NOW).hold_sec == 20


def test_the_maximum_of_a_request_is_its_prompt_and_its_longest_answer():
    assert most_tokens([{"content": "a" * 300}, {"content": "b" * 30}], 512) == (110, 512)


def test_the_rates_are_those_of_the_llms_entry():
    stated = {"requests_per_minute": 30, "tokens_per_minute": 6000, "requests_per_day": 1000, "tokens_per_day": 100_000}
    assert rates_of(LLM.model_validate({"model": "groq/a", **stated})) == Rates(**stated)


def test_a_rate_without_an_end_is_a_mistake_of_the_study():
    with pytest.raises(ValidationError, match="less than or equal to 1000000"):
        LLM.model_validate({"model": "groq/a", "requests_per_minute": math.inf})


class TestTheAccount:
    @pytest.fixture(autouse=True)
    def no_redis(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv(PACING_VARIABLE, raising=False)

    def test_is_a_file_where_nothing_else_is_said(self, tmp_path: Path):
        assert isinstance(open_account(tmp_path, "groq/a"), FileAccount)

    @pytest.mark.parametrize("url", ["memcached://somewhere:1:s3cret", "redis://:s3cret@host:port/0", "yes"])
    def test_at_an_address_that_is_none_is_a_mistake_that_shows_no_password(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str
    ):
        monkeypatch.setenv(PACING_VARIABLE, url)
        with pytest.raises(InputError, match="LLM_BENCH_PACING isn't the address") as mistake:
            open_account(tmp_path, "groq/a")
        assert "s3cret" not in str(mistake.value)

    def test_of_a_redis_that_cannot_be_reached_is_this_machines_file_and_the_log_says_so(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ):
        monkeypatch.setenv(PACING_VARIABLE, "redis://:s3cret@127.0.0.1:1/0")
        pacer = Pacer(open_account(tmp_path, "groq/a"), UNLIMITED)
        assert [pacer.wait(SMALL) < 1, pacer.wait(SMALL) < 1] == [True, True]
        assert len(json.loads(next(tmp_path.glob("*.json")).read_text())["limits"]["grants"]) == 2
        (record,) = [record for record in caplog.records if "Redis" in record.message]
        assert "Redis at 127.0.0.1:1 can't be used" in record.message
        assert "may go over the limits together" in record.message
        assert "s3cret" not in caplog.text

    def test_of_a_redis_without_its_package_is_this_machines_file_and_the_log_says_so(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ):
        monkeypatch.setenv(PACING_VARIABLE, "redis://127.0.0.1/0")
        monkeypatch.setitem(__import__("sys").modules, "redis", None)
        assert isinstance(open_account(tmp_path, "groq/a"), FileAccount)
        assert "the package redis isn't installed" in caplog.text


class TestTheFileOfAnAccount:
    def test_is_its_models_own_however_long_its_name_is(self, here: Here):
        models = [f"groq/{'你' * 199}", f"groq/{'你' * 198}好"]
        for model in models:
            here.pacer(model=model).wait(SMALL)
        assert len({file.name for file in here.folder.glob("*.json")}) == len(models)


def test_the_moment_is_of_this_machines_start():
    first, second = moment(), moment()
    assert first.boot == second.boot
    assert second.since(first) >= 0
