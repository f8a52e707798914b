"""Which hosts are this machine, in every spelling of a loopback address."""

from __future__ import annotations

import re
import socket
from ipaddress import IPv4Address, IPv6Address, ip_address


def is_loopback(host: str) -> bool:
    """Whether *host*, a name or an address without brackets, is this machine.

    That is `localhost`, a name that ends with `.localhost`, and every loopback address, also as in
    `127.1` or `::ffff:127.0.0.1`.
    """
    name = host.lower().removesuffix(".")
    address = _address(name.partition("%")[0])
    if address is not None:
        return address.is_loopback
    return name == "localhost" or name.endswith(".localhost")


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        if not re.fullmatch("[0-9a-fx.]+", text):
            return None
        try:
            return IPv4Address(socket.inet_aton(text))
        except OSError:
            return None
    # A mapped address counts as loopback only since Python 3.13.
    return address.ipv4_mapped or address if isinstance(address, IPv6Address) else address
