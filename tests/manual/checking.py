"""One test looks at many places of the documentation, and reports all that are wrong at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

import pytest

from manual.reading import Block, Word

Place = TypeVar("Place", Block, Word)


def check_each(places: Iterable[Place], check: Callable[[Place], object]) -> None:
    """Fails with a line for each place (page:line) that a check raises for; fails, too, where there is no place.

    :param check: anything it raises is a mistake, ``SystemExit`` of a command's parser included.
    """
    count, mistakes = 0, []
    for place in places:
        count += 1
        try:
            check(place)
        except (Exception, SystemExit) as error:
            mistakes.append(f"{place}: {type(error).__name__}: {error}".rstrip(": "))
    assert count, "nothing was checked"
    report(mistakes)


def report(mistakes: Iterable[object]) -> None:
    """Fails with all mistakes, if there are any."""
    lines = [str(mistake) for mistake in mistakes]
    if lines:
        pytest.fail("\n".join([f"{len(lines)} mistakes:", *lines]), pytrace=False)
