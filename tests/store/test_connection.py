"""Statements with named values, as each driver gets them, and rows as they come back."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from almaflow.outcome import Status
from almaflow.store import Store
from almaflow.store.connection import Connection, assignments, at_most, bound, where
from almaflow.store.postgres import PostgresConnection
from almaflow.store.sqlite import SQLiteConnection
from tests.store.conftest import ManualClock

NOON = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)


class NoDriver:
    def close(self) -> None:
        """Nothing is open."""


@pytest.fixture
def memory() -> Iterator[Connection]:
    with closing(SQLiteConnection(sqlite3.connect(":memory:", isolation_level=None))) as one:
        yield one


@pytest.mark.parametrize(
    ("statement", "in_sqlite", "in_postgres"),
    [
        ("x = :a AND y > :a_b", "x = :a AND y > :a_b", "x = %(a)s AND y > %(a_b)s"),
        ("x = ':a' AND y = :a", "x = ':a' AND y = :a", "x = ':a' AND y = %(a)s"),
        ("x::text = :a", "x::text = :a", "x::text = %(a)s"),
        ("x % 2 = :a", "x % 2 = :a", "x %% 2 = %(a)s"),
        ("x LIKE '5%:a'", "x LIKE '5%:a'", "x LIKE '5%%:a'"),
        ("x IN (1, 2)", "x IN (1, 2)", "x IN (1, 2)"),
        (
            "x IN :ids",
            "x IN (SELECT value FROM json_each(:ids))",
            "x = ANY(%(ids)s)",
        ),
    ],
)
def test_a_statement_is_rendered_for_its_driver(
    statement: str, in_sqlite: str, in_postgres: str
) -> None:
    assert SQLiteConnection(NoDriver()).rendered(statement) == in_sqlite
    assert PostgresConnection(NoDriver()).rendered(statement) == in_postgres


@pytest.mark.parametrize(
    ("value", "accepted"),
    [
        (Status.QUEUED, "queued"),
        (NOON, "2026-11-01T12:00:00.000000Z"),
        (NOON.astimezone(timezone(timedelta(hours=2))), "2026-11-01T12:00:00.000000Z"),
        ({Status.QUEUED: 1}.keys(), ["queued"]),
        ((1, NOON), [1, "2026-11-01T12:00:00.000000Z"]),
        ("it's", "it's"),
        (None, None),
    ],
)
def test_a_value_is_bound_as_both_drivers_accept_it(value: object, accepted: object) -> None:
    result = bound(value)

    assert (result, type(result)) == (accepted, type(accepted))


def test_instants_and_truth_values_come_back_as_they_were(memory: Connection) -> None:
    memory.tell("CREATE TABLE x (id INTEGER PRIMARY KEY, held BOOLEAN, ended_at TEXT, owner TEXT)")

    number = memory.insert_numbered("x", held=True, ended_at=NOON, owner="it's :a 5%")
    memory.insert_all("x", [{"held": False, "ended_at": None, "owner": None}])

    assert memory.rows("SELECT held, ended_at, owner FROM x ORDER BY id") == [
        {"held": True, "ended_at": NOON, "owner": "it's :a 5%"},
        {"held": False, "ended_at": None, "owner": None},
    ]
    assert memory.value("SELECT max(ended_at) AS ended_at FROM x WHERE id IN :ids", ids={1, 2}) == (
        NOON
    )
    assert memory.row("SELECT id FROM x WHERE id IN :ids", ids=[]) is None
    assert memory.execute("UPDATE x SET held = :held WHERE id = :id", held=False, id=number) == 1


def test_parts_of_a_statement_leave_out_what_is_not_asked_for() -> None:
    assert where({"a = :a": None}) == ("", {})
    assert where({"a = :a": 1, "b": True, "c = :c": None, "(d, e) < (:d, :e)": (2, 3)}) == (
        " WHERE a = :a AND b AND (d, e) < (:d, :e)",
        {"a": 1, "d": 2, "e": 3},
    )
    assert (at_most(None), at_most(5)) == ("", " LIMIT :limit")
    assert assignments(["by", "at"]) == '"by" = :by, "at" = :at'


def shape(file: Path) -> Mapping[str, Any]:
    """Return what the tables of a SQLite database are made of."""
    with closing(sqlite3.connect(file)) as connection:

        def ask(statement: str) -> list[Any]:
            return connection.execute(statement).fetchall()

        names = [name for (name,) in ask("SELECT name FROM sqlite_master WHERE type = 'table'")]
        made = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
        return {
            "indexes": {name: " ".join(sql.split()) for name, sql in ask(made)},
            **{
                name: (
                    ask(f"PRAGMA table_info({name})"),
                    sorted(row[1:] for row in ask(f"PRAGMA index_list({name})")),
                    ask(f"PRAGMA foreign_key_list({name})"),
                )
                for name in names
            },
        }


def test_a_store_of_version_1_gets_what_it_lacks(tmp_path: Path) -> None:
    old, new = tmp_path / "old.db", tmp_path / "new.db"
    with closing(sqlite3.connect(old)) as connection:
        connection.executescript((Path(__file__).parent / "data" / "schema_1.sql").read_text())
        connection.execute("INSERT INTO store_version VALUES (1, '2026-11-01T12:00:00.000000Z')")
        connection.commit()

    for file in (old, new):
        store = Store.open(f"sqlite:///{file}", clock=ManualClock())
        assert store.runs() == []
        store.close()

    assert shape(old) == shape(new)


def test_a_store_that_lacks_newer_tables_gets_them_and_keeps_its_rows(tmp_path: Path) -> None:
    file = tmp_path / "store.db"
    Store.open(f"sqlite:///{file}", clock=ManualClock()).close()
    whole = shape(file)
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("INSERT INTO definitions VALUES ('abc', '{}')")
        connection.execute("DROP TABLE job_end_starts")
        connection.execute("DROP TABLE job_ends")
        connection.commit()

    Store.open(f"sqlite:///{file}", clock=ManualClock()).close()

    assert shape(file) == whole
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("SELECT hash FROM definitions").fetchall() == [("abc",)]
        assert connection.execute("SELECT count(*) FROM store_version").fetchone() == (1,)
