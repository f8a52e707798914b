"""Real processes that are really killed, again and again, against an Alma on a real socket.

Several runs go on at once in one store, so every kill hits them at different steps: at a moment by
chance, or exactly when Alma has a request in its hands, before or after it has done what it was
asked. What the simulator knows must fit in the end.
"""

from __future__ import annotations

import os
import random
import signal
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from almaflow.alma.simulator import Reply, SimulatedAlma, parse_scenario
from almaflow.alma.simulator.http import SimulatorServer
from almaflow.cli.bootstrap import run_queue
from almaflow.clock import SystemClock
from almaflow.outcome import Outcome, Status
from almaflow.plan import make_plan
from almaflow.settings import Project, find_project
from almaflow.store import EntryState, SlotState, Store
from almaflow.workflow_loader import LoadedWorkflow, load_workflow
from tests.sweep.people import retry, was_lost_twice
from tests.workers import MEMBERS, WORKFLOW, Work, Worker

KEY = "l8xx0123456789abcdef0123456789abcdef"

# Institutions of one consortium, so that more than three jobs run at a time.
PLACES = ("north", "south", "east", "west")

FILE = "sqlite:///almaflow.db"

# A run whose submission was lost shows at once here; it need not be waited for as long as usual.
SETTINGS = """\
default_institution: north
timezone: UTC
store: {store}
institutions:
"""
INSTITUTION = """\
  {name}: {{base_url: "{url}", api_key: "env:KEY_{name}", environment: production, settle: 3s, \
limits: {{starts_per_hour: 1000, calls_per_second: 500, calls_per_minute: 30000}}}}
"""


