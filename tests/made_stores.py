"""New stores that are copies of one: making the tables takes most of the time of a short test.

The tests of the store make every table themselves.
"""

from __future__ import annotations

import os
import sqlite3
import tempfile
from contextlib import closing
from functools import cache
from pathlib import Path

import pytest

from almaflow.clock import SystemClock
from almaflow.store import Store
from almaflow.store.sqlite import SQLite, SQLiteConnection

_connect = SQLite._connect


def copy_stores(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let an empty store that is opened in this process be a copy of one with all tables."""
    monkeypatch.setattr(SQLite, "_connect", _connected)


def _connected(self: SQLite) -> SQLiteConnection:
    file = self._location.file
    if file is not None and file.exists() and not file.stat().st_size:
        _copy_to(file)
    connection = _connect(self)
    assert isinstance(connection, SQLiteConnection)
    # Only a machine that loses power forgets what the system was given; no test pulls a plug.
    connection.tell("PRAGMA synchronous = OFF")
    if file is None:
        with closing(sqlite3.connect(":memory:")) as made:
            # A store in memory has no log, which two bytes say (sqlite.org/fileformat.html).
            made.deserialize(b"%b\1\1%b" % (_made()[:18], _made()[20:]))
            made.backup(connection.driver)
    return connection


def _copy_to(file: Path) -> None:
    """Put a store in the place of an empty file; one that cannot be replaced stays as it is."""
    aside = file.with_name(f"{file.name}.made")
    try:
        aside.write_bytes(_made())
        aside.chmod(0o600)
        aside.replace(file)
    except OSError:
        aside.unlink(missing_ok=True)


@cache
def _made() -> bytes:
    """Return the bytes of a new store, made as any other, by the first test that needs one."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(SQLite, "_connect", _connect)
        Store.open(f"sqlite:///{os.path.realpath(folder)}/new.db", clock=SystemClock()).close()
        return Path(folder, "new.db").read_bytes()
