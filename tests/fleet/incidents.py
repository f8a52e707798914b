"""Incidents among hosts that share runs: what happens to them is drawn by chance.

A *schedule* is a few fresh runs, and the incidents that meet them while hosts work on them. Several
schedules overlap, and the hosts are kept from one to the next, so hundreds fit into a minute.
"""

from __future__ import annotations

import heapq
import itertools
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial

from almaflow.cli.interrupt import EXIT_INTERRUPTED
from almaflow.clock import SystemClock
from almaflow.scheduler.ledger_audit import verify
from almaflow.store import StoreTrouble
from almaflow.store.url import StoreUrl
from almaflow.timetable_entries import timetable_from_json
from tests.fleet.happenings import KINDS, Incident
from tests.fleet.hosts import Host, Place
from tests.fleet.tcp_proxy import Network
from tests.kills import Yard

PACE = 0.15
"""A lease lasts 3 seconds."""

LEASE = 20 * PACE

COMMANDS = ("serve", "serve", "worker")
"""What the hosts of a fleet do: two schedulers, of which one leads, that work as well."""

RUNS = 2
"""How many fresh runs a schedule has."""

INSTITUTIONS = ("north", "south")
"""Of the runs: few, so that many runs wait for one of the three jobs that may run at a time."""

IN_FLIGHT = 8
"""How many schedules of a fleet overlap."""

PATIENCE = 120.0
"""When all runs have to be at their end, after the last incident (seconds)."""

STOPPED = 10.0
"""When a host has to end that was asked to, unless the database cannot be reached (seconds)."""

RESCUED = 30.0
"""When every run of a dead host has to continue elsewhere (seconds)."""

RESTARTED = 1.0
"""After how long a host that ended by itself is started again, as systemd does it (seconds)."""

STARVED = 0.5
"""What a turn of the loop counts at most (seconds): it takes milliseconds, unless the machine gives
this process, and so the hosts, no processor."""

TICKING = "schedule: [{every: 5s, missed: all}]\noverlap: queue_all\nsteps: [{get: /conf/jobs}]\n"
QUIET = TICKING.replace("every: 5s", "dates: [2020-01-01]")


@dataclass
class Schedule:
    """Some runs, and what happens while they are worked on."""

    name: str
    runs: list[str]
    incidents: list[str] = field(default_factory=list)
    quiet_at: float = 0.0
    """When its last incident is over."""


