"""How far the measurements bear out a number: intervals, comparisons and tests. Pure.

The records of a batch aren't independent: they share their slot's load, outages and network. So the slot is the
cluster everywhere: what varies from slot to slot makes an interval wide, not how many records a slot has.

Where a slow hour outlasts a slot, neighbouring slots aren't independent, as `carry_over` shows. What is concluded in
`scopes` and `drift` takes days for clusters instead, and nothing where a day's slots may go on into the next day
(`blocks.days_last`).

Nothing here is drawn at random but the signs in `time_of_day` and the orders in `change`, and those by a fixed seed:
the same records give the same numbers, in whatever order they come. A missing value (None, NaN) is left out and not
counted.
"""

from __future__ import annotations

from llm_bench.analysis.statistics.changes import Change, change
from llm_bench.analysis.statistics.comparisons import holm
from llm_bench.analysis.statistics.correlation import CarryOver, carry_over
from llm_bench.analysis.statistics.drift import Drift, drift
from llm_bench.analysis.statistics.factors import Differs, differs
from llm_bench.analysis.statistics.kernels import Answers, differing, similarity
from llm_bench.analysis.statistics.means import means, share
from llm_bench.analysis.statistics.sample import LEAST_SLOTS, Codes, Floats, Interval
from llm_bench.analysis.statistics.timeofday import TimeOfDay, time_of_day

__all__ = [
    "LEAST_SLOTS",
    "Answers",
    "CarryOver",
    "Change",
    "Codes",
    "Differs",
    "Drift",
    "Floats",
    "Interval",
    "TimeOfDay",
    "carry_over",
    "change",
    "differing",
    "differs",
    "drift",
    "holm",
    "means",
    "share",
    "similarity",
    "time_of_day",
]
