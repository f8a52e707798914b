"""How a store is, seen from outside: nothing is made, changed or brought up to date."""

from __future__ import annotations

import os
import stat
from contextlib import closing
from datetime import timedelta
from pathlib import Path

from almaflow.late_dataclasses import dataclass
from almaflow.store import schema
from almaflow.store.backend import Backend
from almaflow.store.database import backend_for
from almaflow.store.location import StoreLocation, check_believed, read_url
from almaflow.store.sqlite import SQLite

# The examination waits this long for another process that has locked the store.
_PATIENCE = timedelta(seconds=5)


@dataclass(frozen=True)
class Health:
    """What was seen of a store."""

    place: str
    """Where it is, for people; without a password."""
    is_made: bool
    """False when it is empty: the next command makes the tables."""
    version: int
    """The version of the tables that this almaflow writes."""
    file: Path | None = None
    """None for a store of a server."""
    size: int = 0
    """Bytes of the file, what is not moved into it yet included."""
    journal_mode: str = ""
    """SQLite's, such as `wal`."""
    faults: tuple[str, ...] = ()
    """What SQLite's `quick_check` found."""
    is_private: bool = True
    """Whether only its owner may read it."""
    is_writable: bool = True
    """Whether this user may change it."""


def examine(url: str) -> Health | None:
    """Look at the store at *url*; None when there is none there yet.

    Raises:
        StoreUrlWrong: *url* names no store, or its driver is not installed.
        StoreError: it cannot be read, a newer almaflow or another program has written it.
    """
    location = read_url(url)
    check_believed(location)
    if location.url is None and (location.file is None or not location.file.exists()):
        return None
    backend = backend_for(location, _PATIENCE)
    try:
        return _of_file(location) if location.file is not None else _of_server(location, backend)
    except backend.driver_error as error:
        raise backend.trouble(error, "connecting") from error


def _of_file(location: StoreLocation) -> Health:
    file = location.file
    assert file is not None
    with closing(SQLite(location, _PATIENCE).connect_to_read()) as connection:
        mode = connection.value("PRAGMA journal_mode")
        problems = connection.column("PRAGMA quick_check")
        is_made = schema.is_made(connection, str(location))
    parts = [file, file.with_name(f"{file.name}-wal")]
    return Health(
        place=str(location),
        is_made=is_made,
        version=schema.VERSION,
        file=file,
        size=sum(part.stat().st_size for part in parts if part.exists()),
        journal_mode=mode,
        faults=tuple(line for line in problems if line != "ok"),
        is_private=not file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO),
        # SQLite makes files next to it.
        is_writable=os.access(file, os.W_OK) and os.access(file.parent, os.W_OK),
    )


def _of_server(location: StoreLocation, backend: Backend) -> Health:
    with closing(backend.connect()) as connection:
        is_made = schema.is_made(connection, str(location))
        is_writable = connection.value("SELECT current_setting('transaction_read_only')") == "off"
    return Health(str(location), is_made, schema.VERSION, is_writable=is_writable)
