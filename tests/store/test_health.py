"""A store looked at from outside: nothing of it is made, changed or brought up to date."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from almaflow.clock import SystemClock
from almaflow.store import Store, StoreDamaged, StoreNewer, StoreOlder, StoreUnreachable
from almaflow.store.health import examine
from almaflow.store.schema import VERSION
from tests.postgres import PostgresServer


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A new store's file."""
    path = tmp_path / "kept" / "almaflow.db"
    Store.open(f"sqlite:///{path}", clock=SystemClock()).close()
    return path


def test_where_no_store_is_none_is_made(tmp_path: Path) -> None:
    assert examine(f"sqlite:///{tmp_path}/almaflow.db") is None
    assert examine("sqlite://") is None
    assert list(tmp_path.iterdir()) == []


def test_a_good_store_is_told_with_its_version_and_size(file: Path) -> None:
    health = examine(f"sqlite:///{file}")

    assert health is not None
    assert (health.place, health.file) == (str(file), file)
    assert (health.is_made, health.version) == (True, VERSION)
    assert (health.journal_mode, health.faults, health.is_private) == ("wal", (), True)
    assert health.size >= file.stat().st_size > 0


def test_a_store_from_before_the_first_release_is_refused(file: Path) -> None:
    connection = sqlite3.connect(file)
    connection.execute("alter table store_version rename to schema_version")
    connection.commit()
    connection.close()

    with pytest.raises(StoreOlder):
        examine(f"sqlite:///{file}")


def test_a_store_that_others_may_read_is_not_private(file: Path) -> None:
    file.chmod(0o644)

    health = examine(f"sqlite:///{file}")

    assert health is not None
    assert not health.is_private


def test_a_store_on_a_disk_that_cannot_be_written_is_read(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    opened: Callable[..., sqlite3.Connection] = sqlite3.connect

    def refuse(database: str, **settings: Any) -> sqlite3.Connection:
        # What SQLite does where it cannot make its files.
        if "immutable" not in database:
            raise sqlite3.OperationalError("unable to open database file")
        return opened(database, **settings)

    monkeypatch.setattr(sqlite3, "connect", refuse)

    health = examine(f"sqlite:///{file}")

    assert health is not None
    assert (health.is_made, health.is_writable, health.faults) == (True, False, ())


@pytest.mark.slow
def test_a_database_that_takes_no_changes_is_not_writable(postgres: PostgresServer) -> None:
    with postgres.new_database() as url:
        name = url.split("/")[-1].split("?")[0]
        with postgres.connect("postgres") as connection:
            connection.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")

        health = examine(url)

    assert health is not None
    assert (health.is_made, health.is_writable) == (True, False)


def test_a_store_of_a_newer_version_and_what_is_none_are_errors(file: Path) -> None:
    broken = file.with_name("broken.db")
    broken.write_bytes(b"no database" * 1000)
    connection = sqlite3.connect(file)
    connection.execute("update store_version set version = 99")
    connection.commit()
    connection.close()

    with pytest.raises(StoreNewer, match="its tables have version 99"):
        examine(f"sqlite:///{file}")
    with pytest.raises(StoreDamaged, match="is not a store of almaflow"):
        examine(f"sqlite:///{broken}")


def test_a_store_of_a_server_is_told_too(postgres: PostgresServer) -> None:
    with postgres.new_database() as url, postgres.new_database(empty=True) as empty:
        health, fresh = examine(url), examine(empty)

    assert health is not None
    assert (health.is_made, health.file, health.journal_mode) == (True, None, "")
    assert fresh is not None
    assert not fresh.is_made
    with pytest.raises(StoreUnreachable):
        examine(url)
