"""Live views: browsers are informed that something changed, and fetch their part of a page again.

    poller      one task a process, only while a browser listens: asks the store once a second
                whether something happened that pages show (`overview.version`)
    /live       server-sent events: `changed` for every browser that listens; it names the version
                that it shows, so it hears too of what happened before it listened
    htmx        fetches the fragment that the page shows again (`hx-trigger="sse:changed"`)
    cached      a page or fragment is rendered once for each version of the store, for everyone

A browser that goes away is noticed when its connection ends, and forgotten.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from dataclasses import field
from http import HTTPStatus
from threading import Lock
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from almaflow.errors import StoreError
from almaflow.late_dataclasses import dataclass
from almaflow.settings import Project
from almaflow.store import Store, overview
from almaflow.web.context import Context, context_of
from almaflow.web.errors import refuse

MOST_LISTENERS = 100
"""Browsers that are informed at a time; others reload every minute."""
POLL = 1.0
"""Seconds between two questions to the store."""
# Fewer events for many browsers: each of them fetches a page after an event (per second).
_FETCHES = 10
# Seconds after which a silent connection gets a comment, so that proxies keep it open.
_KEEP_OPEN = 20.0
# Rendered pages that are kept, and characters of one.
_KEPT, _LARGEST = 64, 512 * 1024
# Characters of a version: some numbers.
_LONGEST_VERSION = 200

router = APIRouter()


@dataclass(eq=False)
class Listener:
    """A browser that listens."""

    version: str | None
    """That of the store when its page was made, or when it was last informed; None: not known."""
    changed: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass
class Live:
    """The browsers that listen, and the task that polls for them; used in the server's loop."""

    store: Store
    listeners: set[Listener] = field(default_factory=set)
    task: asyncio.Task[None] | None = None

    def listen(self, version: str | None) -> Listener:
        """Return what is set when the store has another version than this, or than now."""
        listener = Listener(version)
        self.listeners.add(listener)
        if self.task is None or self.task.done():
            self.task = asyncio.get_running_loop().create_task(self._poll())
        return listener

    def forget(self, listener: Listener) -> None:
        """Forget a browser that is gone; the poller ends with the last one."""
        self.listeners.discard(listener)

    async def _poll(self) -> None:
        while self.listeners:
            version = await self.version()
            for listener in self.listeners:
                if listener.version not in (None, version):
                    listener.changed.set()
                listener.version = version
            await asyncio.sleep(max(POLL, len(self.listeners) / _FETCHES))

    async def version(self) -> str:
        """Return the present version of the store; empty when it does not answer."""
        try:
            return await run_in_threadpool(store_version, self.store)
        except StoreError:
            # Pages say what is wrong; they are fetched again when the store answers.
            return ""


def store_version(store: Store) -> str:
    """Return a text that changes when something happens; Raises: StoreError."""
    with store.read() as tx:
        return overview.version(tx)


@router.get("/live")
async def live(
    request: Request,
    context: Context,
    since: Annotated[str | None, Query(max_length=_LONGEST_VERSION)] = None,
) -> Response:
    """Send an event whenever something changed, also if it did after the version *since*."""
    listening: Live = request.app.state.live
    if len(listening.listeners) >= MOST_LISTENERS:
        # EventSource gives up after any status but 200; the page is fetched every minute then.
        return refuse(request, HTTPStatus.SERVICE_UNAVAILABLE, "Too many live views are open.")
    return _LiveView(listening, since)


class _LiveView(StreamingResponse):
    """Events until the connection ends. It counts as a live view from its beginning."""

    def __init__(self, listening: Live, since: str | None) -> None:
        self._listening, self._listener = listening, listening.listen(since)
        super().__init__(_events(self._listener.changed), media_type="text/event-stream")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the events, and forget the browser when it has gone."""
        try:
            if self._listener.version is None:
                self._listener.version = await self._listening.version()
            await super().__call__(scope, receive, send)
        finally:
            self._listening.forget(self._listener)


async def _events(changed: asyncio.Event) -> AsyncIterator[str]:
    yield "retry: 5000\n\n"
    while True:
        try:
            async with asyncio.timeout(_KEEP_OPEN):
                await changed.wait()
        except TimeoutError:
            yield ": still here\n\n"
        else:
            changed.clear()
            yield "event: changed\ndata: 1\n\n"


class Pages:
    """Rendered pages, by what they depend on; safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._kept: OrderedDict[tuple[object, ...], Response] = OrderedDict()
        self._project: Project | None = None

    def get(
        self, project: Project, key: tuple[object, ...], render: Callable[[], Response]
    ) -> Response:
        """Return the page for *key*, rendered once. Others wait meanwhile: they want the same."""
        with self._lock:
            if project is not self._project:
                # almaflow.yaml was read again.
                self._project = project
                self._kept.clear()
            if key not in self._kept:
                page = render()
                if page.status_code != HTTPStatus.OK or len(page.body) > _LARGEST:
                    return page
                self._kept[key] = page
                if len(self._kept) > _KEPT:
                    self._kept.popitem(last=False)
            self._kept.move_to_end(key)
            page = self._kept[key]
        # A response belongs to one request: middleware adds headers to it.
        return Response(page.body, page.status_code, media_type=page.media_type)


def cached(request: Request, render: Callable[[], Response]) -> Response:
    """Return a page that is the same for everyone with the same rights, until something happens.

    It is rendered again at least every 15 seconds, because it shows how long something lasts.
    Raises: StoreError.
    """
    context = context_of(request)
    person = request.state.person
    pages: Pages = request.app.state.pages
    version = request.state.version = store_version(context.store)
    key = (
        request.url.path,
        request.url.query,
        "hx-request" in request.headers,
        person,
        int(context.clock.elapsed() // 15),
        version,
    )
    return pages.get(context.project(), key, render)
