"""What wakes a scheduler when time is virtual: the clock itself."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from almaflow.clock import Clock
from almaflow.scheduler.timers import Sleeper
from almaflow.timetable.triggers import TimetableTrigger


class ClockWakeups:
    """Wakes at the instants of the triggers, counted on a clock."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._sleeper = Sleeper(clock)
        self._triggers: dict[str, TimetableTrigger] = {}
        self._next: dict[str, datetime | None] = {}

    def start(self, triggers: Mapping[str, TimetableTrigger]) -> None:
        now = self._clock.now()
        self._triggers = dict(triggers)
        self._next = {
            name: trigger.get_next_fire_time(None, now) for name, trigger in triggers.items()
        }

    def wake(self) -> None:
        self._sleeper.wake()

    async def sleep(self, until: datetime) -> None:
        now = self._clock.now()
        for name, due in self._next.items():
            if due is not None and due <= now:
                self._next[name] = self._triggers[name].get_next_fire_time(due, now)
        soonest = min((due for due in self._next.values() if due is not None), default=until)
        await self._sleeper.sleep(min(until, soonest))

    def stop(self) -> None:
        self._triggers, self._next = {}, {}
