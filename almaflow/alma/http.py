"""HTTP to Alma: the only place that opens a connection.

What `requests` does not do by itself, it is made to do here: a bound on the whole answer (its
timeout bounds each read), a key that `.netrc` cannot replace, and a sure word on whether a byte
of the request has left. The home of requests and urllib3.
"""

from __future__ import annotations

import http.client
import socket
import threading
import time
from collections.abc import Callable, Mapping
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import anyio
import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from almaflow.alma.calls import API_BASE
from almaflow.alma.transport import HELD_BACK, Lost, NotSent, WireAnswer, WireRequest, late
from almaflow.errors import RequestWrong
from almaflow.threads import ThreadPool

# Seconds to a connection; the vendor's own app uses the same.
_CONNECT = 20.0
# Bytes read at a time, and the most that an answer may have: pages are at most a few megabytes.
_PIECE, _LARGEST = 64 * 1024, 64 * 1024 * 1024
# Seconds that the worker thread gets to say itself that the time is over.
_GRACE = 0.2
# Requests of one process that are under way at a time.
_THREADS = 32

_shared_pool = ThreadPool("alma-http", _THREADS)


class HttpTransport:
    """Carries requests to the host at *base_url*, one session for each thread.

    Raises:
        RequestWrong: *base_url* is neither https nor on this machine.
    """

    def __init__(self, base_url: str, pool: ThreadPool | None = None) -> None:
        parts = urlsplit(base_url)
        on_this_machine = is_loopback(parts.hostname or "")
        secure = parts.scheme == "https" or (parts.scheme == "http" and on_this_machine)
        if not (secure and parts.hostname) or parts.query or parts.fragment or parts.username:
            raise RequestWrong(
                f"`{base_url}` cannot be the address of an Alma: it must be https://HOST, or "
                "http on this machine; otherwise the key would travel in the open."
            )
        # Alma's documentation writes its addresses with the folder of all calls.
        self._base = base_url.rstrip("/").removesuffix(API_BASE)
        # A proxy is for the world outside, whatever the environment says.
        self._proxies = {"no_proxy": parts.hostname or ""} if on_this_machine else {}
        self._pool = pool or _shared_pool
        self._mine = threading.local()
        self._lock = threading.Lock()
        self._sessions: list[requests.Session] = []

    async def exchange(self, request: WireRequest) -> WireAnswer:
        sending = _Sending(request.timeout, request.may_leave)
        try:
            with anyio.fail_after(request.timeout + _GRACE):
                return await self._pool.run(self._perform, request, sending)
        except TimeoutError as error:
            # No thread was free, or it hangs where no timeout of a socket reaches: looking up
            # the name, or headers that come byte by byte.
            if sending.abandon():
                raise NotSent(sending.not_sent_because()) from error
            raise Lost(late(request.timeout)) from error
        finally:
            # Also when cancelled: what waits for a thread must not leave afterwards.
            sending.abandon()

    def close(self) -> None:
        """Close the kept connections."""
        with self._lock:
            for session in self._sessions:
                session.close()

    def _session(self) -> requests.Session:
        """Return the calling thread's session."""
        session: requests.Session | None = getattr(self._mine, "session", None)
        if session is None:
            session = requests.Session()
            session.mount("https://", _Adapter())
            session.mount("http://", _Adapter())
            self._mine.session = session
            with self._lock:
                self._sessions.append(session)
        return session

    def _perform(self, request: WireRequest, sending: _Sending) -> WireAnswer:
        """Send and read, in a worker thread."""
        sending.begun = True
        session = self._session()
        if request.fresh:
            # Closes what is kept; the session opens anew.
            session.close()
        _current.sending = sending
        try:
            with session.request(
                request.method,
                self._base + request.target,
                data=request.body,
                headers=dict(request.headers),
                auth=_Key(request.headers),
                timeout=(min(_CONNECT, request.timeout), request.timeout),
                allow_redirects=False,
                proxies=dict(self._proxies),
                stream=True,
            ) as response:
                body = _read(response.raw, sending)
                headers = {name.lower(): value for name, value in response.headers.items()}
                return WireAnswer(response.status_code, headers, body)
        except _TooLate as error:
            raise (Lost if sending.sent else NotSent)(str(error)) from error
        except (OSError, urllib3.exceptions.HTTPError, http.client.HTTPException) as error:
            # `requests`' own errors are OSErrors.
            if not sending.sent:
                raise NotSent(_reason(error)) from error
            over = sending.left <= 0
            raise Lost(late(request.timeout) if over else _reason(error)) from error
        finally:
            _current.sending = None