@dataclass
class Yard:
    """A project, its store, and an Alma that kills whoever talks to it when it is told to."""

    folder: Path
    alma: SimulatedAlma
    server: SimulatorServer
    store_url: str
    shared: bool = False
    """Whether workers take the runs from a queue in the store."""

    def __post_init__(self) -> None:
        # An address with a password does not belong into the file.
        text = SETTINGS.format(store="env:STORE" if "@" in self.store_url else self.store_url)
        text += "".join(INSTITUTION.format(name=name, url=self.server.url) for name in PLACES)
        (self.folder / "almaflow.yaml").write_text(text, "utf-8")
        (self.folder / "work.yaml").write_text(WORKFLOW, "utf-8")
        self._answer = self.alma.handle
        self.alma.handle = self._handle  # type: ignore[method-assign]
        self._lock = threading.Lock()
        self._trap: _Trap | None = None
        self._shared_store: Store | None = None
        self._recorded = 0
        self.made: Counter[str] = Counter()
        """How often each set was made, by name."""
        self.over_limits = 0
        """How many submissions Alma refused because too many jobs were running."""
        self.members: dict[str, int] = {}
        """How many members each set had when it was last looked at, by id."""

    @property
    def environment(self) -> Mapping[str, str]:
        keys = {f"KEY_{name}": f"{KEY}{name}" for name in PLACES}
        # Where the lock files of a store in PostgreSQL lie.
        state = {name: os.environ[name] for name in ("XDG_STATE_HOME",) if name in os.environ}
        return {**keys, **state, "STORE": self.store_url, "NO_PROXY": "*"}

    @contextmanager
    def store(self) -> Iterator[Store]:
        """Open the store as another process does; a shared one stays open until `close`.

        A player asks it many times a second, and each connection costs the server a process.
        """
        if not self.shared:
            url = self.store_url.replace(FILE, f"sqlite:///{self.folder / 'almaflow.db'}")
            with closing(Store.open(url, clock=SystemClock())) as store:
                yield store
            return
        if self._shared_store is None:
            queue = run_queue(self.store_url)
            self._shared_store = Store.open(self.store_url, clock=SystemClock(), queue=queue)
        yield self._shared_store

    def close(self) -> None:
        """Close a shared store until it is needed again."""
        if self._shared_store is not None:
            self._shared_store.close()
            self._shared_store = None

    @cached_property
    def _work(self) -> tuple[Project, LoadedWorkflow]:
        project = find_project(self.folder)
        return project, load_workflow(self.folder / "work.yaml", project, "work.yaml")

    def record(self, count: int, at: Sequence[str] = PLACES) -> list[str]:
        """Record runs that wait for somebody who works on them; return their ids.

        They are *at* these institutions by turns.
        """
        (project, loaded), now = self._work, SystemClock().now()
        ids = []
        with self.store() as store, store.batch():
            plans = [make_plan(loaded, project, {"at": one}, run_id="x", now=now) for one in at]
            start = self._recorded
            self._recorded += count
            for number in range(start, start + count):
                plan = plans[number % len(plans)]
                ids.append(f"{now:%Y%m%d-%H%M%S}-{number:05}")
                made = replace(plan.record(), id=ids[-1], key=ids[-1])
                store.add_run(plan.definition, made)
        return ids

    def alive(self) -> int:
        """Return how many processes work with the store, as far as it knows."""
        with self.store() as store, store._database.read() as connection:
            return int(connection.value("SELECT count(*) FROM processes WHERE left_at IS NULL"))

    def unfinished(self) -> int:
        with self.store() as store:
            return len(store.runs(statuses=(Status.QUEUED, Status.RUNNING, Status.WAITING)))

    def worker(self, **more: Any) -> Worker:
        return Worker(Work(self.folder, self.environment, **more))

    # Alma's side

    def arm(self, pid: int, left: int, *, done: bool) -> None:
        """Let the *left*th request from now be the last of the process *pid*.

        It dies before Alma has the request, or when Alma has *done* what it was asked.
        """
        with self._lock:
            self._trap = _Trap(pid, left, done)

    def disarm(self) -> None:
        with self._lock:
            self._trap = None

    def _handle(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Reply:
        with self._lock:
            trap = self._trap
            strikes = trap is not None and trap.is_sprung()
            if trap is not None and strikes and not trap.done:
                trap.strike()
                raise ConnectionResetError("whoever asked this is dead")
            reply = self._answer(method, target, headers, body)
            self.over_limits += reply.status == 400 and b"40222" in reply.body
            if method == "POST":
                self._look_at_sets()
            if trap is not None and strikes:
                trap.strike()
            return reply

    def _look_at_sets(self) -> None:
        for name in PLACES:
            for id_, alma_set in self.alma.institution(name).sets.items():
                if alma_set.created_by == "exl_api":
                    self.made[alma_set.name] += id_ not in self.members
                    self.members[id_] = len(alma_set.members)

    def help_out(self) -> int:
        """Be the person who tells what became of submissions that nobody else can tell of.

        Two deaths before the same job leaves are as good as two lost answers: then somebody is
        asked. A run that failed because Alma lost a set or its members twice is retried. Returns
        how often there was something to do.
        """
        told = 0
        ran = {dict(one.parameters)["job_name"]: one for one in self.alma.submissions()}
        with self.store() as store:
            for record in store.runs(outcomes=(Outcome.FAILED,)):
                journal = store.journal(record.id)
                if was_lost_twice(record, journal):
                    retry(store, record, journal)
                    told += 1
            with store.read() as tx:
                lost = tx.column("SELECT DISTINCT run_id FROM journal WHERE state = 'lost'")
            for record in map(store.run, lost):
                if record.status is not Status.WAITING:
                    continue
                for entry in store.journal(record.id):
                    trace = entry.value["trace"] if entry.state is EntryState.LOST else None
                    if not trace or "marker" not in trace:
                        continue
                    marker = trace["marker"]
                    found = [one.instance_id for name, one in ran.items() if marker in name]
                    value = {
                        "attempt": entry.attempt,
                        "effect": entry.effect,
                        "instance_id": found[0] if found else None,
                    }
                    store.add_answer(record.id, entry.path, "resolve", value, "somebody")
                    told += 1
        return told

    # What must hold

    @staticmethod
    def _adopted(store: Store, run_id: str) -> list[str]:
        """Return the runs in Alma that the submissions of a run are said to have started."""
        return [
            entry.value["result"]
            for entry in store.journal(run_id)
            if entry.request_hash
            and (entry.value["trace"] or {}).get("trace") == "run"
            and entry.state is EntryState.DONE
        ]

    def wrongs(self) -> Wrongs:
        """Return what was done twice, and what was lost; everything should have ended."""
        found = Wrongs()
        names = [dict(one.parameters)["job_name"] for one in self.alma.submissions()]
        ran = {one.instance_id for one in self.alma.submissions()}
        running = {run.id for run in self.alma.instances() if not run.is_over(datetime.now(UTC))}
        with self.store() as store:
            for record in store.runs(workflow="work"):
                found.runs += 1
                markers = [
                    entry.value["trace"]["marker"]
                    for entry in store.journal(record.id)
                    if entry.request_hash and (entry.value["trace"] or {}).get("marker")
                ]
                jobs = sum(any(marker in name for marker in markers) for name in names)
                found.foreign += [one for one in self._adopted(store, record.id) if one not in ran]
                sets = self.made[f"items {record.id}"]
                # Each attempt at a run may make its set anew.
                found.doubles += max(0, jobs - 1) + max(0, sets - record.attempt)
                if (record.outcome, jobs, sets > 0) != (Outcome.SUCCEEDED, 1, True):
                    told = f"{record.status} {record.outcome} {record.reason}{record.error}"
                    found.lost.append(f"{record.id}: {jobs} jobs, {sets} sets; {told}")
                for place in store.slots_of(record.id):
                    if place.state is SlotState.TAKEN and place.instance_id not in running:
                        found.lost.append(f"{record.id}: its place is kept")
        found.lost += [f"set {id_}: {n} members" for id_, n in self.members.items() if n != MEMBERS]
        return found


@dataclass
class Wrongs:
    """What a yard finds in the end."""

    runs: int = 0
    doubles: int = 0
    lost: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)
    """Runs of other API users that were adopted."""


