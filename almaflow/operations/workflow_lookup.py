"""Finds the workflow that a person named: in the store's timetables, else in the files."""

from __future__ import annotations

from pathlib import Path

from almaflow.errors import DocumentsInvalid
from almaflow.settings import Project
from almaflow.store import Store
from almaflow.workflow_loader import find_workflow, load_workflow, name_of_file


def workflow_named(text: str, project: Project, store: Store) -> str:
    """Return the name of the workflow that *text* names, a file's path included.

    Raises:
        RequestWrong: there is none.
    """
    if store.schedules(workflow=text):
        return text
    path = find_workflow(text, project)
    if path != Path(text):
        return text
    try:
        return load_workflow(path, project, simulated=True).name
    except DocumentsInvalid:
        # A person may use the name because the file needs to be fixed.
        return name_of_file(path)
