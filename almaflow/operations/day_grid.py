"""The outcomes of workflows day by day: the grid of the page."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta, tzinfo

from almaflow.late_dataclasses import dataclass
from almaflow.outcome import Outcome, Status
from almaflow.store import Store, overview

# More runs than this are not counted: the grid says so.
_MOST = 20_000

# The worst state of a day is the one that it shows.
_WORST: Sequence[str] = (
    Outcome.UNKNOWN,
    Outcome.FAILED,
    Outcome.TIMED_OUT,
    Status.WAITING,
    Status.RUNNING,
    Status.QUEUED,
    Outcome.WARNING,
    Outcome.CANCELLED,
    Outcome.SUCCEEDED,
    Outcome.SKIPPED,
)


@dataclass(frozen=True)
class Cell:
    """The runs of a workflow on a day."""

    day: date
    runs: int
    state: str
    """The worst outcome or status of them; empty when there are none."""


@dataclass(frozen=True)
class DayGrid:
    """The days, newest first, and for each workflow the cells of these days."""

    days: tuple[date, ...]
    rows: tuple[tuple[str, tuple[Cell, ...]], ...]
    is_cut: bool
    """Whether there are more runs than were read; the oldest are missing."""


def day_grid(store: Store, now: datetime, zone: tzinfo, days: int) -> DayGrid:
    """Return the grid of the last *days* days in *zone*, today included."""
    today = now.astimezone(zone).date()
    shown = tuple(today - timedelta(days=back) for back in range(days))
    since = datetime.combine(shown[-1], time(), zone)
    with store.read() as tx:
        found = overview.states_since(tx, since, _MOST + 1)
    cells: dict[str, dict[date, list[str]]] = {}
    for workflow, requested_at, state in found[:_MOST]:
        day = requested_at.astimezone(zone).date()
        cells.setdefault(workflow, {}).setdefault(day, []).append(state)
    rows = tuple(
        (name, tuple(_cell(day, of_days.get(day, [])) for day in shown))
        for name, of_days in sorted(cells.items())
    )
    return DayGrid(shown, rows, len(found) > _MOST)


def _cell(day: date, states: Sequence[str]) -> Cell:
    return Cell(day, len(states), worst(states))


def worst(states: Sequence[str]) -> str:
    """Return the worst of some outcomes and statuses; empty when there are none."""
    return min(states, key=_WORST.index, default="")
