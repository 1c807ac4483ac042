"""The account at the end of a rehearsal: is every record there once, and does it say what its provider did? Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from llm_bench.records import Record, record_id, utc_text
from llm_bench.schedule import Schedule
from llm_bench.study import Deadlines, Study
from rehearsal.providers import Served

CLOCKS_SEC = 0.05
"""How far the double's and the client's wall clocks, read in two processes, may be apart."""


@dataclass(frozen=True, slots=True)
class Account:
    """What became of a study.

    :param expected: records that a whole study has.
    :param records: rows that the store holds.
    :param lost: expected records that aren't there.
    :param duplicates: rows over one, of any record.
    :param foreign: rows that no one expects.
    :param wrong: records that tell another outcome than the double's log, or a request that it never saw.
    :param failed: failure kind → records.
    :param unrecorded: requests that were answered, but whose record was lost with the killed task that asked.
    """

    expected: int
    records: int
    lost: int
    duplicates: int
    foreign: int
    wrong: tuple[str, ...]
    failed: Mapping[str, int]
    unrecorded: int

    @property
    def good(self) -> bool:
        return self.records == self.expected and not (self.lost or self.duplicates or self.foreign or self.wrong)


def account(
    study: Study, schedule: Schedule, questions: Sequence[str], records: Sequence[Record], log: Sequence[Served]
) -> Account:
    """Counts the records and holds each against the request that it is of.

    :param questions: the ids of all questions.
    :param records: all rows in the store.
    :param log: all requests that the doubles saw.
    """
    due = {
        record_id(study.name, utc_text(slot), llm.name, question)
        for slot in schedule
        for llm in study.llms
        for question in questions
    }
    found = Counter(str(record["record_id"]) for record in records)
    asked = _requests(records, log)
    wrong = [
        f"{_name(record)}: {record['failure_kind']}, but {served or 'no request of it was seen'}"
        for record, served in zip(records, asked, strict=True)
        if served is None or served.failure_kind != record["failure_kind"]
    ]
    return Account(
        expected=len(due),
        records=len(records),
        lost=len(due - found.keys()),
        duplicates=found.total() - len(found),
        foreign=len(found.keys() - due),
        wrong=tuple(wrong),
        failed=Counter(str(record["failure_kind"]) for record in records if record["failure_kind"]),
        unrecorded=len(log) - len({served.number for served in asked if served is not None}),
    )


def _requests(records: Sequence[Record], log: Sequence[Served]) -> list[Served | None]:
    """The request of each record: told by its id or, where the response had no headers, by the time it came."""
    headless: dict[tuple[str, str], list[Served]] = defaultdict(list)
    told = {record["provider_request_id"] for record in records}
    for served in log:
        if str(served.number) not in told:
            headless[served.llm, served.question].append(served)
    return [_request(record, log, headless) for record in records]


def _request(record: Record, log: Sequence[Served], headless: Mapping[tuple[str, str], list[Served]]) -> Served | None:
    llm = f"{record['llm_provider']}/{record['llm_model']}"
    if record["provider_request_id"] is not None:
        served = log[int(record["provider_request_id"])]
        return served if (served.llm, served.question) == (llm, record["question"]) else None
    since = datetime.fromisoformat(record["measured_at"]).timestamp() - CLOCKS_SEC
    open_ones = headless[llm, record["question"]]
    later = [served for served in open_ones if served.at >= since]
    if not later:
        return None
    first = min(later, key=lambda served: served.at)
    open_ones.remove(first)
    return first


def _name(record: Record) -> str:
    return f"{record['slot']} {record['llm_model']} {record['question_id']}"


def waited_sec(records: Sequence[Record], deadlines: Deadlines) -> float:
    """Seconds that a batch waits for the doubles at least: those of its slowest cell, the mean of the batches.

    A failed record has no latency. What took long was a timeout, and took its deadline.
    """
    cells: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    longest = {
        "timeout_first_token": deadlines.first_token_sec,
        "timeout_total": deadlines.total_sec,
        "timeout_connect": deadlines.connect_sec,
    }
    for record in records:
        seconds = record["latency_sec"] or longest.get(record["failure_kind"] or "", 0.0)
        if record["failure_kind"] == "timeout_total" and record["http_status"] == 408:
            seconds = 0.0
        cells[record["slot"]][f"{record['llm_model']} {record['industry']}"] += seconds + record["wait_sec"]
    return sum(max(cell.values()) for cell in cells.values()) / max(1, len(cells))
