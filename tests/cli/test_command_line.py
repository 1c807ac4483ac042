"""``llm-bench``: what all its commands have in common."""

from __future__ import annotations

import argparse
import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from llm_bench import __version__
from llm_bench.cli import main as command_line
from llm_bench.cli.main import main
from llm_bench.errors import InputError, StorageError
from llm_bench.paths import program

ACTIONS = next(action for action in command_line.command_line()._actions if isinstance(action.choices, dict))
COMMANDS: dict[str, argparse.ArgumentParser] = dict(ACTIONS.choices or {})
HEAVY = {"airflow", "duckdb", "httpx", "litellm", "numpy", "pandas", "pyarrow", "pydantic", "rich", "torch", "yaml"}


class TestStartingUp:
    @pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["report", "--help"]], ids=" ".join)
    def test_imports_nothing_heavy(self, arguments: list[str]):
        script = (
            "import json, sys\nfrom llm_bench.cli.main import main\n"
            "try:\n    main(sys.argv[1:])\nexcept SystemExit:\n"
            "    print(json.dumps([name.partition('.')[0] for name in sys.modules]), file=sys.stderr)"
        )
        done = subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=True)
        assert set(json.loads(done.stderr)) & HEAVY == set()

    @pytest.mark.parametrize("start", [["-m", "llm_bench"], [str(Path(sys.executable).with_name("llm-bench"))]])
    def test_is_llm_bench_however_it_is_started(self, start: list[str]):
        done = subprocess.run([sys.executable, *start, "--version"], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) == (0, f"llm-bench {__version__}\n")
        helped = subprocess.run(
            [sys.executable, *start, "status", "--help"], capture_output=True, text=True, check=True
        )
        assert helped.stdout.startswith("usage: llm-bench status ")


@pytest.mark.parametrize("name", COMMANDS)
class TestTheHelpOfACommand:
    def test_is_made_of_sentences(self, name: str):
        summary = next(action.help for action in ACTIONS._get_subactions() if action.dest == name)
        assert summary is not None
        assert (summary[0].isupper(), summary[-1]) == (True, ".")
        assert (COMMANDS[name].description or "").replace("\n", " ").startswith(summary)

    def test_has_an_example_that_can_be_given(self, name: str):
        heading, *lines = str(COMMANDS[name].epilog).splitlines()
        assert heading == "example:"
        for first, *words in map(shlex.split, lines):
            assert (first, words[0]) == ("llm-bench", name)
            assert command_line.command_line().parse_args(words).command.__name__ == name

    def test_explains_every_option(self, name: str):
        assert [action.dest for action in COMMANDS[name]._actions if not action.help] == []


class TestTheExitCode:
    @pytest.mark.parametrize(
        ("ending", "code"),
        [
            (lambda: 0, 0),
            (lambda: 1, 1),
            (StorageError("The disk is full.", "Free some space."), 1),
            (InputError("There is no such thing.", "Name another."), 2),
            (KeyboardInterrupt(), 130),
        ],
        ids=["well", "something needs a hand", "an error", "what was given can't be used", "Ctrl-C"],
    )
    def test_says_how_a_command_ended(self, ending, code, monkeypatch: pytest.MonkeyPatch):
        class Family:
            """A module with a command: what main knows of it is register alone."""

            @staticmethod
            def register(actions) -> None:
                actions.add_parser("end").set_defaults(command=Family.end)

            @staticmethod
            def end() -> int:
                if isinstance(ending, BaseException):
                    raise ending
                return ending()

        monkeypatch.setattr(command_line, "FAMILIES", (Family,))
        assert main(["end"]) == code

    def test_of_no_command_is_2(self, command):
        assert command().code == 2

    def test_of_a_command_that_is_unknown_is_2(self, command):
        said = command("reprot")
        assert said.code == 2
        assert "report" in said.err


def test_every_command_stands_in_the_documentation_with_its_example(project: Path):
    text = (project / "docs" / "cli.md").read_text(encoding="utf-8")
    assert [name for name in COMMANDS if f"| [`{name}`](#" not in text] == []
    examples = [line.strip() for parser in COMMANDS.values() for line in str(parser.epilog).splitlines()[1:]]
    assert [example for example in examples if f"\n{example}\n" not in text] == []


class TestACurrentFolderThatWasDeleted:
    @pytest.mark.parametrize("arguments", [["status", "thesis"], ["init"]], ids=" ".join)
    def test_is_an_error_in_one_line(self, arguments: list[str], tmp_path: Path):
        gone = tmp_path / "gone"
        gone.mkdir()
        script = (
            "import os, sys; os.rmdir(os.getcwd()); from llm_bench.cli.main import main; sys.exit(main(sys.argv[1:]))"
        )
        command = [sys.executable, "-c", script, *arguments]
        done = subprocess.run(command, cwd=gone, capture_output=True, text=True, check=False)
        assert done.returncode == 1
        assert done.stderr == "The current folder was deleted. Change to one that exists, and run it again.\n"


class TestTheProgramInAMessage:
    def test_is_its_name_where_a_shell_finds_it(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setenv("PATH", str(Path(sys.executable).parent))
        assert program("llm-bench") == "llm-bench"

    def test_has_its_path_where_a_shell_does_not(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setenv("PATH", "/nowhere")
        assert program("llm-bench") == str(Path(sys.executable).with_name("llm-bench"))

    def test_is_its_name_where_it_lies_elsewhere(self):
        assert program("some-program") == "some-program"
