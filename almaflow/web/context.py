"""What the page works with, and how a handler gets at it.

@router.get("/runs")
def runs(request: Request, context: Context, who: Who) -> Response: ...
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import field
from datetime import datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import Depends, Request

from almaflow.clock import Clock
from almaflow.engine.log import Log, no_log
from almaflow.late_dataclasses import dataclass
from almaflow.operations.alma_lists import AlmaLists
from almaflow.operations.alma_reading import AlmaReader, NoAlma
from almaflow.operations.catalog import Catalog
from almaflow.operations.previews import Previewer, no_preview
from almaflow.operations.revisions import Histories
from almaflow.redaction import NO_SECRETS, Mask
from almaflow.settings import Project
from almaflow.store import Store
from almaflow.web.security.people import Person


@dataclass(frozen=True)
class Health:
    """The state of the scheduler that this page belongs to."""

    leading: bool
    """Whether this process keeps the timetables; otherwise another one does, or none."""
    alive: bool
    """Whether it checked them recently."""


@dataclass(frozen=True)
class WebContext:
    """What every page needs. *store* is a separate connection, not that of the scheduler."""

    store: Store
    clock: Clock
    project: Callable[[], Project]
    """The settings as they are active now."""
    version: str
    health: Callable[[], Health] = lambda: Health(leading=False, alive=False)
    remaining_calls: Callable[[], Mapping[str, int]] = dict
    """By institution, the calls left for this day, where Alma reported them."""
    alma: AlmaReader = field(default_factory=NoAlma)
    """Asks Alma, from any thread."""
    chance: random.Random = field(default_factory=random.Random)
    """For what nobody may guess: a random source of the system."""
    wake: Callable[[], None] = lambda: None
    """Lets the scheduler look for work now, after a person asked for some; from any thread."""
    preview: Previewer = no_preview
    """Plays a run on the simulated Alma, from any thread."""
    log: Log = no_log
    mask: Mask = NO_SECRETS

    @property
    def zone(self) -> ZoneInfo:
        """The project's time zone, in which people read instants."""
        return ZoneInfo(self.project().settings.timezone)

    @property
    def now(self) -> datetime:
        """The present instant (aware, UTC)."""
        return self.clock.now()


def context_of(request: Request) -> WebContext:
    """Return what the app was built with."""
    context: WebContext = request.app.state.context
    return context


def catalog_of(request: Request) -> Catalog:
    """Return the workflows of the project; they are read again when their files change."""
    catalog: Catalog = request.app.state.catalog
    return catalog


def person_of(request: Request) -> Person:
    """Return who asks; the border (`security`) has decided it."""
    person: Person = request.state.person
    return person


def _of_app(name: str) -> Any:
    def find(request: Request) -> Any:
        return getattr(request.app.state, name)

    return Depends(find)


# The parameters of a handler that receive …
Context = Annotated[WebContext, Depends(context_of)]
"""… the `WebContext`."""
Workflows = Annotated[Catalog, Depends(catalog_of)]
"""… the workflows of the project."""
Lists = Annotated[AlmaLists, _of_app("lists")]
"""… the lists of Alma, some minutes old at most."""
FileHistories = Annotated[Histories, _of_app("histories")]
"""… the revisions of files, some seconds old at most."""
Who = Annotated[Person, Depends(person_of)]
"""… the person who asks."""
