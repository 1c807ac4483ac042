"""The table of what one LLM has over another, and what a twin says of it in sentences. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from llm_bench.analysis import format as text
from llm_bench.analysis import table
from llm_bench.analysis.metrics import METRICS
from llm_bench.analysis.noise import LEVEL, doubtful, floor, significant
from llm_bench.analysis.queries.shapes import EXPLORATORY
from llm_bench.analysis.table import Table

if TYPE_CHECKING:
    from llm_bench.analysis.charts import Looks
    from llm_bench.analysis.noise import Floor
    from llm_bench.analysis.queries import Comparison

TWINS = "these are twins"
_STANDINGS = {"above": "above it", "unclear": "within its interval", "below": "below it"}
_ADVICE = (
    "Look for what treats them unlike: a rate limit that they share and that slows the later one (wait_sec, failures "
    "of the kind rate_limited), cells that always start one after the other (a larger concurrency), a provider's cache "
    "(cache: unique), or several servers behind a router (pin one of them)."
)


def name_of(metric: str) -> str:
    """The name of a comparison's files."""
    return f"compare-{metric.rsplit('_', 1)[0].replace('_', '-')}"


def differences(pairs: Sequence[Comparison], metric: str, looks: Looks) -> Table:
    """The paired differences in one metric; the primary ones are marked, where there are any.

    With a twin they stand beside the study's noise floor.

    :param pairs: of all metrics.
    :param metric: the one to show: a name of METRICS, or "success".
    """
    known, unit, noise = METRICS.get(metric), _unit(metric), floor(pairs, metric)
    beside = [table.estimate("noise_floor", "Noise floor", unit), table.words("to_the_floor", "The difference is")]
    made = Table(
        name_of(metric),
        f"Paired differences in {known.title.lower() if known else metric}, first minus second, with 95 % intervals",
        [
            table.llm(looks, "first", "First"),
            table.llm(looks, "second", "Second"),
            table.count("n", "Pairs"),
            table.count("left_out", "Left out"),
            table.difference("difference", "Difference", unit),
            table.chance("p", "p"),
            table.chance("p_holm", "p, Holm", hint="corrected"),
            table.effect("effect", "Effect"),
            table.words("role", "Role"),
            *(beside if noise else []),
        ],
        [
            [
                *(pair.first, pair.second, pair.n, pair.left_out, pair.difference),
                *(pair.p, pair.p_holm, pair.effect, pair.role),
                *([noise.size, _standing(pair, noise)] if noise else []),
            ]
            for pair in pairs
            if pair.metric == metric
        ],
        [
            f"On the same questions in the same slots. p, Holm: corrected {_corrected(pairs)}. Effect: "
            "rank-biserial correlation, positive where the first is larger.",
            *([_explained(noise, looks)] if noise else []),
        ],
    )
    return made if _primary(pairs) else made.without("role")


def _corrected(pairs: Sequence[Comparison]) -> str:
    primary = len(_primary(pairs))
    if not primary:
        return "over all comparisons here, all of them exploratory"
    return f"over the {primary} primary comparisons, which were sealed, and over the exploratory ones apart"


def _primary(pairs: Sequence[Comparison]) -> list[Comparison]:
    return [pair for pair in pairs if pair.role != EXPLORATORY]


def _standing(pair: Comparison, noise: Floor) -> str | None:
    if pair.twins:
        return TWINS
    standing = noise.standing(pair.difference)
    return _STANDINGS[standing] if standing else None


def _explained(noise: Floor, looks: Looks) -> str:
    first, second = (looks.names[llm] for llm in (noise.pair.first, noise.pair.second))
    return (
        f"Noise floor: what {first} and {second}, one LLM measured twice in the same slots, differ by, without its "
        "sign. Twins don't count in the correction of the others; theirs is apart."
    )


def noise_floor(pairs: Sequence[Comparison], looks: Looks) -> list[str]:
    """What has to be known of differences beside the noise floor, a paragraph each; nothing without a twin."""
    metrics = [metric for metric in dict.fromkeys(pair.metric for pair in pairs) if floor(pairs, metric)]
    if not metrics:
        return []
    below = [pair for metric in metrics for pair in doubtful(pairs, metric, "below")]
    unclear = [pair for metric in metrics for pair in doubtful(pairs, metric, "unclear")]
    said = [
        *_significant_twins(pairs, looks),
        *_sentence("Smaller than the noise floor, though significant: {}. No difference of LLMs.", below, pairs, looks),
        *_sentence(
            "Significant, but not larger than all that the noise floor may be by its interval: {}. Be careful with "
            "them.",
            unclear,
            pairs,
            looks,
        ),
    ]
    return said or [
        f"The study has a twin, so that its noise floor is known. No difference with p < {LEVEL} is within it."
    ]


def _significant_twins(pairs: Iterable[Comparison], looks: Looks) -> Iterator[str]:
    differ: dict[tuple[str, str], list[str]] = {}
    for pair in pairs:
        if pair.twins and significant(pair):
            change = text.change(pair.difference, _unit(pair.metric))
            what = f"{_title(pair.metric)} ({change}, p {text.p_equals(pair.p_holm)})"
            differ.setdefault((pair.first, pair.second), []).append(what)
    for (first, second), metrics in differ.items():
        yield (
            f"The study has a systematic difference between two equal LLMs: {looks.names[first]} and "
            f"{looks.names[second]} differ significantly in {', '.join(metrics)}, though they are one LLM. "
            f"Differences of other LLMs may be of the same making. {_ADVICE}"
        )


def _sentence(words: str, of: Sequence[Comparison], pairs: Sequence[Comparison], looks: Looks) -> Iterator[str]:
    if of:
        yield words.format("; ".join(_beside(pair, floor(pairs, pair.metric), looks) for pair in of))


def _beside(pair: Comparison, noise: Floor | None, looks: Looks) -> str:
    unit = _unit(pair.metric)
    names = f"{looks.names[pair.first]} − {looks.names[pair.second]}"
    size = f", floor {text.interval(noise.size, unit)}" if noise else ""
    return (
        f"{_title(pair.metric)}, {names}: {text.change(pair.difference, unit)} (p {text.p_equals(pair.p_holm)}{size})"
    )


def _unit(metric: str) -> str:
    return METRICS[metric].unit if metric in METRICS else "%"


def _title(metric: str) -> str:
    return METRICS[metric].title.lower() if metric in METRICS else metric
