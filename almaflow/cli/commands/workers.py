"""`almaflow workers`: the processes that share a store, whether they live, and what they run."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import typer

from almaflow.cli.interrupt import EXIT_INTERRUPTED, Interrupted, run_interruptible
from almaflow.cli.options import JsonOption
from almaflow.cli.render.listing import print_table
from almaflow.cli.render.run_details import instant
from almaflow.cli.render.terminal import emit, emit_json, say
from almaflow.cli.sources import ServerOption, TokenOption, open_source
from almaflow.clock import SystemClock, sleep
from almaflow.json_data import as_data
from almaflow.operations.processes import ProcessView, are_any_silent
from almaflow.store import RENEW

if TYPE_CHECKING:
    from almaflow.cli.sources import Source


def workers(
    as_json: JsonOption = False, server: ServerOption = None, token: TokenOption = None
) -> None:
    """List the processes that work with the store: where they run and how many runs they have.

    QUEUES are the institutions whose runs a process takes in a store that several machines share.

    A process on another machine shows every few seconds that it lives. One that did not is listed
    as silent; other processes take over its runs within half a minute.
    """
    with open_source(server, token) as source:
        try:
            found = _watched(source)
        except Interrupted:
            raise typer.Exit(EXIT_INTERRUPTED) from None
        zone = source.zone
    if as_json:
        emit_json(as_data(found))
        return
    if not found:
        emit("No process works with the store. `almaflow serve` starts one.")
        return
    rows = [_row(one, zone) for one in found]
    headers = ("HOST", "PID", "NAME", "VERSION", "SINCE", "STATE", "RUNS", "WAITING", "QUEUES")
    print_table(headers, rows)


def _watched(source: Source) -> Sequence[ProcessView]:
    """Return the processes, after each had the time to show that it lives."""
    found = source.workers()
    if are_any_silent(found):
        patience = RENEW + timedelta(seconds=1)
        say(f"Checking for {patience.seconds} seconds which processes are alive.", err=True)
        run_interruptible(lambda: sleep(SystemClock(), patience))
        found = source.workers()
    return found


def _row(one: ProcessView, zone: ZoneInfo) -> tuple[str, ...]:
    since = instant(one.since, zone)
    counts = (str(len(one.runs)), str(one.waiting))
    queues = ", ".join(one.queues)
    return (one.host, str(one.pid), one.name, one.version, since, one.state, *counts, queues)
