"""Finds the settings file of a folder, and refuses one that almaflow must not believe."""

from __future__ import annotations

import os
from pathlib import Path

from almaflow.errors import DocumentsInvalid
from almaflow.ownership import advice, distrust
from almaflow.problems import Location, Problem
from almaflow.settings.paths import FILE_NAME
from almaflow.text_files import display_path, path_problem, printable


def find_settings_file(start: Path) -> Path | None:
    """Return the nearest `almaflow.yaml` upwards of *start*; None when there is none.

    Raises:
        DocumentsInvalid: others can write it, so it is not read; or its path cannot be recorded.
    """
    for folder in (start, *start.parents):
        file = folder / FILE_NAME
        if os.path.lexists(file):
            _check_believed(file)
            return file
    _check_path(start)
    return None


def _check_believed(file: Path) -> None:
    """Raise `DocumentsInvalid` when others than we and root may have written the settings."""
    _check_path(file.parent)
    location = Location(display_path(file))
    try:
        why = distrust(file)
    except OSError as error:
        message = f"The file cannot be read: {error.strerror or error}."
        raise DocumentsInvalid([Problem(location, "unreadable", message)]) from error
    if why:
        message = (
            f"almaflow does not use {file}, because {why}. Its settings decide where API keys "
            f"are sent. Use an {FILE_NAME} that only you can write. {advice(file)}"
        )
        raise DocumentsInvalid([Problem(location, "not-trusted", message)])


def _check_path(folder: Path) -> None:
    """Raise `DocumentsInvalid` when no record could hold the path of the project's *folder*."""
    why = path_problem(folder)
    if why:
        message = f"The project's folder {printable(str(folder))} {why}. Rename it."
        raise DocumentsInvalid([Problem(Location(display_path(folder)), "file-name", message)])


def check_target(file: Path) -> None:
    """Raise `DocumentsInvalid` when *file* is a link to what is not a YAML file by its name.

    Settings may be kept elsewhere, but what is wrong in a file is shown with its lines, and a link
    that someone added to the project could lead to a file of keys.
    """
    target = os.path.realpath(file)
    if os.path.isfile(target) and not target.casefold().endswith((".yaml", ".yml")):
        message = (
            f"This file is a link to {printable(target)}, whose name does not end in `.yaml` or "
            "`.yml`, so almaflow does not read it. Rename that file, or replace the link with a "
            "copy."
        )
        raise DocumentsInvalid([Problem(Location(display_path(file)), "unreadable", message)])
