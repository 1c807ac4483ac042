"""Where the project's files lie: beside ``plugins/``, in a checkout as in a container."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path


def home() -> Path:
    """The folder that holds ``include/`` and ``data/``: ``LLM_BENCH_HOME``, or the parent of ``plugins/``."""
    return Path(os.environ.get("LLM_BENCH_HOME") or Path(__file__).resolve().parents[2])


def include() -> Path:
    """The folder of studies, questions and knowledge."""
    return home() / "include"


def program(name: str) -> str:
    """How a shell starts a program that is installed beside this Python: with its path where it isn't on PATH."""
    path = Path(sys.executable).with_name(name)
    return str(path) if path.exists() and shutil.which(name) != str(path) else name
