"""Transactions, versions and trouble, in each kind of database."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from almaflow.errors import StoreError
from almaflow.outcome import Status
from almaflow.store import (
    ClaimLost,
    EntryState,
    RunExists,
    Store,
    StoreFull,
    StoreLocked,
    StoreNewer,
    StoreOlder,
    StoreTrouble,
)
from almaflow.store.connection import instant_text
from tests.store.conftest import claimed, make_record
from tests.store.others import AT_ONCE, Rival, fill_disk, is_sqlite, make_room, tell
from tests.waits import wait

Opener = Callable[..., Store]


def test_a_store_of_a_newer_almaflow_is_left_alone(open_store: Opener, rival: Rival) -> None:
    address = open_store().address
    rival.do("INSERT INTO store_version VALUES (7, '2027-01-01T00:00:00.000000Z')")

    with pytest.raises(StoreNewer) as caught:
        open_store()

    assert str(caught.value) == (
        f"The store {address} was made by a newer almaflow (its tables have version 7, this"
        " almaflow knows up to 1). Update almaflow on this machine, or name another store in"
        " almaflow.yaml."
    )


# Versions


def test_a_store_from_before_the_first_release_is_refused(open_store: Opener) -> None:
    store = open_store()
    with store._database.write() as connection:
        connection.tell("DROP TABLE store_version")
        connection.tell("CREATE TABLE schema_version (version INTEGER)")
    store.close()

    with pytest.raises(StoreOlder):
        open_store()


# Locked, full, read-only


def test_a_locked_store_says_so_and_nothing_is_half_written(
    open_store: Opener, rival: Rival
) -> None:
    store = open_store(busy_timeout=AT_ONCE)
    claim = claimed(store)

    with rival.writing(), pytest.raises(StoreLocked) as caught:
        store.record(claim, "w", 1, "submit", EntryState.INTENT)

    look_for = {
        True: "a backup, a database tool or another almaflow that uses this file, also for one that"
        " was stopped (Ctrl-Z). End it",
        False: "a database tool or another almaflow with an open transaction in this database,"
        " end it",
    }
    assert str(caught.value) == (
        f"The store {store.address} is locked: another process holds it and does not let go."
        f" Look for {look_for[rival.is_sqlite]} or wait for it, then try again."
    )
    assert isinstance(caught.value, StoreError)
    assert store.journal(claim.run_id) == []
    assert store.record(claim, "w", 1, "submit", EntryState.INTENT).sends == 1


def test_readers_go_on_while_another_process_writes(open_store: Opener, rival: Rival) -> None:
    store = open_store(busy_timeout=AT_ONCE)
    run = store.add_run({}, make_record())

    with rival.writing("UPDATE runs SET error = 'x'"):
        assert store.run(run.id).error == ""


def test_a_full_disk_says_so_and_nothing_is_half_written(store: Store) -> None:
    claim = claimed(store)
    store.record(claim, "w", 1, "submit", EntryState.INTENT)
    fill_disk(store)

    with pytest.raises(StoreFull) as caught:
        store.record(claim, "w", 1, "submit", EntryState.DONE, value="x" * 100_000)

    words, disk = (
        ("database or disk is full", "that disk")
        if is_sqlite(store)
        else (
            "could not extend file: No space left on device CONTEXT: PL/pgSQL function refuse()"
            " line 1 at RAISE",
            "the server's disk",
        )
    )
    assert str(caught.value) == (
        f"There is no room for the store {store.address}: {words}. Nothing was recorded. Free"
        f" some space on {disk}, then run the command again."
    )
    assert [entry.state for entry in store.journal(claim.run_id)] == [EntryState.INTENT]
    make_room(store)
    store.record(claim, "w", 1, "submit", EntryState.DONE, value="x" * 100_000)


def test_a_full_disk_voids_the_whole_batch_even_when_it_is_caught_inside(store: Store) -> None:
    claim = claimed(store)
    fill_disk(store)

    def batch() -> None:
        with store.batch():
            store.set_status(claim, Status.WAITING, [wait("for room")])
            with pytest.raises(StoreFull):
                store.record(claim, "w", 1, "end", EntryState.DONE, value="x" * 100_000)
            with pytest.raises(StoreFull):
                store.set_status(claim, Status.RUNNING)

    with pytest.raises(StoreFull):
        batch()

    assert store.run(claim.run_id).status is Status.QUEUED
    store.set_status(claim, Status.RUNNING)


def test_a_file_that_goes_away_or_breaks_later_is_trouble(store: Store) -> None:
    claim = claimed(store)
    tell(store, "DROP TABLE events")

    with pytest.raises(StoreTrouble, match=r"refused: .*events") as caught:
        store.add_event(claim.run_id, "note")

    assert caught.value.__cause__ is not None


def test_a_closed_store_says_so(store: Store) -> None:
    store.close()
    store.close()

    with pytest.raises(StoreError) as caught:
        store.runs()

    assert str(caught.value) == f"The store {store.address} is closed."


# Transactions


def test_a_read_sees_one_state_of_the_store(open_store: Opener, rival: Rival) -> None:
    store = open_store()
    run = store.add_run({}, make_record())

    with store._database.read() as connection:
        connection.rows("SELECT error FROM runs")
        rival.do("UPDATE runs SET error = 'meanwhile'")
        assert connection.value("SELECT error FROM runs") == ""

    assert store.run(run.id).error == "meanwhile"


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


def test_a_transaction_that_cannot_be_rolled_back_ends_with_its_connection(store: Store) -> None:
    claim = claimed(store)
    connection = store._database._connection
    assert connection is not None
    tell_driver = connection.tell

    def refuse(statement: str) -> None:
        if statement == "ROLLBACK":
            raise store._database._driver_error("no answer")
        tell_driver(statement)

    def batch() -> None:
        with store.batch():
            store.record(claim, "w", 1, "begin", EntryState.DONE)
            raise ZeroDivisionError

    connection.tell = refuse  # type: ignore[method-assign]
    with pytest.raises(ZeroDivisionError):
        batch()

    assert store.journal(claim.run_id) == []
    store.record(claim, "w", 1, "begin", EntryState.DONE)
    assert len(store.journal(claim.run_id)) == 1


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
