"""Where things lie in an archive, and which names may stand in one. Pure.

An archive holds a project: ``include/`` and ``data/`` as a checkout has them, with one study. Beside them lie the files
that describe it.
"""

from __future__ import annotations

from typing import NamedTuple

METADATA = "ro-crate-metadata.json"
README = "README.txt"
CITATION = "CITATION.cff"
DICTIONARY = "data-dictionary.csv"
VERSIONS = "versions.json"
LOCK = "requirements.lock"

FORMAT = 1
"""Of this layout; a reader of an earlier one leaves out what it doesn't know."""

_PLACES = (
    *(f"include/{part}/" for part in ("studies", "questions", "knowledge", "prompts")),
    *(f"data/{part}/" for part in ("protocols", "contexts", "calibrations", "validations", "quarantine", "records")),
    *("data/scores/", "data/grades/"),
)
_TYPES = {
    ".cff": "application/yaml",
    ".csv": "text/csv",
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".htm": "text/html",
    ".html": "text/html",
    ".json": "application/json",
    ".lock": "text/plain",
    ".md": "text/markdown",
    ".parquet": "application/vnd.apache.parquet",
    ".pdf": "application/pdf",
    ".txt": "text/plain",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".yaml": "application/yaml",
}


class Member(NamedTuple):
    """A file of an archive.

    :param size: bytes.
    :param sha256: hexadecimal digits.
    """

    size: int
    sha256: str


def media_type(name: str) -> str:
    """The media type of a file of an archive."""
    return _TYPES.get("." + name.rpartition(".")[2].lower(), "application/octet-stream")


def is_inside(name: str) -> bool:
    """Whether a file of this name lies in the folder that it is unpacked to, and can be seen there."""
    parts = name.split("/")
    return "\\" not in name and name.isprintable() and all(part and not part.startswith(".") for part in parts)


def is_of_a_project(name: str) -> bool:
    """Whether a report is made from a file of this name; whatever else there is, it never reads."""
    return name.startswith(_PLACES)
