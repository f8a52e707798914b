"""The page's server: uvicorn in a separate thread, so that pages never delay the scheduler."""

from __future__ import annotations

import asyncio
import errno
import socket
from threading import Event, Thread

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from almaflow.errors import RequestWrong
from almaflow.settings.serving import PageAddress

# Connections at a time; a further one is answered with 503.
_CONNECTIONS = 256
# Bytes of a head, and seconds that a connection may be idle between requests.
_HEAD = 64 * 1024
_IDLE = 15
HEAD_TIME = 15.0
"""Seconds in which the head of a request has to arrive."""
# Seconds that open responses have when the server stops.
_FAREWELL = 1
_WAITING = 128


class PageServer:
    """Serves *app* at *address*; Raises: RequestWrong when it cannot have that address."""

    def __init__(self, app: ASGIApp, address: PageAddress) -> None:
        self._socket = _listen(address)
        port = self._socket.getsockname()[1]
        self.address = PageAddress(address.host, port)
        self._server = _Server(
            uvicorn.Config(
                app,
                log_config=None,
                log_level="critical",
                access_log=False,
                lifespan="off",
                http=_Protocol,
                ws="none",
                server_header=False,
                proxy_headers=False,
                limit_concurrency=_CONNECTIONS,
                timeout_keep_alive=_IDLE,
                timeout_graceful_shutdown=_FAREWELL,
                h11_max_incomplete_event_size=_HEAD,
            )
        )
        self._thread = Thread(target=self._run, name="page", daemon=True)

    def start(self) -> None:
        """Serve, and return once it does."""
        self._thread.start()
        self._server.ready.wait()

    def stop(self) -> None:
        """End every connection and free the port."""
        self._server.should_exit = True
        if self._thread.is_alive():
            self._thread.join()
        self._socket.close()

    def _run(self) -> None:
        try:
            asyncio.run(self._server.serve([self._socket]))
        finally:
            self._server.ready.set()


class _Protocol(H11Protocol):
    """Ends a connection whose client takes too long to send the head of a request.

    uvicorn itself waits for it for ever, so a few hundred silent clients would use up all
    connections.
    """

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait_for_head()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._in_progress():
            self._forget_deadline()
        elif self._deadline is None:
            # The begin of another head on a connection that stayed open.
            self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget_deadline()
        super().connection_lost(exc)

    def _in_progress(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _wait_for_head(self) -> None:
        self._deadline = self.loop.call_later(HEAD_TIME, self._give_up)

    def _forget_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _give_up(self) -> None:
        self._deadline = None
        if not self._in_progress():
            self.transport.close()


class _Server(uvicorn.Server):
    """Reports that it serves; signals belong to the main thread."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()


def _listen(address: PageAddress) -> socket.socket:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    try:
        listener = socket.create_server(
            (address.host, address.port), family=family, backlog=_WAITING
        )
    except OSError as error:
        raise PageRefused(address, error) from error
    return listener


class PageRefused(RequestWrong):
    """The page cannot be served at its address."""

    def __init__(self, address: PageAddress, error: OSError) -> None:
        self.is_busy = error.errno == errno.EADDRINUSE
        why = (
            "another program uses this port"
            if self.is_busy
            else f"the system refuses it: {error.strerror or error}"
        )
        super().__init__(
            f"The page cannot be served at {address.netloc}: {why}. Choose another address in "
            "almaflow.yaml, such as `serve: {page: 127.0.0.1:8481}`, or write `page: false`."
        )
