"""Where a project's files lie.

A *project* is a folder with ``dags/``, ``include/`` (studies, questions, documents) and ``data/``. Where only ``dags/``
is copied to the machines that run it, ``include/`` lies in ``dags/``.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from llm_bench.errors import SetupError

PACKAGE = Path(__file__).resolve().parent
_CLIENT = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_UNNAMED = "unnamed"  # as records.UNNAMED
PLACES = ("include", "dags/include")
"""Of a project's studies, questions and documents."""


def home() -> Path:
    """The project: ``LLM_BENCH_HOME``, or else the nearest one.

    That is the first folder with studies, from the current folder upwards, then from Airflow's DAGs folder upwards, and
    last the checkout that an editable install is.

    :raises SetupError: there is none.
    """
    named = os.environ.get("LLM_BENCH_HOME")
    if named:
        return Path(named)
    for folder in _candidates():
        if folder.name != "dags" and any((folder / place / "studies").is_dir() for place in PLACES):
            return folder
    raise SetupError(
        f"There is no llm-bench project here: neither {Path.cwd()} nor a folder above it holds include/studies.",
        "`llm-bench init` writes one into the current folder; LLM_BENCH_HOME names one that lies elsewhere.",
    )


def include() -> Path:
    """The project's folder of studies, questions and documents."""
    root = home()
    return next((root / place for place in PLACES if (root / place / "studies").is_dir()), root / PLACES[0])


def shipped() -> Path:
    """The folder with a new project's ``dags/`` and ``include/``: the checkout, or what the wheel brought."""
    return PACKAGE / "project" if (PACKAGE / "project" / "dags").is_dir() else PACKAGE.parents[1]


def _candidates() -> Iterator[Path]:
    yield Path.cwd()
    yield from Path.cwd().parents
    dags = _airflow_dags()
    yield dags
    yield from dags.parents
    yield PACKAGE.parents[1]


def _airflow_dags() -> Path:
    """Airflow's DAGs folder, as the Airflow of this process or the environment has it."""
    airflow = sys.modules.get("airflow.configuration")
    if airflow is not None:
        return Path(airflow.conf.get("core", "dags_folder")).resolve()
    default = Path(os.environ.get("AIRFLOW_HOME", "~/airflow")) / "dags"
    return Path(os.environ.get("AIRFLOW__CORE__DAGS_FOLDER", default)).expanduser().resolve()


def client() -> str | None:
    """The name of the place that is measured from: ``LLM_BENCH_CLIENT``; None where it is unset or empty.

    :raises SetupError: it can't be part of an object's path.
    """
    name = os.environ.get("LLM_BENCH_CLIENT") or None
    if name is not None and not is_client(name):
        raise SetupError(
            f"The environment variable LLM_BENCH_CLIENT is {name!r}.",
            "Give it a name of 1 to 40 lower-case letters, digits, `-` and `_`, e.g. frankfurt, but not `unnamed`.",
        )
    return name


def is_client(name: str) -> bool:
    """Whether a place may be named so: the name stands in paths, and for no record without one."""
    return bool(_CLIENT.fullmatch(name)) and name != _UNNAMED


def program(name: str) -> str:
    """How a shell starts a program that is installed beside this Python: with its path where it isn't on PATH."""
    path = Path(sys.executable).with_name(name)
    return str(path) if path.exists() and shutil.which(name) != str(path) else name
