"""The outcomes of workflows day by day: the grid of the page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date, datetime, time, timedelta, tzinfo

from almaflow.late_dataclasses import dataclass
from almaflow.outcome import Outcome, Status
from almaflow.store import Store, overview

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


def day_grid(store: Store, now: datetime, zone: tzinfo, days: int) -> DayGrid:
    """Return the grid of the last *days* days in *zone*, today included."""
    today = now.astimezone(zone).date()
    shown = tuple(today - timedelta(days=back) for back in range(days))
    with store.read() as tx:
        found = overview.states_by_day(tx, [datetime.combine(day, time(), zone) for day in shown])
    counts: dict[str, dict[int, Counter[str]]] = {}
    for workflow, day, state, runs in found:
        counts.setdefault(workflow, {}).setdefault(day, Counter())[state] = runs
    return DayGrid(
        shown,
        tuple(
            (name, tuple(_cell(day, of_days.get(place)) for place, day in enumerate(shown)))
            for name, of_days in sorted(counts.items())
        ),
    )


def _cell(day: date, states: Counter[str] | None) -> Cell:
    return Cell(day, 0 if states is None else states.total(), worst(states or ()))


def worst(states: Iterable[str]) -> str:
    """Return the worst of some outcomes and statuses; empty when there are none."""
    return min(states, key=_WORST.index, default="")
