"""`almaflow workers`: the processes that share a store, whether they live, and what they run."""

from __future__ import annotations

import sys
from datetime import timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from almaflow.cli import bootstrap
from almaflow.cli.interrupt import EXIT_INTERRUPTED, Interrupted, run_interruptible
from almaflow.cli.render.run_details import instant
from almaflow.cli.render.terminal import columns_of, emit, emit_json, emit_lines, say
from almaflow.cli.render.text_layout import table
from almaflow.clock import SystemClock, sleep
from almaflow.store import RENEW, ActiveProcess, Store


def workers(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """List the processes that work with the store: where they run and how many runs they have.

    A process on another machine shows every few seconds that it lives. One that did not is listed
    as silent; other processes take over its runs within half a minute.
    """
    project = bootstrap.open_project()
    with bootstrap.open_store(project) as store:
        try:
            found = _watched(store)
        except Interrupted:
            raise typer.Exit(EXIT_INTERRUPTED) from None
        silent = {one.process.id for one in found if store.is_silent(one.process.id)}
    if as_json:
        emit_json([_as_data(one, one.process.id in silent) for one in found])
        return
    if not found:
        emit("No process works with the store. `almaflow serve` starts one.")
        return
    zone = ZoneInfo(project.settings.timezone)
    rows = [_row(one, one.process.id in silent, zone) for one in found]
    headers = ("HOST", "PID", "VERSION", "SINCE", "STATE", "RUNS", "WAITING")
    emit_lines(table(headers, rows, columns=columns_of(sys.stdout)))


def _watched(store: Store) -> list[ActiveProcess]:
    """Return the processes, after each had the time to show that it lives."""
    found = store.at_work()
    if any(store.is_silent(one.process.id) for one in found):
        patience = RENEW + timedelta(seconds=1)
        say(f"Waiting {patience.seconds} seconds for signs of life.", err=True)
        run_interruptible(lambda: sleep(SystemClock(), patience))
        found = store.at_work()
    return found


def _state(one: ActiveProcess, silent: bool) -> str:
    if silent:
        return "silent"
    return "leads" if one.leads else "lives"


def _row(one: ActiveProcess, silent: bool, zone: ZoneInfo) -> tuple[str, ...]:
    process = one.process
    since = instant(process.entered_at, zone)
    counts = (str(len(one.runs)), str(one.waiting))
    return (process.host, str(process.pid), process.version, since, _state(one, silent), *counts)


def _as_data(one: ActiveProcess, silent: bool) -> dict[str, Any]:
    process = one.process
    return {
        "id": process.id,
        "host": process.host,
        "pid": process.pid,
        "version": process.version,
        "since": process.entered_at.isoformat(),
        "state": _state(one, silent),
        "runs": list(one.runs),
        "waiting": one.waiting,
    }
