"""Two real processes on one store: what both want is done once; who stood still does nothing."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from almaflow.outcome import Status
from almaflow.store import JournalEntry
from tests.kills import Yard, make_yard
from tests.workers import Worker, wait_for

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGSTOP"),
]

# So short that no test waits long, so long that a busy machine keeps it.
LEASE = timedelta(seconds=2)

Work = Callable[..., Worker]


@pytest.fixture(params=["sqlite", "postgres"])
def open_yard(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[..., Yard]]:
    """Open a yard whose store is of the kind that is tested."""
    url = "sqlite:///almaflow.db"
    if request.param == "postgres":
        url = request.getfixturevalue("postgres_url")
    with ExitStack() as stack:
        yield lambda **scenario: stack.enter_context(make_yard(tmp_path, url, **scenario))


@contextmanager
def working(yard: Yard, **more: Any) -> Iterator[Worker]:
    """Let a process watch for runs, and end it."""
    worker = yard.worker(watch=True, lease=LEASE, **more)
    try:
        yield worker
    finally:
        worker.kill()


def done(yard: Yard) -> bool:
    return yard.unfinished() == 0


def journal(yard: Yard, run_id: str) -> list[JournalEntry]:
    with yard.store() as store:
        return store.journal(run_id)


def writes(yard: Yard) -> int:
    """Return how many writes have reached Alma."""
    return sum(one.method != "GET" for one in yard.alma.received())


def test_what_two_processes_fight_for_is_done_by_one_of_them(
    open_yard: Callable[..., Yard],
) -> None:
    yard = open_yard()
    with working(yard), working(yard):
        wait_for(lambda: yard.alive() == 2)

        for _ in range(6):
            yard.record(4)
            wait_for(lambda: yard.unfinished() < 4)
        wait_for(lambda: done(yard))

    wrongs = yard.wrongs()
    assert (wrongs.runs, wrongs.doubles, wrongs.lost) == (24, 0, [])
    with yard.store() as store:
        assert {record.epoch for record in store.runs()} == {1}


def woken_after(yard: Yard, run_id: str, frozen: Worker) -> None:
    """Let another process finish the run of a frozen one, and see that this does nothing more."""
    with working(yard):
        wait_for(lambda: done(yard))
        known, sent = journal(yard, run_id), writes(yard)

        frozen.wake()

        assert frozen.ends_within(20)
        assert journal(yard, run_id) == known
        assert writes(yard) == sent
    with yard.store() as store:
        record = store.run(run_id)
    assert (record.status, record.epoch) == (Status.FINISHED, 2)
    wrongs = yard.wrongs()
    assert (wrongs.runs, wrongs.doubles, wrongs.lost) == (1, 0, [])


@pytest.mark.parametrize("where", ["intent", "send", "poll"])
def test_who_was_frozen_past_its_lease_neither_records_nor_submits_when_woken(
    open_yard: Callable[..., Yard], where: str
) -> None:
    yard = open_yard()
    [run_id] = yard.record(1)
    with working(yard, freeze_at=where) as frozen:
        wait_for(lambda: frozen.is_frozen)
        assert len(yard.alma.submissions()) == (where == "poll")

        woken_after(yard, run_id, frozen)

    # An intent that never left is sure not to have been taken only after a while.
    effects = [entry.effect for entry in journal(yard, run_id) if entry.path == "work"]
    assert ("resubmit" in effects) is (where == "send")
