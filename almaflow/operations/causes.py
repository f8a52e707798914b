"""Why runs wait, or ended as they did: what `why`, the API and the page explain."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from almaflow.errors import RequestWrong
from almaflow.json_data import copied
from almaflow.late_dataclasses import dataclass
from almaflow.operations.ledger import PauseView, TickView, pause_view, tick_view
from almaflow.operations.run_records import is_worked_on, plan_of
from almaflow.outcome import UNFINISHED, Outcome, Status
from almaflow.problems import did_you_mean
from almaflow.recorded_steps import unreadable
from almaflow.runs.diagnosis import DiagnosisContext, Reason, why
from almaflow.runs.job_durations import Durations
from almaflow.runs.step_tree import StepTree
from almaflow.runs.views import RunView, view_of
from almaflow.settings import Project
from almaflow.store import RunNotFound, RunRecord, Store

# The largest number of unfinished runs that are explained for a workflow, and of its open ticks.
_MOST = 10

# Workflows whose names are compared with a mistyped one.
_COMPARED = 500


@dataclass(frozen=True)
class Diagnosis:
    """Why one run waits or ended."""

    id: str
    """The id of the run."""
    workflow: str
    """The name of its workflow."""
    status: Status
    """Where the run is in its life."""
    outcome: Outcome | None
    """How it ended; None as long as it has not."""
    attempt: int
    """The number of its last attempt, from 1."""
    held: bool
    """Interrupted by a person; it waits for `resume`."""
    worked_on: bool
    """Whether a live process executes it."""
    causes: tuple[Reason, ...]
    """The run's own first."""


@dataclass(frozen=True)
class TimetableState:
    """What is to be known about the timetable of a workflow."""

    pause: PauseView | None
    """The pause that lasts now."""
    ticks: tuple[TickView, ...]
    """The open ones and the last one that ended, newest first."""


@dataclass(frozen=True)
class Diagnoses:
    """The document of `why --json`."""

    runs: tuple[Diagnosis, ...]
    """The runs that were asked for, newest first."""
    timetable: TimetableState | None
    """Of a workflow that was asked for; None when a run was."""


@dataclass(frozen=True)
class Explained:
    """One run and its causes."""

    view: RunView
    causes: tuple[Reason, ...]

    def diagnosis(self) -> Diagnosis:
        """Return the part that `why --json` prints."""
        return copied(Diagnosis, self.view, causes=self.causes)


@dataclass(frozen=True)
class Explanation:
    """The answer to a name: the runs that it means, and the timetable of the workflow it names."""

    runs: tuple[Explained, ...]
    timetable: TimetableState | None

    def diagnoses(self) -> Diagnoses:
        """Return the document of `why --json`."""
        return Diagnoses(tuple(one.diagnosis() for one in self.runs), self.timetable)


def explain(
    project: Project, store: Store, name: str, now: datetime, is_workflow: Callable[[str], bool]
) -> Explanation:
    """Explain the unfinished runs of the workflow *name*, else its newest, else the run *name*.

    *is_workflow* says whether there is a valid workflow of a name that has no run.

    Raises:
        RunNotFound: *name* means no run, or more than one.
    """
    timetable = timetable_state(store, name, now)
    records = _runs(store, name, timetable is not None, is_workflow)
    return Explanation(
        tuple(explain_run(project, store, record, now) for record in records), timetable
    )


def timetable_state(store: Store, workflow: str, now: datetime) -> TimetableState | None:
    """Return the state of a workflow's timetable; None when there is nothing to report."""
    pauses = store.pauses(workflow=workflow, since=now)
    waiting = store.ticks(workflow=workflow, open=True, limit=_MOST)
    last = store.ticks(workflow=workflow, open=False, until=now, limit=1)
    pause = next((one for one in pauses if one.holds(now)), None)
    if not (pause or waiting or last):
        return None
    ticks = tuple(tick_view(one) for one in [*waiting, *last])
    return TimetableState(None if pause is None else pause_view(pause), ticks)


def _runs(
    store: Store, name: str, has_timetable: bool, is_workflow: Callable[[str], bool]
) -> list[RunRecord]:
    newest = store.runs(1, workflow=name)
    if newest or has_timetable:
        return store.runs(_MOST, workflow=name, statuses=UNFINISHED) or newest
    try:
        return [store.find_run(name)]
    except RunNotFound as error:
        if is_workflow(name):
            text = f"There are no runs of `{name}` yet. Start one with `almaflow run {name}`."
            raise RunNotFound(text) from error
        hint = did_you_mean(name, {one.workflow for one in store.runs(_COMPARED)})
        if hint:
            raise RunNotFound(f"There is no run or workflow named `{name}`{hint}") from error
        raise


def explain_run(project: Project, store: Store, record: RunRecord, now: datetime) -> Explained:
    """Return the causes of one run; nothing is asked of Alma."""
    plan = plan_of(store, record)
    entries, events = store.journal(record.id), store.events(record.id)
    definition = None if plan is None else plan.definition
    view = view_of(record, definition, entries, events, worked_on=is_worked_on(store, record))

    def settle(institution: str) -> timedelta | None:
        try:
            return project.institution(institution).settle
        except RequestWrong:
            # The institution is no longer in almaflow.yaml.
            return None

    around = DiagnosisContext(
        now=now,
        own_slots=store.slots_of(record.id),
        holders=store.holders,
        queue=store.queue,
        durations=Durations(store.learned_durations()),
        settle=settle,
        process=None if record.owner is None else store.process(record.owner),
        step_tree=None if plan is None else StepTree.of(plan),
        unreadable=unreadable(record),
    )
    return Explained(view, tuple(why(view, around)))
