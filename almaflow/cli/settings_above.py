"""Finds the project of a command and reports settings in a folder above."""

from __future__ import annotations

from pathlib import Path

from almaflow.cli.render.terminal import emit
from almaflow.errors import DocumentsInvalid, RequestWrong
from almaflow.problems import Problem
from almaflow.settings import FILE_NAME, Project, Settings, find_project


def find_named_project() -> Project:
    """Return the project of the working directory, its secrets hidden from all output.

    If its settings are in a folder above, stderr names the file: it decides where API keys are
    sent.

    Raises:
        DocumentsInvalid: the settings have problems.
    """
    working_folder = Path.cwd()
    project = find_project(working_folder)
    project.hide_secrets()
    if project.document is not None and project.folder != working_folder:
        emit(f"Using the settings in {project.document.file}.", err=True)
    return project


def find_project_anyway() -> tuple[Project, list[Problem]]:
    """Return what `find_named_project` finds, and its problems; with problems, without settings."""
    try:
        return find_named_project(), []
    except DocumentsInvalid as error:
        folder = Path(error.problems[0].location.file).absolute().parent
        return Project(folder, Settings(), None), list(error.problems)


def find_existing_project() -> Project:
    """Return what `find_named_project` finds; Raises: RequestWrong when there is no almaflow.yaml.

    Raises:
        DocumentsInvalid: the settings have problems.
    """
    project = find_named_project()
    if project.document is None:
        raise RequestWrong(
            f"There is no {FILE_NAME} in {project.folder} or a folder above it. Create a project "
            "with `almaflow init`, or change to its folder."
        )
    return project
