"""The simulated Alma on a socket: HTTP/1.1 with keep-alive, and faults enacted on the wire."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import sys
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from almaflow.alma.simulator.alma import SimulatedAlma
from almaflow.alma.simulator.reply import Reply, WireFault

# SO_LINGER on, zero seconds: closing resets the connection instead of ending it politely.
_RESET = struct.pack("hh" if os.name == "nt" else "ii", 1, 0)
# Larger bodies are not read (bytes); Alma's own limit is not known.
_LARGEST_BODY = 64 * 1024 * 1024
# Connections at a time; a further one is closed at once, so that threads have a bound.
_MOST_CONNECTIONS = 500
# Seconds that a client may say nothing, also in the middle of a request.
_SILENCE = 300


class _BadBody(Exception):
    """A request whose body cannot be read from the wire."""


class SimulatorServer:
    """Serves a simulated Alma on loopback, or wherever *host* says; port 0 takes a free one.

    Faults, and only faults, take their time in earnest: a reply's `delay` is waited for.
    Usable as a context manager.
    """

    def __init__(self, alma: SimulatedAlma, host: str = "127.0.0.1", port: int = 0) -> None:
        self._server = _Server((host, port), _Handler)
        self._server.alma = alma
        self._thread: threading.Thread | None = None
        self._serving = False
        name = f"[{host}]" if ":" in host else host
        self.url = f"http://{name}:{self._server.server_address[1]}"
        """Where it answers; `/almaws/v1/…` comes behind it."""
        alma.link_base = self.url

    def start(self) -> SimulatorServer:
        """Serve in a thread of its own."""
        self._serving = True
        self._thread = threading.Thread(
            target=self.serve_forever, name="almaflow-simulator", daemon=True
        )
        self._thread.start()
        return self

    def serve_forever(self) -> None:
        """Serve in this thread until `stop`, or Ctrl-C."""
        self._serving = True
        try:
            self._server.serve_forever(poll_interval=0.05)
        finally:
            self._serving = False

    def stop(self) -> None:
        """End every connection, also those that hang, and free the port."""
        self._server.stopping.set()
        if self._serving:
            self._server.shutdown()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        self._server.close_connections()
        self._server.server_close()

    def __enter__(self) -> SimulatorServer:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # Threads are let go by closing their connections; waiting for them here is not needed.
    block_on_close = False
    request_queue_size = 128
    alma: SimulatedAlma

    def __init__(self, address: tuple[str, int], handler: type[_Handler]) -> None:
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        self.stopping = threading.Event()
        self._open: set[socket.socket] = set()
        self._open_lock = threading.Lock()
        super().__init__(address, handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._open_lock:
            full = len(self._open) >= _MOST_CONNECTIONS
            self._open.add(request)
        if full:
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._open_lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def close_connections(self) -> None:
        """Wake every thread that waits for its client."""
        with self._open_lock:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that has gone away is none of our business; anything else is a defect."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


def is_own_host(host: str, bound: str) -> bool:
    """Whether the `Host` header of a request names this simulator.

    A page of another site that lets its name lead to this machine (DNS rebinding) sends its own
    name. *bound* is the address that is listened on; on one that is not of this machine alone,
    every name is right. A request of HTTP/1.0 may have no host.
    """
    if not host or not is_loopback(bound):
        return True
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    return is_loopback(name)


def is_loopback(host: str) -> bool:
    """Whether *host* (a name, or an address without brackets) is this machine itself."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = _SILENCE
    # Small answers must not wait for the client's acknowledgement of the last one.
    disable_nagle_algorithm = True
    server: _Server

    def handle_one_request(self) -> None:
        self.raw_requestline = self.rfile.readline(65537)
        if not self.raw_requestline:
            self.close_connection = True
            return
        if len(self.raw_requestline) > 65536:
            self.requestline = self.request_version = self.command = ""
            self.send_error(HTTPStatus.REQUEST_URI_TOO_LONG)
            return
        if self.parse_request():
            self._answer()

    def _answer(self) -> None:
        if not is_own_host(self.headers.get("host", ""), str(self.server.server_address[0])):
            self.close_connection = True
            self.send_error(
                HTTPStatus.MISDIRECTED_REQUEST, "The simulator does not answer to this host name"
            )
            return
        try:
            body = self._body()
        except _BadBody as error:
            self.send_error(HTTPStatus.BAD_REQUEST, str(error))
            self.close_connection = True
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        self._send(self.server.alma.handle(self.command, self.path, headers, body))

    def _body(self) -> bytes:
        if "chunked" in self.headers.get("transfer-encoding", "").lower():
            return self._chunks()
        length = self.headers.get("content-length", "0").strip()
        if not length.isdecimal() or int(length) > _LARGEST_BODY:
            raise _BadBody("Bad Content-Length")
        return self.rfile.read(int(length))

    def _chunks(self) -> bytes:
        body = bytearray()
        while True:
            try:
                size = int(self.rfile.readline(100).partition(b";")[0], 16)
            except ValueError:
                raise _BadBody("Bad chunk") from None
            if size < 0 or len(body) + size > _LARGEST_BODY:
                raise _BadBody("Bad chunk")
            if size == 0:
                break
            body += self.rfile.read(size)
            self.rfile.readline(3)
        while self.rfile.readline(65537) not in (b"\r\n", b"\n", b""):
            pass
        return bytes(body)

    def _send(self, reply: Reply) -> None:
        if reply.fault is WireFault.HANG:
            self.server.stopping.wait()
        if reply.fault in (WireFault.RESET_BEFORE, WireFault.DROP_AFTER, WireFault.HANG):
            self._reset()
            return
        slow = reply.delay > 0 and reply.fault is not WireFault.DRIP
        if slow and self.server.stopping.wait(reply.delay):
            self._reset()
            return
        if reply.fault is WireFault.CLOSE:
            self.close_connection = True
        head = self._head(reply)
        if reply.fault is WireFault.TRUNCATE:
            self.wfile.write(head + reply.body[: len(reply.body) // 2])
            self.close_connection = True
        elif reply.fault is WireFault.DRIP:
            self._drip(head, reply)
        else:
            # One packet: head and body apart would cost a round trip.
            self.wfile.write(head + (b"" if self.command == "HEAD" else reply.body))
            if reply.fault is WireFault.RESET_AFTER:
                self._reset()

    def _head(self, reply: Reply) -> bytes:
        try:
            phrase = HTTPStatus(reply.status).phrase
        except ValueError:
            phrase = "Unknown"
        lines = [f"HTTP/1.1 {reply.status} {phrase}"]
        lines += [f"{name}: {value}" for name, value in reply.headers.items()]
        if reply.status != HTTPStatus.NO_CONTENT:
            lines.append(f"content-length: {len(reply.body)}")
        if self.close_connection or reply.fault is WireFault.TRUNCATE:
            lines.append("connection: close")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")

    def _drip(self, head: bytes, reply: Reply) -> None:
        self.wfile.write(head)
        pause = reply.delay / max(1, len(reply.body))
        for byte in reply.body:
            if self.server.stopping.wait(pause):
                self.close_connection = True
                return
            self.wfile.write(bytes([byte]))

    def _reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.close_connection = True
        # Also the files made from the socket must go, or it stays open behind them.
        self.rfile.close()
        self.wfile.close()
        self.connection.close()

    def log_message(self, format: str, *args: Any) -> None:
        """Keep quiet: targets may carry keys."""
