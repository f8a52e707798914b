"""HTTP over loopback sockets: servers that do exactly the wrong thing, and what is said of it."""

from __future__ import annotations

import contextlib
import gzip
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import anyio
import pytest
from anyio.lowlevel import checkpoint

from almaflow.alma import http, responses
from almaflow.alma.http import HttpTransport
from almaflow.alma.transport import ConnectionLost, NotSent, WireRequest, WireResponse
from almaflow.errors import RequestWrong
from almaflow.thread_pool import ThreadPool

KEY = "apikey l7xx0123"
Serve = Callable[[socket.socket, bytes], bool]
"""Answers one request (its bytes) on a connection; returns whether the connection goes on."""


class Server:
    """A loopback server that treats each request with the next of its scripts, then the last."""

    def __init__(self, *scripts: Serve) -> None:
        self.scripts = list(scripts)
        self.requests: list[bytes] = []
        self.connections = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(connection)
            threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        try:
            while request := self._request(connection):
                self.requests.append(request)
                script = self.scripts.pop(0) if len(self.scripts) > 1 else self.scripts[0]
                if not script(connection, request):
                    break
            connection.close()
        except OSError:
            # The client has gone, or the test is over.
            connection.close()

    @staticmethod
    def _request(connection: socket.socket) -> bytes:
        """Read one request: its head, and its body by Content-Length."""
        received = b""
        while b"\r\n\r\n" not in received:
            piece = connection.recv(65536)
            if not piece:
                return b""
            received += piece
        head, _, body = received.partition(b"\r\n\r\n")
        length = next(
            (
                int(line.partition(b":")[2])
                for line in head.split(b"\r\n")
                if line.lower().startswith(b"content-length:")
            ),
            0,
        )
        while len(body) < length:
            body += connection.recv(65536)
        return head + b"\r\n\r\n" + body

    def close(self) -> None:
        for one in (self._listener, *self._open):
            with contextlib.suppress(OSError):  # the other side may have gone first
                one.shutdown(socket.SHUT_RDWR)
            one.close()


class Mute(Server):
    """A server that understands no HTTP: whatever comes is a request."""

    @staticmethod
    def _request(connection: socket.socket) -> bytes:
        return connection.recv(65536)


