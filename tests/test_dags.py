from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from airflow.dag_processing.dagbag import DagBag
from airflow.serialization.serialized_objects import DagSerialization
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_bench.airflow import dag
from llm_bench.airflow.operators.answers import PROMPTS, cells_of
from llm_bench.measure.turns import Turn
from llm_bench.records import WARM
from llm_bench.study import Study

HEAVY = (
    "torch",
    "sentence_transformers",
    "transformers",
    "litellm",
    "great_expectations",
    "pandas",
    "pyarrow",
    "duckdb",
)


@pytest.fixture(scope="module")
def bag(project: Path) -> DagBag:
    return DagBag(dag_folder=str(project / "dags"), bundle_name="tests")


class TestTheDags:
    def test_load_without_an_error(self, bag: DagBag):
        assert bag.import_errors == {}

    def test_are_one_for_each_study(self, bag: DagBag):
        assert set(bag.dags) == {"llm_bench_quickstart", "llm_bench_thesis"}

    @pytest.mark.parametrize("study", ["quickstart", "thesis"])
    def test_prepare_measure_score_and_load(self, bag: DagBag, study: str):
        dag = bag.dags[f"llm_bench_{study}"]
        edges = {task.task_id: task.downstream_task_ids for task in dag.tasks}
        assert edges == {
            "prepare": {"measure"},
            "measure": {"score"},
            "score": {"validate_and_load"},
            "validate_and_load": set(),
        }

    def test_measure_the_cells_that_the_batch_began_with(self, bag: DagBag):
        measure = bag.dags["llm_bench_thesis"].get_task("measure")
        assert measure.expand_input.value.operator.task_id == "prepare"

    def test_run_the_study_with_a_window_on_its_slots_and_the_other_by_hand(self, bag: DagBag):
        assert bag.dags["llm_bench_thesis"].timetable.summary == "56 batches, 14 per 12 h"
        assert not bag.dags["llm_bench_quickstart"].timetable.can_be_scheduled

    def test_measure_no_missed_slot_by_themselves(self, bag: DagBag):
        assert not any(dag.catchup for dag in bag.dags.values())


def test_parsing_imports_nothing_heavy(project: Path):
    code = f"import sys, runpy; runpy.run_path({str(project / 'dags' / 'llm_bench_studies.py')!r}); print(*sys.modules)"
    environment = {**os.environ, "PYTHONPATH": str(project / "plugins")}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert set(HEAVY).isdisjoint(done.stdout.split())


def test_measuring_imports_neither_torch_nor_pandas_nor_great_expectations(project: Path):
    code = (
        "import sys, llm_bench.airflow.hook, llm_bench.measure.recording, llm_bench.airflow.operators.measure\n"
        "import llm_bench.rag.prompt, llm_bench.rag.embeddings\n"
        "from llm_bench.measure.library import quiet_litellm; quiet_litellm(); print(*sys.modules)"
    )
    environment = {**os.environ, "PYTHONPATH": str(project / "plugins")}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert {"torch", "sentence_transformers", "pandas", "great_expectations"}.isdisjoint(done.stdout.split())


class TestAStudyWithAMistake:
    def test_is_an_import_error_beside_the_dags_of_the_others(self, project: Path, tmp_path: Path):
        for part in ("questions", "knowledge"):
            (tmp_path / "include").mkdir(exist_ok=True)
            (tmp_path / "include" / part).symlink_to(project / "include" / part)
        studies = tmp_path / "include" / "studies"
        studies.mkdir()
        (studies / "good.yaml").write_text("llms: [{model: baseline/lead}]\nindustries: [retail]\n")
        (studies / "bad.yaml").write_text("llms: []\nindustries: [retail]\ncolour: red\n")
        code = (
            "import json\nfrom airflow.dag_processing.dagbag import DagBag\n"
            f"bag = DagBag(dag_folder={str(project / 'dags')!r}, bundle_name='tests')\n"
            "print(json.dumps([sorted(bag.dags), bag.import_errors]))"
        )
        environment = {**os.environ, "LLM_BENCH_HOME": str(tmp_path)}
        done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
        dags, errors = json.loads(done.stdout.splitlines()[-1])
        assert dags == ["llm_bench_good"]
        ((file, error),) = errors.items()
        assert file.endswith("llm_bench_study_errors.py")
        assert "colour: unknown key" in error
        assert "llms: []: tuple should have at least 1 item" in error


