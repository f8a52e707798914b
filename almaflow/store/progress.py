"""The progress of a run: what one step or a wait adds to its records, in few statements."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from almaflow.late_dataclasses import dataclass
from almaflow.outcome import Status
from almaflow.store import journal, run_log, runs
from almaflow.store.records import Claim, JournalEntry, NewLogEntry
from almaflow.store.transaction import Transaction
from almaflow.waiting import Waiting


@dataclass(frozen=True)
class NewEntry:
    """A journal entry that is done when it is made: it sent nothing."""

    path: str
    attempt: int
    effect: str
    value: Any


def record(
    tx: Transaction,
    claim: Claim,
    status: tuple[Status, Sequence[Waiting]] | None,
    entries: Sequence[NewEntry],
    lines: Sequence[NewLogEntry],
) -> list[JournalEntry]:
    """Record the status of a run unless it stays, new entries and lines; return the entries.

    Raises:
        ClaimLost: the run is not the claimant's (any more).
        MoveWrong: a defect: an entry is there already.
        ValueUnfit: a value is larger than 16 MiB, or cannot be written as JSON.
    """
    if status is None:
        runs.check(tx, claim)
    else:
        runs.set_status(tx, claim, *status)
    keys = [(entry.path, entry.attempt, entry.effect, entry.value) for entry in entries]
    added = journal.add_done(tx, claim, keys)
    if lines:
        run_log.add_all(tx, claim.run_id, lines)
    return added
