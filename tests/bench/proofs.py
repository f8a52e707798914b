"""What must never happen, how often it did; and what many runs cost that only wait."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.bench.figures import Amount, Figure, Proof
from tests.bench.waiting import POLLS, Waiting
from tests.engine.fault_matrix import play_all
from tests.kills import kill_again_and_again, make_yard
from tests.makespan import Contest
from tests.sweep.sweeping import sweep

KILLS = 100
RUNS = 5000


def fault_matrix(folder: Path, _: int) -> Iterator[Proof]:
    """Every fault of the wire × every write; the simulator knows what really happened."""
    figures = play_all(folder)

    of = f"{figures.faults} faults × {figures.writes} writes over HTTP"
    yield Proof("fault matrix: done twice", len(figures.doubles), of)
    yield Proof("fault matrix: lost", len(figures.lost), of)
    yield Proof("fault matrix: ended wrong", len(figures.wrong), of)
    yield Proof("fault matrix: secrets shown", len(figures.leaks), of)


def crash_sweep(_folder: Path, _: int) -> Iterator[Proof]:
    """Deaths at every write and request, and combinations with faults and clocks that are set."""
    figures = sweep()

    of = (
        f"{figures.schedules} schedules, {figures.deaths} deaths, {figures.faults} faults met, "
        f"{figures.shifts} clock jumps"
    )
    yield Proof("crash sweep: done twice", figures.doubles, of)
    yield Proof("crash sweep: lost or ended wrong", figures.lost, of)


def kills(folder: Path, _: int) -> Iterator[Proof]:
    """Processes that are killed by SIGKILL while they work on runs beside each other."""
    with make_yard(folder) as yard:
        killed = kill_again_and_again(yard, KILLS, random.Random(0))
        wrongs = yard.wrongs()

    of = f"{killed} processes killed, {wrongs.runs} runs over HTTP"
    yield Proof("SIGKILL: done twice", wrongs.doubles, of)
    yield Proof("SIGKILL: lost or ended wrong", len(wrongs.lost), of)


def makespan(folder: Path, _: int) -> Iterator[Amount | Proof]:
    """Sixty jobs that fight for Alma's limits, in virtual time."""
    for engines, foreign in ((1, False), (2, False), (1, True), (2, True)):
        home = folder / f"{engines}-{foreign}"
        home.mkdir()
        contest = Contest.make(home, foreign=foreign)
        contest.hold(engines)
        served, bound = contest.ratios()

        what = f"60 jobs, {engines} engine{'s' * (engines > 1)}" + ", others too" * foreign
        beside = f"beside the lower bound: {bound:.3f}×"
        yield Amount(f"{what}: beside the same order", served, "×", 1.05, beside)
        yield Proof(f"{what}: limits passed", len(contest.broken_limits()), "60 starts")


def waiting(folder: Path, _: int) -> Iterator[Figure | Amount]:
    """Memory, re-attachment and idle cost of thousands of runs."""
    scene = Waiting(folder, RUNS)
    scene.begin()
    since = datetime.now(UTC)
    with scene.process(scene.waiting) as process:
        again = process.seconds
        scene.settled()
        # Until everything that came at once, such as the first polls, is over.
        time.sleep(POLLS / 2)
        cpu, began = process.cpu, time.monotonic()
        time.sleep(POLLS)
        idle = (process.cpu - cpu) / (time.monotonic() - began)
        memory = process.peak
    # Ten seconds, as what leaves at a steady rate arrives in bunches; Alma allows 50 a second.
    busiest = scene.busiest(timedelta(seconds=10), since)

    what = f"{scene.waiting:,} runs wait"
    yield Figure(f"{what} again after a kill", again, at_most=10, bound="within 10 s")
    yield Amount(f"{what}: memory", memory, "MiB", 300, "the most at any time")
    yield Amount(f"{what}: cost", 100 * idle, "%", 5, f"of a core, in {POLLS} s of polling")
    yield Amount(f"{what}: calls in 10 s", busiest, "", 500, "the most at one institution")
