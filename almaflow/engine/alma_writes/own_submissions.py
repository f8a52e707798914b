"""Identifies the Alma job instances that this step started: markers, claims, ends."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeVar

from almaflow.alma.evidence import RunTrace, read_trace
from almaflow.alma.job_status import is_terminal
from almaflow.alma.value_parsing import normal_name
from almaflow.alma.wire import JobInstance
from almaflow.engine.alma_writes.adoption import habit_after
from almaflow.engine.alma_writes.institutions import InstitutionConnection
from almaflow.engine.journal import RunJournal
from almaflow.engine.resources import Services
from almaflow.store import JournalEntry, MarkerHabit, SubmissionKey

T = TypeVar("T")


class OwnSubmissions:
    """The part of an attempt that distinguishes its own instances in Alma from others."""

    services: Services
    journal: RunJournal
    connection: InstitutionConnection
    path: str
    number: int
    run_id: str

    async def seen(self, job_id: str, instance: JobInstance) -> None:
        account = self.connection.account
        if is_terminal(instance):
            await self._store(self.services.store.free_slot, account, instance.id)
            self.services.admission.slot_freed(account)
        trace = self._proven_trace(instance)
        if trace is not None:
            habits = self.services.marker_habits
            before = habits.get((account, job_id), MarkerHabit())
            habit = habit_after(before, instance, trace)
            if habit != before:
                await self._store(self.services.store.note_habit, account, job_id, habit)
                habits[account, job_id] = habit

    async def jobs_on(self, set_id: str) -> list[tuple[str, str | None]]:
        places = await self._store(self.services.store.jobs_on_set, self.connection.account, set_id)
        return [(place.job_id, place.instance_id) for place in places]

    def known_markers(self) -> Collection[str]:
        return [entry.value["trace"]["marker"] for entry in self.submissions()]

    async def claimed(self, job_id: str) -> Collection[str]:
        return await self._store(
            self.services.store.known_instances, self.connection.account, job_id
        )

    async def others_lost(self, job_id: str) -> int:
        nothing = SubmissionKey(self.path, self.number, "")
        beside = await self._store(
            self.services.store.others_lost, self.connection.account, job_id, self.run_id, nothing
        )
        own = (self.run_id, self.path, self.number)
        return sum(1 for one in beside if (one.run_id, one.spot.path, one.spot.attempt) != own)

    async def marker_habit(self, job_id: str) -> MarkerHabit:
        return await self._store(self.services.store.marker_habit, self.connection.account, job_id)

    async def resolution(self, effect: str) -> Mapping[str, Any] | None:
        """Return a person's decision about an unconfirmed submission: `{instance_id, by}`."""
        answers = await self._store(self.services.store.answers, [self.run_id])
        for answer in reversed(answers):
            about = (answer.kind, answer.path, answer.value.get("attempt"))
            if about == ("resolve", self.path, self.number) and answer.value["effect"] == effect:
                return {"instance_id": answer.value["instance_id"], "by": answer.by}
        return None

    def submissions(self) -> list[JournalEntry]:
        """Return the submissions of this attempt, in their order."""
        return [
            entry
            for entry in self.journal.at(self.path)
            if entry.attempt == self.number
            and entry.request_hash
            and (entry.value["trace"] or {}).get("trace") == "run"
        ]

    def _proven_trace(self, instance: JobInstance) -> RunTrace | None:
        """Return the evidence of the submission that certainly started *instance*; None when none
        did.

        Alma's response or the marker proves it. An instance that was adopted without either, or
        that a person named, does not show what Alma does to names.
        """
        name = normal_name(instance.name)
        for entry in self.submissions():
            trace = read_trace(entry.value["trace"])
            assert isinstance(trace, RunTrace)
            answered = entry.value.get("result") == instance.id and not entry.value.get("found")
            # Right after the start, an empty name does not mean that Alma dropped it.
            answered = answered and (bool(name) or is_terminal(instance))
            if trace.name and (answered or trace.marker in name):
                return trace
        return None

    async def _store(self, function: Callable[..., T], *arguments: Any) -> T:
        return await self.services.writer.call(function, *arguments)
