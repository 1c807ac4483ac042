"""The table of what one LLM has over another, what can be concluded, and what a twin says of it, in sentences. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from llm_bench.analysis import format as text
from llm_bench.analysis import table
from llm_bench.analysis.metrics import METRICS
from llm_bench.analysis.noise import LEVEL, doubtful, floor, significant
from llm_bench.analysis.queries.shapes import EXPLORATORY
from llm_bench.analysis.table import Table
from llm_bench.analysis.verdicts import differ, facing, said, words_of

if TYPE_CHECKING:
    from llm_bench.analysis.charts import Looks
    from llm_bench.analysis.noise import Floor
    from llm_bench.analysis.queries import Comparison
    from llm_bench.analysis.table import Column

TWINS = "these are twins"
_STANDINGS = {"above": "above it", "unclear": "above it, within its interval", "below": "below it"}
_ADVICE = (
    "Look for what treats them unlike: a rate limit that they share and that slows the later one (wait_sec, failures "
    "of the kind rate_limited), cells that always start one after the other (a larger concurrency), a provider's cache "
    "(cache: unique), or several servers behind a router (pin one of them)."
)


def name_of(metric: str) -> str:
    """The name of a comparison's files."""
    return f"compare-{metric.rsplit('_', 1)[0].replace('_', '-')}"


def differences(pairs: Sequence[Comparison], metric: str, looks: Looks, of: str | None = None) -> Table:
    """The pairs in one metric, verdicts first; the primary ones are marked, where there are any.

    With a twin they stand beside the study's noise floor.

    :param pairs: of all metrics.
    :param metric: the one to show: a name of METRICS, or "success".
    :param of: the LLM whose pairs are shown, as the first of each; all where None.
    """
    noise, of_metric = floor(pairs, metric), facing(pairs, metric, of)
    is_ratio = any(pair.is_ratio for pair in of_metric)
    beside = [
        table.ratio("noise_floor", "Noise floor", "times, either way")
        if is_ratio
        else table.amount("noise_floor", "Noise floor", _unit(metric)),
        table.words("to_the_floor", "To the floor"),
    ]
    made = Table(
        name_of(metric),
        f"{title_of(metric).capitalize()} of each two LLMs: {'ratios, first to' if is_ratio else 'first minus'} second",
        [
            table.llm(looks, "first", "First"),
            table.llm(looks, "second", "Second"),
            table.words("verdict", "Verdict on the first"),
            _size("ratio" if is_ratio else "difference", "Ratio" if is_ratio else "Difference", metric, is_ratio),
            table.ratio("ratio_these", "Ratio, these questions"),
            table.rate("won", "Faster in"),
            table.chance("p", "p"),
            table.chance("p_holm", "p, Holm", hint="corrected"),
            table.count("n", "Pairs"),
            *(table.count(name, name.capitalize()) for name in ("slots", "days", "questions")),
            table.count("left_out", "Left out"),
            table.words("role", "Role"),
            *(beside if noise else []),
        ],
        [
            [
                *(pair.first, pair.second, said(pair), pair.size, pair.these, pair.won, pair.p, pair.p_holm),
                *(pair.n, pair.slots, pair.days, pair.questions, pair.left_out, pair.role),
                *([noise.size, _standing(pair, noise)] if noise else []),
            ]
            for pair in of_metric
        ],
        [*_notes(of_metric, pairs), *([_explained(noise, looks)] if noise else [])],
    )
    without = {
        "ratio_these": not is_ratio,
        "won": not any(pair.won for pair in of_metric),
        "role": not _primary(pairs),
    }
    return made.without(*(name for name, unused in without.items() if unused))


def _size(name: str, title: str, metric: str, is_ratio: bool) -> Column:
    if is_ratio:
        return table.ratio(name, title, f"times as {words_of(metric).size}")
    return table.difference(name, title, _unit(metric))


def _notes(of_metric: Sequence[Comparison], pairs: Sequence[Comparison]) -> Iterator[str]:
    yield f"On the same questions in the same slots. p, Holm: corrected {_corrected(pairs)}."
    if not of_metric:
        return
    pair = of_metric[0]
    yield (
        f"Size, p and verdict are for {pair.scope}"
        + ", on days like these"
        + ("; “Ratio, these questions” is for these questions alone." if pair.is_ratio else ".")
    )
    if pair.interest is not None:
        yield (
            "No difference that matters: the whole interval lies within what the study takes for too small, "
            f"{interest_of(pair)} either way."
        )
    if any(pair.won for pair in of_metric):
        yield (
            "Faster in: the share of all pairs in which the first is faster, for questions like these; a failure "
            "loses, two failures are even. The ratio is of the pairs in which both answered."
        )


def _corrected(pairs: Sequence[Comparison]) -> str:
    primary = len(_primary(pairs))
    if not primary:
        return "over all comparisons here, all of them exploratory"
    return f"over the {primary} primary comparisons; that of the exploratory ones over all"


def _primary(pairs: Sequence[Comparison]) -> list[Comparison]:
    return [pair for pair in pairs if pair.role != EXPLORATORY and not pair.twins]


def _standing(pair: Comparison, noise: Floor) -> str | None:
    if pair.twins:
        return TWINS
    standing = noise.standing(pair.size)
    if standing == "unclear" and noise.size.high is None:
        return "above it; its interval isn't known"
    return _STANDINGS[standing] if standing else None


def _explained(noise: Floor, looks: Looks) -> str:
    first, second = (looks.names[llm] for llm in (noise.pair.first, noise.pair.second))
    return (
        f"Noise floor: what {first} and {second}, one LLM measured twice in the same slots, differ by, whichever way. "
        "Twins don't count in the correction of the others; theirs is apart."
    )


