"""Whether records can be stored: an object is really written, listed, read back and removed."""

from __future__ import annotations

import time
import uuid
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path

from llm_bench.errors import StorageError
from llm_bench.files import storage_errors
from llm_bench.preflight.checks import Check, start, tell
from llm_bench.store.base import Store, open_store
from llm_bench.store.file import FileStore
from llm_bench.study import Study

FOLDER = "probe"
_CONTENT = b"Written by a check of llm-bench, which removes it at once.\n"


class StorageProbe:
    """A probe of the study's storage that is under way."""

    def __init__(self, study: Study, home: Path) -> None:
        self._url = study.storage
        # The client of a bucket is imported here, by the main thread; only its requests are made beside the others.
        self._opened = tell("storage", lambda: self._open(home))

    def _open(self, home: Path) -> str:
        store = open_store(self._url, home)
        self._probe: Future[None] = start(lambda: probe(store, self._url))
        return self._url

    def check(self, deadline: float) -> Check:
        """How it went.

        :param deadline: CLOCK_MONOTONIC.
        """
        return tell("storage", lambda: self._outcome(deadline)) if self._opened.passed else self._opened

    def _outcome(self, deadline: float) -> str:
        try:
            self._probe.result(max(0.0, deadline - time.monotonic()))
        except TimeoutError:
            raise StorageError(
                f"{self._url} doesn't answer in time.", "Check this machine's network, then check again."
            ) from None
        return f"{self._url}: written, listed, read back, removed"


def probe(store: Store, url: str) -> None:
    """Writes, lists, reads and removes one object.

    :raises StorageError: one of these can't be done.
    """
    path = f"{FOLDER}/{uuid.uuid4().hex}"
    store.commit(path, _CONTENT, 0)
    try:
        listed = store.list(f"{FOLDER}/")
        stored = store.read(path)
    finally:
        _remove(store, path, url)
    if path not in listed or stored is None or stored[0] != _CONTENT:
        raise StorageError(f"{url} doesn't give back what was written to it.", "Check its disk, or name another.")


def _remove(store: Store, path: str, url: str) -> None:
    """Removing needs the right that replacing an object needs, so that completing a batch needs it, too."""
    if isinstance(store, FileStore):
        file = store.root / path
        with storage_errors(file, "removed"):
            file.unlink()
        with suppress(OSError):  # another check is under way there
            file.parent.rmdir()
        return
    from airflow.providers.google.cloud.hooks.gcs import GCSHook  # noqa: PLC0415

    bucket, _, prefix = url.removeprefix("gs://").partition("/")
    name = "/".join(part for part in (prefix.strip("/"), path) if part)
    try:
        GCSHook().delete(bucket_name=bucket, object_name=name)
    except Exception as fault:  # Google's clients have many
        raise StorageError(
            f"gs://{bucket}/{name} can't be removed, so no object can be replaced: {str(fault).rstrip('.')}.",
            "Give Airflow's connection google_cloud_default credentials with the role Storage Object User there, "
            "and remove that object.",
        ) from fault
