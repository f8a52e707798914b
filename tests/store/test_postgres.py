"""What is PostgreSQL's own: the server, its connection, and a lock of ours in place of a file's."""

from __future__ import annotations

import multiprocessing
import re
import stat
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from almaflow.store import (
    EntryState,
    RunExists,
    Store,
    StoreDamaged,
    StoreLocked,
    StoreLost,
    StoreReadOnly,
    StoreTrouble,
    StoreUnreachable,
    StoreUrlWrong,
    tables,
)
from almaflow.store.connection import Connection
from almaflow.store.location import read_url
from almaflow.store.postgres import Postgres, conninfo
from tests.postgres import PostgresServer
from tests.store.conftest import HOST, claimed, make_record, open_and_add
from tests.store.others import AT_ONCE, Rival, read_one, tell
from tests.waits import wait

Opener = Callable[..., Store]


@pytest.fixture
def store_url(postgres_url: str) -> str:
    return postgres_url


@pytest.fixture
def empty_url(postgres: PostgresServer) -> Iterator[str]:
    """The address of a database that nobody has used yet."""
    with postgres.new_database(empty=True) as url:
        yield url


def database_of(rival: Rival) -> str | None:
    url = read_url(rival.url).url
    assert url is not None
    return url.database


# Addresses


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (
            "postgresql://alma:geheim@db.example.edu:5433/alma?sslmode=require",
            "postgresql://alma:***@db.example.edu:5433/alma",
        ),
        ("postgres://db/alma?password=geheim", "postgresql://db/alma"),
        ("postgresql+psycopg:///alma?host=/run/pg", "postgresql:///alma?host=%2Frun%2Fpg"),
        ("postgresql://db", "postgresql://db"),
    ],
)
def test_an_address_is_shown_without_its_password(url: str, shown: str) -> None:
    assert str(read_url(url)) == shown


def test_a_driver_that_is_missing_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, store_url: str, open_store: Opener
) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    monkeypatch.delitem(sys.modules, "almaflow.store.postgres")

    with pytest.raises(StoreUrlWrong) as caught:
        open_store("postgresql://alma:geheim@db.example.edu/alma")

    assert str(caught.value) == (
        "The store postgresql://alma:***@db.example.edu/alma is in PostgreSQL, and what almaflow"
        " needs for that is not installed (import of psycopg halted; None in sys.modules). Write"
        " `pip install 'almaflow[fleet]'`."
    )


def test_a_store_is_in_its_database_and_says_so(store: Store, store_url: str) -> None:
    assert store.in_memory is False
    assert store.address == str(read_url(store_url))


def test_a_commit_is_on_the_disk_whatever_the_servers_habit(
    open_store: Opener, rival: Rival, store: Store
) -> None:
    database = database_of(rival)
    rival.do(f"ALTER DATABASE {database} SET synchronous_commit = off")

    assert read_one(open_store(), "SHOW synchronous_commit") == "on"
    rival.do(f"ALTER DATABASE {database} SET synchronous_commit = remote_apply")
    assert read_one(open_store(), "SHOW synchronous_commit") == "remote_apply"


def test_a_server_that_does_not_answer_is_given_up_unless_the_address_has_more_patience(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def patience(url: str) -> Any:
        settings: dict[str, Any] = {}

        def note(**given: Any) -> None:
            settings.update(given)
            raise psycopg.OperationalError("enough")

        monkeypatch.setattr(psycopg, "connect", note)
        with pytest.raises(psycopg.OperationalError, match="enough"):
            Postgres(read_url(url), AT_ONCE).connect()
        return settings["connect_timeout"]

    assert patience("postgresql://db/alma") == 10
    assert patience("postgresql://db/alma?connect_timeout=60") == "60"


# Locks of processes


def test_the_queue_finds_out_as_soon_as_the_store_that_the_network_is_gone() -> None:
    default = conninfo(read_url("postgresql://alma@db/alma"))
    patient = conninfo(read_url("postgresql://alma@db/alma?tcp_user_timeout=90000"))

    assert conninfo_to_dict(default)["tcp_user_timeout"] == "20000"
    assert conninfo_to_dict(default)["keepalives_idle"] == "10"
    assert conninfo_to_dict(patient)["tcp_user_timeout"] == "90000"


def test_lock_files_lie_in_a_folder_that_is_the_users_own(
    store: Store, store_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))

    process = store.enter_process(HOST, 1, "0.1.0")

    folder = Path(process.lock_file).parent
    assert folder.parent == tmp_path / "state" / "almaflow" / "locks"
    assert oct(stat.S_IMODE(folder.stat().st_mode)) == "0o700"
    assert [file.name for file in folder.iterdir()] == [f"{process.id}.lock"]


