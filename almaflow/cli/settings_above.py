"""Finds the project of a command and reports settings in a folder above."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from almaflow.cli.render.terminal import emit
from almaflow.errors import DocumentsInvalid, RequestWrong
from almaflow.problems import Problem
from almaflow.settings import FILE_NAME, StoreSettings, find_settings_file

if TYPE_CHECKING:
    from almaflow.settings import Project


def open_project() -> Project:
    """Return the project of the working directory, its secrets hidden from all output.

    If its settings are in a folder above, stderr names the file: it decides where API keys are
    sent.

    Raises:
        DocumentsInvalid: the settings have problems.
    """
    from almaflow.settings import find_project

    project = find_project(Path.cwd())
    _begin_with(project.store_settings)
    return project


def find_store_settings() -> StoreSettings:
    """Return a part of what `open_project` finds; models are built for a changed file only.

    Raises:
        DocumentsInvalid: the settings have problems.
    """

    def found() -> StoreSettings:
        from almaflow.settings import find_project

        return find_project(Path.cwd()).store_settings

    file = find_settings_file(Path.cwd())
    if file is None:
        settings = found()
    else:
        from almaflow.checked_before import checked_once

        settings = checked_once(file.parent, [os.fspath(file)], found, StoreSettings)
    _begin_with(settings)
    return settings


def _begin_with(settings: StoreSettings) -> None:
    settings.hide_secrets()
    if settings.file is not None and settings.folder != Path.cwd():
        emit(f"Using the settings in {settings.file}.", err=True)


def find_project_anyway() -> tuple[Project, list[Problem]]:
    """Return what `open_project` finds, and its problems; with problems, without settings."""
    try:
        return open_project(), []
    except DocumentsInvalid as error:
        from almaflow.settings import Project, Settings

        folder = Path(error.problems[0].location.file).absolute().parent
        return Project(folder, Settings(), None), list(error.problems)


def find_existing_project() -> Project:
    """Return what `open_project` finds; Raises: RequestWrong when there is no almaflow.yaml.

    Raises:
        DocumentsInvalid: the settings have problems.
    """
    project = open_project()
    if project.document is None:
        raise RequestWrong(
            f"There is no {FILE_NAME} in {project.folder} or a folder above it. Create a project "
            "with `almaflow init`, or change to its folder."
        )
    return project
