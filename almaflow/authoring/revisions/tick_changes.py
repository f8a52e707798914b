"""Which ticks of the next days only one of two revisions has."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

from almaflow.authoring.revisions.changes import TickChanges
from almaflow.authoring.revisions.sides import Side
from almaflow.errors import RequestWrong
from almaflow.timetable_entries import TimetableEntry, entries_of
from almaflow.workflow_loader import LoadedWorkflow

DAYS = 30
"""How far ahead ticks are compared."""
MOST_TICKS = 5_000
"""How many ticks of one entry are compared; every ten minutes makes 4,320."""
_SHOWN = 5


def tick_changes(
    old: tuple[Side, LoadedWorkflow] | None,
    new: tuple[Side, LoadedWorkflow] | None,
    now: datetime,
) -> TickChanges | None:
    """Return the ticks gained and lost after *now*; None when there are none.

    Days off count: a tick on one is not a tick.
    """
    try:
        before, after = _ticks(old, now), _ticks(new, now)
    except RequestWrong as error:
        return TickChanges((), (), 0, 0, DAYS, f"Ticks are not compared: {error}")
    zone = _zone(new or old)
    gained, lost = sorted(after - before), sorted(before - after)
    if not gained and not lost:
        return None
    return TickChanges(
        tuple(one.astimezone(zone) for one in gained[:_SHOWN]),
        tuple(one.astimezone(zone) for one in lost[:_SHOWN]),
        len(gained),
        len(lost),
        DAYS,
    )


def _zone(one: tuple[Side, LoadedWorkflow] | None) -> ZoneInfo:
    assert one is not None
    side, loaded = one
    return ZoneInfo(loaded.workflow.timezone or side.project.settings.timezone)


def _ticks(one: tuple[Side, LoadedWorkflow] | None, now: datetime) -> set[datetime]:
    """Return the ticks of one revision; Raises: RequestWrong."""
    if one is None:
        return set()
    side, loaded = one
    entries = entries_of(loaded.name, loaded.workflow, side.project)
    return {at for entry in entries for at in _of_entry(entry, now)}


def _of_entry(entry: TimetableEntry, now: datetime) -> set[datetime]:
    until = now + timedelta(days=DAYS)
    ticks = list(islice(entry.timetable.between(now, until), MOST_TICKS + 1))
    if len(ticks) > MOST_TICKS:
        raise RequestWrong(
            f"an entry has more than {MOST_TICKS:,} ticks in {DAYS} days ({entry.words()})."
        )
    return {at for at in ticks if not entry.day_off(at)}
