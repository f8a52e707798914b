"""The runs of one process: records them, works on them, gives them back when it stops."""

from __future__ import annotations

import os
import platform
import random
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import anyio
from anyio.abc import TaskGroup

from almaflow import __version__
from almaflow.clock import Clock, sleep
from almaflow.connectors.base import NoWayOutside, Outside
from almaflow.engine.alma_writes.admission import Admission
from almaflow.engine.alma_writes.institutions import Institutions, OpenDoor
from almaflow.engine.approvals import Asker, NobodyHere, People
from almaflow.engine.journal import RunJournal
from almaflow.engine.lease import Lease, Silence
from almaflow.engine.log import Log, no_log
from almaflow.engine.notifications import TRIED_LATER
from almaflow.engine.outbox import Outbox
from almaflow.engine.resources import Services
from almaflow.engine.runner import Runner, Suspended
from almaflow.engine.simulated_waits import SimulatedWaits
from almaflow.errors import AlmaflowError, StoreError
from almaflow.plan import FORMAT, Plan, recorded_plan
from almaflow.redaction import Mask
from almaflow.runs.events import EventKind, Listener, NoListener, RunEvent
from almaflow.runs.job_durations import Durations
from almaflow.settings import Project
from almaflow.store import (
    Claim,
    ClaimLost,
    LeaseLost,
    Line,
    LoadedRun,
    Process,
    RunHeld,
    RunRecord,
    Store,
    StoreTrouble,
)
from almaflow.store.writer import StoreWriter
from almaflow.task_groups import alone
from almaflow.thread_pool import ThreadPool
from almaflow.waiting import Waiting, WaitingKind

# How often the store is asked what people, and other processes, want of this one.
LOOK = timedelta(seconds=1)

# How long a store that refuses is left alone before the run that met it continues.
STORE_AGAIN = timedelta(seconds=10)

_INTERRUPTED = "Interrupted; continue it with `almaflow resume`."
_STOPPED = "Stopped; it continues when `almaflow serve` is started again."

# How many definitions are kept, so that runs of one workflow need not each read theirs.
_DEFINITIONS = 64

# Blocking calls of steps, such as fetching files, that are under way at a time.
_THREADS = 8


