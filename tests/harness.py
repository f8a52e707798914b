"""Workflows played on the simulated Alma in virtual time, with crashes where a test wants them.

A `Stage` holds what outlives a process: the Alma, the clock and the store's file. Each `run` or
`resume` is a process of its own, with an engine of its own. A crash throws everything in memory
away at a chosen journal write or HTTP request, and lets the store be opened anew.
"""

from __future__ import annotations

import random
import textwrap
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import anyio

from almaflow.alma.client import AlmaClient
from almaflow.alma.simulator import Fault, Reply, SimulatedAlma, Submission, parse_scenario
from almaflow.alma.transport import InProcessTransport, Transport
from almaflow.clock import sleep
from almaflow.connectors.base import ExternalSystems
from almaflow.connectors.simulated import SimulatedSystems
from almaflow.engine.alma_writes.institutions import InstitutionConnection
from almaflow.engine.engine import Engine
from almaflow.expressions.serialization import decode
from almaflow.plan import Plan, make_plan
from almaflow.redaction import Mask, reveal
from almaflow.runs.events import EventKind, RunEvent
from almaflow.settings import Project, find_project
from almaflow.store import EntryState, JournalEntry, LogEntry, RunRecord, Store, liveness
from almaflow.store.locks import EVERYTHING, Locks
from almaflow.store.writer import StoreWriter, _Call
from almaflow.virtual_time import VirtualClock, run_virtual
from almaflow.workflow_loader import load_workflow

# How often engines look into the store for what people want of them. In a process it is every
# second; an hour of virtual time would be 3,600 looks. Tests that need it set it.
LOOK = timedelta(seconds=15)

# For how long a process lives without a sign of life; it gives four in that time.
LEASE = liveness.LEASE

START = datetime(2026, 3, 2, 8, 15, tzinfo=UTC)

T = TypeVar("T")

Beside = Callable[["Process"], Coroutine[Any, Any, None]]
"""What else happens while a process works, such as a person who cancels."""


class Crash(BaseException):
    """The process is gone: nothing catches it, nothing more is written."""


@dataclass
class Boundary:
    """Counts the journal's commits and the requests of a process, and crashes it at one.

    *at* counts from 1; None never crashes. *what* is `commit` or `request`; with *after* the
    commit is on the disk, or Alma has done what it was asked, before the crash.
    """

    what: str = ""
    at: int | None = None
    after: bool = False
    counts: dict[str, int] = field(default_factory=lambda: {"commit": 0, "request": 0})
    crashed: bool = False
    crash: Callable[[], None] = lambda: None

    @contextmanager
    def around(self, what: str) -> Iterator[None]:
        self.counts[what] += 1
        struck = (what, self.counts[what]) == (self.what, self.at)
        if struck and not self.after:
            self._die()
        yield
        if struck:
            self._die()

    def _die(self) -> None:
        self.crashed = True
        self.crash()
        raise Crash

    @contextmanager
    def of_process(self, store: Store) -> Iterator[None]:
        """Let a process with *store* die of a crash, and of nothing else."""
        # What a dying process still does is not recorded: its store is closed.
        self.crash = store.close
        batch = store.batch

        @contextmanager
        def guarded(locks: Locks = EVERYTHING) -> Iterator[None]:
            with self.around("commit"), batch(locks):
                yield

        store.batch = guarded  # type: ignore[method-assign]
        try:
            yield
        except BaseException:
            if not self.crashed:
                raise
        finally:
            store.close()


class WallClock(VirtualClock):
    """A virtual clock that somebody may set; Alma's goes by the true time."""

    def __init__(self, start: datetime) -> None:
        super().__init__(start)
        self._off = timedelta()
        self._sleepers: set[anyio.Event] = set()

    def now(self) -> datetime:
        return self.true_now() + self._off

    def true_now(self) -> datetime:
        return super().now()

    def elapsed(self) -> float:
        return (self.true_now() - self.start).total_seconds()

    async def sleep_until(self, instant: datetime) -> None:
        await anyio.lowlevel.checkpoint()
        while (left := (instant - self.now()).total_seconds()) > 0:
            changed = anyio.Event()
            self._sleepers.add(changed)
            try:
                with anyio.move_on_after(left):
                    await changed.wait()
            finally:
                self._sleepers.discard(changed)

    def set(self, **by: float) -> None:
        """Set it forward, or back, such as `set(hours=-1)`; who sleeps looks at it again."""
        self._off += timedelta(**by)
        for changed in self._sleepers:
            changed.set()


