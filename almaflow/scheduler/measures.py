"""What a service lets be measured: what happens while it works, and its present state.

`Measuring` counts what happens for a `Measures`, which notes nothing; `metrics.Metrics` is one that
gives it all to Prometheus.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from datetime import datetime, timedelta
from typing import Final

from almaflow.clock import Clock
from almaflow.engine.engine import Engine
from almaflow.late_dataclasses import dataclass
from almaflow.outcome import Status
from almaflow.scheduler.companions import Companion
from almaflow.scheduler.tick_ledger import CycleResult
from almaflow.scheduler.workflow_files import WorkflowSnapshot
from almaflow.store import RunRecord, Store
from almaflow.store.overview import UnfinishedRuns, unfinished_runs
from almaflow.store.schedule_records import TickEnding
from almaflow.waiting import WaitingKind

KINDS: Final = (
    *(WaitingKind.PERSON, WaitingKind.UNCONFIRMED, WaitingKind.JOB, WaitingKind.ALMA),
    *(WaitingKind.TIME,),
)
"""Of several waits of a run, the first of these counts: what needs a person before what ends
without one."""


@dataclass(frozen=True)
class SchedulerState:
    """The present state of a scheduler."""

    leads: bool = False
    """Whether this process lays out ticks, and is not a standby."""
    unfinished: Sequence[UnfinishedRuns] = ()
    """All runs of the store that have not ended, counted by what they wait for (`KINDS`)."""
    open_ticks: int = 0
    """Ticks that are due and have no result yet."""
    undelivered: int = 0
    """Notices that have not got to their channel yet."""
    paused: Sequence[str] = ()
    """Names of the workflows that are paused."""
    invalid: Sequence[str] = ()
    """Files whose last edit is invalid."""
    remaining_calls: Mapping[str, int] = field(default_factory=dict)
    """By institution, the calls left for this day, where Alma reported them."""


Look = Callable[[], SchedulerState]
"""Asked from another thread whenever the metrics are read; may raise `StoreError`."""


class Measures:
    """Notes nothing; every method is quick and never raises."""

    def ticks_ended(self, workflow: str, ending: TickEnding, number: int = 1) -> None:
        """Note that *number* ticks of a workflow ended."""

    def tick_began(self, workflow: str, late: timedelta) -> None:
        """Note that a tick became a run, and how late it began."""

    def woke_up(self, late: timedelta) -> None:
        """Note that the scheduler checked its timetables, and how late it did."""

    def run_ended(self, record: RunRecord) -> None:
        """Note that a run of this process ended; *record* has its outcome and instants."""

    def start(self, port: int) -> None:
        """Begin to give the metrics on a port of this machine; Raises: RequestWrong."""

    def stop(self) -> None:
        """Give the port back."""


class Measuring(Companion):
    """Notes what happens in a term."""

    def __init__(self, measures: Measures, engine: Engine, clock: Clock) -> None:
        self._measures = measures
        self._engine = engine
        self._clock = clock
        self._due: datetime | None = None
        """When the next tick was to begin, as the last cycle knew it."""

    async def happened(self, happened: CycleResult, reading: WorkflowSnapshot) -> None:
        """Count ticks that ended, and how late the others began."""
        now = self._clock.now()
        if self._due is not None and now >= self._due:
            self._measures.woke_up(now - self._due)
        self._due = happened.next_at
        ended: Counter[tuple[str, TickEnding]] = Counter()
        for tick, end in happened.ended:
            ended[tick.workflow, end.ending] += 1
        for skipped in happened.skipped:
            if skipped.ending is not None:
                ended[skipped.workflow, skipped.ending] += 1
        for tick, _ in happened.begun:
            ended[tick.workflow, TickEnding.RUN] += 1
            self._measures.tick_began(tick.workflow, now - tick.starts_at)
        for (workflow, ending), number in ended.items():
            self._measures.ticks_ended(workflow, ending, number)

    async def ended(self, run: RunRecord) -> None:
        """Count a run that ended."""
        if run.status is Status.FINISHED:
            self._measures.run_ended(run)


def picture_of(
    store: Store,
    clock: Clock,
    leads: Callable[[], bool],
    remaining_calls: Callable[[], Mapping[str, int]] = dict,
) -> Callable[[], SchedulerState]:
    """Return what tells the present state of a service; Raises there: StoreError.

    *leads* is whether it leads, *remaining_calls* the engine's.
    """

    def look() -> SchedulerState:
        now = clock.now()
        with store.read() as tx:
            unfinished = unfinished_runs(tx, KINDS)
        return SchedulerState(
            leads=leads(),
            unfinished=unfinished,
            open_ticks=len(store.open_ticks()),
            undelivered=store.undelivered_notices(),
            paused=sorted({one.workflow for one in store.pauses(since=now) if one.holds(now)}),
            invalid=[source.path for source in store.sources() if source.problem],
            remaining_calls=remaining_calls(),
        )

    return look
