"""The position of a list of steps in a run: what its steps see, and what ends them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from almaflow.engine.deadlines import Deadlines
from almaflow.engine.names import Names, Scope
from almaflow.late_dataclasses import dataclass
from almaflow.plan import Plan


class Halted(Exception):
    """Nothing new begins here: a neighbour has failed, or the run has begun too many steps.

    The text says which.
    """


class Halt:
    """Whether nothing new may begin in a block, because a parallel one has failed."""

    def __init__(self, around: Halt | None = None) -> None:
        self._around = around
        self._asked = False

    def set(self) -> None:
        """Let nothing new begin."""
        self._asked = True

    @property
    def is_set(self) -> bool:
        """Whether it was asked for here or further out."""
        return self._asked or (self._around is not None and self._around.is_set)

    def why(self, path: str) -> str:
        """Return why the step at *path* did not begin."""
        if self._around is not None and self._around.is_set:
            return self._around.why(path)
        return "A parallel step failed, so nothing new was started here."


@dataclass(frozen=True)
class Where:
    """The surroundings of a list of steps; *plan* and *names* belong to its workflow."""

    plan: Plan
    names: Names
    scope: Scope
    limits: Deadlines
    institution: str
    halt: Halt = field(default_factory=Halt)
    more: Mapping[str, Any] = field(default_factory=dict)
    """Further names, such as the item of an iteration."""
