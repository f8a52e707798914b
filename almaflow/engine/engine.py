"""The engine of one process: it records runs, executes them, and releases them when it stops."""

from __future__ import annotations

import os
import platform
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import field
from datetime import timedelta
from functools import partial

import anyio
from anyio.abc import TaskGroup

from almaflow import __version__, recorded_steps
from almaflow.clock import Clock, sleep
from almaflow.connectors.base import ExternalSystems, NoExternalSystems
from almaflow.engine.alma_writes.admission import Admission
from almaflow.engine.alma_writes.institutions import Institutions, OpenConnection
from almaflow.engine.approvals import ApprovalPrompt, NoPrompt, PendingQuestions
from almaflow.engine.claimed_runs import STORE_AGAIN, ClaimedRuns
from almaflow.engine.job_ends import JobEnds
from almaflow.engine.lease import HeartbeatWatch, Lease
from almaflow.engine.log import Log, no_log
from almaflow.engine.newer_runs import NewerRuns
from almaflow.engine.notifications import TRIED_LATER
from almaflow.engine.outbox import Outbox
from almaflow.engine.resources import Services
from almaflow.engine.simulated_waits import SimulatedWaits
from almaflow.late_dataclasses import dataclass
from almaflow.plan import Plan
from almaflow.redaction import Mask
from almaflow.runs.events import EventKind, Listener, NullListener, RunEvent
from almaflow.runs.job_durations import Durations
from almaflow.settings import Project
from almaflow.store import (
    Claim,
    ClaimLost,
    LoadedRun,
    NewLogEntry,
    Process,
    ProcessInfo,
    RunHeld,
    RunNewer,
    RunRecord,
    Store,
    StoreTrouble,
)
from almaflow.store.locks import Locks, lock_of_run, locks_of_decision
from almaflow.store.writer import StoreWriter
from almaflow.task_groups import raise_one_error
from almaflow.thread_pool import ThreadPool

# How often the store is polled for replies, cancellations and new runs.
LOOK = timedelta(seconds=1)


# The largest number of blocking calls of steps, such as file transfers, at a time.
_THREADS = 8


