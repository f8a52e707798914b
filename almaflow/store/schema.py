"""The version of a store's tables: made when it is new, brought up to date when it is older."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Connection, func, insert, inspect, select

from almaflow.store.errors import StoreDamaged, StoreNewer
from almaflow.store.migrations import to_version_2, to_version_3, to_version_4
from almaflow.store.tables import metadata, schema_version

# What leads from each version to the next: the first from 1 to 2. A new store is made from
# `tables.py` as it is and has the newest version at once.
MIGRATIONS: tuple[Callable[[Connection], None], ...] = (
    to_version_2,
    to_version_3,
    to_version_4,
)


def newest() -> int:
    """Return the version of the tables that this almaflow reads and writes."""
    return 1 + len(MIGRATIONS)


def is_current(connection: Connection, place: str) -> bool:
    """Whether nothing has to be done to the store at *place*.

    Raises:
        StoreNewer: a newer almaflow has written it.
        StoreDamaged: it holds the tables of another program.
    """
    return _version(connection, place) == newest()


def bring_up_to_date(connection: Connection, place: str, now: datetime) -> None:
    """Make the tables, or change them to the newest version, in the transaction under way.

    Raises: as `is_current`.
    """
    version = _version(connection, place)
    if version == 0:
        metadata.create_all(connection)
        reached = [newest()]
    else:
        reached = list(range(version + 1, newest() + 1))
        for number in reached:
            MIGRATIONS[number - 2](connection)
    for number in reached:
        connection.execute(insert(schema_version).values(version=number, applied_at=now))


def _version(connection: Connection, place: str) -> int:
    """Return the store's version; 0 when it is empty."""
    names = inspect(connection).get_table_names()
    if not names:
        return 0
    if schema_version.name not in names:
        raise StoreDamaged(
            f"The store {place} is the database of another program: it holds the table"
            f" `{names[0]}` and none of almaflow's. Name another one as `store` in almaflow.yaml."
        )
    version = connection.execute(select(func.max(schema_version.c.version))).scalar_one() or 0
    if version > newest():
        raise StoreNewer(
            f"The store {place} was written by a newer almaflow (its tables have version"
            f" {version}, this almaflow knows up to {newest()}). Update almaflow on this machine,"
            " or name another store in almaflow.yaml."
        )
    return int(version)
