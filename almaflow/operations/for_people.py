"""What waits for a person: questions, submissions of unknown outcome, and runs on hold."""

from __future__ import annotations

from collections.abc import Sequence

from almaflow.late_dataclasses import dataclass
from almaflow.operations.resolution import lost_in
from almaflow.operations.run_records import is_worked_on
from almaflow.outcome import UNFINISHED
from almaflow.runs.step_views import waits_of
from almaflow.store import RunRecord, Store
from almaflow.waiting import WaitingKind

MOST_RUNS = 1_000
"""How many unfinished runs are read, the newest first; older ones are omitted."""


@dataclass(frozen=True)
class OpenQuestion:
    """A step that waits for a person to approve or reject."""

    run: RunRecord
    step: str
    question: str


@dataclass(frozen=True)
class LostSubmission:
    """A step whose submission may have been accepted by Alma."""

    run: RunRecord
    step: str
    reason: str


@dataclass(frozen=True)
class ForPeople:
    """Everything that waits for a person, the newest run first."""

    questions: Sequence[OpenQuestion]
    lost: Sequence[LostSubmission]
    on_hold: Sequence[RunRecord]

    @property
    def number(self) -> int:
        """How many things wait."""
        return len(self.questions) + len(self.lost) + len(self.on_hold)


def for_people(store: Store) -> ForPeople:
    """Return what waits for a person."""
    runs = store.runs(MOST_RUNS, statuses=UNFINISHED)
    questions = [
        OpenQuestion(run, wait.path, wait.text)
        for run in runs
        for wait in waits_of(run, None)
        if wait.kind is WaitingKind.PERSON
    ]
    lost = [one for run in runs for one in _lost(store, run)]
    resolved = {one.run.id for one in lost}
    on_hold = [run for run in runs if run.held and run.id not in resolved]
    return ForPeople(questions, lost, on_hold)


def _lost(store: Store, run: RunRecord) -> list[LostSubmission]:
    if not {WaitingKind.RESOLVE, WaitingKind.UNCONFIRMED} & {wait.kind for wait in run.waits}:
        return []
    found = lost_in(store.journal(run.id), worked_on=is_worked_on(store, run))
    return [LostSubmission(run, path, run.reason) for path in found]
