"""A loop whose time is virtual, so that the same engine passes through hours in milliseconds.

`VirtualClock` reads the time of the running `VirtualTimeLoop`: under `--simulate`, in rehearsal
and in tests.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import anyio

from almaflow.thread_pool import calls_under_way

T = TypeVar("T")


class VirtualClock:
    """The time of the running `VirtualTimeLoop`, counted from *start* (aware).

    Under a second loop it continues from where the first one left it: time never runs back.
    """

    def __init__(self, start: datetime) -> None:
        self.start = start.astimezone(UTC)
        self._loop_began_at = self.start
        self._loop: asyncio.AbstractEventLoop | None = None

    def now(self) -> datetime:
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            # Asked by a worker thread, or for a report after the run: the loop's time still.
            return self._time_of_loop()
        if loop is not self._loop:
            self._loop_began_at = self._time_of_loop()
            self._loop = loop
        return self._time_of_loop()

    def elapsed(self) -> float:
        return (self.now() - self.start).total_seconds()

    def _time_of_loop(self) -> datetime:
        seconds = 0.0 if self._loop is None else self._loop.time()
        return self._loop_began_at + timedelta(seconds=seconds)

    async def sleep_until(self, instant: datetime) -> None:
        left = (instant - self.now()).total_seconds()
        await anyio.sleep(max(0.0, left))  # of nothing, it is one turn of the loop


class _JumpingSelector(selectors.DefaultSelector):
    """A selector that, instead of waiting, moves its loop's time to the next deadline."""

    loop: VirtualTimeLoop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None or timeout <= 0 or calls_under_way(self.loop) > 0:
            # Something is ready, nothing is planned, or a thread is working: time stops
            # until the thread has answered (its answer wakes the selector).
            wait = None if calls_under_way(self.loop) > 0 and (timeout or 0) > 0 else timeout
            return super().select(wait)
        ready = super().select(0)
        if not ready:
            self.loop.advance(timeout)
        return ready


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """An event loop whose time jumps when nothing is ready and no thread is at work.

    Its time starts at 0.0 seconds.
    """

    def __init__(self) -> None:
        self._virtual = 0.0
        selector = _JumpingSelector()
        selector.loop = self
        super().__init__(selector)
        # asyncio treats a timer as due when it is before the time plus this (seconds). With
        # the machine's nanosecond the sum is the time itself once half a year has passed: a
        # float has no room for it. A tenth of a microsecond lasts for decades.
        self._clock_resolution = 1e-7

    def time(self) -> float:
        return self._virtual

    def advance(self, seconds: float) -> None:
        """Move the time forward."""
        self._virtual += seconds


def run_virtual(function: Callable[..., Awaitable[T]], *arguments: Any) -> T:
    """Run an async *function* to its end in virtual time and return its result."""
    return anyio.run(function, *arguments, backend_options={"loop_factory": VirtualTimeLoop})
