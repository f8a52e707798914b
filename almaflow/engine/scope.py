"""The execution scope of a list of steps: its workflow, names, deadlines and institution."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from almaflow.engine.deadlines import Deadlines
from almaflow.engine.names import Names, Scope
from almaflow.late_dataclasses import dataclass
from almaflow.plan import Plan


class Halted(Exception):
    """Raised to begin no more steps: a parallel block failed, or the run reached its limit of
    steps.

    The text says which.
    """


class Halt:
    """A flag that no new step may begin in a block, because a parallel block has failed."""

    def __init__(self, around: Halt | None = None) -> None:
        self._around = around
        self._asked = False

    def set(self) -> None:
        """Let no new step begin."""
        self._asked = True

    @property
    def is_set(self) -> bool:
        """Whether the flag is set here or in an outer block."""
        return self._asked or (self._around is not None and self._around.is_set)

    def why(self, path: str) -> str:
        """Return why the step at *path* did not begin."""
        if self._around is not None and self._around.is_set:
            return self._around.why(path)
        return "A parallel step failed, so nothing new was started here."


@dataclass(frozen=True)
class ExecutionScope:
    """The execution scope of a list of steps; *plan* and *names* belong to its workflow."""

    plan: Plan
    names: Names
    scope: Scope
    limits: Deadlines
    institution: str
    halt: Halt = field(default_factory=Halt)
    more: Mapping[str, Any] = field(default_factory=dict)
    """Further names, such as the item of an iteration."""
