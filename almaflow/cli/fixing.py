"""`validate --fix` and `--diff`: the files that are fixed, and what a person reads about it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from almaflow.authoring.fixes.checking import checker
from almaflow.authoring.fixes.files import FixedFile, fix_file, write_fixed
from almaflow.check.lints import LintedFile
from almaflow.cli.render.terminal import emit, emit_lines
from almaflow.cli.render.text_layout import on_one_line
from almaflow.settings import FILE_NAME, Project
from almaflow.visible import unbroken
from almaflow.workflow_folder import is_tests
from almaflow.workflow_loader import files_at


def show_fixes(paths: Sequence[Path], project: Project, company: Sequence[LintedFile]) -> bool:
    """Print what `fix_files` would change as a difference; returns whether that is anything."""
    found = _fixed(paths, project, company)
    for one in found:
        emit_lines(unbroken(line) for line in one.difference())
    if not found:
        emit("There is nothing to fix.")
    return bool(found)


def fix_files(
    paths: Sequence[Path], project: Project, company: Sequence[LintedFile], *, aside: bool
) -> bool:
    """Fix the workflow files at *paths* and report it, *aside* on the error output.

    Returns whether any was fixed. Raises: FileNotFixed.
    """
    found = _fixed(paths, project, company)
    for one in found:
        write_fixed(one)
        for change in one.fixed:
            problem = change.problem
            line = f"{problem.location}: fixed[{problem.code}]: {change.words}"
            if aside:
                print(on_one_line(line), file=sys.stderr)
            else:
                emit(on_one_line(line))
    return bool(found)


def _fixed(
    paths: Sequence[Path], project: Project, company: Sequence[LintedFile]
) -> list[FixedFile]:
    check = checker(project, company)
    files, _ = files_at(paths)
    fixed = (
        fix_file(file, check)
        for file in files
        if file.name != FILE_NAME and not is_tests(file.name)
    )
    return [one for one in fixed if one is not None]
