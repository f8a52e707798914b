"""Pausing the timetable of a workflow, and ending the pause."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from almaflow.errors import AlmaflowError, RequestWrong
from almaflow.operations.coming_ticks import FAR, ComingTick, coming_ticks, timetables_of
from almaflow.operations.typed_text import as_recorded
from almaflow.operations.workflow_lookup import workflow_named
from almaflow.settings import Project
from almaflow.store import SchedulePause, Store

MOST_SHOWN = 20
"""The largest number of ticks that the preview of a pause names."""


def pause(
    project: Project, store: Store, name: str, *, until: datetime | None, note: str, by: str
) -> SchedulePause:
    """SchedulePause a workflow from now on, and return the pause; an active one is replaced.

    *until* is None for a pause that a person ends.

    Raises:
        RequestWrong: there is no such workflow.
    """
    workflow = workflow_named(name, project, store)
    return store.pause(workflow, by=by, note=as_recorded(note), until=until)


def active_pause(store: Store, workflow: str, now: datetime) -> SchedulePause | None:
    """Return the pause of a workflow that lasts now; None: it is not paused."""
    return next((one for one in store.pauses(workflow=workflow) if one.holds(now)), None)


def ticks_in_pause(
    project: Project, store: Store, name: str, *, until: datetime | None, now: datetime
) -> tuple[Sequence[ComingTick], str]:
    """Return the first ticks that a pause from *now* on would skip, and a remark instead of them.

    Raises:
        RequestWrong: there is no such workflow.
    """
    workflow = workflow_named(name, project, store)
    try:
        entries = timetables_of(workflow, project).entries
    except AlmaflowError as error:
        # A workflow can be paused whatever its file says.
        return (), str(error)
    coming = coming_ticks(entries, store, now, until or now + FAR, MOST_SHOWN)
    return [tick for tick in coming if tick.skipped is None], ""


def unpause(project: Project, store: Store, name: str, *, now: datetime, by: str) -> SchedulePause:
    """End the pause of a workflow, and return it as it was.

    Raises:
        RequestWrong: there is no such workflow, or it is not paused.
    """
    workflow = workflow_named(name, project, store)
    stood = active_pause(store, workflow, now)
    if stood is None or store.unpause(workflow, by=by) is None:
        raise RequestWrong(f"{workflow} is not paused.")
    return stood
