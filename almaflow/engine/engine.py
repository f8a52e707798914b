"""The runs of one process: records them, works on them, gives them back when it stops."""

from __future__ import annotations

import os
import platform
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
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
from almaflow.errors import AlmaflowError, StoreError
from almaflow.masking import Mask
from almaflow.outcome import Status
from almaflow.plan import Plan, recorded_plan
from almaflow.settings import Project
from almaflow.store import Claim, Process, RunRecord, Store, StoreTrouble
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
        except BaseExceptionGroup as group:
            # The task group wraps whatever ends the block; callers want the error itself.
            error = _alone(group)
            raise error from error.__cause__
        finally:
            self._institutions.close()
            # A process that cannot say that it leaves is found dead by whoever needs its runs.
            with anyio.CancelScope(shield=True), suppress(StoreTrouble):
                await self._writer.call(self.store.leave_process, self._process.id)

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
        except Exception as error:
            await self._give_back(journal, error)
            raise
        return await self._writer.call(self.store.run, run_id)

    async def _work(self, claim: Claim, journal: RunJournal) -> None:
        await journal.load()
        record = await self._writer.call(self.store.run, claim.run_id)
        definition = await self._writer.call(self.store.definition, record.definition)
        plan = recorded_plan(record, definition)
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
            self._durations,
        )
        self._runners[claim.run_id] = runner
        if record.cancel_requested_at is not None:
            runner.cancel(record.cancel_requested_by)
        try:
            await runner.run()
        finally:
            del self._runners[claim.run_id]

    @staticmethod
    async def _give_back(journal: RunJournal, error: Exception) -> None:
        """Let the run wait for a person, with the reason, when it cannot go on here."""
        why = str(error) if isinstance(error, AlmaflowError) else f"a defect ({error!r})"
        # What has gone wrong may be the store, or the run another process's by now.
        with suppress(StoreError):
            journal.tell(Told.RUN, text=why, status="waiting")
            await journal.set_status(Status.WAITING, why)
            await journal.release(held=True)

    async def _watch_for_cancels(self) -> None:
        while True:
            # A store that refuses will tell whoever writes; a look can come later.
            with suppress(StoreTrouble):
                await self._cancel_what_is_asked()
            await sleep(self.clock, LOOK_FOR_CANCELS)

    async def _cancel_what_is_asked(self) -> None:
        if not self._runners:
            return
        asked = await self._writer.call(self.store.cancels_asked, list(self._runners))
        for run_id, cancel in asked.items():
            if run_id in self._runners:
                self._runners[run_id].cancel(cancel.by)


def _alone(error: BaseException) -> BaseException:
    """Return the one error that a group of groups holds, else *error*."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error
