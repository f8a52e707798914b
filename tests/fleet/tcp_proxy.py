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
        server = await asyncio.start_server(door.come_in, more, 0)
        port = int(server.sockets[0].getsockname()[1])
        self._doors[port] = door
        return port


class _Door:
    def __init__(self, server: Server) -> None:
        self._server = server
        self._state = State.OPEN
        self._may_carry = asyncio.Event()
        self._may_carry.set()
        self._writers: set[asyncio.StreamWriter] = set()

    def set(self, state: State) -> None:
        self._state = state
        if state is State.SILENT:
            self._may_carry.clear()
        else:
            self._may_carry.set()
        if state is State.SHUT:
            for writer in self._writers:
                _reset(writer)

    async def come_in(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection until it ends."""
        if self._state is State.SHUT:
            _reset(writer)
            return
        self._writers.add(writer)
        there: asyncio.StreamWriter | None = None
        try:
            await self._may_carry.wait()
            back, there = await self._connect()
            self._writers.add(there)
            both = [self._carry(reader, there), self._carry(back, writer)]
            done = [asyncio.create_task(one) for one in both]
            await asyncio.wait(done, return_when=asyncio.FIRST_COMPLETED)
            for one in done:
                one.cancel()
        except OSError:
            # The server is away; who is at the door sees the end of the connection.
            _reset(writer)
        finally:
            for end in (writer, there):
                if end is not None:
                    self._writers.discard(end)
                    end.close()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if isinstance(self._server, str):
            return await asyncio.open_unix_connection(self._server)
        return await asyncio.open_connection(*self._server)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                await self._may_carry.wait()
                writer.write(data)
                await writer.drain()


def _reset(writer: asyncio.StreamWriter) -> None:
    """End a connection as a firewall does; what was not sent yet is lost."""
    ours = writer.get_extra_info("socket")
    if ours is not None and ours.family != socket.AF_UNIX:
        with suppress(OSError):
            ours.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
