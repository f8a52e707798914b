"""`unused-file`: scenarios and payloads that belong to no workflow."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from almaflow.check.lints.subject import Subject
from almaflow.problems import Location, Problem, Severity
from almaflow.workflow_folder import ENDINGS, SCENARIO, display_path


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
    folders = {one.file.path.absolute().parent for one in subjects if one.file.path is not None}
    for folder in sorted({Path(path).parent for path in used} - folders):
        for file in _files(folder):
            if os.path.realpath(file) not in used and not any(file.name in t for t in uncertain):
                yield _note(file, "No workflow uses this payload. Delete it, or name it in a step.")
    for folder in sorted(folders):
        for file in _files(folder):
            stem = file.name[: -len(SCENARIO)] if file.name.endswith(SCENARIO) else None
            if stem and not any(f"{stem}{ending}" in names for ending in ENDINGS):
                message = (
                    f"There is no workflow `{stem}{ENDINGS[0]}` next to this scenario. Rename the "
                    "scenario as its workflow is called, or delete it."
                )
                yield _note(file, message)


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
