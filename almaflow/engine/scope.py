"""The execution scope of a list of steps: its workflow, names, deadlines and institution."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from almaflow.engine.deadlines import Deadlines
from almaflow.engine.journal import RunJournal
from almaflow.engine.names import Names, Scope
from almaflow.late_dataclasses import dataclass
from almaflow.plan import Plan
from almaflow.steps.base import MOST_STEPS


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


STEPS_OF_FINALLY = 10_000
"""How many additional steps a run may begin for `finally`."""


class StepLimit(Halt):
    """Halts a run that has begun the largest number of steps; `finally` may begin some more."""

    def __init__(self, journal: RunJournal, *, of_finally: bool = False) -> None:
        super().__init__()
        self._journal = journal
        self._most = MOST_STEPS + STEPS_OF_FINALLY * of_finally
        self._path = ""

    @property
    def is_set(self) -> bool:
        return self._journal.begun >= self._most

    def why(self, path: str) -> str:
        """Return why the step at *path* did not begin: the same message for every step."""
        self._path = self._path or path
        outermost = self._path.split("/")[0]
        if self._path.startswith("finally/"):
            outermost = "/".join(self._path.split("/")[:2])
        return (
            f"The run began {self._most:,} steps, the most that one run may have, so it "
            f"did not begin step {self._path}. Give the loops of step {outermost} fewer items, or "
            "divide the items between several runs."
        )
