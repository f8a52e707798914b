"""All tests of some files: played one after the other, each apart from the others."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator

from almaflow.authoring.workflow_tests.checking import CheckedTests
from almaflow.authoring.workflow_tests.comparing import compare, outcome_of
from almaflow.authoring.workflow_tests.differences import Difference, Differences
from almaflow.authoring.workflow_tests.running import Player, Record, Situations
from almaflow.authoring.workflow_tests.step_names import StepNames
from almaflow.clock import SystemClock
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
    files: Iterable[CheckedTests], play: Player, situations: Situations, chosen: Container[str]
) -> Iterator[PlayedTest]:
    """Play the tests of *files* whose names are *chosen*, in order."""
    clock = SystemClock()
    for file in files:
        document, tests, workflow = file.document, file.tests, file.workflow
        if document is None or tests is None or workflow is None:
            continue
        names = StepNames(workflow)
        for number, test in enumerate(tests.tests):
            if test.name not in chosen:
                continue
            record, began = Record(), clock.elapsed()
            path = ("tests", number, "expect")
            outcome, simulated = "", 0.0
            try:
                view = play(situations.of(workflow, tests, test), record)
            except AlmaflowError as error:
                found = Differences(document, path)
                found.note((), "the run", "to begin", "could not begin", str(error))
                differences = found.all
            else:
                outcome, simulated = outcome_of(view), view.seconds or 0.0
                differences = compare(document, path, test.expect, names, view, record)
            yield PlayedTest(
                file,
                workflow,
                test.name,
                document.location_of(("tests", number, "name")),
                outcome,
                tuple(differences),
                clock.elapsed() - began,
                simulated,
                record,
            )
