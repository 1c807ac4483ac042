"""A request that something holds"""

from __future__ import annotations

from typing import Any

import pytest

from fixtures.running import INDUSTRY, QUESTIONS, Project
from fixtures.trust import Seen

pytestmark = pytest.mark.trust

DEADLINES = {"connect_sec": 5, "first_token_sec": 10, "total_sec": 10}


def held_batch(running: Project, study: str, **answers: str) -> tuple[list[Any], int]:
    """The records of a batch whose LLM gives some other answers, by the number of the request; how often it was asked.

    :param answers: e.g. ``at_2="LOOP"``.
    """
    model = f"{study}-a"
    running.words |= {(model, int(at.removeprefix("at_"))): words for at, words in answers.items()}
    content = {"llms": [{"model": f"hosted_vllm/{model}"}], "industries": [INDUSTRY], "deadlines": DEADLINES}
    running.write(study, **content, order="as_written")
    assert running.ended(study, running.start(study)) == "success"
    (batch,) = running.records(study)
    return sorted(batch, key=lambda record: record["position"]), len(running.asked(model))


class TestARequestThatIsHeld:
    """A request that something holds"""

    def test_by_a_loop_is_ended_and_the_next_question_asked(self, running: Project, seen: Seen):
        """The code that judges the second of four answers loops for ever (`total_sec: 10`)."""
        records, asked = held_batch(running, "loops", at_2="LOOP")
        assert [record["failure_kind"] for record in records] == [None, "held", None, None]
        assert "held by loops (" in records[1]["error"]
        assert records[1]["answer"] == "LOOP"
        assert {record["attempt"] for record in records} == {1}
        assert asked == QUESTIONS
        seen(f"4 of 4 records in one attempt, 4 requests; the second says: {records[1]['error']}")

    def test_by_code_in_c_ends_the_process_and_the_next_attempt_goes_on(self, running: Project, seen: Seen):
        """The code that judges the second of four answers never returns from C, where no signal reaches it."""
        records, asked = held_batch(running, "spins", at_2="SPIN")
        assert [record["failure_kind"] for record in records] == [None, "held", None, None]
        assert "held by spins_in_c (" in records[1]["error"]
        assert [record["attempt"] for record in records] == [1, 1, 2, 2]
        assert asked == QUESTIONS
        seen(f"4 of 4 records in two attempts, 4 requests; the second says: {records[1]['error']}")
