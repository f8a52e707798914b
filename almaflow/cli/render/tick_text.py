"""Texts about ticks: their outcomes and the reasons."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from almaflow.cli.render.run_details import instant
from almaflow.field_types import format_duration
from almaflow.store import SchedulePause, Tick, TickEnding

OPEN = "open"
"""The state of a tick without a result."""

# A tick that begins within this time does not count as late.
_PUNCTUAL = timedelta(minutes=1)


def state_of(tick: Tick) -> str:
    """Return the outcome of a tick, in one word."""
    return OPEN if tick.ending is None else tick.ending.value


def remark_on(tick: Tick, now: datetime, zone: ZoneInfo) -> str:
    """Return a remark about a tick; may be empty."""
    if tick.ending is TickEnding.RUN:
        return f"{tick.run_id}{_how_late(tick)}"
    if tick.ending is TickEnding.MERGED:
        into = f"into {instant(tick.merged_into, zone)}" if tick.merged_into else ""
        return "; ".join(part for part in (into, tick.reason) if part)
    if tick.ending is not None:
        return tick.reason
    if tick.ready_at is not None:
        return "is waiting for another run of the workflow to end"
    if tick.starts_at > now:
        return f"begins {instant(tick.starts_at, zone)}"
    return "is waiting for `almaflow serve`"


def _how_late(tick: Tick) -> str:
    if tick.caught_up:
        return ", caught up"
    late = timedelta() if tick.ended_at is None else tick.ended_at - tick.starts_at
    return f", {format_duration(late)} late" if late >= _PUNCTUAL else ""


def about_tick(tick: Tick, merged: int, zone: ZoneInfo) -> str:
    """Return the text of `show` about the tick of a run and the *merged* ones."""
    text = f"{instant(tick.at, zone)}, entry {tick.entry}"
    if tick.starts_at != tick.at:
        text += f", to begin {instant(tick.starts_at, zone)}"
    text += _how_late(tick)
    if merged:
        text += f"; covers {merged} earlier tick{'s' * (merged > 1)}, too"
    return text


def about_pause(pause: SchedulePause, zone: ZoneInfo, *, ended: bool = False) -> str:
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
    ticks: list[Tick], pause: SchedulePause | None, now: datetime, zone: ZoneInfo
) -> Iterator[tuple[str, str]]:
    """Yield sentences about a workflow's timetable, each with advice or an empty text.

    *ticks* are its newest ones, the newest first.
    """
    if pause is not None:
        yield about_pause(pause, zone), f"`almaflow unpause {pause.workflow}` ends the pause."
    for tick in ticks:
        if tick.ending is None:
            yield f"The tick of {instant(tick.at, zone)} {remark_on(tick, now, zone)}.", ""
    last = next((tick for tick in ticks if tick.ending is not None), None)
    if last is None or last.ending is TickEnding.RUN:
        return
    text = f"The tick of {instant(last.at, zone)} was {last.ending}: {last.reason}"
    move = ""
    if last.ending is TickEnding.MISSED:
        move = f"`almaflow run {last.workflow}` runs it now, `almaflow ticks {last.workflow}` shows"
        move += " all ticks."
    yield text, move


def as_data(tick: Tick) -> dict[str, Any]:
    """Return a tick as JSON data."""
    instants = ("at", "starts_at", "found_at", "ready_at", "merged_into", "ended_at")
    data: dict[str, Any] = {
        "workflow": tick.workflow,
        "entry": tick.entry,
        "ending": state_of(tick),
        "cause": None if tick.cause is None else tick.cause.value,
        "reason": tick.reason,
        "run": tick.run_id,
        "caught_up": tick.caught_up,
    }
    for name in instants:
        value = getattr(tick, name)
        data[name] = None if value is None else value.isoformat()
    return data


def pause_as_data(pause: SchedulePause) -> dict[str, Any]:
    """Return a pause as JSON data."""
    return {
        "since": pause.since.isoformat(),
        "until": None if pause.until is None else pause.until.isoformat(),
        "by": pause.by,
        "note": pause.note,
    }
