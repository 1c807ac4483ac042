"""Asks the questions of a cell: each within its LLM's limits, and under the watchdog."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from llm_bench.measure.pacing import ClosedError, Pacer, most_tokens, unsent
from llm_bench.measure.recording import Batch, machine_load, make_record
from llm_bench.measure.turns import Turn
from llm_bench.measure.watchdog import LastResort, Question
from llm_bench.records import Record, utc_text

if TYPE_CHECKING:
    from llm_bench.measure.client import LLMClient, Reply


@dataclass(frozen=True, slots=True)
class Asker:
    """Asks one LLM.

    :param resort: ends the process where nothing else ends a request.
    :param longest: answer, in tokens.
    :param total_sec: the study's.
    :param attempt: Airflow's, from 1.
    """

    client: LLMClient
    pacer: Pacer
    resort: LastResort
    longest: int
    total_sec: float
    attempt: int

    def ask(self, key: str, messages: list[dict[str, str]], line: str | None = None) -> tuple[Question, Reply]:
        """Waits for the limits and asks; the reply says so where the question couldn't be sent.

        :param key: of the question's turn; empty for what is no question.
        :param line: that stands before the prompt.
        """
        try:
            question = self._question(key, line, self.pacer.wait(most_tokens(messages, self.longest)))
        except ClosedError as limit:
            question = self._question(key, line, limit.waited_sec)
            now = datetime.fromisoformat(question.measured_at)
            return question, unsent(limit.closed, now, self.client.settings_hash)
        with self.resort.over(question, self.total_sec):
            return question, self.client.ask(messages)

    def learn(self, reply: Reply) -> None:
        """Takes what a reply says of the limits."""
        if reply.exchange.requests:
            self.pacer.learn(reply)

    def held_before(self, turn: Turn) -> tuple[Question, Reply] | None:
        """The question with which the attempt before was ended, where it is this turn's: it isn't asked again."""
        question = self.resort.held
        if question is None or (question.key, question.settings_hash) != (turn.key, self.client.settings_hash):
            return None
        return question, self.client.held(self.resort.place)

    def _question(self, key: str, line: str | None, waited: float) -> Question:
        now, load = utc_text(datetime.now(UTC)), machine_load()
        return Question(key, self.client.settings_hash, now, self.attempt, waited, load, line)


def record_of(batch: Batch, turn: Turn, question: Question, reply: Reply) -> Record:
    """The record of a question that was asked."""
    return make_record(
        batch.at(question.attempt),
        turn.prompt,
        reply,
        measured_at=datetime.fromisoformat(question.measured_at),
        wait_sec=question.wait_sec,
        load=question.load,
        position=turn.position,
        cache_probe=turn.cache_probe,
        unique_line=question.unique_line,
    )
