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
