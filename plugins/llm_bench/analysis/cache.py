"""A local copy of a study's records in DuckDB, kept up to date object by object.

A DuckDB file belongs to one process, but servers with several workers, a report and a benchmark may run at once: a
process that finds a copy taken uses the next one, `0.duckdb`, `1.duckdb` and so on, each whole in itself.
"""

from __future__ import annotations

import fcntl
import hashlib
import threading
import time
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, TextIO, TypeVar, cast

from llm_bench.analysis import layout
from llm_bench.errors import StorageError
from llm_bench.store.base import Store, open_store
from llm_bench.store.snapshot import RecordObject, read_object, settled
from llm_bench.study import Study

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

T = TypeVar("T")

FRESH_SEC = 2.0
"""A store that was looked at so lately isn't looked at again: a page asks for many figures."""
_COPIES = 32
"""Processes with a copy of their own that is kept; one more process makes a temporary one."""
_VIEWS = 8
"""Views of which is kept what was found out: a reader goes through the pages with the same one."""
_MEMORY = "1GiB"
"""For DuckDB, beside what Python holds; what needs more goes through the disk."""
_LOG = "2MiB"
"""Of changes that DuckDB writes beside the copy, and holds in memory, before it puts them into it: some ten batches."""

_LOCK = threading.Lock()
"""For the views that are kept."""


