"""Incidents among hosts that share runs: each is drawn by chance, and several overlap.

Real processes are killed, frozen and woken, and lose their connections to the database, while one
of them has a clock that is an hour off. In the end what the simulator knows must fit.
"""

from __future__ import annotations

import random
import time
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import psycopg

from tests.kills import AT_ONCE, Yard
from tests.workers import Worker, wait_for

# For how long a process lives here without a sign of life.
LEASE = timedelta(seconds=1.5)

HOSTS = 3

# Of one host, as the first draw decides.
CLOCKS = (timedelta(), timedelta(hours=1), timedelta(hours=-1))


@dataclass
class Fleet:
    """The hosts of a yard, and what happens to them."""

    yard: Yard
    database: str
    chance: random.Random
    happened: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._clocks = [timedelta(), timedelta(), self.chance.choice(CLOCKS)]
        self._hosts: list[Worker] = []
        self._wake_at: dict[int, float] = {}
        self._hosts = [self._start(number) for number in range(HOSTS)]

    def _start(self, number: int) -> Worker:
        return self.yard.worker(lease=LEASE, clock_off=self._clocks[number])

    def suffer(self, incidents: int) -> None:
        """Let *incidents* happen, then bring every run to its end."""
        for _ in range(incidents):
            if self.yard.unfinished() < AT_ONCE // 2:
                self.yard.record(AT_ONCE)
            self._wake(time.monotonic())
            self._restart_ended()
            number = self.chance.randrange(HOSTS)
            what = self.chance.choice((self._kill, self._kill_at_request, self._freeze, self._cut))
            what(number)
            name = what.__name__.strip("_")
            self.happened[name] = self.happened.get(name, 0) + 1
            time.sleep(self.chance.uniform(0.05, 0.6))
        self._wake(float("inf"))
        wait_for(self._is_done, patience=90.0)

    def _is_done(self) -> bool:
        self._restart_ended()
        if self.yard.unfinished():
            self.yard.help_out()
            time.sleep(0.1)
            return False
        return not self.yard.help_out()

    def _restart_ended(self) -> None:
        """Start a host again that ended because it could not open the store."""
        for number, host in enumerate(self._hosts):
            if host.ends_within(0):
                self._replace(number)

    def end(self) -> None:
        """Kill every host."""
        self._wake(float("inf"))
        for host in self._hosts:
            host.kill()

    def _wake(self, now: float) -> None:
        for number in [one for one, at in self._wake_at.items() if at <= now]:
            del self._wake_at[number]
            with suppress(ProcessLookupError):  # it was killed meanwhile
                self._hosts[number].wake()

    def _replace(self, number: int) -> None:
        self._wake_at.pop(number, None)
        self._hosts[number].kill()
        self._hosts[number] = self._start(number)

    # --- what can happen --------------------------------------------------------------------------

    def _kill(self, number: int) -> None:
        self._replace(number)

    def _kill_at_request(self, number: int) -> None:
        """Let one of its next requests be its last."""
        host = self._hosts[number]
        self.yard.arm(host.pid, self.chance.randint(1, 8), done=self.chance.random() < 0.5)
        host.ends_within(0.5)
        self.yard.disarm()
        self._replace(number)

    def _freeze(self, number: int) -> None:
        """Let it stand still, for less or more than its lease."""
        if number not in self._wake_at:
            with suppress(ProcessLookupError):  # it has just ended
                self._hosts[number].freeze()
            seconds = self.chance.uniform(0.2, 2.5 * LEASE.total_seconds())
            self._wake_at[number] = time.monotonic() + seconds

    def _cut(self, number: int) -> None:
        """End every connection to the database, or a part of them by chance."""
        query = (
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname ="
            " current_database() AND pid != pg_backend_pid() AND random() < %s"
        )
        share: Any = self.chance.choice((0.3, 1.0))
        with psycopg.connect(self.database, autocommit=True) as connection:
            connection.execute(query, (share,))
