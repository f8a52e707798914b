"""`almaflow resume`: continues runs that were interrupted, are on hold or lost their process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import anyio
import typer

from almaflow.cli import bootstrap
from almaflow.cli.handoff import SilenceReport, continue_here
from almaflow.cli.interrupt import EXIT_INTERRUPTED, Interrupted, run_interruptible
from almaflow.cli.options import JsonOption, StrictOption
from almaflow.cli.render.event_lines import asks_a_person, event_line
from almaflow.cli.render.run_report import exit_code_of
from almaflow.cli.render.terminal import emit, say
from almaflow.errors import AlmaflowError, RequestWrong
from almaflow.operations.continuing import refuse_finished
from almaflow.outcome import UNFINISHED, Outcome
from almaflow.plan import recorded_plan
from almaflow.recorded_steps import is_readable, unreadable
from almaflow.runs.events import EventKind, RunEvent
from almaflow.settings import Project
from almaflow.store import LeaseLost, RunHeld, RunRecord, Store

if TYPE_CHECKING:
    from almaflow.engine.engine import Engine


def resume(
    run: Annotated[
        str | None, typer.Argument(help="The run: any unique part of its id, or `last`.")
    ] = None,
    all_runs: Annotated[
        bool,
        typer.Option(
            "--all",
            help="Resume every unfinished run that no process is executing, in parallel. Runs "
            "that wait for a person are resumed once they have an answer.",
        ),
    ] = False,
    watch: Annotated[
        bool,
        typer.Option(
            "--watch",
            help="With --all: keep watching until Ctrl-C for runs of processes that die and "
            "for runs that get an answer.",
        ),
    ] = False,
    strict: StrictOption = False,
    as_json: JsonOption = False,
) -> None:
    """Continue a run at the step where it stopped; finished steps are not repeated.

    If another process has the run and may be frozen, almaflow watches it for up to 20 seconds and
    takes over the run if it gives no sign of life. A run that was waiting for a job in Alma
    continues to wait for it. No job is submitted a second time.
    """
    if all_runs == (run is not None):
        raise RequestWrong(
            "Specify a run, such as `almaflow resume last`, or use `--all` to resume every "
            "unfinished run."
        )
    if all_runs and as_json:
        raise RequestWrong("`--json` prints one run. Specify the run, or omit `--json`.")
    if watch and not all_runs:
        raise RequestWrong("`--watch` needs `--all`. A single run is always followed to its end.")
    project = bootstrap.open_project()
    with bootstrap.open_store(project) as store:
        if run is not None:
            record = resume_run(project, store, store.find_run(run), as_json=as_json)
            raise typer.Exit(exit_code_of(record, strict=strict))
        raise typer.Exit(_resume_all(project, store, watch=watch, strict=strict))


def resume_run(project: Project, store: Store, record: RunRecord, *, as_json: bool) -> RunRecord:
    """Continue the run of *record* and follow it to its end.

    Raises:
        RequestWrong: the run is finished, or another version recorded it.
        RunHeld: a live process is executing it.
    """
    refuse_finished(record)
    plan = recorded_plan(record, store.definition(record.definition))
    return continue_here(project, store, record, plan, as_json=as_json)


# --- all of them ----------------------------------------------------------------------------------


class RunLines:
    """Listens to many runs and prints a line for each event of a whole run."""

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone
        self.outcomes: dict[str, Outcome | None] = {}
        """How each run ended; None for one that is waiting or running."""

    def receive(self, event: RunEvent) -> None:
        """Print runs that begin, end or wait for a person, and notifications."""
        if event.kind is EventKind.RUN:
            outcome = event.data.get("outcome")
            self.outcomes[event.run_id] = Outcome(outcome) if outcome else None
        asks = asks_a_person(event)
        of_the_run = event.kind is EventKind.SAID and not event.path
        if event.kind not in (EventKind.RUN, EventKind.NOTICE) and not of_the_run and not asks:
            return
        name = event.data.get("name", "")
        text = f"{name}: {event.text}" if name else event.text
        path = f"{event.run_id} {event.path}".rstrip()
        emit(event_line(event.at, event.kind, path, text, event.data, self._zone))

    def exit_code(self, *, strict: bool) -> int:
        """Return 0 when every run ended well."""
        outcomes = self.outcomes.values()
        bad = any(outcome is None or not outcome.is_good for outcome in outcomes)
        return int(bad or (strict and Outcome.WARNING in outcomes))


def _resume_all(project: Project, store: Store, *, watch: bool, strict: bool) -> int:
    """Execute every free run in parallel; return the exit code."""
    lines = RunLines(ZoneInfo(project.settings.timezone))
    engine = bootstrap.live_engine(project, store, lines)
    engine.watching = SilenceReport()

    async def main() -> bool:
        async with engine.running(), anyio.create_task_group() as tasks:
            for record in reversed(store.runs(statuses=UNFINISHED)):
                # No process takes these over automatically; they wait for `resume`.
                if record.held and is_readable(record.format):
                    tasks.start_soon(_bring_on, engine, record.id)
            # These runs must be claimed before the engine searches for other runs.
            await anyio.lowlevel.checkpoint()
            await engine.keep_working(watch=watch)
        return True

    if watch:
        emit("Watching for unfinished runs. Press Ctrl-C to stop.", err=True)
    try:
        run_interruptible(main)
    except Interrupted:
        held = sum(1 for outcome in lines.outcomes.values() if outcome is None)
        runs = "1 unfinished run is" if held == 1 else f"{held} unfinished runs are"
        starters = "it" if held == 1 else "they"
        text = f" {runs} on hold; jobs that {starters} started in Alma keep running." * bool(held)
        say(f"Interrupted.{text} Continue with `almaflow resume --all`.", err=True)
        return EXIT_INTERRUPTED
    for record in store.runs(statuses=UNFINISHED):
        if problem := unreadable(record):
            say(problem, err=True)
    if not lines.outcomes:
        emit("There are no runs to resume.")
    return lines.exit_code(strict=strict)


async def _bring_on(engine: Engine, run_id: str) -> None:
    """Execute a run in parallel with others; an error is recorded with it and ends no other run."""
    try:
        await engine.work_on(run_id)
    except LeaseLost:
        raise
    except RunHeld as error:
        say(str(error), err=True)
    except AlmaflowError:
        return
