"""The store's journal and log, what people answered, and what was learned of jobs."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from almaflow.store import decisions, job_stats, journal, run_log
from almaflow.store.calls.base import StoreBase
from almaflow.store.records import (
    KEEP,
    Answer,
    Claim,
    Entry,
    EntryState,
    Event,
    Keep,
    Line,
    MarkerHabit,
)


class JournalCalls(StoreBase):
    """What is asked of the journal and of what else is told and remembered."""

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

    def add_event(
        self, run_id: str, kind: str, path: str = "", text: str = "", data: Any = None
    ) -> None:
        """Append a line to the log of a run, now; *path* is a step's, or empty.

        Raises:
            ValueUnfit: *data* is larger than 16 MiB, or no JSON.
        """
        self.add_events(run_id, [Line(self._clock.now(), kind, path, text, data)])

    def add_events(self, run_id: str, lines: Sequence[Line]) -> None:
        """Append lines to the log of a run, in their order; Raises: ValueUnfit."""
        with self._database.write() as connection:
            run_log.add_all(connection, run_id, lines)

    def events(self, run_id: str, after_id: int = 0) -> list[Event]:
        """Return the log of a run, oldest first, from after the event *after_id*."""
        with self._database.read() as connection:
            return run_log.after(connection, run_id, after_id)

    # Answers

    def add_answer(self, run_id: str, path: str, kind: str, value: Any, by: str) -> Answer:
        """Record what *by* decided about the step *path* of a run, now, and return it.

        *kind* is `approve` or `resolve`.

        Raises:
            RunNotFound: there is no such run.
            RunEnded: it is finished.
            ValueUnfit: the value is larger than 16 MiB, or no JSON.
        """
        now = self._clock.now()
        with self._database.write() as connection:
            return decisions.add(connection, run_id, path, kind, value, by, now)

    def answers(self, run_ids: Collection[str] | None = None, after_id: int = 0) -> list[Answer]:
        """Return the answers from after *after_id*, oldest first; None: of all runs."""
        with self._database.read() as connection:
            return decisions.after(connection, run_ids, after_id)

    # What was learned of jobs

    def add_duration(self, account: str, job_id: str, seconds: float) -> None:
        """Remember how long a run of a job took; the newest 20 of each job are kept."""
        now = self._clock.now()
        with self._database.write() as connection:
            job_stats.add_duration(connection, account, job_id, seconds, now)

    def learned_durations(self, limit: int = 10_000) -> list[dict[str, Any]]:
        """Return `{institution, job_id, seconds}` of the newest runs of jobs, oldest first.

        `institution` is the account, as it was given to `add_duration`.
        """
        with self._database.read() as connection:
            return job_stats.learned(connection, limit)

    def note_habit(self, account: str, job_id: str, habit: MarkerHabit) -> None:
        """Remember what Alma does to our marker in the names of a job's instances."""
        now = self._clock.now()
        with self._database.write() as connection:
            job_stats.note_habit(connection, account, job_id, habit, now)

    def marker_habits(self) -> dict[tuple[str, str], MarkerHabit]:
        """Return what Alma does to our marker, by account and job, where it was seen."""
        with self._database.read() as connection:
            return job_stats.habits(connection)

    def marker_habit(self, account: str, job_id: str) -> MarkerHabit:
        """Return what Alma was seen to do to our marker in the names of this job."""
        with self._database.read() as connection:
            return job_stats.habit_of(connection, account, job_id)
