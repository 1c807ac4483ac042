"""What an archive is made with, and in what that differs from what is installed."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from typing import Any

from llm_bench import __version__
from llm_bench.archive.layout import FORMAT
from llm_bench.records import SCHEMA_VERSION

PACKAGES = ("litellm", "altair", "duckdb", "numpy", "pandas", "pyarrow", "scipy", "vl-convert-python")
"""What the numbers and figures of a report are made with."""


def made_with() -> dict[str, str]:
    """Software → its version here."""
    return {"llm-bench": __version__, "python": platform.python_version(), **{name: version(name) for name in PACKAGES}}


def differences(versions: Mapping[str, Any]) -> Iterator[str]:
    """What whoever makes the report again should know, a sentence or two each.

    :param versions: as the archive has them.
    """
    made, here = versions["made_with"], made_with()
    newer = [
        f"{what} {theirs}, which is newer than {ours}"
        for what, theirs, ours in (
            ("an archive of format", versions.get("format"), FORMAT),
            ("records of schema", versions.get("schema"), SCHEMA_VERSION),
        )
        if isinstance(theirs, int) and theirs > ours
    ]
    if newer:
        yield f"This is {' and '.join(newer)}, the newest that is known here: what isn't known is left out."
    others = [f"{name} {made[name]} (here {here.get(name, 'none')})" for name in made if made[name] != here.get(name)]
    if others:
        yield (
            f"Made with {', '.join(others)}. Tables and records are the same where the methods are; figures may differ "
            "in their bytes."
        )
