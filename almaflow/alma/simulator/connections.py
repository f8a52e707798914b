"""How many connections clients of the simulator may hold, and how long and large a request may be.

`http.server` has no such limits, and the WSGI servers that have some (waitress, cheroot) cannot
reset, hang or cut short a response, which the simulator's faults need.
"""

from __future__ import annotations

import io
import socket
import threading
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic

_MIB = 1024 * 1024


@dataclass(frozen=True)
class Limits:
    """Limits of a server, in connections, seconds and bytes."""

    connections: int = 200
    """Open at a time; a further one replaces the one that has been waiting longest."""
    idle: float = 120.0
    """Between two requests, and for a client to receive a response."""
    request: float = 30.0
    """From a request's first byte to its last, and as much again for each MiB of its body."""
    head: int = 64 * 1024
    """Of request line and headers together."""
    body: int = 4 * _MIB
    """Alma's own limit is not known; a thousand members take about 100 KiB."""

    def seconds_for(self, size: int) -> float:
        """Return how many seconds a body of *size* bytes may take."""
        return self.request * (1 + size / _MIB)


class IncomingBytes(io.RawIOBase):
    """What a client sends, for as long as it sends in time.

    A socket's own timeout counts from one byte to the next, so that a client that sends a byte
    now and then never reaches it. Reading raises TimeoutError.
    """

    def __init__(self, connection: socket.socket, limits: Limits) -> None:
        self._connection = connection
        self._limits = limits
        self._until = 0.0

    def allow(self, seconds: float) -> None:
        """Let everything that is read from now on arrive within *seconds*."""
        self._until = monotonic() + seconds

    def allow_more(self, seconds: float) -> None:
        """Move the deadline by *seconds*."""
        self._until += seconds

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        left = self._until - monotonic()
        if left <= 0:
            raise TimeoutError("The client sent its request too slowly.")
        self._connection.settimeout(left)
        try:
            return self._connection.recv_into(buffer)
        finally:
            # What is written next has a separate time.
            with suppress(OSError):
                self._connection.settimeout(self._limits.idle)


class OpenConnection:
    """One connection, as its handler and the list of all connections see it."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self.ended = threading.Event()
        """Set when the server has ended the connection."""
        self.waiting_since: float | None = monotonic()
        """When it began to wait for its client; None while a request is processed."""

    def end(self) -> None:
        """Wake the thread that serves the connection and let it end."""
        self.ended.set()
        with suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)


class OpenConnections:
    """The open connections, of which there are at most *most*.

    A connection that waits for its client, between requests, within one or for the client to
    receive a response, is ended when another one comes, the longest wait first. So slow clients
    cannot keep others out.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._open: dict[socket.socket, OpenConnection] = {}
        self._lock = threading.Lock()

    def enter(self, connection: socket.socket) -> bool:
        """Add *connection*; False if requests are being processed on all others."""
        with self._lock:
            if len(self._open) >= self._most and not self._made_room():
                return False
            self._open[connection] = OpenConnection(connection)
            return True

    def _made_room(self) -> bool:
        waiting = [
            (entry.waiting_since, connection)
            for connection, entry in self._open.items()
            if entry.waiting_since is not None
        ]
        if not waiting:
            return False
        _, longest = min(waiting, key=lambda pair: pair[0])
        self._open.pop(longest).end()
        return True

    def entry_of(self, connection: socket.socket) -> OpenConnection:
        """Return the entry of *connection*. Raises: ConnectionAbortedError if it was ended."""
        with self._lock:
            entry = self._open.get(connection)
        if entry is None:
            raise ConnectionAbortedError(
                "The simulator closed this connection because another client needed one."
            )
        return entry

    def wait_for_client(self, entry: OpenConnection) -> None:
        """Record that *entry* waits for its client from now on."""
        entry.waiting_since = monotonic()

    def begin_processing(self, entry: OpenConnection) -> bool:
        """Keep *entry* open until it waits again; False if it was ended already."""
        with self._lock:
            entry.waiting_since = None
            return not entry.ended.is_set()

    def leave(self, connection: socket.socket) -> None:
        with self._lock:
            self._open.pop(connection, None)

    def end_all(self) -> None:
        """Wake every thread that waits."""
        with self._lock:
            for entry in self._open.values():
                entry.end()
