"""Which methods a report has to say: those of its metrics, of what scored its answers, and of its statistics. Pure.

The sentences stand beside the code that does what they say.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from llm_bench.analysis.metrics import LESS_ROUND_TRIP
from llm_bench.measure.failures import SUCCESS
from llm_bench.measure.prices import COST
from llm_bench.measure.timing import FIRST_ANSWER, FIRST_TOKEN, LATENCY, SUSPECT, THROUGHPUT
from llm_bench.method import Method
from llm_bench.rag.questions import Question
from llm_bench.records import CACHED, CUT
from llm_bench.report.source import Section
from llm_bench.scoring.coverage import COVERAGE, COVERAGE_WITHOUT_POINTS, GROUNDEDNESS, SUPPORT
from llm_bench.scoring.model import ENTAILMENT
from llm_bench.scoring.score import SCORING
from llm_bench.scoring.statements import DECLINED

CLOCKED = (LATENCY, FIRST_TOKEN, LESS_ROUND_TRIP, FIRST_ANSWER, THROUGHPUT, SUSPECT, SUCCESS, CUT, CACHED, COST)


def metrics(questions: Mapping[str, Sequence[Question]], *, entailed: bool = False) -> Iterator[Method]:
    """What the metrics mean; of coverage, what is done with the questions of this study.

    :param questions: by industry.
    :param entailed: whether a cross-encoder judged support.
    """
    yield from CLOCKED
    yield SCORING
    yield ENTAILMENT if entailed else SUPPORT
    answerable = [question for asked in questions.values() for question in asked if question.answerable]
    if any(question.points for question in answerable):
        yield COVERAGE
    if not all(question.points for question in answerable):
        yield COVERAGE_WITHOUT_POINTS
    yield GROUNDEDNESS
    yield DECLINED


def statistics(sections: Iterable[Section]) -> list[Method]:
    """The methods of the statistics that were run, each once."""
    return list(dict.fromkeys(method for section in sections for method in section.methods))
