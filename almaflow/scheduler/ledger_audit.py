"""Whether the ledger is whole: the timetables are materialized again and compared.

Each entry is materialized as it was at the time, from what the store kept of it then; no file and
no clock is asked. A tick is the same in both when workflow, entry and instant are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

from almaflow.errors import AlmaflowError
from almaflow.late_dataclasses import dataclass
from almaflow.store.schedule_records import Schedule, Tick, TickCause
from almaflow.timetable import Timetable

# A tick that has only just come may not have been seen yet.
_JUST_NOW = timedelta(minutes=1)

Key = tuple[str, str]
"""A workflow's name and a schedule entry's key."""


TimetableOf = Callable[[Mapping[str, Any]], Timetable]
"""Reads what is kept of a timetable (`Schedule.timing`); Raises: AlmaflowError when it cannot."""


@dataclass(frozen=True)
class LedgerDiscrepancy:
    """Something that the ledger and the timetables do not agree on."""

    kind: Literal["no-row", "no-tick", "unreadable"]
    """A tick without a row; a row without a tick; a timetable that this version cannot read."""
    workflow: str
    entry: str
    at: datetime
    """The tick; of a timetable, when it became active."""
    text: str
    """What is wrong, a sentence."""


@dataclass(frozen=True)
class AuditResult:
    """What was compared, and what was found."""

    ticks: int
    """How many ticks the timetables have in the time that was compared."""
    entries: int
    faults: tuple[LedgerDiscrepancy, ...]
    """By instant."""
    outstanding: int
    """Ticks that have passed and that nobody has laid out yet, because no `serve` runs."""


def verify(
    schedules: Sequence[Schedule],
    ticks: Iterable[Tick],
    timetable_of: TimetableOf,
    now: datetime,
    since: datetime | None = None,
) -> AuditResult:
    """Compare the rows of the ledger with the timetables of that time.

    *ticks* are all rows from *since* on; None: from the beginning, as far as it is kept.
    """
    rows: dict[Key, dict[datetime, Tick]] = {}
    for tick in ticks:
        rows.setdefault((tick.workflow, tick.entry), {})[tick.at] = tick
    entries: dict[Key, list[_Laid]] = {}
    faults: list[LedgerDiscrepancy] = []
    for schedule in schedules:
        try:
            laid = _Laid(schedule, timetable_of(schedule.timing), since)
        except AlmaflowError as error:
            faults.append(_unreadable(schedule, error))
            continue
        entries.setdefault((schedule.workflow, schedule.entry), []).append(laid)
    for key, stood in entries.items():
        faults += _compare(key, stood, rows.pop(key, {}))
    read = {(fault.workflow, fault.entry) for fault in faults if fault.kind == "unreadable"}
    for key, left in rows.items():
        if key not in read:
            faults += [_no_tick(key, tick) for tick in left.values()]
    everything = [laid for stood in entries.values() for laid in stood]
    return AuditResult(
        ticks=sum(len(laid.instants) for laid in everything),
        entries=len({(one.workflow, one.entry) for one in schedules}),
        faults=tuple(sorted(faults, key=lambda one: (one.at, one.workflow, one.entry))),
        outstanding=sum(laid.outstanding(now) for laid in everything),
    )


class _Laid:
    """One entry as it was from one instant to another, materialized."""

    def __init__(self, schedule: Schedule, timetable: Timetable, since: datetime | None) -> None:
        self._schedule = schedule
        self._timetable = timetable
        # An inactive entry must have all its rows: it is not materialized any more.
        until = schedule.ended_at or schedule.covered_to
        self.instants = {
            at
            for at in timetable.between(schedule.begins_at, until)
            if since is None or at >= since
        }

    def may_have(self, tick: Tick) -> bool:
        """Whether a row is right although it is not, or not yet, to be there."""
        at, schedule = tick.at, self._schedule
        # A person may have skipped a tick that never came, because its entry was changed before.
        ended = schedule.ended_at is not None and at > schedule.ended_at
        if at <= schedule.begins_at or (ended and tick.cause is not TickCause.SKIP_NEXT):
            return False
        return at in self._timetable.between(at - timedelta(seconds=1), at)

    def outstanding(self, now: datetime) -> int:
        """Return how many ticks have passed since it was last laid out."""
        if self._schedule.ended_at is not None:
            return 0
        return sum(1 for _ in self._timetable.between(self._schedule.covered_to, now - _JUST_NOW))


def _compare(
    key: Key, stood: Sequence[_Laid], rows: Mapping[datetime, Tick]
) -> Iterator[LedgerDiscrepancy]:
    instants = set().union(*(laid.instants for laid in stood))
    for at in instants - rows.keys():
        text = "The timetable has this tick, but the ledger has no row for it."
        yield LedgerDiscrepancy("no-row", *key, at, text)
    for at in rows.keys() - instants:
        if not any(laid.may_have(rows[at]) for laid in stood):
            yield _no_tick(key, rows[at])


def _no_tick(key: Key, tick: Tick) -> LedgerDiscrepancy:
    text = "The ledger has this row, but the timetable has no such tick."
    return LedgerDiscrepancy("no-tick", *key, tick.at, text)


def _unreadable(schedule: Schedule, error: AlmaflowError) -> LedgerDiscrepancy:
    text = f"The record of this timetable cannot be read: {error}"
    return LedgerDiscrepancy(
        "unreadable", schedule.workflow, schedule.entry, schedule.begins_at, text
    )
