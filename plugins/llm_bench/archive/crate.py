"""What an archive says of itself, for machines: RO-Crate 1.2, https://w3id.org/ro/crate/1.2."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from llm_bench.archive.layout import CITATION, DICTIONARY, METADATA, README, Member, media_type
from llm_bench.archive.words import Origin, files_in_words
from llm_bench.bundles import SUMS
from llm_bench.fields import Field
from llm_bench.records import FIELDS, SCHEMA_VERSION, utc_text

if TYPE_CHECKING:
    from rocrate.model import ContextEntity, Entity
    from rocrate.rocrate import ROCrate

RECORDS = "data/records/"
_VERSION = "1.2"
_RECORD = f"#record-schema-{SCHEMA_VERSION}"
_ABOUT = {"llm-bench": {"@id": README}, "LiteLLM": "https://docs.litellm.ai/"}
"""Software → what is said about it; RO-Crate wants an address for each, and what made an archive describes it there."""
_CFF = "https://citation-file-format.github.io/1.2.0/schema.json"


def metadata(origin: Origin, members: Mapping[str, Member]) -> bytes:
    """The metadata of an archive, JSON-LD.

    :param members: name → what it is; all but the metadata and the checksums.
    """
    from rocrate.rocrate import ROCrate

    crate = ROCrate(version=_VERSION)
    root = crate.root_dataset
    root["name"] = f"Study {origin.study.name}: measurements of hosted LLM APIs"
    root["description"] = origin.description
    root["datePublished"] = utc_text(origin.last)[:10]
    root["temporalCoverage"] = f"{utc_text(origin.first)}/{utc_text(origin.last)}"
    root["license"] = _licence(crate, origin)
    root["author"] = _single([_author(crate, author.name, author.orcid) for author in origin.authors])
    files = {name: _file(crate, name, member) for name, member in sorted(members.items())}
    crate.add_file(
        dest_path=SUMS,
        properties={"name": SUMS, "description": "A checksum of every other file", "encodingFormat": "text/plain"},
    )
    for identifier, name in {
        _RECORD: f"Schema {SCHEMA_VERSION} of llm-bench's record, as {DICTIONARY} has it",
        _CFF: "Citation File Format 1.2.0",
    }.items():
        _add(crate, identifier, "CreativeWork", name=name)
    records = crate.add_dataset(
        dest_path=RECORDS,
        properties={
            "name": "The records",
            "description": f"{origin.records:,} records, one for each question asked, as Parquet.",
            "variableMeasured": [_variable(crate, field) for field in FIELDS],
            "hasPart": [file for name, file in files.items() if name.startswith(RECORDS)],
        },
    )
    asked = [file for name, file in files.items() if name.startswith("include/")]
    root["mentions"] = _measuring(crate, origin, asked, records)
    return (json.dumps(crate.metadata.generate(), indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def _file(crate: ROCrate, name: str, member: Member) -> Entity:
    standard = {".parquet": _RECORD, ".cff": _CFF}.get("." + name.rpartition(".")[2])
    properties: dict[str, Any] = {
        "name": name.rpartition("/")[2],
        "description": files_in_words(name),
        "contentSize": str(member.size),
        "encodingFormat": media_type(name),
        "sha256": member.sha256,
    }
    if standard and (name == CITATION or name.startswith(RECORDS)):
        properties["conformsTo"] = {"@id": standard}
    return crate.add_file(dest_path=name, properties=properties)


def _variable(crate: ROCrate, field: Field) -> ContextEntity:
    properties = {
        "name": field.name,
        "description": field.description,
        "unitText": field.unit,
        "minValue": field.minimum,
        "maxValue": field.maximum,
    }
    stated = {name: value for name, value in properties.items() if value not in (None, "")}
    return _add(crate, f"#{field.name}", "PropertyValue", **stated)


def _licence(crate: ROCrate, origin: Origin) -> ContextEntity:
    if origin.licence is None:
        return _add(crate, "#licence", "CreativeWork", name="No licence was given", description=origin.rights)
    address = f"https://spdx.org/licenses/{origin.licence}"
    return _add(crate, address, "CreativeWork", name=origin.licence, description=origin.rights)


def _author(crate: ROCrate, name: str, orcid: str | None) -> ContextEntity:
    if orcid:
        return _add(crate, f"https://orcid.org/{orcid}", "Person", name=name)
    return _add(crate, f"#{name.replace(' ', '-')}", "Person", name=name)


def _measuring(crate: ROCrate, origin: Origin, asked: Iterable[Entity], records: Entity) -> ContextEntity:
    software = [
        _add(crate, f"#{name}-{version}", "SoftwareApplication", name=name, version=version, url=_ABOUT[name])
        for name, versions in origin.measured_with.items()
        for version in versions
    ]
    return _add(
        crate,
        "#measuring",
        "CreateAction",
        name=f"The measuring of study {origin.study.name}",
        startTime=utc_text(origin.first),
        endTime=utc_text(origin.last),
        instrument=_single(software),
        object=list(asked),
        result=records,
        actionStatus="http://schema.org/CompletedActionStatus",
    )


def _single(values: list[Any]) -> Any:
    """Values as RO-Crate writes them: one of them isn't a list."""
    return values[0] if len(values) == 1 else values


def _add(crate: ROCrate, identifier: str, kind: str, **properties: Any) -> ContextEntity:
    from rocrate.model import ContextEntity

    return crate.add(ContextEntity(crate, identifier, properties={"@type": kind, **properties}))


def sizes(content: bytes) -> dict[str, int]:
    """Name → size in bytes of the files that metadata describe.

    :raises ValueError: they aren't an RO-Crate's.
    """
    try:
        graph = json.loads(content)["@graph"]
        files = [entity for entity in graph if "contentSize" in entity]
        return {unquote(entity["@id"]): int(entity["contentSize"]) for entity in files}
    except (LookupError, TypeError, AttributeError, RecursionError) as fault:
        raise ValueError(f"{METADATA} is none of an RO-Crate: {fault!r}") from None
