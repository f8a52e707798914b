"""`pause_after`: a timetable whose runs end badly again and again is paused."""

from __future__ import annotations

from collections.abc import Callable

from almaflow.engine.engine import Engine
from almaflow.engine.log import Log
from almaflow.outcome import Status
from almaflow.scheduler.companions import Companion
from almaflow.scheduler.tick_ledger import TRIGGER
from almaflow.scheduler.workflow_files import WorkflowSnapshot
from almaflow.store import RunRecord, SchedulePause, Store

BY = "almaflow"
"""Who is recorded for automatic pauses."""


class AutoPause(Companion):
    """Counts, after each run of a timetable, how many in a row did not end well."""

    def __init__(
        self, engine: Engine, log: Log, on_pause: Callable[[SchedulePause, RunRecord], None]
    ) -> None:
        self._engine = engine
        self._log = log
        self._told = on_pause
        self._after: dict[str, int] = {}

    async def read(self, reading: WorkflowSnapshot, before: WorkflowSnapshot | None) -> None:
        """Know which workflows ask for it."""
        asked = {name: one.loaded.workflow.pause_after for name, one in reading.active.items()}
        self._after = {name: number for name, number in asked.items() if number is not None}

    async def ended(self, run: RunRecord) -> None:
        """Pause the timetable of a run that was one bad end too many."""
        number = self._after.get(run.workflow)
        if number is None or run.status is not Status.FINISHED or run.trigger != TRIGGER:
            return
        pause = await self._engine.writer.call(
            pause_after_failures, self._engine.store, run.workflow, number
        )
        if pause is not None:
            self._log(
                f"{pause.note} It does not run until `almaflow unpause {run.workflow}`.",
                level="error",
                workflow=run.workflow,
            )
            self._told(pause, run)


def pause_after_failures(store: Store, workflow: str, number: int) -> SchedulePause | None:
    """Pause a workflow when its last *number* runs did not end well; None: there is no need.

    Runs from before its last pause do not count: the person who ended it has checked them.
    """
    now_standing = [one for one in store.pauses(workflow=workflow) if one.until is None]
    if now_standing:
        return None
    ended = [one.until for one in store.pauses(workflow=workflow) if one.until is not None]
    since = max(ended, default=None)
    last = [
        run
        for run in store.runs(number, workflow=workflow, statuses=[Status.FINISHED])
        if run.trigger == TRIGGER and (since is None or run.requested_at > since)
    ]
    if len(last) < number or any(run.outcome is not None and run.outcome.is_good for run in last):
        return None
    times = "Its last run" if number == 1 else f"Its last {number} runs"
    return store.pause(
        workflow, by=BY, note=f"{times} did not end well; the newest is {last[0].id}."
    )
