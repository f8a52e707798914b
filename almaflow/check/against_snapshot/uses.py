"""What workflows name in Alma, each with its place and the institution where it runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Protocol

from almaflow.document import Document, PathTo
from almaflow.late_dataclasses import dataclass
from almaflow.steps.base import Kind, StepBase
from almaflow.steps.which_kind import is_call
from almaflow.workflow import Workflow


class WorkflowFile(Protocol):
    """A checked file or a loaded workflow, with those that it calls."""

    @property
    def document(self) -> Document | None: ...

    @property
    def workflow(self) -> Workflow | None: ...

    @property
    def calls(self) -> Mapping[str, WorkflowFile]: ...


@dataclass(frozen=True)
class PlacedStep:
    """A step, where its document has it, and the entry of almaflow.yaml where it runs.

    *institution* is None when none is named; *is_computed*: only the run knows it.
    """

    step: StepBase
    path: PathTo
    institution: str | None
    is_computed: bool

    @property
    def kind(self) -> Kind:
        return self.step.kind

    @property
    def inside(self) -> PathTo:
        """Where what is under the kind's key is."""
        return (*self.path, self.step.kind.key)


@dataclass(frozen=True)
class StepsOfFile:
    """The steps of one file, as it is run directly or called from one place."""

    document: Document
    workflow: Workflow
    steps: tuple[PlacedStep, ...]

    @cached_property
    def by_id(self) -> dict[str, PlacedStep]:
        """The steps that can be referred to."""
        return {one.step.id: one for one in self.steps if one.step.id is not None}


def files_of(file: WorkflowFile, institution: str | None) -> Iterator[StepsOfFile]:
    """Yield *file* and those it calls, each once for every institution where it runs.

    *institution* is where it runs when it names none itself.
    """
    waiting: list[tuple[WorkflowFile, str | None]] = [(file, institution)]
    done: set[tuple[int, str | None]] = set()
    while waiting:
        current, there = waiting.pop()
        if current.document is None or current.workflow is None:
            continue
        if (id(current), there) in done:
            continue
        done.add((id(current), there))
        found = StepsOfFile(
            current.document, current.workflow, tuple(_placed(current.workflow, there))
        )
        yield found
        # A template stays one: what is called there runs where only the run knows.
        waiting.extend(
            (current.calls[placed.kind.workflow], placed.institution)
            for placed in found.steps
            if is_call(placed.kind) and placed.kind.workflow in current.calls
        )


def _placed(workflow: Workflow, institution: str | None) -> Iterator[PlacedStep]:
    if workflow.institution is not None:
        institution = workflow.institution.text
    for node in workflow.all_steps():
        named = [one.step.institution for one in (*node.around, node)]
        there = next((one.text for one in reversed(named) if one is not None), institution)
        computed = there is not None and "{{" in there
        yield PlacedStep(node.step, node.keys, there, computed)
