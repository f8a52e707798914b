"""What happens to a host in an incident; `incidents` draws which, when, and for how long."""

from __future__ import annotations

import random
import signal
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import psycopg

from tests.fleet.tcp_proxy import State

if TYPE_CHECKING:
    from tests.fleet.incidents import Fleet

# How far the clock of a host is ahead.
CLOCKS = (timedelta(), timedelta(hours=1), timedelta(hours=-1))


@dataclass(frozen=True)
class Incident:
    """Something that happens to a host, and for how long (seconds)."""

    fleet: Fleet
    number: int
    length: float
    chance: random.Random

    def _down_for(self) -> float:
        return self.chance.choice((0.0, 0.0, self.length))

    def kill(self) -> None:
        self.fleet.kill(self.number, self._down_for())

    def stop(self) -> None:
        """Stop it as an operator does: its runs are given back."""
        self.fleet.stop(self.number, self._down_for())

    def kill_leader(self) -> None:
        number = self.fleet.leader()
        self.fleet.kill(self.number if number is None else number, self._down_for())

    def kill_at_request(self) -> None:
        """Let it die with a request, which Alma does or does not have."""
        left, done = self.chance.randint(1, 8), self.chance.random() < 0.5
        if self.fleet.trap(self.number, left, done=done):
            down_for = self._down_for()
            self.fleet.later(0.5, lambda: self.fleet.free(self.number, down_for))
        else:
            self.kill()

    def freeze(self) -> None:
        self._freeze(self.number)

    def freeze_leader(self) -> None:
        number = self.fleet.leader()
        self._freeze(self.number if number is None else number)

    def _freeze(self, number: int) -> None:
        host = self.fleet.hosts[number].host
        if not self.fleet.is_down(number):
            host.send(signal.SIGSTOP)
            self.fleet.later(self.length, lambda: self._wake(number))

    def _wake(self, number: int) -> None:
        if not self.fleet.is_down(number):
            self.fleet.hosts[number].host.send(signal.SIGCONT)

    def silence(self) -> None:
        """Let nothing come through to the database or back."""
        self._door(State.SILENT)

    def shut(self) -> None:
        """Let a firewall reset what comes from the host."""
        self._door(State.SHUT)

    def silence_and_shut(self) -> None:
        """Let nothing come through, and in the end lose what was under way."""
        door = self.fleet.hosts[self.number].door
        self.fleet.network.set(door, State.SILENT)
        self.fleet.later(self.length * 0.8, lambda: self.fleet.network.set(door, State.SHUT))
        self.fleet.later(self.length, lambda: self.fleet.network.set(door, State.OPEN))

    def _door(self, state: State) -> None:
        door = self.fleet.hosts[self.number].door
        self.fleet.network.set(door, state)
        self.fleet.later(self.length, lambda: self.fleet.network.set(door, State.OPEN))

    def cut(self) -> None:
        """End the connections of all hosts to the database, or a part of them."""
        query = (
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname ="
            " current_database() AND pid != pg_backend_pid() AND random() < %s"
        )
        share: Any = self.chance.choice((0.3, 1.0))
        with suppress(psycopg.Error), psycopg.connect(self.fleet.url, autocommit=True) as it:
            it.execute(query, (share,))

    def set_clock(self) -> None:
        """Let the host come back with a clock that is an hour off, or the right one."""
        if not self.fleet.is_down(self.number):
            host = self.fleet.hosts[self.number].host
            host.place = replace(host.place, clock_off=self.chance.choice(CLOCKS))
            self.fleet.kill(self.number, 0.0)


KINDS = (
    *("kill", "kill", "kill_at_request", "kill_at_request", "kill_at_request", "kill_leader"),
    *("freeze", "freeze", "freeze_leader", "silence", "silence", "shut", "silence_and_shut"),
    *("cut", "stop", "set_clock"),
)
