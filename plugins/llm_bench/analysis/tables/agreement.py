"""The table of how well the scores agree with people. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from llm_bench.analysis import table
from llm_bench.analysis.agreement import Agreement, Scorer
from llm_bench.analysis.metrics import METRICS
from llm_bench.analysis.statistics import Interval
from llm_bench.analysis.table import Table


def agreement(known: Agreement, scorers: Sequence[Scorer]) -> Table:
    """Each public set with the agreement on it.

    :param scorers: of the records that stand beside it.
    """
    return Table(
        "agreement",
        "Agreement of the scores with people, on public sets",
        [
            table.words("set", "Set"),
            table.words("metric", "Score", lambda name: METRICS[name].title),
            table.words("measure", "Measure"),
            table.estimate("agreement", "Agreement"),
            table.number("best_baseline_agreement", "Best simple way"),
            table.words("best_baseline", "Which"),
            table.count("n", "Judged"),
        ],
        [
            [
                *(judged.name, judged.metric, judged.measure),
                Interval(judged.value, judged.low, judged.high, judged.n, judged.n),
                *(judged.best_baseline_value, judged.best_baseline, judged.n),
            ]
            for judged in known.sets
        ],
        [
            "AUROC: how often, of an answer that people found supported and one that they didn't, the first has the "
            "higher score; 0.5 is chance. ρ: Spearman's rank correlation of the difference of two answers' scores with "
            "people's preference. 1 is perfect in both. Best simple way: of counting shared words and of comparing "
            "embeddings, what agrees best on that set.",
            known.measured_for(scorers),
        ],
    )
