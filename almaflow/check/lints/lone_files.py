"""`unused-file`: scenarios and payloads that belong to no workflow."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from almaflow.check.lints.subject import Subject
from almaflow.problems import Location, Problem, Severity, did_you_mean
from almaflow.text_files import display_path, names_in
from almaflow.workflow_folder import ENDINGS, SCENARIO


def lone_files(
    subjects: Sequence[Subject], names: Collection[str], unread: Sequence[str] = ()
) -> Iterator[Problem]:
    """Yield a note for each file next to *subjects* that none of them uses.

    *names* are the names of all workflow files that were read, also of those with errors; *unread*
    are the texts of those that could not be read. Payloads are looked for in the folders whose
    other files are payloads of a workflow.
    """
    uncertain = [*unread, *(one.document.text for one in subjects if one.broken.parts)]
    used = {os.path.realpath(path) for one in subjects for path in _payloads(one)}
    used_files = {_identity(Path(path)) for path in used}
    folders = {one.file.path.absolute().parent for one in subjects if one.file.path is not None}
    for folder in sorted({Path(path).parent for path in used} - folders):
        for file in _files(folder):
            if _identity(file) not in used_files and not any(file.name in t for t in uncertain):
                yield _note(file, "No workflow uses this payload. Delete it, or name it in a step.")
    for folder in sorted(folders):
        for file in _files(folder):
            stem = file.name[: -len(SCENARIO)] if file.name.endswith(SCENARIO) else None
            if stem and not any(_is_there(folder, stem + one, names) for one in ENDINGS):
                hint = did_you_mean(f"{stem}{ENDINGS[0]}", names_in(folder) or []) or "."
                message = (
                    f"There is no workflow `{stem}{ENDINGS[0]}` next to this scenario{hint} Rename "
                    "the scenario as its workflow is called, or delete it."
                )
                yield _note(file, message)


def _is_there(folder: Path, name: str, names: Collection[str]) -> bool:
    # Where case does not count, a file is there by other names than its own.
    return name in names or os.path.isfile(folder / name)


def _identity(file: Path) -> object:
    """Return what is the same for two names of one file, as `A.xml` and `a.xml` may be."""
    try:
        status = file.stat()
    except OSError:
        return os.path.realpath(file)
    return status.st_dev, status.st_ino


def _payloads(subject: Subject) -> Iterator[Path]:
    path = subject.file.path
    if path is not None:
        for node in subject.nodes:
            for name in node.step.kind.payloads():
                yield path.absolute().parent / name


def _files(folder: Path) -> list[Path]:
    try:
        return sorted(one for one in folder.iterdir() if one.is_file() and one.name[0] != ".")
    except OSError:
        # A folder that cannot be listed has no file that is known to be unused.
        return []


def _note(file: Path, message: str) -> Problem:
    return Problem(Location(display_path(file)), "unused-file", message, Severity.NOTE)
