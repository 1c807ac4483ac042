"""Takes secrets out of text, whole and in part, as they are and as programs write them. Pure.

Providers echo keys in their errors: cut short, in base64 as a header has them, escaped as a URL or as JSON. The time
that it takes grows with the text's length alone, whatever the text.
"""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Iterable, Iterator
from itertools import chain
from urllib.parse import quote

PART = 20
"""Characters of a secret that must not stand together in a text; a shorter secret is hidden where it stands whole."""

_BLOCK = PART // 2
_SHORTEST_CODE = 8
"""Of a short secret in base64: fewer characters are in many a word."""
_HIDDEN = "***"


def hide(text: str, secrets: Iterable[str]) -> str:
    """A text with ``***`` in place of every secret and of every part of one.

    :param secrets: values that must never show.
    """
    forms = {form for secret in secrets if secret for form in _forms(secret)}
    long = {form for form in forms if len(form) >= PART}
    spans = sorted(chain(_parts(text, long), _wholes(text, forms - long)))
    pieces: list[str] = []
    done = 0
    for start, end in spans:
        if start > done or not pieces:
            pieces += [text[done:start], _HIDDEN]
        done = max(done, end)
    return "".join([*pieces, text[done:]])


def _forms(secret: str) -> Iterator[str]:
    """A secret as it is, and as it stands in a URL, in JSON, in HTML, and in base64 wherever that begins."""
    escaped = json.dumps(secret)[1:-1]
    quoted = quote(secret, safe="")
    yield from (secret, escaped, escaped.replace("/", r"\/"), json.dumps(secret, ensure_ascii=False)[1:-1])
    yield from (quoted, _lower_escapes(quoted), quote(secret), html.escape(secret))
    content = secret.encode("utf-8", "surrogatepass")
    for before in range(3):  # bytes of the group in which it begins
        start, end = (before * 8 + 5) // 6, (before + len(content)) * 8 // 6
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            code = encode(b"\0" * before + content).decode()[start:]
            # As it ends where nothing comes after the secret, padded or not, and as far as nothing changes it.
            for part in (code, code.rstrip("="), code[: end - start]):
                if len(part) >= _SHORTEST_CODE:
                    yield part


def _lower_escapes(quoted: str) -> str:
    first, *others = quoted.split("%")
    return "%".join([first, *(part[:2].lower() + part[2:] for part in others)])


def _occurrences(text: str, word: str) -> Iterator[int]:
    at = text.find(word)
    while at >= 0:
        yield at
        at = text.find(word, at + 1)


def _wholes(text: str, words: Iterable[str]) -> Iterator[tuple[int, int]]:
    return ((at, at + len(word)) for word in words for at in _occurrences(text, word))


def _parts(text: str, forms: Iterable[str]) -> Iterator[tuple[int, int]]:
    """Where ``PART`` characters of a form stand together.

    Any such part holds one of the blocks into which its form is cut, so that only the places around a block, which is
    found fast, are looked at.
    """
    parts = {form[start : start + PART] for form in forms for start in range(len(form) - PART + 1)}
    blocks = {form[start : start + _BLOCK] for form in forms for start in range(0, len(form) - _BLOCK + 1, _BLOCK)}
    looked = 0
    for at in sorted(at for block in blocks for at in _occurrences(text, block)):
        for start in range(max(looked, at - _BLOCK + 1), at + 1):
            if text[start : start + PART] in parts:
                yield start, start + PART
        looked = at + 1
