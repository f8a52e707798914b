"""Searching the project for a file that a workflow names, and Alma keys in one."""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Sequence
from pathlib import Path

from almaflow.check.collector import ProblemCollector
from almaflow.check.loader import CheckContext
from almaflow.check.value_shapes import saved_as_csv
from almaflow.document import PathTo
from almaflow.document.hazards import WINDOWS_PATH, keys_in_file
from almaflow.document.slips import PATHS_ARE_RELATIVE, windows_path
from almaflow.late_patterns import late_pattern
from almaflow.problems import Severity, did_you_mean
from almaflow.settings import PathRefused, data_path
from almaflow.text_files import names_in

# A drive or a share of Windows, and the home folder of a shell.
_ABSOLUTE = late_pattern(r"[\"']?(?:[A-Za-z]:[\\/]|\\\\|~/|file:/|%\w+%|\$\{?\w+\}?[\\/])")


def find_file(
    notes: ProblemCollector,
    around: CheckContext,
    path: PathTo,
    name: str,
    severity: Severity,
    endings: Sequence[str] = (),
) -> Path | None:
    """Return the file called *name*, or that with one of *endings*.

    None, and a note, when it is not there.
    """
    assert around.folder is not None
    try:
        target = data_path(around.root, name, beside=around.folder)
        others = [data_path(around.root, name + one, beside=around.folder) for one in endings]
    except PathRefused as error:
        refuse_path(notes, path, error)
        return None
    for candidate in (target, *others):
        if os.path.isfile(candidate):
            return candidate
    if _ABSOLUTE.match(name):
        own_name = re.split(r"[/\\\\]", name)[-1].strip("\"'")
        message = (
            f"`{name}` is a path of one machine. Copy the file next to the workflow and write "
            f"`{own_name}`. {PATHS_ARE_RELATIVE}"
        )
    elif os.path.isdir(target):
        message = f"`{name}` is a folder. Specify a file in it."
    elif os.path.lexists(target):
        message = f"`{name}` is not a regular file that can be read."
    elif severity is Severity.WARNING:
        message = (
            f"The file `{name}` does not exist yet. The step will fail unless it exists by "
            f"then{_nearest(target, name)}"
        )
        if saved := saved_as_csv(name):
            message += f" It must be text: save the workbook as CSV, and write `{saved}`."
    else:
        message = f"There is no file `{name}` in the folder of the workflow{_nearest(target, name)}"
    notes.at(path, "no-such-file", message, severity)
    return None


def refuse_path(notes: ProblemCollector, path: PathTo, error: PathRefused) -> None:
    """Note a path that the file may not name; of Windows' paths, how they are written."""
    raw = notes.document.raw(path)
    why = windows_path(raw) if raw.startswith('"') else ""
    notes.at(path, WINDOWS_PATH if why else error.code, why or str(error))


def slashes(name: str) -> str:
    """Return the path *name* with `/` in place of the backslashes of Windows."""
    return name.replace("\\", "/")


def _nearest(target: Path, name: str) -> str:
    """Return which file of the same folder may be meant, as the end of a sentence."""
    # Files name each other with `/`, on Windows too.
    folder = posixpath.dirname(name)
    if "\\" in name:
        return f". Folders are divided by `/`: write `{slashes(name)}`."
    names = names_in(target.parent)
    if names is None:
        return f", and there is no folder `{folder}` either."
    return did_you_mean(name, [posixpath.join(folder, one) for one in names]) or "."


def check_keys(notes: ProblemCollector, name: str, text: str) -> None:
    """Note the Alma keys in the *text* of the file *name*, at their places there."""
    for problem in keys_in_file(text, display_name(notes, name)):
        notes.add(problem)


def display_name(notes: ProblemCollector, name: str) -> str:
    """Return what messages call the file that the workflow calls *name*."""
    folder = os.path.dirname(notes.document.file)
    return os.path.normpath(os.path.join(folder, name))
