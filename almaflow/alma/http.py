"""HTTP to Alma: the only place that opens a connection.

`requests` connects and sends; `responses.py` reads the response. This module adds what `requests`
lacks: a timeout for the whole exchange (its own is for each read), a key that `.netrc` cannot
replace, and certainty about whether a byte of the request was sent. The home of requests and
urllib3.
"""

from __future__ import annotations

import http.client
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import anyio

from almaflow.late_patterns import patterns_of_a_library_late

# Those of cookies and of IPv6 addresses are many, and a run uses few of them.
with patterns_of_a_library_late():
    import http.cookiejar
    import http.cookies

    import urllib3

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.util import create_urllib3_context

from almaflow.alma.calls import API_BASE
from almaflow.alma.responses import ACCEPTED_PACKINGS, ReceivedResponse, read_response
from almaflow.alma.transport import (
    HELD_BACK,
    ConnectionLost,
    NotSent,
    WireRequest,
    WireResponse,
    late,
)
from almaflow.errors import RequestWrong
from almaflow.loopback import is_loopback
from almaflow.thread_pool import ThreadPool

# Timeout of a connection (seconds); the vendor's own app uses the same.
_CONNECT = 20.0
# Additional seconds in which the worker thread may report the timeout itself.
_GRACE = 0.2
# The largest number of simultaneous requests to one institution.
_THREADS = 32


class HttpTransport:
    """Carries requests to the host at *base_url*, one session for each thread of its pool.

    The pool is closed together with the transport.

    Raises:
        RequestWrong: *base_url* is neither https nor on this machine.
    """

    def __init__(self, base_url: str, pool: ThreadPool | None = None) -> None:
        parts = urlsplit(base_url)
        on_this_machine = is_loopback(parts.hostname or "")
        secure = parts.scheme == "https" or (parts.scheme == "http" and on_this_machine)
        if not (secure and parts.hostname) or parts.query or parts.fragment or parts.username:
            raise RequestWrong(
                f"`{base_url}` is not a valid address for Alma. Use `https://HOST`; `http://` "
                "is allowed for this machine only, because it would send the API key "
                "unencrypted."
            )
        # Alma's documentation writes its addresses with the folder of all calls.
        self._base = base_url.rstrip("/").removesuffix(API_BASE)
        # A proxy is never used for this machine, whatever the environment says.
        self._proxies = {"no_proxy": parts.hostname or ""} if on_this_machine else {}
        self._pool = pool or ThreadPool("alma-http", _THREADS)
        self._mine = threading.local()
        self._lock = threading.Lock()
        self._sessions: list[requests.Session] = []
        self._closed = False

    async def exchange(self, request: WireRequest) -> WireResponse:
        sending = _Sending(request.timeout, request.may_send)
        try:
            with anyio.fail_after(request.timeout + _GRACE):
                return await self._pool.run(self._perform, request, sending)
        except TimeoutError as error:
            # No thread was free, or it hangs where socket timeouts do not apply: in the name
            # lookup, or while headers arrive byte by byte.
            if sending.abandon():
                raise NotSent(sending.not_sent_because()) from error
            raise ConnectionLost(late(request.timeout)) from error
        finally:
            # After a cancellation too, a request that waits for a thread must not be sent.
            sending.abandon()

    def close(self) -> None:
        """Close the connections and end the threads; a thread that hangs ends later."""
        with self._lock:
            self._closed = True
            sessions, self._sessions = self._sessions, []
        for session in sessions:
            session.close()
        self._pool.close()

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

    def _perform(self, request: WireRequest, sending: _Sending) -> WireResponse:
        """Send and read, in a worker thread."""
        sending.begun = True
        session = self._session()
        if request.fresh:
            # This closes the kept connection; the session opens a new one.
            session.close()
        _current.sending = sending
        try:
            with session.request(
                request.method,
                self._base + request.target,
                data=request.body,
                headers={"Accept-Encoding": ACCEPTED_PACKINGS, **request.headers},
                auth=_Key(request.headers),
                timeout=(min(_CONNECT, request.timeout), request.timeout),
                allow_redirects=False,
                proxies=dict(self._proxies),
                stream=True,
            ) as response:
                # The response is complete, so the connection can be reused.
                response.raw.release_conn()
            assert sending.received is not None
            return sending.received.response
        except _TooLate as error:
            raise (ConnectionLost if sending.sent else NotSent)(str(error)) from error
        except (OSError, urllib3.exceptions.HTTPError, http.client.HTTPException) as error:
            # `requests`' own errors are OSErrors.
            if not sending.sent:
                raise NotSent(_reason(error)) from error
            over = sending.left <= 0
            raise ConnectionLost(late(request.timeout) if over else _reason(error)) from error
        finally:
            _current.sending = None
            if self._closed:
                # A request that outlived the transport closes its connection itself.
                session.close()


