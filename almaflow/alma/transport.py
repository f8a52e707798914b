"""How a request gets to Alma and its answer back: the border of the client to the world.

A transport knows nothing of Alma. It says one of three things: here is an answer, the request
was certainly not sent (`NotSent`), or it may have arrived (`ConnectionLost`). `http.py` has the
transport for HTTP. This module has the one to an Alma in the same process, such as the simulator.
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

    *fresh* asks for a new connection: a kept one that the other side has dropped meanwhile
    looks like a lost answer. *may_leave* is asked right before the first byte leaves, perhaps in
    another thread; when it says no, the request is not sent.
    """

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes | None
    timeout: float
    fresh: bool = False
    may_leave: Callable[[], bool] = field(default=lambda: True, compare=False)


@dataclass(frozen=True)
class WireResponse:
    """One complete answer; header names are lower-case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class TransportFailed(Exception):
    """No answer; the text says why, for people, without the key."""


class NotSent(TransportFailed):
    """No byte of the request has left."""


HELD_BACK = "this process was suspended for too long, so almaflow did not send the request"


class ConnectionLost(TransportFailed):
    """The request was sent, wholly or in part, and no complete answer came."""


class Transport(Protocol):
    """Carries a request to an Alma."""

    async def exchange(self, request: WireRequest) -> WireResponse:
        """Send *request* once and return the whole answer.

        Raises:
            NotSent: nothing has left; sending again is safe.
            ConnectionLost: it may have arrived.
        """
        ...

    def close(self) -> None:
        """Give connections back."""
        ...


class SimulatedResponse(Protocol):
    """What an Alma in the same process answers.

    *delay* is in seconds until the answer is complete. *fault* is None or says by its value
    what happens on the wire instead.
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
"""Answers (method, target, headers, body) immediately; the reply states what should take time."""

_FAULTS = {
    "reset_before": "the connection was reset before a response arrived",
    "drop_after": "the connection was closed before a response arrived",
    "truncate": "the response is incomplete",
}
"""What a reply's fault looks like from here. `hang` only takes time; `drip` is a slow answer,
`close` a whole one."""


class InProcessTransport:
    """Carries requests to *handle*, in the same process; waits on the loop's clock."""

    def __init__(self, handle: Handle) -> None:
        self._handle = handle

    async def exchange(self, request: WireRequest) -> WireResponse:
        if not request.may_leave():
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
        """Nothing is held."""


def late(timeout: float) -> str:
    """Return the words for an answer that is not there after *timeout* seconds."""
    return f"no complete response arrived within {timeout:g} seconds"
