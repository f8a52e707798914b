"""Which backend a store has: SQLite in a file, or PostgreSQL at an address."""

from __future__ import annotations

from datetime import timedelta

from almaflow.store.backend import Backend
from almaflow.store.errors import StoreUrlWrong
from almaflow.store.location import StoreLocation
from almaflow.store.sqlite import SQLite


def backend_for(location: StoreLocation, busy_timeout: timedelta) -> Backend:
    """Return the backend of the store at *location*.

    Raises:
        StoreUrlWrong: its driver is not installed.
    """
    if location.url is None:
        return SQLite(location, busy_timeout)
    try:
        from almaflow.store.postgres import Postgres
    except ImportError as error:
        raise StoreUrlWrong(
            f"The store {location} is in PostgreSQL, and what almaflow needs for that is not"
            f" installed ({error}). Write `pip install 'almaflow[fleet]'`."
        ) from error
    return Postgres(location, busy_timeout)
