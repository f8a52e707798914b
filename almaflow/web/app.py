"""The application: rings around every request, pages, static files, and refusals."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from fastapi import APIRouter, FastAPI, Request
from starlette.datastructures import MutableHeaders
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from almaflow.operations.alma_lists import AlmaLists
from almaflow.operations.catalog import Catalog
from almaflow.operations.revisions import Histories
from almaflow.web import live, webhook
from almaflow.web.api import alma, runs, service, timetables
from almaflow.web.api import run_actions as run_actions_api
from almaflow.web.api import timetable_actions as timetable_actions_api
from almaflow.web.api.answers import REFUSALS
from almaflow.web.context import WebContext
from almaflow.web.errors import add_error_pages, answer_defect
from almaflow.web.live import Live, Pages
from almaflow.web.pages import (
    api_reference,
    approvals,
    calendar,
    documentation,
    jobs,
    login,
    notices,
    resolve,
    retry,
    run_actions,
    run_compare,
    run_list,
    run_page,
    start,
    timetable_actions,
    today,
    workflows,
)
from almaflow.web.rendering import NAVIGATION, STATIC
from almaflow.web.security.bodies import Bodies
from almaflow.web.security.border import Border, Gate

ROUTERS: Sequence[APIRouter] = (
    today.router,
    run_list.router,
    run_page.router,
    run_compare.router,
    workflows.router,
    calendar.router,
    documentation.router,
    notices.router,
    jobs.router,
    login.router,
    approvals.router,
    run_actions.router,
    retry.router,
    resolve.router,
    start.router,
    timetable_actions.router,
    api_reference.router,
)
"""Every page; a new one is one more line here."""

API_ROUTERS: Sequence[APIRouter] = (
    runs.router,
    timetables.router,
    service.router,
    alma.router,
    run_actions_api.router,
    timetable_actions_api.router,
)
"""Every route of the API."""


def build_app(context: WebContext, gate: Gate) -> FastAPI:
    """Return the application; *gate* decides who may use it."""
    app = FastAPI(
        title="almaflow",
        version=context.version,
        # FastAPI's own pages of documentation load scripts from elsewhere.
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/openapi.json",
    )
    app.state.context, app.state.gate = context, gate
    app.state.live, app.state.pages = Live(context.store), Pages()
    app.state.catalog = Catalog(context.store, context.clock)
    app.state.histories = Histories(context.clock)
    app.state.lists = AlmaLists(context.alma, context.clock)
    add_error_pages(app)
    app.router.routes.extend(_all_routes().routes)
    app.mount("/static", Assets(), name="static")
    addresses = {getattr(one, "path", "") for router in ROUTERS for one in router.routes}
    app.state.navigation = [entry for entry in NAVIGATION if entry.address in addresses]
    # The last one added is the outermost.
    app.add_middleware(Bodies)
    app.add_middleware(Border, gate=gate)
    app.add_middleware(Defects)
    app.add_middleware(Headers)
    return app


@cache
def _all_routes() -> APIRouter:
    """Return all routes; what FastAPI makes of their types takes it 200 ms, so it is made once."""
    every = APIRouter()
    for router in (*ROUTERS, live.router):
        every.include_router(router, include_in_schema=False)
    for router in API_ROUTERS:
        every.include_router(router, prefix="/api", responses=REFUSALS)
    every.include_router(webhook.router, include_in_schema=False)
    return every


class Defects:
    """Answers with a page when a handler fails; starlette would print a traceback."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as *app* does, or that it failed."""
        began = False

        async def note_begin(message: Message) -> None:
            nonlocal began
            began = began or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, note_begin)
        except Exception as error:
            if scope["type"] != "http" or began:
                raise
            response = answer_defect(Request(scope, receive), error)
            await response(scope, receive, send)


# An address with `?v=` changes with the content, so a browser need never ask again.
_FOR_GOOD = "public, max-age=31536000, immutable"
_A_WHILE = "public, max-age=300"


class Assets(StaticFiles):
    """Serves the folder `static`."""

    def __init__(self) -> None:
        super().__init__(directory=STATIC)

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Return a file, with how long browsers may keep it."""
        response = await super().get_response(path, scope)
        versioned = scope["query_string"].startswith(b"v=")
        response.headers["cache-control"] = _FOR_GOOD if versioned else _A_WHILE
        return response


POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

_ALWAYS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
# What a page shows belongs to the person who asked; only static files say otherwise.
_PRIVATE = "no-store"


class Headers:
    """Adds the headers to every response of *app*."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as *app* does, with the headers."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _ALWAYS.items():
                    headers[name] = value
                headers.setdefault("cache-control", _PRIVATE)
            await send(message)

        await self._app(scope, receive, send_with_headers)
