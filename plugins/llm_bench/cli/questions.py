"""The command that helps to write a question set."""

from __future__ import annotations

from pathlib import Path

from llm_bench.cli.console import console
from llm_bench.cli.options import Actions, add_command, complete, count
from llm_bench.errors import InputError, SetupError, unknown
from llm_bench.paths import home, include


def register(actions: Actions) -> None:
    """Add the command."""
    summary = "Draft a question file from an industry's documents."
    detail = (
        "Each question is left for a person to write; below it stands what a passage states in numbers. A study "
        "refuses the file until every question is written."
    )
    command = add_command(actions, questions, summary, detail=detail, example="llm-bench questions draft retail")
    command.add_argument("action", choices=("draft",), help="what is done")
    industry = command.add_argument("industry", help="a folder of include/knowledge")
    complete(industry, knowledge_names)
    command.add_argument("--count", type=count, default=10, help="questions at most; left out: 10")
    text = "file to write to, which must not be there yet; left out: it is printed"
    command.add_argument("--out", type=Path, metavar="FILE", help=text)


def knowledge_names(**_: object) -> list[str]:
    """The industries that have documents."""
    return sorted(folder.name for folder in (include() / "knowledge").glob("[!.]*") if folder.is_dir())


def questions(action: str, industry: str, count: int, out: Path | None) -> int:  # noqa: ARG001  (there is one)
    """Prints or writes a draft.

    :raises InputError: the industry has no documents, or the file is there.
    :raises SetupError: the file can't be written.
    """
    from llm_bench.rag.documents import load_documents
    from llm_bench.rag.drafting import draft
    from llm_bench.rag.retrieval import CONVERTED

    if industry not in knowledge_names():
        cause = f"There are no documents of {industry!r}: no folder of that name in {include() / 'knowledge'}."
        raise unknown(cause, industry, knowledge_names())
    documents = load_documents(include(), industry, home() / "data" / "cache" / CONVERTED)
    text = draft(industry, documents, count)
    if out is None:
        console().print(text, end="")
        return 0
    try:
        with out.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise InputError(f"{out} is there already.", "Name another file, or remove it first.") from None
    except OSError as error:
        raise SetupError(f"{out} can't be written: {error.strerror}.", "Name another file.") from None
    console().print(f"wrote {out}: fill in each question, then run llm-bench check")
    return 0
