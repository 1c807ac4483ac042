"""The table of how well the scores agree with what people said of this study's answers. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from llm_bench.analysis import format as text
from llm_bench.analysis import table
from llm_bench.analysis.grading import LEAST, MEASURES, Agreed
from llm_bench.analysis.metrics import METRICS
from llm_bench.analysis.table import Table
from llm_bench.store.grades import SCALE


def graded(known: Sequence[Agreed]) -> Table:
    """Each score with its agreement; what was graded otherwise than it is now doesn't count."""
    scale = f"{SCALE[0]} to {SCALE[-1]}"
    return Table(
        "graded",
        "Agreement of the scores with grades of these answers",
        [
            table.words("metric", "Score", lambda name: METRICS[name].title),
            table.estimate("rho", "Spearman's ρ"),
            table.count("answers", "Graded answers"),
            table.count("people", "People"),
            table.words("remark", "Remark"),
        ],
        [[agreed.metric, agreed.rho, agreed.answers, agreed.people, remark(agreed)] for agreed in known],
        [
            f"Of a random sample of this study's answers, which people graded from {scale} without seeing the LLM's "
            f"name or the scores. ρ: the rank correlation of a score with the mean of people's grades, of questions "
            "like these; 1 is perfect, 0 none."
        ],
    )


def remark(agreed: Agreed) -> str:
    """Why there is no number, or no interval; empty where there is one."""
    if agreed.answers < LEAST:
        return f"too few yet: {text.count(agreed.answers)} of {LEAST}"
    if agreed.rho is None:
        return f"all grades of {MEASURES[agreed.metric]}, or all scores, are alike"
    return ""
