"""The simulator on a socket: keep-alive, faults on the wire, an end that does not hang."""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta

import pytest
import requests

from almaflow.alma.simulator import Fault
from almaflow.alma.simulator.http import SimulatorServer
from tests.simulator.served import TEST, Served
from tests.simulator.world import World


def test_a_workflow_of_requests_goes_over_one_connection(served: Served) -> None:
    url = f"{served.server.url}/almaws/v1/conf"
    body = {"name": "mine", "type": {"value": "ITEMIZED"}, "content": {"value": "ITEM"}}

    made = served.session.post(
        f"{url}/sets", json=body, headers={"Accept": "application/json"}, timeout=10
    ).json()
    listed = served.get("/almaws/v1/conf/sets?q=name~mine", headers={"Accept": "application/json"})
    deleted = served.session.delete(made["link"], timeout=10)

    assert made["link"] == f"{url}/sets/{made['id']}"
    assert listed.json()["set"][0]["id"] == made["id"]
    assert (deleted.status_code, deleted.content) == (204, b"")
    adapter = served.session.get_adapter(served.server.url)
    assert isinstance(adapter, requests.adapters.HTTPAdapter)
    (pool,) = adapter.poolmanager.pools._container.values()
    assert pool.num_connections == 1


def test_xml_errors_and_headers_arrive_as_they_are(served: Served) -> None:
    refused = served.get("/almaws/v1/conf/jobs?limit=1", headers={"Authorization": "apikey no"})
    good = served.get()

    assert refused.status_code == 400
    assert b"<errorCode>UNAUTHORIZED</errorCode>" in refused.content
    assert good.headers["X-Exl-Api-Remaining"] == "299999"
    assert good.headers["Content-Length"] == str(len(good.content))


@pytest.mark.parametrize("kind", ["reset", "lose_answer"])
def test_a_connection_may_be_reset(served: Served, kind: str) -> None:
    served.world.fault(kind, nth=1)

    with pytest.raises(requests.ConnectionError, match="Connection aborted"):
        served.get()

    assert served.get().status_code == 200


def test_a_truncated_answer_is_seen_as_such(served: Served) -> None:
    served.world.fault("truncated", nth=1)

    with pytest.raises(requests.exceptions.ChunkedEncodingError, match="IncompleteRead"):
        served.get()


def test_an_answer_may_drip(served: Served) -> None:
    served.world.alma.add_fault(
        Fault.model_validate({"kind": "drip", "nth": 1, "delay": timedelta(milliseconds=50)})
    )

    reply = served.get()

    assert reply.content == b"<test>GET - OK - institutionCode: 01MAIN_INST</test>"
    assert reply.elapsed < timedelta(seconds=5)


def test_an_answer_may_be_late(served: Served) -> None:
    served.world.alma.add_fault(
        Fault.model_validate({"kind": "slow", "nth": 1, "delay": timedelta(milliseconds=50)})
    )

    assert served.get().elapsed >= timedelta(milliseconds=50)


def test_an_answer_may_never_come(served: Served) -> None:
    served.world.fault("hang", nth=1)

    with pytest.raises(requests.ReadTimeout):
        served.session.get(f"{served.server.url}{TEST}", timeout=0.05)


@pytest.mark.parametrize("kind", ["hang", "slow", "drip"])
def test_stopping_ends_connections_that_wait(kind: str) -> None:
    world = World()
    world.fault(kind, delay="1h")
    server = SimulatorServer(world.alma).start()
    ended = threading.Event()

    def wait_for_answer() -> None:
        with pytest.raises(requests.RequestException):
            requests.get(f"{server.url}{TEST}?apikey={world.key}", timeout=30)
        ended.set()

    waiting = threading.Thread(target=wait_for_answer)
    waiting.start()
    while not world.alma.received():
        ended.wait(0.002)
    server.stop()

    waiting.join(10)
    assert ended.is_set()


