"""The way to the LLMs: how far each is, and what opening a connection takes."""

from __future__ import annotations

from llm_bench.analysis.cache import Records
from llm_bench.analysis.queries import strata
from llm_bench.analysis.queries.numbers import Scan
from llm_bench.analysis.queries.shapes import Network
from llm_bench.analysis.view import View

_WAYS = {"rtt": "network_rtt_sec", "dns": "dns_sec", "connect": "connect_sec", "tls": "tls_sec"}
"""Of each median, the field that it is of."""
_MEDIANS = """
    SELECT llm, {} FROM records WHERE {} AND (network_rtt_sec IS NOT NULL OR connect_sec IS NOT NULL) GROUP BY llm
"""
_CLIENTS = "SELECT client, count(*) AS records FROM records WHERE {} GROUP BY client ORDER BY client NULLS FIRST"


def network(records: Records, view: View) -> list[Network]:
    """The round trip to each LLM, and how long its connections took to open; in name order."""
    scan = Scan.of(records, view, [])
    known, opened = map(scan.by_llm, strata.met(records, "network_rtt_sec IS NOT NULL", "connect_sec IS NOT NULL"))
    medians: dict[str, dict[str, float | None]] = {}
    if known.any() or opened.any():  # else there is nothing to look at each record for
        where, parameters = view.where()
        columns = ", ".join(f"median({field}) AS {name}" for name, field in _WAYS.items())
        rows = records.rows(_MEDIANS.format(columns, where), parameters)
        medians = {row.pop("llm"): row for row in rows}
    nothing = dict.fromkeys(_WAYS)
    return [
        Network(llm, known=int(known[place]), opened=int(opened[place]), **medians.get(llm, nothing))
        for place, llm in enumerate(scan.llms)
    ]


def clients(records: Records, view: View) -> dict[str | None, int]:
    """The names of the places that it was measured from → how many records; None: it had no name."""
    where, parameters = view.where()
    return {row["client"]: row["records"] for row in records.rows(_CLIENTS.format(where), parameters)}
