"""Figures: what was measured, what stands beside it, what it should be, and the table of all."""

from __future__ import annotations

import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


class NotMeasured(Exception):
    """Something could not be measured; the text says why."""


@dataclass(frozen=True)
class Figure:
    """One line of the table; durations are in seconds.

    *beside* names what is compared with, *theirs* is its duration, or why there is none.
    *at_most* is the bound, None when there is none.
    """

    what: str
    ours: float
    beside: str = ""
    theirs: float | str = ""
    at_most: float | None = None
    bound: str = ""

    @property
    def cells(self) -> tuple[str, ...]:
        beside, ratio = self.beside, ""
        if isinstance(self.theirs, float):
            beside += f" {seconds(self.theirs)}"
            ratio = f"{self.ours / self.theirs:.2f}×"
        elif self.theirs:
            beside += f": {self.theirs}"
        verdict = ""
        if self.at_most is not None:
            verdict = "kept" if self.ours <= self.at_most else "MISSED"
        return self.what, seconds(self.ours), beside, ratio, self.bound, verdict


@dataclass(frozen=True)
class Proof:
    """One line of the table about what must never happen: how often it did, *of* so many times."""

    what: str
    count: int
    of: str

    @property
    def cells(self) -> tuple[str, ...]:
        verdict = "kept" if self.count == 0 else "MISSED"
        return self.what, str(self.count), self.of, "", "none", verdict


@dataclass(frozen=True)
class Amount:
    """One line of the table that is no duration: so many of a *unit*, at most *at_most*."""

    what: str
    amount: float
    unit: str
    at_most: float
    beside: str = ""

    @property
    def cells(self) -> tuple[str, ...]:
        verdict = "kept" if self.amount <= self.at_most else "MISSED"
        ours = f"{self.amount:.4g} {self.unit}".strip()
        bound = f"at most {self.at_most:g} {self.unit}".strip()
        return self.what, ours, self.beside, "", bound, verdict


HEADER = ("what", "almaflow", "beside it", "ratio", "should be", "")


def seconds(duration: float) -> str:
    return f"{duration:.2f} s" if duration >= 1 else f"{duration * 1000:.3g} ms"


def table(rows: Sequence[tuple[str, ...]]) -> str:
    """Return *rows* under the header, in columns; a row may be a single long cell."""
    full = [row for row in (HEADER, *rows) if len(row) == len(HEADER)]
    widths = [max(len(row[column]) for row in full) for column in range(len(HEADER))]
    rule = "-" * (sum(widths) + 2 * len(widths))
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=False)).rstrip()
        for row in (HEADER, *rows)
    ]
    return "\n".join([lines[0], rule, *lines[1:]])


@dataclass(frozen=True)
class Command:
    """A command as it is measured: the whole process, in *folder*."""

    words: Sequence[str]
    folder: Path
    environment: Mapping[str, str]

    def run(self) -> str:
        """Return what it printed.

        Raises:
            NotMeasured: it did not end well.
        """
        try:
            done = subprocess.run(
                self.words,
                cwd=self.folder,
                env=dict(self.environment),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=300,
            )
        except subprocess.TimeoutExpired:
            raise NotMeasured(f"`{' '.join(self.words[-3:])}` took over 5 minutes") from None
        if done.returncode:
            said = (done.stderr or done.stdout).strip().splitlines() or ["nothing"]
            raise NotMeasured(
                f"`{' '.join(self.words[-3:])}` exited {done.returncode} and said: {said[-1]}"
            )
        return done.stdout


def median_times(repeat: int, *works: Callable[[], object]) -> list[float]:
    """Return the median duration of each of *works*, taken in turns under the same load.

    A first turn is not counted: it fills the caches of the disk and makes what is made once.
    """
    for work in works:
        work()
    durations: list[list[float]] = [[] for _ in works]
    for _ in range(repeat):
        for number, work in enumerate(works):
            began = time.perf_counter()
            work()
            durations[number].append(time.perf_counter() - began)
    return [statistics.median(each) for each in durations]