def test_bodies_in_chunks_are_read(served: Served) -> None:
    def chunks() -> Iterator[bytes]:
        yield b'{"name": "mine", "type": {"value": "ITEMIZED"},'
        yield b' "content": {"value": "ITEM"}}'

    reply = served.session.post(
        f"{served.server.url}/almaws/v1/conf/sets",
        data=chunks(),
        headers={"Content-Type": "application/json"},
        timeout=10,
    )

    assert reply.status_code == 200
    assert "mine" in served.world.alma.sets()


def test_a_request_line_without_end_is_refused(served: Served) -> None:
    assert b"414" in served.raw(b"GET /" + b"a" * 70_000)


def test_chunks_may_have_trailers(served: Served) -> None:
    head = f"POST {TEST}?apikey={served.world.key} HTTP/1.1\r\n".encode()
    head += b"Host: localhost\r\nConnection: close\r\n"
    chunked = b"Transfer-Encoding: chunked\r\n\r\n2;x=y\r\n{}\r\n0\r\nDigest: z\r\n\r\n"

    answer = served.raw(head + chunked)

    assert answer.endswith(b"<test>POST - OK</test>")
    assert b"connection: close" in answer


def test_head_has_no_body(served: Served) -> None:
    host = served.server.url.removeprefix("http://")
    with closing(http.client.HTTPConnection(host, timeout=10)) as connection:
        connection.request("HEAD", f"{TEST}?apikey={served.world.key}")
        answer = connection.getresponse()

        assert (answer.status, answer.read()) == (404, b"")


def test_unknown_statuses_have_a_phrase_too(served: Served) -> None:
    served.world.fault("status", status=599, code="X", nth=1)

    reply = served.get()

    assert (reply.status_code, reply.reason) == (599, "Unknown")


def test_a_client_that_goes_away_is_no_defect(
    served: Served, capfd: pytest.CaptureFixture[str]
) -> None:
    host, port = served.server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        connection.sendall(b"GET / HTTP/1.1\r\nContent-Le")

    assert served.get().status_code == 200
    assert capfd.readouterr().err == ""


def test_a_defect_is_shown(served: Served, capfd: pytest.CaptureFixture[str]) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a defect")

    served.world.alma.handle = broken  # type: ignore[assignment,method-assign]

    with pytest.raises(requests.ConnectionError):
        served.get()

    assert "a defect" in capfd.readouterr().err


def test_it_can_serve_in_the_callers_own_thread() -> None:
    world = World()
    server = SimulatorServer(world.alma)
    serving = threading.Thread(target=server.serve_forever)
    serving.start()

    status = requests.get(f"{server.url}{TEST}?apikey={world.key}", timeout=10).status_code
    server.stop()
    serving.join(10)

    assert status == 200
    assert not serving.is_alive()


def test_a_server_that_never_served_can_be_stopped() -> None:
    server = SimulatorServer(World().alma)

    server.stop()

    with pytest.raises(requests.ConnectionError):
        requests.get(server.url, timeout=1)


def test_it_speaks_ipv6_where_there_is_one() -> None:
    world = World()
    try:
        server = SimulatorServer(world.alma, host="::1")
    except OSError:
        pytest.skip("no IPv6 on this machine")

    with server:
        reply = requests.get(f"{server.url}{TEST}?apikey={world.key}", timeout=10)

    assert reply.status_code == 200
    assert server.url.startswith("http://[::1]:")


@pytest.mark.parametrize("kind", ["close", "reset_after"])
def test_a_whole_answer_may_come_before_the_connection_ends(served: Served, kind: str) -> None:
    served.world.alma.add_fault(Fault.model_validate({"kind": kind, "nth": 1}))
    key = served.world.key

    said = served.raw(
        f"GET {TEST}?apikey={key} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode() * (kind == "close")
    )
    whole = served.get() if kind == "reset_after" else None

    if whole is None:
        assert b"connection: close" in said
        assert said.startswith(b"HTTP/1.1 200")
    else:
        assert whole.status_code == 200
