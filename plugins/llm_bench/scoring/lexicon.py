"""The words and patterns that the scoring knows, which stand beside it in YAML."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import Any

import yaml


@cache
def lexicon(name: str) -> Any:
    """The content of ``<name>.yaml``."""
    return yaml.safe_load(files(__package__).joinpath(f"{name}.yaml").read_text(encoding="utf-8"))


def patterns(name: str) -> dict[str, re.Pattern[str]]:
    """The patterns of ``<name>.yaml``, by their names; case doesn't count.

    Each is a list of alternatives, in which {names} stand for the file's parts, as they do in a part for earlier ones.
    """
    content, parts = lexicon(name), dict[str, str]()
    for part, form in content["parts"].items():
        parts[part] = form.format(**parts)
    whole = {kind: "|".join(forms).format(**parts) for kind, forms in content["patterns"].items()}
    return {kind: re.compile(pattern, re.IGNORECASE) for kind, pattern in whole.items()}