def test_without_a_state_folder_of_its_own_a_users_is_in_the_home(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    first, second = read_url("postgresql://a:x@db/alma"), read_url("postgresql://a:y@db/alma")

    assert first.locks.parent == tmp_path / ".local/state/almaflow/locks"
    assert first.locks == second.locks != read_url("postgresql://a:x@db/other").locks


def test_a_machine_without_a_place_for_locks_has_none(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "state").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))

    process = store.enter_process(HOST, 1, "0.1.0")

    assert process.lock_file == ""
    assert store.process(process.id) == process
    store.leave_process(process.id)


# Opening


def test_processes_that_open_a_new_store_together_all_get_it(
    open_store: Opener, empty_url: str
) -> None:
    spawn = multiprocessing.get_context("spawn")
    processes = [
        spawn.Process(target=open_and_add, args=(empty_url, number)) for number in range(1, 4)
    ]

    for process in processes:
        process.start()
    for process in processes:
        process.join(60)

    assert [process.exitcode for process in processes] == [0, 0, 0]
    store = open_store(empty_url)
    assert len(store.runs()) == 3
    store.close()


def test_the_database_of_another_program_is_left_alone(open_store: Opener, empty_url: str) -> None:
    Rival(empty_url).do("CREATE TABLE loans (id integer)")

    with pytest.raises(StoreDamaged) as caught:
        open_store(empty_url)

    assert str(caught.value) == (
        f"The store {read_url(empty_url)} is the database of another program: it holds the table"
        " `loans` and none of almaflow's. Name another one as `store` in almaflow.yaml."
    )


def test_a_store_is_made_whole_or_not_at_all(
    open_store: Opener, monkeypatch: pytest.MonkeyPatch, empty_url: str
) -> None:
    twice = "CREATE TABLE runs (id TEXT);\n" * 2
    monkeypatch.setattr(tables, "SCHEMA", twice)
    with pytest.raises(StoreTrouble, match="already exists"):
        open_store(empty_url)

    with Rival(empty_url).connection() as connection:
        count = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
        assert connection.execute(count).fetchone() == (0,)


def test_a_new_store_waits_for_whoever_writes_there_but_not_for_ever(
    open_store: Opener, empty_url: str
) -> None:
    with Rival(empty_url).writing(), pytest.raises(StoreLocked):
        open_store(empty_url, busy_timeout=AT_ONCE)


def test_a_store_may_share_a_database_in_a_schema_of_its_own(
    open_store: Opener, empty_url: str
) -> None:
    rival = Rival(empty_url)
    rival.do("CREATE TABLE loans (id integer)")
    rival.do("CREATE SCHEMA ours")

    store = open_store(f"{empty_url}&options=-csearch_path%3Dours")

    assert store.runs() == []
    store.close()


# Trouble


def test_a_store_that_cannot_be_written_says_so(store: Store) -> None:
    claim = claimed(store)
    tell(store, "SET default_transaction_read_only = on")

    with pytest.raises(
        StoreReadOnly, match="cannot execute SELECT FOR NO KEY UPDATE in a read-only transaction"
    ):
        store.record(claim, "w", 1, "begin", EntryState.DONE)


def test_a_broken_store_is_a_clear_error(store: Store) -> None:
    tell(
        store,
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " RAISE EXCEPTION 'invalid page in block 7' USING ERRCODE = 'data_corrupted'; END $$",
        "CREATE TRIGGER refuse BEFORE INSERT ON runs EXECUTE FUNCTION refuse()",
    )

    with pytest.raises(StoreDamaged, match=r"is broken: invalid page in block 7.*Put back a"):
        store.add_run({}, make_record())


def cut(rival: Rival) -> None:
    """End all connections to the store, as a restart of the server does."""
    rival.do(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )


def test_a_connection_that_was_cut_between_two_calls_is_made_anew(
    store: Store, rival: Rival
) -> None:
    claim = claimed(store)

    for _ in range(2):
        cut(rival)
        store.set_status(claim, store.run(claim.run_id).status, [wait("again")])

    assert store.run(claim.run_id).reason == "again"


