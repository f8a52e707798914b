"""Limits how many steps one run may begin, because nested loops multiply."""

from __future__ import annotations

from almaflow.engine.journal import RunJournal
from almaflow.engine.scope import Halt
from almaflow.steps.base import MOST_STEPS

STEPS_OF_FINALLY = 10_000
"""How many additional steps a run may begin for `finally`."""


class StepLimit(Halt):
    """Halts the whole run when it has begun the largest number of steps; `finally` may begin some
    more.
    """

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
