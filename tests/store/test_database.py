from __future__ import annotations

import multiprocessing
import os
import sqlite3
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from sqlalchemy import Connection, inspect

from almaflow.errors import StoreError
from almaflow.outcome import Status
from almaflow.store import (
    ClaimLost,
    EntryState,
    RunExists,
    Store,
    StoreDamaged,
    StoreFull,
    StoreLocked,
    StoreNewer,
    StoreReadOnly,
    StoreTrouble,
    StoreUnreachable,
    StoreUrlWrong,
    schema,
)
from almaflow.store.database import translated
from almaflow.store.location import read_url
from almaflow.store.tables import instant_text, metadata
from tests.store.conftest import ManualClock, claimed, make_record

AT_ONCE = timedelta(milliseconds=10)
Opener = Callable[..., Store]


@contextmanager
def another_program(file: Path, *statements: str) -> Iterator[sqlite3.Connection]:
    """Another connection to the store, as a backup or a database tool has one."""
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)
        yield connection


def read_one(store: Store, statement: str) -> Any:
    with store._database.read() as connection:
        return connection.exec_driver_sql(statement).scalar()


def tell(store: Store, statement: str) -> None:
    with store._database.write() as connection:
        connection.exec_driver_sql(statement)


# Opening


def test_a_new_store_lies_in_a_new_folder_for_its_owner_only(
    open_store: Opener, tmp_path: Path
) -> None:
    before = os.umask(0)
    try:
        store = open_store(f"sqlite:///{tmp_path}/.almaflow/almaflow.db")
        store.add_run({}, make_record())
    finally:
        os.umask(before)

    folder = tmp_path / ".almaflow"
    modes = {
        path.relative_to(tmp_path).as_posix(): oct(stat.S_IMODE(path.stat().st_mode))
        for path in [folder, *folder.rglob("*")]
    }
    lock = modes.pop(".almaflow/almaflow.db.locks/open.lock", "0o600")  # filelock may remove it
    assert lock == "0o600"
    assert modes == {
        ".almaflow": "0o700",
        ".almaflow/almaflow.db": "0o600",
        ".almaflow/almaflow.db-wal": "0o600",
        ".almaflow/almaflow.db-shm": "0o600",
        ".almaflow/almaflow.db.locks": "0o700",
    }


def test_an_empty_file_made_by_somebody_becomes_a_store_for_its_owner_only(
    open_store: Opener, file: Path
) -> None:
    file.touch(mode=0o666)

    open_store()

    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_store_keeps_its_journal_safe_on_disk(store: Store) -> None:
    assert read_one(store, "PRAGMA journal_mode") == "wal"
    assert read_one(store, "PRAGMA synchronous") == 2  # FULL
    assert read_one(store, "PRAGMA foreign_keys") == 1
    assert read_one(store, "PRAGMA busy_timeout") == 5000
    assert read_one(store, "PRAGMA integrity_check") == "ok"


def test_a_store_in_memory_leaves_no_file(
    open_store: Opener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    for url in ("sqlite://", "sqlite:///:memory:"):
        store = open_store(url)
        store.record(claimed(store), "w", 1, "begin", EntryState.DONE)

        assert (store.in_memory, store.address) == (True, "in memory")
    assert list(tmp_path.iterdir()) == []


def test_a_store_is_known_by_its_real_path(open_store: Opener, tmp_path: Path, file: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path, target_is_directory=True)
    store = open_store()
    claim = claimed(store)

    linked = open_store(f"sqlite:///{tmp_path}/link/almaflow.db")

    assert (linked.address, linked.in_memory) == (str(file), False)
    owner = linked.process(claim.process_id)
    assert owner is not None
    assert owner.left_at is None


def test_a_relative_path_counts_from_the_working_directory(
    open_store: Opener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    assert open_store("sqlite:///near.db").address == str(tmp_path / "near.db")


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("almaflow.db", "The value of `store` is not the URL of a store."),
        (
            "postgresql://alma:geheim@db.example.edu/alma",
            "The store postgresql://alma:***@db.example.edu/alma cannot be used: this almaflow"
            " keeps its store in SQLite.",
        ),
        (
            "sqlite://almaflow.db",
            "The store sqlite://almaflow.db cannot be used: after `sqlite:///` comes a path and"
            " nothing else (a full path begins with a fourth slash).",
        ),
        (
            "sqlite:///almaflow.db?mode=ro",
            "The store sqlite:///almaflow.db?mode=ro cannot be used: after `sqlite:///` comes a"
            " path and nothing else (a full path begins with a fourth slash).",
        ),
        (
            "sqlite+aiosqlite:///almaflow.db",
            "The store sqlite+aiosqlite:///almaflow.db cannot be used: after `sqlite:///` comes"
            " a path and nothing else (a full path begins with a fourth slash).",
        ),
    ],
)
def test_a_url_that_names_no_store_says_what_to_write(
    open_store: Opener, url: str, message: str
) -> None:
    with pytest.raises(StoreUrlWrong) as caught:
        open_store(url)

    assert str(caught.value) == (
        f"{message} Write `store: sqlite:///almaflow.db` in almaflow.yaml, or leave `store` out."
    )


