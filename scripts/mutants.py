"""Whether the tests of the pure modules notice a change: `make mutants` makes one at a time and runs them.

Of all the small changes to the modules that tests/pure.py lists (`<` for `<=`, `+` for `-`, 3 for 2, no `not`, …) it
draws some at random, and for each runs that module's own tests on a changed copy of the package. A change that no test
notices *survives*: it is printed, and a test is missing, or the change means nothing. Such a change is *equivalent*; it
is listed with its reason in scripts/equivalent.yaml. The last line is the share of the others that was noticed.
"""

from __future__ import annotations

import argparse
import ast
import difflib
import multiprocessing
import os
import random
import re
import runpy
import shutil
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]
PLUGINS = ROOT / "plugins"
TESTS: dict[str, list[str]] = runpy.run_path(str(ROOT / "tests" / "pure.py"))["TESTS"]
EQUIVALENT = ROOT / "scripts" / "equivalent.yaml"

GOAL = 0.9
LONGEST_SEC = 300
"""A change may make a loop endless: that is noticed, too."""

PRELOADED = ["pytest", "hypothesis", "hypothesis.extra.numpy", "numpy", "scipy.stats", "pyarrow.compute", "httpx_sse"]
"""What the tests import and no change touches: each run is forked from a process that has it."""

_SWAPPED: dict[type[ast.AST], Any] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.And: ast.Or,
    ast.Or: ast.And,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Div,
    ast.Mod: ast.FloorDiv,
    ast.Pow: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}


@dataclass(frozen=True)
class Mutant:
    """One change.

    :param module: without ``llm_bench.``.
    :param changed: the module's whole source with the change.
    :param old: the expression as it stands.
    :param new: what takes its place.
    """

    module: str
    line: int
    text: str
    old: str
    new: str
    changed: str

    def __str__(self) -> str:
        return f"{self.module}:{self.line}: {self.old}  →  {self.new}"

    @property
    def key(self) -> tuple[str, str, str]:
        """What it is known by in scripts/equivalent.yaml, wherever the line moves to."""
        return self.module, self.text, f"{self.old} → {self.new}"


def source(module: str) -> Path:
    """The file of a module, relative to the folder of the package."""
    return Path("llm_bench", *module.split(".")).with_suffix(".py")


def mutants(module: str) -> Iterator[Mutant]:
    """All changes to a module."""
    text = (PLUGINS / source(module)).read_text(encoding="utf-8")
    lines = text.splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line.encode()))
    raw = text.encode()
    for node, new in _changes(ast.parse(text)):
        first, last = (starts[node.lineno - 1] + node.col_offset, starts[_end(node)[0] - 1] + _end(node)[1])
        changed = raw[:first] + new.encode() + raw[last:]
        old = " ".join(raw[first:last].decode().split())
        yield Mutant(module, node.lineno, lines[node.lineno - 1].strip(), old, new, changed.decode())


def _end(node: ast.expr) -> tuple[int, int]:
    assert node.end_lineno is not None
    assert node.end_col_offset is not None
    return node.end_lineno, node.end_col_offset


def _changes(parent: ast.AST) -> Iterator[tuple[ast.expr, str]]:
    """Each expression below a node that decides something, with what may stand in its place.

    No annotation, docstring, decorator or words of an error. (What is within an f-string has no place of its own before
    Python 3.12.)
    """
    for name, value in ast.iter_fields(parent):
        if name in {"annotation", "returns", "decorator_list"}:
            continue
        for child in value if isinstance(value, list) else [value]:
            if not isinstance(child, ast.AST) or _is_idle(child):
                continue
            if isinstance(child, ast.expr):
                yield from ((child, new) for new in _replacements(child, parent))
            yield from _changes(child)


def _is_idle(node: ast.AST) -> bool:
    match node:
        case ast.Expr(value=ast.Constant()) | ast.Raise() | ast.Assert() | ast.JoinedStr():
            return True
        case ast.If(test=ast.Name(id="TYPE_CHECKING")) | ast.Subscript(value=ast.Name(id="Literal")):
            return True
    return False


def _replacements(node: ast.expr, parent: ast.AST) -> Iterator[str]:
    swapped = _swapped(node)
    if swapped is not None:
        yield f"({ast.unparse(swapped)})"
    match node:
        case ast.Constant(value=bool()):
            yield str(not node.value)
        case ast.Constant(value=int() | float() as number):
            yield from (repr(number + 1), repr(number - 1))
        case ast.Constant(value=str() as word) if isinstance(parent, _HOLDERS) and _WORD.fullmatch(word):
            yield repr(f"{word}?")
    if isinstance(parent, ast.Return) and not isinstance(node, ast.Constant):
        yield "None"


_HOLDERS = (ast.Dict, ast.Set, ast.Tuple, ast.List, ast.Compare)
_WORD = re.compile(r"[a-z0-9_.-]+")
"""A string that decides: a code or a kind, not a title for people."""


