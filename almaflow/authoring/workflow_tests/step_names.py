"""The steps of a workflow as tests name them: by path or id, with outputs, arms and channels."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cached_property

from almaflow.late_dataclasses import dataclass
from almaflow.problems import did_you_mean
from almaflow.runs.step_tree import ANY, StepPosition, StepTree
from almaflow.steps.base import Kind
from almaflow.steps.branch import Branch, split_case
from almaflow.steps.common_outputs import COMMON_OUTPUTS
from almaflow.steps.notify import Notify
from almaflow.workflow_loader import LoadedWorkflow

NONE = "none"
"""The arm of a branch that is not reached."""
DEFAULT = "default"


@dataclass(frozen=True)
class Arm:
    """One arm of a branch: its part of the path, and how the file writes it."""

    name: str
    written: str


class StepNames:
    """What the steps of a workflow, and of those that it calls, are called."""

    def __init__(self, loaded: LoadedWorkflow) -> None:
        self._loaded = loaded
        self.tree = StepTree.of_loaded(loaded)

    @cached_property
    def places(self) -> Sequence[StepPosition]:
        """Every step in the order of the file; `*` represents the iterations."""
        return tuple(self.tree.places())

    def named(self, name: str) -> StepPosition:
        """Return the step called *name*: a path, with a number or `*` for iterations, or an id.

        Raises:
            RequestWrong: there is none, or several have this id.
        """
        return self.tree.named(name)

    def pattern(self, name: str) -> str:
        """Return the path of the step called *name*, in which `*` means every iteration."""
        return self.tree.named(name).path

    def outputs(self, name: str) -> tuple[Collection[str], Mapping[str, str]]:
        """Return the outputs of a step, and those of its kind that it has not, with reasons."""
        kind = self.named(name).step.kind
        assert isinstance(kind, Kind)
        known = {*kind.output_types(), *COMMON_OUTPUTS}
        if kind.key == "call":
            called = getattr(kind, "workflow", "")
            known |= {output for one in self._called(called) for output in one.workflow.outputs}
        return known, kind.unavailable_outputs()

    def _called(self, name: str) -> Iterator[LoadedWorkflow]:
        """Yield the workflows that are called by this name, here or in what is called."""
        waiting = [self._loaded]
        while waiting:
            current = waiting.pop()
            for written, one in current.calls.items():
                waiting.append(one)
                if written == name:
                    yield one

    # Branches

    def arms(self, position: StepPosition) -> list[Arm]:
        """Return the arms of a branch, in order; empty for other steps."""
        kind = position.step.kind
        if not isinstance(kind, Branch):
            return []
        named = [Arm(f"case-{number}", text) for number, text in enumerate(kind.cases, start=1)]
        return named if kind.default is None else [*named, Arm(DEFAULT, DEFAULT)]

    def arm(self, position: StepPosition, text: str) -> str | None:
        """Return the arm that *text* means: a case, one of its values, or `case-2`."""
        text = text.strip()
        if text == NONE:
            return NONE
        for arm in self.arms(position):
            if text in (arm.name, arm.written, *split_case(arm.written)):
                return arm.name
        return None

    def arm_problem(self, name: str, text: str) -> str:
        """Return why *text* is not an arm of the branch *name*; empty: it is."""
        position = self.named(name)
        arms = self.arms(position)
        if not isinstance(position.step.kind, Branch):
            kind = position.step.kind.key
            return (
                f"`{name}` is a `{kind}` step and has no arms. Use `steps` for what it should do."
            )
        if self.arm(position, text) is not None:
            return ""
        values = [value for arm in arms for value in split_case(arm.written)]
        hint = did_you_mean(text, [*values, NONE]) or "."
        listed = ", ".join(f"`{arm.written}`" for arm in arms)
        return f"`{text}` is not an arm of `{name}`{hint} The arms are {listed} and `{NONE}`."

    # Approvals and channels

    def asking(self) -> set[str]:
        """Return the paths and ids of the steps that ask a person."""
        steps = [one for one in self.places if one.step.kind.key == "approve"]
        return {one.path for one in steps} | {one.path.rsplit("/", 1)[-1] for one in steps}

    def asks(self, name: str) -> bool:
        """Whether *name* is a step that asks a person, possibly in one iteration."""
        if name in self.asking():
            return True
        position = self.tree.place(name)
        return position is not None and position.step.kind.key == "approve"

    def channels(self) -> set[str]:
        """Return the channels that the workflow may notify."""
        known = {rule.to for rule in self._loaded.workflow.notify}
        for position in self.places:
            kind = position.step.kind
            if isinstance(kind, Notify):
                known.add(kind.to)
        return known


def any_iteration(path: str) -> str:
    """Return *path* with `*` in place of the numbers of iterations."""
    return "/".join(ANY if part.isdecimal() else part for part in path.split("/"))


def matches(pattern: str, path: str) -> bool:
    """Whether *path* of a run is the step that *pattern*, in which `*` is any number, means."""
    wanted, given = pattern.split("/"), path.split("/")
    return len(wanted) == len(given) and all(
        one == other or (one == ANY and other.isdecimal())
        for one, other in zip(wanted, given, strict=True)
    )