def test_a_missing_folder_above_is_not_made(open_store: Opener, tmp_path: Path) -> None:
    with pytest.raises(StoreUnreachable) as caught:
        open_store(f"sqlite:///{tmp_path}/mnt/share/almaflow.db")

    assert str(caught.value) == (
        f"The store {tmp_path}/mnt/share/almaflow.db cannot be made: No such file or directory"
        f" ({tmp_path}/mnt/share). Make the folder and see that this user may write there, or"
        " name another place as `store` in almaflow.yaml."
    )
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_place_of_the_folder_is_a_clear_error(open_store: Opener, file: Path) -> None:
    file.write_text("a file")

    with pytest.raises(StoreUnreachable, match=r"cannot be made: (File exists|Not a directory)"):
        open_store(f"sqlite:///{file}/almaflow.db")


def test_a_folder_in_place_of_the_file_is_a_clear_error(open_store: Opener, file: Path) -> None:
    file.mkdir()

    with pytest.raises(StoreUnreachable, match="cannot be opened: unable to open database file"):
        open_store()


@pytest.mark.parametrize(
    ("number", "kind", "words"),
    [
        (28, StoreFull, "No space left on device. Make room on that disk."),
        (30, StoreReadOnly, "Read-only file system. Name a place that can be written"),
        (13, StoreUnreachable, "Permission denied (/data/x). Make the folder and see"),
    ],
)
def test_what_the_system_says_of_the_file_becomes_a_clear_error(
    open_store: Opener,
    monkeypatch: pytest.MonkeyPatch,
    number: int,
    kind: type[StoreTrouble],
    words: str,
) -> None:
    def refuse(*_: object) -> int:
        raise OSError(number, os.strerror(number), "/data/x")

    monkeypatch.setattr(os, "open", refuse)

    with pytest.raises(kind) as caught:
        open_store()

    assert words in str(caught.value)


def test_a_file_that_is_no_database_is_left_as_it_is(open_store: Opener, file: Path) -> None:
    file.write_bytes(b"almaflow store, or so I thought\n" * 200)

    with pytest.raises(StoreDamaged) as caught:
        open_store()

    assert str(caught.value) == (
        f"The file {file} is not a store of almaflow, or it is broken: file is not a database."
        " Put back a backup, or name another file as `store` in almaflow.yaml."
    )
    assert file.read_bytes() == b"almaflow store, or so I thought\n" * 200


def test_a_broken_store_is_a_clear_error(open_store: Opener, file: Path) -> None:
    store = open_store()
    for number in range(1, 100):
        store.add_run({}, make_record(number, inputs={"x": "y" * 500}))
    store.close()
    content = bytearray(file.read_bytes())
    content[8192:] = b"\xff" * (len(content) - 8192)
    file.write_bytes(content)

    with pytest.raises(StoreDamaged, match="malformed"):
        open_store().runs()


def test_the_database_of_another_program_is_left_alone(open_store: Opener, file: Path) -> None:
    with another_program(file, "CREATE TABLE loans (id)"):
        pass

    with pytest.raises(StoreDamaged, match="the database of another program: it holds the table"):
        open_store()

    with another_program(file) as connection:
        assert connection.execute("SELECT name FROM sqlite_schema").fetchall() == [("loans",)]


