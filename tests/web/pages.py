"""A page for tests: a project in a folder, a store, a clock that stands, and a client."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from almaflow.cli.run_preview import preview
from almaflow.settings import Project, Settings
from almaflow.store import Store
from almaflow.web.app import build_app
from almaflow.web.context import Health, WebContext
from almaflow.web.security.border import make_gate
from almaflow.web.security.people import Person, person_here

NOW = datetime(2026, 11, 3, 7, 30, tzinfo=UTC)
"""08:30 in Zurich."""
ADDRESS = "http://127.0.0.1:8480"

SETTINGS: Any = {
    "timezone": "Europe/Zurich",
    "institutions": {"main": {"region": "eu", "api_key": "env:NO_SUCH_KEY"}},
}


@dataclass
class HandClock:
    """A clock that a test moves by hand; requests run in event loops of their own."""

    at: datetime

    def now(self) -> datetime:
        return self.at

    def elapsed(self) -> float:
        return self.at.timestamp()

    def advance(self, time: timedelta) -> None:
        """Let time pass."""
        self.at += time

    async def sleep_until(self, instant: datetime) -> None:
        self.at = max(self.at, instant)


@dataclass
class Site:
    """The page of a project, and what is behind it."""

    store: Store
    clock: HandClock
    folder: Path
    settings: Any = None
    person: Person = field(default_factory=lambda: person_here("anna"))
    logged: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        settings = Settings.model_validate(self.settings or SETTINGS)
        self.project = Project(self.folder, settings, None)
        self.context = WebContext(
            store=self.store,
            clock=self.clock,
            project=lambda: self.project,
            version="1.2.3",
            health=lambda: Health(leading=True, alive=True),
            preview=preview,
            log=lambda text, level="info", **data: self.logged.append(text),
        )
        address = self.project.settings.serving.page_address
        assert address is not None
        gate = make_gate(self.project, address, self.clock, key=b"k" * 32, here=self.person)
        self.app = build_app(self.context, gate)
        self.client = self.browser()

    def browser(self, headers: Sequence[tuple[str, str]] = ()) -> TestClient:
        """Return another client of the page."""
        client = TestClient(
            self.app, base_url=ADDRESS, follow_redirects=False, raise_server_exceptions=False
        )
        client.headers.update(dict(headers))
        return client


def site_in(folder: Path, **more: Any) -> Site:
    """Return the page of a new project whose store is in memory."""
    clock = HandClock(more.pop("now", NOW))
    return Site(Store.open("sqlite://", clock=clock), clock, folder, **more)


def page(site: Site, address: str, status: int = 200) -> str:
    """Return the page at *address*, which is answered with *status*."""
    response = site.client.get(address)
    assert response.status_code == status
    return str(response.text)