class Records:
    """A study's records as they were at one moment, whatever is loaded meanwhile; for use by one thread at a time.

    The table ``records`` has the fields of FIELDS; ``llm`` is the model string in records that have no name. Beside it,
    ``slots`` and ``llms`` number both, and each metric's bin stands in ``<metric>_bin`` (see ``layout``).

    :param version: changes whenever the data does.
    :param unread: objects of the store that can't be read, each as an error that names it; their records are missing.
    """

    def __init__(
        self,
        study: str,
        cursor: duckdb.DuckDBPyConnection,
        kept: dict[str, Any],
        damaged: Callable[[], None],
        unread: Sequence[StorageError] = (),
    ) -> None:
        self.study = study
        self.unread = unread
        self._cursor = cursor
        self._kept = kept
        self._damaged = damaged
        self._shared: dict[Hashable, Any] = {}
        cursor.execute("BEGIN")
        self.version = str(self.rows("SELECT content FROM version")[0]["content"])

    def require_all(self) -> None:
        """For what must not lack a record without a word.

        :raises StorageError: an object of the store can't be read.
        """
        for fault in self.unread:
            raise fault

    def query(self, sql: str, parameters: Mapping[str, Any] | None = None) -> pa.Table:
        """What a query finds.

        :param parameters: values of the query's ``$name``.
        :raises StorageError: the copy is damaged; the next one that is asked for will be made anew.
        """
        with self._reading():
            return self._cursor.sql(sql, params=dict(parameters or {})).to_arrow_table()

    def rows(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """The same as a list."""
        return cast(list[dict[str, Any]], self.query(sql, parameters).to_pylist())

    def once(self, name: str, make: Callable[[Records], T]) -> T:
        """What depends on the data alone, made once and kept for as long as they stay the same."""
        if name not in self._kept:
            self._kept[name] = make(self)
        return cast(T, self._kept[name])

    def of_view(self, view: Hashable, name: Hashable, make: Callable[[], T]) -> T:
        """What depends on the data and a view, made once for all pages, and kept for the views asked for last.

        :param name: of what is made, with all that it depends on beside the two.
        """
        views: dict[Hashable, dict[Hashable, Any]] = self._kept.setdefault("views", {})
        with _LOCK:
            held = views[view] = views.pop(view, {})
            while len(views) > _VIEWS:
                del views[next(iter(views))]
        if name not in held:
            held[name] = make()
        return cast(T, held[name])

    def shared(self, name: Hashable, make: Callable[[], T]) -> T:
        """What several figures of one page need: made once for this reader alone. It may be large: the last is kept."""
        if name not in self._shared:
            self._shared.clear()
            self._shared[name] = make()
        return cast(T, self._shared[name])

    def close(self) -> None:
        """Ends the look at the data; DuckDB keeps what is replaced meanwhile for as long as a look at it lasts.

        What was shared refers to this reader, and both would stay until Python looks for such rings, which it does
        seldom where most of what is held are arrays.
        """
        self._shared.clear()
        self._cursor.close()

    def copy(self, sql: str, parameters: Mapping[str, Any], path: Path, options: str) -> None:
        """Write what a query finds to a file.

        :param options: of DuckDB's COPY, e.g. "FORMAT csv".
        :raises StorageError: as ``query``.
        """
        target = str(path).replace("'", "''")
        with self._reading():
            self._cursor.execute(f"COPY ({sql}) TO '{target}' ({options})", dict(parameters))

    @contextmanager
    def _reading(self) -> Iterator[None]:
        import duckdb

        try:
            yield
        except (duckdb.IOException, duckdb.FatalException, duckdb.InternalException) as fault:
            self._damaged()
            raise _unusable(self.study, fault) from None


class Cache:
    """The copies of all studies, below ``<home>/data/cache``. Safe for many threads.

    :param fresh_sec: for how long a look at the store is taken for good.
    """

    def __init__(self, home: Path, fresh_sec: float = FRESH_SEC) -> None:
        self._home = home
        self._fresh_sec = fresh_sec
        self._copies: dict[tuple[str, str], _Copy] = {}
        self._lock = threading.Lock()

    def records(self, study: Study, *, partly: bool = False) -> Records:
        """The study's records as the store has them now; only objects that are new or changed are read.

        :param partly: also where an object can't be read, which is then among their ``unread``.
        :raises StorageError: the store, or an object, can't be read.
        """
        with self._lock:
            key = (study.name, study.storage)
            if key not in self._copies:
                name = f"{study.name}-{hashlib.sha256(study.storage.encode()).hexdigest()[:8]}"
                self._copies[key] = _Copy(study.name, self._home / "data" / "cache" / name)
        records = self._copies[key].records(open_store(study.storage, self._home), self._fresh_sec)
        if not partly:
            records.require_all()
        return records


@contextmanager
def afresh(study: Study, home: Path) -> Iterator[Records]:
    """The study's records in a copy that was just made, and is gone afterwards: its numbers are the same everywhere.

    Sums of floats differ in their last digits with the order of the rows. A copy that is kept has them as they came,
    and several threads take them as it happens; this one has them in the order of the objects, for one thread.

    :param home: the folder that a relative storage is in.
    :raises StorageError: the store can't be read.
    """
    with TemporaryDirectory(prefix="llm-bench-") as folder:
        copy = _Copy(study.name, Path(folder), threads=1)
        records = copy.records(open_store(study.storage, home), 0)
        records.require_all()
        yield records


class _Copy:
    """One study's copy, of this process alone.

    :param threads: that work on it; None: one for each core.
    """

    def __init__(self, study: str, folder: Path, threads: int | None = None) -> None:
        self._study = study
        self._folder = folder
        self._threads = threads
        self._lock = threading.Lock()
        self._damaged = threading.Event()
        self._ours: TextIO | TemporaryDirectory[str] | None = None  # for as long as this lives
        self._path: Path | None = None
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._kept: dict[str, Any] = {}
        self._unread: dict[RecordObject, StorageError] = {}
        self._looked_at = -float("inf")

    def records(self, store: Store, fresh_sec: float) -> Records:
        with self._lock:
            if self._connection is None:
                self._open()
            if self._damaged.is_set():
                self._begin_anew()
            if time.monotonic() - self._looked_at >= fresh_sec:
                self._refresh(store)
                self._looked_at = time.monotonic()
            assert self._connection is not None  # noqa: S101
            unread = tuple(self._unread.values())
            return Records(self._study, self._connection.cursor(), self._kept, self._mark_damaged, unread)

    def _mark_damaged(self) -> None:
        # A reader holds this method, and so the copy: its file stays locked for as long as anyone reads it.
        self._damaged.set()

    def _open(self) -> None:
        """What an earlier process left, or an empty copy."""
        import duckdb

        self._path = self._take()
        with suppress(duckdb.Error):
            self._connection = _connect(self._path, self._threads)
            if layout.is_current(self._connection):
                return
            self._connection.close()
        self._create(self._path)

    def _take(self) -> Path:
        """A file that no other process uses, and none will as long as this one lives."""
        with suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            for number in range(_COPIES):
                lock = (self._folder / f"{number}.lock").open("a")
                with suppress(BlockingIOError):
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    self._ours = lock
                    return self._folder / f"{number}.duckdb"
        self._ours = TemporaryDirectory(prefix="llm-bench-")
        return Path(self._ours.name) / "0.duckdb"

    def _begin_anew(self) -> None:
        """An empty copy, in another file: of the same one, DuckDB would hand out what readers still have open."""
        earlier, still_ours = self._path, self._ours
        self._path = self._take()
        del still_ours
        if earlier is not None:
            _remove(earlier)
        self._create(self._path)
        self._damaged.clear()
        self._looked_at = -float("inf")

    def _create(self, path: Path) -> None:
        import duckdb

        _remove(path)
        try:
            self._connection = _connect(path, self._threads)
            layout.create(self._connection)
        except duckdb.Error as fault:  # as on a full disk
            self._connection = None
            raise _unusable(self._study, fault) from None

    def _refresh(self, store: Store) -> None:
        """An error of DuckDB's is no object's, which raises others: the copy itself is damaged, and made anew."""
        import duckdb

        try:
            settled(store, self._study, lambda objects: self._take_over(store, objects))
        except duckdb.Error:
            self._begin_anew()
            try:
                settled(store, self._study, lambda objects: self._take_over(store, objects))
            except duckdb.Error as fault:
                raise _unusable(self._study, fault) from None

    def _take_over(self, store: Store, objects: list[RecordObject]) -> None:
        connection = self._connection
        assert connection is not None  # noqa: S101
        held, there = layout.held(connection), set(objects)
        self._unread = {stored: fault for stored, fault in self._unread.items() if stored in there}
        gone = [number for stored, number in held.items() if stored not in there]
        new = [stored for stored in objects if stored not in held and stored not in self._unread]
        if not gone and not new:
            return
        read = ((stored, read_object(store, stored)) for stored in new)
        self._kept = {}  # who reads the earlier data keeps what belongs to them
        content = hashlib.sha256(repr(objects).encode()).hexdigest()[:16]
        self._unread |= layout.replace(connection, gone, read, content)


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.with_name(f"{path.name}.wal").unlink(missing_ok=True)


def _unusable(study: str, fault: Exception) -> StorageError:
    return StorageError(
        f"The local copy of {study} can't be used: {str(fault).splitlines()[0].rstrip('.')}.",
        "Ask again: it is made anew from the store. If that doesn't help, check data/cache and its disk.",
    )


def _connect(path: Path, threads: int | None) -> duckdb.DuckDBPyConnection:
    import duckdb

    config: dict[str, Any] = {"memory_limit": _MEMORY, "checkpoint_threshold": _LOG, "temp_directory": f"{path}.tmp"}
    config |= {"threads": threads} if threads else {}
    connection = duckdb.connect(path, config=config | {"allow_community_extensions": False})
    connection.execute("SET GLOBAL TimeZone = 'UTC'")
    return connection
