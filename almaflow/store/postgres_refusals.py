"""Why a server of PostgreSQL did not let us in, as sentences with the next move.

libpq gives a failed connection no error code, only text, which may be in the server's language. So
the kind is found by asking: whether libpq could use the settings, whether a server responds there
(`PQping`), and whether it asked for a password. The text is quoted.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import psycopg
from psycopg.conninfo import make_conninfo
from psycopg.pq import PGconn, Ping

from almaflow.late_patterns import late_pattern
from almaflow.store.errors import StoreReadOnly, StoreUnreachable, StoreUrlWrong
from almaflow.store.location import StoreLocation

OLDEST: Final = 13
"""The oldest PostgreSQL that procrastinate and almaflow's own statements run on."""

# Seconds for asking whether a server is there, after a connection has failed.
_PATIENCE: Final = 2

# What libpq writes before the reason; the address of the store says it already.
_BEFORE: Final = late_pattern(
    r"(connection (failed|is bad): )?"
    r'(connection to server at ".*?" ?(\(.*?\))?, port \d+ failed: )?'
    r"(FATAL: +)?"
)


def check_server(location: StoreLocation, connection: psycopg.Connection[Any]) -> None:
    """Refuse a server that is too old, or a database without Unicode; Raises: StoreUrlWrong."""
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise StoreUrlWrong(
            f"The database of the store {location} keeps text as {encoding}, and almaflow needs "
            "UTF8. Make another one with `CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0`, "
            "and name it as `store` in almaflow.yaml."
        )
    version = connection.info.server_version
    if version < OLDEST * 10_000:
        raise StoreUrlWrong(
            f"The server of the store {location} is PostgreSQL {version // 10_000}, and almaflow "
            f"needs PostgreSQL {OLDEST} or later. Update the server, or name another one as "
            "`store` in almaflow.yaml."
        )


def check_settings(
    location: StoreLocation, error: psycopg.Error, settings: Mapping[str, Any]
) -> None:
    """Raise `StoreUrlWrong` when the connection failed because libpq cannot use the settings."""
    if isinstance(error, psycopg.ProgrammingError) or _ping(settings) is Ping.NO_ATTEMPT:
        raise StoreUrlWrong(
            f"The address of the store {location} has a setting that PostgreSQL's client cannot "
            f"use: {reason_of(error)}. Correct what follows the question mark in `store` of "
            "almaflow.yaml."
        ) from error


def no_entry(
    location: StoreLocation, error: BaseException, settings: Mapping[str, Any]
) -> StoreUnreachable:
    """Return what an *error* means with which a connection with *settings* failed."""
    reason = reason_of(error)
    connection = getattr(error, "pgconn", None)
    if connection is not None and connection.needs_password:
        return StoreUnreachable(
            f"The server of the store {location} asks for a password, and the address has none.",
            "Put the whole address with the password into an environment variable, and write its "
            "name in almaflow.yaml, such as `store: env:ALMAFLOW_STORE`",
        )
    without = {name: it for name, it in settings.items() if not name.startswith(("ssl", "gss"))}
    state = _ping(without)
    if state is Ping.REJECT:
        return StoreUnreachable(
            f"The server of the store {location} is starting or stopping: {reason}.",
            "Wait until it has started",
        )
    if state is Ping.OK:
        encryption = "`sslmode`"
        if str(settings.get("sslmode", "")).startswith("verify"):
            encryption = (
                "the certificates (that of the server, which for `sslmode=verify-full` names its "
                "host, and that of its authority, in the file that `sslrootcert` names)"
            )
        return StoreUnreachable(
            f"The server of the store {location} refused the connection: {reason}.",
            f"Check the user, the password, the database, which must exist, and {encryption} in "
            "`store` of almaflow.yaml",
        )
    return StoreUnreachable(
        f"The server of the store {location} cannot be reached: {reason}.",
        "Check that it runs, and that host and port in `store` of almaflow.yaml are right",
    )


def no_right(location: StoreLocation, error: psycopg.Error) -> StoreReadOnly:
    """Return what an *error* means by which the user of the database lacks a right."""
    return StoreReadOnly(
        f"The user of the store {location} lacks a right in the database:"
        f" {error.diag.message_primary}.",
        "Let an administrator make this user the owner of the database (`ALTER DATABASE … OWNER "
        "TO …`) and of all tables of almaflow and procrastinate in it",
    )


def read_only(location: StoreLocation, error: psycopg.Error) -> StoreReadOnly:
    """Return what an *error* means by which the server takes no changes."""
    return StoreReadOnly(
        f"The store {location} cannot be written: {error.diag.message_primary}.",
        "Check that its server is not a standby, and that `default_transaction_read_only` is off "
        "there, or name another server as `store`",
    )


def reason_of(error: BaseException) -> str:
    """Return what the server or libpq says, once, on one line and without a full stop."""
    # Lines that are indented are libpq's own advice.
    lines = [line for line in str(error).splitlines() if line and not line[0].isspace()]
    reasons = [" ".join(_BEFORE.sub("", line, count=1).split()).rstrip(".?") for line in lines]
    return "; ".join(dict.fromkeys(reasons)) or type(error).__name__


def _ping(settings: Mapping[str, Any]) -> Ping:
    try:
        address = make_conninfo(**{**settings, "connect_timeout": _PATIENCE})
    except psycopg.Error:
        return Ping.NO_ATTEMPT
    return Ping(PGconn.ping(address.encode()))
