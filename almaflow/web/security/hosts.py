"""Which requests come in: those that name this server and that its own pages sent.

A page elsewhere cannot set `Host`, `Origin` or `Sec-Fetch-Site`; browsers do.

    DNS rebinding   a name of an attacker leads to this machine       `Host` names another server
    CSRF            a page elsewhere sends a form, or loads an image  `Origin`, `Sec-Fetch-Site`
    an open proxy   a page without a login is offered to the world    headers that proxies add
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from urllib.parse import urlsplit

from almaflow.late_dataclasses import dataclass
from almaflow.loopback import is_loopback

SAFE = ("GET", "HEAD", "OPTIONS")
"""Methods that change nothing."""

# `[address]` or a name, with or without port.
_HOST = re.compile(r"(?:\[([0-9a-f:.]+(?:%\w+)?)\]|([\w.-]+))(?::([0-9]{1,5}))?", re.A | re.I)
# What proxies add to a request.
_OF_PROXIES = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")


@dataclass(frozen=True)
class Refusal:
    """Why a request is not let in."""

    status: int
    sentence: str


@dataclass(frozen=True)
class HostRules:
    """What a request has to name.

    *local*: only this machine reaches the page; *public*: scheme, host and port as people type
    them, empty when no one else does; *login*: whether people have to log in.
    """

    local: bool
    public: str = ""
    login: bool = False

    def refusal(self, method: str, headers: Mapping[str, Sequence[str]]) -> Refusal | None:
        """Return why a request with these headers (lower-case names) is not let in."""
        hosts = headers.get("host", ())
        match = _HOST.fullmatch(hosts[0].strip()) if len(hosts) == 1 else None
        if match is None:
            return Refusal(HTTPStatus.BAD_REQUEST, "The request does not name one host.")
        host, name = hosts[0].strip().lower(), match[1] or match[2]
        if not self._is_ours(host, name):
            return Refusal(
                HTTPStatus.MISDIRECTED_REQUEST,
                "This server does not answer for that host. Open the page at the address that "
                "`almaflow serve` printed, or set `serve: {url: …}` in almaflow.yaml.",
            )
        if not self.login and any(header in headers for header in _OF_PROXIES):
            return Refusal(
                HTTPStatus.FORBIDDEN,
                "This request came through a proxy, but the page has no login. Add `users` or "
                "`proxy` under `serve` in almaflow.yaml.",
            )
        return self._foreign(method, host, headers)

    def _is_ours(self, host: str, name: str) -> bool:
        if is_loopback(name):
            return True
        if self.public:
            return host in (urlsplit(self.public).netloc.lower(), urlsplit(self.public).hostname)
        # Whoever reaches a public address has to log in, so a borrowed name gains nothing.
        return not self.local

    def _foreign(
        self, method: str, host: str, headers: Mapping[str, Sequence[str]]
    ) -> Refusal | None:
        """Return why a request is refused that a page elsewhere sent."""
        site = ", ".join(headers.get("sec-fetch-site", ()))
        if method in SAFE:
            # A link from a mail or another page is fine; an image or a script of one is not.
            mode = ", ".join(headers.get("sec-fetch-mode", ()))
            foreign = site in ("cross-site", "same-site") and mode != "navigate"
        else:
            origins = headers.get("origin", ())
            foreign = site not in ("", "same-origin")
            foreign = foreign or any(not self._is_own_origin(one, host) for one in origins)
        if not foreign:
            return None
        return Refusal(
            HTTPStatus.FORBIDDEN,
            "Another website sent this request, so it was not carried out. Open the page itself "
            "and repeat it there.",
        )

    def _is_own_origin(self, origin: str, host: str) -> bool:
        if self.public and origin == self.public:
            return True
        try:
            return urlsplit(origin).netloc.lower() == host
        except ValueError:
            return False