class AtOnce(StoreWriter):
    """Calls the store where it is asked to, without a thread of its own.

    So the order of calls at one virtual instant does not depend on the real machine.
    """

    async def _result_of(self, call: _Call[T]) -> T:
        call.make()
        return call.result()


class Ears:
    """Keeps what onlookers hear."""

    def __init__(self) -> None:
        self.events: list[RunEvent] = []

    def receive(self, event: RunEvent) -> None:
        self.events.append(event)


@dataclass
class Process:
    """One process at work on one run."""

    stage: Stage
    store: Store
    engine: Engine
    run_id: str
    scope: anyio.CancelScope

    def interrupt(self) -> None:
        """Press Ctrl-C."""
        self.scope.cancel()

    def cancel(self, by: str) -> None:
        """Cancel the run at this instant, as the engine does when it sees that *by* asked."""
        self.engine._runs.cancel(self.run_id, by)

    async def wait(self, **duration: float) -> None:
        """Let virtual time pass, such as `wait(minutes=5)`."""
        await anyio.sleep(timedelta(**duration).total_seconds())


def after(act: Callable[[Process], object], **duration: float) -> Beside:
    """Do something to a process after a while."""

    async def beside(process: Process) -> None:
        await process.wait(**duration)
        act(process)

    return beside


def interrupt_after(**duration: float) -> Beside:
    """Press Ctrl-C after a while."""
    return after(Process.interrupt, **duration)


def cancel(process: Process) -> None:
    process.cancel("anna")


@dataclass
class Played:
    """A run as it is when a process has left it."""

    record: RunRecord
    journal: list[JournalEntry]
    log: list[LogEntry]
    heard: list[RunEvent]
    interrupted: bool = False

    @property
    def ended(self) -> tuple[str | None, str]:
        """The run's outcome (None: unfinished) and its error."""
        return (self.record.outcome and self.record.outcome.value), self.record.error

    @property
    def outcome(self) -> str | None:
        return self.ended[0]

    @property
    def minutes(self) -> float:
        """After how many minutes the run ended."""
        assert self.record.ended_at is not None
        return (self.record.ended_at - START) / timedelta(minutes=1)

    @property
    def steps(self) -> dict[str, dict[str, Any]]:
        """What each step that ended, by its path, gives to later ones: its last attempt's."""
        ends = [entry for entry in self.journal if entry.effect == "end"]
        return {entry.path: decode(entry.value["facts"], UTC) for entry in ends}

    @property
    def outcomes(self) -> dict[str, str]:
        return {path: facts["outcome"] for path, facts in self.steps.items()}

    def entry(self, path: str, effect: str, attempt: int = 1) -> JournalEntry:
        """Return an entry of the journal."""
        key = (path, effect, attempt)
        return next(one for one in self.journal if (one.path, one.effect, one.attempt) == key)

    def state(self, path: str, effect: str, attempt: int = 1) -> EntryState:
        return self.entry(path, effect, attempt).state

    def said(self, kind: EventKind = EventKind.SAID) -> list[str]:
        """Return the texts of the log's lines of one kind."""
        return [event.text for event in self.log if event.kind == kind.value]

    @property
    def said_waiting(self) -> list[str]:
        """Return for what the steps waited, in order."""
        return self.said(EventKind.WAITING)

    @property
    def requests(self) -> list[dict[str, Any]]:
        """What this process sent, as onlookers hear it."""
        return [one.data["request"] for one in self.heard if one.kind is EventKind.REQUEST]


