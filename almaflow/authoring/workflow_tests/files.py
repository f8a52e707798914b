"""Which files of tests there are, and of which workflow each is."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from almaflow.errors import DocumentsInvalid, RequestWrong
from almaflow.late_dataclasses import dataclass
from almaflow.problems import Problem, did_you_mean
from almaflow.settings import Project
from almaflow.text_files import display_path, printable
from almaflow.workflow_folder import (
    ENDINGS,
    SCENARIO,
    TESTS,
    TESTS_FOLDER,
    is_tests,
    list_workflows,
)
from almaflow.workflow_loader import LoadedWorkflow, load_workflow, nothing_at


@dataclass(frozen=True)
class UnusableWorkflow:
    """A workflow that cannot be tested, with all its problems."""

    problems: tuple[Problem, ...]


class TestsMissing(RequestWrong):
    """A path has no tests."""


class WorkflowShelf:
    """Loads each workflow once, however many files and tests need it."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self._known: dict[str, LoadedWorkflow | UnusableWorkflow] = {}

    def add(self, loaded: LoadedWorkflow) -> None:
        """Add a workflow that was read already."""
        assert loaded.path is not None
        self._known[os.path.realpath(loaded.path)] = loaded

    def load(self, path: Path) -> LoadedWorkflow | UnusableWorkflow:
        """Return the workflow at *path*, as a simulation loads it."""
        real = os.path.realpath(path)
        if real not in self._known:
            try:
                self._known[real] = load_workflow(path, self.project, simulated=True)
            except DocumentsInvalid as error:
                self._known[real] = UnusableWorkflow(tuple(error.problems))
        return self._known[real]


def find_tests(paths: Iterable[Path]) -> list[Path]:
    """Return the files of tests that *paths* mean, each once: files, workflows and folders.

    Of several files, such as a shell writes for `*`, those that have no tests are left out.

    Raises:
        RequestWrong: a path does not exist, or there are no tests.
    """
    found: dict[str, Path] = {}
    without: RequestWrong | None = None
    for path in paths:
        try:
            files = _tests_at(path)
        except TestsMissing as error:
            without = without or error
            continue
        for file in files:
            found.setdefault(os.path.realpath(file), file)
    if not found and without is not None:
        raise without
    return list(found.values())


def _tests_at(path: Path) -> list[Path]:
    if os.path.isdir(path):
        files = list(list_workflows(path).tests)
        if not files:
            raise TestsMissing(
                f"The folder {printable(os.path.abspath(path))} has no tests (`*{TESTS[0]}`). "
                f"`{TESTS_FOLDER}/weekly.tests.yaml` has the tests of `weekly.yaml`. `almaflow "
                "explain tests` shows an example."
            )
        return files
    if not os.path.lexists(path):
        raise RequestWrong(nothing_at(path))
    if is_tests(path.name):
        return [path]
    stem = path.name[: -len(SCENARIO)] if path.name.casefold().endswith(SCENARIO) else path.stem
    folders = (path.parent / TESTS_FOLDER, path.parent)
    possible = [folder / f"{stem}{ending}" for folder in folders for ending in TESTS]
    files = [file for file in possible if os.path.lexists(file)]
    if not files:
        raise TestsMissing(
            f"{display_path(path)} has no tests: there is no file {display_path(possible[0])}. "
            "`almaflow explain tests` shows what it contains."
        )
    return files


def tests_named(text: str, names: Iterable[str]) -> set[str]:
    """Return those of the *names* of tests that have *text* in them; case does not count.

    Raises:
        RequestWrong: there is none.
    """
    known = list(names)
    matches = {name for name in known if text.casefold() in name.casefold()}
    if not matches:
        hint = did_you_mean(text, known) or "."
        raise RequestWrong(f"No test has `{text}` in its name{hint}")
    return matches


def workflow_of(path: Path) -> Path:
    """Return the workflow that belongs to the tests at *path*, whether it exists or not.

    It is next to them, or next to the folder `TESTS_FOLDER` that they are in.
    """
    ending = next(one for one in TESTS if path.name.casefold().endswith(one))
    stem = path.name[: -len(ending)]
    folder = Path(os.path.abspath(path)).parent
    folders = [path.parent]
    if folder.name == TESTS_FOLDER:
        folders.insert(0, path.parent.parent if path.parent.name else folder.parent)
    candidates = [one / f"{stem}{ending}" for one in folders for ending in ENDINGS]
    return next((one for one in candidates if os.path.isfile(one)), candidates[0])
