"""Plays schedules and counts; `sweep` plays as many as it is told, in processes of their own."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from math import ceil
from pathlib import Path

from hypothesis import HealthCheck, given, seed, settings

from almaflow.alma import calls
from almaflow.outcome import Status
from tests.sweep import people, truth
from tests.sweep.machine import Machine, Prepared, Tally, WholeRun
from tests.sweep.scenes import SCENES, Scene
from tests.sweep.schedules import (
    Schedule,
    apart,
    combinations,
    deaths_out_of_time,
    every_death,
    late_counts,
    other_users,
)

# A process after which nothing gets further is one too many.
MOST_PROCESSES = 40


@dataclass
class Figures:
    """What a sweep went through, and what it found."""

    schedules: int = 0
    deaths: int = 0
    faults: int = 0
    shifts: int = 0
    processes: int = 0
    answers: int = 0
    retries: int = 0
    late: int = 0
    doubles: int = 0
    lost: int = 0
    foreign: int = 0
    """Runs of other API users that were adopted."""

    def add(self, other: Figures) -> None:
        for one in fields(self):
            setattr(self, one.name, getattr(self, one.name) + getattr(other, one.name))


@contextmanager
def small_batches() -> Iterator[None]:
    """Let three members be two batches."""
    kept = calls.MEMBERS_IN_ONE_CALL
    calls.MEMBERS_IN_ONE_CALL = 2
    try:
        yield
    finally:
        calls.MEMBERS_IN_ONE_CALL = kept


class Player:
    """Plays the schedules of one scene and sees to it that the promises are kept."""

    def __init__(self, scene: Scene, folder: Path, figures: Figures) -> None:
        self.prepared = Prepared(scene, folder)
        self.figures = figures
        self.wanted: list[truth.Facts] = []
        self.counts: dict[str, int] = {}
        self.play(Schedule())

    def play(self, schedule: Schedule) -> None:
        """Play one schedule; Raises: truth.Broken."""
        with tempfile.TemporaryDirectory(dir=self.prepared.folder) as folder:
            machine = Machine(self.prepared, Path(folder), schedule)
            try:
                self._play(machine)
            finally:
                machine.end()

    def _play(self, machine: Machine) -> None:
        deaths = list(machine.schedule.deaths)
        for number in range(MOST_PROCESSES):
            shifts = machine.schedule.of_process(number)
            died = machine.process(deaths.pop(0) if deaths else None, shifts)
            told = machine.told()
            finished = all(one.record.status is Status.FINISHED for one in told)
            if (finished or not died) and not people.help_out(machine, told):
                break
        if not self.wanted:
            self._take_for_right(machine, told)
        self._check(machine)
        self._count(machine.tally)

    def _take_for_right(self, machine: Machine, runs: list[WholeRun]) -> None:
        """Keep what the runs come to when nothing happens to them."""
        self.wanted = [truth.facts(told) for told in runs]
        self.counts = machine.tally.counts
        assert {one.outcome for one in self.wanted} == {self.prepared.scene.outcome}, self.wanted

    def _count(self, tally: Tally) -> None:
        self.figures.schedules += 1
        for name in ("deaths", "faults", "shifts", "processes", "answers", "retries", "late"):
            setattr(self.figures, name, getattr(self.figures, name) + getattr(tally, name))

    def _check(self, machine: Machine) -> None:
        machine.look_at_sets()
        runs = machine.told()
        doubles = truth.doubles(machine, runs)
        lost = truth.lost(machine, runs, self.wanted)
        foreign = truth.foreign(machine, runs)
        kept = truth.kept_places(machine)
        self.figures.doubles += len(doubles)
        self.figures.lost += len(lost)
        self.figures.foreign += len(foreign)
        if doubles or lost or foreign or kept:
            told = "\n".join([*doubles, *lost, *foreign, *(f"place kept: {one}" for one in kept)])
            raise truth.Broken(f"{self.prepared.scene.name}, {machine.schedule}:\n{told}")


# --- many -----------------------------------------------------------------------------------------

# In the time of a pull request; `ALMAFLOW_SCHEDULES` in the environment asks for more.
USUAL = 2100
SCHEDULES = "ALMAFLOW_SCHEDULES"
ROOT = Path(__file__).parents[2]


# Of each scene, however many deaths it has.
LEAST_COMBINATIONS = 20


def usual() -> int:
    """Return how many schedules tests play."""
    return int(os.environ.get(SCHEDULES, USUAL))


@contextmanager
def _seldom_collected() -> Iterator[None]:
    """Let what processes leave behind lie around for a while; to look for it costs a fifth."""
    kept = gc.get_threshold()
    gc.set_threshold(100_000)
    try:
        yield
    finally:
        gc.set_threshold(*kept)


@dataclass(frozen=True)
class Share:
    """What one process of a sweep plays: the *part*th (from 0) of *parts* equal parts."""

    scenes: Sequence[str]
    schedules: int
    seed: int
    part: int
    parts: int

    def play(self) -> Figures:
        """Play every death that falls to this part, then combinations up to the number wanted.

        Raises: truth.Broken, or Hypothesis's error with the smallest schedule that it found.
        """
        figures = Figures()
        wanted = self.schedules / len(self.scenes) / self.parts
        with (
            small_batches(),
            _seldom_collected(),
            tempfile.TemporaryDirectory(prefix="almaflow-sweep-") as folder,
        ):
            for scene in SCENES:
                if scene.name in self.scenes:
                    alone = Figures()
                    self._play(Player(scene, _made(Path(folder) / scene.name), alone), wanted)
                    figures.add(alone)
        return figures

    def _play(self, player: Player, wanted: float) -> None:
        every = (
            *every_death(player.counts),
            *deaths_out_of_time(player.counts),
            *apart(player.counts),
            *other_users(player.counts),
            *late_counts(),
        )
        for schedule in every[self.part :: self.parts]:
            player.play(schedule)
        least = ceil(LEAST_COMBINATIONS / self.parts)
        self._play_combinations(player, max(least, ceil(wanted - player.figures.schedules)))

    def _play_combinations(self, player: Player, count: int) -> None:
        @seed(self.seed * self.parts + self.part)
        @settings(
            max_examples=count,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
            report_multiple_bugs=False,
        )
        @given(combinations(player.counts))
        def play(schedule: Schedule) -> None:
            player.play(schedule)

        play()


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


ALL = tuple(scene.name for scene in SCENES)


def sweep(
    schedules: int | None = None,
    scenes: Sequence[str] = ALL,
    *,
    seed: int = 0,
    parts: int | None = None,
) -> Figures:
    """Play so many schedules, in as many processes as there are cores; return the figures.

    Every death by itself is always played, and some combinations for each scene.

    Raises:
        truth.Broken: with what the process said that found a promise broken.
    """
    wanted = usual() * len(scenes) // len(ALL) if schedules is None else schedules
    parts = parts or min(8, os.cpu_count() or 1)
    words = [sys.executable, "-m", "tests.sweep", *scenes]
    words += [f"--schedules={wanted}", f"--seed={seed}"]
    running = [
        subprocess.Popen(
            [*words, f"--part={part}", f"--parts={parts}"],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for part in range(parts)
    ]
    figures, broken = Figures(), []
    for process in running:
        said, _ = process.communicate()
        if process.returncode:
            broken.append(said)
        else:
            figures.add(Figures(**json.loads(said.splitlines()[-1])))
    if broken:
        raise truth.Broken("\n".join(broken))
    return figures
