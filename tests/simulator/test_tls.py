"""TLS on the simulator's port, and `CONNECT` to the simulator in place of Alma's hosts."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path

import pytest
import requests

from almaflow.alma.simulator import Fault
from almaflow.alma.simulator.certificates import Certificates, is_authority, make_certificates
from almaflow.alma.simulator.connections import Limits
from almaflow.alma.simulator.hosts import HostRefused
from almaflow.alma.simulator.http import SimulatorServer
from almaflow.alma.simulator.request_log import LoggedRequest
from almaflow.alma.simulator.tls import ServerTls
from almaflow.alma.simulator.tunnels import check_tunnel
from tests.simulator.served import TEST, Served, until_end
from tests.simulator.world import World

ALMA = "api-eu.hosted.exlibrisgroup.com"
HOSTS = (ALMA, "api-cn.hosted.exlibrisgroup.com.cn")


@pytest.fixture(scope="module")
def certificates() -> Certificates:
    return make_certificates(["localhost", "127.0.0.1", *HOSTS])


class Secure(Served):
    """A server with TLS; what it logs, and how a client reaches it."""

    def __init__(self, certificates: Certificates, folder: Path, **limits: float) -> None:
        world = World()
        self.log: list[LoggedRequest] = []
        server = SimulatorServer(
            world.alma,
            limits=Limits(**limits),  # type: ignore[arg-type]
            log=self.log.append,
            tls=ServerTls(certificates.context, HOSTS),
        )
        super().__init__(world, server, requests.Session())
        ca_file = folder / "ca.pem"
        ca_file.write_bytes(certificates.authority)
        self.ca_file = str(ca_file)
        self.session.trust_env = False
        self.session.verify = self.ca_file
        self.session.headers["Authorization"] = f"apikey {world.key}"

    @property
    def https(self) -> str:
        return f"https{self.server.url.removeprefix('http')}"

    @property
    def proxies(self) -> dict[str, str]:
        return {"https": self.server.url}

    def secure(self) -> ssl.SSLSocket:
        context = ssl.create_default_context(cafile=self.ca_file)
        return context.wrap_socket(
            self.connect(), server_hostname="localhost", suppress_ragged_eofs=False
        )

    def ask(self, path: str = TEST) -> int:
        """Return the status of a request over a connection of its own."""
        response = requests.get(
            f"{self.https}{path}", headers=self.session.headers, verify=self.ca_file, timeout=10
        )
        return response.status_code

    def logged(self, number: int) -> list[LoggedRequest]:
        """Return the log as soon as it has so many entries; each comes after its response."""
        while len(self.log) < number:
            threading.Event().wait(0.002)
        return self.log

    def answers(self) -> bool:
        return self.ask() == 200


@pytest.fixture
def secure(certificates: Certificates, tmp_path: Path) -> Iterator[Secure]:
    served = Secure(certificates, tmp_path)
    with served.server, served.session:
        yield served


def quick(certificates: Certificates, folder: Path, stack: ExitStack, **limits: float) -> Secure:
    served = Secure(certificates, folder, **limits)
    stack.enter_context(served.server)
    stack.enter_context(served.session)
    return served


# --- one port for both ----------------------------------------------------------------------------


def test_one_port_serves_https_and_http(secure: Secure) -> None:
    answers = [secure.session.get(url + TEST) for url in (secure.https, secure.server.url)]

    assert [answer.status_code for answer in answers] == [200, 200]


def test_a_connection_is_kept_for_many_requests_and_large_bodies(secure: Secure) -> None:
    url = f"{secure.https}/almaws/v1/conf/test"
    for size in (0, 1, 16_384, 16_385, 1_000_000):
        answer = secure.session.post(url, data=b"x" * size, timeout=10)
        assert answer.status_code in (200, 400)

    assert len(secure.world.alma.received()[-1].body) == 1_000_000
    assert not [entry for entry in secure.log if entry.fault]


def test_links_are_https_for_a_client_that_uses_it(secure: Secure) -> None:
    headers = {"Accept": "application/json"}

    answer = secure.session.get(f"{secure.https}/almaws/v1/conf/jobs/M44", headers=headers)

    assert answer.json()["link"].startswith(f"{secure.https}/almaws/")


def test_the_end_of_a_connection_is_announced(secure: Secure) -> None:
    """A client that is strict about TLS takes an end without notice for an attack."""
    request = f"GET {TEST} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    with secure.secure() as connection:
        connection.sendall(request.encode())

        whole = b"".join(iter(lambda: connection.recv(65536), b""))

    assert whole.startswith(b"HTTP/1.1 400 ")


def test_a_client_that_does_not_trust_the_authority_is_logged(secure: Secure) -> None:
    with pytest.raises(requests.exceptions.SSLError):
        requests.get(secure.https + TEST, timeout=10)

    assert secure.logged(1)[0].fault.startswith("tls_handshake_failed")
    assert secure.log[0].status is None


# --- bad handshakes -------------------------------------------------------------------------------


def hello(name: str = "localhost") -> tuple[ssl.SSLObject, ssl.MemoryBIO, bytes]:
    """Return a client's side of TLS without a socket, its incoming bytes, and its first record."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(incoming, outgoing, server_hostname=name)
    with suppress(ssl.SSLWantReadError):
        client.do_handshake()
    return client, incoming, outgoing.read()


