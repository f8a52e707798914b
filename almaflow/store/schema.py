"""The version of a store's tables: made when the store is new, checked when it is not."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Final

from almaflow.store import tables
from almaflow.store.connection import Connection
from almaflow.store.errors import StoreDamaged, StoreNewer, StoreOlder

VERSION: Final = 1
"""The version of the tables that this almaflow reads and writes."""

_TABLE: Final = "store_version"
# Builds from before the first release kept their version in a table of this name.
_BEFORE_THE_FIRST: Final = "schema_version"

# A column that a store of the same version may lack, as it may lack tables. An almaflow that does
# not know them continues to work, so workers of both may share the store while one after the other
# is updated.
_PROCESSES: Final = "SELECT * FROM processes LIMIT 0"
_ADD_INFO: Final = "ALTER TABLE processes ADD COLUMN info TEXT DEFAULT '{}' NOT NULL"


def is_made(connection: Connection, place: str) -> bool:
    """Whether the store at *place* has the tables of this almaflow; False when it is empty or old.

    Raises:
        StoreOlder: a build from before the first release made it.
        StoreNewer: a newer almaflow made it.
        StoreDamaged: it holds the tables of another program.
    """
    names = connection.column(connection.table_names)
    if not names:
        return False
    if _TABLE in names:
        _check_version(connection, place)
        return _has_info(connection) and not _missing(names)
    if _BEFORE_THE_FIRST in names:
        raise StoreOlder(
            f"The store {place} was made by an almaflow from before its first release, and this one"
            " cannot read its tables. Let that version finish its runs, then move the store away or"
            " name another one as `store` in almaflow.yaml."
        )
    raise StoreDamaged(
        f"The store {place} is the database of another program: it holds the table"
        f" `{names[0]}` and none of almaflow's. Name another one as `store` in almaflow.yaml."
    )


def make(connection: Connection, place: str, now: datetime) -> None:
    """Make the tables, or what they lack, in the transaction under way.

    Raises: as `is_made`.
    """
    if is_made(connection, place):
        return
    names = connection.column(connection.table_names)
    missing = _missing(names)
    for statement in tables.statements(connection.types):
        if tables.table_of(statement) in missing:
            connection.execute(statement)
    if not _has_info(connection):
        connection.execute(_ADD_INFO)
    if _TABLE not in names:
        connection.insert(_TABLE, version=VERSION, applied_at=now)


def _missing(names: Collection[str]) -> frozenset[str]:
    return frozenset(tables.NAMES) - set(names)


def _has_info(connection: Connection) -> bool:
    cursor = connection.run(_PROCESSES, {})
    return "info" in [column[0] for column in cursor.description]


def _check_version(connection: Connection, place: str) -> None:
    version = connection.value("SELECT max(version) FROM store_version") or 0
    if version > VERSION:
        raise StoreNewer(
            f"The store {place} was made by a newer almaflow (its tables have version"
            f" {version}, this almaflow knows up to {VERSION}). Update almaflow on this machine,"
            " or name another store in almaflow.yaml."
        )