def conclusions(pairs: Sequence[Comparison], looks: Looks) -> list[str]:
    """What can be concluded of the primary comparisons, a sentence for each metric; of all, where none is primary."""
    chosen = _primary(pairs) or [pair for pair in pairs if not pair.twins and pair.metric == pairs[0].metric]
    return [
        f"On {title_of(metric)}: {'; '.join(_concluded([pair for pair in chosen if pair.metric == metric], looks))}."
        for metric in dict.fromkeys(pair.metric for pair in chosen)
    ]


def _concluded(pairs: Sequence[Comparison], looks: Looks) -> Iterator[str]:
    """What is said of the pairs of a metric: of those that differ, the better one first."""
    words = words_of(pairs[0].metric)
    over: dict[str, list[str]] = {}
    for pair in filter(differ, pairs):
        better, worse = pair.first, pair.second
        if (pair.verdict == "more") != words.more_is_better:
            better, worse = worse, better
        over.setdefault(looks.names[better], []).append(looks.names[worse])
    comparative = words.more if words.more_is_better else words.less
    for better, others in over.items():
        yield f"{better} is {comparative} than {text.listed(others)}"
    alike = [pair for pair in pairs if pair.verdict == "no difference that matters"]
    if alike:
        between = "; between ".join(f"{looks.names[pair.first]} and {looks.names[pair.second]}" for pair in alike)
        yield f"there is no difference that matters between {between}"
    unknown = [pair for pair in pairs if pair.verdict == "can't tell"]
    if unknown:
        days = max(pair.days for pair in unknown)
        rest = f"for the other {f'{len(unknown):,} pairs' if len(unknown) > 1 else 'pair'} "
        seen = f"these {days:,} days" if days > 1 else "one day" if days else "these records"
        yield f"{'' if len(unknown) == len(pairs) else rest}nothing can be told from {seen}"


def noise_floor(pairs: Sequence[Comparison], looks: Looks) -> list[str]:
    """What has to be known of differences beside the noise floor, a paragraph each; nothing without a twin."""
    metrics = [metric for metric in dict.fromkeys(pair.metric for pair in pairs) if floor(pairs, metric)]
    if not metrics:
        return []
    below = [pair for metric in metrics for pair in doubtful(pairs, metric, "below")]
    unclear = [pair for metric in metrics for pair in doubtful(pairs, metric, "unclear")]
    sentences = [
        *_significant_twins(pairs, looks),
        *_sentence(
            "These differences are significant, but no larger than the noise floor, so that they aren't differences of "
            "LLMs: {}.",
            below,
            pairs,
            looks,
        ),
        *_sentence(
            "These differences are significant and larger than the noise floor, but the noise floor's own interval "
            "reaches as far, or isn't known, so that they need care: {}.",
            unclear,
            pairs,
            looks,
        ),
    ]
    return sentences or [
        f"The study has a twin, so that its noise floor is known. No difference with p < {LEVEL} is within it."
    ]


def _significant_twins(pairs: Iterable[Comparison], looks: Looks) -> Iterator[str]:
    differing: dict[tuple[str, str], list[str]] = {}
    for pair in pairs:
        if pair.twins and significant(pair):
            what = f"{title_of(pair.metric)} ({size_of(pair)}, p {text.p_equals(pair.p_holm)})"
            differing.setdefault((pair.first, pair.second), []).append(what)
    for (first, second), metrics in differing.items():
        yield (
            f"The study has a systematic difference between two equal LLMs: {looks.names[first]} and "
            f"{looks.names[second]} differ significantly in {', '.join(metrics)}, though they are one LLM. "
            f"Differences of other LLMs may be of the same making. {_ADVICE}"
        )


def _sentence(words: str, of: Sequence[Comparison], pairs: Sequence[Comparison], looks: Looks) -> Iterator[str]:
    if of:
        yield words.format("; ".join(_beside(pair, floor(pairs, pair.metric), looks) for pair in of))


def _beside(pair: Comparison, noise: Floor | None, looks: Looks) -> str:
    names = f"{looks.names[pair.first]} {'to' if pair.is_ratio else '−'} {looks.names[pair.second]}"
    return f"{title_of(pair.metric)}, {names}: {size_of(pair)} (p {text.p_equals(pair.p_holm)}{_floor_of(noise)})"


def _floor_of(noise: Floor | None) -> str:
    if noise is None:
        return ""
    of = noise.pair
    size = (
        text.ratio(noise.size, words_of(of.metric).size)
        if of.is_ratio
        else text.change(noise.size, _unit(of.metric)).replace("+", "")
    )
    return f", floor {size}"


def size_of(pair: Comparison) -> str:
    """How large a comparison's difference is: "1.80 times as long [1.70, 1.90]", "+1.2 pp [+0.4, +2.0]"."""
    if pair.is_ratio:
        return text.ratio(pair.size, words_of(pair.metric).size)
    return text.change(pair.size, _unit(pair.metric))


def interest_of(pair: Comparison) -> str:
    """The smallest size that matters to the study: "1.1 times", "0.05", "2 pp"."""
    if pair.is_ratio:
        return f"{pair.interest:g} times"
    unit = _unit(pair.metric)
    return f"{(pair.interest or 0) * (100 if unit else 1):g}{text.behind(text.difference_unit(unit))}"


def _unit(metric: str) -> str:
    return METRICS[metric].unit if metric in METRICS else "%"


def title_of(metric: str) -> str:
    """A compared metric as a sentence has it: "latency", "success"."""
    return METRICS[metric].title.lower() if metric in METRICS else metric
