"""Which languages answers can be scored in, and whether a text is in another than it should be."""

from __future__ import annotations

import unicodedata
from functools import cache
from typing import Any

READ = ("en", "de")
"""ISO 639-1, of the languages whose turns, numbers and meaning the scorer reads by its own model."""
SURE = 0.8
"""Of 6,300 English sentences, the shortest ones among them, none is taken for another language with so much."""


def name_of(language: str) -> str:
    """The English name of a language, e.g. "French"; empty for what is no code of ISO 639-1."""
    from babel import Locale  # noqa: PLC0415  (seldom needed)

    return str(Locale("en").languages.get(language, "")) if len(language) == 2 else ""


def unread(language: str, model: str, default: str) -> str | None:
    """Why answers in a language can't be scored; None where they can.

    :param language: ISO 639-1.
    :param model: that scores, as it was named or identified.
    :param default: the model that comes with the package: any other was chosen, so that it reads the language.
    """
    if language in READ or model.partition("@")[0] != default:
        return None
    return f"The scorer doesn't read {name_of(language)}: name a multilingual scoring.model."


def foreign(text: str, language: str) -> str | None:
    """Why an answer can't be scored that was to be in a language; None for one in it, or of which that isn't clear.

    :param language: ISO 639-1; only for those of ``READ`` this is looked at.
    """
    if language not in READ:
        return None
    wanted = name_of(language)
    letters = [unicodedata.name(letter, "").startswith("LATIN") for letter in text if letter.isalpha()]
    if 2 * sum(letters) < len(letters):
        return f"The answer isn't in the letters of {wanted}."
    detected, sure = identifier().classify(text)
    if detected == language or sure < SURE:
        return None
    return f"The answer is in {name_of(detected) or 'another language'}, not in {wanted}."


@cache
def identifier() -> Any:
    """The model of py3langid (Lui and Baldwin, "langid.py", 2012, P12-3005), with probabilities; it takes a second."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier  # noqa: PLC0415

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
