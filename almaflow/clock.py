"""The time of day.

Whatever sleeps, polls or reads the time takes a `Clock`. Live runs use `SystemClock`; under
`--simulate`, in rehearsal and in tests it is the clock of `virtual_time`.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import ClassVar, Protocol

# A live sleep reads the clock at least this often (seconds): a suspended machine's loop
# stops while the time of day continues.
_LOOK = 30.0


class Clock(Protocol):
    """Where the time comes from."""

    def now(self) -> datetime:
        """Return the present instant (aware, UTC)."""
        ...

    def elapsed(self) -> float:
        """Return seconds on a clock that only goes forward, also while the machine is suspended.

        It counts from anywhere: only differences mean something, and only within one process.
        """
        ...

    async def sleep_until(self, instant: datetime) -> None:
        """Return once *instant* (aware) is reached; immediately when it has passed.

        Returns as well when as much time has passed as lay between: then the clock was set back
        meanwhile, and who waits for a time of day has to look at it.
        """
        ...


async def sleep(clock: Clock, duration: timedelta) -> None:
    """Return when *duration* has passed on *clock*."""
    await clock.sleep_until(clock.now() + duration)


class SystemClock:
    """The machine's clock, less what it was found to be ahead of the one that counts."""

    # Of the machine, so all clocks of this process share it.
    _ahead: ClassVar[timedelta] = timedelta()

    @classmethod
    def correct(cls, ahead: timedelta) -> None:
        """Let the clock show an instant that is earlier by *ahead*, from now on."""
        SystemClock._ahead += ahead

    @classmethod
    def ahead(cls) -> timedelta:
        """Return how much the machine's clock was found to be ahead."""
        return SystemClock._ahead

    def now(self) -> datetime:
        return datetime.now(UTC) - self._ahead

    def elapsed(self) -> float:
        # Linux's monotonic clock stops while the machine is suspended, this one does not.
        if hasattr(time, "CLOCK_BOOTTIME"):
            return time.clock_gettime(time.CLOCK_BOOTTIME)
        return time.monotonic()

    async def sleep_until(self, instant: datetime) -> None:
        import anyio.lowlevel  # late: most commands read the time and never sleep

        # At least one turn of the loop, so that a wait of nothing still lets others go.
        await anyio.lowlevel.checkpoint()
        began_at, whole = self.elapsed(), (instant - self.now()).total_seconds()
        while True:
            left = whole - (self.elapsed() - began_at)
            left = min(left, (instant - self.now()).total_seconds())
            if left <= 0:
                return
            await anyio.sleep(min(left, _LOOK))
