"""What no test of a workflow reaches: steps, arms, guards, conditions and allowed failures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from almaflow.authoring.workflow_tests.running import Record
from almaflow.authoring.workflow_tests.step_names import DEFAULT, StepNames, any_iteration
from almaflow.document import Document, PathTo
from almaflow.late_dataclasses import dataclass
from almaflow.outcome import MAY_CONTINUE
from almaflow.problems import Location
from almaflow.runs.step_tree import StepPosition
from almaflow.steps.base import StepBase
from almaflow.workflow_loader import LoadedWorkflow

_FAILURES = frozenset(map(str, MAY_CONTINUE))


@dataclass(frozen=True)
class Point:
    """Something that a test can reach; *what* says it, as a clause about the step *path*."""

    path: str
    what: str
    location: Location


@dataclass(frozen=True)
class Coverage:
    """What the tests of one workflow reach. *missed* are in the order of the file."""

    workflow: str
    file: str
    points: int
    missed: tuple[Point, ...]

    @property
    def percent(self) -> float:
        """How much is reached, from 0 to 100."""
        return percent_of([self])


def percent_of(all_coverage: Iterable[Coverage]) -> float:
    """Return how much is reached of several workflows together, from 0 to 100."""
    coverages = list(all_coverage)
    points = sum(one.points for one in coverages)
    missed = sum(len(one.missed) for one in coverages)
    return 100.0 if not points else 100 * (points - missed) / points


def coverage_of(loaded: LoadedWorkflow, records: Sequence[Record]) -> Coverage:
    """Return what the runs in *records* reached of a workflow; called ones have their own tests."""
    reached = _Reached(records)
    points: list[tuple[Point, bool]] = []
    names = StepNames(loaded)
    for position in names.places:
        if not position.calls:
            points += _points(position, names, reached)
    missed = [point for point, is_reached in points if not is_reached]
    ordered = sorted(missed, key=lambda one: (one.location.line, one.location.column))
    return Coverage(loaded.name, loaded.document.file, len(points), tuple(ordered))


class _Reached:
    """What several runs reached, iterations taken together."""

    def __init__(self, records: Iterable[Record]) -> None:
        self.began: set[str] = set()
        self.outcomes: set[tuple[str, str]] = set()
        self.arms: set[tuple[str, str]] = set()
        for record in records:
            self.began |= {any_iteration(path) for path in record.began}
            self.outcomes |= {(any_iteration(path), it) for path, it in record.outcomes.items()}
            self.arms |= {(any_iteration(path), arm) for path, arm in record.arms.items()}

    def ended(self, path: str, outcomes: Iterable[str]) -> bool:
        return any((path, outcome) in self.outcomes for outcome in outcomes)


def _points(
    position: StepPosition, names: StepNames, reached: _Reached
) -> Iterator[tuple[Point, bool]]:
    """Yield the points of one step, each with whether it is reached."""
    step, path, document = position.step, position.path, position.document
    assert isinstance(step, StepBase)
    assert document is not None
    yield _point(position, document, (), "is never run"), path in reached.began
    for arm in names.arms(position):
        keys: PathTo = (arm.name,) if arm.name == DEFAULT else ("cases", arm.written)
        taken = (path, arm.name) in reached.arms
        yield (
            _point(position, document, ("branch", *keys), f"never takes the arm `{arm.written}`"),
            taken,
        )
    if step.if_ is not None:
        # A step whose `if` is false ends as skipped and does not begin.
        was_false = reached.ended(path, ["skipped"])
        yield _point(position, document, ("if",), "is never skipped by its `if`"), was_false
    if step.kind.key == "check":
        held_up = reached.ended(path, [*_FAILURES, "skipped"])
        yield _point(position, document, ("check",), "never stops the run"), held_up
    if step.on_failure == "continue":
        what = "never fails, so that `on_failure: continue` counts"
        failed = reached.ended(path, _FAILURES)
        yield _point(position, document, ("on_failure",), what), failed


def _point(position: StepPosition, document: Document, keys: PathTo, what: str) -> Point:
    location = document.key_location((*position.keys, *keys)) if keys else None
    return Point(position.path, what, location or document.location_of(position.keys))
