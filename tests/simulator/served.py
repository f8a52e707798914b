"""A simulated Alma on a socket, and short ways to talk to it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import requests

from almaflow.alma.simulator.connections import Limits
from almaflow.alma.simulator.http import SimulatorServer
from tests.simulator.world import World

TEST = "/almaws/v1/conf/test"


class Served:
    """A world with its server and a session that is kept alive."""

    def __init__(self, world: World, server: SimulatorServer, session: requests.Session) -> None:
        self.world = world
        self.server = server
        self.session = session

    def get(self, path: str = TEST, **more: Any) -> requests.Response:
        return self.session.get(f"{self.server.url}{path}", timeout=10, **more)

    def connect(self) -> socket.socket:
        host, port = self.server.url.removeprefix("http://").split(":")
        return socket.create_connection((host, int(port)), timeout=10)

    def raw(self, request: bytes) -> bytes:
        """Send bytes as they are and return everything until the connection ends."""
        with self.connect() as connection:
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)
            return until_end(connection)


@contextmanager
def serve(**limits: Any) -> Iterator[Served]:
    """Serve a world with *limits* that a test can reach."""
    world = World()
    server = SimulatorServer(world.alma, limits=Limits(**limits))
    with server, requests.Session() as session:
        session.headers["Authorization"] = f"apikey {world.key}"
        yield Served(world, server, session)


def until_end(connection: socket.socket) -> bytes:
    """Return what comes until the server ends the connection."""
    connection.settimeout(10)
    parts = []
    with suppress(ConnectionResetError):
        while part := connection.recv(65536):
            parts.append(part)
    return b"".join(parts)
