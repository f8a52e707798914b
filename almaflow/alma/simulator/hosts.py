"""The host names by which a request may address the simulator.

A web page whose name is made to lead to this machine (DNS rebinding) sends its own name in `Host`,
so the simulator answers only to names that no stranger can direct here.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Sequence
from http import HTTPStatus
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import urlsplit

# `[address]` or a name, with or without port.
_HOST = re.compile(r"(?:\[([0-9a-f:.]+(?:%\w+)?)\]|([\w.-]+))(?::[0-9]{0,5})?", re.A | re.I)
# Clients of other authors have the hosts of Alma's regions fixed in their code (alma-api.md 1.1).
_VENDOR = (".exlibrisgroup.com", ".exlibrisgroup.com.cn")


class HostRefused(Exception):
    """A request that does not address this simulator, or does not say clearly what it addresses."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status


def check_hosts(hosts: Sequence[str], target: str, version: str, bound: str) -> None:
    """Check the `Host` headers of a request against the address *bound*, which is listened on.

    *version* is such as `HTTP/1.1`. Raises: HostRefused with 400 if the headers and *target* do
    not name exactly one host, and with 421 if they name another server.

    Source: RFC 9112, 3.2, "Request Target"; RFC 9110, 15.5.20, "421 Misdirected Request".
    """
    if len(hosts) > 1:
        raise _unclear("The request has more than one `Host` header.")
    if not hosts and version >= "HTTP/1.1":
        raise _unclear("A request of HTTP/1.1 needs a `Host` header.")
    host = hosts[0].strip() if hosts else ""
    if hosts and not name_in(host):
        raise _unclear("The `Host` header is not a host name with an optional port.")
    addressed = _authority(target)
    if addressed is not None and not name_in(addressed):
        raise _unclear("The request target does not name a host.")
    if addressed is not None and hosts and name_in(addressed) != name_in(host):
        raise _unclear("The request target and the `Host` header name different hosts.")
    name = name_in(host) or name_in(addressed or "")
    # No browser leaves out the name, so a request without it is not a web page's.
    if name and not is_own_name(name, bound):
        raise HostRefused(
            HTTPStatus.MISDIRECTED_REQUEST,
            "The simulator does not respond to this host name. Use its address, `localhost`, "
            "or the name that `--host` specifies.",
        )


def _unclear(message: str) -> HostRefused:
    return HostRefused(HTTPStatus.BAD_REQUEST, message)


def _authority(target: str) -> str | None:
    """Return the host and port of a target in absolute form; None for `/path` and `*`."""
    if target.startswith("/") or "://" not in target.partition("?")[0]:
        return None
    try:
        parts = urlsplit(target)
    except ValueError:
        return ""
    return parts.netloc if parts.scheme in ("http", "https") else ""


def path_of(target: str) -> str:
    """Return path and query of a target, which may be in absolute form."""
    if _authority(target) is None:
        return target
    parts = urlsplit(target)
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def name_in(host: str) -> str:
    """Return the name or address in a `Host` header, in lower case; empty if it holds none."""
    match = _HOST.fullmatch(host)
    if match is None:
        return ""
    if match[1] and not (":" in match[1] and _address(match[1])):
        return ""
    return _plain(match[1] or match[2])


def is_own_name(name: str, bound: str) -> bool:
    """Whether *name*, from `name_in`, is one of a simulator that listens on *bound*.

    Loopback in every spelling and Alma's own hosts always are. Where other machines can connect,
    so are every address, which may be translated on the way here, and the name *bound*.
    """
    if is_loopback(name) or is_vendor(name):
        return True
    if is_loopback(bound):
        return False
    return _address(name) is not None or name == _plain(bound)


def is_vendor(name: str) -> bool:
    """Whether *name*, from `name_in`, is one of Alma's own hosts."""
    return name.endswith(_VENDOR)


def is_loopback(name: str) -> bool:
    """Whether *name* (or an address without brackets) leads to this machine from itself only."""
    address = _address(name)
    if address is not None:
        return address.is_loopback
    return _plain(name) == "localhost" or _plain(name).endswith(".localhost")


def _plain(name: str) -> str:
    return name.lower().removesuffix(".")


def _address(name: str) -> IPv4Address | IPv6Address | None:
    """Return the address that *name* spells, also as in `127.1` or `::ffff:127.0.0.1`."""
    text = _plain(name).partition("%")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return _old_spelling(text)
    # A mapped address counts as loopback only since Python 3.13.
    return address.ipv4_mapped or address if isinstance(address, IPv6Address) else address


def _old_spelling(text: str) -> IPv4Address | None:
    """Return the address of fewer than four numbers, or of octal or hexadecimal ones."""
    if not re.fullmatch("[0-9a-fx.]+", text):
        return None
    try:
        return IPv4Address(socket.inet_aton(text))
    except OSError:
        return None
