"""The URL of a store, taken apart."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import field, replace
from types import MappingProxyType
from typing import Final
from urllib.parse import parse_qsl, quote, quote_plus, unquote

from almaflow.late_dataclasses import dataclass
from almaflow.late_patterns import late_pattern

# A user and a host hold no `/`; a password may hold a `:`, and in `[…]` a host may. What comes
# before the last `@` ahead of a host is a password's, so that no part of one is taken for the host.
_URL: Final = late_pattern(
    r"""
    (?P<scheme>[\w+]+)://
    (?: (?P<user>[^:/]*) (?: :(?P<password>[^@]*(?:@[^@/?]+)*) )? @ )?
    (?: \[(?P<ipv6>[^/?]+)\] | (?P<host>[^/:?]+) )?
    (?: :(?P<port>[^/?]*) )?
    (?: /(?P<database>[^?]*) )?
    (?: \?(?P<query>.*) )?
    """,
    re.VERBOSE,
)
# No path, host or name has one, and libraries stop at a NUL.
_CONTROL: Final = late_pattern(r"[\0-\x1f\x7f]")


@dataclass(frozen=True)
class StoreUrl:
    """The parts of a URL, decoded; None: it has no such part."""

    scheme: str
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    host: str | None = None
    port: int | None = None
    database: str | None = None
    # A password may be among these as well.
    query: Mapping[str, str] = field(
        default_factory=lambda: MappingProxyType({}), hash=False, repr=False
    )

    @classmethod
    def parse(cls, text: str) -> StoreUrl:
        """Take a URL apart. A key that the query has several times has its values, with commas.

        Raises:
            ValueError: *text* is not a URL, or its port is not a number from 1 to 65535.
        """
        match = _URL.match(text)
        if match is None or _is_torn(match) or _CONTROL.search(unquote(text)):
            raise ValueError("not a URL")
        query: dict[str, str] = {}
        for key, value in parse_qsl(match["query"] or ""):
            query[key] = f"{query[key]},{value}" if key in query else value
        return cls(
            match["scheme"],
            _decoded(match["user"]),
            _decoded(match["password"]),
            match["host"] or match["ipv6"],
            _port(match["port"]),
            _decoded(match["database"]),
            query,
        )

    def without_password(self) -> StoreUrl:
        """Return the URL as if it had no password."""
        return replace(self, password=None)

    def __str__(self) -> str:
        """Return the URL as text, with stars instead of its password."""
        user = "" if self.user is None else quote(self.user, safe=" +")
        secret = "" if self.password is None else ":***"
        host = f"[{self.host}]" if ":" in (self.host or "") else self.host or ""
        port = "" if self.port is None else f":{self.port}"
        path = "" if self.database is None else "/" + quote(self.database, safe=" +/")
        query = "&".join(
            f"{quote_plus(key)}={quote_plus(value)}" for key, value in sorted(self.query.items())
        )
        at = "@" if user or secret else ""
        return f"{self.scheme}://{user}{secret}{at}{host}{port}{path}{'?' if query else ''}{query}"


def _decoded(part: str | None) -> str | None:
    return None if part is None else unquote(part)


def _is_torn(match: re.Match[str]) -> bool:
    """Whether a part of a password may be in the wrong place: `@` belongs to neither."""
    return match["host"] is not None and "@" in match["host"] + (match["database"] or "")


def _port(text: str | None) -> int | None:
    if not text:
        return None
    port = int(text)
    if not 1 <= port <= 65_535:
        raise ValueError("not a port")
    return port
