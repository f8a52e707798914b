"""The simulated Alma on a socket: HTTP/1.1 with keep-alive, and faults enacted on the wire."""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import struct
import sys
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BufferedReader, BytesIO
from time import monotonic
from typing import Any

from almaflow.alma.simulator.alma import SimulatedAlma
from almaflow.alma.simulator.connections import IncomingBytes, Limits, OpenConnections
from almaflow.alma.simulator.control import PREFIX, ControlDoor
from almaflow.alma.simulator.hosts import HostRefused, check_hosts, path_of
from almaflow.alma.simulator.incoming import RequestRefused, read_body, read_head
from almaflow.alma.simulator.reply import Reply, WireFault
from almaflow.alma.simulator.request_log import Log, LoggedRequest, method_of, without_keys
from almaflow.alma.simulator.tls import ServerTls, TlsStream, begins_tls
from almaflow.alma.simulator.tunnels import check_tunnel
from almaflow.alma.simulator.webhooks import Webhooks

# SO_LINGER on, zero seconds: closing resets the connection instead of ending it politely.
_RESET = struct.pack("hh" if os.name == "nt" else "ii", 1, 0)
# Seconds that a client has to read why it was refused.
_PARTING = 1.0
_LIMITS = Limits()
# Faults after which a TLS connection breaks off, instead of ending as announced.
_CUT = (WireFault.TRUNCATE,)
_FULL = (
    b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: text/plain\r\nretry-after: 1\r\n"
    b"connection: close\r\n\r\nThe simulator is answering too many requests at the same time.\n"
)


