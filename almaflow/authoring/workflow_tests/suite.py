"""All tests of some files: played one after the other, each apart from the others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from almaflow.authoring.workflow_tests.checking import CheckedTests
from almaflow.authoring.workflow_tests.comparing import compare, outcome_of
from almaflow.authoring.workflow_tests.differences import Difference, Differences
from almaflow.authoring.workflow_tests.models import WorkflowTest
from almaflow.authoring.workflow_tests.running import Player, Record, Situations
from almaflow.authoring.workflow_tests.step_names import StepNames
from almaflow.errors import AlmaflowError
from almaflow.late_dataclasses import dataclass
from almaflow.problems import Location
from almaflow.workflow_loader import LoadedWorkflow


@dataclass(frozen=True)
class PlayedTest:
    """How one test ended.

    *outcome* is the run's, empty when it could not begin. *seconds* are those that playing it
    took, *simulated_seconds* those of the run. *record* is what the run did.
    """

    file: CheckedTests
    workflow: LoadedWorkflow
    name: str
    location: Location
    outcome: str
    differences: tuple[Difference, ...]
    seconds: float
    simulated_seconds: float
    record: Record

    @property
    def passed(self) -> bool:
        """Whether the run did all that is expected."""
        return not self.differences


def play_tests(
    files: Iterable[CheckedTests],
    play: Player,
    situations: Situations,
    elapsed: Callable[[], float],
    chosen: Callable[[str], bool] = lambda name: True,
) -> Iterator[PlayedTest]:
    """Play the *chosen* tests of *files*, in order; *elapsed* is a clock in seconds."""
    for file in files:
        if file.tests is None or file.workflow is None:
            continue
        names = StepNames(file.workflow)
        for number, test in enumerate(file.tests.tests):
            if chosen(test.name):
                yield _played(file, number, test, names, play, situations, elapsed)


def _played(
    file: CheckedTests,
    number: int,
    test: WorkflowTest,
    names: StepNames,
    play: Player,
    situations: Situations,
    elapsed: Callable[[], float],
) -> PlayedTest:
    assert file.document is not None
    assert file.tests is not None
    assert file.workflow is not None
    record, began = Record(), elapsed()
    path = ("tests", number, "expect")
    outcome, simulated = "", 0.0
    try:
        view = play(situations.of(file.workflow, file.tests, test), record)
    except AlmaflowError as error:
        found = Differences(file.document, path)
        found.note((), "the run", "to begin", "could not begin", str(error))
        differences = found.all
    else:
        outcome, simulated = outcome_of(view), view.seconds or 0.0
        differences = compare(file.document, path, test.expect, names, view, record)
    return PlayedTest(
        file,
        file.workflow,
        test.name,
        file.document.location_of(("tests", number, "name")),
        outcome,
        tuple(differences),
        elapsed() - began,
        simulated,
        record,
    )
