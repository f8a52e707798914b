"""Requests of the simulator's clients that are not whole, too large or not HTTP."""

from __future__ import annotations

import pytest

from tests.simulator.served import TEST, Served

SETS = "/almaws/v1/conf/sets"
NEW_SET = b'{"name": "mine", "type": {"value": "ITEMIZED"}, "content": {"value": "ITEM"}}'


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (b"Content-Length: many\r\n\r\n", 400),
        (b"Content-Length: 1_0\r\n\r\n", 400),
        (b"Content-Length: -1\r\n\r\n", 400),
        (b"Content-Length:\r\n\r\n", 400),
        (b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx", 400),
        (b"Content-Length: 1, 2\r\n\r\nxx", 400),
        (b"Content-Length: 99999999999\r\n\r\n", 413),
        (b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n", 413),
        (b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
        (b"Transfer-Encoding: chunked\r\n\r\n-1\r\n", 400),
        (b"Transfer-Encoding: chunked\r\n\r\n" + b"0" * 200 + b"\r\n\r\n", 400),
        (b"Transfer-Encoding: chunked\r\n\r\n1\r\nxxx\r\n0\r\n\r\n", 400),
        (b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 400),
        (b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400),
        (b"Transfer-Encoding: chunked\r\n\r\n99999999999\r\n", 413),
        (b"Transfer-Encoding: chunked\r\n\r\n0\r\n" + b"a: b\r\n" * 20_000, 431),
        (b"X: " + b"x" * 70_000 + b"\r\n\r\n", 431),
        (b"X: x\r\n" * 1000 + b"\r\n", 431),
        (b"no header\r\n\r\n", 400),
        (b"no header\r\n" * 10_000, 431),
    ],
)
def test_requests_that_are_no_http_or_too_large_are_refused(
    served: Served, headers: bytes, status: int
) -> None:
    answer = served.raw(b"POST /x HTTP/1.1\r\nHost: localhost\r\n" + headers)

    assert answer.startswith(f"HTTP/1.1 {status} ".encode())
    assert served.world.alma.received() == []
    assert served.get().status_code == 200


@pytest.mark.parametrize(
    "beginning", [b"nonsense\r\n\r\n", b"\r\n\r\n", b"POST /x HTTP/1.1\r\nHost: local", b""]
)
def test_a_head_that_is_not_whole_changes_nothing(served: Served, beginning: bytes) -> None:
    served.raw(beginning)

    assert served.get().status_code == 200
    assert len(served.world.alma.received()) == 1


def requests_of(key: str) -> list[bytes]:
    """Return the same request with its body by length, and in chunks with trailers."""
    head = f"POST {SETS}?apikey={key} HTTP/1.1\r\nHost: localhost\r\n".encode()
    head += b"Content-Type: application/json\r\n"
    length = b"Content-Length: %d\r\n\r\n" % len(NEW_SET)
    chunks = b"%x\r\n%b\r\n%x;a=b\r\n%b\r\n0\r\nDigest: x\r\n\r\n" % (
        *(40, NEW_SET[:40], len(NEW_SET) - 40, NEW_SET[40:]),
    )
    return [head + length + NEW_SET, head + b"Transfer-Encoding: chunked\r\n\r\n" + chunks]


@pytest.mark.parametrize("form", [0, 1])
def test_a_body_that_is_cut_short_anywhere_is_not_processed(served: Served, form: int) -> None:
    request = requests_of(served.world.key)[form]
    body_at = request.index(b"\r\n\r\n") + 4

    answers = {served.raw(request[:end])[:13] for end in range(body_at, len(request))}

    assert answers == {b"HTTP/1.1 400 "}
    assert "mine" not in served.world.alma.sets()
    assert served.world.alma.received() == []
    assert served.raw(request).startswith(b"HTTP/1.1 200 ")
    assert "mine" in served.world.alma.sets()


@pytest.mark.parametrize(
    ("path", "key"), [(TEST, "wrong"), ("/almaws/v1/conf/nothing", ""), ("/", "wrong")]
)
def test_nothing_large_is_remembered_of_requests_with_an_unknown_key_or_path(
    served: Served, path: str, key: str
) -> None:
    served.session.post(
        f"{served.server.url}{path}?{'x' * 5000}",
        data=b"y" * 5000,
        headers={"Authorization": f"apikey {key or served.world.key}"},
        timeout=10,
    )

    (one,) = served.world.alma.received()
    assert (len(one.target), one.body) == (1000, b"")
