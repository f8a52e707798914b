"""The last requests that the simulated Alma received, for tests and reports."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

_REMEMBERED = 10_000
# Bytes of targets and bodies, of all requests together; older ones are forgotten before.
_REMEMBERED_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True)
class Received:
    """A request as it came, and what the caller got for it."""

    at: datetime
    institution: str
    """Empty when the key was not known."""
    call: str
    """The endpoint's name, such as `submit`; empty for an unknown path."""
    method: str
    target: str
    body: bytes
    status: int
    processed: bool

    @property
    def size(self) -> int:
        return len(self.target) + len(self.body)


class LastRequests:
    """At most 10,000 requests and 64 MiB of them, the oldest first."""

    def __init__(self) -> None:
        self._requests: deque[Received] = deque()
        self._bytes = 0

    def add(self, request: Received) -> None:
        self._requests.append(request)
        self._bytes += request.size
        while len(self._requests) > _REMEMBERED or self._bytes > _REMEMBERED_BYTES:
            self._bytes -= self._requests.popleft().size

    def __iter__(self) -> Iterator[Received]:
        return iter(self._requests)
