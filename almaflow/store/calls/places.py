"""The store's places: the slots that Alma's limits on jobs leave us, shared by all processes.

A submission asks for a place, takes it when its turn has come, in the transaction that records
its intent (`batch`), and holds it until Alma shows that its run has ended. An *account* is an
institution as Alma counts; a `Spot` names the submission within its run.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from almaflow.store import admission, job_slots
from almaflow.store.calls.base import StoreBase
from almaflow.store.records import Busy, Claim, Place, PlaceLimits, PlaceState, Spot


class PlaceCalls(StoreBase):
    """What is asked of places. Each call with a claim raises `ClaimLost` when it is lost."""

    def ask_place(
        self,
        claim: Claim,
        spot: Spot,
        account: str,
        job_id: str,
        set_id: str | None,
        marker: str,
        named: bool,
    ) -> Place:
        """Queue a submission and return its place; one that asked before keeps what it has.

        *set_id* is the set that it works on, *marker* ours for it, *named* whether it brings
        the marker to Alma.
        """
        now = self._clock.now()
        with self._database.write() as connection:
            return job_slots.ask(
                connection, claim, spot, account, job_id, set_id, marker, named, now
            )

    def take_place(self, claim: Claim, spot: Spot, limits: PlaceLimits) -> Place | Busy:
        """Take the place when it is this submission's turn; else return what it waits for.

        Raises:
            MoveWrong: a defect: it did not ask for a place, or gave it back.
        """
        now = self._clock.now()
        with self._database.write() as connection:
            return admission.take(connection, claim, spot, limits, now, self._lives)

    def look_at_place(self, run_id: str, spot: Spot, limits: PlaceLimits) -> Busy | None:
        """Return what a queued submission waits for; None when it would get its place now."""
        now = self._clock.now()
        with self._database.write() as connection:
            place = job_slots.find(connection, run_id, spot)
            if place is None or place.state is not PlaceState.QUEUED:
                return None
            return admission.look(connection, place, limits, now, self._lives)

    def later_place(self, claim: Claim, spot: Spot, again_at: datetime) -> None:
        """Queue a submission again, with its old ticket: Alma wants it after *again_at*."""
        with self._database.write() as connection:
            job_slots.put_off(connection, claim, spot, again_at)

    def drop_place(self, claim: Claim, spot: Spot) -> None:
        """Take out a submission that Alma certainly did not take, or that was given up."""
        with self._database.write() as connection:
            job_slots.drop(connection, claim, spot)

    def settle_place(self, claim: Claim, spot: Spot, instance_id: str) -> None:
        """Record which instance a submission is; it is running until that is seen ended.

        One that never asked for a place has none to settle.

        Raises:
            InstanceTaken: another submission of the account is that instance.
        """
        now = self._clock.now()
        with self._database.write() as connection:
            job_slots.settle(connection, claim, spot, instance_id, now)

    def suspect_place(self, claim: Claim, spot: Spot, candidates: Sequence[str]) -> None:
        """Record which instances an unknown submission could be."""
        with self._database.write() as connection:
            job_slots.suspect(connection, claim, spot, candidates)

    def free_place(self, account: str, instance_id: str) -> bool:
        """Record that an instance was seen ended; return whether that changed a place.

        An unknown submission is free when all that it could be have ended.
        """
        now = self._clock.now()
        with self._database.write() as connection:
            return job_slots.free(connection, account, instance_id, now)

    def free_spot(self, claim: Claim, spot: Spot) -> None:
        """Free the place of a submission that Alma did not take after all; it stays a start."""
        now = self._clock.now()
        with self._database.write() as connection:
            job_slots.free_spot(connection, claim, spot, now)

    # Looking

    def place(self, run_id: str, spot: Spot) -> Place | None:
        """Return the place of a submission, None when it never asked for one."""
        with self._database.read() as connection:
            return job_slots.find(connection, run_id, spot)

    def places_of(self, run_id: str) -> list[Place]:
        """Return the places of a run in the order of asking."""
        with self._database.read() as connection:
            return job_slots.of_run(connection, run_id)

    def holders(self, account: str) -> list[Place]:
        """Return who has the places of an account, oldest first."""
        with self._database.read() as connection:
            return job_slots.holders(connection, account)

    def queue(self, account: str | None = None) -> list[Place]:
        """Return who waits for a place, by ticket; None: of all accounts."""
        with self._database.read() as connection:
            return job_slots.queue(connection, account)

    def turns(self, account: str, limits: PlaceLimits) -> list[Place]:
        """Return the queued submissions of an account that would get a place now, by ticket."""
        now = self._clock.now()
        with self._database.write() as connection:
            return admission.turns(connection, account, limits, now, self._lives)

    def known_instances(self, account: str, job_id: str) -> set[str]:
        """Return the instances of a job that submissions of ours are known to be."""
        with self._database.read() as connection:
            return job_slots.instances(connection, account, job_id)

    def lost_beside(self, account: str, job_id: str, run_id: str, spot: Spot) -> list[Place]:
        """Return the other submissions of a job whose instance is not known, by ticket."""
        with self._database.read() as connection:
            return job_slots.lost_beside(connection, account, job_id, run_id, spot)

    def jobs_on_set(self, account: str, set_id: str) -> list[Place]:
        """Return the submissions that work on a set, as far as anybody knows, by ticket."""
        with self._database.read() as connection:
            return job_slots.on_set(connection, account, set_id)
