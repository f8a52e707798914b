"""A small HTTP server for this machine only, with limits on its connections and their time.

`wsgiref` has no such limits. It serves one request a connection, so a limit on the age of a
connection is one on the whole request, however slowly its bytes arrive.
"""

from __future__ import annotations

import re
import socket
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from socketserver import ThreadingMixIn
from threading import Lock, Thread
from time import monotonic
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from almaflow.loopback import is_loopback

_ONLY_THIS_MACHINE = "127.0.0.1"
# Connections at a time; a further one ends the oldest.
_MOST = 32
# Seconds from the begin of a connection to the end of its response.
_LIFETIME = 30.0
# Seconds between two searches for connections that are too old; `stop` waits as long.
_POLL = 0.05
_BAD_REQUEST, _MISDIRECTED = 400, 421

# `[address]` or a name, with or without port.
_HOST = re.compile(r"(?:\[([0-9a-f:.]+(?:%\w+)?)\]|([\w.-]+))(?::[0-9]{0,5})?", re.A | re.I)

Application = Callable[[dict[str, Any], Any], Any]


class LocalServer:
    """Serves *application* on *port* of this machine; 0 takes a free one.

    *lifetime* is in seconds, for a connection. Raises: OSError.
    """

    def __init__(self, port: int, application: Application, *, lifetime: float = _LIFETIME) -> None:
        self._server = make_server(_ONLY_THIS_MACHINE, port, application, _Server, _Handler)
        assert isinstance(self._server, _Server)
        self._server.lifetime = lifetime
        self.port = self._server.server_port
        self._thread = Thread(
            target=self._server.serve_forever, args=(_POLL,), name="local-server", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """End every connection and free the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    # Connections that wait to be accepted; beyond them, clients repeat after seconds.
    request_queue_size = 1024
    lifetime = _LIFETIME

    def __init__(self, *arguments: Any) -> None:
        # When each began, in the order in which they came.
        self._open: dict[socket.socket, float] = {}
        self._lock = Lock()
        super().__init__(*arguments)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            if len(self._open) >= _MOST:
                self._end(next(iter(self._open)))
            self._open[request] = monotonic()
        super().process_request(request, client_address)

    def service_actions(self) -> None:
        """End the connections that are too old; `serve_forever` calls this again and again."""
        began_before = monotonic() - self.lifetime
        with self._lock:
            for connection in [one for one, at in self._open.items() if at < began_before]:
                self._end(connection)

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._open.pop(request, None)
        super().shutdown_request(request)

    def server_close(self) -> None:
        with self._lock:
            for connection in list(self._open):
                self._end(connection)
        super().server_close()

    def _end(self, connection: socket.socket) -> None:
        """Wake the thread that waits for this client."""
        del self._open[connection]
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore a client that has closed its connection or lost it; show a defect."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Handler(WSGIRequestHandler):
    # Seconds that a client may send nothing, or take nothing of the response.
    timeout = _LIFETIME

    def parse_request(self) -> bool:
        """Parse the head; refuse requests that do not address this machine.

        A web page whose name is made to lead here (DNS rebinding) sends its own name. A request of
        HTTP/1.0 without `Host` passes: no browser sends one.
        """
        if not super().parse_request():
            return False
        status = host_refusal(self.headers.get_all("host", []), self.path, self.request_version)
        if status is None:
            return True
        self.send_error(
            status, None, "The server answers only to requests whose `Host` is this machine."
        )
        return False

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing: each request would be a line."""


def host_refusal(hosts: Sequence[str], target: str, version: str) -> int | None:
    """Return the status with which to refuse a request that does not address this machine.

    *hosts* are its `Host` headers. 400: they are not one host, or *target* is not a path; 421: they
    name another one.
    """
    if len(hosts) > 1 or not target.startswith("/") or (not hosts and version >= "HTTP/1.1"):
        return _BAD_REQUEST
    if not hosts:
        return None
    match = _HOST.fullmatch(hosts[0].strip())
    if match is None:
        return _BAD_REQUEST
    return None if is_loopback(match[1] or match[2]) else _MISDIRECTED
