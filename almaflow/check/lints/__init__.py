"""Lints: what a workflow does, and its author may not have meant.

subject        what a lint looks at            jobs           which jobs destroy, which only read
size_checks    destructive jobs                kept_sets      sets that stay, names that repeat
decisions      branches                        counters       jobs that nobody asks what they did
unused         inputs and variables            payload_sets   payloads with a set of their own
zones          times in UTC                    timetables     workflows that disturb one another
lone_files     scenarios and payloads          unnoticed      warnings that are not reported
broken_parts   what lints do not believe

A file with errors is looked at, too, as far as it can be read: what lints say about the rest of it
is the same when the errors are fixed.

Each code has a page in `almaflow/problem_pages`. A lint is a warning where it is sure, else a note.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from almaflow.check.ignored_problems import sift, unused_comments
from almaflow.check.lints.counters import lint_counters
from almaflow.check.lints.decisions import lint_decisions
from almaflow.check.lints.kept_sets import lint_kept_sets, sweeps_of
from almaflow.check.lints.lone_files import lone_files
from almaflow.check.lints.payload_sets import lint_payload_sets
from almaflow.check.lints.size_checks import lint_size_checks
from almaflow.check.lints.subject import LintedFile, Subject
from almaflow.check.lints.unnoticed import lint_unnoticed
from almaflow.check.lints.unused import lint_unused
from almaflow.check.lints.zones import lint_zones
from almaflow.problems import Problem, at_most
from almaflow.settings import Project

__all__ = ["SWEEP", "LintedFile", "lint_problems"]

SWEEP = re.compile(r"\bprefix\s*:")
"""What the text of a workflow has that deletes old sets of others."""

_OF_ONE_FILE = (
    lint_size_checks,
    lint_decisions,
    lint_counters,
    lint_unused,
    lint_payload_sets,
    lint_zones,
    lint_unnoticed,
)


def lint_problems(
    files: Sequence[LintedFile],
    project: Project,
    others: Sequence[LintedFile] = (),
    folders: Sequence[Path] = (),
    unread: Sequence[str] = (),
) -> list[Problem]:
    """Return what may not be meant in *files*, with what is wrong in their comments, sorted.

    *others* are further workflows of the project, which count and are not looked at; *unread* are
    the texts of those of which too little can be read. In *folders* files that belong to no
    workflow are noted.
    """
    subjects = [one for file in files if not (one := Subject(file, project)).broken.are_too_many]
    company = [*subjects, *(Subject(file, project) for file in others)]
    sweeps = {prefix for one in company for prefix in sweeps_of(one)}
    if any(SWEEP.search(text) for text in unread):
        sweeps.add("")
    for subject in subjects:
        for lint in _OF_ONE_FILE:
            lint(subject)
        lint_kept_sets(subject, sweeps)
    if any(one.workflow.schedule for one in company):
        from almaflow.check.lints.timetables import lint_timetables

        lint_timetables(company)
    levels = project.settings.lint
    problems = [one for subject in subjects for one in _sifted(subject)]
    lone = lone_files(company, _names(folders), unread) if folders else ()
    problems += [one for one in lone if levels.get(one.code) != "off"]
    return sorted(problems)


def _sifted(subject: Subject) -> Iterator[Problem]:
    levels = subject.project.settings.lint
    sifted = sift(subject.notes.problems, subject.document, levels)
    yield from sifted.kept
    if subject.broken.parts:
        # What a comment hides may not be found before the errors are fixed.
        return
    ignored = (*subject.file.ignored, *sifted.ignored)
    unused = at_most(unused_comments(subject.document, ignored))
    yield from sift(unused, subject.document, levels).kept


def _names(folders: Sequence[Path]) -> set[str]:
    """Return the names of all files in *folders* and below them."""
    return {name for folder in folders for _, _, names in os.walk(folder) for name in names}
