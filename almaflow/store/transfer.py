"""Moving a store into another database: every row of every table, verified by counts and hashes."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, Final

from almaflow.errors import StoreError
from almaflow.late_dataclasses import dataclass
from almaflow.store.connection import Connection, Row
from almaflow.store.database import Database
from almaflow.store.tables import BOOLEANS, SCHEMA
from almaflow.store.tables import NAMES as TABLES

_VERSION: Final = "store_version"

# How many rows are in memory at a time.
_TOGETHER: Final = 500


@dataclass(frozen=True)
class TableHash:
    """What a table holds."""

    rows: int
    digest: str
    """A hash of all rows, whatever their order."""


def contents(connection: Connection) -> dict[str, TableHash]:
    """Return what each table of the store holds, but for its version."""
    return {table: _content(connection, table) for table in TABLES if table != _VERSION}


def _content(connection: Connection, table: str) -> TableHash:
    count, total = 0, 0
    for rows in _batches(connection, table):
        for row in rows:
            text = json.dumps(row, sort_keys=True, ensure_ascii=False)
            total += int.from_bytes(hashlib.sha256(text.encode()).digest())
            count += 1
    return TableHash(count, f"{total % (1 << 256):064x}")


def _batches(connection: Connection, table: str) -> Iterator[list[Row]]:
    """Yield the rows of a table in parts, as they are stored, truth values as such."""
    cursor = connection.run(f"SELECT * FROM {table}", {})
    names = [column[0] for column in cursor.description]
    truths = BOOLEANS.intersection(names)
    while found := cursor.fetchmany(_TOGETHER):
        rows = [dict(zip(names, row, strict=True)) for row in found]
        for name in truths:
            for row in rows:
                row[name] = bool(row[name])
        yield rows


class _Rehearsed(Exception):
    """Takes back what was copied for a rehearsal."""


def migrate(source: Database, target: Database, *, dry_run: bool = False) -> dict[str, TableHash]:
    """Copy the store *source* (SQLite) into *target* (PostgreSQL) and return what it holds.

    With *dry_run* everything is done and taken back.

    Raises:
        StoreError: *target* holds something already, or what arrived is not what was sent.
    """
    content: dict[str, TableHash] = {}
    with suppress(_Rehearsed), source.read() as old, target.write() as new:
        content = copy(old, new)
        if dry_run:
            raise _Rehearsed
    return content


def copy(source: Connection, target: Connection) -> dict[str, TableHash]:
    """Copy every row into the store *target*, which is new, and return what it holds then.

    A *target* that holds exactly these rows already is left as it is. Both have an open
    transaction; *target* is in PostgreSQL.

    Raises:
        StoreError: *target* holds something already, or what arrived is not what was sent.
    """
    sent, there = contents(source), contents(target)
    filled = [table for table, content in there.items() if content.rows]
    if filled and there == sent:
        # It was copied before, and the process ended before it could put the old store aside.
        return there
    if filled:
        raise StoreError(
            f"The new store holds rows already, in the table `{filled[0]}`, which are not those of"
            " the old store. Name an empty database. Nothing was moved."
        )
    for table in TABLES:
        if table != _VERSION:
            for rows in _batches(source, table):
                target.insert_all(table, rows)
    for table, column in _counters():
        # A number that was given to a row never comes again, even if the row is deleted.
        given = source.value("SELECT seq FROM sqlite_sequence WHERE name = :table", table=table)
        highest = source.value(f"SELECT max({column}) FROM {table}")
        last = max(given or 0, highest or 0)
        if last:
            sequence = f"pg_get_serial_sequence('{table}', '{column}')"
            target.value(f"SELECT setval({sequence}, :last)", last=last)
    arrived = contents(target)
    wrong = [table for table in sent if sent[table] != arrived[table]]
    if wrong:
        raise StoreError(
            f"The table `{wrong[0]}` did not arrive as it was sent. Nothing was kept in the new"
            " store; please report this."
        )
    return arrived


def data(found: Mapping[str, TableHash]) -> dict[str, Any]:
    """Return *found* as JSON has it."""
    return {table: {"rows": one.rows, "digest": one.digest} for table, one in found.items()}


def _counters() -> list[tuple[str, str]]:
    """Return the columns by which PostgreSQL counts: table and column."""
    return re.findall(r"CREATE TABLE (\w+) \([^;]*?(\w+) (?:NUMBER|COUNTER) PRIMARY", SCHEMA)
