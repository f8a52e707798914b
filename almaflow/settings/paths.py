"""Which paths the files of a project may name: inside its folder, and what of it is data."""

from __future__ import annotations

import os
from collections.abc import Iterator
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
    if not name.isprintable() and _NOT_IN_PATHS.search(name):
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
    and almaflow.yaml is the operator's: none of them is data, however the path is written. Names
    that begin with two dots are not hidden: Kubernetes mounts files as links to `..data/`.

    Raises:
        PathRefused: as `path_inside`, or it is not data.
    """
    target = path_inside(project, name, beside=beside)
    parts = target.relative_to(os.path.realpath(project)).parts
    hidden = next((one for one in parts if one.startswith(".") and not one.startswith("..")), None)
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


def check_link(project: Path, file: Path) -> None:
    """Check what a *file* in the folder *project* leads to when it is a link.

    Whoever proposes a change to a project can add links, and what is wrong in a file is shown with
    its lines: a link to a file of keys would show them.

    Raises:
        PathRefused: it leads out of *project*, or to what `data_path` refuses.
    """
    # What is not a regular file, or nothing, is not read, and the reader says why.
    if not os.path.islink(file) or not os.path.isfile(file):
        return
    if any(one.is_relative_to(two) for one, two in _both_ways(project, file)):
        try:
            data_path(project, os.path.abspath(file))
        except PathRefused as error:
            outside = error.code == "outside-project"
            where = "outside of the project folder" if outside else "hidden or holds settings"
            message = (
                f"This file is a link to {printable(os.path.realpath(file))}, which is {where}, "
                "so almaflow does not read it. Replace the link with a copy of the file."
            )
            raise PathRefused(error.code, message) from None


def _both_ways(project: Path, file: Path) -> Iterator[tuple[Path, Path]]:
    """Yield *file* and *project* as they are written, and with links in their folders followed."""
    yield Path(os.path.abspath(file)), Path(os.path.abspath(project))
    yield Path(os.path.realpath(file.parent), file.name), Path(os.path.realpath(project))