class _Trap:
    """A request that is somebody's last."""

    def __init__(self, pid: int, left: int, done: bool) -> None:
        self._pid = pid
        self._left = left
        self.done = done

    def is_sprung(self) -> bool:
        self._left -= 1
        return self._left == 0

    def strike(self) -> None:
        with suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGKILL)


@contextmanager
def make_yard(
    folder: Path, store_url: str = FILE, *, shared: bool = False, **scenario: Any
) -> Iterator[Yard]:
    """Open a yard; *scenario* says how Alma is furnished, beside its quick jobs."""
    quick: dict[str, Any] = {
        "jobs": [{"job": "*", "duration": "1m"}],
        "alma": {
            "speed": 100,
            "starts_per_hour": 10_000,
            "calls_per_second": 10_000,
            "calls_per_minute": 600_000,
        },
    }
    alma = SimulatedAlma(lambda: datetime.now(UTC), parse_scenario({**quick, **scenario}))
    for name in PLACES:
        alma.add_institution(name, key=f"{KEY}{name}")
    with (
        SimulatorServer(alma) as server,
        closing(Yard(folder, alma, server, store_url, shared)) as yard,
    ):
        yield yard


# --- killing --------------------------------------------------------------------------------------

# A store has always so many runs that a kill hits several of them.
AT_ONCE = 10


def kill_again_and_again(yard: Yard, kills: int, chance: random.Random) -> int:
    """Kill processes that work on the runs of *yard*, then let one bring them to their end.

    Returns how many were killed by SIGKILL; who was done before that does not count.
    """
    killed = 0
    while killed < kills:
        if yard.unfinished() < AT_ONCE // 2:
            yard.record(AT_ONCE)
        killed += kill_one(yard, chance)
    assert yard.worker().ended() == 0
    while yard.help_out():
        assert yard.worker().ended() == 0
    return killed


def kill_one(yard: Yard, chance: random.Random) -> bool:
    """Start a process and kill it, at a request or at any moment; return whether it was killed."""
    worker = yard.worker()
    if chance.random() < 0.7:
        yard.arm(worker.pid, chance.randint(1, 25), done=chance.random() < 0.5)
        worker.ends_within(1.0)
    else:
        worker.ends_within(chance.uniform(0.02, 0.5))
    code = worker.kill()
    yard.disarm()
    assert code in (0, -signal.SIGKILL), code
    return code != 0