def test_a_store_of_a_newer_almaflow_is_left_alone(open_store: Opener, file: Path) -> None:
    open_store().close()
    with another_program(file, "INSERT INTO schema_version VALUES (7, '2027-01-01')"):
        pass

    with pytest.raises(StoreNewer) as caught:
        open_store()

    assert str(caught.value) == (
        f"The store {file} was written by a newer almaflow (its tables have version 7, this"
        " almaflow knows up to 2). Update almaflow on this machine, or name another store in"
        " almaflow.yaml."
    )


# Versions


def test_an_older_store_is_brought_up_to_date_and_keeps_its_runs(
    open_store: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store()
    run = store.add_run({}, make_record())
    store.close()

    def add_pauses(connection: Connection) -> None:
        connection.exec_driver_sql("CREATE TABLE pauses (workflow TEXT)")

    def add_notes(connection: Connection) -> None:
        connection.exec_driver_sql("ALTER TABLE pauses ADD COLUMN note TEXT")

    monkeypatch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, add_pauses, add_notes))
    store = open_store()

    assert store.run(run.id) == run
    assert read_one(store, "SELECT count(note) FROM pauses") == 0
    assert read_one(store, "SELECT group_concat(version) FROM schema_version") == "2,3,4"


def test_a_migration_that_fails_changes_nothing(
    open_store: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_store().close()

    def half(connection: Connection) -> None:
        connection.exec_driver_sql("CREATE TABLE pauses (workflow TEXT)")
        connection.exec_driver_sql("ALTER TABLE no_such ADD COLUMN note TEXT")

    monkeypatch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, half))
    with pytest.raises(StoreTrouble, match=r"refused: no such table: no_such\. Nothing was"):
        open_store()

    monkeypatch.undo()
    with open_store()._database.read() as connection:
        assert set(inspect(connection).get_table_names()) == set(metadata.tables)


def test_a_store_is_made_whole_or_not_at_all(
    open_store: Opener, monkeypatch: pytest.MonkeyPatch, file: Path
) -> None:
    def create(connection: Connection) -> None:
        connection.exec_driver_sql("CREATE TABLE runs (id TEXT)")
        connection.exec_driver_sql("CREATE TABLE runs (id TEXT)")

    monkeypatch.setattr(metadata, "create_all", create)
    with pytest.raises(StoreTrouble, match="already exists"):
        open_store()

    with another_program(file) as connection:
        assert connection.execute("SELECT count(*) FROM sqlite_schema").fetchone() == (0,)


def _open_and_add(url: str, number: int) -> None:
    store = Store.open(url, clock=ManualClock())
    store.add_run({}, make_record(number))
    store.close()


def test_processes_that_open_a_new_store_together_all_get_it(
    open_store: Opener, file: Path
) -> None:
    spawn = multiprocessing.get_context("spawn")
    processes = [
        spawn.Process(target=_open_and_add, args=(f"sqlite:///{file}", number))
        for number in range(1, 4)
    ]

    for process in processes:
        process.start()
    for process in processes:
        process.join(60)

    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert len(open_store().runs()) == 3


# Locked, full, read-only


def test_a_locked_store_says_so_and_nothing_is_half_written(open_store: Opener, file: Path) -> None:
    store = open_store(busy_timeout=AT_ONCE)
    claim = claimed(store)

    with another_program(file, "BEGIN EXCLUSIVE"), pytest.raises(StoreLocked) as caught:
        store.record(claim, "w", 1, "submit", EntryState.INTENT)

    assert str(caught.value) == (
        f"The store {file} is locked: another process holds it and does not let go. Look for a"
        " backup, a database tool or another almaflow that uses this file, end it or wait for"
        " it, then try again."
    )
    assert isinstance(caught.value, StoreError)
    assert store.journal(claim.run_id) == []
    assert store.record(claim, "w", 1, "submit", EntryState.INTENT).sends == 1


def test_readers_go_on_while_another_process_writes(open_store: Opener, file: Path) -> None:
    store = open_store(busy_timeout=AT_ONCE)
    run = store.add_run({}, make_record())

    with another_program(file, "BEGIN IMMEDIATE", "UPDATE runs SET reason = 'x'"):
        assert store.run(run.id).reason == ""


