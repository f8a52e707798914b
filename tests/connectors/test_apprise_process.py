"""What the process that sends notices does, called here without a process of its own."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import requests
import urllib3
from requests.adapters import HTTPAdapter

from almaflow.connectors import apprise_process
from tests.connectors import hostile
from tests.connectors.servers import free_port, web_hook

resource = pytest.importorskip("resource")


@pytest.fixture
def bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bound the requests of this test only."""
    monkeypatch.setattr(HTTPAdapter, "build_response", HTTPAdapter.build_response)
    target = requests.Session.get_redirect_target
    monkeypatch.setattr(requests.Session, "get_redirect_target", target)
    apprise_process.bound_requests()


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """Leave the log of Apprise as it was."""
    log = logging.getLogger("apprise")
    before = list(log.handlers)
    yield
    log.handlers[:] = before


def test_a_notice_is_taken_with_its_file(bounded: None, tmp_path: Path) -> None:
    file = tmp_path / "stored"
    file.write_text("1,2\n", "utf-8")
    with web_hook() as hook:
        report = apprise_process.send(
            f"json://127.0.0.1:{hook.port}/hook",
            "Title",
            "Text",
            [{"name": "set.csv", "path": str(file)}],
        )

    assert report == {"taken": True, "reasons": [], "hosts": ["127.0.0.1"], "without_files": []}
    [body] = hook.bodies
    assert '"set.csv"' in body


def test_a_refusal_is_reported_with_its_reason(bounded: None) -> None:
    with web_hook() as hook:
        hook.status = 503
        report = apprise_process.send(f"json://127.0.0.1:{hook.port}", "Title", "Text")

    assert report["taken"] is False
    assert any("503" in reason for reason in report["reasons"])


def test_a_service_that_carries_no_files_is_named(bounded: None, tmp_path: Path) -> None:
    file = tmp_path / "stored"
    file.write_text("1", "utf-8")
    address = f"rocket://user:password@127.0.0.1:{free_port()}/#room"

    report = apprise_process.send(address, "T", "T", [{"name": "a", "path": str(file)}])

    assert report["taken"] is False
    assert report["without_files"] == ["Rocket.Chat"]


def test_an_address_of_no_service_is_neither_taken_nor_refused() -> None:
    report = apprise_process.send("nonsense", "Title", "Text")

    assert (report["taken"], report["hosts"], report["without_files"]) == (None, [], [])


def test_reasons_are_bounded_in_number_and_length() -> None:
    reasons = apprise_process._Reasons()
    log = logging.getLogger("apprise")
    log.addHandler(reasons)

    for _ in range(apprise_process.MOST_REASONS + 5):
        log.warning("x" * 2 * apprise_process.LONGEST_REASON)

    assert [len(text) for text in reasons.texts] == (
        [apprise_process.LONGEST_REASON] * apprise_process.MOST_REASONS
    )


@pytest.mark.parametrize(
    ("hard", "soft"),
    [
        (resource.RLIM_INFINITY, apprise_process.MOST_MEMORY),
        (2 * apprise_process.MOST_MEMORY, apprise_process.MOST_MEMORY),
        (1024, 1024),
    ],
)
def test_memory_is_bounded_within_the_hard_limit(
    monkeypatch: pytest.MonkeyPatch, hard: int, soft: int
) -> None:
    limits: list[Any] = []
    monkeypatch.setattr(resource, "getrlimit", lambda what: (hard, hard))
    monkeypatch.setattr(resource, "setrlimit", lambda what, both: limits.append((what, both)))

    apprise_process.bound_memory()

    assert limits == [(resource.RLIMIT_DATA, (soft, hard))]


def test_a_system_without_limits_of_memory_goes_without(monkeypatch: pytest.MonkeyPatch) -> None:
    limits: list[Any] = []
    monkeypatch.setattr(resource, "setrlimit", lambda *both: limits.append(both))
    monkeypatch.setitem(__import__("sys").modules, "resource", None)

    apprise_process.bound_memory()

    assert limits == []


