"""What the service counts for `Measures`, and its present state for who asks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime

import anyio

from almaflow.clock import Clock
from almaflow.engine.engine import Engine
from almaflow.outcome import Status
from almaflow.scheduler.measures import Measures, Picture
from almaflow.scheduler.tick_ledger import UNFINISHED, Happened
from almaflow.scheduler.workflow_files import Reading
from almaflow.store import RunRecord, Store, TickEnding


class Measuring:
    """Notes what happens in a term."""

    def __init__(self, measures: Measures, engine: Engine, clock: Clock) -> None:
        self._measures = measures
        self._engine = engine
        self._clock = clock
        self._due: datetime | None = None
        """When the next tick was to begin, as the last cycle knew it."""

    async def run(self) -> None:
        """There is nothing to do between what happens."""
        await anyio.sleep_forever()

    async def happened(self, happened: Happened, reading: Reading) -> None:
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

    async def read(self, reading: Reading, before: Reading | None) -> None:
        """What stands is looked up when somebody asks."""

    async def ended(self, run: RunRecord) -> None:
        """Count a run that ended."""
        if run.status is Status.FINISHED:
            self._measures.run_ended(run)


def picture_of(
    store: Store,
    clock: Clock,
    leads: Callable[[], bool],
    remaining_calls: Callable[[], Mapping[str, int]] = dict,
) -> Callable[[], Picture]:
    """Return what tells the present state of a service; Raises there: StoreError.

    *leads* is whether it leads, *remaining_calls* the engine's.
    """

    def look() -> Picture:
        now = clock.now()
        unfinished = store.runs(statuses=UNFINISHED)
        return Picture(
            leads=leads(),
            unfinished=unfinished,
            queued_runs=frozenset(place.run_id for place in store.queue()),
            open_ticks=len(store.open_ticks()),
            undelivered=store.undelivered_notices(),
            paused=sorted({one.workflow for one in store.pauses(since=now) if one.holds(now)}),
            invalid=[source.path for source in store.sources() if source.problem],
            remaining_calls=remaining_calls(),
        )

    return look
