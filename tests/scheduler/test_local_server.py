"""The server of the metrics: whom it answers, and how little slow clients can do to it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any
from urllib.request import urlopen

import pytest

from almaflow.scheduler.local_server import LocalServer, host_refusal


def application(environ: dict[str, Any], start: Any) -> list[bytes]:
    start("200 OK", [("Content-Type", "text/plain")])
    return [b"answered"]


@contextmanager
def serving(lifetime: float = 30.0) -> Iterator[int]:
    server = LocalServer(0, application, lifetime=lifetime)
    try:
        yield server.port
    finally:
        server.stop()


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=10)


@pytest.mark.parametrize(
    ("hosts", "target", "version", "status"),
    [
        (["127.0.0.1:9464"], "/metrics", "HTTP/1.1", None),
        (["0x7f.1"], "/metrics", "HTTP/1.1", None),
        ([], "/metrics", "HTTP/1.0", None),
        ([], "/metrics", "HTTP/1.1", 400),
        (["localhost", "localhost"], "/metrics", "HTTP/1.1", 400),
        (["localhost"], "http://evil.example/metrics", "HTTP/1.1", 400),
        (["evil.example"], "/metrics", "HTTP/1.0", 421),
        (["10.0.0.5"], "/metrics", "HTTP/1.1", 421),
        (["api-eu.hosted.exlibrisgroup.com"], "/metrics", "HTTP/1.1", 421),
    ],
)
def test_only_requests_that_name_this_machine_are_answered(
    hosts: list[str], target: str, version: str, status: int | None
) -> None:
    assert host_refusal(hosts, target, version) == status


def test_500_slow_clients_keep_nobody_out(capfd: pytest.CaptureFixture[str]) -> None:
    with serving() as port, ExitStack() as connections:
        slow = [connections.enter_context(connect(port)) for _ in range(500)]
        for connection in slow:
            with suppress(OSError):
                connection.send(b"GET /me")
        with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            text = answer.read()
        with suppress(ConnectionResetError):
            assert slow[0].recv(1) == b""

    assert text == b"answered"
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("beginning", [b"", b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nX: "])
def test_a_byte_now_and_then_does_not_buy_time(
    beginning: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    with serving(lifetime=0.1) as port, connect(port) as connection:
        connection.settimeout(0.01)
        connection.sendall(beginning)
        with suppress(ConnectionError):
            for _ in range(1000):
                try:
                    assert connection.recv(100) == b""
                    break
                except TimeoutError:
                    connection.sendall(b"x"[: len(beginning)])
            else:
                pytest.fail("The connection outlived its lifetime.")

    assert capfd.readouterr().err == ""
