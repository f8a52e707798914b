"""Schedules: the entries of timetables as they were, one row for each version of an entry.

The rows of an entry follow one another in time, so every instant belongs to one of them at most.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, case, func, insert, select, update

from almaflow.store.json_values import from_json, to_json
from almaflow.store.schedule_records import NewSchedule, Schedule
from almaflow.store.tables import Instant, schedules
from almaflow.store.transaction import Transaction, batches

_SELECT = select(*(schedules.c[field.name] for field in fields(Schedule)))
_INSERT = insert(schedules)
_STANDS = schedules.c.ended_at.is_(None)

_OF_ENTRY = (
    schedules.c.workflow == bindparam("of_workflow"),
    schedules.c.entry == bindparam("of_entry"),
)
_REACHED = select(func.max(schedules.c.covered_to), func.max(schedules.c.ended_at)).where(
    *_OF_ENTRY
)

_AT = bindparam("at", type_=Instant)
_END = update(schedules).values(
    # What is covered already cannot be taken back.
    ended_at=case((schedules.c.covered_to > _AT, schedules.c.covered_to), else_=_AT)
)
_END_NAMED = _END.where(_STANDS, schedules.c.id.in_(bindparam("ids", expanding=True)))
_END_STANDING = _END.where(_STANDS, *_OF_ENTRY)

_TO = bindparam("to", type_=Instant)
_COVER = (
    update(schedules)
    .values(covered_to=case((schedules.c.ended_at < _TO, schedules.c.ended_at), else_=_TO))
    .where(schedules.c.covered_to < _TO, schedules.c.id.in_(bindparam("ids", expanding=True)))
)


def change(
    tx: Transaction, begin: Sequence[NewSchedule], end: Sequence[int], at: datetime
) -> list[Schedule]:
    """End the rows *end*, by id, and begin those of *begin*; return these in their order.

    What is covered stays covered: a row ends at *at* or where it is covered to, if that is later;
    a new one begins at *at* or where the last one of its entry had come to. One that is still
    active is ended first.
    """
    for some in batches(end):
        tx.execute(_END_NAMED, {"at": at, "ids": some})
    return [_begin(tx, new, at) for new in begin]


def _begin(tx: Transaction, new: NewSchedule, at: datetime) -> Schedule:
    of_entry = {"of_workflow": new.workflow, "of_entry": new.entry}
    tx.execute(_END_STANDING, of_entry | {"at": at})
    reached = tx.execute(_REACHED, of_entry).one()
    begins_at = max([at, *(instant for instant in reached if instant is not None)])
    what = f"the timetable of entry {new.entry} of {new.workflow}"
    row: dict[str, Any] = {
        "workflow": new.workflow,
        "entry": new.entry,
        "begins_at": begins_at,
        "covered_to": begins_at,
    }
    key = tx.execute(_INSERT, row | {"timing": to_json(dict(new.timing), what)})
    assert key.inserted_primary_key is not None
    return Schedule(id=key.inserted_primary_key[0], timing=new.timing, **row)


def cover(tx: Transaction, covered: Mapping[int, datetime]) -> None:
    """Note up to when rows have their ticks, never less than before nor past their end."""
    together: dict[datetime, list[int]] = {}
    for id_, to in covered.items():
        together.setdefault(to, []).append(id_)
    for to, ids in together.items():
        for some in batches(ids):
            tx.execute(_COVER, {"to": to, "ids": some})


def find(tx: Transaction, *, workflow: str | None = None, standing: bool = False) -> list[Schedule]:
    """Return the rows of one workflow, or all, in the order of their beginning.

    *standing* leaves out those that are no longer active.
    """
    query = _SELECT.order_by(schedules.c.id)
    if workflow is not None:
        query = query.where(schedules.c.workflow == workflow)
    if standing:
        query = query.where(_STANDS)
    return [_schedule(row) for row in tx.execute(query)]


def _schedule(row: Row[Any]) -> Schedule:
    return Schedule(**(dict(row._mapping) | {"timing": from_json(row.timing)}))
