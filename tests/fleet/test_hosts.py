"""Hosts as real processes, in real time: killed, cut off, with wrong clocks, of two versions."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from almaflow.clock import SystemClock
from almaflow.outcome import Status
from almaflow.plan import make_plan
from almaflow.settings import find_project
from almaflow.store.url import StoreUrl
from almaflow.waiting import WaitingKind
from almaflow.workflow_loader import load_workflow
from tests.fleet.cables import cable
from tests.fleet.hosts import Host, Place, wait_for
from tests.fleet.tcp_proxy import Network, State
from tests.kills import Yard, make_yard
from tests.postgres import PostgresServer

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL"),
]

# A host is dead after 20 s, so half a minute is not enough on a machine that has much else to do.
# The incidents prove the same with shorter times.
in_half_a_minute = pytest.mark.skipif(
    "ALMAFLOW_FLEET_HOSTS" not in os.environ,
    reason="counts half a minute: set ALMAFLOW_FLEET_HOSTS=1 on a machine that does nothing else",
)

# When every run of a dead host has to continue elsewhere (seconds).
RESCUED = 30

# When a host has to be at work, on a machine that has much else to do (seconds).
STARTED = 60

HOUR = timedelta(hours=1)

# For how long transactions are counted (seconds).
IDLE = 10


@dataclass
class Site:
    """A store, the Alma of its runs, and hosts that are started one by one."""

    yard: Yard
    network: Network
    hosts: dict[str, Host]
    doors: dict[str, int]

    def start(self, name: str, address: str = "127.0.0.1", **more: Any) -> Host:
        """Start a worker with a door of its own to the database, at *address*."""
        url = StoreUrl.parse(self.yard.store_url)
        door = self.network.door(f"{url.query['host']}/.s.PGSQL.5432", address)
        there = replace(url, host=address, port=door, query={})
        environment = {**self.yard.environment, "STORE": str(there)}
        self.hosts[name] = Host(Place(name, self.yard.folder, environment, **more))
        self.doors[name] = door
        return self.hosts[name]

    def add(self, steps: str, count: int = 1, **changes: Any) -> None:
        """Record runs of a workflow with these *steps*."""
        project = find_project(self.yard.folder)
        file = self.yard.folder / "nap.yaml"
        file.write_text(f"steps: {steps}", "utf-8")
        loaded, now = load_workflow(file, project, file.name), SystemClock().now()
        with self.yard.store() as store, store.batch():
            for number in range(count):
                run_id = f"nap-{now:%H%M%S%f}-{number}"
                plan = make_plan(loaded, project, {}, run_id=run_id, now=now)
                store.add_run(plan.definition, replace(plan.record(), **changes))

    def owners(self) -> list[str]:
        """Return the hosts that work on unfinished runs, one for each run; empty: none does."""
        with self.yard.store() as store:
            runs = store.runs(statuses=(Status.QUEUED, Status.RUNNING, Status.WAITING))
            found = [run.owner and store.process(run.owner) for run in runs]
        return [process.host if process else "" for process in found]

    def wait_for_owners(self, is_so: Callable[[list[str]], bool], patience: float) -> float:
        """Return after how many seconds something is so of the owners."""
        return wait_for(lambda: is_so(self.owners()), patience)


@pytest.fixture
def site(tmp_path: Path, postgres: PostgresServer) -> Iterator[Site]:
    with site_of(tmp_path, postgres) as made:
        yield made


@contextmanager
def site_of(folder: Path, postgres: PostgresServer, **scenario: Any) -> Iterator[Site]:
    """Open a site; *scenario* says how Alma is furnished."""
    with postgres.new_database() as url, make_yard(folder, url, shared=True, **scenario) as yard:
        site = Site(yard, Network(), {}, {})
        try:
            yield site
        finally:
            for host in site.hosts.values():
                host.process.kill()
            site.network.close()


@in_half_a_minute
def test_every_run_of_a_killed_host_continues_on_another_within_half_a_minute(site: Site) -> None:
    first = site.start("first")
    site.add("[{wait: 1h}]", 20)
    site.wait_for_owners(lambda owners: owners == ["first"] * 20, STARTED)
    site.start("second")

    first.end()

    site.wait_for_owners(lambda owners: owners == ["second"] * 20, RESCUED)


def test_the_database_idles_while_many_runs_wait(site: Site) -> None:
    count = 300
    site.start("only")
    site.add("[{wait: 1h}]", count)
    site.wait_for_owners(lambda owners: owners == ["only"] * count, STARTED)
    # The server counts what the test asked here, at the latest when its connection ends.
    site.yard.close()
    with psycopg.connect(site.yard.store_url, autocommit=True) as connection:
        # What began has been recorded.
        wait_for(lambda: transactions_in(connection, 2) < 6 * 2, STARTED)

        done = transactions_in(connection, IDLE)

    # Signs of life, and the search for the dead: the runs cost none.
    assert done < 6 * IDLE


def transactions_in(connection: psycopg.Connection[Any], seconds: int) -> int:
    """Return how many transactions the database completes in so many seconds."""
    query = (
        "SELECT pg_stat_clear_snapshot(), xact_commit + xact_rollback"
        " FROM pg_stat_database WHERE datname = current_database()"
    )
    counts = []
    for _ in range(2):
        row = connection.execute(query).fetchone()
        assert row is not None
        counts.append(int(row[1]))
        if len(counts) == 1:
            connection.execute("SELECT pg_sleep(%s)", (seconds,))
    return counts[1] - counts[0]


@in_half_a_minute
@pytest.mark.longest
def test_a_host_that_is_cut_off_for_a_minute_loses_its_runs_and_then_works_again(
    site: Site,
) -> None:
    first = site.start("first")

    cut_off_for_a_minute(
        site,
        lambda: site.network.set(site.doors["first"], State.SILENT),
        lambda: site.network.set(site.doors["first"], State.OPEN),
    )

    assert not first.has_ended


@in_half_a_minute
@pytest.mark.longest
def test_a_host_whose_cable_is_out_for_a_minute_loses_its_runs_and_then_works_again(
    site: Site,
) -> None:
    with cable() as wire:
        first = site.start("first", wire.address, network=wire.network)

        cut_off_for_a_minute(site, wire.pull, wire.plug_in)

        assert not first.has_ended


def cut_off_for_a_minute(site: Site, cut_off: Callable[[], None], join: Callable[[], None]) -> None:
    """Check that runs move from the first host to a second one, and in the end back again."""
    site.add("[{wait: 1h}]", 20)
    site.wait_for_owners(lambda owners: owners == ["first"] * 20, STARTED)
    second = site.start("second")

    cut_off()
    rescued = site.wait_for_owners(lambda owners: owners == ["second"] * 20, RESCUED)
    second.process.join(60 - rescued)
    join()
    second.end(signal.SIGTERM)

    # The one that was cut off has found that out, and takes all of them back.
    site.wait_for_owners(lambda owners: owners == ["first"] * 20, RESCUED)


def test_hosts_whose_clocks_are_hours_apart_keep_to_the_starts_of_an_hour(
    tmp_path: Path, postgres: PostgresServer
) -> None:
    limit = 5
    alma = {"starts_per_hour": limit, "calls_per_second": 10_000, "calls_per_minute": 600_000}
    jobs = [{"job": "*", "duration": "1s"}]
    with site_of(tmp_path, postgres, alma=alma, jobs=jobs) as site:
        sent = site.yard.alma.submissions
        settings = tmp_path / "almaflow.yaml"
        text = settings.read_text("utf-8")
        settings.write_text(text.replace("hour: 1000", f"hour: {limit}"), "utf-8")
        for name, off in (("right", timedelta()), ("fast", HOUR), ("slow", -HOUR)):
            site.start(name, clock_off=off)
            # Each does something.
            site.yard.record(3, at=["north"])
            wait_for(
                lambda: len(site.yard.alma.submissions()) == limit or not site.owners(), STARTED
            )

        def wait_for_the_hour() -> int:
            with site.yard.store() as store:
                waiting = [wait for run in store.runs() for wait in run.waits]
            return sum(one.kind is WaitingKind.SLOT for one in waiting)

        def warned() -> set[str]:
            return {name for name, host in site.hosts.items() if "clock is 1:00:00" in host.log()}

        wait_for(lambda: wait_for_the_hour() == 3 * 3 - limit)
        wait_for(lambda: warned() == {"fast", "slow"}, STARTED)

    assert len(sent()) == limit
    assert site.yard.over_limits == 0


def test_workers_of_two_versions_share_runs_and_the_older_one_leaves_newer_runs_alone(
    site: Site,
) -> None:
    site.start("older")
    site.add("[{wait: 1h}]", format=2)
    site.add("[{wait: 1h}]")
    site.wait_for_owners(lambda owners: sorted(owners) == ["", "older"], STARTED)

    site.start("newer", format=2)

    site.wait_for_owners(lambda owners: sorted(owners) == ["newer", "older"], 45)
    # A worker searches for such runs now and then.
    wait_for(lambda: "recorded by a newer almaflow" in site.hosts["older"].log(), 90)
    # The newer one brings what the older one recorded to its end, too.
    site.hosts["older"].end(signal.SIGTERM)
    site.wait_for_owners(lambda owners: owners == ["newer"] * 2, RESCUED)
