"""The store on one page: which function implements each of its methods, in which transaction.

The functions are in one module for each concern. They take the `Transaction` first; `reading`,
`writing` and `leading` turn them into methods that open it, with the locks that `locks` explains.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Self

from almaflow.clock import Clock
from almaflow.store import (
    admission,
    backups,
    claims,
    decisions,
    job_ends,
    job_slots,
    job_stats,
    processes,
    progress,
    retention,
    run_listing,
    run_log,
    transfer,
)
from almaflow.store import journal as journal_rows
from almaflow.store import leader as leader_row
from almaflow.store import notices as notice_rows
from almaflow.store import pauses as pause_rows
from almaflow.store import runs as run_rows
from almaflow.store import schedules as schedule_rows
from almaflow.store import sources as source_rows
from almaflow.store import ticks as tick_rows
from almaflow.store.connection import Connection
from almaflow.store.database import BUSY_TIMEOUT, Database
from almaflow.store.errors import StoreTrouble
from almaflow.store.liveness import LEASE, Liveness
from almaflow.store.locks import EVERYTHING, NO_LOCK, Locks, check_covered, lock_of_run, to_take
from almaflow.store.methods import (
    leading,
    of_account,
    of_answers,
    of_claim,
    of_ledger,
    of_notices,
    of_records,
    of_run,
    of_runs,
    of_slot,
    reading,
    writing,
)
from almaflow.store.records import Process
from almaflow.store.run_queue import Changes, RunQueue
from almaflow.store.schedule_records import Pruned
from almaflow.store.transaction import Transaction


class Store:
    """One open store; safe to use from any thread.

    Each raises `StoreTrouble` when the file, disk or server refuses; then it has changed nothing.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        lease: timedelta = LEASE,
        queue: RunQueue | None = None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._liveness = Liveness(database.location, clock, lease)
        self._queue = queue
        # Of the writing transaction under way; None: there is none.
        self._changes: Changes | None = None
        self._locks = NO_LOCK

    @classmethod
    def open(
        cls,
        url: str,
        *,
        clock: Clock,
        busy_timeout: timedelta = BUSY_TIMEOUT,
        lease: timedelta = LEASE,
        queue: RunQueue | None = None,
    ) -> Self:
        """Open the store at *url*, and create it if it is new.

        *url* is `sqlite:///PATH`, `sqlite://` for a store in memory, or
        `postgresql://user@host/database`. *busy_timeout* is how long a transaction waits for
        that of another process, *lease* how long a process lives without a sign of life. Due runs
        are put into *queue*; without one, processes look for them.

        Raises:
            StoreUrlWrong: *url* is not the address of a store.
            StoreError: the store cannot be used.
        """
        store = cls(Database.open(url, clock.now(), busy_timeout), clock, lease, queue)
        try:
            if queue is not None:
                store._prepare(queue)
        except BaseException:
            store.close()
            raise
        return store

    def _prepare(self, queue: RunQueue) -> None:
        with self.read() as tx:
            made = queue.is_made(tx.driver)
        if not made:
            with self.write() as tx:
                queue.make_tables(tx.driver)

    def close(self) -> None:
        """Close the store; processes that did not leave count as dead from now on."""
        self._liveness.drop()
        self._database.close()

    @property
    def in_memory(self) -> bool:
        """Whether everything is gone when the store is closed."""
        return self._database.in_memory

    @property
    def one_writer(self) -> bool:
        """Whether only one process writes at a time, whatever it locks."""
        return self._database.one_writer

    @property
    def address(self) -> str:
        """The store's file, its server and database, or `in memory`, for messages."""
        return str(self._database.location)

    @property
    def is_shared(self) -> bool:
        """Whether workers on several machines take the runs of this store from a queue."""
        return self._queue is not None

    @property
    def conninfo(self) -> str:
        """The address of a store in PostgreSQL as libpq takes it, its password included."""
        from almaflow.store.postgres import conninfo

        return conninfo(self._database.location)

    @property
    def lease(self) -> timedelta:
        """For how long a process lives without a sign of life."""
        return self._liveness.lease

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        """Open a transaction that sees one state of the store and writes nothing."""
        with self._database.read() as connection:
            yield Transaction(connection, self._clock, self._liveness, Changes())

    @property
    def is_writing(self) -> bool:
        """Whether a writing transaction is open; ask on the thread that would have opened it."""
        return self._changes is not None

    @contextmanager
    def write(self, locks: Locks = EVERYTHING) -> Iterator[Transaction]:
        """Open a writing transaction with *locks*, or a part of the one that this thread is in."""
        topics: set[str] = set()
        with self._database.write(to_take(locks)) as connection:
            outer = self._changes
            if outer is not None:
                check_covered(locks, self._locks)
                yield self._transaction(connection)
                return
            self._changes, self._locks = Changes(), to_take(locks)
            try:
                yield (tx := self._transaction(connection))
                if self._queue is not None:
                    claims.queue_due(tx, self._queue)
                    topics = tx.changes.topics
            finally:
                self._changes, self._locks = None, NO_LOCK
        if topics and self._queue is not None:
            self._announce(self._queue, topics)

    def _transaction(self, connection: Connection) -> Transaction:
        assert self._changes is not None
        return Transaction(connection, self._clock, self._liveness, self._changes, self._locks)

    def _announce(self, queue: RunQueue, topics: Collection[str]) -> None:
        """Announce what a transaction has changed, after its end.

        One that notifies keeps others that notify from ending until it is on the disk. What is
        lost with the connection does no harm: these are hints.
        """
        with suppress(StoreTrouble), self._database.hint() as connection:
            queue.announce(connection.driver, sorted(topics))

    def unqueued(self, max_format: int) -> Sequence[str]:
        """Return those of the `orphans` that are not queued and that no worker has."""
        with self.write(NO_LOCK) as tx:
            return claims.unqueued(tx, self._queue, max_format)

    def queue_runs(self, run_ids: Sequence[str]) -> None:
        """Queue those of the runs that are not queued and that no worker has."""
        if self._queue is not None and run_ids:
            with self.write(frozenset(map(lock_of_run, run_ids))) as tx:
                claims.queue_missing(tx, self._queue, run_ids)

    @contextmanager
    def batch(self, locks: Locks = EVERYTHING) -> Iterator[None]:
        """Let the calls of this thread inside the `with` share one transaction with *locks*.

        It is durable when the `with` ends, and taken back when that ends with an error. A call that
        fails takes back only its own changes; the error may be caught, unless it is a
        `StoreTrouble`. Other threads wait meanwhile.
        """
        with self.write(locks):
            yield

    # Runs
    add_run = writing(run_rows.add, of_records)
    definition = reading(run_rows.definition)
    run = reading(run_rows.get)
    find_run = reading(run_rows.find)
    runs = reading(run_listing.newest)
    runs_before = reading(run_listing.before)
    last_runs = reading(run_listing.last_of_each)
    last_changes = reading(run_listing.last_changes)
    start_run = writing(run_rows.start, of_claim)
    set_status = writing(run_rows.set_status, of_claim)
    finish_run = writing(run_rows.finish, of_claim)
    release_run = writing(run_rows.release, of_claim)
    reopen_run = writing(run_rows.reopen, of_run)
    end_hold = writing(run_rows.end_hold, of_run)
    ask_cancel = writing(run_rows.ask_cancel, of_run)
    cancels_asked = reading(run_rows.cancels)

    # Claims
    orphans = writing(claims.orphans)
    newer_runs = reading(claims.newer)
    silent_owners = reading(claims.silent_owners)
    claim_run = writing(claims.claim, of_run)
    claim_runs = writing(claims.claim_all, of_runs)
    claim_offered = writing(claims.claim_offered, of_runs)
    load_runs = reading(claims.load)

    # The journal and the log of a run, and decisions
    record = writing(journal_rows.record, of_claim)
    record_progress = writing(progress.record, of_claim)
    journal = reading(journal_rows.of_run)
    value_of = reading(journal_rows.value_of)
    add_event = writing(run_log.add, of_run)
    add_events = writing(run_log.add_all, of_run)
    events = reading(run_log.after)
    add_answer = writing(decisions.add, of_run, of_answers)
    answers = reading(decisions.after)

    # What was learned of Alma's jobs
    add_duration = writing(job_stats.add_duration, of_account)
    learned_durations = reading(job_stats.learned)
    note_habit = writing(job_stats.note_habit, of_account)
    marker_habits = reading(job_stats.habits)
    marker_habit = reading(job_stats.habit_of)

    # Slots: the concurrent jobs that Alma's limits leave us, shared by all processes. A submission
    # takes one in the transaction that records its intent (`batch`), until its instance has ended.
    ask_slot = writing(job_slots.ask, of_claim, of_account)
    take_slot = writing(admission.take, of_slot)
    slot_blocker = writing(admission.look)
    postpone_slot = writing(job_slots.put_off, of_slot)
    drop_slot = writing(job_slots.drop, of_slot)
    settle_slot = writing(job_slots.settle, of_slot)
    suspect_slot = writing(job_slots.suspect, of_slot)
    free_slot = writing(job_slots.free, of_account)
    free_spot = writing(job_slots.free_spot, of_slot)
    slot = reading(job_slots.find)
    slots_of = reading(job_slots.of_run)
    holders = reading(job_slots.holders)
    queue = reading(job_slots.queue)
    turns = writing(admission.turns)
    known_instances = reading(job_slots.instances)
    others_lost = reading(job_slots.others_lost)
    jobs_on_set = reading(job_slots.on_set)

    # The ledger: who leads, the schedule entries, and their ticks
    lead = writing(leader_row.lead, of_ledger)
    leader = writing(leader_row.current)
    schedules = reading(schedule_rows.find)
    change_schedules = leading(schedule_rows.change)
    materialize = leading(tick_rows.materialize)
    open_ticks = reading(tick_rows.open_ones)
    accept_ticks = leading(tick_rows.accept)
    end_ticks = leading(tick_rows.end)
    start_tick = leading(tick_rows.start, of_records)
    skip_tick = writing(tick_rows.skip, of_ledger)
    ticks = reading(tick_rows.newest)
    tick_of_run = reading(tick_rows.of_run)

    # What Alma's webhooks report, and what starts because of it
    add_job_end = writing(job_ends.add, of_answers)
    job_ends_after = reading(job_ends.after)
    newest_job_end = reading(job_ends.newest_id)
    undecided_job_ends = reading(job_ends.undecided)
    decide_job_end = leading(job_ends.decide)
    waiting_starts = reading(job_ends.waiting)
    start_for_job_end = leading(job_ends.start, of_records)
    skip_starts = leading(job_ends.skip)

    # What a scheduler keeps
    pause = writing(pause_rows.begin, of_ledger)
    unpause = writing(pause_rows.end, of_ledger)
    pauses = reading(pause_rows.find)
    sources = reading(source_rows.find)
    keep_source = leading(source_rows.keep, of_records)
    drop_source = leading(source_rows.drop)
    add_notices = writing(notice_rows.add, of_notices)
    due_notices = reading(notice_rows.due)
    next_notice_at = reading(notice_rows.next_at)
    take_notice = writing(notice_rows.take, of_notices)
    notice = reading(notice_rows.find)
    undelivered_notices = reading(notice_rows.undelivered)
    notice_sent = writing(notice_rows.sent, of_notices)
    notice_failed = writing(notice_rows.failed, of_notices)
    notices = reading(notice_rows.newest)

    # Processes
    renew_lease = writing(processes.renew)
    at_work = writing(processes.at_work)
    _check_process = writing(processes.checked)
    _read_process = reading(processes.get)

    def enter_process(self, host: str, pid: int, version: str, info: str = "{}") -> Process:
        """Record this process; it lives until it leaves, the store closes or it dies.

        From now on it has to renew its lease every few seconds (`liveness.RENEW`).
        """
        process = processes.new_process(host, pid, version, self._clock.now(), info)
        process = self._liveness.hold(process)
        try:
            with self.write(NO_LOCK) as tx:
                processes.add(tx, process)
        except BaseException:
            self._liveness.free(process.id)
            raise
        return process

    def leave_process(self, process_id: str) -> None:
        """Record that this process has ended; other processes may take over runs it still owns."""
        with self.write(NO_LOCK) as tx:
            processes.leave(tx, process_id)
        self._liveness.free(process_id)

    def is_silent(self, process_id: str) -> bool:
        """Whether a process that seems to live gave no sign of it since `process` checked first."""
        return self._liveness.is_silent(process_id)

    def process(self, process_id: str) -> Process | None:
        """Return a process, None when it was never recorded; a dead one has left."""
        try:
            return self._check_process(process_id)
        except StoreTrouble:
            process = self._read_process(process_id)
        if process is None or process.left_at is not None or self._liveness.seems_alive(process):
            return process
        return replace(process, left_at=self._clock.now())

    pruned_before = reading(retention.pruned_before)

    def prune(self, before: datetime, *, dry_run: bool = False) -> Pruned:
        """Delete what ended before an instant, or count what would go; see `retention`."""
        before = min(before, self._clock.now() - retention.YOUNGEST)
        if not dry_run:
            return retention.prune(self.write, before)
        with self.read() as tx:
            return retention.count(tx, before)

    def contents(self) -> dict[str, transfer.TableHash]:
        """Return how many rows each table holds, and a hash of them."""
        with self._database.read() as connection:
            return transfer.contents(connection)

    def migrate_to(self, other: Store, *, dry_run: bool = False) -> dict[str, transfer.TableHash]:
        """Copy this store into *other*; see `transfer.migrate`."""
        return transfer.migrate(self._database, other._database, dry_run=dry_run)

    def backup(self, path: Path) -> None:
        """Copy the store into the new file *path*, for its owner only, while others use it.

        Raises:
            StoreError: the store is not a file, *path* exists already, or cannot be written.
        """
        backups.copy(self._database.location, path)
