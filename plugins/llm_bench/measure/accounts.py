"""Where the account of an LLM's limits is kept: a file for the cells of one machine, Redis for those of several."""

from __future__ import annotations

import functools
import logging
import os
import time
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar
from urllib.parse import quote, urlsplit

from llm_bench.errors import InputError
from llm_bench.files import locked, replacing, storage_errors
from llm_bench.measure.ledger import Ledger, Moment, opened
from llm_bench.measure.limits import Limits

if TYPE_CHECKING:
    from redis import Redis

PACING_VARIABLE = "LLM_BENCH_PACING"
"""Environment variable with the address of the Redis that workers on several machines share."""

PATIENCE_SEC = 2.0
"""How long Redis may take to answer: it is asked before every request, outside the clock."""

_LONGEST_NAME = 150
"""Letters of a model in the name of its file."""

_KEPT_SEC = 2 * 86400
_BOOT = Path("/proc/sys/kernel/random/boot_id")

T = TypeVar("T")
log = logging.getLogger(__name__)


class Account(Protocol):
    """The account of one LLM, which many processes share."""

    def change(self, change: Callable[[Ledger], T]) -> T:
        """Reads the account, changes it and keeps it, as if no other process did so meanwhile.

        :param change: does so, and may be called more than once; its result is returned.
        """


def moment() -> Moment:
    """Now, as this machine sees it. Its containers have the same start and uptime."""
    clock = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    return Moment(_boot(), time.clock_gettime(clock), time.time())


@functools.cache
def _boot() -> str:
    try:
        return _BOOT.read_text(encoding="ascii").strip()
    except OSError:
        return ""


class FileAccount:
    """An account in a file, under the lock of its folder.

    :param folder: the same for all cells.
    :param model: the LLM's ``account``.
    :param look: now, as this machine sees it.
    """

    def __init__(self, folder: Path, model: str, look: Callable[[], Moment] = moment) -> None:
        self._file = folder / f"{_file_name(model)}.json"
        self._look = look

    def change(self, change: Callable[[Ledger], T]) -> T:
        """As of every account.

        :raises StorageError: the file can't be read or written.
        """
        with storage_errors(self._file, "written"), locked(self._file.parent):
            ledger = opened(self._read(), self._look())
            result = change(ledger)
            with replacing(self._file) as partial:
                partial.write_text(str(ledger), encoding="utf-8")
        return result

    def look(self) -> Ledger:
        """The account as it stands; nothing is written."""
        return opened(self._read(), self._look())

    def _read(self) -> str:
        try:
            return self._file.read_text(encoding="utf-8")
        except (FileNotFoundError, UnicodeDecodeError):
            return ""


class RedisAccount:
    """An account in Redis; its time of day is Redis' own, whatever the clocks of the machines say.

    :param redis: the client.
    :param model: the LLM's ``account``.
    :param look: now, as this machine sees it.
    """

    def __init__(self, redis: Redis, model: str, look: Callable[[], Moment] = moment) -> None:
        self._redis = redis
        self._key = f"llm-bench:pacing:{model}"
        self._look = look

    def change(self, change: Callable[[Ledger], T]) -> T:
        """As of every account.

        :raises redis.RedisError: Redis doesn't answer, or refuses.
        """
        from redis import WatchError  # noqa: PLC0415

        while True:
            with self._redis.pipeline() as pipe:
                pipe.watch(self._key)  # type: ignore[no-untyped-call]
                ledger = opened(self._text(pipe.get(self._key)), self._now(pipe.time()))
                result = change(ledger)
                pipe.multi()
                pipe.set(self._key, str(ledger), ex=_KEPT_SEC)
                try:
                    pipe.execute()
                except WatchError:  # another process changed it meanwhile
                    continue
                return result

    @staticmethod
    def _text(kept: Any) -> str:
        return kept.decode(errors="replace") if isinstance(kept, bytes) else ""

    def _now(self, time_of_redis: Any) -> Moment:
        seconds, microseconds = time_of_redis
        return replace(self._look(), wall=seconds + microseconds / 1e6)


class SharedAccount:
    """An account in Redis, or in this machine's file from the moment that Redis fails.

    :param shared: in Redis.
    :param own: in a file.
    :param place: host and port of Redis, for the log.
    """

    def __init__(self, shared: RedisAccount, own: FileAccount, place: str) -> None:
        self._account: Account = shared
        self._own = own
        self._place = place

    def change(self, change: Callable[[Ledger], T]) -> T:
        """As of every account.

        :raises StorageError: Redis failed, and the file can't be read or written.
        """
        import redis  # noqa: PLC0415

        try:
            return self._account.change(change)
        except redis.RedisError as fault:
            _warn(f"Redis at {self._place} can't be used ({type(fault).__name__}: {fault})")
            self._account = self._own
        return self._own.change(change)


def _file_name(model: str) -> str:
    """The model's name as a file may have it; a long one ends with a digest, as no name of a file is over 255 bytes."""
    name = quote(model, safe="")
    return name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]}~{sha256(model.encode()).hexdigest()[:16]}"


def open_account(folder: Path, model: str) -> Account:
    """The account of an LLM: in the Redis that :data:`PACING_VARIABLE` names, else in a file.

    :param folder: of the files.
    :param model: the LLM's ``account``.
    :raises InputError: the variable holds no address of a Redis.
    """
    own = FileAccount(folder, model)
    url = os.environ.get(PACING_VARIABLE, "").strip()
    if not url:
        return own
    try:
        import redis  # noqa: PLC0415
    except ImportError:
        _warn(f"{PACING_VARIABLE} is set, but the package redis isn't installed")
        return own
    try:
        place = urlsplit(url)
        client = redis.Redis.from_url(url, socket_timeout=PATIENCE_SEC, socket_connect_timeout=PATIENCE_SEC)
        shown = f"{place.hostname or place.path}:{place.port or 6379}"
    except ValueError:  # without the value: it may hold a password
        raise InputError(
            f"The environment variable {PACING_VARIABLE} isn't the address of a Redis.",
            "Write it as redis://:PASSWORD@HOST:PORT/NUMBER, then clear this task.",
        ) from None
    return SharedAccount(RedisAccount(client, model), own, shown)


def known_limits(folder: Path, model: str) -> Limits:
    """What is known of an LLM's limits so far; nothing where no cell has asked it yet.

    :param folder: of the files.
    :param model: the LLM's ``account``.
    :raises InputError: as :func:`open_account`.
    :raises StorageError: the account can't be read.
    """
    if os.environ.get(PACING_VARIABLE, "").strip():
        return open_account(folder, model).change(lambda ledger: ledger.limits)
    return FileAccount(folder, model).look().limits


def _warn(cause: str) -> None:
    log.warning(
        "%s: this cell paces with the others on its own machine alone. Cells on several machines may go over the "
        "limits together.",
        cause,
    )