def test_a_small_response_is_read_whole(bounded: None) -> None:
    def play(say: hostile.Say, wait: hostile.Wait) -> None:
        say(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-One: 1\r\n\r\nhello")

    with hostile.server(play) as port:
        response = requests.get(f"http://127.0.0.1:{port}/", timeout=10)

    assert (response.status_code, response.text, response.headers["X-One"]) == (200, "hello", "1")
    assert "Content-Length" not in response.headers


@pytest.mark.parametrize(
    ("play", "kind"),
    [
        (hostile.endless_body, requests.ConnectionError),
        (hostile.gzip_bomb, requests.ConnectionError),
        (hostile.redirect("http://localhost:1/admin"), requests.exceptions.InvalidURL),
        (hostile.redirect("/again"), requests.TooManyRedirects),
    ],
)
def test_a_response_without_end_and_a_redirect_inside_are_refused(
    bounded: None, play: hostile.Play, kind: type[Exception]
) -> None:
    with hostile.server(play) as port, pytest.raises(kind):
        requests.get(f"http://127.0.0.1:{port}/", timeout=10)


def test_a_response_that_breaks_off_is_a_connection_error_and_closed() -> None:
    closed: list[bool] = []

    def stream(size: int, *, decode_content: bool) -> Iterator[bytes]:
        yield b"x"
        raise urllib3.exceptions.ProtocolError("cut")

    broken = SimpleNamespace(stream=stream, close=lambda: closed.append(True))
    request = requests.Request("GET", "http://127.0.0.1/").prepare()

    with pytest.raises(requests.ConnectionError) as caught:
        apprise_process._bounded_response(HTTPAdapter(), request, broken)

    assert caught.value.request is request
    assert closed == [True]


@pytest.mark.parametrize(
    ("source", "target", "problem"),
    [
        ("https://8.8.8.8/a", "https://8.8.8.8:x/", "an invalid address"),
        ("https://8.8.8.8/a", "ftp://8.8.8.8/", "an address that is not a web address"),
        ("https://8.8.8.8/a", "https:///path", "an address that is not a web address"),
        ("https://8.8.8.8/a", "http://8.8.8.8/", "an unencrypted address"),
        ("http://8.8.8.8:80/a", "http://8.8.8.8:81/", ""),
        ("http://127.0.0.1:80/a", "http://127.0.0.1:80/b", ""),
        ("http://127.0.0.1:80/a", "http://127.0.0.1:81/b", "an address that is not public"),
        ("http://8.8.8.8/a", "http://10.0.0.1/", "an address that is not public"),
        ("http://8.8.8.8/a", "http://9.9.9.9/", ""),
    ],
)
def test_what_speaks_against_a_redirect_is_named(source: str, target: str, problem: str) -> None:
    assert apprise_process.redirect_problem(source, target) == problem


@pytest.mark.parametrize(
    ("addresses", "public"),
    [
        ([], False),
        (["8.8.8.8"], True),
        (["8.8.8.8", "10.0.0.1"], False),
        (["2001:4860:4860::8888"], True),
        (["::ffff:127.0.0.1"], False),
        (["::ffff:8.8.8.8"], True),
        (["2002:7f00:1::"], False),
        (["fe80::1%lo"], False),
        (["224.0.1.1"], False),
        (["ff0e::1"], False),
    ],
)
def test_a_host_is_public_when_all_its_addresses_are(
    monkeypatch: pytest.MonkeyPatch, addresses: list[str], public: bool
) -> None:
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, 0)) for one in addresses]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **options: found)

    assert apprise_process.is_public("host") is public


@pytest.mark.parametrize("error", [socket.gaierror("unknown"), UnicodeError("label too long")])
def test_a_host_without_address_is_not_public(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*_: Any, **options: Any) -> Any:
        raise error

    monkeypatch.setattr(socket, "getaddrinfo", fail)

    assert apprise_process.is_public("host") is False
