from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock

from almaflow.store import (
    EntryState,
    Process,
    RunHeld,
    Store,
    StoreFull,
    StoreTrouble,
    StoreUnreachable,
)
from tests.store.conftest import NOON, ManualClock, claimed, make_record

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


def lock_files(file: Path) -> list[str]:
    return sorted(path.stem for path in Path(f"{file}.locks").glob("*.lock"))


def test_a_process_lives_from_entering_to_leaving(
    store: Store, file: Path, clock: ManualClock
) -> None:
    process = store.enter_process("desk", 4711, "0.1.0")
    alive = store.process(process.id)
    held = lock_files(file)
    clock.move(60)

    store.leave_process(process.id)

    assert alive == process == Process(process.id, "desk", 4711, "0.1.0", NOON)
    assert process.id in held
    assert process.id not in lock_files(file)
    gone = store.process(process.id)
    assert gone is not None
    assert gone.left_at == clock.now()


def test_an_unknown_process_is_none(store: Store) -> None:
    assert store.process("nobody") is None


def test_leaving_twice_keeps_the_first_instant(store: Store, clock: ManualClock) -> None:
    process = store.enter_process("desk", 1, "0.1.0")
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


def test_a_process_whose_lock_file_stayed_behind_is_found_dead(
    open_store: Opener, file: Path, clock: ManualClock
) -> None:
    mine, other = open_store(), open_store()
    process = mine.enter_process("desk", 1, "0.1.0")
    mine.close()
    left_behind = Path(f"{file}.locks/{process.id}.lock")
    left_behind.touch()
    clock.move(5)

    dead = other.process(process.id)

    assert dead is not None
    assert dead.left_at == clock.now()
    assert not left_behind.exists()


def test_a_killed_process_frees_its_run_at_once_and_its_journal_is_whole(
    open_store: Opener, file: Path
) -> None:
    url = f"sqlite:///{file}"
    store = open_store()
    mine = store.enter_process("desk", 1, "0.1.0")
    with subprocess.Popen(
        [sys.executable, "-c", WORKER, url],
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
    process = store.enter_process("desk", 1, "0.1.0")

    assert store.process(process.id) == process
    store.leave_process(process.id)
    gone = store.process(process.id)
    assert gone is not None
    assert gone.left_at == NOON


def test_a_process_that_cannot_be_recorded_leaves_no_lock(
    open_store: Opener, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store()
    with store._database.write() as connection:
        connection.exec_driver_sql("DROP TABLE processes")
    before = lock_files(file)

    with pytest.raises(StoreTrouble, match="no such table: processes"):
        store.enter_process("desk", 1, "0.1.0")

    assert lock_files(file) == before


def test_a_lock_that_cannot_be_made_is_a_clear_error(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(FileLock, "acquire", full)

    with pytest.raises(StoreFull, match="No space left on device"):
        store.enter_process("desk", 1, "0.1.0")


def test_a_lock_that_cannot_be_looked_at_is_a_clear_error(open_store: Opener, file: Path) -> None:
    mine, other = open_store(), open_store()
    process = mine.enter_process("desk", 1, "0.1.0")
    mine.close()
    Path(f"{file}.locks/{process.id}.lock").unlink(missing_ok=True)
    Path(f"{file}.locks/{process.id}.lock").mkdir()

    with pytest.raises(StoreUnreachable, match="Is a directory"):
        other.process(process.id)
