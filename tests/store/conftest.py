"""A store in a file, a clock moved by hand, and runs to put into it."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from almaflow.store import Claim, RunRecord, Store
from tests.store.others import Rival

# This machine, as processes name it.
HOST = platform.node()

NOON = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)


class ManualClock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.instant = NOON
        self.passed = 0.0

    def now(self) -> datetime:
        return self.instant

    def elapsed(self) -> float:
        return self.passed

    def move(self, seconds: float) -> None:
        """Let time pass."""
        self.instant += timedelta(seconds=seconds)
        self.passed += seconds

    def set(self, **difference: float) -> None:
        """Set the time of day forward, or back, as people do; no time passes."""
        self.instant += timedelta(**difference)

    async def sleep_until(self, instant: datetime) -> None:
        self.move(max(0.0, (instant - self.instant).total_seconds()))


def make_record(number: int = 1, **fields: Any) -> RunRecord:
    """Return a run that differs from those with other numbers."""
    defaults: dict[str, Any] = {
        "id": f"20261101-120000-aaa{number:02}",
        "workflow": "withdraw",
        "key": f"withdraw/manual/{number}",
        "requested_at": NOON,
        "scheduled_at": NOON,
    }
    return RunRecord(**(defaults | fields))


def claimed(store: Store, number: int = 1) -> Claim:
    """Record a run and claim it for a new process."""
    process = store.enter_process(HOST, 100 + number, "0.1.0")
    run = store.add_run({"workflow": "steps: []"}, make_record(number))
    return store.claim_run(run.id, process.id)


def open_and_add(url: str, number: int) -> None:
    """Be a process that opens the store and records a run."""
    store = Store.open(url, clock=ManualClock())
    store.add_run({}, make_record(number))
    store.close()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "almaflow.db"


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.slow)])
def store_url(request: pytest.FixtureRequest, file: Path) -> str:
    """The address of a new store, of each kind in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{file}"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
def open_store(store_url: str, clock: ManualClock) -> Iterator[Callable[..., Store]]:
    """Open the store of this test, as often as wanted; all are closed at the end."""
    opened: list[Store] = []

    def open_(url: str = store_url, **options: Any) -> Store:
        opened.append(Store.open(url, clock=clock, **options))
        return opened[-1]

    yield open_
    for store in opened:
        store.close()


@pytest.fixture
def store(open_store: Callable[..., Store]) -> Store:
    return open_store()


@pytest.fixture
def rival(store_url: str) -> Rival:
    """Somebody else who uses the store of this test."""
    return Rival(store_url)
