"""A pooler in front of PostgreSQL: refused when it gives each transaction another connection."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from almaflow.store import Store, StoreUrlWrong
from almaflow.store.url import StoreUrl
from tests.store.conftest import ManualClock

Pooler = Callable[..., str]

PGBOUNCER = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin") or ""

pytestmark = pytest.mark.skipif(not PGBOUNCER, reason="there is no pgbouncer (Debian's package)")

SETTINGS = """\
[databases]
* = host={folder} user={user}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
auth_type = any
pool_mode = {mode}
default_pool_size = {size}
unix_socket_dir =
"""


@pytest.fixture
def pooler(tmp_path: Path, postgres_url: str) -> Iterator[Pooler]:
    """Start poolers in front of a new store; each call returns the store's address through one."""
    started: list[subprocess.Popen[bytes]] = []
    server = StoreUrl.parse(postgres_url)

    def start(mode: str, size: int = 20) -> str:
        port = free_port()
        file = tmp_path / f"{port}.ini"
        folder, user = server.query["host"], server.user
        text = SETTINGS.format(folder=folder, user=user, port=port, mode=mode, size=size)
        file.write_text(text, "utf-8")
        file.chmod(0o644)
        # It refuses to run as root; this user may use the server's socket.
        rights = {"user": os.stat(folder).st_uid} if os.geteuid() == 0 else {}
        with file.open("rb") as given:
            started.append(
                subprocess.Popen(
                    [PGBOUNCER, "-q", "/dev/stdin"],
                    stdin=given,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    cwd="/",
                    **rights,  # type: ignore[call-overload]
                )
            )
        there = replace(server, host="127.0.0.1", port=port, query={})
        wait_until_open(port)
        return str(there)

    yield start
    for process in started:
        process.kill()
        process.wait()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def is_open(port: int) -> bool:
    """Whether somebody listens at *port*."""
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def wait_until_open(port: int) -> None:
    """Wait for a pooler that was just started."""
    until = time.monotonic() + 20
    while not is_open(port):
        assert time.monotonic() < until, "the pooler does not start"
        time.sleep(0.02)


@pytest.mark.parametrize("mode", ["transaction", "statement"])
def test_a_pooler_that_shares_connections_is_refused(pooler: Pooler, mode: str) -> None:
    with pytest.raises(StoreUrlWrong) as caught:
        Store.open(pooler(mode), clock=ManualClock())

    assert "pool_mode = session" in str(caught.value)


def test_it_is_refused_while_others_use_it(pooler: Pooler) -> None:
    url = pooler("transaction")

    with psycopg.connect(url) as one, psycopg.connect(url) as two:
        one.execute("SELECT 1")
        two.execute("SELECT 1")
        with pytest.raises(StoreUrlWrong):
            Store.open(url, clock=ManualClock())


@pytest.mark.parametrize("size", [20, 1])
def test_a_pooler_of_sessions_is_as_good_as_a_server(pooler: Pooler, size: int) -> None:
    store = Store.open(pooler("session", size), clock=ManualClock())

    assert store.runs() == []
    store.close()
