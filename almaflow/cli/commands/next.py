"""`almaflow next`: when workflows are due, and what will happen to each tick."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from almaflow.cli.options import JsonOption
from almaflow.cli.render.terminal import emit, emit_json, say
from almaflow.cli.sources import ServerOption, TokenOption, open_source
from almaflow.clock import SystemClock
from almaflow.errors import RequestWrong
from almaflow.json_data import as_data
from almaflow.operations.coming_ticks import FAR, ComingTick
from almaflow.operations.typed_times import HOW, read_end, read_past


def next_(
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="A workflow or its file; default: all workflows."),
    ] = None,
    count: Annotated[
        int,
        typer.Option(
            "--count", "-n", metavar="N", min=1, max=10_000, help="The number of ticks to show."
        ),
    ] = 10,
    since: Annotated[
        str | None,
        typer.Option("--from", metavar="WHEN", help=f"{HOW} how long ago; default: now."),
    ] = None,
    until: Annotated[
        str | None, typer.Option("--until", metavar="WHEN", help=f"{HOW} how long from now.")
    ] = None,
    as_json: JsonOption = False,
    server: ServerOption = None,
    token: TokenOption = None,
) -> None:
    """Show when workflows are due, with days off, pauses and the ticks that `skip-next` skips.

    This uses the current files, whether `almaflow serve` has read them or not.
    """
    with open_source(server, token) as source:
        zone = source.zone
        after, last = _period(since, until, zone)
        coming, remarks = source.next(name, after, last, count)
    for remark in remarks:
        say(remark, err=True)
    if as_json:
        emit_json(as_data(coming))
        return
    for tick in coming:
        emit(_line(tick, named=name is None))
    if not coming:
        say("No tick is due in the future." if until is None else "No tick is due until then.")


def _period(since: str | None, until: str | None, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Return the beginning and the end that were asked for; Raises: RequestWrong."""
    now = SystemClock().now()
    after = now if since is None else read_past(since, "--from", now, zone)
    last = after + FAR if until is None else read_end(until, "--until", now, zone)
    if last < after:
        raise RequestWrong(
            f"`--until {until}` is before the beginning, "
            f"{after.astimezone(zone):%Y-%m-%d %H:%M}. Use a later end, or an earlier "
            "beginning with `--from`."
        )
    return after, last


def _line(tick: ComingTick, *, named: bool) -> str:
    when = tick.at.strftime("%a %Y-%m-%d %H:%M:%S%z")
    when = f"{when[:-2]}:{when[-2:]}"
    what = f"{tick.workflow}  " if named else ""
    fate = f"  skipped: {tick.skipped}" if tick.skipped else ""
    return f"{when}  {what}{tick.timetable}{fate}"
