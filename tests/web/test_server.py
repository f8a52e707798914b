"""The page over a socket."""

from __future__ import annotations

import socket
import urllib.request

import pytest
from starlette.responses import PlainTextResponse

from almaflow.settings.serving import PageAddress
from almaflow.web.server import PageRefused, PageServer

APP = PlainTextResponse("here")


def test_the_page_is_served_until_it_is_stopped() -> None:
    server = PageServer(APP, PageAddress("127.0.0.1", 0))
    server.start()
    address = server.address

    with urllib.request.urlopen(f"http://{address.netloc}/", timeout=10) as answer:
        body, headers = answer.read(), answer.headers
    server.stop()

    assert body == b"here"
    assert "server" not in headers
    with socket.create_server(("127.0.0.1", address.port)):
        pass


def test_a_busy_port_is_one_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(PageRefused, match=f"127.0.0.1:{port}") as caught:
            PageServer(APP, PageAddress("127.0.0.1", port))

    assert caught.value.is_busy


def test_a_client_that_sends_no_head_loses_its_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("almaflow.web.server.HEAD_TIME", 0.2)
    server = PageServer(APP, PageAddress("127.0.0.1", 0))
    server.start()
    address = ("127.0.0.1", server.address.port)

    with (
        socket.create_connection(address, timeout=10) as silent,
        socket.create_connection(address, timeout=10) as slow,
    ):
        slow.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n")
        answers = silent.recv(1), slow.recv(1)
    server.stop()

    assert answers == (b"", b"")


def test_a_head_that_is_too_large_is_refused() -> None:
    server = PageServer(APP, PageAddress("127.0.0.1", 0))
    server.start()

    with socket.create_connection(("127.0.0.1", server.address.port), timeout=10) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + b"x" * 100_000)
        answer = client.recv(12)
    server.stop()

    assert answer == b"HTTP/1.1 400"
