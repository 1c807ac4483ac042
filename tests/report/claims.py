"""Which check holds which sentence of a report's methods to what the code does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

CLAIMS: dict[str, str] = {}
"""How a sentence begins, or all of it, as a regular expression → the check."""

Check = Callable[..., Any]


def says(*sentences: str) -> Callable[[Check], Check]:
    """Marks a check as that of some sentences: it fails where the code does otherwise than they say."""

    def claim(check: Check) -> Check:
        name = f"{check.__module__}.{check.__qualname__}".removeprefix("tests.")
        for sentence in sentences:
            assert CLAIMS.setdefault(sentence, name) == name, f"claimed twice: {sentence}"
        return check

    return claim
