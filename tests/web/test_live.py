"""Live views: browsers are informed, and nothing of one that went away stays."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from almaflow.settings.serving import PageAddress
from almaflow.store import Store, overview
from almaflow.web import live
from almaflow.web.live import Live
from almaflow.web.server import PageServer
from tests.web.night import at, make_night
from tests.web.pages import HandClock, Site
from tests.web.recorded import record_run

PATIENCE = 20.0


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Site, PageServer]]:
    """A page over a socket, whose poller asks often."""
    monkeypatch.setattr(live, "POLL", 0.02)
    clock = HandClock(at(8, 30))
    store = Store.open(f"sqlite:///{tmp_path}/store.db", clock=clock)
    site = Site(store, clock, tmp_path)
    server = PageServer(site.app, PageAddress("127.0.0.1", 0))
    server.start()
    yield site, server
    server.stop()
    store.close()


class Listener:
    """A browser with a live view at *address*."""

    def __init__(self, server: PageServer, address: str = "/live") -> None:
        self.connection = socket.create_connection(
            ("127.0.0.1", server.address.port), timeout=PATIENCE
        )
        request = f"GET {address} HTTP/1.1\r\nHost: {server.address.netloc}\r\n\r\n"
        self.connection.sendall(request.encode())
        self.received = b""
        self.wait_for(b"retry:")

    def wait_for(self, text: bytes, times: int = 1) -> None:
        while self.received.count(text) < times:
            more = self.connection.recv(4096)
            assert more, self.received
            self.received += more


def listening(site: Site) -> Live:
    return cast("Live", site.app.state.live)


def eventually(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_every_browser_is_informed_of_a_change(served: tuple[Site, PageServer]) -> None:
    site, server = served
    browsers = [Listener(server) for _ in range(5)]

    for number in (1, 2):
        record_run(site, number)
        for browser in browsers:
            browser.wait_for(b"event: changed", number)
    for browser in browsers:
        browser.connection.close()


@pytest.mark.parametrize("address", ["/", "/runs/{run}"])
def test_a_change_between_the_page_and_its_live_view_is_reported(
    served: tuple[Site, PageServer], address: str
) -> None:
    site, server = served
    page = address.format(run=record_run(site, 1))
    before = re.search('sse-connect="([^"]*)"', site.client.get(page).text)
    assert before is not None
    unchanged = Listener(server, before[1])

    record_run(site, 2)
    unchanged.wait_for(b"event: changed")
    late = Listener(server, before[1])
    late.wait_for(b"event: changed")

    after = re.search('sse-connect="([^"]*)"', site.client.get(page).text)
    assert after is not None
    current = Listener(server, after[1])
    for browser in (unchanged, late, current):
        browser.connection.close()
    assert b"event: changed" not in current.received


def test_nothing_stays_of_browsers_that_went_away(served: tuple[Site, PageServer]) -> None:
    site, server = served

    for _ in range(3):
        browsers = [Listener(server) for _ in range(10)]
        assert len(listening(site).listeners) == 10
        for browser in browsers:
            browser.connection.close()
        eventually(lambda: not listening(site).listeners)

    task = listening(site).task
    assert task is not None
    eventually(task.done)


def test_there_is_a_bound_on_live_views(
    served: tuple[Site, PageServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    site, server = served
    monkeypatch.setattr(live, "MOST_LISTENERS", 1)
    browser = Listener(server)

    assert site.client.get("/live").status_code == 503
    browser.connection.close()


def test_live_views_that_are_opened_at_the_same_time_are_bounded(
    served: tuple[Site, PageServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    site, server = served
    answers = threading.Event()
    monkeypatch.setattr(live, "MOST_LISTENERS", 2)
    monkeypatch.setattr(live, "store_version", lambda store: str(answers.wait(PATIENCE)))
    request = f"GET /live HTTP/1.1\r\nHost: {server.address.netloc}\r\n\r\n".encode()
    browsers = [
        socket.create_connection(("127.0.0.1", server.address.port), PATIENCE) for _ in range(5)
    ]

    # The store has not answered to the first ones when the others ask.
    for browser in browsers[:2]:
        browser.sendall(request)
    eventually(lambda: len(listening(site).listeners) == 2)
    for browser in browsers[2:]:
        browser.sendall(request)
    refused = [browser.recv(12) for browser in browsers[2:]]
    answers.set()
    opened = [browser.recv(12) for browser in browsers[:2]]

    assert (refused, opened) == ([b"HTTP/1.1 503"] * 3, [b"HTTP/1.1 200"] * 2)
    for browser in browsers:
        browser.close()


def test_a_server_stops_although_browsers_listen(served: tuple[Site, PageServer]) -> None:
    _, server = served
    browser = Listener(server)

    server.stop()

    assert b"event: changed" not in browser.received
    browser.connection.close()


def test_the_version_of_a_store_changes_with_what_pages_show(site: Site) -> None:
    def version() -> str:
        with site.store.read() as tx:
            return overview.version(tx)

    versions = [version()]
    run = record_run(site, 1)
    versions.append(version())
    site.store.ask_cancel(run, "anna")
    versions.append(version())
    site.store.pause("nightly", by="anna")
    versions.append(version())
    site.store.unpause("nightly", by="anna")
    versions.append(version())
    process = site.store.enter_process("host", 1, "0")
    same = version()
    site.store.renew_lease(process.id)

    assert len(set(versions)) == len(versions)
    assert same == version() == versions[-1]


def test_a_page_is_rendered_once_for_all_browsers(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_night(site)
    rendered: list[int] = []
    read = overview.read

    def noted(*arguments: Any) -> overview.Overview:
        rendered.append(1)
        return read(*arguments)

    monkeypatch.setattr(overview, "read", noted)

    for _ in range(5):
        assert site.browser().get("/").status_code == 200

    assert len(rendered) == 1


@pytest.mark.parametrize("address", ["/", "/runs", "/approvals", "/notices", "/workflows"])
def test_a_live_page_fetches_only_what_it_replaces(
    served: tuple[Site, PageServer], address: str
) -> None:
    client = served[0].client
    whole = client.get(f"{address}?state=failed").text
    part = client.get(f"{address}?state=failed", headers={"hx-request": "true"}).text

    assert f'hx-get="{address}?state=failed"' in whole
    assert "<html" in whole
    assert "<html" not in part
    assert 'id="hidden-note" hx-swap-oob="true"' in part
    assert part.partition('<div id="hidden-note"')[0].strip() in whole