@pytest.mark.parametrize(
    "data",
    [
        b"\x16",
        b"\x16\x03\x01",
        b"\x16\x03\x01\xff\xff" + b"x" * 70_000,
        b"\x16\x03\x01\x00\x05hello",
        b"\x16\x03\x01\x00\x00" * 1000,
        b"\x16GET / HTTP/1.1\r\n\r\n",
        pytest.param(hello()[2][:100], id="half"),
        pytest.param(hello()[2] + b"garbage behind it", id="garbage"),
        pytest.param(hello()[2] * 2, id="twice"),
    ],
)
def test_a_handshake_that_is_none_ends_its_connection_and_no_other(
    secure: Secure, data: bytes
) -> None:
    with secure.connect() as connection:
        # The server may end the connection before it has everything.
        with suppress(OSError):
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)

        assert not until_end(connection).startswith(b"HTTP/")

    assert secure.logged(1)[0].fault.startswith("tls_handshake_failed")
    assert secure.answers()


@pytest.mark.parametrize("data", [b"\x15\x03\x01\x00\x02\x01\x00", b"\x17\x03\x03\x00\x01x", b"\0"])
def test_other_bytes_are_a_bad_request(secure: Secure, data: bytes) -> None:
    answer = secure.raw(data + b"\r\n\r\n")

    assert b" 400 " in answer or b"Bad request" in answer


def test_garbage_within_a_connection_ends_it(secure: Secure) -> None:
    with secure.secure() as connection:
        connection.sendall(b"GET /almaws/v1/conf/te")
        with closing(socket.socket(fileno=connection.detach())) as raw:
            raw.settimeout(10)
            raw.sendall(b"\x17\x03\x03\x00\x20" + b"x" * 32)

            assert not until_end(raw).startswith(b"HTTP/")

    assert secure.logged(1)[0].fault.startswith("tls_failed")
    assert secure.answers()


@pytest.mark.parametrize("data", [b"\x16", hello()[2][:50], hello()[2]], ids=["1", "50", "all"])
def test_a_handshake_must_be_made_in_the_time_of_a_request(
    certificates: Certificates, tmp_path: Path, data: bytes
) -> None:
    with ExitStack() as stack:
        served = quick(certificates, tmp_path, stack, request=0.2)
        connection = stack.enter_context(served.connect())
        connection.sendall(data)

        until_end(connection)

        assert served.logged(1)[0].fault == "tls_handshake_failed"


def test_a_byte_now_and_then_does_not_buy_time(certificates: Certificates, tmp_path: Path) -> None:
    with ExitStack() as stack:
        served = quick(certificates, tmp_path, stack, request=0.1)
        connection = stack.enter_context(served.connect())
        connection.settimeout(0.01)
        record = iter(hello()[2][:5] + bytes(10_000))
        while True:
            try:
                connection.sendall(bytes([next(record)]))
                if not connection.recv(100):
                    break
            except TimeoutError:
                continue
            except OSError:
                break

        assert served.logged(1)[0].fault.startswith("tls_handshake_failed")


@pytest.mark.parametrize(
    "data",
    [b"", b"\x16", hello()[2], b"CONNECT localhost:1 HTTP/1.1\r\n"],
    ids=["none", "first", "hello", "connect"],
)
def test_clients_that_wait_within_a_handshake_keep_nobody_out(
    certificates: Certificates, tmp_path: Path, data: bytes
) -> None:
    with ExitStack() as stack:
        served = quick(certificates, tmp_path, stack, connections=3)
        for _ in range(12):
            connection = stack.enter_context(served.connect())
            connection.sendall(data)

            assert served.answers()


def test_a_request_over_tls_has_the_same_limits(certificates: Certificates, tmp_path: Path) -> None:
    with ExitStack() as stack:
        served = quick(certificates, tmp_path, stack, request=0.3, head=1000, body=1000)
        late = stack.enter_context(served.secure())
        late.sendall(b"GET /x HTT")

        long = served.session.get(f"{served.https}/{'x' * 1000}", timeout=10)
        large = served.session.post(f"{served.https}{TEST}", data=b"x" * 1001, timeout=10)

        assert late.recv(100).startswith(b"HTTP/1.1 408 ")
        assert (long.status_code, large.status_code) == (414, 413)


# --- faults ---------------------------------------------------------------------------------------


def test_faults_strike_the_connection_below_tls(secure: Secure) -> None:
    for kind in ("reset", "lose_answer", "truncated", "reset_after", "close"):
        secure.world.alma.add_fault(Fault.model_validate({"kind": kind}))
        if kind in ("close", "reset_after"):
            assert secure.ask("/almaws/v1/conf/jobs") == 200
        else:
            with pytest.raises(requests.exceptions.RequestException):
                secure.ask("/almaws/v1/conf/jobs")
        secure.world.alma.faults.replace(())

    assert secure.answers()