def is_loopback(host: str) -> bool:
    """Whether *host* (a name, or an address without brackets) is this machine itself."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


class _TooLate(Exception):
    """The request's time is over, or nobody waits for it any more."""


class _Sending:
    """How far one request is; shared by its thread and the loop."""

    def __init__(self, timeout: float, may_leave: Callable[[], bool]) -> None:
        self.timeout = timeout
        self._may_leave = may_leave
        self._ends_at = time.monotonic() + timeout
        self._lock = threading.Lock()
        self._abandoned = False
        self.begun = False
        self.sent = False
        self.socket: socket.socket | None = None

    @property
    def left(self) -> float:
        """Seconds until the answer must be complete."""
        return self._ends_at - time.monotonic()

    def abandon(self) -> bool:
        """Let the request not leave any more; returns whether it has not left."""
        with self._lock:
            self._abandoned = True
            return not self.sent

    def not_sent_because(self) -> str:
        """Return the words for a request whose time was over before it left."""
        if self.begun:
            return f"no connection came about within {self.timeout:g} seconds"
        return "too many requests are under way in this process; this one was not begun"

    def leave(self, connection: HTTPConnection) -> None:
        """Note that the first byte is about to leave; raises `_TooLate` when it must not.

        A request that has waited away half of its time stays here: sent, it might not get its
        answer in time, which for a write is worse than not to have been sent.
        """
        with self._lock:
            if self._abandoned or self.left < self.timeout / 2:
                raise _TooLate("it took too long to begin; nothing was sent")
            if not self._may_leave():
                raise _TooLate(HELD_BACK)
            self.sent = True
            self.socket = connection.sock


_current = threading.local()
"""What the calling thread sends: urllib3's connections have no other way to know."""


def _on_the_point_of_sending(connection: HTTPConnection) -> None:
    """Connect if need be, then note that the request leaves.

    Everything that fails before (name, connection, TLS, a proxy's tunnel) has sent nothing.
    """
    if connection.sock is None:
        connection.connect()
    _current.sending.leave(connection)


class _Plain(HTTPConnection):
    def endheaders(self, *arguments: Any, **options: Any) -> None:
        _on_the_point_of_sending(self)
        super().endheaders(*arguments, **options)


class _Secure(_Plain, HTTPSConnection):
    pass


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _Plain


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _Secure


class _Adapter(HTTPAdapter):
    """Keeps one connection for each host, and never sends anything twice (0 retries)."""

    def __init__(self) -> None:
        super().__init__(pool_connections=1, pool_maxsize=1, max_retries=0)

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, **options)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **options)
        manager.pool_classes_by_scheme = _POOLS
        return manager


_POOLS: dict[str, Any] = {"http": _PlainPool, "https": _SecurePool}


class _Key(AuthBase):
    """Sets the `Authorization` header as it was given; without it `.netrc` would win."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._value = headers.get("Authorization", "")

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = self._value
        return request


def _read(raw: urllib3.BaseHTTPResponse, sending: _Sending) -> bytes:
    """Read an answer in the pieces in which it comes, until its time is over."""
    pieces: list[bytes] = []
    size = 0
    while True:
        left = sending.left
        if left <= 0:
            raise _TooLate(late(sending.timeout))
        assert sending.socket is not None
        sending.socket.settimeout(left)
        piece = raw.read1(_PIECE, decode_content=True)
        if not piece:
            return b"".join(pieces)
        pieces.append(piece)
        size += len(piece)
        if size > _LARGEST:
            raise _TooLate(f"the answer is larger than {_LARGEST // 1024**2} MiB")


def _reason(error: BaseException) -> str:
    """Return the innermost reason of an error of the network, in one line.

    The outer texts name the whole address and the library's objects.
    """
    seen: BaseException = error
    for _ in range(10):
        inner = getattr(seen, "reason", None)
        if not isinstance(inner, BaseException):
            inner = next((one for one in seen.args if isinstance(one, BaseException)), None)
        if inner is None:
            break
        seen = inner
    text = " ".join(str(seen).split())
    # urllib3 begins with the object: `<urllib3.connection.HTTPSConnection …>: Failed to …`.
    text = text.rpartition(">: ")[2] if text.startswith("<") else text.rpartition("): ")[2] or text
    return text or type(seen).__name__
