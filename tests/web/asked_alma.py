"""An Alma in this process for pages, which counts how often it is asked."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from almaflow.alma.simulator import Scenario
from almaflow.alma.wire import Job
from almaflow.cli import bootstrap
from almaflow.operations.alma_lists import AlmaLists, Profile
from almaflow.operations.alma_reading import OpenInstitution, PageReader
from tests.web.pages import Site

T = TypeVar("T")


@dataclass
class Counted:
    """An Alma in this process, and how often it was asked."""

    reader: PageReader
    asked: list[str | None] = field(default_factory=list)
    failing: Exception | None = None

    def ask(
        self, question: Callable[[OpenInstitution], Awaitable[T]], institution: str | None, /
    ) -> T:
        self.asked.append(institution)
        if self.failing is not None:
            raise self.failing
        return self.reader.ask(question, institution)


def connect_alma(site: Site, scenario: Scenario | None = None) -> Counted:
    """Let the page ask a simulated Alma."""
    simulation = bootstrap.Simulation.make(site.project, scenario or Scenario(), "production")
    counted = Counted(PageReader(lambda name: simulation.open_connection(name or "main")))
    site.app.state.context = replace(site.context, alma=counted)
    site.app.state.lists = AlmaLists(counted, site.clock)
    return counted


def list_in_alma(site: Site, jobs: Sequence[Job], profiles: Sequence[Profile]) -> None:
    """Let Alma have these jobs and profiles."""

    class Listed:
        def ask(self, question: Any, institution: str | None, /) -> Any:
            return list(jobs) if question.__name__ == "read_jobs" else list(profiles)

    site.app.state.lists = AlmaLists(Listed(), site.clock)
