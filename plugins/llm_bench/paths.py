"""Where the project's files lie: beside ``plugins/``, in a checkout as in a container."""

from __future__ import annotations

import os
from pathlib import Path


def home() -> Path:
    """The folder that holds ``include/`` and ``data/``: ``LLM_BENCH_HOME``, or the parent of ``plugins/``."""
    return Path(os.environ.get("LLM_BENCH_HOME") or Path(__file__).resolve().parents[2])


def include() -> Path:
    """The folder of studies, questions and knowledge."""
    return home() / "include"