@dataclass
class Engine:
    """Executes runs; use `running()` around everything else.

    *people* asks the person at this terminal when a step needs a reply; *outside* is the way to
    files and channels. With *hold* a run that is interrupted waits for `resume`; without, the next
    process that searches for runs continues it. *left* is called when a run is released, *watching*
    of a process that has runs but may be frozen, while it is watched. *simulated_waits* bounds the
    waits of a simulation. *info* is what others that share the store see of this process.
    """

    store: Store
    clock: Clock
    project: Project
    open_connection: OpenConnection
    listener: Listener = field(default_factory=NullListener)
    mask: Mask = field(default_factory=lambda: Mask(()))
    chance: random.Random = field(default_factory=random.Random)
    people: ApprovalPrompt = field(default_factory=NoPrompt)
    outside: ExternalSystems = field(default_factory=NoExternalSystems)
    look: timedelta = LOOK
    hold: bool = True
    left: Callable[[str], None] = lambda run_id: None
    watching: Callable[[int, str], None] = lambda pid, host: None
    simulated_waits: SimulatedWaits | None = None
    log: Log = no_log
    info: ProcessInfo = field(default_factory=ProcessInfo)

    def __post_init__(self) -> None:
        self._writer = StoreWriter(self.store)
        self.outbox = Outbox(
            self.store,
            self._writer,
            self.outside,
            self.clock,
            self.mask,
            self.log,
            # No other process can read a store in memory.
            look=None if self.store.in_memory else 10 * self.look,
        )
        self._newer = NewerRuns(self.store, self.log)
        self._process_id = ""
        self._services: Services | None = None
        self._claimed: ClaimedRuns | None = None
        self._new_runs = anyio.Event()
        self._replies = anyio.Event()

    @property
    def process_id(self) -> str:
        """The id of this process in the store; empty before it is running."""
        return self._process_id

    @property
    def _runs(self) -> ClaimedRuns:
        assert self._claimed is not None, "an engine works only while it is running"
        return self._claimed

    @property
    def writer(self) -> StoreWriter:
        """The way to the store from the event loop."""
        return self._writer

    def remaining_calls(self) -> dict[str, int]:
        """Return the calls left for this day, by institution, where Alma has reported them."""
        return {} if self._services is None else self._services.institutions.remaining_calls()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Engine]:
        """Register this process in the store for as long as the block runs.

        Raises:
            LeaseLost: this process was suspended and found dead; its runs are
                left to others.
        """
        with closing(self._writer):
            process = await self._writer.call(
                self.store.enter_process,
                platform.node(),
                os.getpid(),
                __version__,
                self.info.to_json(),
            )
            self._process_id = process.id
            services = self._services = await self._make_services()
            self._claimed = ClaimedRuns(
                services,
                self.mask,
                self.hold,
                lambda: self.listener,
                # Who shares the store hears of every run that was let go, ours included.
                lambda run_id: None if self.store.is_shared else self.left(run_id),
            )
            try:
                with raise_one_error():
                    async with anyio.create_task_group() as tasks:
                        services.admission.work_in(tasks)
                        tasks.start_soon(services.lease.keep)
                        if not self.store.in_memory:
                            # No other process can read a store in memory.
                            tasks.start_soon(self._watch)
                        tasks.start_soon(self.outbox.run)
                        yield self
                        await self._settle_notices()
                        tasks.cancel_scope.cancel()
            finally:
                services.close()
                # If the store cannot record the end of this process, the next process finds it
                # dead.
                with anyio.CancelScope(shield=True), suppress(StoreTrouble):
                    await self._writer.call(self.store.leave_process, self._process_id)

    async def _settle_notices(self) -> None:
        """Report which notices of this process's runs could not be delivered so far."""
        with suppress(StoreTrouble):
            for notice, error in await self.outbox.settle():
                text = f"A notice was not delivered: {error} {TRIED_LATER}"
                now, run_id = self.clock.now(), notice.run_id or ""
                self.listener.receive(RunEvent(now, run_id, EventKind.SAID, "", text))
                line = NewLogEntry(now, EventKind.SAID.value, "", text, {})
                await self._writer.call(self.store.add_events, run_id, [line])

    async def _make_services(self) -> Services:
        durations = Durations(await self._writer.call(self.store.learned_durations))
        return Services(
            store=self.store,
            writer=self._writer,
            clock=self.clock,
            chance=self.chance,
            institutions=Institutions(self.open_connection),
            durations=durations,
            admission=Admission(self.store, self._writer, self.clock, durations),
            people=PendingQuestions(self.store, self._writer, self.people),
            lease=Lease(self.store, self._writer, self.clock, self._process_id),
            job_ends=JobEnds(self.store, self._writer, self.clock, self.project.webhook_accounts),
            threads=ThreadPool("blocking", _THREADS),
            outside=self.outside,
            outbox=self.outbox,
            marker_habits=await self._writer.call(self.store.marker_habits),
            # Hosts that share a store have the project in different folders.
            project_folder=self.project.folder if self.store.is_shared else None,
            simulated_waits=self.simulated_waits,
        )

    async def add(self, plan: Plan) -> RunRecord:
        """Record a run under its key; Raises: RunExists when the key is taken."""
        return await self._writer.call(self.store.add_run, plan.definition, plan.record())

    async def work_on(self, run_id: str, before: Callable[[], object] = lambda: None) -> RunRecord:
        """Claim a run, execute it until it ends or has to wait, and return its record.

        *before* runs in the transaction that claims the run, so no other process can claim what it
        records. A run that needs a person comes back unfinished, with the reason. When cancelled
        (Ctrl-C) the run is given back, to be resumed. A process that holds the run and may be
        frozen is watched for up to one lease.

        Raises:
            RunHeld: a live process works on it.
            RunEnded: it is finished.
            StoreError: the store or the disk refused; the run can be resumed.
        """

        # *before* records the run, or a new attempt of it.
        locks = locks_of_decision(run_id)

        def take() -> Claim:
            with self.store.batch(locks):
                before()
                return self.store.claim_run(run_id, self._process_id)

        claim = await self._take_from_the_silent(take, locks)
        loaded = await self._writer.call(self.store.load_runs, [claim])
        if not loaded:
            raise ClaimLost(run_id)
        await self._runs.execute(loaded[0])
        return await self._writer.call(self.store.run, run_id)

    async def _take_from_the_silent(self, take: Callable[[], Claim], locks: Locks) -> Claim:
        """Claim a run; if its process sends no heartbeat, wait until the lease of that process has
        expired.

        Raises:
            RunHeld: the process lives.
        """
        first = self.clock.elapsed()
        # One poll more than a lease lasts, because a lease may expire between two polls.
        patience = (self.store.lease + 2 * self.look).total_seconds()
        while True:
            try:
                return await self._writer.call_locked(locks, take)
            except RunHeld as held:
                if not held.silent or self.clock.elapsed() - first > patience:
                    raise
                self.watching(held.pid, held.host)
            await sleep(self.clock, self.look)

    async def keep_working(self, *, watch: bool = False) -> None:
        """Claim every run that is free and execute all of them in parallel.

        Returns when there is none left, and every other process that has runs has sent a heartbeat;
        with *watch* never: then it takes over the runs of processes that die. An error of one run
        is recorded with that run and does not end the others.
        """
        silence = HeartbeatWatch(self.clock, self.watching)
        with suppress(StoreTrouble):
            await self._newer.look(self._writer)
        with raise_one_error():
            async with anyio.create_task_group() as tasks:
                while True:
                    silent: Sequence[Process] = ()
                    with suppress(StoreTrouble):
                        await self._take_all(tasks)
                        silent = await self._writer.call(
                            self.store.silent_owners, recorded_steps.FORMAT
                        )
                    if not watch and not self._runs.ids and not silent:
                        return
                    silence.note(silent)
                    self._new_runs = await self._wait_for(self._new_runs)

    async def execute(self, run_id: str) -> None:
        """Take a run that was offered to this process, and execute it as far as it gets.

        Nothing happens if it is finished, is on hold, or a live process has it. What goes wrong
        with the run is recorded with it.

        Raises:
            RunNewer: a newer almaflow recorded it, and this one cannot read it.
        """
        while True:
            try:
                loaded = await self._writer.call_for_each(
                    self._take_offered, run_id, frozenset({lock_of_run(run_id)})
                )
            except StoreTrouble:
                # Whether it is ours now is not known; nobody else is offered it meanwhile.
                await sleep(self.clock, STORE_AGAIN)
            else:
                break
        if isinstance(loaded, RunNewer):
            raise loaded
        if loaded is not None:
            await self._runs.execute_in_parallel(loaded)

    def _take_offered(self, run_ids: Sequence[str]) -> Sequence[LoadedRun | RunNewer | None]:
        with self.store.batch(frozenset(map(lock_of_run, run_ids))):
            offered = self.store.claim_offered(run_ids, self._process_id, recorded_steps.FORMAT)
            loaded = {one.claim.run_id: one for one in self.store.load_runs(offered.claims)}
        return [RunNewer(id_) if id_ in offered.newer else loaded.get(id_) for id_ in run_ids]

    async def queue_orphans(self) -> None:
        """Queue the runs that may be taken and are in no queue, for whichever process is free.

        Raises:
            StoreTrouble: the store refused.
        """
        await self._newer.look(self._writer)
        # Without locks: while many runs wait for a worker, they are all orphans for a while.
        run_ids = await self._writer.call(self.store.unqueued, recorded_steps.FORMAT)
        locks = frozenset(map(lock_of_run, run_ids))
        await self._writer.call_locked(locks, partial(self.store.queue_runs, run_ids))

    def wake(self, topic: str) -> None:
        """Look right now at what has changed in this process or in another.

        *topic* is `new` when there are runs for `keep_working` to claim; `Changes` in
        `almaflow.store.run_queue` lists the topics that other processes announce.
        """
        kind, _, name = topic.partition(" ")
        if kind == "new":
            self._new_runs.set()
        elif kind == "left":
            self.left(name)
        elif kind == "slots" and self._services is not None:
            self._services.admission.slot_freed(name)
        else:
            self._replies.set()

    async def _wait_for(self, event: anyio.Event) -> anyio.Event:
        """Return when it is time to look again, or *event* is set; with the event to wait for next.

        What is set during the look that follows is not lost: it is the new event that is set.
        """
        async with anyio.create_task_group() as tasks:

            async def listen() -> None:
                await event.wait()
                tasks.cancel_scope.cancel()

            tasks.start_soon(listen)
            await sleep(self.clock, self.look)
            tasks.cancel_scope.cancel()
        return anyio.Event() if event.is_set() else event

    async def _take_all(self, tasks: TaskGroup) -> None:
        run_ids = await self._writer.call(self.store.orphans, recorded_steps.FORMAT)
        if not run_ids:
            return

        locks = frozenset(map(lock_of_run, run_ids))

        def take() -> Sequence[LoadedRun]:
            # Together: a run that is ours, and that we could not load, would wait for our end.
            with self.store.batch(locks):
                return self.store.load_runs(self.store.claim_runs(run_ids, self._process_id))

        for loaded in await self._writer.call_locked(locks, take):
            tasks.start_soon(self._runs.execute_in_parallel, loaded)
        # Let the started runs be recorded as running before the next search.
        await anyio.lowlevel.checkpoint()

    async def _watch(self) -> None:
        """Read replies and cancellations that other processes recorded for the runs of this one."""
        assert self._services is not None
        while True:
            # The next write reports an error of the store; the next poll follows anyway.
            with suppress(StoreTrouble):
                if await self._cancel_requested():
                    # The person who asked waits for a sign of life.
                    await self._services.lease.renew()
                await self._services.people.read_replies()
                for account in await self._services.job_ends.read():
                    self._services.admission.job_ended(account)
            self._replies = await self._wait_for(self._replies)

    async def _cancel_requested(self) -> bool:
        """Cancel the runs for which a cancellation is recorded; return whether there are any."""
        if not self._runs.ids:
            return False
        requests = await self._writer.call(self.store.cancels_asked, list(self._runs.ids))
        for run_id, cancel in requests.items():
            self._runs.cancel(run_id, cancel.by)
        return bool(requests)
