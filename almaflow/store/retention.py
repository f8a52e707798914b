"""Retention: old rows are deleted, except those that something still depends on.

Deleted are runs with all that belongs to them, ticks, notifications, pauses, reports of webhooks,
schedule entries that are no longer active, definitions without a run or file, and processes that
have left. What stays: unfinished runs, those of which a job may still run in Alma, the newest
finished run of each workflow, ticks of runs that stay, everything that keeps a tick from running
again, and what is younger than a day.

Each transaction deletes a limited number of rows, so that no other process waits long. A row that
another row still names stays: each statement checks that itself, so it does not matter what other
processes do in between.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from almaflow.outcome import Status
from almaflow.store.records import SlotState
from almaflow.store.schedule_records import Pruned
from almaflow.store.transaction import Transaction

YOUNGEST: Final = timedelta(days=1)
"""What is younger stays: Alma's limits count an hour back, and a lost response is searched for."""

# Rows of one transaction; with a run its journal, log and slots are deleted.
_TOGETHER: Final[Mapping[str, int]] = {"runs": 100}
_TOGETHER_ELSE: Final = 1000

_TICKS = "ticks"

# Small rows that nobody counts.
_NOT_TOLD = frozenset({"pauses", "job_ends"})

Write = Callable[[], AbstractContextManager[Transaction]]
"""Gives a writing transaction."""


def prune(write: Write, before: datetime) -> Pruned:
    """Delete what ended before an instant, and return how many rows of each kind went."""
    with write() as tx:
        _note(tx, before)
    removed = {
        rule.table: sum(_take(write, rule, before, _TOGETHER.get(rule.table, _TOGETHER_ELSE)))
        for rule in _RULES
    }
    return _pruned(removed)


def count(tx: Transaction, before: datetime) -> Pruned:
    """Return what `prune` would delete now."""
    counts = {
        rule.table: tx.value(
            f"SELECT count(*) FROM {rule.table} WHERE {rule.condition}", before=before
        )
        for rule in _RULES
    }
    return _pruned(counts)


def pruned_before(tx: Transaction) -> datetime | None:
    """Return up to when ticks may have been deleted; None: none ever was."""
    instant: datetime | None = tx.value(
        'SELECT "before" FROM pruned WHERE what = :what', what=_TICKS
    )
    return instant


def _pruned(numbers: Mapping[str, int]) -> Pruned:
    return Pruned(**{what: number for what, number in numbers.items() if what not in _NOT_TOLD})


def _note(tx: Transaction, before: datetime) -> None:
    """Note that older ticks may be missing from now on, before any of them is."""
    known = pruned_before(tx)
    if known is None:
        tx.insert("pruned", what=_TICKS, before=before)
    elif known < before:
        statement = 'UPDATE pruned SET "before" = :before WHERE what = :what'
        tx.execute(statement, before=before, what=_TICKS)


def _take(write: Write, rule: _Rule, before: datetime, most: int) -> Iterator[int]:
    """Delete the rows that a rule names, at most *most* at a time; yield how many."""
    those = f"SELECT {rule.key} FROM {rule.table} WHERE {rule.condition} LIMIT :most"
    while True:
        with write() as tx:
            keys = tx.column(those, before=before, most=most)
            if keys:
                tx.execute(f"DELETE FROM {rule.table} WHERE {rule.key} IN :keys", keys=keys)
        yield len(keys)
        if len(keys) < most:
            return


class _Rule(NamedTuple):
    """Which rows of a table are deleted."""

    table: str
    key: str
    condition: str
    """What is true of these rows, with `:before` as the instant before which they ended."""


# A run that has ended, is old, is not the newest of its workflow, and holds no slot. This version
# does not know runs that have ended without an instant.
_RUN_GOES = f"""
    runs.status = '{Status.FINISHED}'
    AND coalesce(runs.ended_at < :before, FALSE)
    AND runs.number NOT IN (
        SELECT max(finished.number) FROM runs AS finished
        WHERE finished.status = '{Status.FINISHED}' GROUP BY finished.workflow
    )
    AND NOT EXISTS (
        SELECT 1 FROM places WHERE places.run_id = runs.id
        AND places.state IN ('{SlotState.QUEUED}', '{SlotState.TAKEN}')
    )
"""
# No tick is materialized again up to where its schedule is covered.
_TICK_GOES = f"""
    ticks.ending IS NOT NULL
    AND ticks.at < :before
    AND EXISTS (
        SELECT 1 FROM schedules AS past
        WHERE past.id = ticks.schedule_id AND ticks.at <= past.covered_to
    )
    AND (
        ticks.run_id IS NULL
        OR NOT EXISTS (SELECT 1 FROM runs WHERE runs.id = ticks.run_id AND NOT ({_RUN_GOES}))
    )
"""
_NOTICE_GOES = "notices.created_at < :before AND notices.next_at IS NULL"
# The last row of an entry says up to when its ticks had come, so it stays for ever.
_SCHEDULE_GOES = f"""
    schedules.ended_at < :before
    AND schedules.id NOT IN (
        SELECT max(version.id) FROM schedules AS version GROUP BY version.workflow, version.entry
    )
    AND NOT EXISTS (
        SELECT 1 FROM ticks WHERE ticks.schedule_id = schedules.id AND NOT ({_TICK_GOES})
    )
"""
_DEFINITION_GOES = f"""
    NOT EXISTS (SELECT 1 FROM runs WHERE runs.definition = definitions.hash AND NOT ({_RUN_GOES}))
    AND NOT EXISTS (SELECT 1 FROM sources WHERE sources.definition = definitions.hash)
"""
_PROCESS_GOES = """
    processes.left_at < :before
    AND NOT EXISTS (SELECT 1 FROM runs WHERE runs.owner = processes.id)
    AND NOT EXISTS (SELECT 1 FROM leader WHERE leader.process_id = processes.id)
"""
# Without a workflow that still waits; the webhook does not report an instance again so late.
_JOB_END_GOES = """
    job_ends.received_at < :before
    AND job_ends.decided
    AND NOT EXISTS (
        SELECT 1 FROM job_end_starts WHERE job_end_starts.job_end_id = job_ends.id
        AND job_end_starts.run_id IS NULL AND job_end_starts.reason = ''
    )
"""
# A pause that has ended, also for every tick that is still to be materialized.
_PAUSE_GOES = """
    pauses.until < :before
    AND NOT EXISTS (
        SELECT 1 FROM schedules WHERE schedules.workflow = pauses.workflow
        AND schedules.ended_at IS NULL AND schedules.covered_to < pauses.until
    )
"""

# In the order in which the rows are deleted.
_RULES: Final = (
    _Rule("runs", "id", _RUN_GOES),
    _Rule("ticks", "id", _TICK_GOES),
    _Rule("notices", "id", _NOTICE_GOES),
    _Rule("schedules", "id", _SCHEDULE_GOES),
    _Rule("definitions", "hash", _DEFINITION_GOES),
    _Rule("processes", "id", _PROCESS_GOES),
    _Rule("pauses", "id", _PAUSE_GOES),
    _Rule("job_ends", "id", _JOB_END_GOES),
)
