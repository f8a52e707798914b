"""Texts about ticks: their outcomes and the reasons."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from almaflow.cli.render.run_details import instant
from almaflow.durations import format_duration
from almaflow.operations.ledger import PauseView, TickState, TickView
from almaflow.store import SchedulePause

if TYPE_CHECKING:
    from almaflow.operations.causes import TimetableState

# A tick that begins within this time does not count as late.
_PUNCTUAL = timedelta(minutes=1)


def remark_on(tick: TickView, now: datetime, zone: ZoneInfo) -> str:
    """Return a remark about a tick; may be empty."""
    if tick.ending is TickState.RUN:
        return f"{tick.run}{_how_late(tick)}"
    if tick.ending is TickState.MERGED:
        into = f"into {instant(tick.merged_into, zone)}" if tick.merged_into else ""
        return "; ".join(part for part in (into, tick.reason) if part)
    if tick.ending is not TickState.OPEN:
        return tick.reason
    if tick.ready_at is not None:
        return "is waiting for another run of the workflow to end"
    if tick.starts_at > now:
        return f"begins {instant(tick.starts_at, zone)}"
    return "is waiting for `almaflow serve`"


def _how_late(tick: TickView) -> str:
    if tick.caught_up:
        return ", caught up"
    late = timedelta() if tick.ended_at is None else tick.ended_at - tick.starts_at
    return f", {format_duration(late)} late" if late >= _PUNCTUAL else ""


def about_tick(tick: TickView, merged: int, zone: ZoneInfo) -> str:
    """Return the text of `show` about the tick of a run and the *merged* ones."""
    text = f"{instant(tick.at, zone)}, entry {tick.entry}"
    if tick.starts_at != tick.at:
        text += f", to begin {instant(tick.starts_at, zone)}"
    text += _how_late(tick)
    if merged:
        text += f"; covers {merged} earlier tick{'s' * (merged > 1)}, too"
    return text


def about_pause(pause: SchedulePause | PauseView, zone: ZoneInfo, *, ended: bool = False) -> str:
    """Return the sentence about a pause, also of one that has *ended*."""
    note = f": {pause.note.rstrip('.')}" if pause.note else ""
    until = f", until {instant(pause.until, zone)}" if pause.until is not None else ""
    since = f"since {instant(pause.since, zone)}{until}{note}"
    return (
        f"It was paused by {pause.by} {since}."
        if ended
        else f"It has been paused by {pause.by} {since}."
    )


def about_the_timetable(
    workflow: str, state: TimetableState, now: datetime, zone: ZoneInfo
) -> Iterator[tuple[str, str]]:
    """Yield sentences about a workflow's timetable, each with advice or an empty text."""
    if state.pause is not None:
        yield about_pause(state.pause, zone), f"`almaflow unpause {workflow}` ends the pause."
    for tick in state.ticks:
        if tick.ending is TickState.OPEN:
            yield f"The tick of {instant(tick.at, zone)} {remark_on(tick, now, zone)}.", ""
    last = next((tick for tick in state.ticks if tick.ending is not TickState.OPEN), None)
    if last is None or last.ending is TickState.RUN:
        return
    text = f"The tick of {instant(last.at, zone)} was {last.ending}: {last.reason}"
    move = ""
    if last.ending is TickState.MISSED:
        move = f"`almaflow run {last.workflow}` runs it now, `almaflow ticks {last.workflow}` shows"
        move += " all ticks."
    yield text, move
