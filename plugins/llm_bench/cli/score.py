"""The command that scores answers of one's own, from wherever they are."""

from __future__ import annotations

import argparse
import json as jsons
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import fmean
from typing import IO, TYPE_CHECKING

from llm_bench.analysis import format as text
from llm_bench.cli.console import console
from llm_bench.cli.data import pinned
from llm_bench.cli.options import Actions, add_command
from llm_bench.errors import StorageError, outside_a_task
from llm_bench.languages import name_of

if TYPE_CHECKING:
    from rich.text import Text

    from llm_bench.cli.answers import Row
    from llm_bench.scoring.score import Judgement, Scores, Sentence

SCORES = {"coverage_score": "coverage", "groundedness": "groundedness"}


def register(actions: Actions) -> None:
    """Add the command."""
    summary = "Score answers of your own, and show what each sentence rests on."
    detail = (
        "Each line of the file is a JSON object: question, context (a text or a list of passages), answer, and where "
        "you have them points (what a full answer states), answerable and id; other keys are handed on. All lines are "
        "checked before the first is scored. No project, Airflow or key is needed."
    )
    command = add_command(actions, score, summary, detail=detail, example="llm-bench score answers.jsonl")
    command.add_argument("file", metavar="FILE", type=Path, help="JSON lines in UTF-8; -: standard input")
    command.add_argument("--out", type=Path, help="write JSON lines with scores and evidence to this file")
    text = "model of the hub that scores, pinned to a commit; left out: the one that comes with the package"
    command.add_argument("--model", metavar="REPOSITORY@REVISION", type=pinned, help=text)
    text = "language of questions, contexts and answers, ISO 639-1; left out: en"
    command.add_argument("--language", metavar="CODE", type=code, default="en", help=text)
    command.add_argument("--json", action="store_true", help="print JSON lines, for a program")


def code(text: str) -> str:
    """The code of a language.

    :raises ArgumentTypeError: no language has it.
    """
    if not name_of(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no code of ISO 639-1; en, de and fr are")
    return text


def score(file: Path, out: Path | None, model: str | None, language: str, json: bool) -> int:
    """Scores the answers of a file; 1 where none could be scored.

    :raises InputError: the file can't be used.
    :raises StorageError: ``out`` can't be written.
    """
    from llm_bench.cli.answers import check, opened, result

    scored: list[Scores] = []
    with opened(file) as source:
        count = check(source, "Standard input" if file == Path("-") else str(file))
        with _written(out) as target:
            for row, judgement, identity in _judged(source, count, model, language, aside=json):
                line = jsons.dumps(result(row, judgement, identity), ensure_ascii=False)
                if target:
                    target.write(f"{line}\n")
                if json:
                    console().out(line, highlight=False)
                elif not target:
                    _show(row, judgement)
                scored.append(judgement.scores)
    if not json:
        _sum_up(scored, out)
    return 0 if any(map(_is_scored, scored)) else 1


def _judged(
    source: IO[bytes], count: int, model: str | None, language: str, *, aside: bool
) -> Iterator[tuple[Row, Judgement, str]]:
    """Each answer with its judgement and the model behind it, and how far it is.

    :param aside: whether that is shown on standard error, as standard output is for a program.
    """
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    from llm_bench.cli.answers import batches, judged, rows
    from llm_bench.scoring.model import load
    from llm_bench.study import DEFAULT_EMBEDDING_MODEL

    columns = ("{task.description}", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    terminal = console(aside=aside)
    with Progress(*columns, console=terminal, transient=True, disable=not terminal.is_terminal) as progress:
        bar = progress.add_task("Scoring", total=count)
        embedder, encoder = load(model, DEFAULT_EMBEDDING_MODEL, threads=os.cpu_count() or 1)
        for lot in batches(rows(source)):
            for row, judgement in zip(lot, judged(lot, embedder, language, encoder), strict=True):
                yield row, judgement, (encoder or embedder).identity
            progress.advance(bar, len(lot))


@contextmanager
def _written(out: Path | None) -> Iterator[IO[str] | None]:
    """A file to write to, which is there once all is written; None where none is named."""
    from llm_bench.files import locked, replacing, storage_errors

    if out is None:
        yield None
        return
    try:
        with (
            storage_errors(out, "written"),
            locked(out.parent),
            replacing(out) as partial,
            partial.open("w", encoding="utf-8") as file,
        ):
            yield file
    except StorageError as fault:
        raise StorageError(fault.cause, outside_a_task(fault.fix, "score it again")) from None


def _is_scored(scores: Scores) -> bool:
    return any(scores[name] is not None for name in ("coverage_score", "groundedness", "declined"))


def _show(row: Row, judgement: Judgement) -> None:
    """Prints an answer: its scores, each of its sentences with what supports it, and the reference points."""
    from rich.table import Table
    from rich.text import Text

    values = (f"{words} {text.bare(judgement.scores[name], '')}" for name, words in SCORES.items())  # type: ignore[literal-required]
    declined = ["declines"] if judgement.scores["declined"] else []
    console().print(Text("  ".join([str(row.id), *values, *declined]), "bold"))
    if judgement.scores["score_note"]:
        console().print(Text(f"not scored: {judgement.scores['score_note']}", "yellow"))
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(width=4, no_wrap=True)
    grid.add_column(overflow="fold", ratio=1)
    grid.add_column(overflow="fold", ratio=1, style="dim")
    for sentence in judgement.sentences:
        mark = _support(sentence.support)
        grid.add_row(mark, Text(sentence.text), _beside(sentence))
    for point in judgement.points:
        mark = _support(point.support if point.held else None)
        stated = " ".join(point.evidence) if point.held else "not in the context: doesn't count"
        grid.add_row(mark, Text(f"◆ {point.text}", "cyan"), Text(stated))
    console().print(grid, soft_wrap=False)
    console().print()


def _support(value: float | None) -> Text:
    from rich.text import Text

    from llm_bench.scoring.coverage import HELD

    return Text(text.bare(value, ""), "dim" if value is None else "green" if value >= HELD else "red")


def _beside(sentence: Sentence) -> Text:
    """What stands beside a sentence: the passages that support it best, or why none is looked for."""
    from rich.text import Text

    if not sentence.is_claim:
        return Text("declines" if sentence.declines else "claims nothing")
    numbers = "".join(f"[{number}]" for number in sentence.passages)
    return Text(f"{numbers} {' '.join(sentence.evidence)}".strip())


def _sum_up(scored: Sequence[Scores], out: Path | None) -> None:
    """Prints how many answers were scored, and the means."""
    means = []
    for name, words in SCORES.items():
        values = [scores[name] for scores in scored if scores[name] is not None]  # type: ignore[literal-required]
        means.append(f"mean {words} {text.bare(fmean(values) if values else None, '')} of {text.count(len(values))}")
    count = sum(map(_is_scored, scored))
    console().print(
        f"{text.count(count)} of {text.count(len(scored))} answers scored; {', '.join(means)}", style="bold"
    )
    if out:
        console().print(str(out))
