"""Which paths the files of a project may name: inside its folder, and what of it is data."""

from __future__ import annotations

import os
from pathlib import Path

from almaflow.errors import RequestWrong
from almaflow.late_patterns import late_pattern
from almaflow.text_files import printable

FILE_NAME = "almaflow.yaml"

# Control characters, line and paragraph separators, and halves of characters: no path that a
# person means has them.
_NOT_IN_PATHS = late_pattern("[\0-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


class PathRefused(RequestWrong):
    """A file of the project names a path that it may not name; *code* is the problem's."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def path_inside(project: Path, name: str, *, beside: Path | None = None) -> Path:
    """Return the path that a file of the project names, links followed.

    *name* is relative to the folder *beside*, else to the folder *project*.

    Raises:
        PathRefused: it is outside of *project*, or is not a path.
    """
    base = Path(os.path.realpath(project))
    if not name:
        raise PathRefused("outside-project", "This path is empty. Specify a file.")
    if _NOT_IN_PATHS.search(name):
        raise PathRefused(
            "outside-project",
            f"The path `{printable(name)}` contains a control character. Write it with `/` "
            "between its parts. In double quotes, YAML reads a backslash as the beginning of "
            "an escape.",
        )
    target = Path(os.path.realpath((beside or base) / name))
    if not target.is_relative_to(base):
        raise PathRefused(
            "outside-project",
            f"`{name}` is outside of the project folder. Move it into the folder, and use its "
            "path there.",
        )
    return target


def data_path(project: Path, name: str, *, beside: Path | None = None) -> Path:
    """Return the path of what is data: a payload, members, a calendar, a called workflow.

    Hidden files and folders keep settings, secrets and history (`.git/config`, `.env`, the store),
    and almaflow.yaml is the operator's: none of them is data, however the path is written.

    Raises:
        PathRefused: as `path_inside`, or it is not data.
    """
    target = path_inside(project, name, beside=beside)
    parts = target.relative_to(os.path.realpath(project)).parts
    hidden = next((part for part in parts if part.startswith(".")), None)
    if hidden is not None:
        raise PathRefused(
            "hidden-file",
            f"`{name}` leads to the hidden file or folder `{printable(hidden)}`, where "
            "programs keep settings and secrets, so almaflow does not use it. Use a file whose "
            "path has no part that begins with a dot.",
        )
    if parts and parts[-1].casefold() == FILE_NAME:
        raise PathRefused(
            "hidden-file",
            f"`{name}` is the project's {FILE_NAME}, which contains settings, not data. Use "
            "another file.",
        )
    return target
