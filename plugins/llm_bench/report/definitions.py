"""What the metrics mean and how the statistics are made, in short: docs/metrics.md and analysis.statistics say all."""

from __future__ import annotations

from llm_bench.analysis.statistics import LEAST_SLOTS
from llm_bench.analysis.statistics.changes import LEVEL, ORDERS
from llm_bench.analysis.statistics.correlation import FOLLOWING
from llm_bench.analysis.statistics.drift import DRIFT
from llm_bench.analysis.statistics.timeofday import TIME_OF_DAY

METRICS = (
    (
        "Clock",
        "Times are taken on the monotonic clock, from the moment when the request's first byte is handed to the wire, "
        "over a connection that is open by then. A piece of the answer is stamped when the read of the socket that "
        "brought it returns, before it is parsed. Each question is exactly one HTTP attempt. Waiting for a rate limit "
        "is outside the clock.",
    ),
    ("Latency", "From the request to the end of the answer's stream. A failed request has none."),
    ("Time to first token", "From the request to the first event that carries a generated token, reasoning included."),
    (
        "Less a round trip",
        "The time to first token without the round trip to where the connection ends, as the kernel measured it: what "
        "the distance of this client doesn't explain. Not known where the round trip isn't.",
    ),
    ("Time to first answer", "From the request to the first event with text of the answer: later where it reasons."),
    (
        "Throughput",
        "Tokens generated, reasoning included, over the latency. Each LLM counts by its own tokenizer, so rates of two "
        "LLMs aren't rates of text.",
    ),
    (
        "Success",
        "The stream ended as the protocol says, with an answer that isn't empty. Faults of the user's (a wrong key, no "
        "credit) never count against a provider: they leave no record.",
    ),
    (
        "Coverage",
        "How much of what the context says about the question the answer uses, 0 to 1, by sentence embeddings: a "
        "recall, each statement weighted by its relevance. One answer's score is no grade; means compare LLMs.",
    ),
    ("Groundedness", "How much of the answer the context supports, 0 to 1, by the same embeddings: a precision."),
    (
        "Cut answers",
        "Those that reached their limit of tokens, as the finish reason says; their share is of the answers that have "
        "a finish reason, with the interval of a success rate.",
    ),
    (
        "Cached tokens",
        "The share of the prompts' tokens that the provider says it read from its cache, of the records that say so; "
        "a ratio of sums over slots.",
    ),
    ("Cost", "As the provider states it, or tokens at list prices; not known where there is neither."),
)

STATISTICS = (
    (
        "Unit",
        "The records of a batch share their slot's load, outages and network, so the slot is the cluster of every "
        f"interval and test. With fewer than {LEAST_SLOTS} slots there are estimates without intervals. Intervals are "
        "of 95 %, two-sided. A failed request has no latency: how many are left out stands beside each figure.",
    ),
    (
        "Medians and other quantiles",
        "Hyndman and Fan's type 7. Intervals by Woodruff (JASA 1952), with the linearised standard error for clusters "
        "(Särndal, Swensson and Wretman, Model Assisted Survey Sampling, 1992).",
    ),
    (
        "Means",
        "A ratio of sums over slots, with its linearised error and Student's t (Cochran, Sampling Techniques, 1977).",
    ),
    (
        "Success rates",
        "Wilson's interval (JASA 1927) of the effective number of trials, from the design effect between slots (Rao "
        "and Scott, Biometrics 1992) and Student's t (Korn and Graubard, Survey Methodology 1998).",
    ),
    (
        "Comparisons",
        "Two LLMs are compared on the same questions in the same slots; pairs in which one has no such number are left "
        "out and counted. Each slot counts once, with the mean of its differences. Hodges and Lehmann's estimate with "
        "its distribution-free interval, Wilcoxon's signed-rank test, and the matched-pairs rank-biserial correlation "
        "as effect (Kerby, Comprehensive Psychology 2014). p is corrected by Holm (Scandinavian Journal of Statistics "
        "1979): over the primary comparisons where the study was sealed, and over all others of this report apart.",
    ),
    (
        "Noise floor",
        "Where an LLM has a twin, which is the same LLM measured once more in the same slots, what the two differ by "
        "is the noise floor: the same comparison, without the sign of its difference. Of several twins, the largest. "
        "Twins are no two LLMs, so their pairs are corrected by Holm apart from the others.",
    ),
    (
        "Who answered, and where it was asked from",
        "Whether latency differs by these: values are ranked within each slot, and what the ranks of each are above or "
        "below the slot's middle (the sums of van Elteren's test, 1960) is tested over the slots by Hotelling's T², so "
        "that the slot is the unit here too. p is corrected over the LLMs by Holm.",
    ),
    *((method.term, method.text) for method in (TIME_OF_DAY, DRIFT, FOLLOWING)),
    (
        "Which model answered",
        "Stored answers to the same question are compared between slots, by the pieces of eight characters that they "
        "share (a spectrum kernel: Leslie, Eskin and Noble, Pacific Symposium on Biocomputing 2002), and those before "
        "each moment with those after it, by their maximum mean discrepancy, as Gao, Liang and Guestrin do with "
        "another string kernel (Model Equality Testing: Which Model Is This API Serving?, ICLR 2025). Whole slots "
        f"change places in {ORDERS:,} random orders of a fixed seed; p is of the greatest of all moments, each in "
        "relation to its mean and spread over the orders, and corrected over the LLMs by Holm. Below "
        f"{LEVEL} the answers are said to have changed, most likely at the moment of the greatest.",
    ),
    (
        "Approximations",
        "Where a number is marked ≈, there were too many records to sort: it comes from bins of a relative width of at "
        "most 0.5 %.",
    ),
)
