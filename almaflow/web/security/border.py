"""The border: which request comes in, who asks, and whether their role allows it.

It is one ring around every page, so no handler can forget it. A request that changes something
(any method but GET, HEAD and OPTIONS) needs the role *operate*.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from ipaddress import ip_address
from urllib.parse import quote

from fastapi import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from almaflow.clock import Clock
from almaflow.late_dataclasses import dataclass
from almaflow.loopback import is_loopback
from almaflow.settings import Project
from almaflow.settings.serving import PageAddress
from almaflow.web.context import context_of
from almaflow.web.errors import refuse
from almaflow.web.personal_data import HIDING, SHOWN, PersonalData, rule_of
from almaflow.web.rendering import render
from almaflow.web.security.access import Access, access_to
from almaflow.web.security.attempts import Attempts
from almaflow.web.security.hosts import SAFE, HostRules
from almaflow.web.security.people import Person
from almaflow.web.security.sessions import Sessions

LOGIN = "/login"
LOGOUT = "/logout"
# What needs no person: the login itself, what it looks like, and calls that carry a signature.
_OPEN = (LOGIN, "/static/", "/webhook/")


@dataclass(frozen=True)
class Gate:
    """All that the border decides by."""

    access: Access
    hosts: HostRules
    sessions: Sessions
    attempts: Attempts

    def peer(self, request: Request) -> str:
        """Return the address that a request comes from, behind the proxy that of its client."""
        peer = request.client.host if request.client is not None else ""
        if not self.access.is_proxy(peer):
            return peer
        # The last entry of the last header is the one that our proxy has added; those before it
        # are what the client wrote.
        forwarded = ",".join(request.headers.getlist("x-forwarded-for")).rpartition(",")[2]
        return _address_in(forwarded.strip()) or peer


def make_gate(
    project: Project, address: PageAddress, clock: Clock, *, key: bytes, here: Person
) -> Gate:
    """Return what decides at the border of a page at *address*.

    *key* signs sessions; *here* is who uses a page without a login. Raises: RequestWrong.
    """
    serving = project.settings.serving
    access = access_to(project, address, here)
    public = serving.url or ""
    return Gate(
        access,
        HostRules(is_loopback(address.host), public, login=access.here is None),
        Sessions(key, secure=public.startswith("https:")),
        Attempts(clock),
    )


def _address_in(forwarded: str) -> str:
    """Return the address of an entry, which some proxies write with its port; empty: none."""
    bracketed = re.fullmatch(r"\[(.*)\](?::\d+)?|([\d.]+):\d+", forwarded, re.ASCII)
    address = (bracketed[1] or bracketed[2] or "") if bracketed else forwarded
    try:
        return str(ip_address(address))
    except ValueError:
        return ""


class Border:
    """Lets a request in to *app*, or answers it."""

    def __init__(self, app: ASGIApp, gate: Gate) -> None:
        self._app = app
        self._gate = gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as *app* does for the person who asks, or refuse."""
        if scope["type"] != "http":
            # Other kinds, such as websockets, are not served.
            return
        request = Request(scope)
        answer = self._check(request)
        HIDING.set(_hiding(request))
        await (self._app if answer is None else answer)(scope, receive, send)

    def _check(self, request: Request) -> Response | None:
        refusal = self._gate.hosts.refusal(request.method, _headers(request))
        if refusal is not None:
            return refuse(request, refusal.status, refusal.sentence)
        token = _bearer(request)
        if token is not None:
            return self._of_token(request, token)
        person = self._person(request)
        request.state.person = person
        if request.url.path.startswith(_OPEN):
            return None
        if person is None:
            return self._unknown(request)
        return _not_allowed(request, person)

    def _of_token(self, request: Request, token: str) -> Response | None:
        """Let in a program with a token; guessing is bounded."""
        attempts, peer = self._gate.attempts, self._gate.peer(request)
        seconds = attempts.wait(peer)
        if seconds:
            return too_many(request, seconds)
        person = request.state.person = self._gate.access.of_token(token)
        if person is None:
            attempts.begin(peer)
            answer = refuse(request, HTTPStatus.UNAUTHORIZED, "This token is not valid.")
            answer.headers["www-authenticate"] = "Bearer"
            return answer
        return _not_allowed(request, person)

    def _person(self, request: Request) -> Person | None:
        gate = self._gate
        if gate.access.here is not None:
            return gate.access.here
        if gate.access.proxy is not None:
            peer = request.client.host if request.client is not None else ""
            named = request.headers.getlist(gate.access.proxy.header)
            if (person := gate.access.of_proxy(peer, named)) is not None:
                return person
        cookie = request.cookies.get(gate.sessions.cookie)
        if cookie is None:
            return None
        return gate.sessions.person(cookie, gate.access, context_of(request).now)

    def _unknown(self, request: Request) -> Response:
        """Answer a request of which it is not known who asks."""
        if request.url.path.startswith("/api/"):
            answer = refuse(
                request,
                HTTPStatus.UNAUTHORIZED,
                "This needs a token. Send it as `Authorization: Bearer …`.",
            )
            answer.headers["www-authenticate"] = "Bearer"
            return answer
        if not self._gate.access.users:
            return refuse(
                request,
                HTTPStatus.FORBIDDEN,
                "The proxy in front of this page did not name you. Open the page through it.",
            )
        if request.headers.get("sec-fetch-site") == "cross-site" and request.method == "GET":
            # The browser keeps the cookie to itself when a link elsewhere led here; asked once more
            # by a page of ours, it sends it.
            return render(request, "once_more.html", target=inside(_target(request)))
        target = quote(_target(request), safe="")
        address = f"{LOGIN}?next={target}" if request.method == "GET" else LOGIN
        if "hx-request" in request.headers:
            return Response(status_code=HTTPStatus.UNAUTHORIZED, headers={"hx-redirect": LOGIN})
        return RedirectResponse(address, HTTPStatus.SEE_OTHER)