def _swapped(node: ast.expr) -> ast.expr | None:
    match node:
        case ast.Compare(left, [op, *others], comparators) if type(op) in _SWAPPED:
            return ast.Compare(left, [_SWAPPED[type(op)](), *others], comparators)
        case ast.BoolOp(op, values):
            return ast.BoolOp(_SWAPPED[type(op)](), values)
        case ast.BinOp(left, op, right) if type(op) in _SWAPPED and not _is_text(left) and not _is_text(right):
            return ast.BinOp(left, _SWAPPED[type(op)](), right)
        case ast.UnaryOp(ast.Not() | ast.USub(), operand):
            return operand
        case ast.IfExp(test, body, orelse):
            return ast.IfExp(test, orelse, body)
    return None


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def known(equivalent: Path) -> set[tuple[str, str, str]]:
    """The changes that mean nothing."""
    entries = yaml.safe_load(equivalent.read_text(encoding="utf-8"))
    return {(entry["module"], entry["line"], entry["change"]) for entry in entries}


def main() -> int:
    """Draws the changes, runs the tests on each, and says which ones they didn't notice."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=None, help="draw the same changes again")
    parser.add_argument("-n", type=int, default=40, help="how many changes (40)")
    parser.add_argument("--module", action="append", help="of this module alone, e.g. measure.timing; repeatable")
    arguments = parser.parse_args()
    seed = random.randrange(10**6) if arguments.seed is None else arguments.seed
    equivalent = known(EQUIVALENT)
    every = [mutant for module in arguments.module or TESTS for mutant in mutants(module)]
    changing = [mutant for mutant in every if mutant.key not in equivalent]
    drawn = random.Random(seed).sample(changing, k=min(arguments.n, len(changing)))
    print(f"{len(drawn)} of {len(changing)} changes, seed {seed}", flush=True)
    killed = 0
    for mutant, noticed in run(drawn):
        killed += noticed
        if not noticed:
            before = (PLUGINS / source(mutant.module)).read_text(encoding="utf-8").splitlines()
            diff = difflib.unified_diff(before, mutant.changed.splitlines(), lineterm="", n=1)
            print(f"\nsurvived: {mutant}", *list(diff)[2:], sep="\n", flush=True)
    rate = killed / len(drawn)
    print(f"\nseed {seed}: {killed} of {len(drawn)} changes were noticed ({rate:.0%}; the goal is {GOAL:.0%})")
    return int(rate < GOAL)


def run(drawn: list[Mutant]) -> Iterator[tuple[Mutant, bool]]:
    """Each change with whether a test noticed it, two at a time."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    with tempfile.TemporaryDirectory(prefix="llm-bench-mutants-") as scratch:
        copies: SimpleQueue[Path] = SimpleQueue()
        for number in range(2):
            copy = Path(scratch, str(number))
            shutil.copytree(PLUGINS, copy, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
            copies.put(copy)

        def is_noticed(mutant: Mutant) -> bool:
            copy = copies.get()
            file = copy / source(mutant.module)
            kept = file.read_text(encoding="utf-8")
            file.write_text(mutant.changed, encoding="utf-8")
            process = context.Process(target=test, args=(copy, TESTS[mutant.module]))
            try:
                process.start()
                process.join(LONGEST_SEC)
                return process.exitcode != 0
            finally:
                process.kill()
                process.join()
                file.write_text(kept, encoding="utf-8")
                copies.put(copy)

        files = sorted({file for mutant in drawn for file in TESTS[mutant.module]})
        untouched = context.Process(target=test, args=(Path(scratch, "0"), files))
        untouched.start()
        untouched.join()
        if untouched.exitcode != 0:
            sys.exit("The tests fail without any change, too: `make unit` shows how.")
        with ThreadPoolExecutor(2) as pool:
            yield from zip(drawn, pool.map(is_noticed, drawn), strict=True)


def test(copy: Path, files: list[str]) -> None:
    """Runs some tests on a copy of the package, and ends this process with pytest's exit code."""
    import pytest  # noqa: PLC0415  (the process that draws the changes needs none)

    silent = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silent, 1)
    os.dup2(silent, 2)
    os.chdir(ROOT)
    sys.dont_write_bytecode = True
    sys.path.insert(0, str(copy))
    os.environ |= {"PYTHONPATH": str(copy), "HYPOTHESIS_STORAGE_DIRECTORY": str(copy / ".hypothesis")}
    options = "-x -q -p no:xdist -p no:cacheprovider --hypothesis-profile=unit --hypothesis-seed=0".split()  # noqa: SIM905
    paths = [str(ROOT / "tests" / file) for file in files]
    os._exit(pytest.main([*options, "-m", "not slow and not airflow", *paths]))


if __name__ == "__main__":
    sys.exit(main())
