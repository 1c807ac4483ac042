"""Errors that a person can act on: each one says what is wrong and how to fix it."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence

from llm_bench.inert import seen

_CLEAR_TASK = re.compile(r"\b([Cc])lear th(?:e|is) task\b")


class LLMBenchError(Exception):
    """A fault of ours, of the set-up or of the user's input; never a provider's fault, which is data.

    :param cause: what is wrong, one sentence, with the offending value.
    :param fix: what to do about it, one sentence.
    """

    def __init__(self, cause: str, fix: str) -> None:
        self.cause, self.fix = seen(cause), seen(fix)
        super().__init__(f"{self.cause} {self.fix}")

    def __reduce__(self) -> tuple[type[LLMBenchError], tuple[str, str]]:
        return type(self), (self.cause, self.fix)


_LONGEST = 2_000
"""Letters of a problem that are shown: a key may be as long as the file."""


def _one_line(problem: str) -> str:
    """The problem's beginning, with what can't be seen of it, as a user may have written it, escaped."""
    line = " ".join(problem[:_LONGEST].split())
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in line)


class InputFileError(LLMBenchError):
    """A file of the user's holds mistakes; all of them are listed at once.

    :param path: the file.
    :param problems: one line each: key, what is wrong, what is allowed.
    """

    def __init__(self, path: str, problems: Sequence[str]) -> None:
        self.path = path
        self.problems = tuple(map(_one_line, problems))
        count = "1 mistake" if len(self.problems) == 1 else f"{len(self.problems)} mistakes"
        super().__init__(
            f"{path} has {count}:\n" + "\n".join(f"  {problem}" for problem in self.problems) + "\n",
            "Correct the file and save it.",
        )

    def __reduce__(self) -> tuple[type[InputFileError], tuple[str, tuple[str, ...]]]:  # type: ignore[override]
        return type(self), (self.path, self.problems)


class StudyError(InputFileError):
    """A study file can't be used."""


class PromptError(InputFileError):
    """A prompt template can't be used."""


class QuestionSetError(InputFileError):
    """A question set or its knowledge base can't be used."""


class CredentialsError(LLMBenchError):
    """A key is missing, was refused, or its account can't pay: the user's to fix, never a provider's failure."""


class RequestError(LLMBenchError):
    """The request itself is wrong (unknown provider, refused parameter): it would fail for every question."""


class MissingRecordsError(LLMBenchError):
    """A batch lacks records that its study asks for, or some were refused by the quality gate."""


class StorageError(LLMBenchError):
    """The store can't be read or written."""


class ConflictError(StorageError):
    """Another writer replaced the object since it was read."""


class InputError(LLMBenchError):
    """What a person gave to a command or a page can't be used: an unknown name, a malformed value."""


def unknown(cause: str, name: str, known: Iterable[str]) -> InputError:
    """What to raise for a name that isn't among those known; it shows them, and the nearest first.

    :param cause: a sentence with the name.
    """
    names = list(known)
    near = difflib.get_close_matches(name, names, n=1) or [other for other in names if name in other]
    question = f"Did you mean {near[0]}? " if near else ""
    return InputError(cause, f"{question}Known: {', '.join(names) or 'none yet'}.")


def outside_a_task(fix: str, again: str) -> str:
    """What to do, where no task has run that could be cleared: most fixes speak to someone who reads a task's log.

    :param again: what to do instead of clearing the task, e.g. "check again".
    """
    return _CLEAR_TASK.sub(lambda clear: again.capitalize() if clear[1] == "C" else again, fix)


class ViewError(InputError):
    """A filter or an option of a view of the records can't be used."""


class SetupError(LLMBenchError):
    """The local Airflow can't be started or reached."""
