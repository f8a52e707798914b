"""Mutated workflow files: checked, and of the valid ones some planned and simulated.

`run(count, seed)` is what `python -m tests.fuzz` calls. Case *n* of a seed is always the same, so a
failure, which names both, is played again with `case(seed, n)`.
"""

from __future__ import annotations

import contextlib
import functools
import io
import os
import random
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from almaflow.cli.error_handler import run_command_line
from almaflow.errors import DocumentsInvalid, RequestWrong
from almaflow.problems import Problem, has_errors
from almaflow.settings import Project, Settings, load_project
from almaflow.workflow_loader import load_paths
from tests.fuzz.answers import LARGEST, LONGEST, MOST_ADDED, peak
from tests.fuzz.text_mutations import mutated_text

ROOT = Path(__file__).parent.parent.parent

VALID = ("workflows", "tests/valid")
BROKEN = ("tests/broken", "tests/documents/yaml")
FOLDERS = (*VALID, *BROKEN)
"""Where the files come from, most of them from those that are valid."""

SAMPLED = 20
"""One valid file of so many is planned and simulated; a simulation takes as long as ten checks."""

EXIT_DEFECT = 3

# The alarm is a net for what never ends, not the measure: other processes may hold the machine.
_NET = 60


class TookTooLong(BaseException):
    """The net's; not an `Exception`, so that nothing on the way takes it for its own."""


@dataclass
class Figures:
    """What was played; *slowest* is the longest check: seconds of processor time, and the case."""

    files: int = 0
    valid: int = 0
    simulated: int = 0
    slowest: tuple[float, str] = (0.0, "")
    reproducers: list[Path] = field(default_factory=list)


def run(
    count: int, seed: int, figures: Figures | None = None, keep: Path | None = None
) -> list[str]:
    """Play *count* cases of *seed*; returns what failed, one line each.

    Files that fail are copied to the folder *keep*.
    """
    figures = figures if figures is not None else Figures()
    before = peak()
    failures = []
    with _playground() as folder:
        for number in range(count):
            failed = _play(folder, seed, number, figures)
            if failed and keep is not None:
                figures.reproducers.append(_kept(seed, number, keep))
            failures += failed
    held = peak()
    if held > max(LARGEST, before + MOST_ADDED):
        failures.append(f"seed {seed}: the process held {held} MiB after {count} workflow files")
    return failures


def case(seed: int, number: int) -> list[str]:
    """Play one case."""
    with _playground() as folder:
        return _play(folder, seed, number, Figures())


def mutated(seed: int, number: int) -> tuple[Path, bytes]:
    """Return the file that a case begins with, relative to the project, and its new contents."""
    chance = random.Random(f"workflows {seed} {number}")
    origin = chance.choice(_origins(VALID if chance.random() < 0.7 else BROKEN))
    text = (ROOT / origin).read_bytes().decode("utf-8", "replace")
    return origin, mutated_text(text, chance)


@functools.cache
def _origins(folders: Sequence[str]) -> list[Path]:
    found = [file for folder in folders for file in sorted((ROOT / folder).glob("*.yaml"))]
    return [file.relative_to(ROOT) for file in found if not file.name.startswith("almaflow.")]


def _kept(seed: int, number: int, keep: Path) -> Path:
    origin, content = mutated(seed, number)
    file = keep / f"{seed}-{number}-{origin.name}"
    file.write_bytes(content)
    return file


@contextlib.contextmanager
def _playground() -> Iterator[Path]:
    """A copy of the folders that the files come from, and the working directory in it."""
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as name:
        for folder in FOLDERS:
            shutil.copytree(ROOT / folder, Path(name, folder))
        os.chdir(name)
        try:
            yield Path(name)
        finally:
            os.chdir(before)


def _play(folder: Path, seed: int, number: int, figures: Figures) -> list[str]:
    origin, content = mutated(seed, number)
    file = folder / origin.parent / "mutated.yaml"
    file.write_bytes(content)
    began = time.process_time()
    took = 0.0
    held = peak()
    try:
        with _net():
            before = figures.valid
            failed = _check(file, figures)
            took = time.process_time() - began
            if not failed and figures.valid > before and before % SAMPLED == 0:
                failed = _simulate(file, figures)
    except TookTooLong:
        failed = f"did not end within {_NET} s"
    except Exception as error:
        failed = f"{type(error).__name__}: {error}"[:300]
    told = f"workflows, seed {seed}, case {number} ({origin})"
    figures.files += 1
    figures.slowest = max(figures.slowest, (took, told))
    if not failed and took > LONGEST:
        failed = f"took {took:.1f} s"
    if not failed and peak() > max(LARGEST, held + MOST_ADDED):
        failed = f"brought the process to {peak()} MiB"
    return [f"{told}: {failed}"] if failed else []


@contextlib.contextmanager
def _net() -> Iterator[None]:
    """Raise `TookTooLong` in what does not end; where there are no alarms it is not bounded."""
    if not hasattr(signal, "setitimer"):
        yield
        return

    def stop(number: int, frame: FrameType | None) -> None:
        raise TookTooLong

    before: Any = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, _NET)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _project_of(file: Path) -> Project:
    settings = file.parent / "almaflow.yaml"
    return load_project(settings) if settings.exists() else Project(file.parent, Settings(), None)


def _check(file: Path, figures: Figures) -> str:
    """Check *file* as `validate` does; returns what is wrong with the check."""
    _, problems = load_paths([file], _project_of(file))
    if not has_errors(problems):
        figures.valid += 1
    return _misplaced(problems, file)


def _misplaced(problems: list[Problem], file: Path) -> str:
    """Return the first problem whose place is not in *file*."""
    lines = file.read_bytes().decode("utf-8", "replace").replace("\r\n", "\n")
    rows = lines.replace("\r", "\n").split("\n")
    for one in problems:
        place = one.location
        if not place.file.endswith(file.name) or one.code in ("not-utf-8", "binary-file"):
            continue
        inside = 1 <= place.line <= len(rows)
        # The place behind the last character of a line is one as well; a mark at the beginning of
        # the file is no character of its text.
        if not inside or not 1 <= place.column <= len(rows[place.line - 1]) + 1:
            return f"a problem at {place}, which is not in the file: {one}"[:300]
    return ""


def _simulate(file: Path, figures: Figures) -> str:
    """Plan and simulate *file* through the command line; returns what ended in a defect."""
    figures.simulated += 1
    for words in (["plan", str(file)], ["run", str(file), "--simulate"]):
        printed, told = _Printed(), _Printed()
        began = time.process_time()
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(told):
            try:
                code = run_command_line(words)
            except (DocumentsInvalid, RequestWrong):
                continue
        if (took := time.process_time() - began) > LONGEST:
            return f"`{words[0]}` took {took:.1f} s"
        if code == EXIT_DEFECT:
            return f"`{words[0]}` ended with exit code 3: {told.getvalue()[:300]}"
    return ""


class _Printed(io.StringIO):
    """What a command printed, in a stream that can be told its encoding."""

    def reconfigure(self, **options: Any) -> None:
        """Every character is taken already."""
