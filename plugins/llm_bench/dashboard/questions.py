"""How many questions a study asks."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

from llm_bench.paths import include
from llm_bench.rag.questions import load_question_sets

if TYPE_CHECKING:
    from llm_bench.study import Study


def questions_of(study: Study) -> int:
    """How many each LLM is asked in a batch."""
    return sum(questions_by_industry(study).values())


def questions_by_industry(study: Study) -> Mapping[str, int]:
    """How many each LLM is asked of each industry."""
    files = [include() / "questions" / f"{industry}.yaml" for industry in study.industries]
    return _counted(study.industries, tuple(file.stat().st_mtime_ns if file.exists() else 0 for file in files))


@lru_cache(maxsize=100)
def _counted(industries: tuple[str, ...], _changed: tuple[int, ...]) -> Mapping[str, int]:
    # Reading question sets takes half a second, which only a change of their files is worth.
    return {industry: len(asked) for industry, asked in load_question_sets(include(), industries).items()}