class _TooLate(Exception):
    """The request timed out, or its caller no longer waits for it."""


class _Sending:
    """The progress of one request, shared by its thread and the event loop."""

    def __init__(self, timeout: float, may_send: Callable[[], bool]) -> None:
        self.timeout = timeout
        self._may_send = may_send
        self._ends_at = time.monotonic() + timeout
        self._lock = threading.Lock()
        self._abandoned = False
        self.begun = False
        self.sent = False
        self.was_interrupted = False
        self.received: ReceivedResponse | None = None

    @property
    def left(self) -> float:
        """Seconds until the answer must be complete."""
        return self._ends_at - time.monotonic()

    def abandon(self) -> bool:
        """Prevent the request from being sent; return whether that was possible."""
        with self._lock:
            self._abandoned = True
            return not self.sent

    def not_sent_because(self) -> str:
        """Return the reason for a request that timed out before it was sent."""
        if self.begun:
            return f"no connection was established within {self.timeout:g} seconds"
        return "too many requests are running in this process, so this one was not started"

    def leave(self) -> None:
        """Record that the first byte is about to be sent; raise `_TooLate` when it must not be.

        A request that has used half of its timeout is not sent: its response might come too late,
        and for a write that is worse than not to be sent.
        """
        with self._lock:
            if self._abandoned or self.left < self.timeout / 2:
                raise _TooLate("the request could not start in time, so nothing was sent")
            if not self._may_send():
                raise _TooLate(HELD_BACK)
            self.sent = True


_current = threading.local()
"""The request of the calling thread; urllib3's connections have no other access to it."""


class _Whole(http.client.HTTPResponse):
    """A response without headers and body for `requests`, because `_Sending` has the real one.

    So `requests` never parses a hostile response.
    """

    def __init__(self, sock: Any, debuglevel: int = 0, method: str | None = None) -> None:
        super().__init__(sock, debuglevel, method)
        self._connection, self._sent_method = sock, method or ""

    def begin(self) -> None:
        sending: _Sending = _current.sending
        sending.received = received = read_response(
            self._connection, self._sent_method, lambda: sending.left
        )
        self.version, self.status, self.reason = 11, received.response.status, ""
        self.headers = self.msg = http.client.HTTPMessage()
        self.chunked, self.length = False, 0
        self.will_close = not received.reusable or sending.was_interrupted
        self.close()


class _Plain(HTTPConnection):
    response_class = _Whole

    def endheaders(self, *arguments: Any, **options: Any) -> None:
        """Connect if necessary, then record that the request is sent.

        If this fails earlier (name, connection, TLS, proxy tunnel), nothing was sent.
        """
        if self.sock is None:
            self.connect()
        _current.sending.leave()
        super().endheaders(*arguments, **options)

    def send(self, data: Any) -> None:
        """Send the data; a server that has responded may not read the rest."""
        try:
            super().send(data)
        except OSError:
            if not _current.sending.sent:
                raise
            # Reading the response shows whether there is one, or why not.
            _current.sending.was_interrupted = True


class _Secure(_Plain, HTTPSConnection):
    def connect(self) -> None:
        """Connect so that an unconfirmed end of a TLS connection is an error.

        Python lets OpenSSL accept it as a normal end, and a response without a length would then
        count as complete.
        """
        context = create_urllib3_context()
        context.options &= ~getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0)
        self.ssl_context = context
        super().connect()
        # Of a TLS connection inside another one (a proxy's), too.
        self.sock.suppress_ragged_eofs = False  # type: ignore[union-attr]


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _Plain


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _Secure


class _Adapter(HTTPAdapter):
    """Keeps one connection for each host and never sends a request twice (0 retries)."""

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
    """Sets the `Authorization` header; otherwise `.netrc` would replace it."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._value = headers.get("Authorization", "")

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = self._value
        return request


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
