"""Pausing the timetable of a workflow, and ending the pause."""

from __future__ import annotations

from datetime import datetime

from almaflow.errors import RequestWrong
from almaflow.operations.typed_text import as_recorded
from almaflow.operations.workflow_lookup import workflow_named
from almaflow.settings import Project
from almaflow.store import SchedulePause, Store


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


def unpause(project: Project, store: Store, name: str, *, now: datetime, by: str) -> SchedulePause:
    """End the pause of a workflow, and return it as it was.

    Raises:
        RequestWrong: there is no such workflow, or it is not paused.
    """
    workflow = workflow_named(name, project, store)
    stood = next((one for one in store.pauses(workflow=workflow) if one.holds(now)), None)
    if stood is None or store.unpause(workflow, by=by) is None:
        raise RequestWrong(f"{workflow} is not paused.")
    return stood
