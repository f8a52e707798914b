"""What others do to a store while we use it, in SQLite and in PostgreSQL."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg

from almaflow.store import Store
from almaflow.store.location import read_url
from almaflow.store.locks import EVERYTHING
from almaflow.store.postgres import Postgres
from almaflow.store.sqlite import SQLite

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
            begin = SQLite.begin_write if self.is_sqlite else Postgres.begin_write
            for statement in (begin(EVERYTHING), *statements):
                connection.execute(statement)
            yield
            connection.execute("ROLLBACK")


def read_one(store: Store, statement: str) -> Any:
    with store._database.read() as connection:
        return connection.value(statement)


def tell(store: Store, *statements: str) -> None:
    with store._database.write() as connection:
        for statement in statements:
            connection.tell(statement)


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


def statements(store: Store) -> list[tuple[str, Mapping[str, Any]]]:
    """Return a list that grows with each statement and its values, as the driver gets them."""
    asked: list[tuple[str, Mapping[str, Any]]] = []
    connection = store._database._connection
    assert connection is not None
    run = connection.run

    def noted(statement: str, values: Mapping[str, Any]) -> Any:
        bound = {name: connection.bound(value) for name, value in values.items()}
        asked.append((connection.rendered(statement), bound))
        return run(statement, values)

    connection.run = noted  # type: ignore[method-assign]
    return asked
