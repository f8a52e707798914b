"""The store's ledger: who leads, the entries of timetables, and their ticks."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from almaflow.store import leader, schedules, ticks
from almaflow.store.calls.base import StoreBase
from almaflow.store.records import Process, RunRecord
from almaflow.store.schedule_records import (
    NewSchedule,
    NewTick,
    Schedule,
    Tick,
    TickEnd,
    TickEnding,
)


class LedgerCalls(StoreBase):
    """What is asked of timetables.

    What takes a *process_id* first is for the leader: it raises `NotLeader` when that process
    does not lead, or does not any more, and records nothing then.
    """

    # The leader

    def lead(self, process_id: str) -> Process | None:
        """Make *process_id* the leader unless another process leads and lives; return that one.

        Return None when *process_id* leads now. That the leader was found dead is recorded.

        Raises:
            LeaseLost: *process_id* has left, or was found dead.
        """
        now = self._clock.now()
        with self._database.write() as connection:
            return leader.lead(connection, process_id, now, self._lives)

    def leader(self) -> Process | None:
        """Return the process that leads, None when none does that lives."""
        with self._database.write() as connection:
            return leader.current(connection, self._lives)

    @contextmanager
    def _leading(self, process_id: str) -> Iterator[Connection]:
        with self._database.write() as connection:
            leader.check(connection, process_id)
            yield connection

    # Entries

    def schedules(self, *, workflow: str | None = None, standing: bool = False) -> list[Schedule]:
        """Return schedule entries as they stood, in the order in which they began to.

        *standing* leaves out those that stand no more.
        """
        with self._database.read() as connection:
            return schedules.find(connection, workflow, standing)

    def change_schedules(
        self, process_id: str, begin: Sequence[NewSchedule], end: Sequence[int], at: datetime
    ) -> list[Schedule]:
        """Let entries stand from *at* on and others stand no more; return the new rows.

        *end* are ids of rows; one that has ended keeps its end. What is covered stays so: a row
        ends at *at*, or where it is covered to when that is later; a new one begins at *at*, or
        where the last row of its entry had come to. A row of the same entry that still stands
        is ended first.

        Raises:
            NotLeader: as above.
            ValueUnfit: a timing is larger than 16 MiB, or no JSON.
        """
        with self._leading(process_id) as connection:
            return schedules.change(connection, begin, end, at)

    # Ticks

    def lay_out(
        self, process_id: str, new: Sequence[NewTick], covered: Mapping[int, datetime]
    ) -> int:
        """Give rows to the ticks that have none, and return to how many.

        *covered* says, by the id of a schedule, up to when all its ticks have rows now; that
        never goes back, nor past its end.
        """
        now = self._clock.now()
        with self._leading(process_id) as connection:
            added = ticks.add(connection, new, now)
            schedules.cover(connection, covered)
            return added

    def open_ticks(self, limit: int = 10_000) -> list[Tick]:
        """Return the ticks without an ending, by when they are to start, then by instant."""
        with self._database.read() as connection:
            return ticks.open_ones(connection, limit)

    def accept_ticks(self, process_id: str, accepted: Mapping[int, bool]) -> None:
        """Let open ticks through to run, now; the value says whether each is caught up.

        One that was let through before keeps its instant.
        """
        now = self._clock.now()
        with self._leading(process_id) as connection:
            ticks.accept(connection, accepted, now)

    def end_ticks(self, process_id: str, ends: Sequence[TickEnd]) -> int:
        """End ticks that become no run of their own; return how many of them were open."""
        now = self._clock.now()
        with self._leading(process_id) as connection:
            return ticks.end(connection, ends, now)

    def start_tick(
        self, process_id: str, tick_id: int, definition: Mapping[str, Any], record: RunRecord
    ) -> RunRecord | None:
        """Record the run that an open tick becomes, and return it.

        A run that was recorded under the key before is the tick's then. Return None when the
        tick has an ending already.

        Raises:
            NotLeader: as above.
            ValueUnfit: the definition, inputs or vars are larger than 16 MiB.
        """
        now = self._clock.now()
        with self._leading(process_id) as connection:
            return ticks.start(connection, tick_id, definition, record, now)

    def skip_tick(self, tick: NewTick) -> Tick:
        """Record that somebody wants a tick skipped, and return its row.

        It may be still to come, or be open. Its reason is kept; ending and cause are given.

        Raises:
            TickDecided: it has an ending already; carries its row.
        """
        now = self._clock.now()
        with self._database.write() as connection:
            return ticks.skip(connection, tick, now)

    def ticks(
        self,
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
        with self._database.read() as connection:
            return ticks.newest(connection, since, until, workflow, endings, open, limit)

    def tick_of_run(self, run_id: str) -> Tick | None:
        """Return the tick that became the run, None when it is no tick's."""
        with self._database.read() as connection:
            return ticks.of_run(connection, run_id)
