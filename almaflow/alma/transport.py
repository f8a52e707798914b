"""The interface between the client and the network.

A transport knows nothing about Alma. It returns a response, or raises `NotSent` when the request
was certainly not sent, or `ConnectionLost` when it may have arrived. `http.py` has the transport
for HTTP. This module has the one to an Alma in the same process, such as the simulator.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from enum import Enum
from typing import Protocol

import anyio

from almaflow.late_dataclasses import dataclass

LARGEST_RESPONSE = 16 * 1024**2
"""Bytes of a response, as it comes and unpacked. Alma's largest, pages of 1,000 report rows or 100
records, have a few megabytes."""


@dataclass(frozen=True)
class WireRequest:
    """One request. *target* is path and query, percent-encoded; *timeout* seconds in all.

    *fresh* requires a new connection: if the server has closed a kept one, that looks like a lost
    response. *may_send* is called right before the first byte is sent, perhaps in another thread;
    if it returns False, the request is not sent.
    """

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes | None
    timeout: float
    fresh: bool = False
    may_send: Callable[[], bool] = field(default=lambda: True, compare=False)


@dataclass(frozen=True)
class WireResponse:
    """One complete response; header names are lower-case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class TransportFailed(Exception):
    """No response arrived. The text says why, for people, without the key."""


class NotSent(TransportFailed):
    """No byte of the request was sent."""


HELD_BACK = "this process was suspended for too long, so almaflow did not send the request"


class ConnectionLost(TransportFailed):
    """The request was sent, at least in part, and no complete response arrived."""


class Transport(Protocol):
    """Sends requests to one Alma."""

    async def exchange(self, request: WireRequest) -> WireResponse:
        """Send *request* once and return the whole response.

        Raises:
            NotSent: nothing was sent; sending again is safe.
            ConnectionLost: the request may have arrived.
        """
        ...

    def close(self) -> None:
        """Close the connections."""
        ...


class SimulatedResponse(Protocol):
    """The response of an Alma in the same process.

    *delay* is the time in seconds until the response is complete. *fault* is None, or its value
    says which network fault happens instead.
    """

    @property
    def status(self) -> int: ...
    @property
    def headers(self) -> Mapping[str, str]: ...
    @property
    def body(self) -> bytes: ...
    @property
    def delay(self) -> float: ...
    @property
    def fault(self) -> Enum | None: ...


Handle = Callable[[str, str, Mapping[str, str], bytes], SimulatedResponse]
"""Responds to (method, target, headers, body) immediately; the response states its delay."""

_FAULTS = {
    "reset_before": "the connection was reset before a response arrived",
    "drop_after": "the connection was closed before a response arrived",
    "truncate": "the response is incomplete",
}
"""How a fault appears to the client. `hang` only takes time; `drip` is a slow response, `close` a
complete one.
"""


class InProcessTransport:
    """Sends requests to *handle* in the same process; delays use the event loop's clock."""

    def __init__(self, handle: Handle) -> None:
        self._handle = handle

    async def exchange(self, request: WireRequest) -> WireResponse:
        if not request.may_send():
            raise NotSent(HELD_BACK)
        reply = self._handle(request.method, request.target, request.headers, request.body or b"")
        fault = str(reply.fault.value) if reply.fault else ""
        if fault == "hang" or reply.delay > request.timeout:
            await anyio.sleep(request.timeout)
            raise ConnectionLost(late(request.timeout))
        await anyio.sleep(reply.delay)
        if fault in _FAULTS:
            raise ConnectionLost(_FAULTS[fault])
        headers = {name.lower(): value for name, value in reply.headers.items()}
        return WireResponse(reply.status, headers, reply.body)

    def close(self) -> None:
        """Nothing needs to be closed."""


def late(timeout: float) -> str:
    """Return the reason for a response that did not arrive within *timeout* seconds."""
    return f"no complete response arrived within {timeout:g} seconds"
