"""`almaflow ticks`: lists the ledger and verifies that it is complete."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from almaflow.cli import bootstrap
from almaflow.cli.options import JsonOption
from almaflow.cli.render.listing import print_table
from almaflow.cli.render.run_details import instant
from almaflow.cli.render.terminal import emit, emit_json, say
from almaflow.cli.render.text_layout import many
from almaflow.cli.render.tick_text import remark_on
from almaflow.cli.sources import ServerOption, TokenOption, open_source
from almaflow.clock import SystemClock
from almaflow.errors import RequestWrong
from almaflow.json_data import as_data
from almaflow.late_dataclasses import dataclass
from almaflow.operations.ledger import TickView, read_tick_state
from almaflow.operations.typed_times import HOW, read_past
from almaflow.operations.workflow_lookup import workflow_named
from almaflow.scheduler.ledger_audit import AuditResult, verify
from almaflow.store import Store
from almaflow.timetable import Timetable, TimetableInvalid
from almaflow.timetable_entries import timetable_from_json

# The default number of listed ticks.
_LISTED = 20


def ticks(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="Only ticks of this workflow.")
    ] = None,
    since: Annotated[
        str | None, typer.Option("--since", metavar="WHEN", help=f"{HOW} an age, such as 2d.")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--until", metavar="WHEN", help=f"{HOW} an age, such as 1d.")
    ] = None,
    ending: Annotated[
        list[str] | None,
        typer.Option(
            "--ending",
            "-e",
            metavar="ENDING",
            help="Only ticks with this result: run, merged, skipped, missed, or open; may be "
            "repeated.",
        ),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit",
            "-n",
            metavar="N",
            min=1,
            max=1_000_000,
            help=f"At most N ticks; {_LISTED} by default.",
        ),
    ] = None,
    check: Annotated[
        bool,
        typer.Option(
            "--verify",
            help="Recalculate the timetables, each entry as it was at the time, and compare: "
            "ticks without a row and rows without a tick are shown, and the exit code is "
            "then 1.",
        ),
    ] = False,
    as_json: JsonOption = False,
    server: ServerOption = None,
    token: TokenOption = None,
) -> None:
    """List the ticks of timetables with their results, newest first.

    A tick was run, merged into a later one, skipped or missed; an open tick is due and waiting.
    Without `--since` the newest are listed.
    """
    if check and (until or ending or limit):
        raise RequestWrong(
            "`--verify` compares all ticks. Of the other options it accepts only `--since`."
        )
    if check and server:
        raise RequestWrong(
            "`--verify` compares the store of this machine. Run it where `almaflow serve` runs, "
            "without `--server`."
        )
    if check:
        _verify(name, since, as_json=as_json)
        return
    states = [read_tick_state(text) for text in ending or []]
    now = SystemClock().now()
    with open_source(server, token) as source:
        zone = source.zone
        from_, to = _past(since, "--since", now, zone), _past(until, "--until", now, zone)
        if limit is None and since is None:
            limit = _LISTED
        rows = source.ticks(limit, workflow=name, since=from_, until=to, states=states)
    if as_json:
        emit_json({"ticks": as_data(rows)})
    else:
        _print(rows, now, zone, any_asked=bool(name or since or until or ending))


def _past(text: str | None, option: str, now: datetime, zone: ZoneInfo) -> datetime | None:
    return None if text is None else read_past(text, option, now, zone)


def _print(rows: Sequence[TickView], now: datetime, zone: ZoneInfo, *, any_asked: bool) -> None:
    if not rows:
        emit(
            "There are no matching ticks."
            if any_asked
            else "There are no ticks (scheduled times) yet. `almaflow serve` records them."
        )
        return
    cells = [
        (instant(one.at, zone), one.workflow, one.entry, one.ending, remark_on(one, now, zone))
        for one in rows
    ]
    print_table(("TICK", "WORKFLOW", "ENTRY", "RESULT", "REMARK"), cells, flexible=(1, 4))


# --- verify ---------------------------------------------------------------------------------------


def _verify(name: str | None, since: str | None, *, as_json: bool) -> None:
    project, clock = bootstrap.open_project(), SystemClock()
    zone, now = ZoneInfo(project.settings.timezone), clock.now()
    from_ = _past(since, "--since", now, zone)
    with bootstrap.open_store(project, clock) as store:
        workflow = None if name is None else workflow_named(name, project, store)
        compared = _compared(store, workflow, from_, now)
    _print_compared(compared, zone, as_json=as_json)
    raise typer.Exit(1 if compared.verified.faults else 0)


@dataclass(frozen=True)
class _Compared:
    """The result of a comparison and the period that it covers."""

    verified: AuditResult
    pruned_before: datetime | None
    """Older ticks may have been pruned and were not compared; None: all were compared."""


def _compared(
    store: Store, workflow: str | None, since: datetime | None, now: datetime
) -> _Compared:
    """Compare without blocking writers: only a discrepancy that appears twice is reported."""

    def look() -> _Compared:
        schedules = store.schedules(workflow=workflow)
        pruned = store.pruned_before()
        from_ = max(filter(None, (since, pruned)), default=None)
        rows = store.ticks(since=from_, workflow=workflow)
        # Entries that became active later can have no missing ticks.
        left_out = pruned == from_ and any(one.begins_at < (pruned or now) for one in schedules)
        left_out_before = pruned if left_out else None
        return _Compared(verify(schedules, rows, _timetable_of, now, from_), left_out_before)

    first = look()
    if not first.verified.faults:
        return first
    # An entry may have become active, or old rows been removed, between the queries.
    again, seen = look(), set(first.verified.faults)
    faults = tuple(fault for fault in again.verified.faults if fault in seen)
    return replace(again, verified=replace(again.verified, faults=faults))


def _timetable_of(timing: Mapping[str, Any]) -> Timetable:
    try:
        return timetable_from_json(timing)
    except (KeyError, TypeError, TimetableInvalid) as error:
        raise RequestWrong(f"{type(error).__name__}: {error}") from error


def _print_compared(compared: _Compared, zone: ZoneInfo, *, as_json: bool) -> None:
    if as_json:
        emit_json({"pruned_before": as_data(compared.pruned_before), **as_data(compared.verified)})
        return
    verified, pruned = compared.verified, compared.pruned_before
    for fault in verified.faults:
        where = f"{instant(fault.at, zone)}  {fault.workflow}  {fault.entry}"
        say(f"{where}  {fault.kind}: {fault.text}")
    ticks_, entries = many(verified.ticks, "tick"), many(verified.entries, "entry", "entries")
    if verified.faults:
        say(f"{ticks_} of {entries} compared: {many(len(verified.faults), 'fault')}.")
    else:
        say(f"Compared {ticks_} of {entries}: each has its row, and each row has its tick.")
    if pruned is not None:
        say(
            f"Ticks before {instant(pruned, zone)} are omitted, because `almaflow prune` "
            "deleted them."
        )
    if verified.outstanding:
        say(
            f"{many(verified.outstanding, 'tick')} since then have no row yet, because no "
            "`almaflow serve` was running. They get one when it is started."
        )
