"""A file of tests against the workflow that it names: what is not there is a problem."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from almaflow.authoring.workflow_tests.files import UnusableWorkflow, WorkflowShelf, workflow_of
from almaflow.authoring.workflow_tests.models import Expectation, WorkflowTest, WorkflowTests
from almaflow.authoring.workflow_tests.partial import fitting_part
from almaflow.authoring.workflow_tests.running import scenario_beside
from almaflow.authoring.workflow_tests.step_names import StepNames
from almaflow.check import CheckContext
from almaflow.check.loader import refuse_link
from almaflow.document import Document, PathTo, read_document
from almaflow.errors import DocumentsInvalid, RequestWrong
from almaflow.inputs import read_input
from almaflow.late_dataclasses import dataclass
from almaflow.model_validation import validate
from almaflow.problems import Location, Problem, at_most, did_you_mean, has_errors
from almaflow.settings import PathRefused, Project, data_path
from almaflow.text_files import display_path, names_in
from almaflow.workflow_folder import ENDINGS
from almaflow.workflow_loader import LoadedWorkflow


@dataclass(frozen=True)
class CheckedTests:
    """A file of tests, and what is wrong in it.

    *tests* is None when the file does not fit the models. *workflow* is None when it cannot be
    run: *workflow_problems* are then its own. *problems* are those of the file of tests, sorted.
    """

    path: Path
    document: Document | None
    tests: WorkflowTests | None
    workflow: LoadedWorkflow | None
    problems: tuple[Problem, ...]
    workflow_problems: tuple[Problem, ...] = ()

    @property
    def is_valid(self) -> bool:
        """Whether its tests can be played."""
        return self.workflow is not None and not has_errors(self.problems)


def check_tests(path: Path, shelf: WorkflowShelf) -> CheckedTests:
    """Read the file of tests at *path* and compare it with its workflow."""
    try:
        refuse_link(shelf.project, path, display_path(path))
        document = read_document(path, display_path(path))
    except DocumentsInvalid as error:
        return CheckedTests(path, None, None, None, tuple(error.problems))
    try:
        tests = validate(document, WorkflowTests)
    except DocumentsInvalid as error:
        return _checked_rest(path, document, shelf, set(error.problems))
    try:
        target = _workflow_path(path, document, tests, shelf)
    except DocumentsInvalid as error:
        return CheckedTests(path, document, tests, None, tuple(error.problems))
    workflow = shelf.load(target)
    if isinstance(workflow, UnusableWorkflow):
        own = tuple(sorted(document.findings))
        return CheckedTests(path, document, tests, None, own, workflow.problems)
    checks = _Checks(document, tests, workflow)
    checks.check()
    problems = tuple(at_most({*checks.problems, *document.findings}))
    beside = _scenario_problems(shelf.project, workflow)
    return CheckedTests(path, document, tests, None if beside else workflow, problems, beside)


def _scenario_problems(project: Project, loaded: LoadedWorkflow) -> tuple[Problem, ...]:
    """Return what is wrong in the scenario next to a workflow, which all its tests use."""
    try:
        scenario_beside(project, loaded)
    except DocumentsInvalid as error:
        return tuple(error.problems)
    return ()


def _checked_rest(
    path: Path, document: Document, shelf: WorkflowShelf, problems: set[Problem]
) -> CheckedTests:
    """Return a file that does not fit the models, with what is wrong in the part that does."""
    tests = fitting_part(document)
    if tests is not None:
        try:
            workflow = shelf.load(_workflow_path(path, document, tests, shelf))
        except DocumentsInvalid as error:
            problems |= set(error.problems)
        else:
            if isinstance(workflow, LoadedWorkflow):
                checks = _Checks(document, tests, workflow)
                checks.check()
                problems |= checks.problems
    return CheckedTests(path, document, None, None, tuple(at_most(problems)))


def _workflow_path(
    path: Path, document: Document, tests: WorkflowTests, shelf: WorkflowShelf
) -> Path:
    """Return the file of the workflow; Raises: DocumentsInvalid."""
    if tests.workflow is None:
        target = workflow_of(path)
        place = Location(document.file)
    else:
        place = document.location_of(("workflow",))
        folder = Path(os.path.realpath(path.parent))
        root = CheckContext(shelf.project, folder, settings_count=False).root
        try:
            target = data_path(root, tests.workflow, beside=folder)
        except PathRefused as refused:
            raise DocumentsInvalid([document.problem(place, refused.code, str(refused))]) from None
    if os.path.isfile(target):
        # As messages show it: relative to the folder of the command, links as they are written.
        return path.parent / tests.workflow if tests.workflow else target
    known = [one for one in names_in(target.parent) or [] if one.casefold().endswith(ENDINGS)]
    hint = did_you_mean(target.name, known) or "."
    message = f"There is no workflow `{tests.workflow or target.name}` for these tests{hint}"
    if tests.workflow is None:
        message += " Rename this file as the workflow is named, or write `workflow: <its file>`."
    raise DocumentsInvalid([document.problem(place, "no-such-workflow", message)])


class _Checks:
    """Compares one file of tests with its workflow; what is wrong gathers in `problems`."""

    def __init__(self, document: Document, tests: WorkflowTests, loaded: LoadedWorkflow) -> None:
        self._document = document
        self._tests = tests
        self._loaded = loaded
        self._steps = StepNames(loaded)
        self.problems: set[Problem] = set()

    def check(self) -> None:
        """Check the whole file."""
        self._check_names()
        self._check_inputs(("inputs",), self._tests.inputs)
        self._check_replies(("scenario",), self._tests.scenario)
        for number, test in enumerate(self._tests.tests):
            path: PathTo = ("tests", number)
            self._check_inputs((*path, "inputs"), test.inputs)
            self._check_missing(path, test)
            self._check_replies((*path, "scenario"), test.scenario)
            self._check_expectation((*path, "expect"), test.expect)

    def _note(self, path: PathTo, code: str, message: str, *, key: bool = False) -> None:
        place = self._document.key_location(path) if key else self._document.location_of(path)
        self.problems.add(self._document.problem(place, code, message))

    def _check_names(self) -> None:
        first: dict[str, int] = {}
        for number, test in enumerate(self._tests.tests):
            other = first.setdefault(test.name.strip().casefold(), number)
            if other != number:
                line = self._document.location_of(("tests", other, "name")).line
                message = (
                    f"Two tests have the name `{test.name}`; the other one is in line {line}. Give "
                    "each test a different name, which `-k` and reports can refer to."
                )
                self._note(("tests", number, "name"), "duplicate-test", message)

    # Inputs

    def _check_inputs(self, path: PathTo, values: Mapping[str, Any]) -> None:
        declared = self._loaded.workflow.inputs
        for name, value in values.items():
            if name not in declared:
                hint = did_you_mean(name, declared) or _listed("Its inputs are", declared)
                message = f"`{name}` is not an input of the workflow{hint}"
                self._note((*path, name), "unknown-input", message, key=True)
                continue
            if isinstance(value, str) and "{{" in value:
                message = "Inputs of a test have no templates. Write the value itself."
                self._note((*path, name), "template-not-allowed", message)
                continue
            try:
                read_input(declared[name], value)
            except ValueError as error:
                self._note((*path, name), "bad-input", f"The input `{name}` {error}.")

    def _check_missing(self, path: PathTo, test: WorkflowTest) -> None:
        given = {*self._tests.inputs, *test.inputs}
        if not self._document.has((*path, "name")):
            return
        for name in self._loaded.workflow.missing_inputs(given):
            message = (
                f"The workflow needs a value for its input `{name}`. Write it under `inputs` of "
                "this test, or of the file for all tests."
            )
            self._note((*path, "name"), "missing-input", message)

    def _check_replies(self, path: PathTo, scenario: Any) -> None:
        if scenario is None:
            return
        asking = self._steps.asking()
        for name in scenario.approvals:
            if self._steps.asks(name):
                continue
            hint = did_you_mean(name, asking) or _listed("Its `approve` steps are", asking)
            message = f"`{name}` is not an `approve` step of the workflow{hint}"
            self._note((*path, "approvals", name), "unknown-step", message, key=True)

    # Expectations

    def _check_expectation(self, path: PathTo, expect: Expectation) -> None:
        for name, step in expect.steps.items():
            where = (*path, "steps", name)
            if self._finds(where, name, key=True):
                self._check_outputs((*where, "outputs"), name, step.outputs)
        for name, arm in expect.branches.items():
            where = (*path, "branches", name)
            if self._finds(where, name, key=True) and (why := self._steps.arm_problem(name, arm)):
                self._note(where, "unknown-arm", why)
        known = self._loaded.workflow.outputs
        for name in expect.outputs:
            if name not in known:
                hint = did_you_mean(name, known) or _listed("Its outputs are", known)
                message = f"`{name}` is not an output of the workflow{hint}"
                self._note((*path, "outputs", name), "unknown-output", message, key=True)
        for key, requests in expect.requests:
            for number, request in enumerate(requests):
                if request.step is not None:
                    self._finds((*path, "requests", key, number, "step"), request.step)
        self._check_channels(path, expect)

    def _finds(self, path: PathTo, name: str, *, key: bool = False) -> bool:
        """Whether the workflow has the step *name*; if not, that is a problem at *path*."""
        try:
            self._steps.named(name)
        except RequestWrong as error:
            self._note(self._written(path), "unknown-step", str(error), key=key)
            return False
        return True

    def _written(self, path: PathTo) -> PathTo:
        """Return *path* as the file has it: the name of a list may be left out (`some`)."""
        if self._document.has(path):
            return path
        return tuple(one for one in path if one != "some")

    def _check_outputs(self, path: PathTo, name: str, outputs: Mapping[str, Any]) -> None:
        known, absent = self._steps.outputs(name)
        for output in outputs:
            if output in absent:
                message = f"This step has no output `{output}`: {absent[output]}."
            elif output not in known:
                hint = did_you_mean(output, known) or _listed("Its outputs are", known)
                message = f"`{output}` is not an output of the step `{name}`{hint}"
            else:
                continue
            self._note((*path, output), "unknown-output", message, key=True)

    def _check_channels(self, path: PathTo, expect: Expectation) -> None:
        known = self._steps.channels()
        for number, notification in enumerate(expect.notifications.some):
            to = notification.to
            if to is None or to in known or set("*?") & set(to):
                continue
            hint = did_you_mean(to, known) or _listed("It notifies", known)
            where = self._written((*path, "notifications", "some", number, "to"))
            message = f"The workflow does not notify `{to}`{hint}"
            self._note(where, "unknown-channel", message)


def _listed(words: str, names: Collection[str]) -> str:
    """Return a full stop and, if there are any, a sentence that lists *names*."""
    known = sorted(map(str, names))[:30]
    return f". {words} {', '.join(f'`{one}`' for one in known)}." if known else "."
