"""The store's runs: recorded, found, claimed, moved through their life."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from almaflow.outcome import Outcome, Status
from almaflow.store import claims, history, journal, runs
from almaflow.store.calls.base import StoreBase
from almaflow.store.records import Cancel, Claim, LoadedRun, Process, RunRecord
from almaflow.waiting import Waiting


class RunCalls(StoreBase):
    """What is asked of runs."""

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
        ended_since: datetime | None = None,
    ) -> list[RunRecord]:
        """Return the runs that fit all that is given, newest first, at most *limit*.

        *ended_since* leaves out those that ended at that instant, before it, or not yet.
        """
        with self._database.read() as connection:
            return runs.newest(connection, limit, workflow, statuses, outcomes, ended_since)

    def runs_before(self, workflow: str, run_id: str, limit: int) -> list[RunRecord]:
        """Return finished runs of *workflow* recorded before a run, newest first, at most *limit*.

        *run_id* need not be a run of that workflow; before one that is not there are none.
        """
        with self._database.read() as connection:
            return runs.before(connection, workflow, run_id, limit)

    def last_changes(self, run_ids: Sequence[str]) -> dict[str, datetime]:
        """Return when something was last recorded in each run: in its journal or its log.

        A run of which nothing is recorded but that it is there is left out.
        """
        with self._database.read() as connection:
            return history.last_changes(connection, run_ids)

    def orphans(self, process_id: str, max_format: int = 1) -> list[str]:
        """Return the unfinished runs that *process_id* may claim now, oldest first.

        They are those of dead processes, and those without an owner that can go on: queued or
        running ones, and waiting ones that got an answer since they were claimed last, are to
        be cancelled, or have run out of time. Held runs, and those recorded in a way above
        *max_format*, are left out. That a process was found dead is recorded.
        """
        with self._database.write() as connection:
            return claims.orphans(connection, self._clock.now(), max_format, self._lives)

    def silent_owners(self, max_format: int = 1) -> list[Process]:
        """Return the owners of runs that seem to live, but gave no sign of it yet.

        They are those that `orphans` and `claim_run` of this store have looked at. Each gives a
        sign of life, or is dead, within one lease in which it is looked at again and again.
        """
        with self._database.read() as connection:
            return claims.silent_owners(connection, max_format, self._lives)

    def claim_run(self, run_id: str, process_id: str) -> Claim:
        """Make *process_id* the owner of an unfinished run; a held one is held no longer.

        Raises:
            RunNotFound: there is no such run.
            RunEnded: it is finished.
            RunHeld: a live process owns it, which may be *process_id* itself.
            LeaseLost: *process_id* has left, or was found dead.
        """
        with self._database.write() as connection:
            return claims.claim(connection, run_id, process_id, self._lives)

    def claim_runs(self, run_ids: Sequence[str], process_id: str) -> list[Claim]:
        """Claim many runs, as `claim_run` does; those that cannot be claimed are left out.

        Raises:
            LeaseLost: *process_id* has left, or was found dead.
        """
        with self._database.write() as connection:
            return claims.claim_all(connection, run_ids, process_id, self._lives)

    def load_runs(self, claimed: Sequence[Claim]) -> list[LoadedRun]:
        """Return claimed runs with their journals; those that were lost again are left out."""
        with self._database.read() as connection:
            return claims.load(connection, claimed)

    def release_run(self, claim: Claim, held: bool) -> None:
        """Give an unfinished run back: its status stays, its owner goes.

        A *held* run is for `resume` only; another one may be claimed by any process.

        Raises:
            ClaimLost: it is not the claimant's.
        """
        with self._database.write() as connection:
            runs.change(connection, claim, owner=None, held=held)

    def set_status(self, claim: Claim, status: Status, waits: Sequence[Waiting] = ()) -> None:
        """Record where the run is in its life, and what it waits for.

        Raises:
            ClaimLost: it is not the claimant's.
        """
        with self._database.write() as connection:
            runs.change(connection, claim, status=status, waits=runs.waits_to_json(waits))

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

    def reopen_run(
        self, run_id: str, *, attempt: int, value: Any = None, effect: str = "retry"
    ) -> RunRecord:
        """Let a finished run begin anew, and return it: queued, with the same inputs.

        *attempt* is the number of the attempt that begins, one more than the run's last. An
        entry *effect* of that attempt, without a path, is made in the journal, with *value*.

        Raises:
            RunNotFound: there is no such run.
            RunNotEnded: it is not finished, or was begun anew meanwhile.
            ValueUnfit: the value is larger than 16 MiB, or no JSON.
        """
        now = self._clock.now()
        with self._database.write() as connection:
            record = runs.reopen(connection, run_id, attempt)
            journal.add_by_person(connection, record, effect, now, value)
            return record
