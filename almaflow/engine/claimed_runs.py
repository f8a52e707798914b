"""Runs that this process has claimed: loaded, worked on, and given back when that cannot go on."""

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

# How long a store that refuses is left alone before the run that met it continues.
STORE_AGAIN = timedelta(seconds=10)

_INTERRUPTED = "Interrupted; continue it with `almaflow resume`."
_STOPPED = "Stopped; it continues when `almaflow serve` is started again."

# How many definitions are kept, so that runs of one workflow need not each read theirs.
_DEFINITIONS = 64


@dataclass
class ClaimedRuns:
    """Works on claimed runs, each in a coroutine of its caller.

    With *hold* a run that is interrupted waits for `resume`; without, the next process that
    searches for runs continues it. *listener* returns who hears of a run that begins now; *left* is
    called when a run is released.
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
        """The ids of the runs that are being worked on."""
        return self._runners.keys()

    def cancel(self, run_id: str, by: str) -> None:
        """Cancel a run, if it is being worked on; *by* names who asked."""
        runner = self._runners.get(run_id)
        if runner is not None:
            runner.cancel(by)

    async def bring_on_beside_others(self, loaded: LoadedRun) -> None:
        """Execute a claimed run; an error is recorded with it, and the others continue."""
        claim = loaded.claim
        while True:
            try:
                await self.bring_on(loaded)
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
            await sleep(self._clock, STORE_AGAIN)
            with suppress(StoreTrouble):
                loaded = await self._writer.call(self._store.load_runs, [claim])
                return loaded[0] if loaded else None

    async def bring_on(self, loaded: LoadedRun) -> None:
        """Work on a claimed run as far as it gets; see `Engine.work_on`."""
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
                journal.report(EventKind.RUN, text=_INTERRUPTED if self.hold else _STOPPED)
                await (journal.release(held=True) if self.hold else journal.hand_over())
            raise
        except StoreTrouble:
            # Nothing more can be recorded: the next process finds the run as it is.
            raise
        except Exception as error:
            await self._give_back(journal, error)
            raise

    async def _work(self, loaded: LoadedRun, journal: RunJournal) -> None:
        journal.load(loaded.entries)
        record = loaded.record
        plan = recorded_plan(record, await self._definition(record.definition))
        resumed = record.started_at is not None
        begun = "Resumed." if resumed else "Began."
        journal.report(EventKind.RUN, text=begun, status="running", name=plan.name)
        if resumed:
            journal.take_up(record)
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
        """Let the run wait for a person, with the reason, when it cannot continue here."""
        why = str(error) if isinstance(error, AlmaflowError) else f"a defect ({error!r})"
        # What has gone wrong may be the store, or the run another process's by now.
        with suppress(StoreError):
            journal.report(EventKind.RUN, text=why, status="waiting")
            await journal.suspend(Waiting(WaitingKind.RESUME, why))
            await journal.release(held=True)
