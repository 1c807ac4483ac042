"""Pages that promise to be complete: docs/study.md of keys, docs/operations.md of errors, docs/gcs.md of rights."""

from __future__ import annotations

import ast
import re
import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from doubles import gcs
from doubles.proxy import proxied
from llm_bench.inputs import read_yaml
from llm_bench.preflight.storage import probe
from llm_bench.study import Study, parse_study
from manual.checking import report
from manual.reading import read
from manual.shell import commands

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "plugins" / "llm_bench"
STUDY, OPERATIONS, GCS = (read(ROOT / "docs" / f"{name}.md", ROOT) for name in ("study", "operations", "gcs"))


class TestTheKeysOfAStudy:
    def test_are_told_as_the_model_has_them(self):
        page = runpy.run_path(str(ROOT / "scripts" / "reference.py"))["page"]
        text = (ROOT / STUDY.name).read_text(encoding="utf-8")
        assert page(text) == text, "run .venv/bin/python scripts/reference.py"

    def test_stand_all_in_the_example_with_their_defaults(self, include: Path, tmp_path: Path):
        (block,) = (block for block in STUDY.blocks if block.file == "include/studies/whole.yaml")
        file = tmp_path / "whole.yaml"
        file.write_text(block.text, encoding="utf-8")
        study = parse_study(read_yaml(file), file, include)
        assert unset(study) == set()
        for name, field in Study.model_fields.items():
            if not field.is_required() and name not in {"name", "description", "window", "slo", "quality", "alerts"}:
                assert getattr(study, name) == field.default, name


def unset(part: BaseModel) -> set[str]:
    """The keys that a file leaves out, at any depth."""
    values = [getattr(part, name) for name in type(part).model_fields]
    inner = [item for value in values for item in (value if isinstance(value, tuple) else (value,))]
    left_out = set(type(part).model_fields) - part.model_fields_set
    return left_out.union(*(unset(item) for item in inner if isinstance(item, BaseModel)))


TREES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted(PACKAGE.rglob("*.py"))}


def subclasses(base: str) -> set[str]:
    """A class of the package and all that derive from it, by name."""
    classes = [node for tree in TREES.values() for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    derived = {node.name for node in classes if base in {getattr(parent, "id", "") for parent in node.bases}}
    return {base}.union(*map(subclasses, derived))


ERRORS = subclasses("LLMBenchError")


def causes() -> Iterator[tuple[str, str]]:
    """The place where each error is made, and what it says, with … for each value."""
    for path, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ERRORS and node.args:
                yield from (
                    (f"{path.relative_to(PACKAGE)}:{node.lineno}", wording) for wording in wordings(node.args[0])
                )


def wordings(cause: Any) -> list[str]:
    match cause:
        case ast.IfExp():
            return wordings(cause.body) + wordings(cause.orelse)
        case ast.BinOp():
            return wordings(cause.left)
        case ast.JoinedStr():
            return [
                "".join(getattr(part, "value", "") if isinstance(part, ast.Constant) else "…" for part in cause.values)
            ]
        case ast.Constant():
            return [str(cause.value)]
    return []  # it is put together elsewhere


CAUSES = [
    (place, wording) for place, wording in causes() if re.search(r"\w{3}", wording) and not wording.endswith(".yaml")
]


class TestAnError:
    def test_is_named(self):
        text = (ROOT / OPERATIONS.name).read_text(encoding="utf-8")
        names = {span.text for span in OPERATIONS.spans}
        report(name for name in sorted(ERRORS) if name not in names and f"(`{name}`" not in text)

    def test_has_its_row(self):
        assert CAUSES
        rows = [row.cells[0] for row in OPERATIONS.rows]
        report(
            f"{OPERATIONS.name} has no row for {place}: {wording!r}"
            for place, wording in CAUSES
            if not any(all(part in row for part in wording.split("…")) for row in rows)
        )

    def test_has_its_meaning_and_its_mend(self):
        assert len(OPERATIONS.rows) > len(ERRORS)
        report(row for row in OPERATIONS.rows if len(row.cells) != 3 or not all(row.cells))


@pytest.mark.slow
class TestTheRightsToABucket:
    def test_are_those_that_are_used(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
        from llm_bench.store.base import open_store

        asked = set()

        def note(method: str, path: str) -> None:
            verb = "list" if (method, "/o/" in path) == ("GET", False) else VERBS[method]
            asked.add(f"storage.objects.{verb}")

        with gcs.serving() as upstream, proxied(upstream) as proxy:
            gcs.connect(proxy.url, monkeypatch)
            proxy.choose = note
            store = open_store("gs://studies/thesis", tmp_path)
            store.list("records/")
            probe(store, "gs://studies/thesis")
        assert asked == {row.cells[0].strip("`") for row in GCS.rows if row.cells[0].startswith("`storage.")} == role()


VERBS = {"POST": "create", "GET": "get", "DELETE": "delete"}


def role() -> set[str]:
    """The permissions of the role that the page makes."""
    words = [
        word
        for block in GCS.blocks
        for command in commands(block.page, block.line, block.text)
        for word in command.words
    ]
    (permissions,) = (word for word in words if word.startswith("--permissions="))
    return set(permissions.removeprefix("--permissions=").split(","))