class TestAStudyWhoseDagCannotBeBuilt:
    def test_is_an_import_error_beside_the_dags_of_the_others(
        self, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ):
        write_studies(project, tmp_path, {"good": {}, "bad": {"description": "the one that fails"}})
        monkeypatch.setenv("LLM_BENCH_HOME", str(tmp_path))
        build = dag.deadline

        def fails_for_bad(study: Study) -> object:
            if study.name == "bad":
                raise ValueError("no deadline can be built")
            return build(study)

        monkeypatch.setattr(dag, "deadline", fails_for_bad)
        bag = DagBag(dag_folder=str(project / "dags"), bundle_name="tests")
        assert set(bag.dags) == {"llm_bench_good"}
        ((file, error),) = bag.import_errors.items()
        assert file.endswith("llm_bench_study_errors.py")
        assert "no deadline can be built" in error
        assert "include/studies/bad.yaml" in error


class TestAStudyWhoseQuestionsCannotBeRead:
    def test_is_an_import_error_beside_the_dags_of_all(
        self, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ):
        write_studies(project, tmp_path, {"good": {}, "bad": {"industries": ["torn"]}})
        for part in ("questions", "knowledge"):
            (tmp_path / "include" / part).unlink()  # a link to the checkout's own
            shutil.copytree(project / "include" / part, tmp_path / "include" / part)
        (tmp_path / "include" / "questions" / "torn.yaml").write_text("industry: torn\nquestions: [\n")
        (tmp_path / "include" / "knowledge" / "torn").mkdir()
        monkeypatch.setenv("LLM_BENCH_HOME", str(tmp_path))
        bag = DagBag(dag_folder=str(project / "dags"), bundle_name="tests")
        assert set(bag.dags) == {"llm_bench_good", "llm_bench_bad"}
        ((file, error),) = bag.import_errors.items()
        assert file.endswith("llm_bench_study_errors.py")
        assert "questions/torn.yaml has 1 mistake" in error
        assert "include/studies/bad.yaml" in error
        assert "good.yaml" not in error


MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))
NAMES = st.text(st.characters(categories=["L", "M", "N", "P", "S"]), min_size=1, max_size=80)


@st.composite
def studies(draw: st.DrawFn) -> dict[str, object]:
    """Keys of a study that :class:`Study` takes, but for its name."""
    start, batches = draw(MOMENTS), draw(st.integers(1, 1000))
    window = {
        "start": start.isoformat(),
        "end": (start + draw(st.timedeltas(timedelta(seconds=1), timedelta(days=100)))).isoformat(),
        "period": draw(st.sampled_from(["PT12H", "PT1H", "P1D"])),
        "batches_per_period": batches,
    }
    return {
        "description": draw(NAMES),
        "catchup": draw(st.booleans()),
        "llms": [{"model": f"groq/{name}"} for name in draw(st.lists(NAMES, min_size=1, max_size=4, unique=True))],
        "concurrency": draw(st.integers(1, 100)),
        **({"window": window} if draw(st.booleans()) else {}),
    }


class TestTheLongestStudy:
    """The names that a study makes, each as long as its file may make it."""

    @pytest.fixture
    def study(self) -> Study:
        llms = [{"model": f"{'p' * 100}/{n}", "name": f"{n} {'m' * 198}"} for n in range(2)]
        return Study.model_validate({"name": "s" * 63, "llms": llms, "industries": ["i" * 100]})

    def test_has_cells_and_pools_that_fit_a_database_which_counts_letters(self, study: Study):
        from airflow.models.pool import Pool
        from airflow.models.taskinstance import TaskInstance

        columns = TaskInstance.__table__.c
        names = [cell["cell"] for cell in cells_of(study)]
        assert len(set(names)) == 2
        assert max(map(len, names)) <= columns.rendered_map_index.type.length
        assert len(study.dag_id) <= columns.dag_id.type.length
        assert len(study.pool(study.llms[0].provider)) <= min(
            columns.pool.type.length, Pool.__table__.c.pool.type.length
        )

    def test_has_keys_that_fit_it_too(self, study: Study):
        from airflow.models.task_state_store import TaskStateStoreModel
        from airflow.models.xcom import XComModel

        turn = Turn(1, {"question_id": "q" * 100}, WARM)
        assert len(turn.key) <= TaskStateStoreModel.__table__.c.key.type.length
        assert len(PROMPTS + study.industries[0]) <= XComModel.__table__.c.key.type.length


