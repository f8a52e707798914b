"""Poolers between us and PostgreSQL, such as PgBouncer: which kind keeps a connection ours.

A pooler that gives each transaction another connection of the server (`pool_mode = transaction`)
loses what almaflow relies on between transactions: settings of the session, notifications and
prepared statements. It answers the first statements as a server does, so what follows would fail
hours later, or silently.
"""

from __future__ import annotations

import select
from collections.abc import Callable
from contextlib import closing
from typing import Any, Final

import psycopg
from psycopg.pq import DiagnosticField, ExecStatus

from almaflow.store.errors import StoreUrlWrong
from almaflow.store.location import StoreLocation

# How often two connections are compared: other clients of the pooler may come between them.
_TIMES: Final = 3

# Seconds for the second connection. A pooler without a free connection lets it wait for minutes.
_PATIENCE: Final = 1.0

# What PgBouncer answers to a BEGIN under `pool_mode = statement` (protocol violation).
_NO_TRANSACTIONS: Final = b"08P01"


def check_pooling(
    location: StoreLocation,
    connection: psycopg.Connection[Any],
    connect: Callable[[], psycopg.Connection[Any]],
) -> None:
    """Refuse a pooler that gives each transaction another connection; *connect* opens a second one.

    A server of PostgreSQL names the process of a connection when it opens it. A pooler, which
    does not know yet which one that will be, names another.

    Raises:
        StoreUrlWrong: there is such a pooler.
        psycopg.Error: the connection broke.
    """
    if _process_of(connection) == connection.info.backend_pid:
        return
    pooled = any(_is_shared(connection, connect) for _ in range(_TIMES))
    if pooled:
        raise StoreUrlWrong(
            f"Between almaflow and the store {location} is a pooler that gives each transaction"
            " another connection (in PgBouncer: `pool_mode = transaction`), and almaflow needs its"
            " connections for as long as a process runs. Set `pool_mode = session` for this"
            " database, or name the PostgreSQL server itself in `store` of almaflow.yaml."
        )


def _process_of(connection: psycopg.Connection[Any]) -> int:
    """Return the id of the server's process that answers."""
    row = connection.execute("SELECT pg_backend_pid()").fetchone()
    assert row is not None
    return int(row[0])


def _is_shared(
    mine: psycopg.Connection[Any], connect: Callable[[], psycopg.Connection[Any]]
) -> bool:
    """Whether a transaction elsewhere gets the process that answered *mine*, or took its place."""
    before = _process_of(mine)
    with closing(connect()) as other:
        results = _answers(other, b"BEGIN; SELECT pg_backend_pid()")
        if not results:
            return False
        if results[-1].status != ExecStatus.TUPLES_OK:
            states = [result.error_field(DiagnosticField.SQLSTATE) for result in results]
            return _NO_TRANSACTIONS in states
        there = results[-1].get_value(0, 0)
        return there == str(before).encode() or _process_of(mine) != before


def _answers(
    connection: psycopg.Connection[Any], statements: bytes
) -> list[psycopg.pq.abc.PGresult]:
    """Return what the server answers; empty: nothing in time."""
    wire = connection.pgconn
    wire.send_query(statements)
    while wire.is_busy():
        if not select.select([wire.socket], [], [], _PATIENCE)[0]:
            return []
        wire.consume_input()
    results = []
    while (result := wire.get_result()) is not None:
        results.append(result)
    return results
