"""What an archive says of itself, for people."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import yaml

from llm_bench.archive.layout import CITATION, DICTIONARY, FORMAT, LOCK, README, VERSIONS
from llm_bench.inert import markdown
from llm_bench.records import FIELDS, SCHEMA_VERSION, utc_text
from llm_bench.study import Study

_ORCID = re.compile(r"(.*\S)\s+(\d{4}-\d{4}-\d{4}-\d{3}[\dX])")


class Author(NamedTuple):
    """Who measured.

    :param orcid: four groups of four digits; None where not given.
    """

    name: str
    orcid: str | None = None


def author(text: str) -> Author:
    """An author as a person gives one: a name, and an ORCID after it where there is one."""
    given = _ORCID.fullmatch(text.strip())
    return Author(given[1], given[2]) if given else Author(text.strip())


@dataclass(frozen=True)
class Origin:
    """Where an archive comes from.

    :param first: when the first question was asked; aware.
    :param last: when the last one was.
    :param measured_with: software → the versions that the records name.
    :param made_with: software → the version that made the archive, and whose figures are the same bytes.
    :param authors: those given; the study's nameless ones where none was.
    :param licence: SPDX's id; None where none was given.
    """

    study: Study
    records: int
    first: datetime
    last: datetime
    measured_with: Mapping[str, Sequence[str]]
    made_with: Mapping[str, str]
    given: Sequence[Author] = ()
    licence: str | None = None

    @property
    def authors(self) -> Sequence[Author]:
        return self.given or (Author(f"The authors of study {self.study.name}"),)

    @property
    def rights(self) -> str:
        """What may be done with the archive."""
        if self.licence:
            return (
                f"Records and study: {self.licence}. The documents in include/knowledge may have owners of their own."
            )
        return "All rights stay with the authors: ask them before you use it for anything but checking their results."

    @property
    def description(self) -> str:
        """One paragraph."""
        llms = ", ".join(llm.name for llm in self.study.llms)
        about = f"{self.study.description.rstrip('.')}. " if self.study.description else ""
        return (
            f"{about}{self.records:,} records of {llms}, asked from {utc_text(self.first)} to {utc_text(self.last)} by "
            "llm-bench, with the questions, documents, contexts and settings that they were asked with, and all that "
            "the study's report is made from."
        )


_KINDS = {
    "include/studies/": "The study",
    "include/questions/": "Questions",
    "include/knowledge/": "A document that the questions are about",
    "include/prompts/": "The prompt's template",
    "data/protocols/": "A protocol as it was sealed",
    "data/contexts/": "A question with the context that the LLMs were given",
    "data/calibrations/": "How wrong the clock of a measuring machine was",
    "data/validations/": "What the quality gate found in a batch",
    "data/quarantine/": "Records that the quality gate refused",
    "data/records/": "Records",
    "data/scores/": "Scores by another model",
    "data/grades/": "What people said of an answer that they read, or which answers they were to read",
}
_NAMES = {
    README: "How to check this archive, and to make the report again",
    CITATION: "How to cite it",
    DICTIONARY: "The fields of a record: type, unit, bounds, meaning",
    VERSIONS: "The versions that measured, and that made this archive",
    LOCK: "Every package that llm-bench is tested with, at its version and checksum",
}


def files_in_words(name: str) -> str:
    """What a file of an archive is."""
    if name.endswith(".protocol.yaml"):
        return "The protocol as it was sealed, beside the study"
    return _NAMES.get(name) or next((kind for place, kind in _KINDS.items() if name.startswith(place)), name)


def dictionary() -> bytes:
    """The fields of a record as CSV."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(
        ("name", "type", "unit", "nullable", "minimum", "maximum", "allowed", "group", "since_schema", "description")
    )
    for field in FIELDS:
        bounds = ("" if bound is None else f"{bound:g}" for bound in (field.minimum, field.maximum))
        writer.writerow(
            (
                *(field.name, field.type, field.unit, str(field.nullable).lower(), *bounds),
                *(" ".join(field.allowed), field.group, field.since, field.description),
            )
        )
    return out.getvalue().encode()


def versions(origin: Origin) -> bytes:
    """The versions, as JSON, for the program that makes the report again."""
    content = {
        "format": FORMAT,
        "study": origin.study.name,
        "schema": SCHEMA_VERSION,
        "made_with": dict(origin.made_with),
        "measured_with": {name: list(values) for name, values in origin.measured_with.items()},
    }
    return (json.dumps(content, indent=1) + "\n").encode()


def citation(origin: Origin) -> bytes:
    """How to cite an archive, in the Citation File Format."""
    authors = [
        {"name": author.name} | ({"orcid": f"https://orcid.org/{author.orcid}"} if author.orcid else {})
        for author in origin.authors
    ]
    content = {
        "cff-version": "1.2.0",
        "message": "If you use these measurements, please cite them.",
        "title": f"Study {origin.study.name}: measurements of hosted LLM APIs",
        "type": "dataset",
        "authors": authors,
        "date-released": utc_text(origin.last)[:10],
        **({"license": origin.licence} if origin.licence else {}),
        "references": [
            {"type": "software", "title": name, "version": version, "authors": [{"name": f"The {name} authors"}]}
            for name, values in origin.measured_with.items()
            for version in values
        ],
    }
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=120).encode()


def readme(origin: Origin) -> bytes:
    """How to check an archive, and to make the report again."""
    who = ", ".join(author.name for author in origin.given) or "not said (llm-bench archive --author)"
    made = origin.made_with
    return f"""\
Study {origin.study.name}
{"=" * (6 + len(origin.study.name))}

{markdown(origin.description)}

Measured by: {markdown(who)}
Rights: {origin.rights}

Check that nothing was changed since it was made, in the folder that you unpacked it to:

    sha256sum --check --quiet SHA256SUMS

Make the report again, every figure and table, from this archive alone, with llm-bench {made["llm-bench"]}:

    llm-bench report --from {origin.study.name}.zip

The report is the same, byte for byte, as the one of whoever measured: compare the SHA256SUMS of the two reports. It
was tried with Python {made["python"]} and the packages that {VERSIONS} names. With others, numbers are the same as far
as they are shown, and figures may differ in their bytes. {LOCK}, where it is here, names every package.

    {README:<24} this page
    {CITATION:<24} how to cite it
    {DICTIONARY:<24} the fields of a record: type, unit, bounds, meaning
    {VERSIONS:<24} the versions that measured, and that made this archive
    {"ro-crate-metadata.json":<24} all of this for machines: RO-Crate 1.2, https://w3id.org/ro/crate/1.2
    {"include/":<24} study, protocol, questions, documents, the prompt's template
    {"data/records/":<24} the records, Parquet; any program that reads Parquet reads them
    {"data/":<24} also: contexts, protocols, calibrations, the quality gate's findings, refused records,
    {"":<24} and grades by hand, with the names of those who gave them

An archive holds no key, no connection, no address of a webhook and none of a store.
""".encode()
