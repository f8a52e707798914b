"""One request of the simulator to a webhook's listener, within seconds and on this machine only."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from io import BufferedReader
from typing import Any, cast
from urllib.parse import urlsplit

from almaflow.alma.simulator.connections import IncomingBytes, Limits
from almaflow.alma.simulator.hosts import is_loopback

# Alma takes a listener for silent after so many seconds (alma-api.md 12.3).
PATIENCE = 5.0
# Bytes; a challenge comes back in some hundred.
_LARGEST_BODY = 64 * 1024


class NoAnswer(Exception):
    """The listener did not respond in time, or not in HTTP; the text is a sentence."""


@dataclass(frozen=True)
class ListenerRequest:
    """A request to a listener; header names are lower-case."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes = b""


def exchange(
    request: ListenerRequest, opened: Callable[[socket.socket], object], seconds: float = PATIENCE
) -> tuple[int, bytes]:
    """Send *request* and return status and body of the response; redirects are not followed.

    *opened* receives the connection, which another thread may shut down. Raises: NoAnswer.
    """
    try:
        return _exchange(request, opened, seconds)
    except TimeoutError:
        raise NoAnswer(f"The listener did not respond within {seconds:g} seconds.") from None
    except OSError as error:
        raise NoAnswer(
            f"The listener cannot be reached: {error.strerror or type(error).__name__}."
        ) from error
    except (HTTPException, ValueError) as error:
        raise NoAnswer("The listener's response is not HTTP.") from error


def _exchange(
    request: ListenerRequest, opened: Callable[[socket.socket], object], seconds: float
) -> tuple[int, bytes]:
    parts = urlsplit(request.url)
    host, secure = parts.hostname or "", parts.scheme == "https"
    address = (host, parts.port or (443 if secure else 80))
    with closing(socket.create_connection(address, timeout=seconds)) as plain:
        # A name may lead elsewhere than it seems.
        if not is_loopback(str(plain.getpeername()[0])):
            raise NoAnswer("The listener is not on this machine.")
        opened(plain)
        with closing(_secured(plain, host) if secure else plain) as connection:
            opened(connection)
            incoming = IncomingBytes(connection, Limits(idle=seconds))
            incoming.allow(seconds)
            connection.sendall(_bytes(request, parts.netloc))
            response = HTTPResponse(cast(socket.socket, _Readable(incoming)), method=request.method)
            with closing(response):
                response.begin()
                return response.status, response.read(_LARGEST_BODY)


def _secured(connection: socket.socket, host: str) -> socket.socket:
    # Between two programs of one machine, a certificate proves nothing.
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context.wrap_socket(connection, server_hostname=host)


def _bytes(request: ListenerRequest, host: str) -> bytes:
    parts = urlsplit(request.url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    headers = {"host": host, **request.headers, "connection": "close"}
    if request.method != "GET":
        headers["content-length"] = str(len(request.body))
    lines = [f"{request.method} {target} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + request.body


class _Readable:
    """What `http.client` needs of a socket."""

    def __init__(self, incoming: IncomingBytes) -> None:
        self._incoming = incoming

    def makefile(self, *_: Any) -> BufferedReader[IncomingBytes]:
        return BufferedReader(self._incoming)
