"""The list in tests/pure.py: it has every module that imports nothing of the outside, and its tests are there."""

from __future__ import annotations

import ast
from pathlib import Path

import pure
from project_scripts import load

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "plugins" / "llm_bench"

HARMLESS = frozenset(
    """__future__ bisect calendar collections dataclasses datetime difflib email enum functools hashlib heapq itertools
    json math numpy operator random re scipy shlex statistics string text_to_num textwrap typing unicodedata zoneinfo
    """.split()  # noqa: SIM905  (as a list it would take a line for each)
)
"""What a pure module may import beside other pure modules."""

CONSTANTS = "scoring.lexicon"
"""Reads words that ship with the package, once: they could as well stand in the code."""

WITHOUT_LOGIC = {
    "airflow.provider": "what Airflow is to know of the package",
    "analysis.charts.looks": "colours and sizes: tests/analysis/test_charts.py draws them",
    "analysis.queries.shapes": "what pages and reports are made of",
    "errors": "what the errors are called",
    "rag.convert.outcome": "how converters put what they lost: tests/rag/test_conversion.py reads it",
}


def name(path: Path) -> str:
    """A module's name, without `llm_bench.`; empty for the package itself."""
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix("__init__").rstrip(".")


class Module:
    """A module: what it imports when it runs, and whether it computes anything.

    :param imported: full names, of what is taken from a module, too; those of the package without `llm_bench.`.
    """

    def __init__(self, path: Path) -> None:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        nodes = [*self._run(tree)]
        self.computes = any(isinstance(node, ast.FunctionDef) for node in nodes)
        self.imported = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
        for node in nodes:
            if isinstance(node, ast.ImportFrom):
                self.imported |= {f"{node.module}.{alias.name}" for alias in node.names}

    def _run(self, tree: ast.AST) -> list[ast.AST]:
        if isinstance(tree, ast.If) and ast.unparse(tree.test) == "TYPE_CHECKING":
            return []
        return [tree, *(node for child in ast.iter_child_nodes(tree) for node in self._run(child))]


MODULES = {name(path): Module(path) for path in PACKAGE.rglob("*.py")}


def is_harmless(imported: str, pure_so_far: set[str]) -> bool:
    package, _, rest = imported.partition(".")
    if package != "llm_bench":
        return package in HARMLESS
    while rest and rest not in MODULES:  # it is a name within a module
        rest = rest.rpartition(".")[0]
    return rest in pure_so_far or rest == CONSTANTS


def pure_modules() -> set[str]:
    """Those that import only what is harmless, and one another."""
    modules = set(MODULES)
    while impure := {it for it in modules if not all(is_harmless(name, modules) for name in MODULES[it].imported)}:
        modules -= impure
    return modules


def test_every_pure_module_is_listed():
    computing = {module for module in pure_modules() if MODULES[module].computes}
    assert computing - set(pure.TESTS) - set(WITHOUT_LOGIC) == set(), "tests/pure.py lacks it"


def test_what_is_listed_is_there():
    assert set(pure.TESTS) | set(WITHOUT_LOGIC) <= set(MODULES)
    files = {file for files in pure.TESTS.values() for file in files}
    assert {file for file in files if not (ROOT / "tests" / file).is_file()} == set()


def test_what_is_listed_imports_no_airflow_and_opens_no_file_or_connection():
    # Those that are listed beside the ones found take types and parsers from where a connection or a file is, too.
    outside = {"airflow", "os", "pathlib", "tempfile", "subprocess", "socket", "httpcore", "litellm", "duckdb", "time"}
    packages = {(module, name.partition(".")[0]) for module in pure.TESTS for name in MODULES[module].imported}
    assert {(module, package) for module, package in packages if package in outside} == set()


def test_a_module_that_only_imports_pure_ones_is_pure():
    assert "scoring.coverage" in pure_modules()
    assert "measure.transport" not in pure_modules()
    assert not is_harmless("llm_bench.measure.transport.Exchange", pure_modules())


def test_what_is_listed_as_meaning_nothing_is_a_change_of_the_code_as_it_stands():
    mutants = load(ROOT / "scripts" / "mutants.py")
    listed = mutants.known(mutants.EQUIVALENT)
    changes = {mutant.key for module in {module for module, _, _ in listed} for mutant in mutants.mutants(module)}
    assert listed - changes == set()