# Pages that show nothing but what almaflow itself says, such as what `set_members` does.
_OWN_TEXTS = "/documentation"


def _hiding(request: Request) -> PersonalData | None:
    """Return the rule about personal data for a request; None when everything is shown."""
    if request.url.path.startswith(_OWN_TEXTS):
        return None
    person: Person | None = getattr(request.state, "person", None)
    # A program that acts needs the values; a page shows them when a person asks for them.
    wants = request.url.path.startswith("/api/") or request.query_params.get(SHOWN) == "shown"
    if wants and person is not None and person.may_operate:
        return None
    personal_data = context_of(request).project().settings.serving.personal_data
    return rule_of(tuple(personal_data.hide), tuple(personal_data.show))


def too_many(request: Request, seconds: int) -> Response:
    """Return the answer to someone who has guessed too often."""
    answer = refuse(
        request,
        HTTPStatus.TOO_MANY_REQUESTS,
        f"There were too many failed attempts. Try again in {max(1, round(seconds / 60))} min.",
    )
    answer.headers["retry-after"] = str(seconds)
    return answer


def _not_allowed(request: Request, person: Person) -> Response | None:
    if request.method in SAFE or person.may_operate or request.url.path == LOGOUT:
        return None
    return refuse(request, HTTPStatus.FORBIDDEN, person.may_only_read)


def _target(request: Request) -> str:
    return request.url.path + (f"?{request.url.query}" if request.url.query else "")


def inside(address: str) -> str:
    r"""Return an address of this page; the first page when it leads elsewhere.

    Browsers read `//host`, `/\host` and `/<tab>/host` as other hosts.
    """
    plain = address.isprintable() and address.startswith("/") and "\\" not in address
    return address if plain and not address.startswith("//") else "/"


def _headers(request: Request) -> Mapping[str, Sequence[str]]:
    headers: dict[str, list[str]] = {}
    for name, value in request.headers.items():
        headers.setdefault(name, []).append(value)
    return headers


def _bearer(request: Request) -> str | None:
    """Return the token of a request; None when it has none."""
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else None
