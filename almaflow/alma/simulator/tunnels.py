"""`CONNECT`: a client whose `https` hosts are fixed takes the simulator as its proxy.

The tunnel ends in the simulator itself. Nothing is ever passed on to another machine.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from http import HTTPStatus

from almaflow.alma.simulator.hosts import HostRefused, is_loopback, name_in

_AUTHORITY = re.compile(r"[^/?#@\s]+:([0-9]{1,5})", re.A)
_HTTPS = 443


def check_tunnel(target: str, hosts: Collection[str], own_port: int) -> None:
    """Check where a `CONNECT` to *target* leads; *hosts* are those that the simulator replaces.

    Raises: HostRefused with 400 if *target* is not `host:port`, with 403 if it is another server.

    Source: RFC 9110, 9.3.6, "CONNECT"; RFC 9112, 3.2.3, "authority-form".
    """
    match = _AUTHORITY.fullmatch(target)
    name = name_in(target)
    if match is None or not name:
        raise HostRefused(HTTPStatus.BAD_REQUEST, "`CONNECT` needs a target such as `host:443`.")
    port = int(match[1])
    if (name in hosts and port == _HTTPS) or (is_loopback(name) and port == own_port):
        return
    raise HostRefused(
        HTTPStatus.FORBIDDEN,
        f"The simulator passes nothing on, so there is no tunnel to {name} port {port}. As a proxy "
        f"it replaces only these hosts, at port {_HTTPS}: {', '.join(sorted(hosts))}.",
    )
