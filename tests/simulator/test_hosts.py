"""Whom the simulator answers: requests that address it by a name that strangers cannot direct."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from almaflow.alma.simulator.hosts import HostRefused, check_hosts
from tests.simulator.served import TEST, Served


def status_of(
    hosts: Sequence[str], bound: str, target: str = "/x", version: str = "HTTP/1.1"
) -> int:
    try:
        check_hosts(hosts, target, version, bound)
    except HostRefused as refused:
        return refused.status
    return 200


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1:8080", "127.0.0.1", "127.1:8080", "127.8.9.10", "2130706433", "0x7f.0.0.1"),
        *("0177.0.0.1", "[::1]:8080", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[0:0:0:0:0:0:0:1]"),
        *("localhost", "LocalHost.:80", "localhost:", "alma.localhost:80"),
        *("api-eu.hosted.exlibrisgroup.com", "API-NA.hosted.exlibrisgroup.com:443"),
        *("api-aps.hosted.exlibrisgroup.com.", "api-cn.hosted.exlibrisgroup.com.cn"),
    ],
)
@pytest.mark.parametrize("bound", ["127.0.0.1", "::1", "localhost", "0.0.0.0", "lib1.example.edu"])
def test_names_that_no_stranger_directs_are_answered_everywhere(host: str, bound: str) -> None:
    assert status_of([host], bound) == 200


@pytest.mark.parametrize(
    "host",
    [
        *("evil.example:8080", "127.0.0.1.evil.example", "notlocalhost", "localhost.evil.example"),
        *("exlibrisgroup.com.evil.example", "evilexlibrisgroup.com", "exlibrisgroup.com.evil.cn"),
        *("127.0.0.1.nip.io", "lib1.example.edu", "1.2.3.4.5", "99999999999"),
    ],
)
@pytest.mark.parametrize("bound", ["127.0.0.1", "::1", "0.0.0.0", "::", "10.0.0.5"])
def test_other_names_are_misdirected(host: str, bound: str) -> None:
    assert status_of([host], bound) == 421


@pytest.mark.parametrize("host", ["0.0.0.0", "10.0.0.5", "[fd00::5]:80", "192.168.1", "[::]"])
def test_addresses_of_other_machines_are_for_a_simulator_that_they_reach(host: str) -> None:
    assert status_of([host], "127.0.0.1") == 421
    assert status_of([host], "0.0.0.0") == 200
    assert status_of([host], "10.0.0.5") == 200


def test_the_name_that_it_listens_on_is_its_own() -> None:
    assert status_of(["LIB1.example.edu.:8080"], "lib1.example.edu") == 200


@pytest.mark.parametrize(
    "hosts",
    [
        [],
        [""],
        [" "],
        ["localhost", "localhost"],
        ["localhost", "evil.example"],
        *(
            [one]
            for one in (
                *("[", "[localhost]", "[127.0.0.1]", "[1.2", "::1", "localhost:evil.example"),
                *("evil@localhost", "evil:x@localhost", "localhost/evil.example", "localhost?x"),
                *("evil.example,localhost", "local host", "ev\u0131l.localhost", ".", "a\x00b"),
                *("localhost:123456", "localhost\r\n evil.example", "http://localhost"),
            )
        ),
    ],
)
@pytest.mark.parametrize("bound", ["127.0.0.1", "0.0.0.0"])
def test_what_does_not_name_one_host_is_a_bad_request(hosts: list[str], bound: str) -> None:
    assert status_of(hosts, bound) == 400


@pytest.mark.parametrize(
    ("target", "hosts", "status"),
    [
        ("http://localhost/x", ["localhost"], 200),
        ("HTTP://LocalHost:80/x", ["localhost"], 200),
        ("https://api-eu.hosted.exlibrisgroup.com/x", ["api-eu.hosted.exlibrisgroup.com"], 200),
        ("http://evil.example/x", ["localhost"], 400),
        ("http://localhost/x", ["evil.example"], 400),
        ("http://evil@localhost/x", ["localhost"], 400),
        ("ftp://localhost/x", ["localhost"], 400),
        ("http:///x", ["localhost"], 400),
        ("http://[/x", ["localhost"], 400),
        ("http://evil.example/x", ["evil.example"], 421),
        ("/x?next=http://evil.example/", ["localhost"], 200),
    ],
)
def test_a_target_in_absolute_form_names_the_same_host(
    target: str, hosts: list[str], status: int
) -> None:
    assert status_of(hosts, "127.0.0.1", target) == status


def test_a_request_of_http_1_0_needs_no_host() -> None:
    assert status_of([], "127.0.0.1", version="HTTP/1.0") == 200
    assert status_of([], "127.0.0.1", "http://evil.example/x", "HTTP/1.0") == 421


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (b"Host: evil.example\r\n", 421),
        (b"Host: evil@localhost\r\n", 400),
        (b"Host: localhost\r\nHost: localhost\r\n", 400),
        (b"Host: localhost\r\nhost : evil.example\r\n", 400),
        (b"Host:\r\n", 400),
        (b"", 400),
    ],
)
def test_a_refused_request_never_reaches_alma(served: Served, headers: bytes, status: int) -> None:
    answer = served.raw(f"GET {TEST} HTTP/1.1\r\n".encode() + headers + b"\r\n")

    assert answer.startswith(f"HTTP/1.1 {status} ".encode())
    assert served.world.alma.received() == []


@pytest.mark.parametrize("host", ["api-eu.hosted.exlibrisgroup.com", "127.1", "[::1]:80"])
def test_clients_may_use_the_names_that_are_fixed_in_their_code(served: Served, host: str) -> None:
    assert served.get(headers={"Host": host}).status_code == 200


def test_a_target_in_absolute_form_is_answered_like_its_path(served: Served) -> None:
    key = served.world.key
    request = f"GET http://localhost{TEST}?apikey={key} HTTP/1.1\r\nHost: localhost\r\n\r\n"

    answer = served.raw(request.encode())

    assert b"<test>GET - OK" in answer
    assert served.world.alma.received()[0].target == f"{TEST}?apikey={key}"