class SimulatorServer:
    """Serves a simulated Alma on loopback, or wherever *host* says; port 0 takes a free one.

    It answers only to requests that address it (see `hosts`). Links begin with *public_url*, or
    with the address to which the client sends. With *tls*, the same port serves `https` too, and
    `CONNECT` to it in place of Alma's hosts. *webhooks*, or those of *control*, are sent for as
    long as it serves. Faults, and only faults, take their time in earnest: a reply's `delay` is
    waited for. Usable as a context manager.
    """

    def __init__(
        self,
        alma: SimulatedAlma,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        limits: Limits = _LIMITS,
        public_url: str = "",
        log: Log | None = None,
        control: ControlDoor | None = None,
        tls: ServerTls | None = None,
        webhooks: Webhooks | None = None,
    ) -> None:
        self._webhooks = control.webhooks if control is not None else webhooks
        self._server = _Server((host, port), alma, limits, log)
        self._server.control = control
        self._server.tls = tls
        self._thread: threading.Thread | None = None
        self._serving = False
        name = f"[{host}]" if ":" in host else host
        self.url = f"http://{name}:{self._server.server_address[1]}"
        """Where it answers; `/almaws/v1/…` comes behind it."""
        # A scenario's own address counts, like that of the command line.
        fixed = "base_url" in alma.scenario.alma.model_fields_set
        alma.links_follow_client = not public_url and not fixed
        if public_url or not fixed:
            alma.link_base = public_url.rstrip("/") or self.url

    def start(self) -> SimulatorServer:
        """Serve in a separate thread."""
        self._serving = True
        self._thread = threading.Thread(
            target=self.serve_forever, name="almaflow-simulator", daemon=True
        )
        self._thread.start()
        return self

    def serve_forever(self) -> None:
        """Serve in this thread until `stop`, or Ctrl-C."""
        self._serving = True
        if self._webhooks is not None:
            self._webhooks.start()
        try:
            self._server.serve_forever(poll_interval=0.05)
        finally:
            self._serving = False

    def stop(self) -> None:
        """End every connection, also those that hang, and the webhooks; free the port."""
        if self._webhooks is not None:
            self._webhooks.stop()
        if self._serving:
            self._server.shutdown()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        self._server.open_connections.end_all()
        self._server.server_close()

    def __enter__(self) -> SimulatorServer:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # Threads are let go by closing their connections; waiting for them here is not needed.
    block_on_close = False
    # Connections that wait to be accepted; beyond them, clients repeat after seconds.
    request_queue_size = 1024

    def __init__(
        self, address: tuple[str, int], alma: SimulatedAlma, limits: Limits, log: Log | None
    ) -> None:
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        self.alma = alma
        self.limits = limits
        self.log = log
        self.control: ControlDoor | None = None
        self.tls: ServerTls | None = None
        self.open_connections = OpenConnections(limits.connections)
        self.bound = address[0]
        super().__init__(address, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        if self.open_connections.enter(request):
            super().process_request(request, client_address)
            return
        with contextlib.suppress(OSError):
            request.send(_FULL)
        self.shutdown_request(request)
        if self.log is not None:
            self.log(LoggedRequest("", "", HTTPStatus.SERVICE_UNAVAILABLE, 0.0))

    def shutdown_request(self, request: Any) -> None:
        self.open_connections.leave(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that has gone away is none of our business; anything else is a defect."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Small answers must not wait for the client's acknowledgement of the last one.
    disable_nagle_algorithm = True
    error_message_format = "%(message)s. %(explain)s\n"
    error_content_type = "text/plain; charset=utf-8"
    server: _Server

    def setup(self) -> None:
        super().setup()
        # The file that comes with the socket would keep it open.
        self.rfile.close()
        self._entry = self.server.open_connections.entry_of(self.request)
        self._incoming = IncomingBytes(self.connection, self.server.limits)
        self._stream: BufferedReader[Any] = BufferedReader(self._incoming)
        self.rfile = self._stream
        # The innermost layer of TLS; a proxy that is reached by TLS holds a tunnel with another.
        self._tls: TlsStream | None = None
        self._tls_may_begin = self.server.tls is not None
        self._in_tunnel = False
        # A request can be refused before its first line is understood.
        self.requestline = self.command = self.path = ""
        self._status: int | None = None
        self._fault = ""
        self.request_version = self.protocol_version

    def handle_one_request(self) -> None:
        self.close_connection = True
        self.server.open_connections.wait_for_client(self._entry)
        self._incoming.allow(self.server.limits.idle)
        with contextlib.suppress(TimeoutError):
            if not (first := self._stream.peek(1)):
                return
            self._incoming.allow(self.server.limits.request)
            began, self._status, self._fault = monotonic(), None, ""
            # What the last request of this connection left.
            self.command = self.path = ""
            if self._tls_may_begin and self.server.tls is not None and begins_tls(first):
                self._begin_tls(self.server.tls.context)
                return
            self._tls_may_begin = False
            try:
                self._handle_incoming()
            except (RequestRefused, HostRefused) as refused:
                self._refuse(refused.status, str(refused))
            except ssl.SSLError as error:
                self._fault = f"tls_failed {error.reason or ''}".rstrip()
            finally:
                self._log(began)

    def _begin_tls(self, context: ssl.SSLContext) -> None:
        """Read and write requests through TLS from here on, or log why the client gave up."""
        self._tls_may_begin = False
        began = monotonic()
        stream = TlsStream(context, self._stream, self.wfile.write)
        try:
            stream.begin()
        except OSError as error:
            reason = error.reason if isinstance(error, ssl.SSLError) else ""
            self._fault = f"tls_handshake_failed {reason or ''}".rstrip()
            self._log(began)
            return
        self._tls = stream
        self.wfile = stream  # type: ignore[assignment]
        self.rfile = self._stream = BufferedReader(stream)
        self.close_connection = False

    def _log(self, began: float) -> None:
        if self.server.log is not None:
            method, target = method_of(self.command), without_keys(self.path)
            spent = (monotonic() - began) * 1000
            self.server.log(LoggedRequest(method, target, self._status, spent, self._fault))

    def _handle_incoming(self) -> None:
        """Answer the request whose first byte has arrived.

        Raises: RequestRefused, HostRefused, TimeoutError (the client does not take the response).
        """
        try:
            head = read_head(self.rfile, self.server.limits)
            if not head or not self._parsed(head):
                return
            if self.command == "CONNECT":
                self._open_tunnel()
                return
            hosts = self.headers.get_all("host", [])
            check_hosts(hosts, self.path, self.request_version, self.server.bound)
            body = read_body(self.rfile, self.headers, self._incoming, self.server.limits)
        except TimeoutError:
            raise RequestRefused(
                HTTPStatus.REQUEST_TIMEOUT, "The request did not arrive in time."
            ) from None
        if self.server.open_connections.begin_processing(self._entry):
            headers = {name.lower(): value for name, value in self.headers.items()}
            if self._tls is not None:
                # Links begin with https then, as behind a proxy that ends TLS.
                headers.setdefault("x-forwarded-proto", "https")
            self._send(self._reply(path_of(self.path), headers, body))

    def _open_tunnel(self) -> None:
        """Begin again on this connection, as if the client had connected to the tunnel's target."""
        if self.server.tls is None:
            raise HostRefused(
                HTTPStatus.FORBIDDEN, "Start the simulator with `--tls` to use it as a proxy."
            )
        if self._in_tunnel:
            raise HostRefused(HTTPStatus.FORBIDDEN, "A tunnel cannot hold another tunnel.")
        check_tunnel(self.path, self.server.tls.hosts, self.server.server_address[1])
        self.send_response_only(HTTPStatus.OK, "Connection Established")
        self.end_headers()
        self._status = HTTPStatus.OK
        self._in_tunnel = self._tls_may_begin = True
        self.close_connection = False

    def _reply(self, target: str, headers: dict[str, str], body: bytes) -> Reply:
        control = self.server.control
        if control is None:
            return self.server.alma.handle(self.command, target, headers, body)
        if target.startswith(PREFIX):
            peer = str(self.client_address[0])
            return control.handle(peer, self.command, target, headers, body)
        return control.alma.handle(self.command, target, headers, body)

    def _parsed(self, head: bytes) -> bool:
        """Parse *head*; False if `http.server` has refused it."""
        self.raw_requestline, _, headers = head.partition(b"\n")
        stream, self.rfile = self.rfile, BytesIO(headers)
        try:
            return self.parse_request()
        finally:
            self.rfile = stream

    def _refuse(self, status: HTTPStatus, message: str) -> None:
        """Send the reason, and let the client read it before the connection ends."""
        self.close_connection = True
        self.send_error(status, None, message)
        with contextlib.suppress(OSError):
            # Closing while bytes arrive would reset the connection and lose the response.
            self._end_tls()
            self.connection.shutdown(socket.SHUT_WR)
            self._incoming.allow(_PARTING)
            while self.rfile.read1(65536):
                pass

    def _send(self, reply: Reply) -> None:
        self._fault = reply.fault or ""
        if reply.fault is WireFault.HANG:
            # Nothing is processed here any more, so others may replace this connection.
            self.server.open_connections.wait_for_client(self._entry)
            self._entry.ended.wait()
        if reply.fault in (WireFault.RESET_BEFORE, WireFault.DROP_AFTER, WireFault.HANG):
            self._reset()
            return
        slow = reply.delay > 0 and reply.fault is not WireFault.DRIP
        if slow and self._entry.ended.wait(reply.delay):
            self._reset()
            return
        if reply.fault is WireFault.CLOSE:
            self.close_connection = True
        self._status = reply.status
        head = self._head(reply)
        if reply.fault is not WireFault.DRIP:
            # A client that does not take its response may be replaced.
            self.server.open_connections.wait_for_client(self._entry)
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

    def finish(self) -> None:
        """Tell the client that its last response was whole, unless a fault cuts it."""
        if self._fault not in _CUT:
            with contextlib.suppress(OSError, ValueError):
                self._end_tls()
        super().finish()

    def _end_tls(self) -> None:
        if self._tls is not None and not self._tls.closed:
            self._tls.end()

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
            if self._entry.ended.wait(pause):
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

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Keep the status with which `http.server` itself has refused a request."""
        self._status = int(code)

    def log_message(self, format: str, *args: Any) -> None:
        """Keep quiet: targets may carry keys."""
