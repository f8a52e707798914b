"""The log of requests: one line each, without keys, whatever a client sends."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from almaflow.alma.simulator.http import SimulatorServer
from almaflow.alma.simulator.request_log import LoggedRequest, without_keys
from almaflow.cli.simulator_log import RequestLog
from almaflow.errors import RequestWrong
from tests.simulator.served import TEST, Served, until_end
from tests.simulator.world import World


def logged(*requests: bytes) -> list[LoggedRequest]:
    """Return the log of requests that are sent as they are, one connection each.

    A connection is logged by the thread that served it, after the client has seen its end: the
    next request waits for the line of the one before.
    """
    world = World()
    log: list[LoggedRequest] = []
    with SimulatorServer(world.alma, log=log.append) as server:
        served = Served(world, server, None)  # type: ignore[arg-type]
        for sent, request in enumerate(requests, start=1):
            with served.connect() as connection:
                connection.sendall(request.replace(b"KEY", world.key.encode()))
                until_end(connection)
            while len(log) < sent:
                threading.Event().wait(0.002)
    return log


END = b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


def test_a_request_is_logged_with_its_status_and_without_its_key() -> None:
    (request,) = logged(b"GET " + TEST.encode() + b"?apikey=KEY" + END)

    assert (request.method, request.status) == ("GET", 200)
    assert request.target == f"{TEST}?apikey=***"
    assert 0 <= request.milliseconds < 60_000


def test_requests_that_are_refused_are_logged() -> None:
    log = logged(
        b"GET /x HTTP/1.1\r\nHost: elsewhere.example\r\n\r\n",
        b"nonsense\r\n\r\n",
        b"POST /y HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n",
    )

    assert [(one.method, one.target, one.status) for one in log] == [
        ("GET", "/x", 421),
        ("", "", 400),
        ("POST", "/y", 400),
    ]


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("/a?apikey=secret&limit=1", "/a?apikey=***&limit=1"),
        ("/a?limit=1&APIKEY=secret", "/a?limit=1&APIKEY=***"),
        ("/a?api%6Bey=secret", "/a?api%6Bey=***"),
        ("/a?api%256Bey=secret", "/a?api%256Bey=***"),
        ("/a?x=1;apikey=se=cret", "/a?x=1;apikey=***"),
        ("/a?apikey=x?apikey=secret", "/a?apikey=***?apikey=***"),
    ],
)
def test_keys_are_starred_in_every_spelling(target: str, expected: str) -> None:
    assert without_keys(target) == expected


def test_a_long_target_is_shortened() -> None:
    assert len(without_keys("/" + "x" * 60_000)) < 2100


def test_a_line_cannot_be_broken_by_what_a_client_sends(tmp_path: Path) -> None:
    file = tmp_path / "requests.log"
    log = RequestLog(file, ["a-known-key"])

    log(LoggedRequest("GET", "/a\x1b[2J\r\n\u2028::error::/a-known-key", 200, 3.4))
    log(LoggedRequest("", "", None, 12.6, "reset_before"))
    log.close()

    first, second = file.read_text("utf-8").splitlines()
    assert "\x1b" not in first
    assert "a-known-key" not in first
    assert first.endswith(" 200 3ms")
    assert second.split()[1:] == ["-", "-", "-", "13ms", "reset_before"]


def test_a_log_is_continued(tmp_path: Path) -> None:
    for _ in range(2):
        log = RequestLog(tmp_path / "requests.log", [])
        log(LoggedRequest("GET", "/", 200, 1))
        log.close()

    assert len((tmp_path / "requests.log").read_text().splitlines()) == 2


def test_only_ordinary_files_are_written(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")

    for name in ("link", "pipe", ".", "missing/file"):
        with pytest.raises(RequestWrong):
            RequestLog(tmp_path / name, [])
    assert not (tmp_path / "elsewhere").exists()


def test_a_log_that_is_full_is_reported_once_and_not_continued(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("almaflow.cli.simulator_log._LARGEST", 500)
    file = tmp_path / "requests.log"
    log = RequestLog(file, [])
    for _ in range(100):
        log(LoggedRequest("GET", "/almaws/v1/conf/test", 200, 1.0))
    log.close()

    lines = file.read_text().splitlines()
    assert file.stat().st_size < 600
    assert lines[-1].startswith("The log is full")
    assert capsys.readouterr().err.count("warning: ") == 1


def test_a_log_that_was_full_before_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("almaflow.cli.simulator_log._LARGEST", 500)
    file = tmp_path / "requests.log"
    file.write_bytes(b"x" * 500)

    with pytest.raises(RequestWrong):
        RequestLog(file, [])

    assert file.read_bytes() == b"x" * 500
