"""The address that links in responses begin with: where the client sees the simulator."""

from __future__ import annotations

import re
from collections.abc import Mapping

from almaflow.alma.simulator.hosts import is_vendor, name_in

_PAIR = re.compile(r'\s*(host|proto)\s*=\s*"?([^";,]+)"?\s*', re.I)
_PREFIX = re.compile(r"(/[A-Za-z0-9._~-]+)+", re.A)


def address_seen(headers: Mapping[str, str], otherwise: str) -> str:
    """Return scheme and authority to which a client has sent a request with these *headers*.

    A proxy's `Forwarded` and `X-Forwarded-…` count before `Host`; of several proxies, the first.
    Alma's own hosts are https. Without a usable header it is *otherwise*. Header names are
    lower-case.

    Source: RFC 7239, "Forwarded HTTP Extension"; alma-api.md 2, 11.
    """
    forwarded = _forwarded(headers.get("forwarded", ""))
    host = forwarded.get("host") or _first(headers, "x-forwarded-host") or headers.get("host", "")
    host = host.strip()
    scheme = (forwarded.get("proto") or _first(headers, "x-forwarded-proto")).lower()
    if not name_in(host):
        return otherwise
    if scheme not in ("http", "https"):
        scheme = "https" if is_vendor(name_in(host)) else otherwise.partition(":")[0]
    prefix = _first(headers, "x-forwarded-prefix").rstrip("/")
    return f"{scheme}://{host}{prefix if _PREFIX.fullmatch(prefix) else ''}"


def _forwarded(value: str) -> dict[str, str]:
    pairs = (_PAIR.fullmatch(part) for part in value.partition(",")[0].split(";"))
    return {pair[1].lower(): pair[2].strip() for pair in pairs if pair}


def _first(headers: Mapping[str, str], name: str) -> str:
    return headers.get(name, "").partition(",")[0].strip()
