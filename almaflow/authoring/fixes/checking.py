"""What a workflow file would have for problems if its text were another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from almaflow.authoring.fixes.files import CheckBytes
from almaflow.authoring.linted_files import linted_checked
from almaflow.check import CheckContext, WorkflowLoader, as_entry, check_document
from almaflow.check.lints import LintedFile, lint_problems
from almaflow.document import Document
from almaflow.problems import Problem
from almaflow.settings import Project
from almaflow.text_files import display_path


def checker(project: Project, company: Sequence[LintedFile]) -> CheckBytes:
    """Return what checks a file of *project*; *company* are the other workflows that lints ask."""
    loader = WorkflowLoader(check_document)
    around = CheckContext(project, None, project.document is not None)

    def check(path: Path, content: bytes) -> tuple[Document | None, Sequence[Problem]]:
        checked = as_entry(loader.read_as(path, display_path(path), content, around), around)
        linted = linted_checked(replace(checked, path=path))
        if linted is None:
            return checked.document, checked.problems
        others = [one for one in company if not _is_at(one, path)]
        return linted.document, [*checked.problems, *lint_problems([linted], project, others)]

    return check


def _is_at(one: LintedFile, path: Path) -> bool:
    return one.path is not None and one.path.absolute() == path.absolute()
