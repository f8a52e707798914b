"""`almaflow serve` in real time: killed, stopped, frozen and doubled while its timetables go on."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from almaflow.alma.simulator import Scenario, SimulatedAlma
from almaflow.alma.simulator.http import SimulatorServer
from almaflow.clock import SystemClock
from almaflow.outcome import Status
from almaflow.scheduler.ledger_audit import verify
from almaflow.store import Store
from almaflow.timetable_entries import timetable_from_json

KEY = "ALMA_KEY_OF_SOAK"

EVERY = "schedule: [{every: 2s, missed: all}]\n"
WORKFLOWS = {
    "says": EVERY + "steps: [{notify: tick}]\n",
    "looks": EVERY + "overlap: queue_all\nsteps: [{get: {path: /conf/jobs}}, {wait: 1s}]\n",
    "makes": "schedule: [{every: 2s}]\n"
    'steps:\n  - id: made\n    create_set: {name: "soak {{ run.id }}", content: ITEM, '
    'members: ["39031000000011"], id_type: BARCODE}\n'
    '  - delete_set: "{{ steps.made.set_id }}"\n',
    "waits": "schedule: [{every: 2s, jitter: 2s}]\noverlap: skip\nsteps: [{wait: 5s}]\n",
}


@dataclass
class Serving:
    """A project in *folder*, and the `serve` processes that work on it."""

    folder: Path
    address: str
    chance: random.Random
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)
    done: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        (self.folder / "workflows").mkdir()
        for name, text in WORKFLOWS.items():
            (self.folder / "workflows" / f"{name}.yaml").write_text(text, encoding="utf-8")
        (self.folder / "almaflow.yaml").write_text(
            f'institutions: {{main: {{base_url: "{self.address}", api_key: "env:{KEY}"}}}}\n'
            "store: sqlite:///soak.db\n",
            encoding="utf-8",
        )

    def start(self) -> None:
        """Start one more `serve`."""
        with (self.folder / "serve.log").open("ab") as log:
            self.processes.append(
                subprocess.Popen(
                    [sys.executable, "-m", "almaflow", "serve"],
                    cwd=self.folder,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                )
            )

    def go_on(self, seconds: float) -> None:
        """Let things happen for so long, then let what is left come to its end."""
        until = time.monotonic() + seconds
        self.start()
        while time.monotonic() < until:
            time.sleep(self.chance.uniform(2, 8))
            self._disturb()
        if not self.processes:
            self.start()
        self._quieten()
        self._wait_until_nothing_goes_on()
        for process in self.processes:
            process.send_signal(signal.SIGTERM)
        codes = {process.wait(60) for process in self.processes}
        self.done[f"exit codes {sorted(codes)}"] += 1

    def _disturb(self) -> None:
        what = self.chance.choice(["kill", "kill", "stop", "freeze", "second", "edit"])
        self.done[what] += 1
        match what:
            case "second":
                if len(self.processes) < 3:
                    self.start()
            case "edit":
                file = self.folder / "workflows" / "says.yaml"
                file.write_text(WORKFLOWS["says"] + f"# {self.chance.random()}\n", encoding="utf-8")
            case "freeze":
                process = self.chance.choice(self.processes)
                process.send_signal(signal.SIGSTOP)
                time.sleep(self.chance.uniform(0.5, 3))
                process.send_signal(signal.SIGCONT)
            case _:
                process = self.chance.choice(self.processes)
                process.send_signal(signal.SIGKILL if what == "kill" else signal.SIGTERM)
                process.wait(60)
                self.processes.remove(process)
                if not self.processes or self.chance.random() < 0.3:
                    self.start()

    def _quieten(self) -> None:
        """Let nothing more come due."""
        for name, text in WORKFLOWS.items():
            lines = text.replace("every: 2s", "dates: [2020-01-01]")
            (self.folder / "workflows" / f"{name}.yaml").write_text(lines, encoding="utf-8")

    def _wait_until_nothing_goes_on(self) -> None:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            time.sleep(1)
            with self._store() as store:
                unfinished = store.runs(statuses=[Status.QUEUED, Status.RUNNING, Status.WAITING])
                active = [one for one in store.schedules(active=True) if "every" in str(one)]
                if not unfinished and not store.open_ticks() and not active:
                    return
        self.done["gave up waiting"] += 1

    @contextmanager
    def _store(self) -> Iterator[Store]:
        store = Store.open(f"sqlite:///{self.folder / 'soak.db'}", clock=SystemClock())
        try:
            yield store
        finally:
            store.close()

    def wrongs(self) -> list[str]:
        """Return what is wrong with the ledger and the runs: nothing, it is to be hoped."""
        with self._store() as store:
            ticks, runs = store.ticks(), store.runs()
            checked = verify(store.schedules(), ticks, timetable_from_json, store_now())
            told = [fault.text for fault in checked.faults]
            told += [f"{tick} has no ending" for tick in ticks if tick.ending is None]
            told += [
                f"{run.id} ended as {run.outcome}"
                for run in runs
                if str(run.outcome) != "succeeded"
            ]
            instants = Counter((run.workflow, run.scheduled_at) for run in runs)
            told += [f"{which} ran {count} times" for which, count in instants.items() if count > 1]
            for ending, count in Counter(str(tick.ending) for tick in ticks).items():
                self.done[f"ticks {ending}"] += count
        return told


def store_now() -> datetime:
    return SystemClock().now()


def soak(seconds: float, folder: Path, seed: int) -> int:
    """Soak for so long; returns the exit code, after printing what happened."""
    alma = SimulatedAlma(SystemClock().now, Scenario())
    os.environ[KEY] = alma.add_institution("main")
    with SimulatorServer(alma) as server:
        serving = Serving(folder, server.url, random.Random(seed))
        serving.go_on(seconds)
        wrongs = serving.wrongs()
    left = [
        one.name for one in alma.institution("main").sets.values() if one.name.startswith("soak ")
    ]
    wrongs += [f"the set {name} is left" for name in left]
    happened = ", ".join(f"{count} {what}" for what, count in sorted(serving.done.items()))
    print(f"serve, seed {seed}: {happened}; {len(wrongs)} wrong")
    for told in wrongs:
        print(f"  {told}")
    return 1 if wrongs else 0
