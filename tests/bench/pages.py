"""What the pages and the routes of the API cost with 10,000 runs of 100 workflows."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from tests.bench.figures import Figure, NotMeasured
from tests.bench.nights import Nights, make_nights
from tests.postgres import running_server
from tests.web.asked_alma import connect_alma
from tests.web.pages import NOW, HandClock, Site

# The bound of issue 12 (seconds).
BOUND = 0.1

API: Sequence[str] = (
    "/api/runs",
    "/api/runs?limit=200",
    "/api/runs?workflow=workflow-007",
    "/api/runs?status=failed&since=30d",
    "/api/runs?cursor={old}",
    "/api/runs/{run}",
    "/api/runs/{run}/log",
    "/api/why/{run}",
    "/api/why/workflow-007",
    "/api/next?limit=100",
    "/api/ticks?limit=200",
    "/api/ticks?workflow=workflow-007&ending=missed",
    "/api/workflows",
    "/api/workers",
    "/api/health",
)
PAGES: Sequence[str] = (
    "/",
    "/runs",
    "/runs?state=failed",
    "/runs/{run}",
    "/runs/{run}/compare",
    "/jobs",
    "/jobs?text=export",
    "/workflows",
    "/workflows/workflow-007",
    "/calendar",
    "/notices",
    "/approvals",
)
"""What is measured; `{run}` is the last run that failed, `{old}` one in the middle."""


def addresses(nights: Nights) -> list[str]:
    """Return what is asked for."""
    old = nights.store.runs(5000)[-1].id
    return [one.format(run=nights.failed, old=old) for one in (*PAGES, *API)]


def pages(folder: Path, repeat: int) -> Iterator[Figure]:
    """Every page and route, on SQLite and, where it is installed, on PostgreSQL."""
    folder.joinpath("sqlite").mkdir()
    yield from _measured(make_nights(folder / "sqlite"), repeat, "SQLite")
    with _postgres_url() as url:
        folder.joinpath("postgres").mkdir()
        yield from _measured(make_nights(folder / "postgres", url=url), repeat, "PostgreSQL")


def _measured(nights: Nights, repeat: int, store: str) -> Iterator[Figure]:
    site = Site(nights.store, HandClock(NOW), nights.project.folder)
    connect_alma(site)
    for address in addresses(nights):
        median = _median(site, address, max(repeat, 5))
        yield Figure(f"{address}, {store}", median, at_most=BOUND, bound="100 ms")
    nights.store.close()


def _median(site: Site, address: str, repeat: int) -> float:
    durations = []
    for number in range(repeat + 1):
        # A page that was rendered less than 15 seconds ago would be shown again.
        site.clock.advance(timedelta(seconds=16))
        began = time.perf_counter()
        response = site.client.get(address)
        if number:
            # The first one reads the workflow files and opens connections.
            durations.append(time.perf_counter() - began)
        assert response.status_code == 200, (address, response.text)
    return statistics.median(durations)


@contextmanager
def _postgres_url() -> Iterator[str]:
    with ExitStack() as stack:
        try:
            server = stack.enter_context(running_server())
        except pytest.skip.Exception as error:
            raise NotMeasured(str(error)) from error
        yield stack.enter_context(server.new_database())
