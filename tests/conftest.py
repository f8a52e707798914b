"""What tests of several rooms share."""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Generator, Iterator
from pathlib import Path

import hypothesis
import pytest

from tests.examples import examples
from tests.made_stores import copy_stores
from tests.postgres import PostgresServer, running_server

STORE = Path(__file__).parent / "store"

# How long an example takes depends on what else the machine does; speed is the bench's concern.
hypothesis.settings.register_profile("almaflow", deadline=None, max_examples=examples(40))
hypothesis.settings.load_profile("almaflow")


# Importing all tests makes millions of objects that stay; searching them for garbage meanwhile
# takes a fifth of the time.
gc.disable()

# Processes that tests start would compile every module again and again.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False


def pytest_xdist_auto_num_workers() -> int:
    """Return how many processes share the cores: some tests wait for processes of their own."""
    return max(1, (os.cpu_count() or 1) * 3 // 2)


@pytest.hookimpl(tryfirst=True, wrapper=True)
def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> Generator[None, object, object]:
    """Mark tests slow that need PostgreSQL, and begin with the longest ones of those selected.

    The ordinary tests of the store use SQLite. Those marked `quick` are ordinary all the same: what
    they test is not there without PostgreSQL.
    """
    for item in items:
        needs_postgres = "postgres" in getattr(item, "fixturenames", ())
        if needs_postgres and item.get_closest_marker("quick") is None:
            item.add_marker(pytest.mark.slow)
    result = yield
    items[:] = spread_longest(items, getattr(config, "workerinput", {}).get("workercount", 1))
    return result


def spread_longest(items: list[pytest.Item], processes: int) -> list[pytest.Item]:
    """Return *items* with some of the longest at the beginning of each process's share.

    pytest-xdist gives each of the *processes* an equal share, in this order, and lets one that has
    finished take over the end of another's share (`--dist worksteal`).
    """
    longest = [item for item in items if item.get_closest_marker("longest")]
    others = [item for item in items if not item.get_closest_marker("longest")]
    spread: list[pytest.Item] = []
    for number in range(processes):
        share = (len(items) - len(spread)) // (processes - number)
        first = longest[number::processes]
        rest = max(share - len(first), 0)
        spread += [*first, *others[:rest]]
        del others[:rest]
    return spread + others


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Leave what is there before the first test to no garbage collection.

    Those are millions of objects, at which each one would look. Nearly all of them are in use, so
    they are not searched for garbage before either.
    """
    gc.freeze()
    # A test makes hundreds of thousands of objects; Python's 700 searches them all too often.
    gc.set_threshold(20_000, 20, 20)
    gc.enable()


@pytest.fixture(scope="session", autouse=True)
def signals_end_processes() -> None:
    """Let signals have their usual meaning, also where tests start with `nohup` or in background.

    A shell lets what it starts in the background ignore Ctrl-C, and `nohup` SIGHUP.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    hangup = getattr(signal, "SIGHUP", None)
    if hangup is not None and signal.getsignal(hangup) is signal.SIG_IGN:
        signal.signal(hangup, signal.SIG_DFL)


@pytest.fixture(autouse=True)
def made_before(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Copy the tables of new stores but in the tests of the store."""
    if STORE not in request.path.parents:
        copy_stores(monkeypatch)


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server, started once, by the first test that wants it."""
    with running_server() as server:
        yield server


@pytest.fixture
def postgres_url(postgres: PostgresServer) -> Iterator[str]:
    """A new store in PostgreSQL."""
    with postgres.new_database() as url:
        yield url
