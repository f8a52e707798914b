"""`almaflow pause` and `unpause`: pauses the timetable of a workflow."""

from __future__ import annotations

from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from almaflow.cli import bootstrap
from almaflow.cli.prompts import who
from almaflow.cli.render.run_details import instant
from almaflow.cli.render.terminal import say
from almaflow.cli.render.tick_text import about_pause
from almaflow.cli.sources import ServerOption, TokenOption, is_remote
from almaflow.clock import SystemClock
from almaflow.operations import pausing
from almaflow.operations.typed_times import HOW, read_future

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The workflow.")]
NoteOption = Annotated[
    str, typer.Option("--note", metavar="TEXT", help="The reason; it is shown with the pause.")
]


def pause(
    name: NameArgument,
    until: Annotated[
        str | None,
        typer.Option(
            "--until",
            metavar="WHEN",
            help=f"When the pause ends. {HOW} how long from now, such as 3h; a date means its "
            "midnight, a time of day its next occurrence. Default: the pause lasts until "
            "`almaflow unpause`.",
        ),
    ] = None,
    note: NoteOption = "",
    server: ServerOption = None,
    token: TokenOption = None,
) -> None:
    """Pause the timetable of a workflow.

    Ticks during the pause are recorded as skipped and are not caught up. Runs that have started
    continue, and you can still run the workflow by hand. An existing pause is replaced.
    """
    if is_remote(server, token):
        from almaflow.cli.remote_commands import pause_there

        pause_there(server, token, name, until, note)
        return
    project, clock = bootstrap.open_project(), SystemClock()
    zone = ZoneInfo(project.settings.timezone)
    end = None if until is None else read_future(until, "--until", clock.now(), zone)
    with bootstrap.open_store(project, clock) as store:
        workflow = pausing.pause(project, store, name, until=end, note=note, by=who()).workflow
    ends = f"until {instant(end, zone)}" if end else f"until `almaflow unpause {workflow}`"
    say(f"{workflow} is paused {ends}. Its ticks are skipped; runs that have started continue.")


def unpause(name: NameArgument, server: ServerOption = None, token: TokenOption = None) -> None:
    """End the pause of a workflow; its ticks run again from now on."""
    if is_remote(server, token):
        from almaflow.cli.remote_commands import unpause_there

        unpause_there(server, token, name)
        return
    project, clock = bootstrap.open_project(), SystemClock()
    zone = ZoneInfo(project.settings.timezone)
    with bootstrap.open_store(project, clock) as store:
        stood = pausing.unpause(project, store, name, now=clock.now(), by=who())
    say(f"{stood.workflow} is no longer paused. {about_pause(stood, zone, ended=True)}")
