"""The store: runs, their journal, their log and the processes that work on them, in SQLite.

The only home of SQL. Every method is one transaction and waits for the disk, so what runs on an
event loop calls it through a `StoreWriter`. Instants come from the store's clock.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from almaflow.clock import Clock
from almaflow.outcome import Outcome, Status
from almaflow.store import events, journal, processes, runs
from almaflow.store.database import BUSY_TIMEOUT, Database
from almaflow.store.errors import (
    ClaimLost,
    MoveWrong,
    RunEnded,
    RunExists,
    RunHeld,
    RunNotFound,
    StoreDamaged,
    StoreFull,
    StoreLocked,
    StoreNewer,
    StoreReadOnly,
    StoreTrouble,
    StoreUnreachable,
    StoreUrlWrong,
    ValueUnfit,
)
from almaflow.store.processes import LifeLocks
from almaflow.store.records import (
    KEEP,
    Cancel,
    Claim,
    Entry,
    EntryState,
    Event,
    Keep,
    Process,
    RunRecord,
    new_run_id,
)
from almaflow.store.values import clean

__all__ = [
    "KEEP",
    "Cancel",
    "Claim",
    "ClaimLost",
    "Entry",
    "EntryState",
    "Event",
    "Keep",
    "MoveWrong",
    "Process",
    "RunEnded",
    "RunExists",
    "RunHeld",
    "RunNotFound",
    "RunRecord",
    "Store",
    "StoreDamaged",
    "StoreFull",
    "StoreLocked",
    "StoreNewer",
    "StoreReadOnly",
    "StoreTrouble",
    "StoreUnreachable",
    "StoreUrlWrong",
    "ValueUnfit",
    "new_run_id",
]


class Store:
    """One open store; safe to use from any thread.

    Besides what a method names, each raises `StoreTrouble` when the file or the disk refuses;
    then nothing of its transaction is kept.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._lives = LifeLocks(database.location)

    @classmethod
    def open(cls, url: str, *, clock: Clock, busy_timeout: timedelta = BUSY_TIMEOUT) -> Store:
        """Open, make or bring up to date the store at *url*.

        *url* is `sqlite:///PATH`, or `sqlite://` for a store in memory. *busy_timeout* is how
        long a transaction waits for another process's.

        Raises:
            StoreUrlWrong: *url* names no store.
            StoreError: it cannot be used.
        """
        return cls(Database.open(url, clock.now(), busy_timeout), clock)

    def close(self) -> None:
        """Close the store; processes that did not leave count as dead from now on."""
        self._lives.free_all()
        self._database.close()

    @property
    def in_memory(self) -> bool:
        """Whether everything is gone when the store is closed."""
        return self._database.in_memory

    @property
    def place(self) -> str:
        """The store's file, or `in memory`, for messages."""
        return str(self._database.location)

    @contextmanager
    def batch(self) -> Iterator[None]:
        """Let the calls of this thread inside the `with` share one transaction.

        What they did is durable when the `with` ends, and taken back when it ends with an
        error. A call that fails takes back itself; the error may be caught inside, unless it is
        a `StoreTrouble`. Other threads wait meanwhile.
        """
        with self._database.write():
            yield

    # Runs

    def add_run(self, definition: Mapping[str, Any], record: RunRecord) -> RunRecord:
        """Record a run under its key and return it, its `definition` filled in.

        *definition* is all that the run executes: the text of its files, JSON-able.

        Raises:
            RunExists: the key is taken; carries the id of the run that has it.
            ValueUnfit: the definition, inputs, vars or outputs are larger than 16 MiB.
        """
        with self._database.write() as connection:
            return runs.add(connection, definition, record)

    def definition(self, hash_: str) -> dict[str, Any]:
        """Return the definition with this hash.

        Raises:
            StoreError: there is none.
        """
        with self._database.read() as connection:
            return runs.definition(connection, hash_)

    def run(self, run_id: str) -> RunRecord:
        """Return the run with exactly this id.

        Raises:
            RunNotFound: there is none.
        """
        with self._database.read() as connection:
            return runs.get(connection, run_id)

    def find_run(self, part: str) -> RunRecord:
        """Return the one run that has *part* in its id; `last` is the newest.

        Raises:
            RunNotFound: none has, or several have; the text lists which come near.
        """
        with self._database.read() as connection:
            return runs.find(connection, part)

    def runs(
        self,
        limit: int | None = None,
        *,
        workflow: str | None = None,
        statuses: Collection[Status] | None = None,
        outcomes: Collection[Outcome] | None = None,
    ) -> list[RunRecord]:
        """Return the runs that fit all that is given, newest first, at most *limit*."""
        with self._database.read() as connection:
            return runs.newest(connection, limit, workflow, statuses, outcomes)

    def claim_run(self, run_id: str, process_id: str) -> Claim:
        """Make *process_id* the owner of an unfinished run; a held one is held no longer.

        Raises:
            RunNotFound: there is no such run.
            RunEnded: it is finished.
            RunHeld: a live process owns it, which may be *process_id* itself.
        """
        with self._database.write() as connection:
            record = runs.get(connection, run_id)
            if record.status is Status.FINISHED:
                raise RunEnded(run_id, str(record.outcome))
            if record.owner is not None:
                owner = processes.get(connection, record.owner)
                if owner is not None and self._lives.is_alive(owner):
                    raise RunHeld(run_id, owner.pid, owner.host, owner.entered_at)
                processes.leave(connection, record.owner, self._clock.now())
            return runs.take(connection, record, process_id)

    def release_run(self, claim: Claim, held: bool) -> None:
        """Give an unfinished run back: its status stays, its owner goes.

        A *held* run is for `resume` only; another one may be claimed by any process.

        Raises:
            ClaimLost: it is not the claimant's.
        """
        with self._database.write() as connection:
            runs.change(connection, claim, owner=None, held=held)

    def set_status(self, claim: Claim, status: Status, reason: str = "") -> None:
        """Record where the run is in its life, and why it waits.

        Raises:
            ClaimLost: it is not the claimant's.
        """
        with self._database.write() as connection:
            runs.change(connection, claim, status=status, reason=clean(reason))

    def start_run(self, claim: Claim, at: datetime, deadline: datetime | None) -> RunRecord:
        """Record that the run begins and return it; the instants of a first start stay.

        Raises:
            ClaimLost: it is not the claimant's.
        """
        with self._database.write() as connection:
            runs.start(connection, claim, at, deadline)
            return runs.get(connection, claim.run_id)

    def finish_run(
        self,
        claim: Claim,
        outcome: Outcome,
        error: str = "",
        outputs: Mapping[str, Any] | None = None,
    ) -> None:
        """Record the run's end, now, and let go of it.

        Raises:
            ClaimLost: it is not the claimant's.
            ValueUnfit: the outputs are larger than 16 MiB.
        """
        with self._database.write() as connection:
            runs.finish(connection, claim, self._clock.now(), outcome, error, outputs)

    def ask_cancel(self, run_id: str, by: str) -> RunRecord:
        """Ask whoever works on the run to cancel it, and return the run.

        Raises:
            RunNotFound: there is no such run.
            RunEnded: it is finished.
        """
        with self._database.write() as connection:
            return runs.ask_cancel(connection, run_id, by, self._clock.now())

    def cancels_asked(self, run_ids: Collection[str]) -> dict[str, Cancel]:
        """Return, by run id, which of these unfinished runs somebody wants cancelled."""
        with self._database.read() as connection:
            return runs.cancels(connection, run_ids)

    # Processes

    def enter_process(self, host: str, pid: int, version: str) -> Process:
        """Record this process; it counts as alive until it leaves, the store closes or it dies."""
        process = processes.new_process(host, pid, version, self._clock.now())
        self._lives.hold(process.id)
        try:
            with self._database.write() as connection:
                processes.add(connection, process)
        except BaseException:
            self._lives.free(process.id)
            raise
        return process

    def leave_process(self, process_id: str) -> None:
        """Record that this process is done; runs that it still owns may be taken over."""
        with self._database.write() as connection:
            processes.leave(connection, process_id, self._clock.now())
        self._lives.free(process_id)

    def process(self, process_id: str) -> Process | None:
        """Return a process, None when it was never recorded; a dead one has left."""
        with self._database.write() as connection:
            process = processes.get(connection, process_id)
            if process is None or self._lives.is_alive(process):
                return process
            processes.leave(connection, process_id, self._clock.now())
            return processes.get(connection, process_id)

    # Journal and log

    def record(
        self,
        claim: Claim,
        path: str,
        attempt: int,
        effect: str,
        state: EntryState,
        *,
        value: Any | Keep = KEEP,
        request_hash: str = "",
        resubmit: bool = False,
    ) -> Entry:
        """Make a journal entry or move it to *state* (see `journal`), durable on return.

        *value* replaces the recorded one; `KEEP` leaves it (of a new entry it is None).
        *request_hash* is given with the first intent; given again it must be the same.
        *resubmit* allows the one move from lost to a new intent.

        Raises:
            ClaimLost: the run is not the claimant's; stop working on it.
            MoveWrong: a defect: the entry cannot go there, or its request has changed.
            ValueUnfit: the value is larger than 16 MiB, or no JSON.
        """
        now = self._clock.now()
        with self._database.write() as connection:
            return journal.record(
                connection,
                claim,
                path,
                attempt,
                effect,
                state,
                now,
                value,
                request_hash,
                resubmit,
            )

    def journal(self, run_id: str) -> list[Entry]:
        """Return the journal of a run in the order in which its entries were made."""
        with self._database.read() as connection:
            return journal.of_run(connection, run_id)

    def learned_durations(self, limit: int = 1000) -> list[dict[str, Any]]:
        """Return `{institution, job_id, seconds}` of the newest runs of jobs, oldest first."""
        with self._database.read() as connection:
            return journal.learned(connection, limit)

    def add_event(
        self, run_id: str, kind: str, path: str = "", text: str = "", data: Any = None
    ) -> None:
        """Append a line to the log of a run, now; *path* is a step's, or empty.

        Raises:
            ValueUnfit: *data* is larger than 16 MiB, or no JSON.
        """
        now = self._clock.now()
        with self._database.write() as connection:
            events.add(connection, run_id, now, kind, path, text, data)

    def events(self, run_id: str, after_id: int = 0) -> list[Event]:
        """Return the log of a run, oldest first, from after the event *after_id*."""
        with self._database.read() as connection:
            return events.after(connection, run_id, after_id)
