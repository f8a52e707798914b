"""Slow clients of the simulator: each has limits, and together they cannot keep others out."""

from __future__ import annotations

import socket
import threading
from contextlib import ExitStack, suppress

import pytest
import requests

from tests.simulator.served import TEST, Served, serve, until_end

POST = b"POST /x HTTP/1.1\r\nHost: localhost\r\n"


def get(served: Served) -> bytes:
    return f"GET {TEST}?apikey={served.world.key} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()


def wait_for_request(served: Served) -> None:
    while not served.world.alma.received():
        threading.Event().wait(0.002)


@pytest.mark.parametrize(
    "beginning",
    [
        b"GET /x HTT",
        POST,
        POST + b"Content-Length: 10\r\n\r\nhalf",
        POST + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhalf",
        POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n",
    ],
)
def test_a_request_must_arrive_in_time(beginning: bytes) -> None:
    with serve(request=0.05) as served, served.connect() as connection:
        connection.sendall(beginning)

        assert until_end(connection).startswith(b"HTTP/1.1 408 ")
        assert served.world.alma.received() == []


@pytest.mark.parametrize("beginning", [POST + b"X: ", POST + b"Content-Length: 4000\r\n\r\n"])
def test_a_byte_now_and_then_does_not_buy_time(beginning: bytes) -> None:
    answer = b""
    with serve(request=0.1) as served, served.connect() as connection:
        connection.settimeout(0.01)
        connection.sendall(beginning)
        for _ in range(1000):
            try:
                answer = connection.recv(100)
                break
            except TimeoutError:
                connection.sendall(b"x")

    assert answer.startswith(b"HTTP/1.1 408 ")


def test_a_connection_that_says_nothing_is_ended() -> None:
    with serve(idle=0.05) as served, served.connect() as connection:
        assert until_end(connection) == b""


def test_a_connection_that_says_nothing_more_is_ended() -> None:
    with serve(idle=0.05) as served, served.connect() as connection:
        connection.sendall(get(served))

        assert b"<test>GET - OK" in until_end(connection)


@pytest.mark.parametrize(
    ("beginning", "number"),
    [
        *((b"", 30), (b"G", 30), (POST + b"Content-Length: 9\r\n\r\nx", 30)),
        (POST + b"X: y", 500),
    ],
)
def test_slow_clients_keep_nobody_out(beginning: bytes, number: int) -> None:
    with serve(connections=number // 10) as served, ExitStack() as connections:
        slow = [connections.enter_context(served.connect()) for _ in range(number)]
        for connection in slow:
            with suppress(OSError):
                connection.sendall(beginning)

        answer = requests.get(f"{served.server.url}{TEST}", timeout=10)

        assert b"UNAUTHORIZED" in answer.content
        assert until_end(slow[0]) == b""


def test_a_client_that_does_not_take_its_response_is_replaced() -> None:
    with serve(connections=1) as served, served.connect() as lazy:
        lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
        jobs = get(served).replace(TEST.encode(), b"/almaws/v1/conf/jobs")
        with suppress(OSError):
            lazy.sendall(jobs.replace(b"?", b"?limit=100&") * 200)
        wait_for_request(served)

        while not is_answered(served):
            pass


def is_answered(served: Served) -> bool:
    with suppress(requests.ConnectionError):
        return served.get().status_code == 200
    return False


def test_a_connection_that_hangs_on_purpose_is_replaced() -> None:
    with serve(connections=1) as served, served.connect() as hanging:
        served.world.fault("hang", nth=1)
        hanging.sendall(get(served))
        wait_for_request(served)
        # It is remembered a moment before it hangs.
        while not is_answered(served):
            pass

        assert until_end(hanging) == b""


def test_a_request_that_is_processed_keeps_its_connection() -> None:
    with serve(connections=1) as served, served.connect() as slow:
        served.world.fault("slow", delay="1h", nth=1)
        slow.sendall(get(served))
        wait_for_request(served)
        with served.connect() as one_more:
            refused = until_end(one_more)

    assert refused.startswith(b"HTTP/1.1 503 ")