@dataclass
class Fleet:
    """Hosts that share a store, and what happens to them."""

    yard: Yard
    url: str
    network: Network
    seed: str
    happened: Counter[str] = field(default_factory=Counter)
    rescues: list[float] = field(default_factory=list)
    """After how many seconds no run belonged to a dead process any more."""

    def __post_init__(self) -> None:
        with (self.yard.folder / "almaflow.yaml").open("a") as settings:
            settings.write("serve: {page: false}\n")
        self._files = self.yard.folder / "workflows"
        self._files.mkdir()
        self._write_timetable(TICKING)
        self.hosts = [self._place(number) for number in range(len(COMMANDS))]
        self._down: set[int] = set()
        self.schedules = 0
        """How many have begun."""
        self._agenda: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._open: list[Schedule] = []
        self._dead: dict[tuple[str, int], float] = {}
        self._left_runs: set[tuple[str, int]] = set()
        self._trapped: int | None = None
        self._looked_at = self._helped_at = self._quiet_at = 0.0
        self._counted, self._counted_at = 0.0, time.monotonic()

    def _write_timetable(self, text: str) -> None:
        (self._files / "ticking.yaml").write_text(text, "utf-8")

    def _place(self, number: int) -> _Seat:
        url = StoreUrl.parse(self.url)
        # The directory of the server's socket is in the query of the address.
        folder = str(url.query["host"])
        door = self.network.door(f"{folder}/.s.PGSQL.5432")
        there = replace(url, host="127.0.0.1", port=door, query={})
        place = Place(
            name=f"host-{number}",
            folder=self.yard.folder,
            environment={**self.yard.environment, "STORE": str(there)},
            command=(COMMANDS[number],),
            pace=PACE,
        )
        return _Seat(Host(place), door)

    # --- schedules --------------------------------------------------------------------------------

    def play(self, schedules: int) -> None:
        """Let so many schedules happen, and bring all runs to their end."""
        while self.schedules < schedules:
            self._until(lambda: len(self._open) < IN_FLIGHT)
            self._begin(f"{self.seed}/{self.schedules}")
            self.schedules += 1
        self._until(lambda: not self._open and not self._agenda)
        self._write_timetable(QUIET)
        given_up_at = time.monotonic() + PATIENCE
        self._until(lambda: self._nothing_is_left() or time.monotonic() > given_up_at)

    def _begin(self, name: str) -> None:
        chance = random.Random(name)
        schedule = Schedule(name, self._record())
        at = time.monotonic()
        for _ in range(chance.choice((1, 1, 2))):
            kind = chance.choice(KINDS)
            at += chance.uniform(0.0, 0.5)
            number = chance.randrange(len(self.hosts))
            length = LEASE * chance.choice((0.2, 0.2, 0.8, 1.8)) * chance.uniform(0.7, 1.2)
            incident = Incident(self, number, length, chance)
            self._at(at, getattr(incident, kind))
            schedule.quiet_at = max(schedule.quiet_at, at + length)
            self._quiet_at = max(self._quiet_at, at + length)
            schedule.incidents.append(f"{kind} {number} {length:.1f}")
            self.happened[kind] += 1
        self._open.append(schedule)

    def _record(self) -> list[str]:
        while True:
            with suppress(StoreTrouble):  # its server is being restarted
                return self.yard.record(RUNS, at=INSTITUTIONS)
            time.sleep(0.1)

    def _at(self, at: float, act: Callable[[], None]) -> None:
        heapq.heappush(self._agenda, (at, next(self._order), act))

    def later(self, seconds: float, act: Callable[[], None]) -> None:
        """Do something in so many seconds."""
        self._at(time.monotonic() + seconds, act)

    def _now(self) -> float:
        """Return for how long this process has had a processor: what others must do by then."""
        now = time.monotonic()
        self._counted += min(now - self._counted_at, STARVED)
        self._counted_at = now
        return self._counted

    def _until(self, is_so: Callable[[], bool]) -> None:
        while not is_so():
            self._now()
            while self._agenda and self._agenda[0][0] <= time.monotonic():
                heapq.heappop(self._agenda)[2]()
            self._restart_ended()
            now = time.monotonic()
            with suppress(StoreTrouble):  # its server is being restarted
                if now - self._looked_at > 0.1:
                    self._looked_at = now
                    self._look()
                if now - self._helped_at > 0.7:
                    self._helped_at = now
                    self.happened["questions"] += self.yard.help_out()
            time.sleep(0.02)

    def _restart_ended(self) -> None:
        """Start a host again that ended because it could not open the store."""
        for number, seat in enumerate(self.hosts):
            code = None if number in self._down else seat.host.process.exitcode
            if code is not None and code != EXIT_INTERRUPTED:
                self.happened[f"ended with {code}"] += 1
                self._dead[seat.host.place.name, seat.host.pid] = self._now()
                self._down.add(number)
                self.later(RESTARTED, partial(self._bring_back, number))

    def _look(self) -> None:
        unfinished, owners = self._state()
        now = time.monotonic()
        for dead, died_at in [*self._dead.items()]:
            waited = self._now() - died_at
            assert waited < RESCUED, f"runs of {dead} wait since {waited:.0f} s: {self._open}"
            if dead in owners:
                self._left_runs.add(dead)
            else:
                del self._dead[dead]
                self.rescues += [waited] if dead in self._left_runs else []
        for schedule in [*self._open]:
            left = unfinished.intersection(schedule.runs)
            if not left and now > schedule.quiet_at:
                self._open.remove(schedule)
            assert now < self._quiet_at + PATIENCE, f"{schedule}: {self._told(left)}"[:3000]

    def _state(self) -> tuple[set[str], set[tuple[str, int]]]:
        """Return the unfinished runs, and host and process id of their owners."""
        query = (
            "SELECT runs.id, host, pid FROM runs LEFT JOIN processes ON processes.id = owner"
            " WHERE status != 'finished'"
        )
        with self.yard.store() as store, store.read() as tx:
            rows = tx.rows(query)
        return {row["id"] for row in rows}, {(row["host"], row["pid"]) for row in rows}

    def _told(self, run_ids: set[str]) -> list[str]:
        with self.yard.store() as store:
            return [f"{store.run(run_id)} {store.journal(run_id)}" for run_id in run_ids]

    def _nothing_is_left(self) -> bool:
        with suppress(StoreTrouble), self.yard.store() as store:
            standing = [one for one in store.schedules(active=True) if "every" in str(one)]
            if self._state()[0] or store.open_ticks() or standing:
                return False
            # The last run may have ended so that a person has to retry it.
            return self.yard.help_out() == 0
        return False

    # --- in the end -------------------------------------------------------------------------------

    def wrongs(self) -> list[str]:
        """Return what is wrong when everything should have ended."""
        found = self.yard.wrongs()
        self.happened["runs"] += found.runs
        told = [*found.lost, *self._wrong_ticks()]
        told += [f"{one} is another API user's and was adopted" for one in found.foreign]
        for count, what in (
            (found.doubles, "done twice"),
            (self.yard.over_limits, "refused by Alma because of its limits"),
        ):
            told += [f"{self.seed}: {count} {what}"] if count else []
        return told

    def _wrong_ticks(self) -> list[str]:
        with self.yard.store() as store:
            ticks = store.ticks()
            checked = verify(store.schedules(), ticks, timetable_from_json, SystemClock().now())
            runs = [run for run in store.runs() if run.workflow == "ticking"]
        self.happened["ticks"] += len(ticks)
        told = [fault.text for fault in checked.faults]
        told += [f"{tick} has no ending" for tick in ticks if tick.ending is None]
        told += [f"{run.id} is {run.outcome}" for run in runs if str(run.outcome) != "succeeded"]
        often = Counter(run.scheduled_at for run in runs)
        told += [f"{at}: {count} runs" for at, count in often.items() if count > 1]
        return told

    def end(self) -> None:
        """Kill every host that runs."""
        for number, seat in enumerate(self.hosts):
            if number not in self._down:
                seat.host.end()

    # --- what incidents do ------------------------------------------------------------------------

    def kill(self, number: int, down_for: float) -> None:
        """Kill a host, which comes back in so many seconds."""
        if number not in self._down:
            self._bury(number, down_for)

    def stop(self, number: int, down_for: float) -> None:
        """Ask a host to end, and kill it when it cannot in time."""
        if number in self._down:
            return
        host = self.hosts[number].host
        process, until = host.process, time.monotonic() + STOPPED
        host.send(signal.SIGTERM)
        host.send(signal.SIGCONT)

        def see() -> None:
            if number in self._down or host.process is not process:
                return
            if not host.has_ended and time.monotonic() < until:
                self.later(0.05, see)
            else:
                self.happened["stopped in time"] += host.has_ended
                self._bury(number, down_for)

        see()

    def _bury(self, number: int, down_for: float) -> None:
        host = self.hosts[number].host
        key = host.place.name, host.pid
        host.end()
        self._dead[key] = self._now()
        self._down.add(number)
        self.later(down_for, lambda: self._bring_back(number))

    def _bring_back(self, number: int) -> None:
        self._down.discard(number)
        self.hosts[number].host.start()

    def is_down(self, number: int) -> bool:
        """Whether a host does not run."""
        return number in self._down

    def leader(self) -> int | None:
        """Return which host leads; None: none does, or that is not known."""
        query = "SELECT host FROM leader JOIN processes ON processes.id = process_id"
        with suppress(StoreTrouble), self.yard.store() as store, store.read() as tx:
            host = tx.value(query)
            return None if host is None else int(host.rpartition("-")[2])
        return None

    def trap(self, number: int, left: int, *, done: bool) -> bool:
        """Let one of the next requests of a host be its last, unless another has a trap."""
        if self._trapped is not None or self.is_down(number):
            return False
        self._trapped = number
        self.yard.arm(self.hosts[number].host.pid, left, done=done)
        return True

    def free(self, number: int, down_for: float) -> None:
        """Take the trap away; the host has died of it, or does so now."""
        self.yard.disarm()
        self._trapped = None
        self.kill(number, down_for)


@dataclass
class _Seat:
    """A host, and its door to the database."""

    host: Host
    door: int
