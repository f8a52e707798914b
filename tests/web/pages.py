"""A page for tests: a project in a folder, a store, a clock that stands, and a client."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from almaflow.settings import Project, Settings
from almaflow.store import Store
from almaflow.virtual_time import VirtualClock
from almaflow.web.app import build_app
from almaflow.web.context import Health, WebContext
from almaflow.web.security.people import Person, person_here

NOW = datetime(2026, 11, 3, 7, 30, tzinfo=UTC)
"""08:30 in Zurich."""
ADDRESS = "http://127.0.0.1:8480"

SETTINGS: Any = {
    "timezone": "Europe/Zurich",
    "institutions": {"main": {"region": "eu", "api_key": "env:NO_SUCH_KEY"}},
}


@dataclass
class Site:
    """The page of a project, and what is behind it."""

    store: Store
    clock: VirtualClock
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
            log=lambda text, level="info", **data: self.logged.append(text),
        )
        self.app = build_app(self.context, self.person)
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
    clock = VirtualClock(more.pop("now", NOW))
    return Site(Store.open("sqlite://", clock=clock), clock, folder, **more)