Start = Callable[..., Server]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start servers that end with the test."""
    servers: list[Server] = []

    def started(*scripts: Serve) -> Server:
        servers.append(Server(*scripts))
        return servers[-1]

    yield started
    for server in servers:
        server.close()


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def says(body: bytes, *headers: str, status: str = "200 OK", promised: int | None = None) -> Serve:
    """Make a script that answers at once and keeps the connection, unless it promised more."""

    def serve(connection: socket.socket, request: bytes) -> bool:
        length = len(body) if promised is None else promised
        lines = [f"HTTP/1.1 {status}", f"Content-Length: {length}", *headers, "", ""]
        connection.sendall("\r\n".join(lines).encode() + body)
        return promised is None

    return serve


def drops(connection: socket.socket, request: bytes) -> bool:
    """Close the connection without a word."""
    return False


def drips(pieces: int, every: float, *, head: bytes) -> Serve:
    """Make a script that sends *head*, then a byte every so often (seconds)."""

    def serve(connection: socket.socket, request: bytes) -> bool:
        connection.sendall(head)
        for _ in range(pieces):
            time.sleep(every)
            connection.sendall(b"x")
        return False

    return serve


def hangs(connection: socket.socket, request: bytes) -> bool:
    """Say nothing until the other side goes."""
    connection.recv(1)
    return False


def request(
    method: str = "GET", timeout: float = 5, fresh: bool = False, body: bytes | None = None
) -> WireRequest:
    headers = {"Authorization": KEY, "Accept": "application/json"}
    return WireRequest(method, "/almaws/v1/conf/jobs/M%2F1?a=%C3%BC", headers, body, timeout, fresh)


def exchange(url: str, *requests: WireRequest) -> list[WireResponse | NotSent | ConnectionLost]:
    """Send *requests* one after another through one transport and its one thread."""

    async def run() -> list[WireResponse | NotSent | ConnectionLost]:
        transport = HttpTransport(url, ThreadPool("test", 1))
        outcomes: list[WireResponse | NotSent | ConnectionLost] = []
        for one in requests:
            try:
                outcomes.append(await transport.exchange(one))
            except (NotSent, ConnectionLost) as failed:
                outcomes.append(failed)
        transport.close()
        return outcomes

    return anyio.run(run)


# --- answers --------------------------------------------------------------------------------


def test_a_request_goes_out_as_it_is_and_its_answer_comes_back_whole(start: Start) -> None:
    server = start(says(b'{"id": "M1"}', "Content-Type: application/json", "X-Two: a"))

    outcomes = exchange(server.url + "/almaws/v1/", request("POST", body=b'{"a": 1}'))

    (answer,) = outcomes
    assert isinstance(answer, WireResponse)
    assert (answer.status, answer.body) == (200, b'{"id": "M1"}')
    assert answer.headers["content-type"] == "application/json"
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /almaws/v1/conf/jobs/M%2F1?a=%C3%BC HTTP/1.1\r\n")
    assert f"Authorization: {KEY}".encode() in head
    assert body == b'{"a": 1}'


def test_packed_and_chunked_answers_are_unpacked(start: Start) -> None:
    packed = gzip.compress(b"x" * 100_000)
    chunked = b"5\r\nhello\r\n0\r\n\r\n"

    def in_chunks(connection: socket.socket, _: bytes) -> bool:
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked)
        return True

    server = start(says(packed, "Content-Encoding: gzip"), in_chunks)
    outcomes = exchange(server.url, request(), request())

    assert [one.body for one in outcomes if isinstance(one, WireResponse)] == [
        b"x" * 100_000,
        b"hello",
    ]
    assert server.connections == 1


def test_the_key_is_not_replaced_by_a_netrc_file(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password else\ndefault login a password b\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    server = start(says(b"{}"))

    exchange(server.url, request())

    assert f"Authorization: {KEY}".encode() in server.requests[0]
    assert b"Basic" not in server.requests[0]


def test_redirections_are_answers_and_not_followed(start: Start) -> None:
    server = start(says(b"", "Location: http://127.0.0.1:1/x", status="302 Found"))

    (answer,) = exchange(server.url, request())

    assert isinstance(answer, WireResponse)
    assert answer.status == 302
    assert len(server.requests) == 1


def test_a_proxy_of_the_environment_is_not_asked_for_this_machine(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    server = start(says(b"{}"))

    for url in (server.url, server.url.replace("127.0.0.1", "localhost")):
        assert isinstance(exchange(url, request())[0], WireResponse)


# --- connections ----------------------------------------------------------------------------


def test_reads_keep_their_connection_and_a_write_takes_a_fresh_one(start: Start) -> None:
    server = start(says(b"{}"))

    exchange(server.url, request(), request())
    assert server.connections == 1

    exchange(server.url, request(), request("POST", fresh=True, body=b"{}"), request())
    assert server.connections == 3


def test_a_write_does_not_fall_for_a_connection_that_the_other_side_has_dropped(
    start: Start,
) -> None:
    def answers_and_leaves_without_telling(connection: socket.socket, _: bytes) -> bool:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        connection.recv(65536)  # the next request on this connection, which is dropped
        return False

    server = start(answers_and_leaves_without_telling, says(b"{}"))

    first, second = exchange(server.url, request(), request("POST", fresh=True, body=b"{}"))

    assert isinstance(first, WireResponse)
    assert isinstance(second, WireResponse)


def test_a_read_on_a_dropped_connection_is_lost_and_not_sent_again(start: Start) -> None:
    server = start(says(b"{}"), drops, says(b"{}"))

    first, second, third = exchange(server.url, request(), request(), request())

    assert isinstance(first, WireResponse)
    assert isinstance(second, ConnectionLost)
    assert isinstance(third, WireResponse)
    assert len(server.requests) == 3


# --- lost -----------------------------------------------------------------------------------


def lost(server: Server, timeout: float = 5) -> str:
    (outcome,) = exchange(server.url, request("POST", timeout, fresh=True, body=b"{}"))
    assert type(outcome) is ConnectionLost, outcome
    return str(outcome)


def test_a_connection_closed_without_an_answer_is_a_lost_answer(start: Start) -> None:
    assert lost(start(drops)) == "the connection was closed before a response arrived"


def test_a_reset_is_a_lost_answer(start: Start) -> None:
    def resets(connection: socket.socket, _: bytes) -> bool:
        # Linger of 0 seconds: closing sends a reset.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        return False

    assert "reset" in lost(start(resets))


def test_an_answer_shorter_than_promised_is_lost(start: Start) -> None:
    assert "peer closed connection" in lost(start(says(b'{"id"', promised=50)))


def test_a_broken_chunk_or_a_damaged_packing_is_a_lost_answer(start: Start) -> None:
    def half_a_chunk(connection: socket.socket, _: bytes) -> bool:
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe")
        return False

    assert lost(start(half_a_chunk))
    assert lost(start(says(b"no gzip at all", "Content-Encoding: gzip")))


def test_what_is_not_http_is_a_lost_answer(start: Start) -> None:
    def rubbish(connection: socket.socket, _: bytes) -> bool:
        connection.sendall(b"220 mail.example ESMTP\r\n")
        return False

    assert lost(start(rubbish))


def test_a_silent_server_is_left_when_the_time_is_over(start: Start) -> None:
    assert lost(start(hangs), timeout=0.5) == "no complete response arrived within 0.5 seconds"


def test_a_body_that_drips_is_left_when_the_whole_time_is_over(start: Start) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
    server = start(drips(100, 0.02, head=head))

    assert lost(server, timeout=0.5) == "no complete response arrived within 0.5 seconds"


def test_headers_that_drip_are_left_when_the_whole_time_is_over(start: Start) -> None:
    server = start(drips(100, 0.02, head=b"HTTP/1.1 200 OK\r\nX-Slow: "))

    assert lost(server, timeout=0.5) == "no complete response arrived within 0.5 seconds"


def test_an_answer_of_unreasonable_size_is_left(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(responses, "LARGEST_RESPONSE", 1024**2)

    assert lost(start(says(b"x" * 2 * 1024**2))) == "the response is larger than 1 MiB"


# --- not sent -------------------------------------------------------------------------------


def not_sent(url: str, timeout: float = 5) -> str:
    (outcome,) = exchange(url, request("POST", timeout, fresh=True, body=b"{}"))
    assert type(outcome) is NotSent, outcome
    return str(outcome)


def test_a_refused_connection_has_sent_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    assert not_sent(f"http://127.0.0.1:{port}") == (
        "Failed to establish a new connection: [Errno 111] Connection refused"
    )


def test_a_host_without_address_has_sent_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere(*_: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", nowhere)

    assert not_sent("https://alma.example") == (
        "Failed to resolve 'alma.example' ([Errno -2] Name or service not known)"
    )


def test_a_failed_tls_handshake_has_sent_nothing() -> None:
    server = Mute(says(b"{}"))

    assert "SSL" in not_sent(server.url.replace("http:", "https:"))
    assert b"Authorization" not in b"".join(server.requests)
    server.close()


def test_a_handshake_or_a_name_that_takes_for_ever_has_sent_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = Mute(hangs)
    assert "timed out" in not_sent(server.url.replace("http:", "https:"), timeout=0.5)
    server.close()

    monkeypatch.setattr(http, "_GRACE", 0.0)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: time.sleep(0.3))
    assert not_sent("https://alma.example", timeout=0.1) == (
        "no connection was established within 0.1 seconds"
    )


def test_a_proxy_that_is_away_or_refuses_the_tunnel_has_sent_nothing(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    assert "Connection refused" in not_sent("https://alma.example")

    proxy = start(says(b"", status="407 Proxy Authentication Required"))
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)
    assert "407" in not_sent("https://alma.example")
    assert proxy.requests[0].startswith(b"CONNECT alma.example:443")


def test_a_request_that_got_its_connection_too_late_stays_here(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = start(says(b"{}"))
    real = socket.getaddrinfo

    def slow(*arguments: object, **options: object) -> object:
        http._current.sending._ends_at -= 3
        return real(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", slow)

    assert (
        not_sent(server.url, timeout=5)
        == "the request could not start in time, so nothing was sent"
    )
    assert server.requests == []


async def occupy(pool: ThreadPool, release: threading.Event) -> None:
    """Keep a thread of *pool* until *release*."""
    await pool.run(release.wait)


def test_a_request_without_a_free_thread_is_never_sent(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "_GRACE", 0.0)
    server = start(says(b"{}"))
    release = threading.Event()

    async def run() -> str:
        pool = ThreadPool("busy", 1)
        transport = HttpTransport(server.url, pool)
        async with anyio.create_task_group() as group:
            group.start_soon(occupy, pool, release)
            await checkpoint()
            with pytest.raises(NotSent) as caught:
                await transport.exchange(request(timeout=0.03))
            release.set()
        # The thread is free again: what nobody waits for any more must not leave now.
        await pool.run(time.sleep, 0)
        transport.close()
        return str(caught.value)

    assert "too many requests are running" in anyio.run(run)
    assert server.requests == []


def test_a_cancelled_request_that_waits_for_a_thread_is_never_sent(start: Start) -> None:
    server = start(says(b"{}"))
    release = threading.Event()

    async def run() -> None:
        pool = ThreadPool("busy", 1)
        transport = HttpTransport(server.url, pool)
        async with anyio.create_task_group() as group:
            group.start_soon(occupy, pool, release)
            await checkpoint()
            with anyio.move_on_after(0.02):
                await transport.exchange(request())
            release.set()
        await pool.run(time.sleep, 0)
        transport.close()

    anyio.run(run)

    assert server.requests == []


# --- addresses ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "http://api-eu.hosted.exlibrisgroup.com",
        "http://127.0.0.1.evil.example",
        "ftp://127.0.0.1",
        "https://",
        "https://user:pass@host",
        "https://host/?a=b",
        "https://host/#x",
        "127.0.0.1:8080",
    ],
)
def test_an_address_that_would_show_the_key_to_others_is_refused(url: str) -> None:
    with pytest.raises(RequestWrong, match="is not a valid address for Alma"):
        HttpTransport(url)