@dataclass
class Engine:
    """Executes runs; use `running()` around everything else.

    *people* can be asked here when a step waits for a person; *outside* is the
    way to files and channels. With *hold* a run that is interrupted waits for `resume`; without,
    the next process that searches for runs continues it. *left* is called when a run is released,
    *watching* of a process that has runs but may be frozen, while it is watched. *simulated_waits*
    bounds the waits of a simulation.
    """

    store: Store
    clock: Clock
    project: Project
    open_door: OpenDoor
    listener: Listener = field(default_factory=NoListener)
    mask: Mask = field(default_factory=lambda: Mask(()))
    chance: random.Random = field(default_factory=random.Random)
    people: Asker = field(default_factory=NobodyHere)
    outside: Outside = field(default_factory=NoWayOutside)
    look: timedelta = LOOK
    hold: bool = True
    left: Callable[[str], None] = lambda run_id: None
    watching: Callable[[int, str], None] = lambda pid, host: None
    simulated_waits: SimulatedWaits | None = None
    log: Log = no_log

    def __post_init__(self) -> None:
        self._writer = StoreWriter(self.store)
        self.outbox = Outbox(
            self.store,
            self._writer,
            self.outside,
            self.clock,
            self.mask,
            self.log,
            # Nobody else can reach a store in memory.
            look=None if self.store.in_memory else 10 * self.look,
        )
        self._runners: dict[str, Runner] = {}
        self._process_id = ""
        self._services: Services | None = None
        self._definitions: OrderedDict[str, Mapping[str, Any]] = OrderedDict()
        self._reading = anyio.Lock()
        self._news = anyio.Event()

    @property
    def process_id(self) -> str:
        """The id of this process in the store; empty before it is running."""
        return self._process_id

    @property
    def writer(self) -> StoreWriter:
        """The way to the store from the event loop."""
        return self._writer

    def remaining_calls(self) -> dict[str, int]:
        """Return the calls left for this day, by institution, where Alma has reported them."""
        return {} if self._services is None else self._services.institutions.remaining_calls()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Engine]:
        """Be a process of the store for as long as the block runs.

        Raises:
            LeaseLost: this process was suspended and found dead; its runs are
                left to others.
        """
        with closing(self._writer):
            process = await self._writer.call(
                self.store.enter_process, platform.node(), os.getpid(), __version__
            )
            self._process_id = process.id
            services = self._services = await self._make_services()
            try:
                with alone():
                    async with anyio.create_task_group() as tasks:
                        services.admission.work_in(tasks)
                        tasks.start_soon(services.lease.keep)
                        if not self.store.in_memory:
                            # Nobody else can reach a store in memory.
                            tasks.start_soon(self._watch)
                        tasks.start_soon(self.outbox.run)
                        yield self
                        await self._settle_notices()
                        tasks.cancel_scope.cancel()
            finally:
                services.close()
                # If it cannot record that it leaves, the next process finds it dead.
                with anyio.CancelScope(shield=True), suppress(StoreTrouble):
                    await self._writer.call(self.store.leave_process, self._process_id)

    async def _settle_notices(self) -> None:
        """Report which notices of this process's runs could not be delivered so far."""
        with suppress(StoreTrouble):
            for notice, error in await self.outbox.settle():
                text = f"A notice was not delivered: {error} {TRIED_LATER}"
                now, run_id = self.clock.now(), notice.run_id or ""
                self.listener.hear(RunEvent(now, run_id, EventKind.SAID, "", text))
                line = Line(now, EventKind.SAID.value, "", text, {})
                await self._writer.call(self.store.add_events, run_id, [line])

    async def _make_services(self) -> Services:
        durations = Durations(await self._writer.call(self.store.learned_durations))
        return Services(
            store=self.store,
            writer=self._writer,
            clock=self.clock,
            chance=self.chance,
            institutions=Institutions(self.open_door),
            durations=durations,
            admission=Admission(self.store, self._writer, self.clock, durations),
            people=People(self.store, self._writer, self.people),
            lease=Lease(self.store, self._writer, self.clock, self._process_id),
            threads=ThreadPool("blocking", _THREADS),
            outside=self.outside,
            outbox=self.outbox,
            marker_habits=await self._writer.call(self.store.marker_habits),
            simulated_waits=self.simulated_waits,
        )

    async def add(self, plan: Plan) -> RunRecord:
        """Record a run under its key; Raises: RunExists when the key is taken."""
        return await self._writer.call(self.store.add_run, plan.definition, plan.record())

    async def work_on(self, run_id: str, before: Callable[[], object] = lambda: None) -> RunRecord:
        """Take a run and bring it to its end, or as far as it gets; returns its record.

        *before* is done in the transaction in which the run is taken: what it records nobody else
        can take. A run that needs a person comes back unfinished, with the reason. When cancelled
        (Ctrl-C) the run is given back, to be resumed. A process that holds the run and may be
        frozen is watched for up to one lease.

        Raises:
            RunHeld: a live process works on it.
            RunEnded: it is finished.
            StoreError: the store or the disk refused; the run can be resumed.
        """

        def take() -> Claim:
            with self.store.batch():
                before()
                return self.store.claim_run(run_id, self._process_id)

        claim = await self._take_from_the_silent(take)
        loaded = await self._writer.call(self.store.load_runs, [claim])
        if not loaded:
            raise ClaimLost(run_id)
        await self._bring_on(loaded[0])
        return await self._writer.call(self.store.run, run_id)

    async def _take_from_the_silent(self, take: Callable[[], Claim]) -> Claim:
        """Take a run; one of a process that gives no sign of life when its lease has run out.

        Raises:
            RunHeld: the process lives.
        """
        first = self.clock.elapsed()
        # A look more than a lease takes, as a lease may run out in between two.
        patience = (self.store.lease + 2 * self.look).total_seconds()
        while True:
            try:
                return await self._writer.call(take)
            except RunHeld as held:
                if not held.silent or self.clock.elapsed() - first > patience:
                    raise
                self.watching(held.pid, held.host)
            await sleep(self.clock, self.look)

    async def keep_working(self, *, watch: bool = False) -> None:
        """Take every run that may be taken, and execute all of them in parallel.

        Returns when there is none left, and every other process that has runs has sent a heartbeat;
        with *watch* never: then it takes over the runs of processes that die. What goes wrong with
        one run is recorded with it and ends no other.
        """
        silence = Silence(self.clock, self.watching)
        with alone():
            async with anyio.create_task_group() as tasks:
                while True:
                    silent: Sequence[Process] = ()
                    with suppress(StoreTrouble):
                        await self._take_all(tasks)
                        silent = await self._writer.call(self.store.silent_owners, FORMAT)
                    if not watch and not self._runners and not silent:
                        return
                    silence.note(silent)
                    await self._wait_for_news()

    def nudge(self) -> None:
        """Let `keep_working` look for runs right now, because there are new ones."""
        self._news.set()

    async def _wait_for_news(self) -> None:
        """Return when it is time to look for runs again."""
        with anyio.CancelScope() as scope:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._cancel_when_nudged, scope)
                await sleep(self.clock, self.look)
                tasks.cancel_scope.cancel()

    async def _cancel_when_nudged(self, scope: anyio.CancelScope) -> None:
        await self._news.wait()
        self._news = anyio.Event()
        scope.cancel()

    async def _take_all(self, tasks: TaskGroup) -> None:
        run_ids = await self._writer.call(self.store.orphans, FORMAT)
        if not run_ids:
            return
        claims = await self._writer.call(self.store.claim_runs, run_ids, self._process_id)
        for loaded in await self._writer.call(self.store.load_runs, claims):
            tasks.start_soon(self._bring_on_beside_others, loaded)
        # So that who asks next sees them at work.
        await anyio.lowlevel.checkpoint()

    async def _bring_on_beside_others(self, loaded: LoadedRun) -> None:
        """Execute a claimed run; an error is recorded with it, and the others continue."""
        claim = loaded.claim
        while True:
            try:
                await self._bring_on(loaded)
            except LeaseLost:
                raise
            except StoreTrouble:
                # Nothing could be recorded, so the run is still ours: it continues when it can.
                again = await self._again(claim)
                if again is None:
                    return
                loaded = again
            except Exception:
                return
            else:
                return

    async def _again(self, claim: Claim) -> LoadedRun | None:
        """Return a claimed run as it is recorded once the store answers; None: lost meanwhile."""
        while True:
            await sleep(self.clock, STORE_AGAIN)
            with suppress(StoreTrouble):
                loaded = await self._writer.call(self.store.load_runs, [claim])
                return loaded[0] if loaded else None

    async def _bring_on(self, loaded: LoadedRun) -> None:
        """Work on a claimed run as far as it gets; see `work_on`."""
        journal = RunJournal(
            self.store, self._writer, loaded.claim, self.clock, self.listener, self.mask
        )
        try:
            await self._work(loaded, journal)
        except Suspended as error:
            journal.tell(EventKind.RUN, text=str(error), status="waiting")
            await journal.suspend(Waiting(WaitingKind.RESOLVE, str(error)))
            await journal.release(held=False)
        except anyio.get_cancelled_exc_class():
            with anyio.CancelScope(shield=True), suppress(ClaimLost, StoreTrouble):
                journal.tell(EventKind.RUN, text=_INTERRUPTED if self.hold else _STOPPED)
                await (journal.release(held=True) if self.hold else journal.hand_over())
            raise
        except StoreTrouble:
            # Nothing more can be recorded: the next process finds the run as it is.
            raise
        except Exception as error:
            await self._give_back(journal, error)
            raise

    async def _work(self, loaded: LoadedRun, journal: RunJournal) -> None:
        assert self._services is not None, "an engine works only while it is running"
        journal.load(loaded.entries)
        record = loaded.record
        plan = recorded_plan(record, await self._definition(record.definition))
        resumed = record.started_at is not None
        begun = "Resumed." if resumed else "Began."
        journal.tell(EventKind.RUN, text=begun, status="running", name=plan.name)
        if resumed:
            journal.take_up(record)
        else:
            now = self.clock.now()
            record = await journal.start(now, now + plan.workflow.timeout)
        runner = Runner(plan, record, journal, self._services)
        self._runners[record.id] = runner
        if record.cancel_requested_at is not None:
            runner.cancel(record.cancel_requested_by)
        try:
            await runner.run()
        finally:
            del self._runners[record.id]
            self.left(record.id)

    async def _definition(self, hash_: str) -> Mapping[str, Any]:
        """Return a recorded definition; runs of one workflow share it."""
        async with self._reading:
            if hash_ not in self._definitions:
                self._definitions[hash_] = await self._writer.call(self.store.definition, hash_)
                if len(self._definitions) > _DEFINITIONS:
                    self._definitions.popitem(last=False)
            return self._definitions[hash_]

    @staticmethod
    async def _give_back(journal: RunJournal, error: Exception) -> None:
        """Let the run wait for a person, with the reason, when it cannot continue here."""
        why = str(error) if isinstance(error, AlmaflowError) else f"a defect ({error!r})"
        # What has gone wrong may be the store, or the run another process's by now.
        with suppress(StoreError):
            journal.tell(EventKind.RUN, text=why, status="waiting")
            await journal.suspend(Waiting(WaitingKind.RESUME, why))
            await journal.release(held=True)

    async def _watch(self) -> None:
        """Hear what people say to the runs of this process, through other processes."""
        assert self._services is not None
        while True:
            # A refusing store reports that to the next write; a check can come later.
            with suppress(StoreTrouble):
                if await self._cancel_what_is_asked():
                    # Who has asked waits for a sign of life.
                    await self._services.lease.renew()
                await self._services.people.hear()
            await sleep(self.clock, self.look)

    async def _cancel_what_is_asked(self) -> bool:
        """Cancel the runs that are to be; returns whether there are any."""
        if not self._runners:
            return False
        asked = await self._writer.call(self.store.cancels_asked, list(self._runners))
        for run_id, cancel in asked.items():
            if run_id in self._runners:
                self._runners[run_id].cancel(cancel.by)
        return bool(asked)
