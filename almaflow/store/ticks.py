"""Ticks: the ledger of what came due, one row for each, that ends once.

A tick is its workflow, entry and scheduled instant. Its row is open until it has an ending, and
no statement here touches one that has.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, insert, select, update

from almaflow.store import runs, schedules
from almaflow.store.errors import RunExists, TickDecided
from almaflow.store.json_values import clean
from almaflow.store.records import RunRecord
from almaflow.store.schedule_records import Cause, NewTick, Tick, TickEnd, TickEnding
from almaflow.store.tables import ticks
from almaflow.store.transaction import Transaction

_SELECT = select(*(ticks.c[field.name] for field in fields(Tick)))
_OPEN = ticks.c.ending.is_(None)
_OPEN_ONES = _SELECT.where(_OPEN).order_by(ticks.c.starts_at, ticks.c.at, ticks.c.id)
_OF_ENTRY = (
    ticks.c.workflow == bindparam("workflow"),
    ticks.c.entry == bindparam("entry"),
)
_THE_TICK = _SELECT.where(*_OF_ENTRY, ticks.c.at == bindparam("at"))
_THERE = select(ticks.c.at).where(
    *_OF_ENTRY, ticks.c.at.between(bindparam("first"), bindparam("last"))
)
_OF_RUN = _SELECT.where(ticks.c.run_id == bindparam("run_id"))
_IS_OPEN = select(ticks.c.id).where(ticks.c.id == bindparam("tick_id"), _OPEN)

_INSERT = insert(ticks)
_CHANGE = update(ticks).where(ticks.c.id == bindparam("tick_id"), _OPEN)
_ACCEPT = _CHANGE.where(ticks.c.ready_at.is_(None))


def materialize(tx: Transaction, new: Sequence[NewTick], covered: Mapping[int, datetime]) -> int:
    """Write rows for the ticks that have none, and return how many; existing rows stay.

    *covered* says, by the id of a schedule, up to when all its ticks have rows now; that
    never goes back, nor past its end.
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
    if rows:
        tx.execute(_INSERT, rows)
    return len(rows)


def _missing(
    tx: Transaction, workflow: str, entry: str, by_instant: Mapping[datetime, NewTick]
) -> Iterator[NewTick]:
    """Yield those of an entry's ticks that have no row, in the order of time."""
    between = {"first": min(by_instant), "last": max(by_instant)}
    of_entry = {"workflow": workflow, "entry": entry}
    there = set(tx.execute(_THERE, of_entry | between).scalars())
    for instant in sorted(by_instant):
        if instant not in there:
            yield by_instant[instant]


def open_ones(tx: Transaction, limit: int = 10_000) -> list[Tick]:
    """Return the ticks without an ending in the order in which they are to start."""
    return [_tick(row) for row in tx.execute(_OPEN_ONES.limit(limit))]


def accept(tx: Transaction, accepted: Mapping[int, bool]) -> None:
    """Allow open ticks to run, each caught up or not; the first time counts."""
    at = tx.now
    changes = [
        {"tick_id": tick_id, "ready_at": at, "caught_up": caught_up}
        for tick_id, caught_up in accepted.items()
    ]
    if changes:
        tx.execute(_ACCEPT, changes)


def end(tx: Transaction, ends: Sequence[TickEnd]) -> int:
    """End those of the ticks that are open, and return how many were."""
    ended, at = 0, tx.now
    for one in ends:
        values = {
            "tick_id": one.tick_id,
            "ending": one.ending,
            "cause": one.cause,
            "reason": clean(one.reason),
            "merged_into": one.merged_into,
            "ended_at": at,
        }
        ended += tx.execute(_CHANGE, values).rowcount
    return ended


def start(
    tx: Transaction,
    tick_id: int,
    definition: Mapping[str, Any],
    record: RunRecord,
) -> RunRecord | None:
    """Record the run that an open tick becomes; a run that has its key already is that run.

    Return None when the tick has an ending, or is not there.

    Raises:
        ValueUnfit: the definition, the inputs or the vars are too large.
    """
    if tx.execute(_IS_OPEN, {"tick_id": tick_id}).first() is None:
        return None
    try:
        run = runs.add(tx, definition, record)
    except RunExists as there:
        run = runs.get(tx, there.run_id)
    ending = {"ending": TickEnding.RUN, "run_id": run.id, "ended_at": tx.now}
    tx.execute(_CHANGE, ending | {"tick_id": tick_id})
    return run


def skip(tx: Transaction, new: NewTick) -> Tick:
    """Record that a person wants a tick skipped, while it is still to come or open; return it.

    Raises:
        TickDecided: it has an ending already; carries its row.
    """
    at = tx.now
    new = replace(new, ending=TickEnding.SKIPPED, cause=Cause.SKIP_NEXT, reason=clean(new.reason))
    tick = _find(tx, new)
    if tick is None:
        tx.execute(_INSERT, _row(new, at))
    elif tick.ending is not None:
        raise TickDecided(tick)
    else:
        values = {"ending": new.ending, "cause": new.cause, "reason": new.reason, "ended_at": at}
        tx.execute(_CHANGE, values | {"tick_id": tick.id})
    skipped = _find(tx, new)
    assert skipped is not None
    return skipped


def _find(tx: Transaction, tick: NewTick) -> Tick | None:
    key = {"workflow": tick.workflow, "entry": tick.entry, "at": tick.at}
    row = tx.execute(_THE_TICK, key).first()
    return None if row is None else _tick(row)


def newest(
    tx: Transaction,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    workflow: str | None = None,
    endings: Collection[TickEnding] | None = None,
    open: bool | None = None,
    limit: int | None = None,
) -> list[Tick]:
    """Return the ticks that fit all that is given, newest first, at most *limit*.

    *since* and *until* bound their instants, both included. *open* True: only those without
    an ending; False: only those with one.
    """
    query = _SELECT.order_by(ticks.c.at.desc(), ticks.c.id.desc())
    if since is not None:
        query = query.where(ticks.c.at >= since)
    if until is not None:
        query = query.where(ticks.c.at <= until)
    if workflow is not None:
        query = query.where(ticks.c.workflow == workflow)
    if endings is not None:
        query = query.where(ticks.c.ending.in_(endings))
    if open is not None:
        query = query.where(_OPEN if open else ticks.c.ending.is_not(None))
    if limit is not None:
        query = query.limit(limit)
    return [_tick(row) for row in tx.execute(query)]


def of_run(tx: Transaction, run_id: str) -> Tick | None:
    """Return the tick that became the run, None when it was not scheduled."""
    row = tx.execute(_OF_RUN, {"run_id": run_id}).first()
    return None if row is None else _tick(row)


def _row(tick: NewTick, at: datetime) -> dict[str, Any]:
    row = {field.name: getattr(tick, field.name) for field in fields(NewTick)}
    decided = at if tick.ending is not None else None
    reason = clean(tick.reason)
    return row | {"reason": reason, "found_at": at, "caught_up": False, "ended_at": decided}


def _tick(row: Row[Any]) -> Tick:
    values = dict(row._mapping)
    if values["ending"] is not None:
        values["ending"] = TickEnding(values["ending"])
    if values["cause"] is not None:
        values["cause"] = Cause(values["cause"])
    return Tick(**values)
