"""Which ticks of the next days only one of two revisions has."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

from almaflow.authoring.revisions.changes import TickChanges
from almaflow.authoring.revisions.sides import Version
from almaflow.errors import RequestWrong
from almaflow.timetable_entries import TimetableEntry, entries_of

DAYS = 30
"""How far ahead ticks are compared."""
MOST_TICKS = 5_000
"""How many ticks of one entry are compared; every ten minutes makes 4,320."""
_SHOWN = 5


def tick_changes(old: Version | None, new: Version | None, now: datetime) -> TickChanges | None:
    """Return the ticks gained and lost after *now*; None when there are none.

    Days off count: a tick on one is not a tick.
    """
    before, after = _entries(old), _entries(new)
    if before == after or (isinstance(before, list) and _same_timing(before, after)):
        return None
    wrong = next((one for one in (after, before) if isinstance(one, str)), None)
    if wrong is not None:
        return _uncompared(wrong)
    assert isinstance(before, list)
    assert isinstance(after, list)
    try:
        ticks = _ticks(before, now), _ticks(after, now)
    except RequestWrong as error:
        return _uncompared(str(error))
    gained, lost = sorted(ticks[1] - ticks[0]), sorted(ticks[0] - ticks[1])
    if not gained and not lost:
        return None
    one = new or old
    assert one is not None
    zone = ZoneInfo(one.loaded.workflow.timezone or one.side.project.settings.timezone)
    return TickChanges(
        tuple(one.astimezone(zone) for one in gained[:_SHOWN]),
        tuple(one.astimezone(zone) for one in lost[:_SHOWN]),
        len(gained),
        len(lost),
        DAYS,
    )


def _uncompared(why: str) -> TickChanges:
    return TickChanges((), (), 0, 0, DAYS, f"Ticks are not compared: {why}")


def _entries(one: Version | None) -> list[TimetableEntry] | str:
    """Return the schedule entries of one revision, or why they cannot be used."""
    if one is None:
        return []
    try:
        return entries_of(one.loaded.name, one.loaded.workflow, one.side.project)
    except RequestWrong as error:
        return str(error)


def _same_timing(before: list[TimetableEntry], after: list[TimetableEntry] | str) -> bool:
    return isinstance(after, list) and [_timing(one) for one in before] == [
        _timing(one) for one in after
    ]


def _timing(entry: TimetableEntry) -> tuple[Any, Any]:
    timing = entry.to_json()
    return timing["timetable"], timing["calendars"]


def _ticks(entries: list[TimetableEntry], now: datetime) -> set[datetime]:
    """Return the ticks of one revision; Raises: RequestWrong when there are too many."""
    return {at for entry in entries for at in _of_entry(entry, now)}


def _of_entry(entry: TimetableEntry, now: datetime) -> set[datetime]:
    until = now + timedelta(days=DAYS)
    ticks = list(islice(entry.timetable.between(now, until), MOST_TICKS + 1))
    if len(ticks) > MOST_TICKS:
        raise RequestWrong(
            f"an entry has more than {MOST_TICKS:,} ticks in {DAYS} days ({entry.words()})."
        )
    return {at for at in ticks if not entry.day_off(at)}
