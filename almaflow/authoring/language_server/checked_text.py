"""The text in an editor, checked as `almaflow validate` checks the file."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from almaflow.authoring.linted_files import linted_checked, linted_files, unread_texts
from almaflow.check import as_entry, check_document
from almaflow.check.lints import SWEEP, LintedFile, lint_problems
from almaflow.check.loader import CheckContext, CheckedFile, WorkflowLoader
from almaflow.document import MAX_BYTES, Document
from almaflow.errors import DocumentsInvalid, RequestWrong
from almaflow.late_dataclasses import dataclass
from almaflow.problems import Location, Problem
from almaflow.scenario_files import has_steps, is_scenario
from almaflow.settings import FILE_NAME, Project, Settings, find_project
from almaflow.workflow import Workflow
from almaflow.workflow_folder import ENDINGS, is_tests
from almaflow.workflow_loader import others_with


@dataclass(frozen=True)
class CheckedText:
    """What is wrong in a text, and what of it fits the language; None: too little does."""

    problems: Sequence[Problem]
    workflow: Workflow | None


class Overtaken(Exception):
    """The text has changed since its check began, so nobody needs the result."""


def project_of(file: Path) -> Project:
    """Return the project of *file*; one without settings when its almaflow.yaml is wrong.

    The settings are read again when their file changes.
    """
    folder = file.absolute().parent
    return _project_of(folder, _version_of_settings(folder))


@lru_cache(maxsize=8)
def _project_of(folder: Path, _version: object) -> Project:
    try:
        return find_project(folder)
    except (DocumentsInvalid, RequestWrong):
        return Project(folder, Settings(), None)


def _version_of_settings(start: Path) -> object:
    """Return what differs when another almaflow.yaml counts, or the same one has changed."""
    for folder in (start, *start.parents):
        try:
            status = os.lstat(folder / FILE_NAME)
        except OSError:
            continue
        return folder, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
    return None


class Neighbours:
    """The other workflows of a project that delete old sets, read once until a file is saved."""

    def __init__(self) -> None:
        self._sweeping: dict[tuple[Path, Path], tuple[Sequence[LintedFile], Sequence[str]]] = {}

    def forget(self) -> None:
        """Read them again for the next check."""
        self._sweeping = {}

    def sweeping(self, file: Path, project: Project) -> tuple[Sequence[LintedFile], Sequence[str]]:
        """Return those of *project* without *file*, and the texts of unreadable ones."""
        known = (project.folder, file)
        if known not in self._sweeping:
            read = others_with(SWEEP, [file], project)
            self._sweeping[known] = linted_files(read), unread_texts(read)
        return self._sweeping[known]


def is_workflow(file: Path, text: str, project: Project) -> bool:
    """Whether *file*, which has this *text*, is a workflow of *project* and not other YAML.

    An editor starts the server for every YAML file, such as those of the checks of a forge. A
    workflow is in the folder of the workflows, or has `steps` at its top.
    """
    others = is_tests(file.name) or is_scenario(file) or file.name == FILE_NAME
    if others or file.suffix not in ENDINGS or file.name.startswith("."):
        return False
    inside = os.path.realpath(file).startswith(
        os.path.join(os.path.realpath(project.workflows), "")
    )
    return (inside and project.document is not None) or has_steps(text)


def check_text(
    file: Path,
    text: str,
    project: Project,
    neighbours: Neighbours | None = None,
    is_wanted: Callable[[], bool] = lambda: True,
) -> CheckedText:
    """Check *text* as the content of the workflow *file*; other files are read from the disk.

    Raises:
        Overtaken: *is_wanted* became false before the longer part of the work was done.
    """
    content = text.encode("utf-8", "replace")
    if len(content) > MAX_BYTES:
        message = "This file is longer than 1 MiB; almaflow does not read it."
        return CheckedText([Problem(Location(file.name), "too-large", message)], None)

    def check(document: Document, around: CheckContext) -> CheckedFile:
        if not is_wanted():
            raise Overtaken
        return check_document(document, around)

    around = CheckContext(project, None, project.document is not None)
    checked = as_entry(WorkflowLoader(check).read_as(file, file.name, content, around), around)
    problems = [*checked.problems, *_lints(checked, file, project, neighbours or Neighbours())]
    own = [problem for problem in problems if problem.location.file == file.name]
    return CheckedText(sorted(set(own)), checked.workflow)


def _lints(
    checked: CheckedFile, file: Path, project: Project, neighbours: Neighbours
) -> Sequence[Problem]:
    linted = linted_checked(replace(checked, path=file))
    if linted is None:
        return ()
    problems = lint_problems([linted], project)
    if any(one.code == "set-kept" for one in problems):
        # Only this lint depends on other workflows, so they are read only for it.
        others, unread = neighbours.sweeping(file, project)
        problems = lint_problems([linted], project, others, (), unread)
    return problems


def check_other(file: Path, project: Project) -> Sequence[Problem]:
    """Return what is wrong in almaflow.yaml or a file of tests, as it is on the disk."""
    if file.name == FILE_NAME:
        try:
            document = find_project(file.absolute().parent).document
        except DocumentsInvalid as error:
            return error.problems
        return document.findings if document else ()
    if is_tests(file.name):
        from almaflow.authoring.workflow_tests.checking import check_tests
        from almaflow.authoring.workflow_tests.files import WorkflowShelf

        return check_tests(file, WorkflowShelf(project)).problems
    return ()
