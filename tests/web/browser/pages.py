"""What is looked at: every page, and in which ways."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from almaflow.settings.serving import PageAddress
from almaflow.store import Store
from almaflow.web.server import PageServer
from tests.web.asked_alma import connect_alma
from tests.web.night import make_night
from tests.web.pages import NOW, HandClock, Site
from tests.web.played import play_nights

PAGES: Mapping[str, str] = {
    "today": "/",
    "runs": "/runs",
    "runs-failed": "/runs?state=failed",
    "run-failed": "/runs/{failed}",
    "run-waiting": "/runs/{person}",
    "run-played": "/runs/{played}",
    "run-compared": "/runs/{played}/compare",
    "workflows": "/workflows",
    "workflow": "/workflows/export-bibs",
    "calendar": "/calendar",
    "calendar-day": "/calendar?day=2026-11-07",
    "notices": "/notices",
    "jobs": "/jobs?text=export",
    "jobs-found": "/jobs?text=export+to",
    "approvals": "/approvals",
    "cancel": "/runs/{running}/cancel",
    "retry": "/runs/{failed}/retry",
    "pause": "/workflows/export-bibs/pause",
    "documentation": "/documentation",
    "handbook": "/documentation/pages/handbook",
    "recipe": "/documentation/pages/recycle-bin",
    "topic": "/documentation/language/submit_job",
    "api": "/documentation/api",
    "not-found": "/no-such-page",
}
"""Addresses by a name for pictures; `{failed}`, `{person}` and `{running}` are ids of runs."""

WIDTHS = (1280, 390)
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")

# Without these, Chromium speaks to hosts of its maker, and a root user cannot start it.
ARGUMENTS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    "--disable-dev-shm-usage",
)


@dataclass(frozen=True)
class Served:
    """A page over a socket, with a night that went wrong."""

    site: Site
    ids: Mapping[str, str]
    address: str
    """Scheme, host and port."""

    def url(self, address: str) -> str:
        """Return the whole address of an entry of `PAGES`."""
        return self.address + address.format(**self.ids)


@contextmanager
def served_night(
    folder: Path, make: Callable[[Site], Mapping[str, str] | None] = make_night
) -> Iterator[Served]:
    """Serve the page of a project in *folder* after a night; *make* records its runs."""
    clock, ids = HandClock(NOW), dict[str, str]()
    if make is make_night:
        # Playwright has an event loop in this thread.
        with ThreadPoolExecutor(1) as other:
            _, ids = other.submit(play_nights, folder).result()
    store = Store.open(f"sqlite:///{folder}/almaflow.db", clock=clock)
    site = Site(store, clock, folder)
    connect_alma(site)
    ids = {**ids, **(make(site) or {})}
    try:
        with served_site(site, ids) as served:
            yield served
    finally:
        store.close()


@contextmanager
def served_site(site: Site, ids: Mapping[str, str] | None = None) -> Iterator[Served]:
    """Serve a page over a socket."""
    server = PageServer(site.app, PageAddress("127.0.0.1", 0))
    server.start()
    try:
        yield Served(site, ids or {}, f"http://{server.address.netloc}")
    finally:
        server.stop()
