"""Dead man's switches: addresses that are called so that a person notices when nobody calls.

In the manner of healthchecks.io: the address itself is success, `/start` and `/fail` behind it are
a begin and a bad end. The address is a secret: no text here holds any part of it.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import suppress
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from almaflow import __version__
from almaflow.connectors.errors import (
    ConnectorError,
    ConnectorRefused,
    TemporaryFailure,
    Unreachable,
)
from almaflow.connectors.time_limit import TimeLimit

# Seconds to a connection, and to the complete head of the answer from the beginning.
TIMEOUT = 10.0

# Answers that another try may change.
_LATER = frozenset({408, 425, 429})


class PingSignal(StrEnum):
    """What is said by a ping."""

    START = "start"
    SUCCESS = "success"
    FAIL = "fail"


def send(name: str, address: str, signal: PingSignal) -> None:
    """Call the ping *name* at *address*, once.

    Raises:
        ConnectorRefused: *address* is none, or its server does not know it.
        TemporaryFailure: no answer came, or one that says "later"; repeating is safe.
    """
    url = _url(name, address, signal)
    patience = TimeLimit(f"The ping `{name}`")
    # A server that sends a byte now and then never meets the library's own limit.
    try:
        with patience.within(TIMEOUT):
            status = _status(name, url, patience)
    except ConnectorError as error:
        # What `within` chains holds the address.
        raise error from None
    _check_status(name, status)


def _status(name: str, url: str, patience: TimeLimit) -> int:
    """Return the status of *url*; Raises: TemporaryFailure, ConnectorRefused, Unreachable."""
    try:
        with requests.Session() as session:
            session.mount("https://", _Adapter(patience))
            session.mount("http://", _Adapter(patience))
            with session.get(
                url,
                timeout=TIMEOUT,
                allow_redirects=False,
                # The answer's text is not read: it may be long, and says nothing.
                stream=True,
                headers={"User-Agent": f"almaflow/{__version__}"},
            ) as answer:
                status: int = answer.status_code
                return status
    # None is chained: their texts hold the address.
    except requests.Timeout:
        raise TemporaryFailure(
            f"The ping `{name}` did not respond within {TIMEOUT:g} seconds."
        ) from None
    except requests.exceptions.SSLError:
        raise Unreachable(f"The certificate of the ping `{name}` is not trusted.") from None
    except requests.ConnectionError:
        raise Unreachable(f"The ping `{name}` cannot be reached.") from None
    except (requests.RequestException, ValueError):
        raise ConnectorRefused(_no_address(name)) from None


def _check_status(name: str, status: int) -> None:
    """Return when the answer is a yes; Raises: ConnectorRefused, TemporaryFailure."""
    if status >= 500 or status in _LATER:
        raise TemporaryFailure(f"The ping `{name}` responded with HTTP {status}.")
    if 300 <= status < 400:
        raise ConnectorRefused(
            f"The ping `{name}` responded with HTTP {status}, a redirect, which almaflow does "
            "not follow. Use the target of the redirect as the address."
        )
    if status >= 400:
        raise ConnectorRefused(
            f"The ping `{name}` responded with HTTP {status}. Check its address."
        )


def _url(name: str, address: str, signal: PingSignal) -> str:
    try:
        parts = urlsplit(address.strip())
        named = parts.hostname and parts.port != 0
    except ValueError:
        raise ConnectorRefused(_no_address(name)) from None
    if parts.scheme not in ("http", "https") or not named:
        raise ConnectorRefused(_no_address(name))
    path = parts.path
    if signal is not PingSignal.SUCCESS:
        path = f"{path.rstrip('/')}/{signal}"
    return urlunsplit((parts.scheme, parts.netloc, path, parts.query, ""))


def _no_address(name: str) -> str:
    return (
        f"The address of the ping `{name}` is not valid. Use a complete address, such as "
        "https://HOST/ID."
    )


class _Watched:
    """A connection that *patience* can hang up, from its first byte and below TLS."""

    patience: TimeLimit
    _handle: socket.socket | None = None

    def _new_conn(self) -> socket.socket:
        connection: socket.socket = super()._new_conn()  # type: ignore[misc]
        # TLS takes the socket over, so its end is kept in a second handle.
        self._handle = connection.dup()
        self.patience.hang_up = _shut_down(self._handle)
        return connection

    def close(self) -> None:
        if self._handle is not None:
            self._handle.close()
        super().close()  # type: ignore[misc]


def _shut_down(connection: socket.socket) -> Callable[[], None]:
    def shut_down() -> None:
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)

    return shut_down


class _Adapter(HTTPAdapter):
    """Makes connections that *patience* watches, through a proxy as well."""

    def __init__(self, patience: TimeLimit) -> None:
        self._patience = patience
        super().__init__()

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, **options)
        self.poolmanager.pool_classes_by_scheme = _pools(self._patience)

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **options)
        manager.pool_classes_by_scheme = _pools(self._patience)
        return manager


def _pools(watching: TimeLimit) -> dict[str, Any]:
    """Return the classes of pools whose connections *watching* watches."""

    class Plain(_Watched, HTTPConnection):
        patience = watching

    class Secure(_Watched, HTTPSConnection):
        patience = watching

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}
