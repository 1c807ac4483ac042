"""The sources that a report cites: read from ``references.bib``, which BibTeX reads, too."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from llm_bench.analysis import format as text

FILE = "references.bib"

_ENTRY = re.compile(r"^@(?P<kind>\w+)\{(?P<key>[\w-]+),\n(?P<fields>.*?)^\}$", re.MULTILINE | re.DOTALL)
_FIELD = re.compile(r"^  (?P<name>\w+) = \{(?P<content>.*)\},$", re.MULTILINE)
_BRACE = re.compile(r"[{}]")


@dataclass(frozen=True, slots=True)
class Reference:
    """A source.

    :param key: what methods cite it by.
    :param fields: as BibTeX has them; ``annote`` says what it is cited for.
    :param written: the whole entry, as it stands in the file.
    """

    key: str
    fields: Mapping[str, str]
    written: str

    def field(self, name: str) -> str:
        """A field as plain text; empty where it lacks."""
        return _BRACE.sub("", self.fields.get(name, "")).replace(r"\&", "&").replace("--", "–")

    @property
    def authors(self) -> str:
        """All of them, as they sign."""
        names = [" ".join(reversed(name.split(", "))) for name in self.field("author").split(" and ")]
        return text.listed(names)

    @property
    def venue(self) -> str:
        """Where it was published: journal with volume, number and pages, or the book."""
        volume, number, pages = (self.field(name) for name in ("volume", "number", "pages"))
        issue = f"{volume}({number})" if number else volume
        place = self.field("journal") or self.field("booktitle") or self.field("publisher")
        return ", ".join(part for part in (f"{place} {issue}".strip(), pages) if part)

    @property
    def published(self) -> str:
        """Where and when."""
        return ", ".join(filter(None, (self.venue, self.field("year"))))

    @property
    def doi(self) -> str:
        """Its digital identifier; empty where it has none."""
        return self.field("doi")

    @property
    def address(self) -> str:
        """Where it is."""
        return f"https://doi.org/{self.doi}" if self.doi else self.field("url")


@cache
def references() -> Mapping[str, Reference]:
    """All sources by their keys, in the order of these."""
    whole = (Path(__file__).parent / FILE).read_text(encoding="utf-8")
    entries = [
        Reference(entry["key"], dict(_FIELD.findall(entry["fields"])), entry[0]) for entry in _ENTRY.finditer(whole)
    ]
    return {entry.key: entry for entry in sorted(entries, key=lambda entry: entry.key)}


def cited(keys: Iterable[str]) -> list[Reference]:
    """The sources of some keys, each once, in the order of the keys.

    :raises KeyError: no source has a key.
    """
    known = references()
    return [known[key] for key in sorted(set(keys))]


def bibliography(keys: Iterable[str]) -> bytes:
    """The same as a file for BibTeX."""
    return "\n\n".join(entry.written for entry in cited(keys)).encode() + b"\n"
