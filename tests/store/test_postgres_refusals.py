"""A server that does not let us in: what is wrong, and that no password is ever shown."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from almaflow.errors import AlmaflowError
from almaflow.store import Store, StoreReadOnly, StoreUnreachable, StoreUrlWrong, postgres_refusals
from almaflow.store.location import read_url
from almaflow.store.postgres_refusals import OLDEST
from tests.postgres import PostgresServer
from tests.store.conftest import make_record
from tests.store.fake_server import refusing_server
from tests.store.others import Rival

Opener = Callable[..., Store]

PASSWORD = "geheimes-wort"


@pytest.fixture
def store_url(request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue("postgres_url"))


def refused(open_store: Opener, url: str, kind: type[AlmaflowError]) -> str:
    """Return the text of the error with which a store is not opened."""
    with pytest.raises(kind) as caught:
        open_store(url)
    assert PASSWORD not in str(caught.value)
    return str(caught.value)


@pytest.fixture
def opener() -> Opener:
    """Open a store that is not there."""
    from tests.store.conftest import ManualClock

    return lambda url: Store.open(url, clock=ManualClock())


@pytest.mark.parametrize("query", ["sslmode=wrong", "sslmod=require", "connect_timeout=abc"])
def test_a_setting_that_libpq_cannot_use_is_a_wrong_request(opener: Opener, query: str) -> None:
    text = refused(opener, f"postgresql://eva:{PASSWORD}@127.0.0.1:1/alma?{query}", StoreUrlWrong)

    assert "postgresql://eva:***@127.0.0.1:1/alma" in text


@pytest.mark.parametrize(
    "rest",
    [
        "127.0.0.1:99999/alma",
        "127.0.0.1:0/alma",
        "127.0.0.1:port/alma",
        "part/of@it@127.0.0.1/alma",
    ],
)
def test_an_address_that_cannot_be_taken_apart_is_not_shown(opener: Opener, rest: str) -> None:
    text = refused(opener, f"postgresql://eva:{PASSWORD}@{rest}", StoreUrlWrong)

    assert "part" not in text
    assert "%40" in text


def test_what_comes_before_the_last_at_is_the_password() -> None:
    url = read_url(f"postgresql://eva:{PASSWORD}@more#of:it@127.0.0.1/alma").url

    assert url is not None
    assert (url.password, url.host) == (f"{PASSWORD}@more#of:it", "127.0.0.1")


def test_a_port_at_which_nothing_listens_is_said_to_be_unreachable(opener: Opener) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    text = refused(opener, f"postgresql://eva:{PASSWORD}@127.0.0.1:{port}/alma", StoreUnreachable)

    assert "host and port" in text


def test_a_socket_that_is_not_there_is_named(opener: Opener, tmp_path: Path) -> None:
    url = f"postgresql://eva:{PASSWORD}@/alma?host={tmp_path}"

    assert str(tmp_path) in refused(opener, url, StoreUnreachable)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("28P01", 'password authentication failed for user "eva"'),
        ("28000", "no pg_hba.conf entry for host"),
        ("3D000", "Datenbank »alma« existiert nicht"),
        ("53300", "sorry, too many clients already"),
    ],
)
@pytest.mark.parametrize("query", ["", "?sslmode=prefer&gssencmode=disable"])
def test_a_server_that_refuses_is_quoted_once_in_any_language(
    opener: Opener, code: str, message: str, query: str
) -> None:
    with refusing_server(code, message) as port:
        url = f"postgresql://eva:{PASSWORD}@127.0.0.1:{port}/alma{query}"
        text = refused(opener, url, StoreUnreachable)

    assert text.count(message) == 1
    assert "sslmode" in text
    assert "host and port" not in text


def test_a_server_that_starts_up_is_waited_for(opener: Opener) -> None:
    with refusing_server("57P03", "das Datenbanksystem startet") as port:
        url = f"postgresql://eva:{PASSWORD}@127.0.0.1:{port}/alma"
        text = refused(opener, url, StoreUnreachable)

    assert "das Datenbanksystem startet" in text
    assert "Wait until it has started" in text


def test_certificates_are_named_where_the_address_wants_them_verified(
    opener: Opener,
) -> None:
    with refusing_server("28000", "no") as port:
        url = f"postgresql://eva:{PASSWORD}@127.0.0.1:{port}/alma?sslmode=verify-full"
        text = refused(opener, url, StoreUnreachable)

    assert "`sslrootcert`" in text


def test_a_server_without_the_encryption_that_is_wanted_is_not_called_unreachable(
    opener: Opener,
) -> None:
    with refusing_server("28000", "no") as port:
        url = f"postgresql://eva:{PASSWORD}@127.0.0.1:{port}/alma?sslmode=require"
        text = refused(opener, url, StoreUnreachable)

    assert "SSL" in text
    assert "`sslmode`" in text


# Against a real server


@pytest.fixture
def stranger(postgres: PostgresServer) -> Iterator[str]:
    """A user of the server who has no rights in any database."""
    with postgres.connect("postgres") as connection:
        connection.execute("CREATE ROLE stranger LOGIN")
        yield "stranger"
        connection.execute("DROP OWNED BY stranger")
        connection.execute("DROP ROLE stranger")


def as_user(url: str, user: str) -> str:
    return url.replace("//postgres", f"//{user}", 1)


@pytest.mark.slow
def test_a_database_that_is_not_there_is_refused_by_a_server_that_runs(
    opener: Opener, postgres: PostgresServer
) -> None:
    text = refused(opener, postgres.url("nowhere"), StoreUnreachable)

    assert 'database "nowhere" does not exist' in text
    assert "must exist" in text


@pytest.mark.parametrize("usage", ["ALL", "CREATE"])
@pytest.mark.slow
def test_a_user_who_may_not_make_tables_is_told_the_right_that_is_missing(
    opener: Opener, postgres: PostgresServer, stranger: str, usage: str
) -> None:
    with postgres.new_database(empty=True) as url:
        Rival(url).do(f"REVOKE {usage} ON SCHEMA public FROM PUBLIC")

        text = refused(opener, as_user(url, stranger), StoreReadOnly)

    assert "lacks a right" in text
    assert "LINE" not in text


@pytest.mark.parametrize("rights", ["", "SELECT", "SELECT, UPDATE"])
@pytest.mark.slow
def test_a_user_who_may_not_write_tables_is_told_so(
    open_store: Opener, store_url: str, stranger: str, rights: str
) -> None:
    open_store().close()
    rival = Rival(store_url)
    if rights:
        rival.do(f"GRANT {rights} ON ALL TABLES IN SCHEMA public TO {stranger}")

    with pytest.raises(StoreReadOnly) as caught:
        open_store(as_user(store_url, stranger)).add_run({}, make_record())

    assert "permission denied for table" in str(caught.value)
    assert "owner" in str(caught.value)
    rival.do(f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {stranger}")


@pytest.mark.slow
def test_a_database_that_cannot_hold_every_text_is_refused(
    opener: Opener, postgres: PostgresServer
) -> None:
    with postgres.connect("postgres") as connection:
        connection.execute(
            "CREATE DATABASE ascii ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'"
            " TEMPLATE template0"
        )
        text = refused(opener, postgres.url("ascii"), StoreUrlWrong)
        connection.execute("DROP DATABASE ascii WITH (FORCE)")

    assert "as SQL_ASCII" in text
    assert "UTF8" in text


@pytest.mark.slow
def test_a_server_that_is_too_old_is_named_with_the_version_that_it_needs(
    opener: Opener, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_refusals, "OLDEST", 99)

    text = refused(opener, postgres_url, StoreUrlWrong)

    assert "PostgreSQL 99 or later" in text
    assert OLDEST < 99
