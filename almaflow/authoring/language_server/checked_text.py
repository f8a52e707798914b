"""The text in an editor, checked as `almaflow validate` checks the file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from almaflow.check import check_document
from almaflow.check.lints import LintedFile, lint_problems
from almaflow.check.loader import CheckContext, WorkflowLoader
from almaflow.document import MAX_BYTES
from almaflow.errors import DocumentsInvalid, RequestWrong
from almaflow.late_dataclasses import dataclass
from almaflow.problems import Location, Problem
from almaflow.scenario_files import is_scenario
from almaflow.settings import FILE_NAME, Project, Settings, find_project
from almaflow.workflow import Workflow
from almaflow.workflow_folder import is_tests
from almaflow.workflow_loader import name_of_file


@dataclass(frozen=True)
class CheckedText:
    """What is wrong in a text, and what of it fits the language; None: too little does."""

    problems: Sequence[Problem]
    workflow: Workflow | None


def project_of(file: Path) -> Project:
    """Return the project of *file*; one without settings when its almaflow.yaml is wrong."""
    try:
        return find_project(file.absolute().parent)
    except (DocumentsInvalid, RequestWrong):
        return Project(file.absolute().parent, Settings(), None)


def is_workflow(file: Path) -> bool:
    """Whether *file* is a workflow by its name, and not one of the files next to them."""
    others = is_tests(file.name) or is_scenario(file) or file.name == FILE_NAME
    return file.suffix in (".yaml", ".yml") and not others


def check_text(file: Path, text: str, project: Project) -> CheckedText:
    """Check *text* as the content of the workflow *file*; other files are read from the disk."""
    content = text.encode("utf-8", "replace")
    if len(content) > MAX_BYTES:
        message = "This file is longer than 1 MiB; almaflow does not read it."
        return CheckedText([Problem(Location(file.name), "too-large", message)], None)
    around = CheckContext(project, None, project.document is not None)
    checked = WorkflowLoader(check_document).read_as(file, file.name, content, around)
    problems = list(checked.problems)
    if checked.is_valid and checked.document is not None and checked.workflow is not None:
        name = checked.workflow.name or name_of_file(file)
        linted = LintedFile(checked.document, checked.workflow, name, file, checked.ignored)
        problems += lint_problems([linted], project)
    own = [problem for problem in problems if problem.location.file == file.name]
    return CheckedText(sorted(set(own)), checked.workflow)


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
