"""What is SQLite's own: the file and its folder, WAL, immediate transactions."""

from __future__ import annotations

import errno
import multiprocessing
import os
import shutil
import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
from filelock import FileLock

from almaflow.store import (
    EntryState,
    Store,
    StoreDamaged,
    StoreFull,
    StoreLocked,
    StoreReadOnly,
    StoreTrouble,
    StoreUnreachable,
    StoreUrlWrong,
    tables,
)
from almaflow.store.errors import StoreMoved
from almaflow.store.location import read_url
from almaflow.store.sqlite import SQLite
from tests.store.conftest import HOST, claimed, make_record, open_and_add
from tests.store.others import AT_ONCE, read_one, tell

Opener = Callable[..., Store]


@pytest.fixture
def store_url(file: Path) -> str:
    return f"sqlite:///{file}"


@contextmanager
def another_program(file: Path, *statements: str) -> Iterator[sqlite3.Connection]:
    """Another connection to the store, as a backup or a database tool has one."""
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)
        yield connection


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


# What follows where the text has no form of a URL at all.
_ABOUT_CHARACTERS = (
    " A port is a number up to 65535. In a password, write `%40` for `@`, `%2F` for `/` and `%25`"
    " for `%`."
)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("almaflow.db", "The value of `store` is not the URL of a store."),
        (
            "mysql://alma:geheim@db.example.edu/alma",
            "The store mysql://alma:***@db.example.edu/alma cannot be used: almaflow keeps its"
            " store in SQLite or, as `postgresql://`, in PostgreSQL.",
        ),
        (
            "postgresql+asyncpg://alma:geheim@db.example.edu/alma",
            "The store postgresql+asyncpg://alma:***@db.example.edu/alma cannot be used: almaflow"
            " keeps its store in SQLite or, as `postgresql://`, in PostgreSQL.",
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

    assert str(caught.value).removesuffix(_ABOUT_CHARACTERS) == (
        f"{message} Write `store: sqlite:///almaflow.db` or `store:"
        " postgresql://user@host/database` in almaflow.yaml, or leave `store` out."
    )


def test_a_missing_folder_above_is_not_made(open_store: Opener, tmp_path: Path) -> None:
    with pytest.raises(StoreUnreachable) as caught:
        open_store(f"sqlite:///{tmp_path}/mnt/share/almaflow.db")

    assert str(caught.value) == (
        f"The store {tmp_path}/mnt/share/almaflow.db cannot be made: No such file or directory"
        f" ({tmp_path}/mnt/share). Check that the folder exists and that this user may write"
        " there, or write another place as `store` in almaflow.yaml, then run the command again."
    )
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_place_of_the_folder_is_a_clear_error(open_store: Opener, file: Path) -> None:
    file.write_text("a file")

    with pytest.raises(StoreUnreachable, match="is a file, not a folder"):
        open_store(f"sqlite:///{file}/almaflow.db")


def test_a_folder_in_place_of_the_file_is_a_clear_error(open_store: Opener, file: Path) -> None:
    file.mkdir()

    with pytest.raises(StoreUnreachable, match="is a folder, not a file"):
        open_store()


@pytest.mark.parametrize(
    ("number", "kind", "words"),
    [
        (
            28,
            StoreFull,
            "No space left on device. Free some space on that disk, then run the command again.",
        ),
        (30, StoreReadOnly, "Read-only file system. Let that disk be written"),
        (13, StoreUnreachable, "Permission denied (/data/x). Check that the folder exists"),
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


def test_a_store_is_made_whole_or_not_at_all(
    open_store: Opener, monkeypatch: pytest.MonkeyPatch, file: Path
) -> None:
    twice = "CREATE TABLE runs (id TEXT);\n" * 2
    monkeypatch.setattr(tables, "SCHEMA", twice)
    with pytest.raises(StoreTrouble, match="already exists"):
        open_store()

    with another_program(file) as connection:
        assert connection.execute("SELECT count(*) FROM sqlite_schema").fetchone() == (0,)


def test_a_locked_store_cannot_be_opened(open_store: Opener, file: Path) -> None:
    with (
        another_program(file, "CREATE TABLE schema_version (version)", "BEGIN EXCLUSIVE"),
        pytest.raises(StoreLocked),
    ):
        open_store(busy_timeout=AT_ONCE)


def test_a_store_that_another_process_is_opening_for_too_long_is_locked(
    open_store: Opener, file: Path
) -> None:
    Path(f"{file}.locks").mkdir(mode=0o700)

    with FileLock(f"{file}.locks/open.lock"), pytest.raises(StoreLocked):
        open_store(busy_timeout=AT_ONCE)


def test_a_folder_of_locks_that_cannot_be_used_is_a_clear_error(
    open_store: Opener, file: Path
) -> None:
    (file.with_name("almaflow.db.locks") / "open.lock").mkdir(parents=True)

    with pytest.raises(StoreUnreachable, match="Is a directory"):
        open_store()


def test_a_store_that_cannot_be_written_says_so(store: Store) -> None:
    claim = claimed(store)
    tell(store, "PRAGMA query_only = 1")

    with pytest.raises(StoreReadOnly, match="cannot be written: attempt to write a readonly"):
        store.record(claim, "w", 1, "begin", EntryState.DONE)


@pytest.mark.parametrize("replaced", [False, True])
def test_nothing_is_written_to_a_file_that_was_removed_or_replaced(
    store: Store, file: Path, replaced: bool
) -> None:
    store.add_run({}, make_record())
    kept = file.with_name("kept")
    file.rename(kept)
    if replaced:
        shutil.copy(kept, file)

    with pytest.raises(StoreMoved):
        store.add_run({}, make_record(2))
    kept.replace(file)
    store.add_run({}, make_record(3))

    assert sorted(run.key[-1] for run in store.runs()) == ["1", "3"]


def test_what_is_read_before_a_write_is_read_inside_the_immediate_transaction(
    open_store: Opener, file: Path
) -> None:
    store = open_store()
    claim = claimed(store)

    with store._database.write() as connection:
        owner = connection.value("SELECT owner FROM runs")
        with (
            another_program(file, "PRAGMA busy_timeout = 0") as other,
            pytest.raises(sqlite3.OperationalError, match="database is locked"),
        ):
            other.execute("UPDATE runs SET owner = NULL, epoch = epoch + 1")
        connection.tell("UPDATE runs SET error = 'ours'")

    assert owner == claim.process_id
    assert store.run(claim.run_id).epoch == 1


def test_a_store_in_memory_has_no_folder_of_locks() -> None:
    with pytest.raises(ValueError, match="has no lock files"):
        _ = read_url("sqlite://").locks


def test_no_room_for_the_file_beside_the_store_is_a_full_disk() -> None:
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = sqlite3.SQLITE_IOERR_SHMSIZE

    trouble = SQLite(read_url("sqlite://"), AT_ONCE).trouble(error, "connected")

    assert isinstance(trouble, StoreFull)
    assert str(trouble).startswith("There is no room for the store in memory: disk I/O error.")


def test_processes_that_open_a_new_store_together_all_get_it(
    open_store: Opener, file: Path
) -> None:
    spawn = multiprocessing.get_context("spawn")
    processes = [
        spawn.Process(target=open_and_add, args=(f"sqlite:///{file}", number))
        for number in range(1, 4)
    ]

    for process in processes:
        process.start()
    for process in processes:
        process.join(60)

    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert len(open_store().runs()) == 3


def test_a_lock_that_cannot_be_made_is_a_clear_error(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(FileLock, "acquire", full)

    with pytest.raises(StoreFull, match="No space left on device"):
        store.enter_process(HOST, 1, "0.1.0")


@pytest.mark.parametrize(
    ("flag", "kind"), [(os.ST_RDONLY, StoreReadOnly), (0, StoreUnreachable)], ids=["", "writable"]
)
def test_a_file_that_cannot_be_opened_on_a_read_only_disk_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flag: int, kind: type[StoreTrouble]
) -> None:
    file = tmp_path / "store.db"
    file.touch()
    monkeypatch.setattr(os, "statvfs", lambda path: SimpleNamespace(f_flag=flag))
    error = sqlite3.OperationalError("unable to open database file")
    error.sqlite_errorcode = sqlite3.SQLITE_CANTOPEN

    trouble = SQLite(read_url(f"sqlite:///{file}"), AT_ONCE).trouble(error, "connecting")

    assert type(trouble) is kind
    assert str(file) in str(trouble)
