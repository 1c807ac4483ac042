"""Addresses at which a machine hands out its own credentials: no LLM and no webhook is there."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable

from llm_bench.errors import RequestError

_NAMES = ("metadata.google.internal", "metadata.goog", "metadata", "instance-data", "instance-data.ec2.internal")
_NETWORKS = [
    ipaddress.ip_network(network)
    for network in (
        *("169.254.0.0/16", "fe80::/10"),  # link-local: Google's, Amazon's, Azure's, Oracle's and others'
        *("fd00:ec2::/32", "fd20:ce::/32"),  # Amazon's and Google's by IPv6
        *("168.63.129.16/32", "100.100.100.200/32", "192.0.0.192/32"),  # Azure's, Alibaba's and Oracle's others
    )
]
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_COMPATIBLE = ipaddress.ip_network("::/96")


def refuse_metadata(host: str, addresses: Iterable[str] = ()) -> None:
    """Refuses a host that is such an address, however it is written, or that was found to be at one.

    :param host: as a URL has it.
    :param addresses: of the host, as the system's look-up found them.
    :raises RequestError: it is one.
    """
    name = host.strip("[]").rstrip(".").lower()
    for written in (name, *addresses):
        address = _address(written)
        if written in _NAMES or (address and any(_is_within(form, _NETWORKS) for form in _forms(address))):
            where = f"{host} is " if written == name else f"{host} is at {written}, "
            raise RequestError(
                f"{where}an address at which a machine hands out its own credentials: nothing is sent there.",
                "Correct the base URL of the Airflow connection, then clear this task.",
            )


_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def _address(written: str) -> _Address | None:
    """An address as it is written, also in the old ways that the system reads, as 0xA9FEA9FE, 2852039166, 0251.1."""
    try:
        return ipaddress.ip_address(written)
    except ValueError:
        pass
    try:
        return ipaddress.IPv4Address(socket.inet_aton(written))
    except (OSError, UnicodeEncodeError):
        return None


def _forms(address: _Address) -> Iterable[_Address]:
    """An address, and the one of IPv4 that one of IPv6 stands for."""
    yield address
    if isinstance(address, ipaddress.IPv6Address):
        held = (address.ipv4_mapped, address.sixtofour, *(address.teredo or ()))
        yield from (other for other in held if other is not None)
        if address in _NAT64 or address in _COMPATIBLE:
            yield ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)


def _is_within(address: _Address, networks: Iterable[ipaddress.IPv4Network | ipaddress.IPv6Network]) -> bool:
    return any(address in network for network in networks)
