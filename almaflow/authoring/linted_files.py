"""What lints look at of the workflows that were read, also of those with errors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from almaflow.check import CheckedFile
from almaflow.check.lints import SWEEP, LintedFile, lint_problems
from almaflow.document import MAX_BYTES
from almaflow.problems import Problem
from almaflow.settings import Project
from almaflow.text_files import FileUnreadable, read_text
from almaflow.workflow_loader import LoadedWorkflow, ReadWorkflows, name_of_file, others_with


def linted(loaded: LoadedWorkflow) -> LintedFile:
    """Return a valid workflow as lints look at it."""
    return LintedFile(loaded.document, loaded.workflow, loaded.name, loaded.path, loaded.ignored)


def linted_checked(checked: CheckedFile) -> LintedFile | None:
    """Return a workflow that may have errors as lints look at it; None: too little of it fits."""
    document, workflow, path = checked.document, checked.workflow, checked.path
    if document is None or workflow is None or path is None:
        return None
    name = workflow.name or name_of_file(path)
    return LintedFile(document, workflow, name, path, checked.ignored, checked.problems)


def linted_files(read: ReadWorkflows) -> list[LintedFile]:
    """Return the workflows that were *read*, without those of which too little fits."""
    broken = [one for checked in read.broken if (one := linted_checked(checked)) is not None]
    return [*map(linted, read.valid), *broken]


def unread_texts(read: ReadWorkflows) -> list[str]:
    """Return the texts of the files of which too little fits to look at them."""
    return [
        text for checked in read.broken if not linted_checked(checked) for text in _text(checked)
    ]


def _text(checked: CheckedFile) -> Iterator[str]:
    assert checked.path is not None
    try:
        yield read_text(checked.path, MAX_BYTES)
    except FileUnreadable:
        # Its error says so, and nothing is known about what it uses.
        return


def lints_of(read: ReadWorkflows, project: Project, folders: Sequence[Path] = ()) -> list[Problem]:
    """Return what may not be meant in the workflows that were *read*.

    In *folders* files that belong to no workflow are noted. Without folders the other workflows of
    the project count, too.
    """
    files, unread, others = linted_files(read), unread_texts(read), []
    if not folders:
        paths = [one.path for one in files if one.path is not None]
        rest = others_with(SWEEP, paths, project)
        others, unread = linted_files(rest), [*unread, *unread_texts(rest)]
    return lint_problems(files, project, others, folders, unread)
