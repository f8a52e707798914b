"""Pings to a dead man's switch on this machine."""

from __future__ import annotations

import time

import pytest

from almaflow.connectors import healthchecks
from almaflow.connectors.errors import (
    ConnectorError,
    ConnectorRefused,
    TemporaryFailure,
    Unreachable,
)
from almaflow.connectors.healthchecks import PingSignal, send
from tests.connectors import hostile
from tests.connectors.servers import dead_mans_switch, free_port


def test_begin_good_end_and_bad_end_are_told() -> None:
    with dead_mans_switch() as switch:
        for signal in PingSignal:
            send("nightly", f" {switch.address}/?rid=1\n", signal)

    assert switch.called == [
        "/secret-5b1f/start?rid=1",
        "/secret-5b1f/?rid=1",
        "/secret-5b1f/fail?rid=1",
    ]


@pytest.mark.parametrize(
    ("status", "kind", "said"),
    [
        (
            301,
            ConnectorRefused,
            ("responded with HTTP 301, a redirect, which almaflow does not follow. Use the"),
        ),
        (404, ConnectorRefused, "responded with HTTP 404. Check its address."),
        (429, TemporaryFailure, "responded with HTTP 429."),
        (503, TemporaryFailure, "responded with HTTP 503."),
    ],
)
def test_an_answer_that_is_no_yes_is_told(
    status: int, kind: type[ConnectorError], said: str
) -> None:
    with dead_mans_switch() as switch:
        switch.status, switch.headers = status, {"Location": "/elsewhere"}
        with pytest.raises(kind) as caught:
            send("nightly", switch.address, PingSignal.SUCCESS)

    assert str(caught.value).startswith(f"The ping `nightly` {said}")
    assert switch.called == ["/secret-5b1f"]


def test_nobody_there_is_told_without_the_address() -> None:
    with pytest.raises(Unreachable) as caught:
        send("nightly", f"http://127.0.0.1:{free_port()}/secret-5b1f", PingSignal.FAIL)

    assert str(caught.value) == "The ping `nightly` cannot be reached."
    assert caught.value.__suppress_context__


def test_a_server_without_a_certificate_is_told() -> None:
    with dead_mans_switch() as switch, pytest.raises(Unreachable):
        send("nightly", switch.address.replace("http:", "https:"), PingSignal.FAIL)


def test_no_answer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(healthchecks, "TIMEOUT", 0.05)
    with dead_mans_switch() as switch:
        switch.let_go.clear()
        with pytest.raises(TemporaryFailure) as caught:
            send("nightly", switch.address, PingSignal.START)

    assert type(caught.value) is TemporaryFailure
    assert "secret-5b1f" not in str(caught.value)


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize("play", [hostile.drip_headers, hostile.endless_1xx, hostile.drip_raw])
def test_a_server_that_answers_without_end_does_not_hold_a_ping(
    play: hostile.Play, tls: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(healthchecks, "TIMEOUT", 0.5)
    with hostile.server(play) as port:
        begun = time.monotonic()
        with pytest.raises(TemporaryFailure) as caught:
            send("nightly", f"http{'s' * tls}://127.0.0.1:{port}/secret-5b1f", PingSignal.START)

    assert time.monotonic() - begun < 30
    assert "secret-5b1f" not in str(caught.value)
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("play", [hostile.endless_body, hostile.gzip_bomb])
def test_the_body_of_an_answer_is_not_read(play: hostile.Play) -> None:
    with hostile.server(play) as port:
        send("nightly", f"http://127.0.0.1:{port}/secret-5b1f", PingSignal.START)


def test_headers_without_end_are_given_up() -> None:
    with hostile.server(hostile.endless_headers) as port, pytest.raises(TemporaryFailure):
        send("nightly", f"http://127.0.0.1:{port}/secret-5b1f", PingSignal.START)


@pytest.mark.parametrize(
    "address",
    [
        *("secret-5b1f", "ftp://example.org/secret-5b1f", "https:///secret-5b1f"),
        *("http://[::1/secret-5b1f", "http://h:99999/secret-5b1f", "https://*.example/secret-5b1f"),
    ],
)
def test_what_is_no_address_is_refused_and_not_shown(address: str) -> None:
    with pytest.raises(ConnectorRefused) as caught:
        send("nightly", address, PingSignal.SUCCESS)

    assert str(caught.value) == (
        "The address of the ping `nightly` is not valid. Use a complete address, such as "
        "https://HOST/ID."
    )
