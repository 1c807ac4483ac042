"""Any text in a study's file: it has a DAG, or there is one error that says what is wrong; nothing hangs."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from airflow.serialization.serialized_objects import DagSerialization
from hypothesis import HealthCheck, given, settings

from fixtures.any_study import texts
from fixtures.trust import Seen
from llm_bench.airflow.dag import study_dags
from llm_bench.errors import StudyError

SLOWEST_SEC = 1.0
"""Of the processor's time, which other work on the machine doesn't lengthen."""


@pytest.fixture(scope="module")
def home(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project's include folder without a study."""
    include = tmp_path_factory.mktemp("any") / "include"
    (include / "studies").mkdir(parents=True)
    for part in ("questions", "knowledge"):
        (include / part).symlink_to(project / "include" / part)
    return include


def outcome(home: Path, text: str) -> tuple[str, float]:
    """What became of a study with this text: "DAG" or "error"; and the processor's seconds that it took."""
    (home / "studies" / "any.yaml").write_bytes(text.encode("utf-8", "surrogatepass"))
    started = time.process_time()
    dags, faults = study_dags(home)
    if dags:
        DagSerialization.from_dict(DagSerialization.to_dict(dags["llm_bench_any"]))
    took = time.process_time() - started
    assert len(dags) + len(faults) == 1
    for fault in faults:
        assert isinstance(fault, StudyError), "an error that nobody meant"
        message = str(fault)
        assert message.startswith(f"{home}/studies/any.yaml has ")
        assert len(message) < 20_000
        assert message.replace("\n", "").isprintable()
    return ("DAG" if dags else "error"), took


class TestAnyStudyFile:
    """What stands in a study's file"""

    @settings(max_examples=200)
    @given(text=texts())
    def test_has_a_dag_or_one_clear_error(self, home: Path, text: str):
        outcome(home, text)

    @pytest.mark.trust
    def test_of_ten_thousand_has_a_dag_or_one_clear_error_within_a_second(self, home: Path, seen: Seen):
        """10,000 texts of study files: good ones changed or torn, YAML bombs, values out of all bounds."""
        outcomes: list[tuple[str, float]] = []

        @settings(max_examples=10_000, suppress_health_check=list(HealthCheck))
        @given(text=texts())
        def each(text: str) -> None:
            outcomes.append(outcome(home, text))

        each()
        slowest = max(took for _, took in outcomes)
        dags = sum(name == "DAG" for name, _ in outcomes)
        seen(f"{dags:,} had a DAG, {len(outcomes) - dags:,} one error; the slowest took {slowest:.2f} s of CPU")
        assert len(outcomes) >= 10_000
        assert slowest < SLOWEST_SEC