def test_a_stopped_server_ends_connections_that_use_tls(
    certificates: Certificates, tmp_path: Path
) -> None:
    with ExitStack() as stack:
        served = quick(certificates, tmp_path, stack)
        connection = stack.enter_context(served.secure())

        served.server.stop()

        with suppress(OSError):
            assert connection.recv(1) == b""


# --- CONNECT --------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", HOSTS)
def test_a_tunnel_to_a_host_of_alma_leads_to_the_simulator(secure: Secure, host: str) -> None:
    answers = [
        secure.session.get(
            f"https://{host}/almaws/v1/conf/jobs/M44",
            headers={"Accept": "application/json"},
            proxies=secure.proxies,
            timeout=10,
        )
        for _ in range(3)
    ]

    assert {answer.json()["link"] for answer in answers} == {
        f"https://{host}/almaws/v1/conf/jobs/M44"
    }
    assert [entry.method for entry in secure.logged(4)] == ["CONNECT", "GET", "GET", "GET"]


def test_a_tunnel_to_any_other_host_is_forbidden(secure: Secure) -> None:
    with pytest.raises(requests.exceptions.ProxyError, match="403"):
        secure.session.get("https://lib1.example.edu/x", proxies=secure.proxies, timeout=10)

    assert secure.world.alma.received() == []


@pytest.mark.parametrize(
    ("target", "status"),
    [
        (f"{ALMA}:443", 0),
        (f"{ALMA.upper()}.:443", 0),
        ("localhost:8080", 0),
        ("127.0.0.1:8080", 0),
        ("[::1]:8080", 0),
        (f"{ALMA}:80", 403),
        (f"{ALMA}:8080", 403),
        (f"{ALMA}:22", 403),
        ("localhost:443", 403),
        ("127.0.0.1:5432", 403),
        ("169.254.169.254:80", 403),
        ("developers.exlibrisgroup.com:443", 403),
        (f"{ALMA}.evil.example:443", 403),
        (f"evil-{ALMA}:443", 403),
        ("example.org:443", 403),
        (ALMA, 400),
        (f"https://{ALMA}/", 400),
        (f"{ALMA}:443/x", 400),
        (f"user@{ALMA}:443", 400),
        (f"{ALMA}:x", 400),
        (f"{ALMA}:999999", 400),
        (":443", 400),
        ("", 400),
        ("/almaws/v1/conf/test", 400),
    ],
)
def test_a_tunnel_leads_to_the_simulator_or_nowhere(target: str, status: int) -> None:
    refusal = 0
    try:
        check_tunnel(target, HOSTS, 8080)
    except HostRefused as refused:
        refusal = int(refused.status)

    assert refusal == status


def connect_line(target: str = f"{ALMA}:443") -> bytes:
    return f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n".encode()


def test_a_client_may_begin_tls_before_it_reads_that_the_tunnel_is_open(secure: Secure) -> None:
    client, incoming, first = hello(ALMA)
    with secure.connect() as connection:
        connection.sendall(connect_line() + first)
        with connection.makefile("rb") as stream:
            head = stream.readline() + stream.readline()
            while True:
                incoming.write(stream.read1(65536))
                with suppress(ssl.SSLWantReadError):
                    client.do_handshake()
                    break

    assert head.startswith(b"HTTP/1.1 200 ")
    assert client.version() == "TLSv1.3"


def test_a_tunnel_may_hold_plain_http(secure: Secure) -> None:
    answer = secure.raw(
        connect_line()
        + f"GET {TEST}?apikey={secure.world.key} HTTP/1.1\r\nHost: {ALMA}\r\n\r\n".encode()
    )

    assert b"<test>GET - OK" in answer


def test_a_tunnel_holds_no_tunnel(secure: Secure) -> None:
    answer = secure.raw(connect_line() * 3)

    assert answer.count(b"HTTP/1.1 200 ") == 1
    assert answer.count(b"HTTP/1.1 403 ") == 1


def test_a_proxy_that_is_reached_by_tls_opens_a_tunnel_with_tls(secure: Secure) -> None:
    answer = secure.session.get(
        f"https://{ALMA}{TEST}", proxies={"https": secure.https}, timeout=10
    )

    assert answer.status_code == 200


def test_a_client_that_ends_within_a_tunnel_leaves_no_trouble(secure: Secure) -> None:
    assert secure.raw(connect_line()).startswith(b"HTTP/1.1 200 ")
    assert secure.answers()


def test_without_tls_there_are_no_tunnels(served: Served) -> None:
    assert b" 403 " in served.raw(connect_line()).partition(b"\r\n")[0]


# --- the authority --------------------------------------------------------------------------------


def test_an_authority_is_told_from_other_files(certificates: Certificates) -> None:
    pem = certificates.authority

    assert is_authority(pem)
    assert not any(map(is_authority, (b"", b"x", pem + pem, pem[:-20], b"\xff", pem + b"more")))


def test_each_start_has_an_authority_of_its_own(certificates: Certificates) -> None:
    assert make_certificates(["localhost"]).authority != certificates.authority
