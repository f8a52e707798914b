"""`almaflow why`: explains why a run waits or how it ended, and what to do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from datetime import timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from almaflow.cli import bootstrap
from almaflow.cli.render.run_report import headline
from almaflow.cli.render.terminal import emit, emit_json, say
from almaflow.cli.render.text_layout import on_one_line
from almaflow.cli.render.tick_text import about_the_timetable, pause_as_data
from almaflow.cli.render.tick_text import as_data as tick_as_data
from almaflow.clock import Clock, SystemClock
from almaflow.errors import AlmaflowError, RequestWrong
from almaflow.late_dataclasses import dataclass
from almaflow.operations.recorded_plans import plan_of
from almaflow.operations.run_owner import is_worked_on
from almaflow.outcome import Status
from almaflow.problems import did_you_mean
from almaflow.runs.diagnosis import DiagnosisContext, Reason
from almaflow.runs.diagnosis import why as causes_of
from almaflow.runs.job_durations import Durations
from almaflow.runs.step_tree import StepTree
from almaflow.runs.views import RunView, view_of
from almaflow.settings import Project
from almaflow.store import RunNotFound, RunRecord, SchedulePause, Store, Tick
from almaflow.workflow_loader import find_workflow, load_workflow

# The largest number of unfinished runs that are reported for a workflow.
_MOST = 10

# Workflows whose names are compared with a mistyped one.
_COMPARED = 500


def why(
    run: Annotated[
        str,
        typer.Argument(
            metavar="RUN|NAME",
            help="Any unique part of a run's id, `last`, or the name of a workflow: its "
            "unfinished runs, or else its newest run.",
        ),
    ],
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the causes as one JSON document.")
    ] = False,
) -> None:
    """Explain why a run is waiting or how it ended, and what you can do about it.

    Everything comes from the record; almaflow does not query Alma.
    """
    clock = SystemClock()
    project = bootstrap.open_project()
    with bootstrap.open_store(project, clock) as store:
        timetable = _Timetable.of(store, run, clock)
        records = _runs(project, store, run, timetable)
        diagnoses = [_diagnosis(project, store, record, clock) for record in records]
    if as_json:
        data = [_as_data(view, causes) for view, causes in diagnoses]
        emit_json({"runs": data, "timetable": timetable and timetable.as_data()})
        return
    if timetable is not None:
        for line in timetable.lines(run, ZoneInfo(project.settings.timezone), clock):
            say(line)
    for number, (view, causes) in enumerate(diagnoses):
        if number:
            emit("")
        for line in _lines(view, causes):
            say(line)


@dataclass(frozen=True)
class _Timetable:
    """The state of a workflow's timetable, for people."""

    pause: SchedulePause | None
    ticks: list[Tick]
    """The newest ticks, including waiting ones, newest first."""

    @classmethod
    def of(cls, store: Store, workflow: str, clock: Clock) -> _Timetable | None:
        """Return the state from the store; None when there is nothing to report."""
        now = clock.now()
        pauses = store.pauses(workflow=workflow, since=now)
        waiting = store.ticks(workflow=workflow, open=True, limit=_MOST)
        last = store.ticks(workflow=workflow, open=False, until=now, limit=1)
        pause = next((one for one in pauses if one.holds(now)), None)
        return cls(pause, [*waiting, *last]) if pause or waiting or last else None

    def lines(self, workflow: str, zone: ZoneInfo, clock: Clock) -> Iterator[str]:
        remarks = list(about_the_timetable(self.ticks, self.pause, clock.now(), zone))
        if not remarks:
            return
        yield f"The timetable of {on_one_line(workflow)}"
        for text, move in remarks:
            yield f"  {on_one_line(text)}"
            if move:
                yield f"    → {move}"
        yield ""

    def as_data(self) -> dict[str, Any]:
        return {
            "pause": None if self.pause is None else pause_as_data(self.pause),
            "ticks": [tick_as_data(tick) for tick in self.ticks],
        }


def _runs(
    project: Project, store: Store, name: str, timetable: _Timetable | None
) -> list[RunRecord]:
    """Return the requested runs; Raises: RequestWrong."""
    newest = store.runs(1, workflow=name)
    if newest or timetable is not None:
        unfinished = (Status.QUEUED, Status.RUNNING, Status.WAITING)
        return store.runs(_MOST, workflow=name, statuses=unfinished) or newest
    try:
        return [store.find_run(name)]
    except RunNotFound as error:
        if _is_workflow(project, name):
            text = f"There are no runs of `{name}` yet. Start one with `almaflow run {name}`."
            raise RunNotFound(text) from error
        workflows = {record.workflow for record in store.runs(_COMPARED)}
        hint = did_you_mean(name, workflows)
        if hint:
            raise RunNotFound(f"There is no run or workflow named `{name}`{hint}") from error
        raise


def _is_workflow(project: Project, name: str) -> bool:
    try:
        load_workflow(find_workflow(name, project), project, simulated=True)
    except AlmaflowError:
        return False
    return True


def _diagnosis(
    project: Project, store: Store, record: RunRecord, clock: Clock
) -> tuple[RunView, list[Reason]]:
    plan = plan_of(store, record)
    entries, events = store.journal(record.id), store.events(record.id)
    worked_on = is_worked_on(store, record)
    view = view_of(record, plan, entries, events, worked_on=worked_on)

    def settle(institution: str) -> timedelta | None:
        try:
            return project.institution(institution).settle
        except RequestWrong:
            # The institution is no longer in almaflow.yaml.
            return None

    around = DiagnosisContext(
        now=clock.now(),
        own_places=store.slots_of(record.id),
        holders=store.holders,
        queue=store.queue,
        durations=Durations(store.learned_durations()),
        settle=settle,
        process=None if record.owner is None else store.process(record.owner),
        outline=None if plan is None else StepTree.of(plan),
    )
    return view, causes_of(view, around)


def _lines(view: RunView, causes: list[Reason]) -> Iterator[str]:
    yield headline(view)
    for cause in causes:
        head = f"{cause.path}: " if cause.path else ""
        yield f"  {head}{on_one_line(cause.text)}"
        yield from (f"    {on_one_line(line)}" for line in cause.details)
        yield from (f"    → {on_one_line(line)}" for line in cause.moves)
    if not any(one.moves for one in causes) and view.outcome is None:
        yield "  You do not need to do anything."


def _as_data(view: RunView, causes: list[Reason]) -> dict[str, Any]:
    return {
        "id": view.id,
        "workflow": view.workflow,
        "status": view.status,
        "outcome": view.outcome,
        "attempt": view.attempt,
        "held": view.held,
        "worked_on": view.worked_on,
        "causes": [asdict(one) for one in causes],
    }
