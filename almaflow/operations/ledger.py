"""Ticks and pauses as `ticks`, `show`, `why` and the API show them."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from datetime import datetime
from enum import StrEnum

from almaflow.errors import RequestWrong
from almaflow.json_data import copied
from almaflow.late_dataclasses import dataclass
from almaflow.late_patterns import late_pattern
from almaflow.problems import did_you_mean
from almaflow.store import SchedulePause, Store, Tick, TickCause, TickEnding

# An instant and the number of a row; databases count to 2^63 - 1.
_CURSOR = late_pattern(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z)_(\d{1,18})", re.ASCII)

# The number of earlier ticks that are searched for those merged into a run's tick.
_MERGED = 10_000


class TickState(StrEnum):
    """The result of a tick, or that it has none yet."""

    RUN = TickEnding.RUN.value
    MERGED = TickEnding.MERGED.value
    SKIPPED = TickEnding.SKIPPED.value
    MISSED = TickEnding.MISSED.value
    OPEN = "open"


@dataclass(frozen=True)
class TickView:
    """A row of the ledger."""

    workflow: str
    """The workflow that was due."""
    entry: str
    """The key of the schedule entry."""
    ending: TickState
    """The result."""
    cause: TickCause | None
    """Why it is no run, for programs; None when it is one or has no result yet."""
    reason: str
    """The same for people, as a sentence; else empty."""
    run: str | None
    """The id of the run that it became."""
    caught_up: bool
    """It was found after it had been missed, and is run all the same."""
    at: datetime
    """The scheduled time."""
    starts_at: datetime
    """When its run is to begin: `at`, and its jitter."""
    found_at: datetime
    """When the scheduler wrote the row."""
    ready_at: datetime | None
    """When it was let through to run, and waits for another run to end."""
    merged_into: datetime | None
    """The scheduled time of the tick whose run covers it; else None."""
    ended_at: datetime | None
    """When it got its result; None before."""


@dataclass(frozen=True)
class TickList:
    """The document of `ticks --json`."""

    ticks: tuple[TickView, ...]
    """The ticks that fit, newest first."""


@dataclass(frozen=True)
class RunTick(TickView):
    """The tick of a run, with the other ticks that the run covers, newest first."""

    merged: tuple[TickView, ...]
    """The other ticks that its run covers, newest first."""


@dataclass(frozen=True)
class PauseView:
    """A pause of a workflow's timetable."""

    since: datetime
    """When it began."""
    until: datetime | None
    """When it ends automatically; None: a person has to end it."""
    by: str
    """Who paused the timetable."""
    note: str
    """Why, in the person's words; else empty."""


@dataclass(frozen=True)
class TickPage:
    """Some ticks, newest first; *cursor* is where those that come after them begin."""

    ticks: tuple[TickView, ...]
    cursor: str


def list_ticks(
    store: Store,
    limit: int | None,
    *,
    workflow: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    states: Collection[TickState] = (),
    cursor: str | None = None,
) -> TickPage:
    """Return the ticks that fit all that is given, newest first; Raises: RequestWrong."""
    endings = [TickEnding(one.value) for one in states if one is not TickState.OPEN]
    only_open = TickState.OPEN in states
    if only_open and endings:
        raise RequestWrong("`open` ticks have no result yet. Ask for `open` alone.")
    rows = store.ticks(
        since=since,
        until=until,
        workflow=workflow,
        limit=limit,
        endings=endings or None,
        open=True if only_open else None,
        older_than=None if cursor is None else _place(cursor),
    )
    after = f"{rows[-1].at:%Y-%m-%dT%H:%M:%S.%fZ}_{rows[-1].id}" if rows else ""
    return TickPage(tuple(map(tick_view, rows)), after)


def _place(cursor: str) -> tuple[datetime, int]:
    """Return the instant and the id of the tick that a cursor names; Raises: RequestWrong."""
    match = _CURSOR.fullmatch(cursor)
    try:
        if match is not None:
            return datetime.fromisoformat(match[1]), int(match[2])
    except ValueError:
        # Such as a 31st of November.
        pass
    raise RequestWrong("This `cursor` is not one of the list's. Use the one that `Link` names.")


def read_tick_state(text: str) -> TickState:
    """Return the result of a tick that *text* names; Raises: RequestWrong."""
    try:
        return TickState(text)
    except ValueError as error:
        hint = did_you_mean(text, map(str, TickState)) or "."
        raise RequestWrong(
            f"`{text}` is not a result of a tick{hint} Use one of {', '.join(TickState)}."
        ) from error


def tick_of_run(store: Store, run_id: str) -> RunTick | None:
    """Return the tick that became a run; None when a person started it."""
    tick = store.tick_of_run(run_id)
    if tick is None:
        return None
    merged = tuple(tick_view(one) for one in _merged_into(store, tick))
    return RunTick(**vars(tick_view(tick)), merged=merged)


def _merged_into(store: Store, tick: Tick) -> Sequence[Tick]:
    ticks = store.ticks(
        until=tick.at, workflow=tick.workflow, endings=[TickEnding.MERGED], limit=_MERGED
    )
    return [one for one in ticks if (one.entry, one.merged_into) == (tick.entry, tick.at)]


def tick_view(tick: Tick) -> TickView:
    """Return the view of a row of the ledger."""
    ending = TickState.OPEN if tick.ending is None else TickState(tick.ending.value)
    return copied(TickView, tick, ending=ending, run=tick.run_id)


def pause_view(pause: SchedulePause) -> PauseView:
    """Return the view of a pause."""
    return copied(PauseView, pause)
