"""Skipping the next tick of a workflow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from heapq import merge
from itertools import chain

from almaflow.errors import AlmaflowError, RequestWrong
from almaflow.json_data import copied
from almaflow.operations.typed_text import as_recorded
from almaflow.operations.workflow_lookup import workflow_named
from almaflow.problems import did_you_mean
from almaflow.settings import Project
from almaflow.store import NewTick, Schedule, SchedulePause, Store, Tick, TickDecided
from almaflow.timetable_entries import TimetableEntry, entries_of
from almaflow.workflow_loader import find_workflow, load_workflow

# A limit for timetables whose ticks are all on days off.
_FAR = timedelta(days=5 * 366)


def skip_next(
    project: Project,
    store: Store,
    name: str,
    *,
    entry: str | None,
    note: str,
    now: datetime,
    by: str,
    expected: datetime | None = None,
) -> Tick:
    """Skip the next tick of a workflow, and return it.

    *entry* is the key of the schedule entry that the tick is of; None: of any. Ticks on days off
    and in pauses do not count, because they do not run anyway. *expected* is the instant of the
    tick that the person has seen; None: whichever is next.

    Raises:
        RequestWrong: there is no such workflow or entry, no tick that would run, or another one
            than *expected* is next.
    """
    workflow = workflow_named(name, project, store)
    rows = _active(project, store, workflow, entry)
    pauses = store.pauses(workflow=workflow, since=now)
    if expected is not None:
        following = _undecided(store, workflow, _candidates(store, rows, pauses, now))
        if following is None or following.at != expected:
            raise RequestWrong(
                f"The tick of {workflow} that you saw is no longer the next one: it was skipped or "
                "has begun meanwhile. Nothing was recorded. Look at the next tick again."
            )
    reason = f"Skipped by {by}{f': {as_recorded(note)}' if note else ''}".rstrip(".") + "."
    skipped = _skip_first(store, _candidates(store, rows, pauses, now), reason)
    if skipped is None:
        raise RequestWrong(f"{workflow} has no future tick that would run{_why(pauses)}.")
    return skipped


def next_tick(
    project: Project, store: Store, name: str, *, entry: str | None, now: datetime
) -> NewTick:
    """Return the tick that `skip_next` would skip.

    Raises:
        RequestWrong: there is no such workflow or entry, or no tick that would run.
    """
    workflow = workflow_named(name, project, store)
    rows = _active(project, store, workflow, entry)
    pauses = store.pauses(workflow=workflow, since=now)
    following = _undecided(store, workflow, _candidates(store, rows, pauses, now))
    if following is None:
        raise RequestWrong(f"{workflow} has no future tick that would run{_why(pauses)}.")
    return following


def _undecided(store: Store, workflow: str, candidates: Iterator[NewTick]) -> NewTick | None:
    """Return the first tick that has no ending; None when there is none."""
    first = next(candidates, None)
    if first is None:
        return None
    ended = store.ticks(since=first.at, workflow=workflow, open=False)
    decided = {(one.entry, one.at) for one in ended}
    coming = chain([first], candidates)
    return next((one for one in coming if (one.entry, one.at) not in decided), None)


def _active(project: Project, store: Store, workflow: str, key: str | None) -> list[Schedule]:
    """Return the requested active entries; Raises: RequestWrong."""
    rows = store.schedules(workflow=workflow, active=True)
    of_file = _keys_in_file(project, workflow)
    if of_file is not None:
        rows = [row for row in rows if row.entry in of_file]
    if not rows:
        if of_file == set():
            raise RequestWrong(f"{workflow} has no timetable, so there is nothing to skip.")
        raise RequestWrong(
            f"No `almaflow serve` has read the current timetable of {workflow}, so its next "
            "tick is not known. Start `almaflow serve` first."
        )
    if key is None:
        return rows
    chosen = [row for row in rows if row.entry == key]
    if not chosen:
        keys = [row.entry for row in rows]
        raise RequestWrong(
            f"{workflow} has no schedule entry `{key}`{did_you_mean(key, keys) or '.'} Its "
            f"entries are {', '.join(keys)}."
        )
    return chosen


def _keys_in_file(project: Project, workflow: str) -> set[str] | None:
    """Return the keys of the schedule entries in the workflow's file; None when it is not valid."""
    try:
        loaded = load_workflow(find_workflow(workflow, project), project)
        return {one.key for one in entries_of(loaded.name, loaded.workflow, project)}
    except AlmaflowError:
        # The last valid version is then active.
        return None


def _candidates(
    store: Store, rows: Sequence[Schedule], pauses: Sequence[SchedulePause], now: datetime
) -> Iterator[NewTick]:
    """Yield the coming ticks in order."""
    ids = {row.id for row in rows}
    # Due ticks whose run has not begun yet because of their jitter.
    come = sorted(
        (one for one in store.open_ticks() if one.schedule_id in ids and one.starts_at > now),
        key=lambda one: one.starts_at,
    )
    yield from come
    for tick in merge(*(_to_come(row, now) for row in rows), key=lambda one: one.at):
        held = [pause for pause in pauses if pause.holds(tick.at)]
        if any(pause.until is None for pause in held):
            return
        if not held:
            yield tick


def _to_come(row: Schedule, now: datetime) -> Iterator[NewTick]:
    entry = TimetableEntry.from_json(row.workflow, row.entry, row.timing)
    for at in entry.timetable.between(max(now, row.begins_at), now + _FAR):
        if not entry.day_off(at):
            yield NewTick(
                schedule_id=row.id,
                workflow=row.workflow,
                entry=row.entry,
                at=at,
                starts_at=entry.starts_at(at),
            )


def _skip_first(store: Store, candidates: Iterator[NewTick], reason: str) -> Tick | None:
    """Skip the first undecided tick and return it; None when there is none."""
    for tick in candidates:
        try:
            return store.skip_tick(copied(NewTick, tick, ending=None, cause=None, reason=reason))
        except TickDecided:
            continue
    return None


def _why(pauses: Sequence[SchedulePause]) -> str:
    return ": it is paused" if any(pause.until is None for pause in pauses) else ""