def test_a_locked_store_cannot_be_opened(open_store: Opener, file: Path) -> None:
    with (
        another_program(file, "CREATE TABLE schema_version (version)", "BEGIN EXCLUSIVE"),
        pytest.raises(StoreLocked),
    ):
        open_store(busy_timeout=AT_ONCE)


def test_a_store_that_another_process_is_opening_for_too_long_is_locked(
    open_store: Opener, file: Path
) -> None:
    open_store().close()

    with FileLock(f"{file}.locks/open.lock"), pytest.raises(StoreLocked):
        open_store(busy_timeout=AT_ONCE)


def test_a_folder_of_locks_that_cannot_be_used_is_a_clear_error(
    open_store: Opener, file: Path
) -> None:
    (file.with_name("almaflow.db.locks") / "open.lock").mkdir(parents=True)

    with pytest.raises(StoreUnreachable, match="Is a directory"):
        open_store()


def fill_disk(store: Store) -> None:
    """Leave the store no room for another page."""
    pages = read_one(store, "PRAGMA page_count")
    read_one(store, f"PRAGMA max_page_count = {pages}")


def test_a_full_disk_says_so_and_nothing_is_half_written(open_store: Opener, file: Path) -> None:
    store = open_store()
    claim = claimed(store)
    store.record(claim, "w", 1, "submit", EntryState.INTENT)
    fill_disk(store)

    with pytest.raises(StoreFull) as caught:
        store.record(claim, "w", 1, "submit", EntryState.DONE, value="x" * 100_000)

    assert str(caught.value) == (
        f"There is no room for the store {file}: database or disk is full. Nothing was"
        " recorded. Make room on that disk, then `almaflow resume` the run."
    )
    assert [entry.state for entry in store.journal(claim.run_id)] == [EntryState.INTENT]
    read_one(store, "PRAGMA max_page_count = 1000000")
    store.record(claim, "w", 1, "submit", EntryState.DONE, value="x" * 100_000)


def test_a_full_disk_voids_the_whole_batch_even_when_it_is_caught_inside(store: Store) -> None:
    claim = claimed(store)
    fill_disk(store)

    def batch() -> None:
        with store.batch():
            store.set_status(claim, Status.WAITING, "for room")
            with pytest.raises(StoreFull):
                store.record(claim, "w", 1, "end", EntryState.DONE, value="x" * 100_000)
            with pytest.raises(StoreFull):
                store.set_status(claim, Status.RUNNING)

    with pytest.raises(StoreFull):
        batch()

    assert store.run(claim.run_id).status is Status.QUEUED
    store.set_status(claim, Status.RUNNING)


def test_a_store_that_cannot_be_written_says_so(store: Store) -> None:
    claim = claimed(store)
    tell(store, "PRAGMA query_only = 1")

    with pytest.raises(StoreReadOnly, match="cannot be written: attempt to write a readonly"):
        store.record(claim, "w", 1, "begin", EntryState.DONE)


def test_a_file_that_goes_away_or_breaks_later_is_trouble(store: Store) -> None:
    claim = claimed(store)
    tell(store, "DROP TABLE events")

    with pytest.raises(StoreTrouble, match=r"refused: no such table: events") as caught:
        store.add_event(claim.run_id, "note")

    assert caught.value.__cause__ is not None


def test_a_closed_store_says_so(open_store: Opener, file: Path) -> None:
    store = open_store()
    store.close()
    store.close()

    with pytest.raises(StoreError, match=f"The store {file} is closed"):
        store.runs()


# Transactions


def test_what_is_read_before_a_write_is_read_inside_the_immediate_transaction(
    open_store: Opener, file: Path
) -> None:
    store = open_store()
    claim = claimed(store)

    with store._database.write() as connection:
        owner = connection.exec_driver_sql("SELECT owner FROM runs").scalar()
        with (
            another_program(file, "PRAGMA busy_timeout = 0") as other,
            pytest.raises(sqlite3.OperationalError, match="database is locked"),
        ):
            other.execute("UPDATE runs SET owner = NULL, epoch = epoch + 1")
        connection.exec_driver_sql("UPDATE runs SET reason = 'ours'")

    assert owner == claim.process_id
    assert store.run(claim.run_id).epoch == 1


