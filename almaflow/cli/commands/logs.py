"""`almaflow logs`: the log of a run, and with `-f` its new lines."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from almaflow.cli.interrupt import EXIT_INTERRUPTED, Interrupted, run_interruptible
from almaflow.cli.options import JsonOption, RunArgument
from almaflow.cli.render.event_lines import event_line
from almaflow.cli.render.terminal import emit, emit_json
from almaflow.cli.sources import ServerOption, TokenOption, open_source
from almaflow.cli.streams import failure_of
from almaflow.clock import SystemClock, sleep
from almaflow.errors import RequestWrong
from almaflow.json_data import as_data
from almaflow.operations.run_log import LogLine, RunHead
from almaflow.outcome import Status

if TYPE_CHECKING:
    from almaflow.cli.sources import Source

# How often a followed run is polled.
_LOOK = timedelta(seconds=1)


def logs(
    run: RunArgument,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Follow the log until the run has ended.")
    ] = False,
    as_json: JsonOption = False,
    server: ServerOption = None,
    token: TokenOption = None,
) -> None:
    """Show the log of a run, one line for each event, in the workflow's time zone."""
    if follow and as_json:
        raise RequestWrong(
            "`--json` prints one document, but a log that is followed has no end. Use only "
            "one of `--json` and `--follow`."
        )
    with open_source(server, token) as source:
        if as_json:
            emit_json(as_data(source.log(run)))
            return
        head = source.head(run)
        if follow:
            _follow(source, head)
        else:
            _print(source.log(head.id).events, head.zone)


def _print(lines: Sequence[LogLine], zone: ZoneInfo) -> None:
    for one in lines:
        line = event_line(one.at, one.kind, one.path, one.text, one.data, zone)
        if line:
            emit(line)


def _follow(source: Source, head: RunHead) -> None:
    """Print the log until the run ends, no process executes it, or the reader has gone."""

    async def main() -> RunHead:
        clock = SystemClock()
        seen = 0
        while True:
            # The run is read first, so that what it logs before it ends is not missed.
            now = source.head(head.id)
            lines = source.log(head.id, skip=seen).events
            _print(lines, head.zone)
            seen += len(lines)
            if now.status is Status.FINISHED or failure_of(sys.stdout) is not None:
                return now
            if now.status is not Status.QUEUED and not now.worked_on:
                return now
            await sleep(clock, _LOOK)

    try:
        last = run_interruptible(main)
    except Interrupted:
        raise typer.Exit(EXIT_INTERRUPTED) from None
    if last.status is not Status.FINISHED and failure_of(sys.stdout) is None:
        emit(
            f"No process is executing run {last.id} now. Continue it with `almaflow resume "
            f"{last.id}`.",
            err=True,
        )
