"""What is S3's own: pages without end, pages after pages, redirects."""

from __future__ import annotations

import itertools
import time

import pytest

from almaflow.connectors import base, remote, s3
from almaflow.connectors.base import Search, list_files
from almaflow.connectors.errors import ConnectorRefused, TemporaryFailure
from almaflow.connectors.remote import RemoteServer
from almaflow.connectors.s3 import S3Source
from tests.connectors import hostile
from tests.connectors.servers import web_hook


def place(port: int) -> S3Source:
    server = RemoteServer.read(
        "bucket", "s3://KEY@bucket/in", password="secret", endpoint=f"http://127.0.0.1:{port}"
    )
    return S3Source(server, Search("bucket", "", "*"))


def pages(keys_of_a_page: int, length: int) -> hostile.Play:
    """Return a play of pages of which each announces another one."""
    numbers = itertools.count()

    def play(say: hostile.Say, wait: hostile.Wait) -> None:
        key = f"<Contents><Key>in/{'k' * length}</Key><Size>1</Size></Contents>"
        page = (
            f"<ListBucketResult><IsTruncated>true</IsTruncated>{key * keys_of_a_page}"
            f"<NextContinuationToken>{next(numbers)}</NextContinuationToken></ListBucketResult>"
        ).encode()
        say(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: application/xml\r\n")
        say(f"Content-Length: {len(page)}\r\n\r\n".encode() + page)

    return play


@pytest.mark.parametrize("play", [hostile.endless_body, hostile.endless_error])
def test_a_page_without_end_is_refused(play: hostile.Play, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3, "LARGEST_PAGE", 2 * 1024 * 1024)
    with hostile.server(play) as port, pytest.raises(ConnectorRefused) as caught:
        list_files(place(port))

    assert "a page of more than 2097152 bytes" in str(caught.value)


def test_pages_without_end_that_list_nothing_take_the_time_of_a_listing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(remote, "LISTING", 1.0)
    with hostile.server(pages(0, 0)) as port:
        begun = time.monotonic()
        with pytest.raises(TemporaryFailure):
            list_files(place(port))

    assert time.monotonic() - begun < 60


def test_the_names_of_a_folder_have_a_bound_altogether(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "MOST_CHARACTERS", 20_000)
    with hostile.server(pages(5, 1_000)) as port, pytest.raises(ConnectorRefused) as caught:
        list_files(place(port))

    assert f"more than {base.MOST_CHARACTERS} characters" in str(caught.value)


def test_a_redirect_is_not_followed() -> None:
    with web_hook() as inner:
        play = hostile.redirect(f"http://127.0.0.1:{inner.port}/admin")
        with hostile.server(play) as port, pytest.raises(ConnectorRefused):
            list_files(place(port))

    assert inner.called == []
