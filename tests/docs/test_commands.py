"""Every command of README and docs/ can be given as it stands; what can't be run here is parsed as its tool would."""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import itertools
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import AwareDatetime, TypeAdapter

from llm_bench import __main__ as command_line
from llm_bench.study import START_VARIABLE
from manual.checking import check_each
from manual.lookup import connection_type, known
from manual.reading import Block, pages
from manual.shell import Command, commands

ROOT = Path(__file__).resolve().parents[2]
PAGES = pages(ROOT)
SCRIPTS = [block for page in PAGES for block in page.blocks if block.language in {"sh", "crontab"}]
EXAMPLES = {Path(block.file).stem for page in PAGES for block in page.blocks if block.file}

ELSEWHERE = {
    "eval",
    "register-python-argcomplete",
    "source",
    "cd",
    "chmod",
    "cp",
    "echo",
    "gcloud",
    "git",
    "helm",
    "mail",
    "mkdir",
    "pip",
    "python3",
    "sed",
    "sha256sum",
    "tar",
}
"""Commands of which only the shell's own syntax is looked at."""
READ_ONLY = {("make", "help"), ("make", "status")}
TYPED = re.compile(r"([A-Z_]+=\S+ )?(make|airflow|\S*python|\S*llm-bench) \S*[a-z]")
"""Something in backticks that is a command."""


def script(block: Block) -> str:
    """What the shell is given; of a line of a crontab, what comes after the time."""
    return re.sub(r"^(\S+ ){5}", "", block.text, flags=re.MULTILINE) if block.language == "crontab" else block.text


INLINE = [span for page in PAGES for span in page.spans if TYPED.match(span.text)]
COMMANDS = [
    *(command for block in SCRIPTS for command in commands(block.page, block.line + 1, script(block))),
    *(command for span in INLINE for command in commands(span.page, span.line, span.text)),
]
READING = {command.words: command for command in COMMANDS if command.words[:2] in READ_ONLY}.values()


def test_a_script_has_the_syntax_of_a_shell():
    def check(block: Block) -> None:
        done = subprocess.run(["bash", "-n"], input=script(block), text=True, capture_output=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")

    check_each(SCRIPTS, check)


class TestACommand:
    def test_is_one_that_its_tool_takes(self):
        def check(command: Command) -> None:
            if command.words and command.words[0] not in ELSEWHERE:
                tool, *words = command.words
                TOOLS[Path(tool).name](words)

        check_each(COMMANDS, check)

    def test_sets_variables_that_are_read(self):
        def check(command: Command) -> None:
            for name, content in command.variables.items():
                if name.startswith("AIRFLOW_CONN_"):
                    assert connection_type(content) in {"llm", "google_cloud_platform"}
                elif name == START_VARIABLE:
                    TypeAdapter(AwareDatetime).validate_python(content)
                else:
                    assert known(name) or used(command, name), name

        check_each(COMMANDS, check)


def used(command: Command, variable: str) -> bool:
    """Whether the page itself uses it further on."""
    text = "".join(block.text for block in SCRIPTS if block.page == command.page)
    return re.search(rf"\${{?{variable}\b", text) is not None


def check_make(words: list[str]) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    recipes = dict(re.findall(r"^([a-z-]+):.*\n((?:\t.*\n)*)", makefile, re.MULTILINE))
    variables = dict(word.split("=", 1) for word in words if "=" in word)
    targets = [word for word in words if "=" not in word]
    assert targets
    for target in targets:
        assert target in recipes
        for name in variables:
            assert re.search(rf"\$\((if )?{name}\b|\$\${{?{name}\b", recipes[target]) or (target, name) in BY_SCRIPT
    study = variables.get("STUDY", "quickstart")
    assert "…" in study or study in EXAMPLES or (ROOT / "include" / "studies" / f"{study}.yaml").is_file()


BY_SCRIPT = {("setup", "PYTHON")}
"""Variables that a target hands on in its environment."""


class ParsedError(Exception):
    """A command line was taken; what of it was left over."""


def check_python(words: list[str]) -> None:
    if words[:2] == ["-m", "llm_bench"]:
        check_llm_bench(words[2:])
    elif words[0] == "-m":
        assert importlib.util.find_spec(words[1])
        assert all((ROOT / word).is_file() for word in words[2:] if word.startswith("tests/"))
    else:
        assert (ROOT / words[0]).is_file()


def check_llm_bench(words: list[str]) -> None:
    whole = words if len(words) > 1 else [*words, "--help"]  # a mention, without what it is to work on
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(argparse.ArgumentParser, "parse_args", _parse)
        with pytest.raises((ParsedError, SystemExit)) as ended:
            command_line.main(whole)
    assert ended.value.args in [([],), (0,)]


def _parse(parser: argparse.ArgumentParser, words: list[str] | None = None) -> Any:
    raise ParsedError(parser.parse_known_args(words)[1])


def check_airflow(words: list[str]) -> None:
    from airflow.cli.cli_parser import get_parser

    get_parser().parse_args(words)


def check_uvicorn(words: list[str]) -> None:
    import uvicorn

    module, _, name = uvicorn.main.make_context("uvicorn", words).params["app"].partition(":")
    assert hasattr(importlib.import_module(module), name)


def check_docker(words: list[str]) -> None:
    assert words[0] == "compose"
    services = yaml.safe_load((ROOT / "docker-compose.yaml").read_text(encoding="utf-8"))["services"]
    verb = next((words.index(verb) for verb in ("exec", "run") if verb in words), None)
    if verb is not None:
        service, *inner = itertools.dropwhile(lambda word: word.startswith("-"), words[verb + 1 :])
        assert service in services
        if inner[0] in TOOLS:
            TOOLS[inner[0]](inner[1:])


TOOLS: dict[str, Callable[[list[str]], None]] = {
    "docker": check_docker,
    "make": check_make,
    "python": check_python,
    "llm-bench": check_llm_bench,
    "airflow": check_airflow,
    "uvicorn": check_uvicorn,
}


@pytest.mark.slow
def test_a_command_that_only_reads_runs(tmp_path: Path):
    (tmp_path / "include").symlink_to(ROOT / "include")
    # Without what `make test ARGS=…` hands on to a make within it.
    foreign = ("AIRFLOW", "MAKE", "MFLAGS", "ARGS", "STUDY")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    environment |= {"LLM_BENCH_HOME": str(tmp_path), START_VARIABLE: "2100-01-01T08:00:00Z"}

    def check(command: Command) -> None:
        done = subprocess.run(
            ["make", "--old-file=setup", *command.words[1:]],  # the set-up is what runs this test
            cwd=ROOT,
            env=environment,
            text=True,
            capture_output=True,
            check=False,
        )
        if "status" in command.words:  # of a study that has still to begin, where no Airflow was ever started
            assert "→ No Airflow is known here." in done.stdout
            assert done.stderr.endswith("status] Error 1\n")
        else:
            assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout

    check_each(READING, check)
