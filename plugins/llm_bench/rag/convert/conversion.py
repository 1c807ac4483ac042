"""A document's Markdown: made once for each content, by another process, and kept."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

from llm_bench.files import locked, replacing, storage_errors
from llm_bench.paths import PACKAGE

CONVERSION_VERSION = 1
"""Raise it when the same file gives other Markdown."""

MAXIMUM_BYTES = 50_000_000
MAXIMUM_TEXT = 20_000_000
PATIENCE_SEC = 300

_KEPT = ("PATH", "LD_LIBRARY_PATH")
# One thread and two heaps: on a machine with many cores, what is set aside for each would be over the bound on memory.
_ENVIRONMENT = {"PYTHONUTF8": "1", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}

LIBRARIES: Mapping[str, tuple[str, ...]] = {
    ".pdf": ("liteparse",),
    ".docx": ("mammoth", "html-to-markdown"),
    ".html": ("html-to-markdown",),
    ".htm": ("html-to-markdown",),
    ".csv": (),
    ".xlsx": ("openpyxl",),
}
"""Ending of a document's file → the distributions that convert it."""


class Conversion(NamedTuple):
    """What became of a document.

    :param text: Markdown.
    :param notes: what was lost on the way, a phrase each.
    """

    text: str
    notes: tuple[str, ...]


class ConversionError(Exception):
    """A document can't be converted; why, and what is allowed."""


def convert(file: Path, cache: Path | None) -> Conversion:
    """A document as Markdown.

    It is read by a process of its own, with bounds on memory and time, and with nothing of this one's environment.

    :param file: its ending is one of :data:`LIBRARIES`.
    :param cache: folder of earlier conversions, one file for each content; None: none is kept.
    :raises ConversionError: it can't be used.
    :raises StorageError: the cache can't be written.
    """
    check_size(file)
    content = file.read_bytes()
    if not content:
        raise ConversionError("is empty; allowed: a file with text")
    ending = file.suffix.lower()
    kept = cache / f"{_key(content, ending)}.json" if cache else None
    conversion = _read(kept) if kept else None
    if conversion is None:
        conversion = _checked(_converted(content, ending))
        if kept:
            _write(kept, conversion)
    return conversion


def check_size(file: Path) -> None:
    """Refuse a file that is too large.

    :raises ConversionError: it is.
    """
    size = file.stat().st_size
    if size > MAXIMUM_BYTES:
        raise ConversionError(f"is {size / 10**6:,.0f} MB; allowed: at most {MAXIMUM_BYTES // 10**6} MB")


def _key(content: bytes, ending: str) -> str:
    """SHA-256 of all that the Markdown depends on."""
    made_by = [f"{name} {metadata.version(name)}" for name in LIBRARIES[ending]]
    return hashlib.sha256(f"{CONVERSION_VERSION} {ending} {made_by}\n".encode() + content).hexdigest()


def _converted(content: bytes, ending: str) -> dict[str, Any]:
    """What the other process has to say."""
    path = os.pathsep.join([str(PACKAGE.parent), *filter(None, sys.path)])
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "llm_bench.rag.convert.process", ending],
            input=content,
            capture_output=True,
            timeout=PATIENCE_SEC,
            env={name: os.environ[name] for name in _KEPT if name in os.environ} | _ENVIRONMENT | {"PYTHONPATH": path},
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ConversionError(f"takes more than {PATIENCE_SEC} s to read; allowed: a smaller file") from None
    try:
        outcome: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        how = f"signal {-done.returncode}" if done.returncode < 0 else f"exit {done.returncode}"
        raise ConversionError(
            f"can't be read: the process that converts it ended by {how}, over its bounds on time or memory or for a "
            f"fault in the file; allowed: a smaller file, or one that was saved anew by another program"
        ) from None
    if "problem" in outcome:
        raise ConversionError(outcome["problem"])
    return outcome


def _checked(outcome: Mapping[str, Any]) -> Conversion:
    text = outcome["text"].strip()
    if len(text) > MAXIMUM_TEXT:
        raise ConversionError(
            f"holds {len(text) / 10**6:,.0f} million letters; allowed: at most {MAXIMUM_TEXT // 10**6} million"
        )
    if not text:
        why = f" ({'; '.join(outcome['notes'])})" if outcome["notes"] else ""
        raise ConversionError(f"holds no text{why}; allowed: a file with text, for nothing is read from pictures")
    return Conversion(text, tuple(outcome["notes"]))


def _read(kept: Path) -> Conversion | None:
    """An earlier conversion; None where there is none, or it is damaged."""
    try:
        text, notes, digest = json.loads(kept.read_text(encoding="utf-8"))
        conversion = Conversion(text, tuple(notes))
        return conversion if _digest(conversion) == digest else None
    except (OSError, ValueError, TypeError):
        return None


def _write(kept: Path, conversion: Conversion) -> None:
    with storage_errors(kept, "written"), locked(kept.parent), replacing(kept) as partial:
        content = json.dumps([*conversion, _digest(conversion)], ensure_ascii=False)
        partial.write_text(content, encoding="utf-8")


def _digest(conversion: Conversion) -> str:
    return hashlib.sha256(json.dumps(conversion).encode()).hexdigest()
