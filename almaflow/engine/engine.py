"""The runs of one process: records them, works on them, gives them back when it stops."""

from __future__ import annotations

import os
import platform
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import anyio

from almaflow import __version__
from almaflow.clock import Clock, sleep
from almaflow.engine.durations import Durations
from almaflow.engine.institutions import Institutions, OpenDoor
from almaflow.engine.journal import RunJournal
from almaflow.engine.runner import Runner, Suspended
from almaflow.engine.telling import Listener, NoListener, Told
from almaflow.masking import Mask
from almaflow.outcome import Status
from almaflow.plan import Plan, recorded_plan
from almaflow.settings import Project
from almaflow.store import Claim, Process, RunRecord, Store
from almaflow.store.writer import StoreWriter

# How often the store is asked whether somebody wants a run cancelled.
LOOK_FOR_CANCELS = timedelta(seconds=1)


@dataclass
class Engine:
    """Works on runs; use `running()` around everything else."""

    store: Store
    clock: Clock
    project: Project
    open_door: OpenDoor
    listener: Listener = field(default_factory=NoListener)
    mask: Mask = field(default_factory=lambda: Mask(()))
    chance: random.Random = field(default_factory=random.Random)

    def __post_init__(self) -> None:
        self._writer = StoreWriter(self.store)
        self._institutions = Institutions(self.open_door)
        self._runners: dict[str, Runner] = {}
        self._process: Process | None = None
        self._durations = Durations()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Engine]:
        """Be a process of the store for as long as the block goes."""
        self._process = await self._writer.call(
            self.store.enter_process, platform.node(), os.getpid(), __version__
        )
        learned = await self._writer.call(self.store.learned_durations)
        self._durations = Durations(learned)
        try:
            async with anyio.create_task_group() as tasks:
                if not self.store.in_memory:
                    # Nobody else can reach a store in memory.
                    tasks.start_soon(self._watch_for_cancels)
                yield self
                tasks.cancel_scope.cancel()
        finally:
            with anyio.CancelScope(shield=True):
                await self._writer.call(self.store.leave_process, self._process.id)
            self._institutions.close()

    async def add(self, plan: Plan) -> RunRecord:
        """Record a run under its key; Raises: RunExists when the key is taken."""
        return await self._writer.call(self.store.add_run, plan.definition, plan.record())

    async def work_on(self, run_id: str) -> RunRecord:
        """Take a run and bring it to its end, or as far as it gets; returns its record.

        A run that needs a person comes back unfinished, with the reason. When cancelled (Ctrl-C)
        the run is given back, to be resumed.

        Raises:
            RunHeld: a live process works on it.
            RunEnded: it is finished.
            StoreError: the store or the disk refused; the run can be resumed.
        """
        assert self._process is not None, "an engine works only while it is running"
        claim = await self._writer.call(self.store.claim_run, run_id, self._process.id)
        journal = RunJournal(self.store, self._writer, claim, self.clock, self.listener, self.mask)
        try:
            await self._work(claim, journal)
        except Suspended as error:
            journal.tell(Told.RUN, text=str(error), status="waiting")
            await journal.set_status(Status.WAITING, str(error))
            await journal.release(held=False)
        except anyio.get_cancelled_exc_class():
            with anyio.CancelScope(shield=True):
                journal.tell(Told.RUN, text="Interrupted; it goes on with `almaflow resume`.")
                await journal.release(held=True)
            raise
        return await self._writer.call(self.store.run, run_id)

    async def _work(self, claim: Claim, journal: RunJournal) -> None:
        await journal.load()
        record = await self._writer.call(self.store.run, claim.run_id)
        definition = await self._writer.call(self.store.definition, record.definition)
        plan = recorded_plan(record, definition, self.project)
        resumed = record.started_at is not None
        journal.tell(
            Told.RUN, text="Resumed." if resumed else "Began.", status="running", name=plan.name
        )
        now = self.clock.now()
        await journal.start(now, now + plan.workflow.timeout)
        record = await self._writer.call(self.store.run, claim.run_id)
        runner = Runner(
            plan,
            record,
            journal,
            self._institutions,
            self.clock,
            self.chance,
            self.project.folder,
            self._durations,
        )
        self._runners[claim.run_id] = runner
        if record.cancel_requested_at is not None:
            runner.cancel(record.cancel_requested_by)
        try:
            await runner.run()
        finally:
            del self._runners[claim.run_id]

    async def _watch_for_cancels(self) -> None:
        while True:
            if self._runners:
                asked = await self._writer.call(self.store.cancels_asked, list(self._runners))
                for run_id, cancel in asked.items():
                    if run_id in self._runners:
                        self._runners[run_id].cancel(cancel.by)
            await sleep(self.clock, LOOK_FOR_CANCELS)