# Where it is set, every stage has its store at the address that this makes; see `each_store` in
# tests/engine.
new_store: Callable[[], str] | None = None


class Stage:
    """An Alma, a clock and a store that outlive the processes which use them.

    *scenario* is a simulator's scenario as a mapping; *settings* the text of almaflow.yaml.
    *connection* is what almaflow.yaml says of every institution: `environment`, `code`, `settle` …
    *alma_ahead* is how far Alma's clock goes ahead of ours; it may be changed while a run goes.
    With *durable* the store is a file, with *postgres* it is the database at that address, else it
    is kept in memory from process to process.
    """

    def __init__(
        self,
        folder: Path,
        scenario: Mapping[str, Any] | None = None,
        *,
        settings: str | None = None,
        durable: bool = False,
        postgres: str = "",
        environment: str = "production",
        start: datetime = START,
        connection: Mapping[str, Any] | None = None,
        alma_ahead: timedelta = timedelta(),
    ) -> None:
        self.folder = folder
        self.clock = WallClock(start)
        self.alma_ahead = alma_ahead
        self.alma = SimulatedAlma(
            lambda: self.clock.true_now() + self.alma_ahead, parse_scenario(scenario)
        )
        self.environment = environment
        self.boundary = Boundary()
        self.outside: ExternalSystems = SimulatedSystems(self.clock.now, (), lambda: ())
        self.settings = settings
        self.key: str | None = None
        """The API key of every institution; None: one that Alma makes up."""
        self._connection = dict(connection or {})
        if settings is not None:
            (folder / "almaflow.yaml").write_text(textwrap.dedent(settings), encoding="utf-8")
        self._postgres = postgres or (new_store() if new_store else "")
        in_memory = not (durable or self._postgres)
        self._memory = Store.open("sqlite://", clock=self.clock) if in_memory else None
        self._runs = 0

    @property
    def project(self) -> Project:
        return find_project(self.folder)

    @property
    def store_file(self) -> Path:
        return self.folder / "almaflow.db"

    def open_store(self, **options: Any) -> Store:
        """Return the store, as a process opens it."""
        if self._memory is not None:
            return self._memory
        options = {"lease": LEASE} | options
        if self._postgres:
            return Store.open(self._postgres, clock=self.clock, **options)
        return Store.open(f"sqlite:///{self.store_file}", clock=self.clock, **options)

    def write(self, name: str, text: str) -> Path:
        """Write a file beside the workflow."""
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(text), encoding="utf-8")
        return file

    # --- processes --------------------------------------------------------------------------------

    def run(self, workflow: str, *, beside: Beside | None = None, **inputs: Any) -> Played:
        """Record a run of the workflow whose text is given and work on it."""
        self.add(workflow, **inputs)
        return self.resume(beside=beside)

    def add(self, workflow: str, *, format: int = 1, **inputs: Any) -> RunRecord:
        """Record a run, which `resume` then begins."""
        plan = self.plan(workflow, **inputs)
        with self.using_store() as store:
            return store.add_run(plan.definition, replace(plan.record(), format=format))

    def plan(self, workflow: str, **inputs: Any) -> Plan:
        """Return the plan of a run of the workflow whose text is given."""
        file = self.write("test.yaml", workflow)
        simulated = self.settings is None
        loaded = load_workflow(file, self.project, "test.yaml", simulated=simulated)
        self._runs += 1
        run_id = f"{self.clock.now():%Y%m%d-%H%M%S}-aaa{self._runs:02}"
        return make_plan(
            loaded,
            self.project,
            inputs,
            run_id=run_id,
            now=self.clock.now(),
            simulated=simulated,
        )

    def resume(self, *, beside: Beside | None = None, part: str = "last") -> Played:
        """Be a new process that goes on with the newest run until it can get no further."""
        ears = Ears()
        store = self.open_store()
        run_id = store.find_run(part).id
        engine = self.engine(store, ears)

        async def main() -> bool:
            with anyio.CancelScope() as scope:
                process = Process(self, store, engine, run_id, scope)
                async with engine.running(), anyio.create_task_group() as tasks:
                    if beside is not None:
                        tasks.start_soon(beside, process)
                    await engine.work_on(run_id)
                    tasks.cancel_scope.cancel()
            return scope.cancelled_caught

        interrupted = False
        if self._memory is not None:
            interrupted = _unwrapped(main)
        else:
            with self.boundary.of_process(store):
                interrupted = _unwrapped(main)
        return self.look(run_id, ears, interrupted)

    def look(self, run_id: str, ears: Ears | None = None, interrupted: bool = False) -> Played:
        """Return a run as the store has it."""
        with self.using_store() as store:
            return Played(
                store.run(run_id),
                store.journal(run_id),
                store.events(run_id),
                ears.events if ears else [],
                interrupted,
            )

    def crash(self, workflow: str, what: str, at: int, *, after: bool) -> Played:
        """Run a workflow, and crash at the *at*th `commit` or `request`, before or after it."""
        self.boundary = Boundary(what, at, after)
        played = self.run(workflow)
        self.boundary = Boundary()
        return played

    @contextmanager
    def using_store(self) -> Iterator[Store]:
        store = self.open_store()
        try:
            yield store
        finally:
            if self._memory is None:
                store.close()

    def pass_time(self, **duration: float) -> None:
        """Let time pass while no process is at work."""
        run_virtual(sleep, self.clock, timedelta(**duration))

    # --- parts ------------------------------------------------------------------------------------

    def engine(self, store: Store, ears: Ears, look: timedelta | None = None) -> Engine:
        """Return an engine; *look* is how often it looks into the store, as a rule `LOOK`."""
        return Engine(
            store=store,
            clock=self.clock,
            project=self.project,
            open_connection=self.open_connection,
            listener=ears,
            mask=Mask(self.project.known_secrets()),
            chance=random.Random(0),
            outside=self.outside,
            look=look or LOOK,
        )

    def transport(self) -> Transport:
        """Return what carries requests to the Alma."""
        return InProcessTransport(self._handle)

    def open_connection(self, name: str) -> InstitutionConnection:
        """Open an institution; each exists as soon as somebody asks for it."""
        project = self.project
        client = AlmaClient(
            name,
            self.transport(),
            key=self.alma.add_institution(name, environment=self.environment, key=self.key),
            clock=self.clock,
            reveal=lambda value: reveal(value, project.secret),
            mask=Mask(project.known_secrets()),
        )
        return InstitutionConnection(name, client, self.alma.link_base, **self._connection)

    def _handle(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Reply:
        with self.boundary.around("request"):
            return self.alma.handle(method, target, headers, body)

    # --- the truth --------------------------------------------------------------------------------

    def fault(self, kind: str, **more: Any) -> None:
        """Let something go wrong from now on."""
        self.alma.add_fault(Fault.model_validate({"kind": kind, **more}))

    @property
    def submissions(self) -> list[Submission]:
        """The runs that Alma has really started for callers of the API."""
        return self.alma.submissions()

    def sent(self, call: str) -> int:
        """Return how often a call such as `submit` came in."""
        return len(self.alma.received(call))

    def done(self, call: str) -> int:
        """Return how often Alma really did what a call asked for."""
        return sum(
            1 for one in self.alma.received(call) if one.processed and one.status in (200, 204)
        )

    def new_sets(self) -> dict[str, int]:
        """Return the sets that were made through the API, with how many members they have."""
        main = self.alma.institution("main")
        ours = {one.name for one in main.sets.values() if one.created_by == "exl_api"}
        return {name: count for name, count in self.alma.sets("main").items() if name in ours}


def _unwrapped(main: Callable[[], Awaitable[bool]]) -> bool:
    """Run in virtual time; an error that comes alone in a group comes alone."""
    try:
        return run_virtual(main)
    except BaseExceptionGroup as group:
        found: BaseException = group
        while isinstance(found, BaseExceptionGroup) and len(found.exceptions) == 1:
            found = found.exceptions[0]
        raise found from None
