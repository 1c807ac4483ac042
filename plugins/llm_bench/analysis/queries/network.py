"""The way to the LLMs: how far each is, and what opening a connection takes."""

from __future__ import annotations

from llm_bench.analysis.cache import Records
from llm_bench.analysis.queries.shapes import Network
from llm_bench.analysis.view import View

_NETWORK = """
    SELECT llm, count(network_rtt_sec) AS known, median(network_rtt_sec) AS rtt, count(connect_sec) AS opened,
        median(dns_sec) AS dns, median(connect_sec) AS connect, median(tls_sec) AS tls
    FROM records WHERE {} GROUP BY llm ORDER BY llm
"""
_CLIENTS = "SELECT client, count(*) AS records FROM records WHERE {} GROUP BY client ORDER BY client NULLS FIRST"


def network(records: Records, view: View) -> list[Network]:
    """The round trip to each LLM, and how long its connections took to open; in name order."""
    where, parameters = view.where()
    return [Network(**row) for row in records.rows(_NETWORK.format(where), parameters)]


def clients(records: Records, view: View) -> dict[str | None, int]:
    """The names of the places that it was measured from → how many records; None: it had no name."""
    where, parameters = view.where()
    return {row["client"]: row["records"] for row in records.rows(_CLIENTS.format(where), parameters)}
