"""Every way in which an HTTP/1.x response can end, and a server of real sockets that ends so."""

from __future__ import annotations

import contextlib
import gzip
import itertools
import socket
import ssl
import struct
import threading
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from http import HTTPStatus
from typing import Any

from almaflow.alma.simulator import Reply

RESET = struct.pack("ii", 1, 0)
"""SO_LINGER on, zero seconds: closing resets the connection."""


class Framing(Enum):
    """How the response says where it ends."""

    LENGTH = "length"
    CHUNKED = "chunked"
    TRAILERS = "chunked, with extensions and trailers"
    UNTIL_CLOSE = "until the connection is closed"


class End(Enum):
    """What becomes of the connection right after the last byte."""

    STAYS = "stays open"
    FIN = "is closed"
    RST = "is reset"
    NOTIFY = "is closed with close_notify"
    RAGGED = "is closed without close_notify"


PLAIN_ENDS = (End.STAYS, End.FIN, End.RST)
TLS_ENDS = (End.STAYS, End.NOTIFY, End.RAGGED, End.RST)

INTERIM = {
    "no interim response": b"",
    "100": b"HTTP/1.1 100 Continue\r\n\r\n",
    "103 twice": b"HTTP/1.1 103 Early Hints\r\nLink: </x>; rel=preload\r\n\r\n" * 2,
}
CODINGS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    "gzip": gzip.compress,
    "deflate": zlib.compress,
}


@dataclass(frozen=True)
class Ending:
    """One way to end; *short* leaves the last byte out."""

    tls: bool
    version: str
    framing: Framing
    connection: str
    interim: str
    coding: str
    end: End
    short: bool

    def __str__(self) -> str:
        parts = ["TLS" if self.tls else "plain", f"HTTP/{self.version}", self.framing.value]
        parts += [self.connection and f"Connection: {self.connection}", self.interim, self.coding]
        return ", ".join(part for part in (*parts, self.end.value, self.short * "short") if part)

    @property
    def is_complete(self) -> bool:
        """Whether the response is whole by RFC 9112; TLS vouches for its end by close_notify."""
        vouched_for = self.framing is not Framing.UNTIL_CLOSE or self.end in (End.FIN, End.NOTIFY)
        return vouched_for and not self.short

    def wire(self, reply: Reply) -> bytes:
        """Return the bytes of *reply*; one without content ends with its headers."""
        head = [f"HTTP/{self.version} {reply.status} {HTTPStatus(reply.status).phrase}"]
        head += [f"{name}: {value}" for name, value in reply.headers.items()]
        head += [f"Connection: {self.connection}"] if self.connection else []
        body = b""
        if reply.status != HTTPStatus.NO_CONTENT:
            head += [f"Content-Encoding: {self.coding}"] if self.coding else []
            body = CODINGS[self.coding](reply.body)
            body = self._framed(body, head)
        wire = "\r\n".join([*head, "", ""]).encode("latin-1") + body
        return INTERIM[self.interim] + (wire[:-1] if self.short else wire)

    def _framed(self, body: bytes, head: list[str]) -> bytes:
        match self.framing:
            case Framing.LENGTH:
                head.append(f"Content-Length: {len(body)}")
                return body
            case Framing.UNTIL_CLOSE:
                return body
            case Framing.CHUNKED:
                head.append("Transfer-Encoding: chunked")
                return b"".join((*_chunks(body, b""), b"0\r\n\r\n"))
        head += ["Transfer-Encoding: chunked", "Trailer: X-Sum"]
        return b"".join((*_chunks(body, b";a=b"), b"0;last\r\nX-Sum: 1\r\nX-More: 2\r\n\r\n"))


def _chunks(body: bytes, extension: bytes) -> Iterator[bytes]:
    size = max(1, len(body) // 3)
    for start in range(0, len(body), size):
        piece = body[start : start + size]
        yield b"%x%s\r\n%s\r\n" % (len(piece), extension, piece)


def every_ending() -> list[Ending]:
    """Return all endings that can be."""
    parts = itertools.product(
        (False, True), ("1.1", "1.0"), Framing, ("", "close", "keep-alive"), INTERIM, CODINGS,
        End, (False, True),
    )  # fmt: skip
    return [ending for one in parts if _can_be(ending := Ending(*one))]


def _can_be(ending: Ending) -> bool:
    if ending.end not in (TLS_ENDS if ending.tls else PLAIN_ENDS):
        return False
    chunked = ending.framing in (Framing.CHUNKED, Framing.TRAILERS)
    if ending.version == "1.0" and (chunked or ending.interim != "no interim response"):
        return False
    never_ends = ending.end is End.STAYS and (ending.short or ending.framing is Framing.UNTIL_CLOSE)
    stays_by_rule = ending.framing is Framing.UNTIL_CLOSE and ending.connection == "keep-alive"
    return not never_ends and not stays_by_rule


class EndingServer:
    """Answers each request with the next of `script`, (bytes, how the connection ends)."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.requests = 0
        self.connections = 0
        self.script: tuple[bytes, End] = (b"", End.FIN)
        self.ended = threading.Event()
        """Set when the connection of the last request has ended."""
        self._ends = threading.Condition()
        self._ended_requests: set[int] = set()
        self.read_request = True
        self._context = context
        self._listener = socket.create_server(("127.0.0.1", 0))
        scheme = "https" if context else "http"
        self.url = f"{scheme}://127.0.0.1:{self._listener.getsockname()[1]}"
        self._open: list[socket.socket] = []
        self._drop: list[End] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def drop(self, end: End) -> None:
        """End the newest connection, which is idle."""
        self._drop.append(end)
        socket.socket.shutdown(self._open[-1], socket.SHUT_RD)
        self.ended.wait()

    def wait_for_end(self) -> None:
        """Return when the connection of the newest request has ended.

        An older connection may end at any time, when the client has no use for it any more.
        """
        with self._ends:
            self._ends.wait_for(lambda: self.requests in self._ended_requests)

    def close(self) -> None:
        for one in (self._listener, *self._open):
            with contextlib.suppress(OSError):  # the other side may have gone first
                socket.socket.shutdown(one, socket.SHUT_RDWR)
            one.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._context:
                connection = self._context.wrap_socket(connection, server_side=True)
            self._open.append(connection)
            while self._has_request(connection):
                self.requests += 1
                number = self.requests
                wire, end = self.script
                connection.sendall(wire)
                if end is not End.STAYS:
                    _end(connection, end)
                    with self._ends:
                        self._ended_requests.add(number)
                        self._ends.notify_all()
                    self.ended.set()
                    return
            # Nobody asks for more, or the test drops the connection.
            _end(connection, self._drop.pop() if self._drop else End.FIN)
            self.ended.set()
        except OSError:
            # The client has gone, or the test is over.
            connection.close()

    def _has_request(self, connection: socket.socket) -> bool:
        """Read one request, or, without `read_request`, a part of it; whether there is one."""
        received = b""
        while b"\r\n\r\n" not in received:
            piece = connection.recv(65536)
            if not piece:
                return False
            received += piece
        head, _, body = received.partition(b"\r\n\r\n")
        length = int(
            (head.lower() + b"\r\n").partition(b"content-length:")[2].split(b"\r\n")[0] or 0
        )
        while self.read_request and len(body) < length:
            body += connection.recv(65536)
        return True


def _end(connection: Any, end: End) -> None:
    if end is End.RST:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    if end is End.NOTIFY:
        connection.settimeout(0)
        with contextlib.suppress(OSError):  # does not wait for the client's
            connection.unwrap()
    connection.close()
