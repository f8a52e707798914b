from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import nullcontext
from datetime import timedelta
from pathlib import Path

import pytest
from filelock import FileLock

from almaflow.store import ClaimLost, EntryState, LeaseLost, Process, RunHeld, Store, StoreTrouble
from almaflow.store.location import read_url
from tests.store.conftest import HOST, NOON, ManualClock, claimed, make_record

Opener = Callable[..., Store]

# Records a run, claims it, records an intent, says so, and waits to be killed.
WORKER = """
import sys, os
from almaflow.store import EntryState, Store
from tests.store.conftest import ManualClock, claimed
store = Store.open(sys.argv[1], clock=ManualClock())
claim = claimed(store)
store.record(claim, "w", 1, "submit", EntryState.INTENT)
print(claim.process_id, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def locks(store_url: str) -> Path:
    """The folder of the store's lock files."""
    return read_url(store_url).locks


def lock_files(locks: Path) -> list[str]:
    return sorted(path.stem for path in locks.glob("*.lock") if path.stem != "open")


def test_a_process_lives_from_entering_to_leaving(
    store: Store, locks: Path, clock: ManualClock
) -> None:
    process = store.enter_process("desk", 4711, "0.1.0")
    alive = store.process(process.id)
    held = lock_files(locks)
    clock.move(60)

    store.leave_process(process.id)

    lock_file = str(locks / f"{process.id}.lock")
    expected = Process(process.id, "desk", 4711, "0.1.0", NOON, lock_file=lock_file)
    assert alive == process == expected
    assert process.id in held
    assert process.id not in lock_files(locks)
    gone = store.process(process.id)
    assert gone is not None
    assert gone.left_at == clock.now()


def test_an_unknown_process_is_none(store: Store) -> None:
    assert store.process("nobody") is None


def test_leaving_twice_keeps_the_first_instant(store: Store, clock: ManualClock) -> None:
    process = store.enter_process(HOST, 1, "0.1.0")
    store.leave_process(process.id)
    clock.move(60)

    store.leave_process(process.id)

    gone = store.process(process.id)
    assert gone is not None
    assert gone.left_at == NOON


def test_a_process_of_another_store_object_is_seen_alive(open_store: Opener) -> None:
    mine, other = open_store(), open_store()
    claim = claimed(mine)
    process = other.enter_process("annex", 2, "0.1.0")

    with pytest.raises(RunHeld):
        other.claim_run(claim.run_id, process.id)


def test_a_process_whose_store_was_closed_counts_as_dead(
    open_store: Opener, file: Path, clock: ManualClock
) -> None:
    mine, other = open_store(), open_store()
    claim = claimed(mine)
    process = other.enter_process("annex", 2, "0.1.0")
    mine.close()
    clock.move(5)

    taken = other.claim_run(claim.run_id, process.id)

    assert taken.epoch == 2
    dead = other.process(claim.process_id)
    assert dead is not None
    assert dead.left_at == clock.now()


def test_lock_files_of_the_dead_are_swept_when_a_process_enters(
    open_store: Opener, locks: Path
) -> None:
    mine, other = open_store(), open_store()
    dead = mine.enter_process(HOST, 1, "0.1.0")
    mine.close()
    other.process(dead.id)
    left_behind = lock_files(locks)

    new = other.enter_process(HOST, 2, "0.1.0")

    assert dead.id in left_behind
    assert lock_files(locks) == [new.id]


