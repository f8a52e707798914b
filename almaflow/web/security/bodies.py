"""A bound on what a request brings: bytes, and the time until all of them are there."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

import anyio
from fastapi import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from almaflow.web.errors import refuse

MOST = 1024 * 1024
"""Bytes: a form with the inputs of a run is a few thousand."""
PATIENCE = 30.0
"""Seconds for the whole body."""


class _TooMuch(Exception):
    """A body is larger than allowed."""


class Bodies:
    """Reads the body of a request before *app* sees it, which it hands on immediately."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as *app* does, or that the body is too large or too slow."""
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD"):
            await self._app(scope, receive, send)
            return
        try:
            with anyio.fail_after(PATIENCE):
                body = await _body(receive)
        except _TooMuch:
            status, why = HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"is larger than {MOST:,} bytes"
        except TimeoutError:
            status, why = HTTPStatus.REQUEST_TIMEOUT, f"did not arrive within {PATIENCE:.0f} s"
        else:
            status, why = HTTPStatus.BAD_REQUEST, _fault(scope, body)
            if not why:
                await self._app(scope, _again(body, receive), send)
                return
        response = refuse(Request(scope), status, f"The body of the request {why}.")
        response.headers["connection"] = "close"
        await response(scope, receive, send)


async def _body(receive: Receive) -> bytes:
    """Return the whole body; Raises: _TooMuch."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            # The client has gone; whoever reads the body notices.
            return bytes(body)
        body += message.get("body", b"")
        if len(body) > MOST:
            raise _TooMuch
        if not message.get("more_body", False):
            return bytes(body)


class _Repeated(Exception):
    """A name is twice in an object."""


def _fault(scope: Scope, body: bytes) -> str:
    """Return what is wrong with a body, to follow its name; empty: it can be read."""
    if {b"content-length", b"transfer-encoding"} <= {name for name, _ in scope["headers"]}:
        # A proxy that goes by the other of the two sees another request in what follows.
        return "has two lengths: `Content-Length` and `Transfer-Encoding`"
    return _fault_of_json(body) if body and scope["path"].startswith("/api/") else ""


def _fault_of_json(body: bytes) -> str:
    def once_each(pairs: list[tuple[str, Any]]) -> None:
        # Readers differ in which of the values counts.
        if len(dict(pairs)) < len(pairs):
            raise _Repeated

    try:
        json.loads(body, object_pairs_hook=once_each)
    except _Repeated:
        return "has a name twice in one JSON object"
    except ValueError:
        return "is not valid JSON"
    except RecursionError:
        return "is nested too deeply"
    return ""


def _again(body: bytes, receive: Receive) -> Receive:
    """Return what gives the body once, and then what *receive* gives."""
    given = False

    async def give() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return give
