"""Servers that answer as none should: slowly, without end, packed, or with a way to elsewhere."""

from __future__ import annotations

import socket
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

Say = Callable[[bytes], None]
Wait = Callable[[], bool]
"""Waits for a moment; says whether the test is over."""
Play = Callable[[Say, Wait], None]
"""What happens on a connection, after the request has begun to arrive."""

MOMENT = 0.1  # seconds
_OK = b"HTTP/1.1 200 OK\r\n"
_MIB = 1024 * 1024


@contextmanager
def server(play: Play) -> Iterator[int]:
    """Play the same to everybody who connects; yields the port."""
    over = threading.Event()

    def serve(connection: socket.socket) -> None:
        # The client hangs up at some time, which is what is tested.
        with connection, suppress(OSError):
            connection.recv(64 * 1024)
            play(connection.sendall, lambda: over.wait(MOMENT))

    def accept() -> None:
        while not over.is_set():
            with suppress(OSError):
                connection, _ = listening.accept()
                threading.Thread(target=serve, args=(connection,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(MOMENT)
        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            over.set()
            thread.join(20)


def drip_body(say: Say, wait: Wait) -> None:
    say(_OK + b"Content-Length: 100000\r\n\r\n")
    drip_raw(say, wait)


def drip_headers(say: Say, wait: Wait) -> None:
    say(_OK + b"X-Slow: ")
    drip_raw(say, wait)


def drip_raw(say: Say, wait: Wait) -> None:
    """Send bytes that begin a long TLS record, or nothing of HTTP."""
    for byte in b"\x16\x03\x03\x3f\xff\x02\x00\x3f\xfb":
        say(bytes([byte]))
        if wait():
            return
    while not wait():
        say(b"x")


def endless_1xx(say: Say, wait: Wait) -> None:
    while not wait():
        say(b"HTTP/1.1 100 Continue\r\n\r\n")


def endless_headers(say: Say, wait: Wait) -> None:
    say(_OK)
    while True:
        say(b"X-Many: " + b"y" * 1000 + b"\r\n")


def endless_body(say: Say, wait: Wait) -> None:
    say(_OK + b"\r\n")
    while True:
        say(b"x" * _MIB)


def endless_error(say: Say, wait: Wait) -> None:
    say(b"HTTP/1.1 400 Bad Request\r\nContent-Type: application/xml\r\n\r\n<Error>")
    while True:
        say(b"x" * _MIB)


def endless_chunk_line(say: Say, wait: Wait) -> None:
    say(_OK + b"Transfer-Encoding: chunked\r\n\r\n1;")
    while True:
        say(b"x" * _MIB)


def gzip_bomb(say: Say, wait: Wait) -> None:
    """A gigabyte, packed."""
    packer = zlib.compressobj(9, wbits=31)
    say(_OK + b"Content-Encoding: gzip\r\n\r\n")
    for _ in range(1024):
        say(packer.compress(bytes(_MIB)))
    say(packer.flush())


def endless_mail_greeting(say: Say, wait: Wait) -> None:
    while not wait():
        say(b"220-hello\r\n")


def redirect(target: str) -> Play:
    """Return a play that redirects to *target*."""

    def play(say: Say, wait: Wait) -> None:
        say(f"HTTP/1.1 307 Elsewhere\r\nLocation: {target}\r\n".encode())
        say(b"Content-Length: 0\r\nConnection: close\r\n\r\n")

    return play
