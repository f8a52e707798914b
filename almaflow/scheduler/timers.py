"""What wakes the scheduler: APScheduler; in tests, the clock itself.

Waking is only a hint: the scheduler also checks the clock and the ledger regularly.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Protocol

import anyio
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from almaflow.clock import Clock
from almaflow.timetable.triggers import TimetableTrigger


class Wakeups(Protocol):
    """Wakes one sleeper."""

    def start(self, triggers: Mapping[str, TimetableTrigger]) -> None:
        """Wake by these triggers from now on, and by no others."""
        ...

    def wake(self) -> None:
        """Wake the sleeper now; without a sleeper, the next sleep ends immediately."""
        ...

    async def sleep(self, until: datetime) -> None:
        """Return when a trigger is due, it is woken, or *until* is reached."""
        ...

    def stop(self) -> None:
        """Wake nobody any more."""
        ...


class Sleeper:
    """Sleeps on a clock until it is woken."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._woken = anyio.Event()

    def wake(self) -> None:
        self._woken.set()

    async def sleep(self, until: datetime) -> None:
        async with anyio.create_task_group() as tasks:

            async def listen() -> None:
                await self._woken.wait()
                tasks.cancel_scope.cancel()

            tasks.start_soon(listen)
            await self._clock.sleep_until(until)
            tasks.cancel_scope.cancel()
        self._woken = anyio.Event()


class SchedulerWakeups:
    """Wakes by APScheduler: a job for each schedule entry, which does nothing but wake.

    The jobs are kept in memory, because the ledger knows better what has run; none is dropped
    for being late.
    """

    def __init__(self, clock: Clock) -> None:
        self._sleeper = Sleeper(clock)
        self._scheduler: AsyncIOScheduler | None = None

    def start(self, triggers: Mapping[str, TimetableTrigger]) -> None:
        self.stop()
        self._scheduler = AsyncIOScheduler(
            timezone=UTC,
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 10},
        )
        for name, trigger in triggers.items():
            self._scheduler.add_job(self._wake, trigger, id=name)
        self._scheduler.start()

    async def _wake(self) -> None:
        # A coroutine, so that it is run on the loop and needs no thread.
        self.wake()

    def wake(self) -> None:
        self._sleeper.wake()

    async def sleep(self, until: datetime) -> None:
        await self._sleeper.sleep(until)

    def stop(self) -> None:
        if self._scheduler is not None:
            self._scheduler.shutdown(wait=False)
            self._scheduler = None
