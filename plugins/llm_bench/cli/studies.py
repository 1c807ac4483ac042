"""The study that a command is given, and its store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llm_bench.errors import unknown
from llm_bench.paths import home, include

if TYPE_CHECKING:
    from llm_bench.store.base import Store
    from llm_bench.study import Study


def find_study(name: str) -> Study:
    """The study of that name.

    :raises InputError: there is none.
    :raises StudyError: its file can't be used.
    """
    from llm_bench.study import load_study, study_files

    paths = {path.stem: path for path in study_files(include())}
    if name not in paths:
        raise unknown(f"There is no study {name!r} in {include() / 'studies'}.", name, paths)
    return load_study(paths[name])


def store_at(url: str) -> Store:
    """A store, with the connection that Airflow's tasks use.

    :param url: like a study's ``storage``.
    :raises StorageError: its connection can't be used.
    """
    from llm_bench.airflow.connections import use_airflow
    from llm_bench.store.base import open_store

    if url.startswith("gs://"):
        use_airflow(home())
    return open_store(url, home())
