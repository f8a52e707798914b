"""What others do to a store while we use it, in SQLite and in PostgreSQL."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import Connection, inspect

from almaflow.store import Store
from almaflow.store.location import read_url
from almaflow.store.postgres import Postgres

AT_ONCE = timedelta(milliseconds=10)


class Rival:
    """A backup, a database tool, or another almaflow, that uses the store as well."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.is_sqlite = url.startswith("sqlite")

    @contextmanager
    def connection(self) -> Iterator[Any]:
        """Give a connection whose statements are transactions of their own."""
        connection: Any
        if self.is_sqlite:
            file = read_url(self.url).file or Path()
            connection = sqlite3.connect(file, isolation_level=None)
        else:
            connection = psycopg.connect(self.url, autocommit=True)
        try:
            yield connection
        finally:
            connection.close()

    def do(self, statement: str) -> None:
        """Do one thing to the store."""
        with self.connection() as connection:
            connection.execute(statement)

    @contextmanager
    def writing(self, *statements: str) -> Iterator[None]:
        """Hold the store as somebody does who writes, and is not done yet."""
        with self.connection() as connection:
            begin = "BEGIN IMMEDIATE" if self.is_sqlite else Postgres.begin_write
            for statement in (begin, *statements):
                connection.execute(statement)
            yield
            connection.execute("ROLLBACK")


def read_one(store: Store, statement: str) -> Any:
    with store._database.read() as connection:
        return connection.exec_driver_sql(statement).scalar()


def tell(store: Store, *statements: str) -> None:
    with store._database.write() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def is_sqlite(store: Store) -> bool:
    return store._database.location.url is None


def fill_disk(store: Store) -> None:
    """Leave the store no room for a large value in the journal."""
    if is_sqlite(store):
        pages = read_one(store, "PRAGMA page_count")
        read_one(store, f"PRAGMA max_page_count = {pages}")
        return
    tell(
        store,
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " RAISE EXCEPTION 'could not extend file: No space left on device'"
        " USING ERRCODE = 'disk_full'; END $$",
        "CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON journal FOR EACH ROW"
        " WHEN (length(NEW.value) > 10000) EXECUTE FUNCTION refuse()",
    )


def make_room(store: Store) -> None:
    """Take back what `fill_disk` did."""
    if is_sqlite(store):
        read_one(store, "PRAGMA max_page_count = 1000000")
    else:
        tell(store, "DROP TRIGGER refuse ON journal")


def shape(store: Store) -> dict[str, Any]:
    """Return what the tables of a store are made of."""
    with store._database.read() as connection:
        look = inspect(connection)
        return {
            name: {
                "columns": {
                    one["name"]: (str(one["type"]), one["nullable"], one["default"])
                    for one in look.get_columns(name)
                },
                "key": look.get_pk_constraint(name)["constrained_columns"],
                "unique": sorted(
                    tuple(one["column_names"]) for one in look.get_unique_constraints(name)
                ),
                "foreign": [
                    (one["constrained_columns"], one["referred_table"], one["options"])
                    for one in look.get_foreign_keys(name)
                ],
                "indexes": {
                    one["name"]: (
                        one["column_names"],
                        one["unique"],
                        [
                            str(condition)
                            for option, condition in one.get("dialect_options", {}).items()
                            if option.endswith("_where")
                        ],
                    )
                    for one in look.get_indexes(name)
                },
                "counts on": _counts_on(connection, name),
            }
            for name in look.get_table_names()
            if not name.startswith("sqlite_")
        }


def _counts_on(connection: Connection, table: str) -> bool:
    """Whether a table of SQLite gives no number a second time; where a sequence counts, it does."""
    if connection.dialect.name != "sqlite":
        return False
    query = f"SELECT sql FROM sqlite_schema WHERE name = '{table}'"
    return "AUTOINCREMENT" in connection.exec_driver_sql(query).scalar_one()
