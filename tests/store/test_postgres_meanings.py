"""PostgreSQL without a server: what it is asked for locks with, and what its errors mean."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from psycopg.pq import TransactionStatus

from almaflow.store import StoreReadOnly, StoreTrouble, StoreUnreachable
from almaflow.store.errors import (
    StoreConflict,
    StoreDamaged,
    StoreFull,
    StoreLocked,
    StoreLost,
    StoreUrlWrong,
)
from almaflow.store.location import read_url
from almaflow.store.locks import EVERYTHING, LEDGER, NO_LOCK, RECORDS, Locks, lock_of_run
from almaflow.store.postgres import Postgres, conninfo

URL = "postgresql://eva:geheim@127.0.0.1:1/alma?application_name=other&client_encoding=latin1"
ALL = next(iter(EVERYTHING)).number
BEGIN = "BEGIN ISOLATION LEVEL READ COMMITTED"
SHARED = f"SELECT pg_advisory_xact_lock_shared({ALL})"


@pytest.fixture
def backend() -> Postgres:
    return Postgres(read_url(URL), timedelta(seconds=2))


def test_an_address_is_taken_apart_for_the_client() -> None:
    parts = psycopg.conninfo.conninfo_to_dict(conninfo(read_url(URL)))

    asked = ("host", "port", "user", "password", "dbname", "application_name", "client_encoding")
    assert [str(parts[name]) for name in asked] == [
        "127.0.0.1",
        "1",
        "eva",
        "geheim",
        "alma",
        "almaflow",
        "utf8",
    ]
    assert str(parts["connect_timeout"]) == "10"


def test_parts_that_an_address_does_not_have_are_left_to_the_client() -> None:
    parts = psycopg.conninfo.conninfo_to_dict(conninfo(read_url("postgresql://host.invalid/a")))

    assert "password" not in parts
    assert "user" not in parts


@pytest.mark.parametrize(
    ("locks", "statements"),
    [
        (NO_LOCK, [SHARED]),
        (EVERYTHING, [f"SELECT pg_advisory_xact_lock({ALL})"]),
        (EVERYTHING | {LEDGER, lock_of_run("a")}, [f"SELECT pg_advisory_xact_lock({ALL})"]),
        (
            frozenset({RECORDS, LEDGER}),
            [
                SHARED,
                f"SELECT pg_advisory_xact_lock({LEDGER.number}), "
                f"pg_advisory_xact_lock({RECORDS.number})",
            ],
        ),
        (
            frozenset({lock_of_run("b'c"), lock_of_run("a")}),
            [
                SHARED,
                "SELECT 1 FROM runs WHERE id IN ('a', 'b''c') ORDER BY id FOR NO KEY UPDATE",
            ],
        ),
    ],
)
def test_a_transaction_takes_its_locks_in_their_order(locks: Locks, statements: list[str]) -> None:
    assert Postgres.begin_write(locks) == "; ".join([BEGIN, *statements])


@pytest.mark.parametrize(
    ("state", "kind"),
    [
        ("40P01", StoreConflict),
        ("40001", StoreConflict),
        ("55P03", StoreLocked),
        ("53100", StoreFull),
        ("XX001", StoreDamaged),
        ("XX002", StoreDamaged),
        ("25006", StoreReadOnly),
        ("42501", StoreReadOnly),
        ("3F000", StoreReadOnly),
    ],
)
def test_a_code_of_the_server_has_one_meaning(
    backend: Postgres, state: str, kind: type[StoreTrouble]
) -> None:
    trouble = backend.trouble(psycopg.errors.lookup(state)("what it said."), "connected")

    assert type(trouble) is kind
    assert "geheim" not in str(trouble)


@pytest.mark.parametrize(
    ("state", "kind"),
    [("connecting", StoreUnreachable), ("gone", StoreLost), ("connected", StoreTrouble)],
)
def test_an_error_without_code_is_judged_by_the_connection(
    backend: Postgres, state: Any, kind: type[StoreTrouble]
) -> None:
    trouble = backend.trouble(psycopg.OperationalError("server closed the connection"), state)

    assert type(trouble) is kind
    assert "geheim" not in str(trouble)


class Driver:
    """A connection to a server of *version*, which keeps what it is given to execute."""

    def __init__(self, version: int = 160_000) -> None:
        self.encoding = "UTF8"
        self.info = SimpleNamespace(
            server_version=version,
            backend_pid=7,
            transaction_status=TransactionStatus.IDLE,
            parameter_status=lambda name: self.encoding,
        )
        self.closed = False
        self.executed: list[str] = []

    def execute(self, statement: str, values: Any = None, **options: Any) -> Any:
        self.executed.append(statement)
        return SimpleNamespace(fetchone=lambda: (7,), close=lambda: None)

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> Driver:
    made = Driver()
    monkeypatch.setattr(psycopg, "connect", lambda **settings: made)
    return made


def test_a_connection_that_is_refused_after_its_opening_is_closed(
    backend: Postgres, driver: Driver
) -> None:
    driver.info.server_version = 120_000

    with pytest.raises(StoreUrlWrong):
        backend.connect()

    assert driver.closed is True


def test_a_database_without_unicode_is_refused_with_its_encoding(
    backend: Postgres, driver: Driver
) -> None:
    driver.encoding = "LATIN1"

    with pytest.raises(StoreUrlWrong, match="LATIN1"):
        backend.connect()

    assert driver.closed is True


@pytest.mark.parametrize(("patience", "milliseconds"), [(2, 2000), (0, 1)])
def test_a_new_connection_waits_for_locks_as_long_as_it_is_meant_to(
    driver: Driver, patience: int, milliseconds: int
) -> None:
    Postgres(read_url(URL), timedelta(seconds=patience)).connect()

    assert f"SET lock_timeout = {milliseconds}" in driver.executed
    assert "SET idle_in_transaction_session_timeout = 3000" in driver.executed
    assert driver.closed is False


def test_a_connection_knows_whether_it_is_in_a_transaction_and_whether_it_is_gone(
    backend: Postgres, driver: Driver
) -> None:
    connection = backend.connect()
    quiet = (connection.in_transaction, connection.is_gone)

    driver.info.transaction_status = TransactionStatus.INERROR
    driver.close()

    assert quiet == (False, False)
    assert (connection.in_transaction, connection.is_gone) == (True, True)


def test_statements_go_to_the_server_together_and_a_new_row_gives_its_number(
    backend: Postgres, driver: Driver
) -> None:
    connection = backend.connect()

    connection.tell_all(["SELECT 1", "SELECT 2"])
    number = connection.insert_and_number("INSERT INTO logs (run) VALUES (:run)", {"run": "a"})

    assert number == 7
    assert driver.executed[-2:] == [
        "SELECT 1; SELECT 2",
        "INSERT INTO logs (run) VALUES (%(run)s) RETURNING id",
    ]


def test_an_error_of_connecting_is_passed_on(backend: Postgres) -> None:
    with pytest.raises(psycopg.OperationalError):
        backend.connect()