def test_a_connection_that_is_cut_in_a_transaction_is_trouble_once(
    store: Store, rival: Rival
) -> None:
    claim = claimed(store)

    def batch() -> None:
        with store.batch():
            store.record(claim, "w", 1, "submit", EntryState.INTENT)
            cut(rival)
            with pytest.raises(StoreLost):
                store.record(claim, "w", 1, "submit", EntryState.DONE)
            with pytest.raises(StoreLost):
                store.run(claim.run_id)

    with pytest.raises(StoreLost) as caught:
        batch()

    assert str(caught.value) == (
        f"The connection to the store {store.address} is lost: terminating connection due to"
        " administrator command. It is not known whether the last change was recorded. Check that"
        " the server runs, then run the command again."
    )
    assert store.journal(claim.run_id) == []
    store.record(claim, "w", 1, "submit", EntryState.INTENT)


def test_a_connection_that_is_cut_before_a_commit_is_trouble_once(
    store: Store, rival: Rival
) -> None:
    claim = claimed(store)

    def batch() -> None:
        with store.batch():
            store.record(claim, "w", 1, "submit", EntryState.INTENT)
            cut(rival)

    with pytest.raises(StoreLost):
        batch()

    assert store.journal(claim.run_id) == []


def test_a_server_that_went_away_is_trouble_until_it_is_back(
    postgres: PostgresServer, store: Store, rival: Rival
) -> None:
    claim = claimed(store)
    database = database_of(rival)
    with postgres.connect("postgres") as other:
        other.execute(f"ALTER DATABASE {database} ALLOW_CONNECTIONS false")
        other.execute(
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'"
        )

        with pytest.raises(StoreUnreachable, match="is not currently accepting connections"):
            store.run(claim.run_id)
        with pytest.raises(StoreUnreachable):
            store.set_status(claim, store.run(claim.run_id).status)
        other.execute(f"ALTER DATABASE {database} ALLOW_CONNECTIONS true")

    assert store.run(claim.run_id).id == claim.run_id


def test_who_stands_still_in_a_transaction_does_not_lock_out_others_for_ever(
    open_store: Opener, store: Store
) -> None:
    frozen = open_store()
    claim = claimed(frozen)

    def batch() -> None:
        with frozen.batch():
            frozen.record(claim, "w", 1, "submit", EntryState.INTENT)
            # As if the process were stopped for longer than the server bears.
            _connection(frozen).tell("SET idle_in_transaction_session_timeout = 1")
            store.add_event(claim.run_id, "note")

    # The server says why and closes; a request that is sent meanwhile may lose what it said.
    with pytest.raises(
        StoreLost, match=r"idle-in-transaction timeout|server closed the connection"
    ):
        batch()

    assert frozen.journal(claim.run_id) == []
    assert len(store.events(claim.run_id)) == 1
    assert read_one(frozen, "SHOW idle_in_transaction_session_timeout") == "3s"


def _connection(store: Store) -> Connection:
    connection = store._database._connection
    assert connection is not None
    return connection


def test_a_lock_is_waited_for_as_long_as_was_told(open_store: Opener) -> None:
    assert read_one(open_store(), "SHOW lock_timeout") == "5s"
    assert read_one(open_store(busy_timeout=timedelta(0)), "SHOW lock_timeout") == "1ms"


# Transactions


def test_a_writer_sees_what_the_one_before_it_wrote(open_store: Opener, rival: Rival) -> None:
    first, second = open_store(), open_store()
    record = make_record(key="withdraw/monthly/2026-11")
    seen: list[object] = []

    def add() -> None:
        try:
            second.add_run({}, make_record(2, key=record.key))
        except RunExists as error:
            seen.append(error.run_id)

    thread = threading.Thread(target=add)
    waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    with rival.connection() as other, first.batch():
        thread.start()
        while other.execute(waiting).fetchone() == (0,):
            assert thread.is_alive()
        first.add_run({}, record)
    thread.join(30)

    assert seen == [record.id]


def test_ids_of_events_are_never_given_again(store: Store) -> None:
    claim = claimed(store)
    store.add_event(claim.run_id, "note")
    first = store.events(claim.run_id)[0].id
    tell(store, "DELETE FROM events")

    store.add_event(claim.run_id, "note")

    assert store.events(claim.run_id)[0].id > first


def test_the_tables_are_those_that_are_declared(store: Store) -> None:
    declared = re.findall(r"CREATE TABLE (\w+)", tables.SCHEMA)

    with store._database.read() as connection:
        assert connection.column(connection.table_names) == sorted(declared)