def test_a_read_sees_one_state_of_the_store(open_store: Opener, file: Path) -> None:
    store = open_store()
    run = store.add_run({}, make_record())

    with store._database.read() as connection:
        connection.exec_driver_sql("SELECT reason FROM runs").all()
        with another_program(file, "UPDATE runs SET reason = 'meanwhile'"):
            pass
        assert connection.exec_driver_sql("SELECT reason FROM runs").scalar() == ""

    assert store.run(run.id).reason == "meanwhile"


def test_a_batch_is_one_transaction(store: Store) -> None:
    claim = claimed(store)

    def batch() -> None:
        with store.batch():
            store.record(claim, "w", 1, "begin", EntryState.DONE)
            store.add_event(claim.run_id, "note")
            assert len(store.journal(claim.run_id)) == 1
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        batch()

    assert store.journal(claim.run_id) == []
    assert store.events(claim.run_id) == []


def test_a_call_that_fails_in_a_batch_takes_back_only_itself(store: Store) -> None:
    claim = claimed(store)

    def part() -> None:
        with store.batch():
            store.record(claim, "w", 1, "begin", EntryState.DONE)
            raise ZeroDivisionError

    with store.batch():
        store.add_run({}, make_record(2))
        with pytest.raises(RunExists):
            store.add_run({}, make_record(2, id="other"))
        with store.batch(), pytest.raises(ZeroDivisionError):
            part()
        store.add_event(claim.run_id, "note")

    assert len(store.runs()) == 2
    assert store.journal(claim.run_id) == []
    assert len(store.events(claim.run_id)) == 1


def test_a_batch_is_seen_by_others_when_it_is_whole(open_store: Opener) -> None:
    store, other = open_store(), open_store()
    claim = claimed(store)

    with store.batch():
        store.record(claim, "w", 1, "begin", EntryState.DONE)
        seen_inside = other.journal(claim.run_id)

    assert seen_inside == []
    assert len(other.journal(claim.run_id)) == 1


def test_another_thread_waits_until_a_batch_is_whole(store: Store) -> None:
    claim = claimed(store)
    asked = threading.Event()
    seen: list[int] = []

    def look() -> None:
        asked.set()
        seen.append(len(store.journal(claim.run_id)))

    thread = threading.Thread(target=look)
    with store.batch():
        store.record(claim, "w", 1, "begin", EntryState.DONE)
        thread.start()
        asked.wait(10)
        store.record(claim, "w", 1, "end", EntryState.DONE)
    thread.join(10)

    assert seen == [2]


def test_many_threads_may_use_one_store(store: Store) -> None:
    claim = claimed(store)

    def work(name: str) -> None:
        for attempt in range(20):
            store.record(claim, name, attempt, "begin", EntryState.DONE)

    threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert len(store.journal(claim.run_id)) == 80


def test_two_connections_take_turns(open_store: Opener) -> None:
    first, second = open_store(), open_store()
    claim = claimed(first)

    second.ask_cancel(claim.run_id, "eva")
    first.record(claim, "w", 1, "begin", EntryState.DONE)

    assert list(first.cancels_asked([claim.run_id])) == [claim.run_id]
    assert len(second.journal(claim.run_id)) == 1
    with pytest.raises(ClaimLost):
        second.set_status(type(claim)(claim.run_id, "other", 1), Status.RUNNING)


def test_an_instant_without_a_zone_is_a_defect() -> None:
    with pytest.raises(ValueError, match="has no time zone"):
        instant_text(make_record().requested_at.replace(tzinfo=None))


def test_a_store_in_memory_has_no_folder_of_locks() -> None:
    with pytest.raises(ValueError, match="has no lock files"):
        _ = read_url("sqlite://").locks


def test_no_room_for_the_file_beside_the_store_is_a_full_disk() -> None:
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = sqlite3.SQLITE_IOERR_SHMSIZE

    with (
        pytest.raises(StoreFull, match="There is no room for the store in memory"),
        translated(read_url("sqlite://")),
    ):
        raise error
