"""How long a server may take: a connection that is too slow, or not needed any more, is hung up.

The time limits of a socket count from one byte to the next, so a server that sends a byte a minute
never meets them. These count the whole of a listing or a file.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from almaflow.connectors.errors import ConnectorError, TemporaryFailure

# Seconds for a connection and for a listing, and for each file on top of its size.
LISTING = 300.0
# Bytes a second that a file must arrive with on the whole; slower lines are not usable.
SLOWEST = 1024


class TimeLimit:
    """Watches one connection; *hang_up* ends it from another thread and may be set later."""

    def __init__(self, what: str) -> None:
        self.hang_up: Callable[[], None] = _nothing
        self.what = what
        self._why = ""

    def end(self, why: str = "its result is not needed any more") -> None:
        """Hang up: what is under way fails, and `within` says *why*."""
        self._why = self._why or why
        # The thread that works with the connection may close it at the same time.
        with suppress(Exception):
            self.hang_up()

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Allow the block *seconds*; Raises: TemporaryFailure when it took longer or was ended."""
        timer = threading.Timer(seconds, self.end, (f"it took longer than {seconds:.0f} seconds",))
        timer.daemon = True
        timer.start()
        try:
            yield
        except ConnectorError as error:
            if self._why and isinstance(error, TemporaryFailure):
                raise self._ended() from error
            raise
        except Exception as error:
            if self._why:
                raise self._ended() from error
            raise
        finally:
            timer.cancel()
        self.check()

    def check(self) -> None:
        """Return while there is time; for work that cannot be hung up; Raises: TemporaryFailure."""
        if self._why:
            raise self._ended()

    def _ended(self) -> TemporaryFailure:
        return TemporaryFailure(
            f"almaflow closed the connection to {self.what}, because {self._why}."
        )


def seconds_for(size: int) -> float:
    """Return how many seconds a file of *size* bytes may take."""
    return min(LISTING + size / SLOWEST, threading.TIMEOUT_MAX)


def _nothing() -> None:
    """There is no connection yet."""
