"""Schedules: the entries of timetables as they were, one row for each version of an entry.

The rows of an entry follow one another in time, so every instant belongs to one of them at most.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from almaflow.store.connection import columns_of, where
from almaflow.store.json_values import from_json, to_json
from almaflow.store.schedule_records import NewSchedule, Schedule
from almaflow.store.transaction import Transaction

_OF_ENTRY = "workflow = :workflow AND entry = :entry"
_ACTIVE = "ended_at IS NULL"

# What is covered already cannot be taken back.
_END = (
    "UPDATE schedules SET ended_at = CASE WHEN covered_to > :at THEN covered_to ELSE :at END"
    f" WHERE {_ACTIVE}"
)
_REACHED = (
    "SELECT max(covered_to) AS covered_to, max(ended_at) AS ended_at FROM schedules"
    f" WHERE {_OF_ENTRY}"
)
_COVER = (
    "UPDATE schedules SET covered_to = CASE WHEN ended_at < :to THEN ended_at ELSE :to END"
    " WHERE covered_to < :to AND id IN :ids"
)


def change(
    tx: Transaction, begin: Sequence[NewSchedule], end: Sequence[int], at: datetime
) -> list[Schedule]:
    """End the rows *end*, by id, and begin those of *begin*; return these in their order.

    What is covered stays covered: a row ends at *at* or where it is covered to, if that is later;
    a new one begins at *at* or where the last one of its entry had come to. One that is still
    active is ended first.
    """
    tx.execute(f"{_END} AND id IN :ids", at=at, ids=end)
    return [_begin(tx, new, at) for new in begin]


def _begin(tx: Transaction, new: NewSchedule, at: datetime) -> Schedule:
    of_entry = {"workflow": new.workflow, "entry": new.entry}
    tx.execute(f"{_END} AND {_OF_ENTRY}", **of_entry, at=at)
    reached = tx.row(_REACHED, **of_entry) or {}
    begins_at = max([at, *(instant for instant in reached.values() if instant is not None)])
    what = f"the timetable of entry {new.entry} of {new.workflow}"
    row: dict[str, Any] = {
        "workflow": new.workflow,
        "entry": new.entry,
        "begins_at": begins_at,
        "covered_to": begins_at,
    }
    timing = to_json(dict(new.timing), what)
    return Schedule(
        id=tx.insert_numbered("schedules", **row, timing=timing), timing=new.timing, **row
    )


def cover(tx: Transaction, covered: Mapping[int, datetime]) -> None:
    """Note up to when rows have their ticks, never less than before nor past their end."""
    together: dict[datetime, list[int]] = {}
    for id_, to in covered.items():
        together.setdefault(to, []).append(id_)
    for to, ids in together.items():
        tx.execute(_COVER, to=to, ids=ids)


def find(tx: Transaction, *, workflow: str | None = None, active: bool = False) -> list[Schedule]:
    """Return the rows of one workflow, or all, in the order of their beginning.

    *active* leaves out those that are no longer active.
    """
    conditions, values = where({"workflow = :workflow": workflow, _ACTIVE: active or None})
    statement = f"SELECT {columns_of(Schedule)} FROM schedules{conditions} ORDER BY id"
    rows = tx.rows(statement, **values)
    return [Schedule(**row | {"timing": from_json(row["timing"])}) for row in rows]
