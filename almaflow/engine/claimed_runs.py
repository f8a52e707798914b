"""Runs that this process has claimed: it loads and executes them, and releases those it cannot
continue.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any

import anyio

from almaflow.clock import Clock, sleep
from almaflow.engine.journal import RunJournal
from almaflow.engine.resources import Services
from almaflow.engine.runner import Runner, Suspended
from almaflow.errors import AlmaflowError, StoreError
from almaflow.late_dataclasses import dataclass
from almaflow.plan import recorded_plan
from almaflow.redaction import Mask
from almaflow.runs.events import EventKind, Listener
from almaflow.store import Claim, ClaimLost, LeaseLost, LoadedRun, StoreTrouble
from almaflow.waiting import Waiting, WaitingKind

# The delay before a run continues after the store reported an error.
STORE_AGAIN = timedelta(seconds=10)

_INTERRUPTED = "The run was interrupted. `almaflow resume` continues it."
_STOPPED = "Stopped; it continues when `almaflow serve` is started again."
_GIVEN_BACK = "Stopped on this host; the next worker that is free continues it."

# The number of cached definitions: runs of one workflow share theirs.
_DEFINITIONS = 64


@dataclass
class ClaimedRuns:
    """Executes claimed runs, each in a coroutine of the caller.

    With *hold* a run that is interrupted waits for `resume`; without, the next process that
    searches for runs continues it. *listener* returns the listener for a run that begins now;
    *left* is called when a run is released.
    """

    services: Services
    mask: Mask
    hold: bool
    listener: Callable[[], Listener]
    left: Callable[[str], None]

    def __post_init__(self) -> None:
        self._store, self._writer = self.services.store, self.services.writer
        self._clock: Clock = self.services.clock
        self._runners: dict[str, Runner] = {}
        self._definitions: OrderedDict[str, Mapping[str, Any]] = OrderedDict()
        self._reading = anyio.Lock()

    @property
    def ids(self) -> Collection[str]:
        """The ids of the runs that this process is executing."""
        return self._runners.keys()

    def cancel(self, run_id: str, by: str) -> None:
        """Cancel a run if this process is executing it; *by* names the person."""
        runner = self._runners.get(run_id)
        if runner is not None:
            runner.cancel(by)

    async def execute_in_parallel(self, loaded: LoadedRun) -> None:
        """Execute a claimed run; an error is recorded with it, and the others continue."""
        claim = loaded.claim
        while True:
            try:
                await self.execute(loaded)
            except LeaseLost:
                raise
            except StoreTrouble:
                # The store recorded nothing, so the run is still ours and continues when the store
                # responds.
                again = await self._again(claim)
                if again is None:
                    return
                loaded = again
            except Exception:
                return
            else:
                return

    async def _again(self, claim: Claim) -> LoadedRun | None:
        """Return a claimed run as recorded, once the store responds; None: the claim was lost."""
        while True:
            await sleep(self._clock, STORE_AGAIN)
            with suppress(StoreTrouble):
                loaded = await self._writer.call(self._store.load_runs, [claim])
                return loaded[0] if loaded else None

    async def execute(self, loaded: LoadedRun) -> None:
        """Execute a claimed run until it ends or has to wait; see `Engine.work_on`."""
        journal = RunJournal(
            self._store, self._writer, loaded.claim, self._clock, self.listener(), self.mask
        )
        try:
            await self._work(loaded, journal)
        except Suspended as error:
            journal.report(EventKind.RUN, text=str(error), status="waiting")
            await journal.suspend(Waiting(WaitingKind.RESOLVE, str(error)))
            await journal.release(held=False)
        except anyio.get_cancelled_exc_class():
            with anyio.CancelScope(shield=True), suppress(ClaimLost, StoreTrouble):
                stopped = _GIVEN_BACK if self._store.is_shared else _STOPPED
                journal.report(EventKind.RUN, text=_INTERRUPTED if self.hold else stopped)
                await (journal.release(held=True) if self.hold else journal.hand_over())
            raise
        except StoreTrouble:
            # Nothing more can be recorded, so the next process continues from the journal.
            raise
        except Exception as error:
            await self._give_back(journal, error)
            raise

    async def _work(self, loaded: LoadedRun, journal: RunJournal) -> None:
        journal.load(loaded.entries)
        record = loaded.record
        plan = recorded_plan(record, await self._definition(record.definition))
        resumed = record.started_at is not None
        begun = "The run was resumed." if resumed else "The run began."
        journal.report(EventKind.RUN, text=begun, status="running", name=plan.name)
        if resumed:
            journal.continue_from(record)
        else:
            now = self._clock.now()
            record = await journal.start(now, now + plan.workflow.timeout)
        runner = Runner(plan, record, journal, self.services)
        self._runners[record.id] = runner
        if record.cancel_requested_at is not None:
            runner.cancel(record.cancel_requested_by)
        try:
            await runner.run()
        finally:
            # A run that this process was offered again meanwhile has another runner, which stays.
            if self._runners.get(record.id) is runner:
                del self._runners[record.id]
            self.left(record.id)

    async def _definition(self, hash_: str) -> Mapping[str, Any]:
        """Return a recorded definition; runs of one workflow share it."""
        async with self._reading:
            if hash_ not in self._definitions:
                self._definitions[hash_] = await self._writer.call(self._store.definition, hash_)
                if len(self._definitions) > _DEFINITIONS:
                    self._definitions.popitem(last=False)
            return self._definitions[hash_]

    @staticmethod
    async def _give_back(journal: RunJournal, error: Exception) -> None:
        """Record that the run waits for a person, and why, when it cannot continue here."""
        why = str(error) if isinstance(error, AlmaflowError) else f"a defect ({error!r})"
        # The store itself may have failed, or another process may have taken over the run.
        with suppress(StoreError):
            journal.report(EventKind.RUN, text=why, status="waiting")
            await journal.suspend(Waiting(WaitingKind.RESUME, why))
            await journal.release(held=True)
