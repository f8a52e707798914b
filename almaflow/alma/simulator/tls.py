"""TLS on the simulator's port, over any stream of bytes, so that resets and cuts reach the socket.

`ssl` can also wrap the socket itself, but not inside a tunnel whose first bytes were read already.
"""

from __future__ import annotations

import io
import ssl
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass
from io import BufferedReader
from typing import Any

# The first byte of a handshake. No method of HTTP begins with it. Source: RFC 8446, 5.1.
_HANDSHAKE = b"\x16"
# Bytes that are read from the client at a time; a record has 16 KiB at most.
_PIECE = 65536


@dataclass(frozen=True)
class ServerTls:
    """The certificate that a server shows, and *hosts*, Alma's names that clients reach it by."""

    context: ssl.SSLContext
    hosts: Collection[str] = ()


def server_context() -> ssl.SSLContext:
    """Return a context for a server that speaks HTTP/1.1 only; it needs a certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_alpn_protocols(["http/1.1"])
    # A second handshake could begin while a response is written.
    context.options |= getattr(ssl, "OP_NO_RENEGOTIATION", 0)
    return context


def begins_tls(first: bytes) -> bool:
    """Whether a client that sends *first* wants TLS."""
    return first.startswith(_HANDSHAKE)


class TlsStream(io.RawIOBase):
    """The plain bytes of a TLS connection, read from and written to two streams of its records.

    Every method raises OSError (ssl.SSLError is one) and what *reader* and *write* raise.
    """

    def __init__(
        self, context: ssl.SSLContext, reader: BufferedReader[Any], write: Callable[[bytes], Any]
    ) -> None:
        self._reader = reader
        self._write = write
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)

    def begin(self) -> None:
        """Make the handshake."""
        self._until_done(self._tls.do_handshake)

    def end(self) -> None:
        """Say that nothing more is written; a client knows then that nothing is missing."""
        with suppress(ssl.SSLWantReadError):
            self._tls.unwrap()
        self._flush()

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Read some bytes; none when the client has ended its side, or the connection."""
        try:
            return int(self._until_done(lambda: self._tls.read(len(buffer), buffer)))
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            return 0

    def write(self, data: bytes) -> int:  # type: ignore[override]
        """Write all of *data*."""
        if data:
            self._tls.write(data)
            self._flush()
        return len(data)

    def _until_done(self, act: Callable[[], Any]) -> Any:
        while True:
            try:
                result = act()
            except ssl.SSLWantReadError:
                self._flush()
                self._receive()
            except ssl.SSLError:
                # The client learns from an alert what it has done wrong.
                with suppress(OSError):
                    self._flush()
                raise
            else:
                self._flush()
                return result

    def _receive(self) -> None:
        if piece := self._reader.read1(_PIECE):
            self._incoming.write(piece)
        else:
            self._incoming.write_eof()

    def _flush(self) -> None:
        if piece := self._outgoing.read():
            self._write(piece)
