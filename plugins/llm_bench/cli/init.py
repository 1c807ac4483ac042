"""``llm-bench init``: writes a project."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from llm_bench import __version__
from llm_bench.cli.console import console
from llm_bench.cli.options import Actions, add_command
from llm_bench.errors import SetupError
from llm_bench.paths import PACKAGE, shipped

REQUIREMENTS = "requirements.txt"


def register(actions: Actions) -> None:
    """Add the command."""
    summary = "Write a project: DAGs, studies, questions and documents."
    detail = (
        "Airflow can run it as it is: dags/, include/, .env.example, README.md, and a line of requirements.txt. A file "
        "that is there stays as it is. Where the folder has dags/ but no include/, include/ is written into "
        "dags/, since Cloud Composer and MWAA copy nothing else to their machines."
    )
    command = add_command(actions, init, summary, detail=detail, example="llm-bench init my-study")
    text = "folder to write to; left out: this folder"
    command.add_argument("folder", nargs="?", type=Path, default=Path(), metavar="FOLDER", help=text)


def init(folder: Path) -> int:
    """Writes a project into a folder, file by file, and says of each whether it was written or left.

    :raises SetupError: a file can't be written.
    """
    try:
        for path, content in _files(folder):
            _say(_write(folder / path, content), path)
        _say(_require(folder / REQUIREMENTS), REQUIREMENTS)
    except OSError as error:
        raise SetupError(
            f"{error.filename} can't be written: {error.strerror}.",
            "Make the folder yours, or name another: llm-bench init FOLDER.",
        ) from None
    into = "" if folder.resolve() == Path.cwd() else f"cd {folder} && "
    console().print(f"Next: {into}llm-bench run quickstart")
    return 0


def _files(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Path below the project, and content."""
    from llm_bench.study import PROTOCOL

    include = "dags/include" if (folder / "dags").is_dir() and not (folder / "include").is_dir() else "include"
    source = shipped()
    for path in sorted((source / "dags").glob("*.py")):
        yield f"dags/{path.name}", path.read_bytes()
    for path in sorted((source / "include").rglob("*")):
        if path.is_file() and not path.name.endswith(PROTOCOL):
            yield f"{include}/{path.relative_to(source / 'include').as_posix()}", path.read_bytes()
    yield ".env.example", (PACKAGE / "project" / "env.example").read_bytes()
    yield "README.md", (PACKAGE / "project" / "README.md").read_bytes()


def _write(path: Path, content: bytes) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("xb") as file:
            file.write(content)
    except FileExistsError:
        return "left"
    return "wrote"


def _require(path: Path) -> str:
    """Has the requirements name llm-bench, unless they do."""
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    if re.search(r"^\s*llm[-_.]bench\b", before, re.IGNORECASE | re.MULTILINE):
        return "left"
    with path.open("a", encoding="utf-8") as file:
        file.write("\n" * (before[-1:] not in {"", "\n"}) + f"llm-bench=={__version__}\n")
    return "added to" if before else "wrote"


def _say(what: str, path: str) -> None:
    console().print(f"{what:8} {path}")
