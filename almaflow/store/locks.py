"""Locks: what a writing transaction keeps others from doing meanwhile, in a store on a server.

SQLite lets one process write at a time and needs none of this; that each call inside a transaction
is covered by the transaction's locks is checked there, too. In PostgreSQL a transaction takes its
locks right after its begin and in the order of `LockKind`, before it reads anything. It waits for
no lock later: a process that is judged dead is passed over while another transaction has its row.
So no two transactions wait for each other.

    transaction                                        locks
    -------------------------------------------------  -------------------------------------------
    a run's status, journal, log, end; release         the run: owner and epoch are checked behind
                                                       it, so who lost its claim writes nothing
    claim runs; queue runs                             each of the runs
    begin, cancel, retry or resume a run, as a person  the run, the records, the answers
    a reply; a report that a job has ended             the answers: who reads these continues after
                                                       the last one that it saw, so they have to
                                                       end in the order of their numbers
    ask for a slot, take, postpone, settle, free it    the account, and the run whose slot it is
    free the slot of an instance; what was learned     the account
      of a job
    record a run or a definition                       the records: one run for each key
    lead; ticks, schedules, files, pauses, job ends    the ledger; also the records, where a run
                                                       or a definition is recorded
    notifications                                      the notifications
    renew a lease, enter, leave; judge others dead     none: one row, changed by one statement
    ask whose turn it is                               none: it is asked again when a slot is taken
    make the tables, migrate, prune                    everything

The lock of a run is a lock of its row, the others are advisory locks. Every transaction shares the
lock of everything, which excludes them all; earlier versions of almaflow take that one only.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from enum import IntEnum
from typing import Final, NamedTuple


class LockKind(IntEnum):
    """What is locked, in the order in which a transaction takes its locks."""

    EVERYTHING = 0
    LEDGER = 1
    RECORDS = 2
    ANSWERS = 3
    NOTICES = 4
    ACCOUNT = 5
    RUN = 6


class Lock(NamedTuple):
    """One thing that a transaction has to itself."""

    kind: LockKind
    name: str = ""
    """The id of a run, or an account; empty where there is one of its kind."""

    @property
    def number(self) -> int:
        """The number of an advisory lock in the database."""
        if self.kind is LockKind.EVERYTHING:
            return int.from_bytes(b"almaflow")
        digest = hashlib.sha256(f"almaflow {self.kind.name} {self.name}".encode()).digest()
        return int.from_bytes(digest[:8], signed=True)


Locks = frozenset[Lock]

NO_LOCK: Final[Locks] = frozenset()
EVERYTHING: Final[Locks] = frozenset({Lock(LockKind.EVERYTHING)})
LEDGER: Final = Lock(LockKind.LEDGER)
RECORDS: Final = Lock(LockKind.RECORDS)
ANSWERS: Final = Lock(LockKind.ANSWERS)
NOTICES: Final = Lock(LockKind.NOTICES)
ITS_ACCOUNT: Final = Lock(LockKind.ACCOUNT)
"""The lock of the account of a slot, where only the row of the slot says which one that is."""


def lock_of_run(run_id: str) -> Lock:
    """Return the lock of a run."""
    return Lock(LockKind.RUN, run_id)


def locks_of_decision(run_id: str) -> Locks:
    """Return the locks for what a person decides about a run, such as to begin it or to retry."""
    return frozenset({RECORDS, ANSWERS, lock_of_run(run_id)})


def lock_of_account(account: str) -> Lock:
    """Return the lock of the slots of an account."""
    return Lock(LockKind.ACCOUNT, account)


def shared_locks(locks: Locks) -> Locks:
    """Return those of the locks for which processes often wait: a run has one owner."""
    return frozenset(lock for lock in locks if lock.kind is not LockKind.RUN)


def to_take(needed: Locks) -> Locks:
    """Return what a transaction locks that begins with the need for these locks."""
    return EVERYTHING if ITS_ACCOUNT in needed else needed


def check_covered(needed: Iterable[Lock], held: Locks) -> None:
    """Check that a transaction with the locks *held* may do what needs the locks *needed*.

    Whether the right account is locked for a slot is checked when the row of the slot is read.
    """
    missing = set(needed) - held - {ITS_ACCOUNT}
    assert not missing or held >= EVERYTHING, f"a transaction does not hold {sorted(missing)}"
