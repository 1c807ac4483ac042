"""The template of a prompt: what stands around the question and its context."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError, field_validator

from llm_bench.errors import PromptError
from llm_bench.inputs import Part, explain, read_yaml

_PLACEHOLDER = re.compile(r"\{(context|question)\}")
_PLACEHOLDERS = ("{context}", "{question}")
_LONGEST = 100_000
"""Letters of a message, without what is filled in."""


class Template(Part):
    """A prompt template, as a file in ``include/prompts`` has it."""

    system: Annotated[str, Field(max_length=_LONGEST, description="The system message; empty: there is none.")] = ""
    user: Annotated[
        str,
        Field(
            max_length=_LONGEST,
            description="The user's message: `{context}` stands for the numbered passages, `{question}` for the "
            "question.",
        ),
    ]

    @field_validator("system")
    @classmethod
    def _has_no_placeholder(cls, system: str) -> str:
        placed = _PLACEHOLDER.findall(system)
        if placed:
            raise ValueError(f"holds {{{placed[0]}}}; allowed: placeholders in user alone")
        return system

    @field_validator("user")
    @classmethod
    def _has_both_placeholders(cls, user: str) -> str:
        wrong = [f"{user.count(name)} times {name}" for name in _PLACEHOLDERS if user.count(name) != 1]
        if wrong:
            raise ValueError(f"holds {' and '.join(wrong)}; allowed: {' and '.join(_PLACEHOLDERS)}, each once")
        return user

    def fill(self, context: str, question: str) -> str:
        """The user's message."""
        values = {"context": context, "question": question}
        return _PLACEHOLDER.sub(lambda place: values[place[1]], self.user)

    @property
    def parts(self) -> tuple[str, str, str]:
        """What stands before, between and after the two placeholders."""
        before, _, between, _, after = _PLACEHOLDER.split(self.user)
        return before, between, after

    @property
    def context_first(self) -> bool:
        """Whether the context stands before the question."""
        return self.user.index("{context}") < self.user.index("{question}")


BUILT_IN = Template(
    system=(
        "You answer business questions. Use only the numbered context passages that you are given, and nothing else "
        "that you know. Answer in one to four sentences, with the figures that the context states. If the context does "
        "not hold the answer, say so."
    ),
    user="{context}\n\nQuestion: {question}",
)


def load_template(include: Path, name: str | None) -> Template:
    """The template of a name, or the built-in one.

    :param include: the folder that holds ``prompts/``.
    :raises PromptError: there is no such file, or it can't be used.
    """
    if name is None:
        return BUILT_IN
    path = include / "prompts" / f"{name}.yaml"
    if not path.is_file():
        known = ", ".join(sorted(file.stem for file in path.parent.glob("*.yaml")))
        raise PromptError(str(path), [f"there is no file include/prompts/{name}.yaml; allowed: {known or 'none yet'}"])
    content = read_yaml(path, PromptError)
    if not isinstance(content, dict):
        raise PromptError(str(path), [f"{path.name} is not a mapping of system and user"])
    try:
        return Template.model_validate(content)
    except ValidationError as fault:
        raise PromptError(str(path), explain(fault, Template)) from None


def load_templates(include: Path) -> list[Template]:
    """Every template of a project that can be used, the built-in one first."""
    templates = [BUILT_IN]
    for path in sorted((include / "prompts").glob("*.yaml")):
        try:
            templates.append(load_template(include, path.stem))
        except PromptError:
            continue
    return templates
