"""`almaflow skip-next`: skips the next tick of a workflow."""

from __future__ import annotations

from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from almaflow.cli import bootstrap
from almaflow.cli.commands.pause import NameArgument, NoteOption
from almaflow.cli.prompts import who
from almaflow.cli.render.run_details import instant
from almaflow.cli.render.terminal import say
from almaflow.cli.sources import ServerOption, TokenOption, is_remote
from almaflow.clock import SystemClock
from almaflow.operations import skipping


def skip_next(
    name: NameArgument,
    entry: Annotated[
        str | None,
        typer.Option(
            "--entry",
            metavar="KEY",
            help="Only a tick of this schedule entry; default: of any entry.",
        ),
    ] = None,
    note: NoteOption = "",
    server: ServerOption = None,
    token: TokenOption = None,
) -> None:
    """Skip the next tick of a workflow; repeat the command to skip the one after it, too.

    Ticks on days off and in pauses do not count, because they do not run anyway.
    """
    if is_remote(server, token):
        from almaflow.cli.remote_commands import skip_there

        skip_there(server, token, name, entry, note)
        return
    project, clock = bootstrap.open_project(), SystemClock()
    with bootstrap.open_store(project, clock) as store:
        tick = skipping.skip_next(
            project, store, name, entry=entry, note=note, now=clock.now(), by=who()
        )
    zone = ZoneInfo(project.settings.timezone)
    say(
        f"The tick of {tick.workflow} at {instant(tick.at, zone)} (entry {tick.entry}) "
        "will be skipped."
    )
