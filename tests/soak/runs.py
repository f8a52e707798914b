"""Runs on one store in real time, while their processes are killed, frozen and led astray."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from almaflow.alma.simulator import Fault
from tests.kills import AT_ONCE, Yard, make_yard
from tests.workers import Worker

# Processes at work at a time, and how short their leases are.
PROCESSES, LEASE = 3, timedelta(seconds=2)

# How long a frozen process stands still (seconds): past its lease, but not as long as the others
# wait for a store that it may hold.
FROZEN = 3.0

_KINDS = (
    *("lose_answer", "reset", "truncated", "empty", "garbage", "html", "500", "502", "503"),
    *("nan", "nested", "close", "reset_after", "late_count"),
)
_CALLS = ("submit", "create_set", "add_members", "delete_set", "get_instance", "write", "read")


class Soak:
    """Some processes, and what is done to them."""

    def __init__(self, yard: Yard, chance: random.Random) -> None:
        self.yard = yard
        self.chance = chance
        self.workers: list[Worker] = []
        self.done: Counter[str] = Counter()
        self.frozen: list[tuple[float, Worker]] = []

    def go_on(self, seconds: float) -> None:
        """Let things happen for so long, then let what is left come to its end."""
        until = time.monotonic() + seconds
        acts: list[Callable[[], None]] = [self._kill] * 5 + [self._freeze] + [self._fail] * 3
        while time.monotonic() < until:
            self._see_to_it()
            self.chance.choice(acts)()
            time.sleep(self.chance.uniform(0.05, 0.4))
        for _, worker in self.frozen:
            worker.wake()
        for worker in self.workers:
            worker.kill()
        self._finish()

    def _see_to_it(self) -> None:
        """Have enough runs, enough processes, and somebody who answers questions."""
        if self.yard.unfinished() < AT_ONCE:
            self.yard.record(AT_ONCE)
        self.done["questions"] += self.yard.help_out()
        for at, worker in [*self.frozen]:
            if time.monotonic() >= at:
                worker.wake()
                self.frozen.remove((at, worker))
        for worker in [*self.workers]:
            # Who stood still past its lease ends by itself.
            if worker.ends_within(0):
                self.workers.remove(worker)
                self.done[f"ended by itself with {worker.kill()}"] += 1
        while len(self.workers) < PROCESSES:
            self.workers.append(self.yard.worker(watch=True, lease=LEASE))

    def _kill(self) -> None:
        worker = self.chance.choice(self.workers)
        if any(worker is frozen for _, frozen in self.frozen):
            return
        self.workers.remove(worker)
        if self.chance.random() < 0.5:
            done = self.chance.random() < 0.5
            self.yard.arm(worker.pid, self.chance.randint(1, 10), done=done)
            worker.ends_within(0.5)
            self.yard.disarm()
        worker.kill()
        self.done["kills"] += 1

    def _freeze(self) -> None:
        if not self.frozen:
            worker = self.chance.choice(self.workers)
            worker.freeze()
            self.frozen.append((time.monotonic() + FROZEN, worker))
            self.done["freezes"] += 1

    def _fail(self) -> None:
        kind = self.chance.choice(_KINDS)
        fault: dict[str, object] = {"kind": kind, "call": self.chance.choice(_CALLS), "nth": 1}
        if kind.isdecimal():
            processed = self.chance.random() < 0.5
            fault |= {"kind": "status", "status": int(kind), "processed": processed}
        elif kind == "html":
            fault["status"] = self.chance.choice([200, 503])
        elif kind == "late_count":
            fault |= {"call": "add_members", "delay": "4s"}
        # Another API user starts the same job, under the same name and in the same second.
        fault["another_run"] = fault["call"] in ("submit", "write") and self.chance.random() < 0.5
        self.done["other users' runs asked for"] += bool(fault["another_run"])
        self.yard.alma.add_fault(Fault.model_validate(fault))
        self.done["faults"] += 1

    def _finish(self) -> None:
        while True:
            worker = self.yard.worker()
            if worker.ended(patience=120):
                self.done["ended badly"] += 1
                return
            if not self.yard.help_out():
                return


def soak(seconds: float, folder: Path, seed: int, store: str) -> int:
    """Soak for so long; returns the exit code, after printing what happened."""
    with make_yard(folder, store) as yard:
        soaking = Soak(yard, random.Random(seed))
        soaking.go_on(seconds)
        wrongs = yard.wrongs()
    happened = ", ".join(f"{count} {what}" for what, count in sorted(soaking.done.items()))
    print(
        f"runs, seed {seed}: {wrongs.runs} runs; {happened}; {wrongs.doubles} doubles, "
        f"{len(wrongs.lost)} lost, {len(wrongs.foreign)} foreign runs adopted"
    )
    for told in wrongs.lost:
        print(f"  {told}")
    return 1 if wrongs.doubles or wrongs.lost or wrongs.foreign else 0
