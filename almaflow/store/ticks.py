"""Ticks: the ledger of what came due, one row for each, that ends once.

A tick is its workflow, entry and scheduled instant. Its row is open until it has an ending, and
no statement here touches one that has.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from almaflow.late_dataclasses import names_of
from almaflow.store import runs, schedules
from almaflow.store.connection import Row, assignments, at_most, columns_of, where
from almaflow.store.errors import RunExists, TickDecided
from almaflow.store.json_values import clean
from almaflow.store.records import RunRecord
from almaflow.store.schedule_records import NewTick, Tick, TickCause, TickEnd, TickEnding
from almaflow.store.transaction import Transaction

_SELECT = f"SELECT {columns_of(Tick)} FROM ticks"
_OPEN = "ending IS NULL"
_OPEN_ONES = f"{_SELECT} WHERE {_OPEN} ORDER BY starts_at, at, id LIMIT :limit"
_OF_ENTRY = "workflow = :workflow AND entry = :entry"
_THERE = f"SELECT at FROM ticks WHERE {_OF_ENTRY} AND at BETWEEN :first AND :last"
_THE_OPEN = f"id = :tick_id AND {_OPEN}"
_ACCEPT = (
    "UPDATE ticks SET ready_at = :ready_at, caught_up = :caught_up"
    f" WHERE {_THE_OPEN} AND ready_at IS NULL"
)


def materialize(tx: Transaction, new: Sequence[NewTick], covered: Mapping[int, datetime]) -> int:
    """Write rows for the ticks that have none, and return how many; existing rows stay.

    *covered* says, by the id of a schedule, up to when all its ticks have rows now; that
    never moves back, nor past its end.
    """
    added = _add(tx, new)
    schedules.cover(tx, covered)
    return added


def _add(tx: Transaction, new: Sequence[NewTick]) -> int:
    entries: dict[tuple[str, str], dict[datetime, NewTick]] = {}
    for tick in new:
        entries.setdefault((tick.workflow, tick.entry), {}).setdefault(tick.at, tick)
    at = tx.now
    rows = [
        _row(tick, at)
        for (workflow, entry), by_instant in entries.items()
        for tick in _missing(tx, workflow, entry, by_instant)
    ]
    tx.insert_all("ticks", rows)
    return len(rows)


def _missing(
    tx: Transaction, workflow: str, entry: str, by_instant: Mapping[datetime, NewTick]
) -> Iterator[NewTick]:
    """Yield those of an entry's ticks that have no row, in the order of time."""
    first, last = min(by_instant), max(by_instant)
    there = set(tx.column(_THERE, workflow=workflow, entry=entry, first=first, last=last))
    for instant in sorted(by_instant):
        if instant not in there:
            yield by_instant[instant]


def open_ones(tx: Transaction, limit: int = 10_000) -> list[Tick]:
    """Return the ticks without an ending in the order in which they are to start."""
    return [_tick(row) for row in tx.rows(_OPEN_ONES, limit=limit)]


def accept(tx: Transaction, accepted: Mapping[int, bool]) -> None:
    """Allow open ticks to run, each caught up or not; the first time counts."""
    at = tx.now
    changes = [
        {"tick_id": tick_id, "ready_at": at, "caught_up": caught_up}
        for tick_id, caught_up in accepted.items()
    ]
    tx.execute_all(_ACCEPT, changes)


def end(tx: Transaction, ends: Sequence[TickEnd]) -> int:
    """End those of the ticks that are open, and return how many were."""
    ended, at = 0, tx.now
    for one in ends:
        ended += _change(
            tx,
            one.tick_id,
            ending=one.ending,
            cause=one.cause,
            reason=clean(one.reason),
            merged_into=one.merged_into,
            ended_at=at,
        )
    return ended


