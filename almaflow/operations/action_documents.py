"""The documents with which a server answers what a person asks of runs, for both sides.

The API makes them, and `--server` reads them.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from almaflow.json_data import copied
from almaflow.late_dataclasses import dataclass
from almaflow.operations.run_list import RunSummary
from almaflow.runs.retry_plan import SubmittedBefore

if TYPE_CHECKING:
    from almaflow.operations.resolution import Candidates, UnconfirmedRequest
    from almaflow.operations.retrying import ComingAttempt


@dataclass(frozen=True)
class QueuedRun:
    """A run that was asked for."""

    run: RunSummary
    """The run."""
    created: bool
    """Whether this request recorded it; otherwise an earlier one with the same key did."""


@dataclass(frozen=True)
class RetryPreview:
    """What a new attempt at a run would do."""

    run: str
    """The id of the run."""
    attempt: int
    """The number of the new attempt."""
    start: str | None
    """The step to start again from; None: the steps that failed."""
    steps: tuple[str, ...]
    """The paths of the steps that it repeats."""
    submitted: tuple[SubmittedBefore, ...]
    """The jobs that it would submit again."""


@dataclass(frozen=True)
class ReplyGiven:
    """The reply to a step, as `approve --json` prints it."""

    run: str
    """The id of the run."""
    step: str
    """The path of the step."""
    approved: bool
    """Whether it was approved; otherwise it was rejected."""
    comment: str
    """What the person wrote; else empty."""
    by: str
    """Who replied."""
    at: datetime
    """When the reply was recorded."""
    worked_on: bool
    """Whether a live process executes the run; if none does, the reply is kept until one does."""


@dataclass(frozen=True)
class PossibleInstance:
    """An instance in Alma that could be a submission whose response was lost."""

    id: str
    """Alma's id of the instance."""
    name: str
    """Alma's name of the instance."""
    status: str
    """Alma's code; empty while there is none."""
    submitted_at: datetime | None
    """When Alma accepted it; None when Alma does not say."""
    submitted_by: str
    """Who submitted it, as Alma names them; else empty."""
    is_marked: bool
    """Whether its name has the marker of the submission: it certainly is the one."""


@dataclass(frozen=True)
class Unconfirmed:
    """A submission for which it is not known whether Alma accepted it."""

    run: str
    """The id of the run."""
    step: str
    """The step's path."""
    job_id: str
    """Alma's id of the job."""
    institution: str
    """The institution that it was sent to."""
    instances: tuple[PossibleInstance, ...]
    """The instances in Alma that could be it, newest first."""


def unconfirmed(run: str, lost: UnconfirmedRequest, found: Candidates) -> Unconfirmed:
    """Return the document of a submission, with what Alma lists."""
    marked = None if found.marked is None else found.marked.id
    instances = tuple(
        copied(PossibleInstance, one, submitted_at=one.submit_time, is_marked=one.id == marked)
        for one in found.instances
    )
    return Unconfirmed(run, lost.path, lost.trace.job_id, lost.institution, instances)


def retry_preview(coming: ComingAttempt) -> RetryPreview:
    """Return the document of a new attempt."""
    return RetryPreview(
        run=coming.run.id,
        attempt=coming.run.attempt + 1,
        start=coming.start,
        steps=tuple(coming.steps.redo),
        submitted=coming.steps.submitted,
    )
