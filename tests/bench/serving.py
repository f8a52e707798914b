"""What timetables cost: laying them out, beginning ticks on time, and a `serve` that only waits."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from cronsim import CronSim

from almaflow.clock import SystemClock
from almaflow.store import Store
from almaflow.timetable import Timetable
from tests.bench.figures import Amount, Figure, NotMeasured, Proof
from tests.scheduler.test_year import _play
from tests.scheduler.year import Year

WORKFLOWS = 100
ENTRIES = 1000

# How long a `serve` is watched while it only waits (seconds).
IDLE = 20.0

ZONE = ZoneInfo("Europe/Zurich")

_SETTINGS = """\
timezone: Europe/Zurich
institutions: {main: {region: eu, api_key: "env:ALMA_KEY_OF_BENCH"}}
"""

# A hundred lines, as files have them.
_STEPS = "".join(f"  - id: s{number}\n    notify: step {number}\n" for number in range(48))


def year_of_ticks(_folder: Path, repeat: int) -> Iterator[Figure]:
    """A year of ticks for daily workflows, beside cronsim alone."""
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    end = begin + timedelta(days=365)
    crons = [f"{number % 60} {number % 24} * * *" for number in range(WORKFLOWS)]

    def ours() -> None:
        for cron in crons:
            assert len(list(Timetable(ZONE, cron=cron).between(begin, end))) >= 364

    def theirs() -> None:
        for cron in crons:
            ticks = CronSim(cron, begin.astimezone(ZONE))
            while next(ticks) < end:
                pass

    yield Figure(
        f"a year of ticks for {WORKFLOWS} daily workflows laid out",
        statistics.median(_timed(ours) for _ in range(repeat)),
        "cronsim alone",
        statistics.median(_timed(theirs) for _ in range(repeat)),
        2.0,
        "at most 2 s",
    )


def year_of_schedulers(folder: Path, _: int) -> Iterator[Proof]:
    """A year of a hundred workflows while schedulers die, clocks are set and files change."""
    chance = random.Random(0)
    kinds = ("kill", "serve", "edit", "remove", "break", "forward", "back", "away")
    acts = sorted(
        (chance.randrange(365 * 24), chance.choice(kinds), chance.randrange(100)) for _ in range(40)
    )
    year = Year(folder / "year", 100, 0)
    asyncio.run(_play(year, acts))
    ticks = sum(year.endings().values())
    faults = year.faults()
    year.store.close()
    yield Proof(
        "a year of timetables: ticks without a row, twice, or run twice",
        len(faults),
        f"{ticks} ticks, {len(acts)} disturbances",
    )


def _timed(function: object) -> float:
    assert callable(function)
    begin = time.perf_counter()
    function()
    return time.perf_counter() - begin


def a_serve(folder: Path, _: int) -> Iterator[Figure | Amount]:
    """A real `serve`: its start, what it costs while nothing is due, and ticks all at once."""
    if not Path("/proc/self/stat").exists():
        raise NotMeasured("it needs /proc")
    os.environ["ALMA_KEY_OF_BENCH"] = "l8xx"
    yield from _start_and_idle(folder / "idle")
    yield from _all_at_once(folder / "crowd")


def _start_and_idle(folder: Path) -> Iterator[Figure | Amount]:
    _project(folder)
    for number in range(WORKFLOWS):
        _workflow(folder, number, 'schedule: [{cron: "0 0 1 1 *"}]\n', _STEPS)
    begin = time.perf_counter()
    with _serve(folder) as (process, log):
        _wait_for(log, "stand.", 60)
        yield Figure(
            f"serve: from its start until {WORKFLOWS} files of 100 lines stand",
            time.perf_counter() - begin,
            at_most=3.0,
            bound="at most 3 s",
        )
        time.sleep(3)
        before = _processor(process.pid)
        time.sleep(IDLE)
        used = 100 * (_processor(process.pid) - before) / IDLE
        yield Amount(
            f"serve: idle, {WORKFLOWS} workflows", used, "% of a core", 1.0, f"over {IDLE:g} s"
        )
        yield Amount("serve: memory while idle", _memory(process.pid), "MiB", 120)


def _all_at_once(folder: Path) -> Iterator[Figure]:
    """A thousand entries: the ticks of some come due while the others wait."""
    _project(folder)
    at = SystemClock().now() + timedelta(seconds=30)
    for number in range(WORKFLOWS):
        entries = [f'{{id: e{one}, cron: "{one % 60} 5 {one % 28 + 1} 1 *"}}' for one in range(9)]
        due = at + timedelta(seconds=number % 10)
        entries.append(f"{{id: now, dates: ['{due:%Y-%m-%dT%H:%M:%S}Z']}}")
        schedule = "".join(f"  - {entry}\n" for entry in entries)
        _workflow(folder, number, f"schedule:\n{schedule}", "  - notify: tick\n")
    with _serve(folder) as (_, log):
        _wait_for(log, "stand.", 60)
        left = (at - SystemClock().now()).total_seconds() + 15
        time.sleep(max(0.0, left))
    store = Store.open(f"sqlite:///{folder / 'bench.db'}", clock=SystemClock())
    late = [
        (run.started_at - run.scheduled_at).total_seconds()
        for run in store.runs()
        if run.started_at is not None
    ]
    store.close()
    if len(late) != WORKFLOWS:
        raise NotMeasured(f"{len(late)} of {WORKFLOWS} ticks became runs in time")
    yield Figure(
        f"the latest of {WORKFLOWS} ticks, 10 at a time, among {ENTRIES} entries",
        max(late),
        "the median",
        statistics.median(late),
        1.0,
        "at most 1 s",
    )


def _project(folder: Path) -> None:
    (folder / "workflows").mkdir(parents=True)
    text = _SETTINGS + "store: sqlite:///bench.db\n"
    (folder / "almaflow.yaml").write_text(text, encoding="utf-8")


def _workflow(folder: Path, number: int, schedule: str, steps: str) -> None:
    file = folder / "workflows" / f"w{number:03}.yaml"
    file.write_text(f"{schedule}steps:\n{steps}", encoding="utf-8")


@contextmanager
def _serve(folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    log = folder / "serve.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "almaflow", "serve"],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
        )
        try:
            yield process, log
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


def _wait_for(log: Path, text: str, patience: float) -> None:
    deadline = time.monotonic() + patience
    while text not in log.read_text("utf-8"):
        if time.monotonic() > deadline:
            raise NotMeasured(f"`serve` did not get so far: {log.read_text('utf-8')[-300:]}")
        time.sleep(0.02)


def _processor(pid: int) -> float:
    """Return the seconds of processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _memory(pid: int) -> float:
    """Return the resident memory of a process in MiB."""
    status = Path(f"/proc/{pid}/status").read_text("utf-8")
    line = next(one for one in status.splitlines() if one.startswith("VmRSS"))
    return int(line.split()[1]) / 1024
