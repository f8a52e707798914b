"""`almaflow pause` and `unpause`: a time in which no tick of a workflow runs."""

from __future__ import annotations

from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from almaflow.cli import bootstrap
from almaflow.cli.prompts import as_recorded, who
from almaflow.cli.render.run_details import instant
from almaflow.cli.render.terminal import say
from almaflow.cli.render.tick_text import about_pause
from almaflow.cli.time_options import HOW, read_future
from almaflow.cli.workflow_lookup import workflow_named
from almaflow.clock import SystemClock
from almaflow.errors import RequestWrong

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The workflow.")]
NoteOption = Annotated[
    str, typer.Option("--note", metavar="TEXT", help="Why; shown wherever it matters.")
]


def pause(
    name: NameArgument,
    until: Annotated[
        str | None,
        typer.Option(
            "--until",
            metavar="WHEN",
            help=f"When it ends by itself. {HOW} how long from now, such as 3h; a date is its "
            "midnight, a time of day the next one. Without it somebody has to unpause.",
        ),
    ] = None,
    note: NoteOption = "",
) -> None:
    """Let no tick of a workflow run for a while.

    Ticks in the pause are recorded as skipped and not caught up. Runs that go on are not touched,
    and it can be run by hand. A pause that stands is replaced.
    """
    project, clock = bootstrap.open_project(), SystemClock()
    zone = ZoneInfo(project.settings.timezone)
    end = None if until is None else read_future(until, "--until", clock.now(), zone)
    with bootstrap.open_store(project, clock) as store:
        workflow = workflow_named(name, project, store)
        store.pause(workflow, by=who(), note=as_recorded(note), until=end)
    ends = f"until {instant(end, zone)}" if end else f"until `almaflow unpause {workflow}`"
    say(f"{workflow} is paused {ends}; its ticks are skipped, runs that go on are not touched.")


def unpause(name: NameArgument) -> None:
    """End the pause of a workflow; its ticks run again from now on."""
    project, clock = bootstrap.open_project(), SystemClock()
    zone = ZoneInfo(project.settings.timezone)
    with bootstrap.open_store(project, clock) as store:
        workflow = workflow_named(name, project, store)
        now = clock.now()
        stood = next((one for one in store.pauses(workflow=workflow) if one.holds(now)), None)
        if stood is None or store.unpause(workflow, by=who()) is None:
            raise RequestWrong(f"{workflow} is not paused.")
    was = about_pause(stood, zone).replace("It is paused", "It was paused", 1)
    say(f"{workflow} is paused no longer. {was}")
