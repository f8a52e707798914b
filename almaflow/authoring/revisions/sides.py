"""One side of a comparison: a project as it is in a folder, with the workflows that are valid."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field, replace
from functools import cached_property
from pathlib import Path

from almaflow.authoring.revisions.facts import Facts, facts_of
from almaflow.authoring.revisions.step_facts import StepFacts, steps_of
from almaflow.errors import DocumentsInvalid, RequestWrong
from almaflow.late_dataclasses import dataclass
from almaflow.problems import Location, Problem, has_errors
from almaflow.settings import FILE_NAME, Project, Settings, load_project
from almaflow.workflow_folder import list_workflows
from almaflow.workflow_loader import LoadedWorkflow, load_workflow

WORKING_TREE = "the working tree"
"""What the files of the project are called that are not a revision."""


@dataclass(frozen=True)
class Side:
    """A project at one revision, or as it is in the working tree.

    *workflows* are the valid ones, by the paths of their files relative to the project, with `/`;
    *invalid* are those that are not, with their problems.
    """

    label: str
    folder: Path
    project: Project
    workflows: Mapping[str, LoadedWorkflow]
    invalid: Mapping[str, tuple[Problem, ...]] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    """What is wrong with almaflow.yaml."""
    remarks: tuple[str, ...] = ()

    def version(self, path: str) -> Version | None:
        """Return the valid workflow in the file at *path*; None: there is none."""
        loaded = self.workflows.get(path)
        return None if loaded is None else Version(self, path, loaded)


@dataclass(frozen=True)
class Version:
    """A workflow as one side has it; *path* is that of its file there."""

    side: Side
    path: str
    loaded: LoadedWorkflow

    @cached_property
    def steps(self) -> Sequence[StepFacts]:
        """All its steps, those around others first."""
        return steps_of(self.loaded, self.side.project.folder)

    @cached_property
    def facts(self) -> Facts:
        """What it says outside of its steps."""
        return facts_of(self.loaded.workflow, leave_out=("steps", "finally", "name"))


def load_side(label: str, folder: Path, wanted: Sequence[str], *, is_revision: bool) -> Side:
    """Load the project in *folder*; its messages call it *label*.

    *wanted* are the paths that are compared, relative to the project; empty: its workflows.
    """
    reader = _Reader(label, folder, is_revision)
    project, problems = reader.project()
    workflows: dict[str, LoadedWorkflow] = {}
    invalid: dict[str, tuple[Problem, ...]] = {}
    for file in _files(project, wanted):
        path = file.relative_to(folder).as_posix()
        try:
            workflows[path] = load_workflow(file, project, reader.shown(path), simulated=True)
        except DocumentsInvalid as error:
            # Warnings do not keep a workflow from being compared.
            invalid[path] = tuple(
                reader.renamed(one) for one in error.problems if has_errors([one])
            )
    return Side(label, folder, project, workflows, invalid, problems)


class _Reader:
    """Reads files of one side, and names them as people know them."""

    def __init__(self, label: str, folder: Path, is_revision: bool) -> None:
        self._label = label
        self._folder = folder
        self._is_revision = is_revision

    def shown(self, path: str) -> str:
        """Return what messages call the file at *path*, relative to the project."""
        if self._is_revision:
            # As git writes it. Without a folder, the revision would be in the workflow's name.
            return f"{self._label}:{path if '/' in path else f'./{path}'}"
        try:
            return os.path.relpath(self._folder / path)
        except ValueError:
            # On Windows, the project is on another drive than the working folder.
            return str(self._folder / path)

    def renamed(self, problem: Problem) -> Problem:
        """Return *problem* without the temporary folder in its texts."""
        prefix = f"{self._folder}{os.sep}"
        if not self._is_revision or prefix not in problem.location.file + problem.message:
            return problem
        location = problem.location
        file = location.file
        if file.startswith(prefix):
            file = self.shown(file.removeprefix(prefix).replace(os.sep, "/"))
        place = Location(file, location.line, location.column, location.length)
        return replace(problem, location=place, message=problem.message.replace(prefix, ""))

    def project(self) -> tuple[Project, tuple[Problem, ...]]:
        """Return the project, without settings when they have problems."""
        file = self._folder / FILE_NAME
        nothing = Project(self._folder, Settings(), None)
        if not os.path.lexists(file):
            return nothing, ()
        try:
            return load_project(file), ()
        except DocumentsInvalid as error:
            return nothing, tuple(map(self.renamed, error.problems))


def _files(project: Project, wanted: Sequence[str]) -> Iterator[Path]:
    """Yield the workflow files that are compared."""
    if not wanted:
        yield from list_workflows(project.workflows).files if project.workflows.is_dir() else ()
        return
    for path in wanted:
        target = project.folder / path
        if target.is_dir():
            yield from list_workflows(target).files
        elif os.path.lexists(target) and target.name != FILE_NAME:
            yield target


def check_inside(project: Project, path: Path) -> str:
    """Return *path*, as a person writes it, relative to the project with `/`; `.`: all of it.

    Raises:
        RequestWrong: it is outside of the project.
    """
    folder = os.path.realpath(project.folder)
    absolute = os.path.normpath(os.path.abspath(path))
    # Links in the way to the file count; the file itself may be one, or may be missing.
    real = os.path.join(os.path.realpath(os.path.dirname(absolute)), os.path.basename(absolute))
    if os.path.realpath(absolute) == folder:
        return "."
    if not Path(real).is_relative_to(folder):
        raise RequestWrong(
            f"`{path}` is outside of the project ({project.folder}). Run the command in the folder "
            "of the other project, or specify a path in this one."
        )
    return Path(real).relative_to(folder).as_posix()
