"""Limits the calls per second and per minute to one institution.

It uses the clock of the running event loop, and therefore works in virtual time.
"""

from __future__ import annotations

import asyncio

from aiolimiter import AsyncLimiter

# A bucket of this part of the rate may leave immediately. In any second or minute then at most this
# much more than the rate leaves, which is what the gap to Alma's own threshold allows.
_BURST_OF_SECOND, _BURST_OF_MINUTE = 1 / 4, 1 / 6


class CallRate:
    """Lets calls pass at a rate; entries that mean the same institution share one."""

    def __init__(self, calls_per_second: float = 40, calls_per_minute: float = 1200) -> None:
        self._per_second = calls_per_second
        self._per_minute = calls_per_minute
        self._gate: _Gate | None = None

    async def wait(self) -> None:
        """Return when one more call may be sent, in the order of the callers."""
        loop = asyncio.get_running_loop()
        if self._gate is None or self._gate.loop is not loop:
            # Limiters belong to the loop they are used in.
            second = _bucket(self._per_second, 1, _BURST_OF_SECOND)
            minute = _bucket(self._per_minute, 60, _BURST_OF_MINUTE)
            self._gate = _Gate(loop, second, minute)
        await self._gate.pass_through()


class _Gate:
    """The limiters of one loop and the queue before them."""

    def __init__(self, loop: asyncio.AbstractEventLoop, *limiters: AsyncLimiter) -> None:
        self.loop = loop
        self._limiters = limiters
        self._turn = asyncio.Lock()

    async def pass_through(self) -> None:
        async with self._turn:
            for limiter in self._limiters:
                # Waiting inside the limiter would spin for ever in virtual time: it plans its
                # wake-up for an instant that rounding puts a hair too early, and virtual time
                # does not move automatically. A little more than one call's time always moves it.
                while not limiter.has_capacity():  # noqa: ASYNC110 - time itself is waited for
                    await asyncio.sleep(limiter.time_period / limiter.max_rate * 1.001)
                await limiter.acquire()


def _bucket(calls: float, seconds: float, burst: float) -> AsyncLimiter:
    size = max(1.0, calls * burst)
    return AsyncLimiter(size, size / calls * seconds)
