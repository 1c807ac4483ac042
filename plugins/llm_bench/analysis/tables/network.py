"""Tables of what lies around an LLM's own time: the network, and the place of a question in its cell. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from llm_bench.analysis import table
from llm_bench.analysis.table import Table

if TYPE_CHECKING:
    from llm_bench.analysis.charts import Looks
    from llm_bench.analysis.metrics import Metric
    from llm_bench.analysis.queries import FirstPlace, Network


def network(llms: Sequence[Network], looks: Looks) -> Table:
    """How far each LLM is, and what opening a connection to it takes."""
    return Table(
        "network",
        "The network: medians of the round trip to each LLM and of opening a connection, in seconds",
        [
            table.llm(looks),
            table.number("network_rtt_sec", "Round trip", "s"),
            table.count("known", "Records", hint="with one"),
            table.count("opened", "Connections", hint="opened"),
            table.number("connect_sec", "Opening one", "s"),
            table.number("dns_sec", "Its look-up", "s", hint="DNS"),
            table.number("tls_sec", "Its handshake", "s", hint="TLS"),
        ],
        [[way.llm, way.rtt, way.known, way.opened, way.connect, way.dns, way.tls] for way in looks.ordered(llms)],
        [
            "The round trip goes to where the connection ends: a proxy, a gateway or the nearest edge of the "
            "provider's network, not the machine that runs the LLM. Opening a connection comes before all other times."
        ],
    )


def first_places(llms: Sequence[FirstPlace], metric: Metric, looks: Looks) -> Table:
    """A metric at the first place of a cell, and at the others."""
    return Table(
        f"{metric.short_name}-by-position",
        f"{metric.title} by position: the first question of a cell and the others, medians {metric.scale}",
        [
            table.llm(looks),
            table.count("n_first", "First"),
            table.count("n_others", "Others"),
            table.number("first", "Of the first", metric.unit),
            table.number("others", "Of the others", metric.unit),
            table.ratio("ratio", "Ratio", "times as long"),
            table.chance("p_holm", "p, Holm", hint="corrected"),
        ],
        [
            [place.llm, place.n, place.n_others, place.first, place.others, place.ratio, place.p]
            for place in looks.ordered(llms)
        ],
        [
            "Medians are of the answers alone. Ratio: the first beside the others of its cell, for questions like "
            "these on days like these. Where the order is as written, the first place is always the same question's, "
            "so that the ratio may be the question's."
        ],
    )
