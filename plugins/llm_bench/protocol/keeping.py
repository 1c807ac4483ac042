"""A study's protocols in its store: each written once, none ever replaced."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import yaml

from llm_bench.errors import InputError, StorageError
from llm_bench.protocol.content import Plan, Protocol, changes
from llm_bench.records import utc_text

if TYPE_CHECKING:
    from llm_bench.store.base import Store

_HEAD = """\
# The protocol of the study {study}, as it was sealed: what is primary, how it is analysed, and what is measured.
# The study's store keeps the same text, and the report reads it there: a change here changes nothing.
"""


def held(store: Store, study: str) -> list[Protocol]:
    """A study's protocols, the first one and its amendments; none where it wasn't sealed.

    :raises StorageError: the store can't be read, or an object in it isn't a protocol.
    """
    stored = [(path, store.read(path)) for path in store.list(f"protocols/study={study}/")]
    return [_read(path, content[0]) for path, content in stored if content is not None]


def seal(
    store: Store, study: str, plan: Plan, *, counts: tuple[int, int], versions: Mapping[str, str], amend: str | None
) -> tuple[str, Protocol, bool]:
    """Seals a plan; the same plan again changes nothing.

    :param counts: records that the plan is about, and other records, that are in the store.
    :param versions: of what is installed.
    :param amend: why an earlier protocol is amended; None: there must be none, or one of the same plan.
    :return: path of the latest protocol, itself, and whether it is new.
    :raises InputError: another plan was sealed, and this is no amendment; or there is nothing to amend.
    :raises ConflictError: another one was sealed at the same time.
    :raises StorageError: the store can't be read or written.
    """
    protocols = held(store, study)
    if protocols:
        last = protocols[-1]
        differing = changes(last.plan, plan)
        if not differing:
            return _path(study, last.number), last, False
        if amend is None:
            shown = "; ".join(f"{change.what}: {change.sealed} → {change.now}" for change in differing[:5])
            more = f"; and {len(differing) - 5} more" if len(differing) > 5 else ""
            raise InputError(
                f"Study {study} was sealed on {last.sealed_at}, and this differs from it: {shown}{more}.",
                f"Keep to what was sealed, or amend it: `llm-bench seal {study} --amend REASON`. Both are kept.",
            )
    elif amend is not None:
        raise InputError(f"Study {study} has no protocol to amend.", f"Seal it: `llm-bench seal {study}`.")
    number = protocols[-1].number + 1 if protocols else 1
    protocol = Protocol(number, utc_text(datetime.now(UTC)), amend, *counts, versions=dict(versions), plan=plan)
    path, content = _path(study, number), _to_yaml(study, protocol)
    store.commit(path, content, 0)
    return path, replace(protocol, content=content), True


def _path(study: str, number: int) -> str:
    return f"protocols/study={study}/{number:03}.yaml"


def _to_yaml(study: str, protocol: Protocol) -> bytes:
    plan = protocol.plan
    content: dict[str, Any] = {
        "study": study,
        "number": protocol.number,
        "sealed_at": protocol.sealed_at,
        "reason": protocol.reason,
        "records_before": protocol.records_before,
        "others_before": protocol.others_before,
        "versions": dict(protocol.versions),
        "hashes": plan.hashes,
        "plan": asdict(plan),
    }
    text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=120)
    return (_HEAD.format(study=study) + text).encode()


def _read(path: str, content: bytes) -> Protocol:
    try:
        known = yaml.safe_load(content)
        named = {name: known[name] for name in ("number", "sealed_at", "reason", "records_before", "others_before")}
        return Protocol(
            **named,
            versions=known["versions"],
            plan=Plan(**known["plan"]),
            content=content,
        )
    except (yaml.YAMLError, UnicodeDecodeError, LookupError, TypeError) as fault:
        raise StorageError(f"{path} is no protocol: {fault}.", "Put it back from a copy.") from None