class TestAnyStudy:
    @settings(max_examples=20, deadline=None)
    @given(contents=st.lists(studies(), min_size=1, max_size=3))
    def test_has_a_dag(self, project: Path, tmp_path_factory: pytest.TempPathFactory, contents: list[dict]):
        home = tmp_path_factory.mktemp("home")
        write_studies(project, home, {f"study-{number}": content for number, content in enumerate(contents)})
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("LLM_BENCH_HOME", str(home))
            bag = DagBag(dag_folder=str(project / "dags"), bundle_name="tests")
        assert bag.import_errors == {}
        assert len(bag.dags) == len(contents)
        for built in bag.dags.values():
            DagSerialization.from_dict(DagSerialization.to_dict(built))

    def test_catches_up_from_its_first_slot_on(self, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
        window = {"start": "2026-12-07T08:00:00+00:00", "end": "2026-12-08T08:00:00+00:00"}
        write_studies(project, tmp_path, {"past": {"catchup": True, "window": window}})
        monkeypatch.setenv("LLM_BENCH_HOME", str(tmp_path))
        bag = DagBag(dag_folder=str(project / "dags"), bundle_name="tests")
        scheduled = DagSerialization.from_dict(DagSerialization.to_dict(bag.dags["llm_bench_past"]))
        first = scheduled.next_dagrun_info(last_automated_run_info=None)
        assert first is not None
        assert first.logical_date == datetime(2026, 12, 7, 8, tzinfo=UTC)

    def test_is_filled_into_no_template(self, bag: DagBag):
        measure = bag.dags["llm_bench_thesis"].get_task("measure")
        assert measure.template_fields == ()


def write_studies(project: Path, home: Path, contents: dict[str, dict]) -> None:
    """A project in a folder: this one's retail questions, and studies by their names."""
    for part in ("questions", "knowledge"):
        (home / "include").mkdir(exist_ok=True)
        (home / "include" / part).symlink_to(project / "include" / part)
    (home / "include" / "studies").mkdir()
    for name, content in contents.items():
        study = {"llms": [{"model": "baseline/lead"}], "industries": ["retail"], **content}
        (home / "include" / "studies" / f"{name}.yaml").write_text(yaml.safe_dump(study, allow_unicode=True))


class TestThePluginsFolder:
    def test_registers_no_file_since_the_installed_package_names_its_plugin(self, project: Path):
        ignored = (project / "plugins" / ".airflowignore").read_text().splitlines()
        assert list((project / "plugins").glob("*.py")) == []
        assert "llm_bench/" in ignored

    def test_gives_airflow_each_plugin_once(self, project: Path):
        code = (
            "from airflow import plugins_manager as manager\n"
            "manager.ensure_plugins_loaded()\n"
            "plugins, errors = manager._get_plugins()\n"
            "print([plugin.name for plugin in plugins if plugin.name == 'llm_bench'], errors)"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert done.stdout.splitlines()[-1] == "['llm_bench'] {}"
        assert "already registered" not in done.stdout + done.stderr

    def test_has_no_module_with_the_name_of_one_of_the_standard_library(self, project: Path):
        names = {path.stem for path in (project / "plugins" / "llm_bench").glob("*.py")} - {"__init__", "__main__"}
        assert names.isdisjoint(sys.stdlib_module_names)

    def test_has_modules_that_all_say_why_they_exist(self, project: Path):
        for path in (project / "plugins").rglob("*.py"):
            assert ast.get_docstring(ast.parse(path.read_text())), path
