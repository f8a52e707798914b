"""Reads one HTTP response from a socket, completely or not at all. The home of h11.

h11 says where a response ends by RFC 9112, strictly. Python's own reader takes headers that are cut
off for complete ones, every interim response but 100 for the final one, and a packed body that is
cut off for a whole one. After the last byte, the socket is not used any more, so later errors do
not matter.

Source: RFC 9112 ("HTTP/1.1"), sections 6 to 9; RFC 9110 ("HTTP Semantics"), 8.4 and 15.2.
"""

from __future__ import annotations

import socket
import zlib
from collections.abc import Callable

import h11

from almaflow.alma.transport import LARGEST_RESPONSE, ConnectionLost, WireResponse
from almaflow.late_dataclasses import dataclass

PIECE = 64 * 1024
"""Bytes that are read at a time."""

LARGEST_HEAD = 64 * 1024
"""Bytes of status line and headers, interim responses (1xx) included; also of all trailers, and of
one chunk's first line. Alma's are under 1 KiB, common servers stop at 16 to 64 KiB."""

MOST_PIECES = 50_000
"""Chunks and pieces that a response may come in: common chunks are 4 to 16 KiB, and a million
chunks of one byte each would keep a processor busy for half a minute."""

MOST_PACKINGS = 2
"""Content codings on top of each other; servers use one."""

MOST_PACKED_PARTS = 100
"""Members of one gzip stream: each costs a copy of what follows. Servers send one."""

_WINDOW_BITS = {"gzip": 31, "x-gzip": 31, "deflate": 15}
# Deflate without the zlib header that it should have, as some servers send it.
_RAW = -15
_GZIP_MAGIC = b"\x1f\x8b"

ACCEPTED_PACKINGS = "gzip, deflate"
"""The `Accept-Encoding` of requests: what is unpacked here."""


@dataclass(frozen=True)
class ReceivedResponse:
    """A complete response; *reusable* says whether its connection may carry another request."""

    response: WireResponse
    reusable: bool


def read_response(
    connection: socket.socket, method: str, left: Callable[[], float]
) -> ReceivedResponse:
    """Read the response to a request of *method*; *left* gives the seconds that remain for it.

    Raises:
        ConnectionLost: the response is incomplete, violates HTTP, or exceeds a bound.
        TimeoutError: the time is over.
        OSError: the connection broke before the response was complete.
    """
    reading = _Reading(connection, method, left)
    try:
        return reading.run()
    except h11.RemoteProtocolError as error:
        # h11 quotes the bytes, which may hold anything.
        reason = str(error).partition(": bytearray(")[0]
        raise ConnectionLost(f"the response violates the rules of HTTP ({reason})") from error


class _Reading:
    """A response while it arrives."""

    def __init__(self, connection: socket.socket, method: str, left: Callable[[], float]) -> None:
        self._connection = connection
        self._left = left
        self._parser = h11.Connection(h11.CLIENT, max_incomplete_event_size=LARGEST_HEAD)
        # What was sent is nothing to h11 but the method: it decides whether a body follows.
        self._parser.send(h11.Request(method=method, target="/", headers=[("Host", "alma")]))
        self._parser.send(h11.EndOfMessage())
        self._head: h11.Response | None = None
        self._body: list[bytes] = []
        self._received = 0
        self._pieces = 0

    def run(self) -> ReceivedResponse:
        while True:
            match self._parser.next_event():
                case h11.NEED_DATA:
                    self._receive()
                case h11.Response() as head:
                    self._begin(head)
                case h11.Data() as piece:
                    self._add(bytes(piece.data))
                case h11.EndOfMessage():
                    return self._whole()
                case h11.ConnectionClosed():
                    raise ConnectionLost("the connection was closed before a response arrived")
                case _:
                    # An interim response, such as 103: the final one follows.
                    continue

    def _begin(self, head: h11.Response) -> None:
        if not head.http_version.startswith(b"1."):
            raise ConnectionLost("the response violates the rules of HTTP (it is not HTTP/1)")
        self._head = head

    def _receive(self) -> None:
        left = self._left()
        if left <= 0:
            raise TimeoutError
        self._connection.settimeout(left)
        data = self._connection.recv(PIECE)
        if not data and not self._received:
            raise ConnectionLost("the connection was closed before a response arrived")
        self._received += len(data)
        if self._head is None and self._received > LARGEST_HEAD + PIECE:
            raise ConnectionLost(
                f"the response's headers are larger than {LARGEST_HEAD // 1024} KiB"
            )
        if self._received > LARGEST_RESPONSE + LARGEST_HEAD:
            raise _too_large()
        self._parser.receive_data(data)

    def _add(self, piece: bytes) -> None:
        self._body.append(piece)
        self._pieces += 1
        if self._pieces > MOST_PIECES:
            raise ConnectionLost(f"the response arrived in more than {MOST_PIECES:,} pieces")

    def _whole(self) -> ReceivedResponse:
        assert self._head is not None
        headers: dict[str, str] = {}
        for name, value in self._head.headers:
            headers.setdefault(name.decode("latin-1").lower(), value.decode("latin-1"))
        body = unpacked(b"".join(self._body), headers.get("content-encoding", ""))
        states = (self._parser.our_state, self._parser.their_state)
        # What came behind the response would be taken for the next one's beginning.
        nothing_behind = not self._parser.trailing_data[0]
        reusable = states == (h11.DONE, h11.DONE) and nothing_behind
        return ReceivedResponse(WireResponse(self._head.status_code, headers, body), reusable)


def unpacked(body: bytes, codings: str) -> bytes:
    """Return *body* without its content codings, the value of `Content-Encoding`.

    Raises:
        ConnectionLost: the coding was not offered, is damaged or incomplete, or unpacks to
            more than is allowed.
    """
    names = [name for one in codings.split(",") if (name := one.strip().lower())]
    names = [name for name in names if name != "identity"]
    if len(names) > MOST_PACKINGS or any(name not in _WINDOW_BITS for name in names):
        raise ConnectionLost(
            f"the response is compressed as `{codings[:100]}`, which almaflow did not ask for"
        )
    for name in reversed(names):
        try:
            body = _inflated(body, _WINDOW_BITS[name]) if body else body
        except zlib.error as error:
            if name != "deflate":
                raise ConnectionLost(f"the compressed response is damaged ({error})") from error
            body = _raw_inflated(body)
    return body


def _raw_inflated(body: bytes) -> bytes:
    try:
        return _inflated(body, _RAW)
    except zlib.error as error:
        raise ConnectionLost(f"the compressed response is damaged ({error})") from error


def _inflated(body: bytes, window_bits: int) -> bytes:
    """Unpack one stream, of gzip all its members. What follows is ignored, as everybody does."""
    pieces: list[bytes] = []
    room = LARGEST_RESPONSE
    for _ in range(MOST_PACKED_PARTS):
        engine = zlib.decompressobj(window_bits)
        # One byte more than there is room for tells that there is more.
        pieces.append(engine.decompress(body, room + 1))
        room -= len(pieces[-1])
        if room < 0:
            raise _too_large()
        if not engine.eof:
            raise ConnectionLost("the compressed response is incomplete")
        body = engine.unused_data
        if not body.startswith(_GZIP_MAGIC):
            return b"".join(pieces)
    raise ConnectionLost(f"the compressed response has more than {MOST_PACKED_PARTS} parts")


def _too_large() -> ConnectionLost:
    return ConnectionLost(f"the response is larger than {LARGEST_RESPONSE // 1024**2} MiB")
