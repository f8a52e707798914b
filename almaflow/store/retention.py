"""Retention: what is old is taken out, and nothing that a promise still rests on.

Some rows go at a time, each time in a transaction of its own, so that nobody waits long. A row
that something else still names stays: each statement asks for that itself, so it does not matter
what comes in between.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import (
    Column,
    ColumnElement,
    Table,
    and_,
    delete,
    exists,
    func,
    insert,
    not_,
    or_,
    select,
    update,
)

from almaflow.outcome import Status
from almaflow.store import tables
from almaflow.store.records import SlotState
from almaflow.store.schedule_records import Pruned
from almaflow.store.tables import (
    definitions,
    notices,
    pauses,
    places,
    processes,
    runs,
    schedules,
    sources,
    ticks,
)
from almaflow.store.transaction import Transaction

YOUNGEST: Final = timedelta(days=1)
"""What is younger stays: Alma's limits count an hour back, and a lost response is searched for."""

# Rows of one transaction; a run brings its journal, log and places along.
_TOGETHER: Final[Mapping[str, int]] = {"runs": 100}
_TOGETHER_ELSE: Final = 1000

_TICKS = "ticks"

Write = Callable[[], AbstractContextManager[Transaction]]
"""Gives a writing transaction."""


def prune(write: Write, before: datetime) -> Pruned:
    """Take out what ended before an instant, and return how many rows of each kind went."""
    with write() as tx:
        _note(tx, before)
    removed = {
        what: sum(_take(write, table, key, condition, _TOGETHER.get(what, _TOGETHER_ELSE)))
        for what, table, key, condition in _rules(before)
    }
    return _pruned(removed)


def count(tx: Transaction, before: datetime) -> Pruned:
    """Return what `prune` would take out now."""
    counts = {
        what: tx.execute(select(func.count()).select_from(table).where(condition)).scalar_one()
        for what, table, _, condition in _rules(before)
    }
    return _pruned(counts)


def pruned_before(tx: Transaction) -> datetime | None:
    """Return up to when ticks may have been taken out; None: none ever was."""
    rows = select(tables.pruned.c.before).where(tables.pruned.c.what == _TICKS)
    return tx.execute(rows).scalar_one_or_none()


def _pruned(numbers: Mapping[str, int]) -> Pruned:
    return Pruned(**{what: number for what, number in numbers.items() if what != "pauses"})


def _note(tx: Transaction, before: datetime) -> None:
    """Note that older ticks may be missing from now on, before any of them is."""
    known = pruned_before(tx)
    if known is None:
        tx.execute(insert(tables.pruned).values(what=_TICKS, before=before))
    elif known < before:
        tx.execute(
            update(tables.pruned).where(tables.pruned.c.what == _TICKS).values(before=before)
        )


def _take(
    write: Write, table: Table, key: Column[Any], condition: ColumnElement[bool], most: int
) -> Iterator[int]:
    """Delete the rows that fit, some at a time; yields how many."""
    while True:
        with write() as tx:
            some = tx.execute(select(key).where(condition).limit(most)).scalars().all()
            if some:
                tx.execute(delete(table).where(key.in_(some)))
        yield len(some)
        if len(some) < most:
            return


def _rules(before: datetime) -> Iterator[tuple[str, Table, Column[Any], ColumnElement[bool]]]:
    """Yield for each table which of its rows go, in the order in which they do."""
    run_goes = _run_goes(before)
    stood = schedules.alias("stood")
    tick_goes = and_(
        ticks.c.ending.is_not(None),
        ticks.c.at < before,
        # Up to there nothing is laid out again.
        exists().where(stood.c.id == ticks.c.schedule_id, ticks.c.at <= stood.c.covered_to),
        or_(ticks.c.run_id.is_(None), ~exists().where(runs.c.id == ticks.c.run_id, not_(run_goes))),
    )
    yield "runs", runs, runs.c.id, run_goes
    yield "ticks", ticks, ticks.c.id, tick_goes
    yield (
        *("notices", notices, notices.c.id),
        and_(notices.c.created_at < before, notices.c.next_at.is_(None)),
    )
    yield "schedules", schedules, schedules.c.id, _schedule_goes(before, tick_goes)
    yield (
        *("definitions", definitions, definitions.c.hash),
        and_(
            ~exists().where(runs.c.definition == definitions.c.hash, not_(run_goes)),
            ~exists().where(sources.c.definition == definitions.c.hash),
        ),
    )
    yield (
        *("processes", processes, processes.c.id),
        and_(
            processes.c.left_at < before,
            ~exists().where(runs.c.owner == processes.c.id),
            ~exists().where(tables.leader.c.process_id == processes.c.id),
        ),
    )
    yield "pauses", pauses, pauses.c.id, _pause_goes(before)


def _run_goes(before: datetime) -> ColumnElement[bool]:
    """Return whether a run is over, old, not the newest of its workflow, and lets go of Alma."""
    finished = runs.alias("finished")
    newest = (
        select(func.max(finished.c.number))
        .where(finished.c.status == Status.FINISHED)
        .group_by(finished.c.workflow)
    )
    holding = (SlotState.QUEUED, SlotState.TAKEN)
    return and_(
        runs.c.status == Status.FINISHED,
        # One that has an end without its instant is none that this version knows.
        func.coalesce(runs.c.ended_at < before, False),
        runs.c.number.not_in(newest),
        ~exists().where(places.c.run_id == runs.c.id, places.c.state.in_(holding)),
    )


def _schedule_goes(before: datetime, tick_goes: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return whether a row of an entry has ended and is no longer needed.

    The last row of an entry says up to when its ticks had come, so it stays for ever.
    """
    of_each = schedules.alias("of_each")
    last = select(func.max(of_each.c.id)).group_by(of_each.c.workflow, of_each.c.entry)
    return and_(
        schedules.c.ended_at < before,
        schedules.c.id.not_in(last),
        ~exists().where(ticks.c.schedule_id == schedules.c.id, not_(tick_goes)),
    )


def _pause_goes(before: datetime) -> ColumnElement[bool]:
    """Return whether a pause is over, and so for every tick that is still to be laid out."""
    return and_(
        pauses.c.until < before,
        ~exists().where(
            schedules.c.workflow == pauses.c.workflow,
            schedules.c.ended_at.is_(None),
            schedules.c.covered_to < pauses.c.until,
        ),
    )
