"""What is said of a study's protocols wherever they are shown. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from llm_bench.protocol.content import Protocol, binding

Moment = Callable[[datetime], str]
"""A moment for reading."""


def line(study: str, protocols: Sequence[Protocol], moment: Moment) -> str:
    """Whether and when a study was sealed, in a line.

    :param protocols: of the study, in their order.
    """
    if not protocols:
        return f"not sealed: nothing was chosen beforehand (llm-bench seal {study}, before the first record)"
    since = len(protocols) - 1 - protocols.index(binding(protocols))
    amended = f"; amended since, {since} times" if since > 1 else "; amended since" if since else ""
    return f"sealed on {sealed(binding(protocols), moment)}{amended}"


def sealed(protocol: Protocol, moment: Moment) -> str:
    """When a protocol was sealed, and how many records were there."""
    when = moment(datetime.fromisoformat(protocol.sealed_at))
    others = f"{protocol.others_before:,} other records were there"
    if protocol.beforehand:
        return f"{when}, before the first record" + (f" ({others})" if protocol.others_before else "")
    beside = f" ({others}, too)" if protocol.others_before else ""
    return f"{when}, after {protocol.records_before:,} records were there: not beforehand{beside}"