def test_a_killed_process_frees_its_run_at_once_and_its_journal_is_whole(
    store: Store, store_url: str
) -> None:
    mine = store.enter_process(HOST, 1, "0.1.0")
    with subprocess.Popen(
        [sys.executable, "-c", WORKER, store_url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as worker:
        assert worker.stdout is not None
        process_id = worker.stdout.readline().strip()
        run_id = make_record().id
        with pytest.raises(RunHeld):
            store.claim_run(run_id, mine.id)

        worker.send_signal(signal.SIGKILL)
        worker.wait(30)
        claim = store.claim_run(run_id, mine.id)

    assert (claim.process_id, claim.epoch) == (mine.id, 2)
    assert [entry.state for entry in store.journal(run_id)] == [EntryState.INTENT]
    dead = store.process(process_id)
    assert dead is not None
    assert dead.left_at is not None


def test_in_memory_everybody_who_has_not_left_lives(open_store: Opener) -> None:
    store = open_store("sqlite://")
    process = store.enter_process(HOST, 1, "0.1.0")

    assert store.process(process.id) == process
    store.leave_process(process.id)
    gone = store.process(process.id)
    assert gone is not None
    assert gone.left_at == NOON


def test_a_process_that_cannot_be_recorded_leaves_no_lock(store: Store, locks: Path) -> None:
    with store._database.write() as connection:
        connection.tell("ALTER TABLE processes RENAME TO gone")
    before = lock_files(locks)

    with pytest.raises(StoreTrouble, match="processes"):
        store.enter_process(HOST, 1, "0.1.0")

    assert lock_files(locks) == before


# Leases


def silent(store: Store, process_id: str) -> bool:
    """Whether *store* finds the process dead now."""
    process = store.process(process_id)
    assert process is not None
    return process.left_at is not None


def watch(store: Store, process_id: str, clock: ManualClock, seconds: int) -> bool:
    """Look at the process once a second and return whether it was found dead."""
    for _ in range(seconds):
        clock.move(1)
        if silent(store, process_id):
            return True
    return silent(store, process_id)


@pytest.fixture
def far(open_store: Opener) -> tuple[Store, Process]:
    """The store as a process on another machine has it open, and that process."""
    store = open_store()
    return store, store.enter_process("annex", 1, "0.1.0")


def test_a_process_that_renews_its_lease_lives(
    far: tuple[Store, Process], store: Store, clock: ManualClock
) -> None:
    theirs, process = far

    for _ in range(20):
        assert not watch(store, process.id, clock, 15)
        theirs.renew_lease(process.id)

    seen = store.process(process.id)
    assert seen is not None
    assert seen.beat == 20


def test_a_process_that_stands_still_for_a_lease_is_dead_and_hears_of_it(
    far: tuple[Store, Process], store: Store, clock: ManualClock
) -> None:
    theirs, process = far
    run = theirs.add_run({}, make_record())
    old = theirs.claim_run(run.id, process.id)
    mine = store.enter_process(HOST, 2, "0.1.0")
    with pytest.raises(RunHeld):
        store.claim_run(run.id, mine.id)
    assert not watch(store, process.id, clock, 19)

    clock.move(1)
    new = store.claim_run(run.id, mine.id)

    assert (new.epoch, silent(store, process.id)) == (2, True)
    with pytest.raises(LeaseLost):
        theirs.renew_lease(process.id)
    with pytest.raises(ClaimLost):
        theirs.record(old, "w", 1, "submit", EntryState.INTENT)
    with pytest.raises(LeaseLost):
        theirs.claim_run(theirs.add_run({}, make_record(2)).id, process.id)
    with pytest.raises(LeaseLost):
        theirs.claim_runs([make_record(2).id], process.id)


@pytest.mark.parametrize("hours", [-30, -1, 1, 30])
def test_a_clock_that_is_set_takes_nobody_for_dead(
    far: tuple[Store, Process], store: Store, clock: ManualClock, hours: int
) -> None:
    theirs, process = far
    assert not silent(store, process.id)

    clock.set(hours=hours)
    assert not watch(store, process.id, clock, 15)
    theirs.renew_lease(process.id)
    clock.set(hours=-hours)

    assert not watch(store, process.id, clock, 15)


def test_a_suspended_machine_takes_nobody_for_dead_that_wakes_with_it(
    far: tuple[Store, Process], store: Store, clock: ManualClock
) -> None:
    theirs, process = far
    assert not watch(store, process.id, clock, 5)

    clock.move(8 * 3600)

    assert not watch(store, process.id, clock, 4)
    theirs.renew_lease(process.id)
    assert not watch(store, process.id, clock, 19)


def test_who_looks_seldom_needs_three_looks(
    far: tuple[Store, Process], store: Store, clock: ManualClock
) -> None:
    _, process = far

    seen = []
    for _ in range(3):
        seen.append(silent(store, process.id))
        clock.move(60)

    assert seen == [False, False, True]


def test_a_process_that_is_stopped_holds_its_lock_and_counts_as_dead_all_the_same(
    open_store: Opener, store: Store, clock: ManualClock
) -> None:
    frozen = open_store().enter_process(HOST, 1, "0.1.0")

    assert not watch(store, frozen.id, clock, 20)
    assert watch(store, frozen.id, clock, 1)


def test_one_of_ours_lives_although_it_does_not_renew(store: Store, clock: ManualClock) -> None:
    mine = store.enter_process("anywhere", 1, "0.1.0")

    assert not watch(store, mine.id, clock, 60)


@pytest.mark.parametrize("how", ["missing", "a folder", "locked by another"])
def test_where_the_lock_cannot_tell_the_beat_does(
    open_store: Opener, store: Store, clock: ManualClock, file: Path, how: str
) -> None:
    theirs = open_store()
    process = theirs.enter_process(HOST, 1, "0.1.0")
    theirs.close()
    lock_file = Path(process.lock_file)
    if how != "locked by another":
        lock_file.unlink()
    if how == "a folder":
        lock_file.mkdir()

    with FileLock(lock_file) if how == "locked by another" else nullcontext():
        assert not watch(store, process.id, clock, 20)
        assert watch(store, process.id, clock, 1)


def test_a_lock_that_may_not_be_taken_cannot_tell(
    open_store: Opener, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = open_store()
    process = theirs.enter_process(HOST, 1, "0.1.0")
    theirs.close()

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(FileLock, "acquire", refuse)

    assert not silent(store, process.id)


def test_how_long_a_lease_is_may_be_told(open_store: Opener, clock: ManualClock) -> None:
    process = open_store().enter_process("annex", 1, "0.1.0")
    store = open_store(lease=timedelta(seconds=3))

    assert store.lease == timedelta(seconds=3)
    assert not watch(store, process.id, clock, 3)
    assert watch(store, process.id, clock, 1)


def test_a_death_found_in_a_batch_that_is_taken_back_is_found_again(
    open_store: Opener, store: Store
) -> None:
    theirs = open_store()
    process = theirs.enter_process(HOST, 1, "0.1.0")
    theirs.close()

    def look() -> None:
        with store.batch():
            assert silent(store, process.id)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        look()

    assert silent(store, process.id)
