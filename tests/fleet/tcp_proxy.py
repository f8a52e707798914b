"""A network between hosts and a server, which can be cut: each host has a door of its own to it."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import socket
import struct
import threading
from contextlib import suppress
from enum import StrEnum
from multiprocessing.connection import Connection
from typing import Any

# Where the server is: the path of a socket, or host and port.
Server = str | tuple[str, int]


class State(StrEnum):
    """What a door does with connections."""

    OPEN = "open"
    SILENT = "silent"
    """It carries nothing, in either direction, and ends nothing: a cable that is out."""
    SHUT = "shut"
    """It has reset every connection and refuses new ones: a firewall."""


class Network:
    """Doors to servers, kept by a process of its own, so that they cost the test nothing."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        self._pipe: Connection = ours
        self._process = context.Process(target=_main, args=(theirs,), daemon=True)
        self._process.start()
        theirs.close()
        # Doors belong to several threads of a test.
        self._turn = threading.Lock()

    def door(self, server: Server, host: str = "127.0.0.1") -> int:
        """Open a door to *server* on *host*; return its port."""
        return int(self._ask("door", server, host))

    def set(self, port: int, state: State) -> None:
        """Change what the door at *port* does, now."""
        self._ask("set", port, state)

    def _ask(self, *words: Any) -> Any:
        with self._turn:
            self._pipe.send(words)
            return self._pipe.recv()

    def close(self) -> None:
        """End every connection and the process."""
        self._pipe.close()
        self._process.join(10)
        self._process.kill()


# --- in the process of the network ----------------------------------------------------------------


def _main(pipe: Connection) -> None:
    asyncio.run(_Doors(pipe).serve())


class _Doors:
    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self._doors: dict[int, _Door] = {}

    async def serve(self) -> None:
        """Do what is asked for until the test has gone."""
        asked: asyncio.Queue[Any] = asyncio.Queue()
        loop = asyncio.get_running_loop()
        loop.add_reader(self._pipe.fileno(), self._read, asked)
        while (words := await asked.get()) is not None:
            self._pipe.send(await self._do(*words))
        # Connections that are open have nobody left to end them in order.
        os._exit(0)

    def _read(self, asked: asyncio.Queue[Any]) -> None:
        try:
            asked.put_nowait(self._pipe.recv())
        except (EOFError, OSError):
            asyncio.get_running_loop().remove_reader(self._pipe.fileno())
            asked.put_nowait(None)

    async def _do(self, what: str, where: Any, more: Any) -> int:
        if what == "set":
            self._doors[where].set(more)
            return int(where)
        door = _Door(where)
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: _End(door), more, 0)
        port = int(server.sockets[0].getsockname()[1])
        self._doors[port] = door
        return port


class _Door:
    def __init__(self, server: Server) -> None:
        self._server = server
        self.state = State.OPEN
        self.ends: set[_End] = set()

    def set(self, state: State) -> None:
        self.state = state
        for end in [*self.ends]:
            if state is State.SHUT:
                end.reset()
            else:
                end.carry()

    async def connect(self, back: _End) -> _End:
        """Return the end at the server of a connection whose other end is *back*."""
        loop = asyncio.get_running_loop()
        if isinstance(self._server, str):
            there = await loop.create_unix_connection(lambda: _End(self, back), self._server)
        else:
            there = await loop.create_connection(lambda: _End(self, back), *self._server)
        return there[1]


class _End(asyncio.Protocol):
    """One of the two ends of a connection: what comes in at it goes out at the other.

    Bare protocols, as streams would take several times the processor for the same bytes.
    """

    def __init__(self, door: _Door, other: _End | None = None) -> None:
        self._door = door
        self._other = other
        self._kept = bytearray()
        self._connecting: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._door.ends.add(self)
        if self._door.state is State.SHUT:
            self.reset()
        else:
            self.carry()

    def data_received(self, data: bytes) -> None:
        if self._door.state is State.OPEN and self._other is not None and not self._kept:
            self._other._transport.write(data)
        else:
            self._kept += data
            # A silent cable takes no more than its buffers hold.
            self._transport.pause_reading()

    def carry(self) -> None:
        """Carry what has been kept, unless the door is silent; connect first."""
        if self._door.state is not State.OPEN:
            return
        if self._other is None:
            if self._connecting is None:
                self._connecting = asyncio.ensure_future(self._connect())
        elif self._kept:
            self._other._transport.write(bytes(self._kept))
            self._kept.clear()
            self._transport.resume_reading()

    async def _connect(self) -> None:
        try:
            self._other = await self._door.connect(self)
        except OSError:
            # The server is away; who is at the door sees the end of the connection.
            self.reset()
        else:
            if self._transport.is_closing():
                self._other._transport.close()
            else:
                self.carry()

    def connection_lost(self, error: Exception | None) -> None:
        self._door.ends.discard(self)
        if self._other is not None:
            self._other._transport.close()

    def reset(self) -> None:
        """End the connection as a firewall does; what was not sent yet is lost."""
        ours = self._transport.get_extra_info("socket")
        if ours is not None and ours.family != socket.AF_UNIX:
            with suppress(OSError):
                ours.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()