def _change(tx: Transaction, tick_id: int, **values: Any) -> int:
    """Write *values* into a tick that is open; return 1, or 0 when it is not."""
    statement = f"UPDATE ticks SET {assignments(values)} WHERE {_THE_OPEN}"
    return tx.execute(statement, **values, tick_id=tick_id)


def start(
    tx: Transaction, tick_id: int, definition: Mapping[str, Any], record: RunRecord
) -> RunRecord | None:
    """Record the run that an open tick becomes; a run that has its key already is that run.

    Return None when the tick has an ending, or is not there.

    Raises:
        ValueUnfit: the definition, the inputs or the vars are too large.
    """
    if tx.row(f"SELECT id FROM ticks WHERE {_THE_OPEN}", tick_id=tick_id) is None:
        return None
    try:
        run = runs.add(tx, definition, record)
    except RunExists as there:
        run = runs.get(tx, there.run_id)
    _change(tx, tick_id, ending=TickEnding.RUN, run_id=run.id, ended_at=tx.now)
    return run


def skip(tx: Transaction, new: NewTick) -> Tick:
    """Record that a person wants a tick skipped, while it is still to come or open; return it.

    Raises:
        TickDecided: it has an ending already; carries its row.
    """
    at = tx.now
    new = replace(
        new, ending=TickEnding.SKIPPED, cause=TickCause.SKIP_NEXT, reason=clean(new.reason)
    )
    tick = _find(tx, new)
    if tick is None:
        tx.insert("ticks", **_row(new, at))
    elif tick.ending is not None:
        raise TickDecided(tick)
    else:
        values = {"ending": new.ending, "cause": new.cause, "reason": new.reason, "ended_at": at}
        _change(tx, tick.id, **values)
    skipped = _find(tx, new)
    assert skipped is not None
    return skipped


def _find(tx: Transaction, tick: NewTick) -> Tick | None:
    row = tx.row(
        f"{_SELECT} WHERE {_OF_ENTRY} AND at = :at",
        workflow=tick.workflow,
        entry=tick.entry,
        at=tick.at,
    )
    return None if row is None else _tick(row)


def newest(
    tx: Transaction,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    workflow: str | None = None,
    endings: Collection[TickEnding] | None = None,
    open: bool | None = None,
    older_than: tuple[datetime, int] | None = None,
    limit: int | None = None,
) -> list[Tick]:
    """Return the ticks that fit all that is given, newest first, at most *limit*.

    *since* and *until* bound their instants, both included. *open* True: only those without
    an ending; False: only those with one. *older_than* is the instant and the id of a tick: only
    what comes after it in this list is returned.
    """
    conditions, values = where(
        {
            "(at, id) < (:before_at, :before_id)": older_than,
            "at >= :since": since,
            "at <= :until": until,
            "workflow = :workflow": workflow,
            "ending IN :endings": endings,
            _OPEN if open else f"NOT {_OPEN}": open,
        }
    )
    order = f"ORDER BY at DESC, id DESC{at_most(limit)}"
    rows = tx.rows(f"{_SELECT}{conditions} {order}", **values, limit=limit)
    return [_tick(row) for row in rows]


def of_run(tx: Transaction, run_id: str) -> Tick | None:
    """Return the tick that became the run, None when it was not scheduled."""
    row = tx.row(f"{_SELECT} WHERE run_id = :run_id", run_id=run_id)
    return None if row is None else _tick(row)


def _row(tick: NewTick, at: datetime) -> dict[str, Any]:
    row = {name: getattr(tick, name) for name in names_of(NewTick)}
    decided = at if tick.ending is not None else None
    reason = clean(tick.reason)
    return row | {"reason": reason, "found_at": at, "caught_up": False, "ended_at": decided}


def _tick(row: Row) -> Tick:
    values = dict(row)
    if values["ending"] is not None:
        values["ending"] = TickEnding(values["ending"])
    if values["cause"] is not None:
        values["cause"] = TickCause(values["cause"])
    return Tick(**values)
