"""5,000 runs that wait in one process: a quarter each for a time, a person, a place and Alma.

A real process with a real store, its Alma on a socket of another process; what Alma allows in
calls is kept.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter, defaultdict, deque
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from almaflow.alma.simulator import SimulatedAlma, parse_scenario
from almaflow.alma.simulator.http import SimulatorServer
from almaflow.clock import SystemClock
from almaflow.outcome import Status
from almaflow.plan import make_plan
from almaflow.settings import find_project
from almaflow.store import Store
from almaflow.workflow_loader import load_workflow
from tests.bench.figures import NotMeasured
from tests.bench.project import ROOT

KEY = "l8xx0123456789abcdef0123456789abcdef"
SET = {"id": "9800000000000001", "name": "Bench", "content": "PORTFOLIO", "members": 10}
JOB = f"{{job: M901, set: '{SET['id']}'}}"

# Jobs never end. The three places of the institution `near` are taken by the runs of `holds`. Of
# those that wait for Alma one half submitted their jobs, spread over a consortium in which that
# many may run; the other half follows a run that the Alma of `far` started by itself.
CONSORTIUM = [f"member{number:02}" for number in range(60)]
# As somebody would write it whose jobs take hours.
POLL = "defaults: {poll: {first: 1m, max: 2m}}\n"
WORKFLOWS = {
    "holds": f"institution: near\nsteps: [{{submit_job: {JOB}, timeout: 20h}}]\n",
    "time": "institution: near\nsteps: [{wait: 10h}]\n",
    "person": "institution: near\nsteps: [{id: x, approve: Go on?, timeout: 10h}]\n",
    "place": f"institution: near\nsteps: [{{submit_job: {JOB}, timeout: 20h}}]\n",
    "follow": f"institution: far\n{POLL}steps:\n"
    "  - timeout: 20h\n    wait_for_run:\n      job: M901\n"
    '      since: "{{ run.scheduled_at - days(1) }}"\n',
    "alma": 'inputs: {at: {type: string}}\ninstitution: "{{ inputs.at }}"\n'
    f"{POLL}steps: [{{submit_job: {JOB}, timeout: 20h}}]\n",
}
HOLDERS = 3
INSTITUTIONS = ("near", "far", *CONSORTIUM)

# All polls of a run that goes on for long come within this time (seconds).
POLLS = 120

SETTINGS = """\
default_institution: near
timezone: UTC
store: sqlite:///almaflow.db
institutions:
"""
INSTITUTION = """\
  {name}: {{base_url: "{url}", api_key: "env:KEY_{name}", environment: production, \
limits: {{running_jobs: {running}, starts_per_hour: 1000}}}}
"""


class Waiting:
    """A project with many runs that wait, and the process that works on them."""

    def __init__(self, folder: Path, count: int) -> None:
        self.folder = folder
        self.count = count
        scenario = {
            "jobs": [{"job": "*", "never_ends": True}],
            "sets": [SET],
            "other_runs": [{"job": "M901", "at": "0s", "by": "System", "institution": "far"}],
            "alma": {
                "running_jobs": count,
                "starts_per_hour": count,
                "calls_per_second": 100_000,
                "calls_per_minute": 6_000_000,
                "calls_per_day": 100_000_000,
            },
        }
        self.alma = SimulatedAlma(lambda: datetime.now(UTC), parse_scenario(scenario))
        for name in INSTITUTIONS:
            self.alma.add_institution(name, key=f"{KEY}{name}")
        self.server = SimulatorServer(self.alma).start()
        text = SETTINGS
        for name in INSTITUTIONS:
            running = HOLDERS if name == "near" else 100
            text += INSTITUTION.format(name=name, url=self.server.url, running=running)
        (self.folder / "almaflow.yaml").write_text(text, "utf-8")

    def record(self, name: str, count: int) -> None:
        """Record *count* runs of a workflow."""
        file = self.folder / f"{name}.yaml"
        file.write_text(WORKFLOWS[name], "utf-8")
        project = find_project(self.folder)
        now = SystemClock().now()
        loaded = load_workflow(file, project, file.name)
        members = CONSORTIUM if name == "alma" else [""]
        plans = [
            make_plan(loaded, project, {"at": at} if at else {}, run_id="x", now=now)
            for at in members
        ]
        with self.store() as store, store.batch():
            for number in range(count):
                id_ = f"{now:%Y%m%d-%H%M%S}-{name}{number:04}"
                plan = plans[number % len(plans)]
                store.add_run(plan.definition, replace(plan.record(), id=id_, key=id_))

    @property
    def keys(self) -> dict[str, str]:
        return {f"KEY_{name}": f"{KEY}{name}" for name in INSTITUTIONS}

    def store(self) -> closing[Store]:
        return closing(Store.open(f"sqlite:///{self.folder / 'almaflow.db'}", clock=SystemClock()))

    @contextmanager
    def process(self, waiting: int) -> Iterator[Worker]:
        """Work on all runs; gives the process when *waiting* runs wait."""
        words = [sys.executable, "-m", "tests.bench.worker", str(waiting)]
        began = time.perf_counter()
        process = subprocess.Popen(
            words,
            cwd=self.folder,
            env=os.environ | self.keys | {"PYTHONPATH": str(ROOT), "NO_PROXY": "*"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        try:
            if process.stdout.readline() != "all wait\n":
                raise NotMeasured("the process that works on the runs ended before all waited")
            yield Worker(process, time.perf_counter() - began)
        finally:
            process.send_signal(signal.SIGKILL)
            process.communicate()

    def begin(self) -> None:
        """Record all runs and bring them to where they wait; then their process is killed."""
        self.record("holds", HOLDERS)
        with self.process(HOLDERS):
            self.settled()
        quarter = self.count // 4
        for name in ("time", "person", "place"):
            self.record(name, quarter)
        for name in ("follow", "alma"):
            self.record(name, quarter // 2)
        with self.process(self.waiting):
            self.settled()

    @property
    def waiting(self) -> int:
        """How many runs wait: those that are asked for, and those that hold the places."""
        return self.count // 4 * 3 + self.count // 8 * 2 + HOLDERS

    def busiest(self, span: timedelta, since: datetime) -> int:
        """Return the most calls that came from one institution within *span*."""
        calls: dict[str, deque[datetime]] = defaultdict(deque)
        most = 0
        for one in self.alma.received():
            if one.at < since:
                continue
            recent = calls[one.institution]
            recent.append(one.at)
            while one.at - recent[0] >= span:
                recent.popleft()
            most = max(most, len(recent))
        return most

    def settled(self) -> None:
        """Return when the store shows that every run waits."""
        with self.store() as store:
            until = time.monotonic() + 60
            while True:
                states = Counter(record.status for record in store.runs(limit=self.count + 10))
                if set(states) == {Status.WAITING}:
                    return
                if time.monotonic() > until:
                    raise NotMeasured(f"after a minute the runs are {dict(states)}")
                time.sleep(0.2)


class Worker:
    """A process, and how many seconds it took until all runs waited."""

    def __init__(self, process: subprocess.Popen[str], seconds: float) -> None:
        self.process = process
        self.seconds = seconds

    @property
    def resident(self) -> float:
        """Its memory, in MiB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text("ascii")
        return int(status.split("VmRSS:")[1].split()[0]) / 1024

    @property
    def peak(self) -> float:
        status = Path(f"/proc/{self.process.pid}/status").read_text("ascii")
        return int(status.split("VmHWM:")[1].split()[0]) / 1024

    @property
    def cpu(self) -> float:
        """The seconds of processor time that it has used."""
        fields = (
            Path(f"/proc/{self.process.pid}/stat").read_text("ascii").rpartition(")")[2].split()
        )
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
