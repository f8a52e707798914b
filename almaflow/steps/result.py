"""How steps, attempts and blocks end."""

from __future__ import annotations

from enum import StrEnum

from almaflow.errors import AlmaflowError
from almaflow.late_dataclasses import dataclass
from almaflow.outcome import Outcome


class BlockExit(StrEnum):
    """How a step ends the nearest block around it, instead of letting it continue."""

    STOP = "stop"
    """The block ends well."""
    SKIP = "skip"
    """The block had nothing to do."""


@dataclass(frozen=True)
class StepResult:
    """How a step, an attempt or a block ended.

    *error* is a sentence, empty when there is none; *ends* is set by `stop` and by a `check`
    with `otherwise: skip`, and travels up to the nearest block; *at* is the path of the step that
    *error* names as its origin, empty when it names none.
    """

    outcome: Outcome = Outcome.SUCCEEDED
    error: str = ""
    ends: BlockExit | None = None
    at: str = ""


def timed_out(error: str) -> StepResult:
    """Return the ending of a step whose time has expired."""
    return StepResult(Outcome.TIMED_OUT, error)


class StepFailed(AlmaflowError):
    """A step cannot do its work; the text says why.

    *status* is Alma's code when an Alma run's ending is the reason: what `retry: {on: …}` lists.
    """

    def __init__(self, text: str, *, status: str = "") -> None:
        super().__init__(text)
        self.status = status


class OutcomeUnknown(AlmaflowError):
    """A request was sent, and it is not known whether Alma accepted it: a person has to check."""
