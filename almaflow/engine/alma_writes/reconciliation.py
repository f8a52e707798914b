"""Searches Alma for the effect of an unconfirmed write until its outcome is certain.

The first search comes after a few seconds, later ones less and less often, and the last one when
the effect can no longer appear. What a write leaves in Alma is its evidence (`alma/evidence.py`),
recorded with its intent; `submission.py` decides what follows from a result.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

from almaflow.alma import calls
from almaflow.alma.calls import AlmaRequest
from almaflow.alma.directory import read_pages
from almaflow.alma.errors import AlmaRefused
from almaflow.alma.evidence import MembersTrace, RunTrace, SetTrace, Trace, read_trace
from almaflow.alma.wire import JobInstance
from almaflow.engine.alma_writes.adoption import TOLERANCE, SoughtInstance, sent_since
from almaflow.engine.alma_writes.institutions import InstitutionConnection
from almaflow.engine.attempt import Attempt
from almaflow.late_dataclasses import dataclass
from almaflow.steps.result import StepFailed
from almaflow.store import JournalEntry
from almaflow.waiting import Waiting, WaitingKind

T = TypeVar("T")

# The first search comes this long after the response was lost; the pauses after it grow.
FIRST, GROWTH, LONGEST = timedelta(seconds=5), 1.5, timedelta(minutes=1)

# How long almaflow searches before it asks a person (`settle: never`).
UNTIL_ASKED = timedelta(minutes=10)


class Unclear(Exception):
    """Only a person can resolve a submission; the text says why.

    *instance_ids* are the known candidates.
    """

    def __init__(self, why: str, instance_ids: Sequence[str] = ()) -> None:
        super().__init__(why)
        self.why = why
        self.instance_ids = list(instance_ids)


@dataclass(frozen=True)
class ReconciliationResult:
    """The outcome of an unconfirmed write.

    *result* is None when Alma did not accept it. *by* is the person who confirmed the outcome, or
    empty when almaflow found it.
    """

    result: Any
    by: str = ""


async def find(attempt: Attempt, entry: JournalEntry) -> ReconciliationResult:
    """Return the outcome of the unconfirmed write in *entry* as soon as it is certain.

    Raises:
        Unclear: more than one instance may be it, or Alma does not list the job's runs.
        StepFailed: something else is in its place.
    """
    trace = read_trace(entry.value["trace"])
    search_at, pause = entry.changed_at + FIRST, FIRST
    while True:
        decision = await attempt.resolution(entry.effect)
        if decision is not None:
            return ReconciliationResult(decision["instance_id"], decision["by"])
        now, sure_at = attempt.clock.now(), sure_by(entry, attempt.connection)
        reason = (
            f"checking whether Alma accepted the request to {entry.value['name']}, because the "
            f"response was lost; this is settled by {sure_at:%H:%M:%S} UTC"
        )
        waiting = Waiting(WaitingKind.UNCONFIRMED, reason, until=sure_at)
        await attempt.wait_until(max(now, min(search_at, sure_at)), waiting)
        search = _SearchPass(attempt, entry, attempt.clock.now())
        result = await search.for_evidence(trace)
        if result is not None or search.is_last():
            return ReconciliationResult(result)
        pause = min(LONGEST, pause * GROWTH)
        search_at = attempt.clock.now() + pause


def sure_by(entry: JournalEntry, connection: InstitutionConnection) -> datetime:
    """Return when it is certain that Alma did not accept an unconfirmed write it does not show."""
    patience = read_trace(entry.value["trace"]).patience
    if patience is None:
        patience = UNTIL_ASKED if connection.settle is None else connection.settle
    # If our clock was set forward after the request was sent, that time has not really passed.
    moved = timedelta(seconds=entry.value["ahead"] or 0) - connection.client.ahead
    if entry.value["ahead"] is None or moved < TOLERANCE:
        moved = timedelta()
    return datetime.fromisoformat(entry.value["sent_at"]) + patience + moved


@dataclass(frozen=True)
class _SearchPass:
    """One search in Alma for an unconfirmed write; our clock gave *begun_at*."""

    attempt: Attempt
    entry: JournalEntry
    begun_at: datetime

    def is_last(self) -> bool:
        """Whether no effect can appear any more, by the time of the responses to this search."""
        return self.begun_at >= sure_by(self.entry, self.attempt.connection)

    async def for_evidence(self, trace: Trace | RunTrace) -> Any | None:
        """Return the result of the write; None while Alma shows none.

        Raises: Unclear, StepFailed.
        """
        match trace:
            case SetTrace():
                return await self._set(trace)
            case MembersTrace():
                return await self._members(trace)
        try:
            return await self._run(trace)
        except AlmaRefused as error:
            if self.is_last():
                raise Unclear(f"Alma does not list the job's instances: {error}") from error
            return None

    async def _read(self, call: AlmaRequest[T]) -> T:
        return await self.attempt.read(call, poll=True)

    async def _set(self, trace: SetTrace) -> dict[str, Any] | None:
        alma_set = await self.attempt.directory.set_named(trace.name)
        if alma_set is None:
            return None
        whole = await self._read(calls.alma_set(alma_set.id))
        if (whole.type, whole.content) != (trace.kind, trace.content):
            raise StepFailed(
                f"There is a set `{trace.name}` ({whole.id}) now, but it is {whole.type} of "
                f"{whole.content}, not what was requested; another user created it."
            )
        return trace.result(whole)

    async def _members(self, trace: MembersTrace) -> dict[str, Any] | None:
        alma_set = await self._read(calls.alma_set(trace.set_id))
        grown = (alma_set.member_count or 0) - trace.before
        done = -grown if trace.change == "delete_members" else grown
        # If Alma ignores some of the ids, the number never reaches the full size.
        is_there = done >= trace.size or (done > 0 and self.is_last())
        return trace.result(alma_set) if is_there else None

    async def _run(self, trace: RunTrace) -> str | None:
        """Return the id of the instance that a lost submission started; Raises: Unclear."""
        attempt = self.attempt
        listed = await self._listed(self._wanted(trace))
        claimed = await attempt.claimed(trace.job_id)
        free = [run for run in listed if run.id not in claimed]
        # The responses with the list have updated how far Alma's clock is ahead.
        wanted = self._wanted(trace)
        if marked := [run for run in free if wanted.is_marked(run)]:
            return _only(marked)
        habit = await attempt.marker_habit(trace.job_id)
        candidates = [run for run in free if wanted.is_candidate(run, habit)]
        if not candidates or not self.is_last():
            # A marker is proof. Without one, the only candidate counts when no other can appear any
            # more.
            return None
        beside = await attempt.others_lost(trace.job_id)
        if beside and trace.plain and len(candidates) <= beside + 1:
            # Instances without parameters are alike: each search adopts one, the oldest first.
            return min(candidates, key=_age).id
        if len(candidates) > 1 or (beside and not trace.plain):
            raise _several(candidates)
        if not wanted.may_adopt(candidates[0], habit):
            raise _several(candidates)
        return candidates[0].id

    def _wanted(self, trace: RunTrace) -> SoughtInstance:
        since = sent_since(self.entry.value, self.attempt.connection.client.ahead)
        return SoughtInstance(trace, self.attempt.known_markers(), since)

    async def _listed(self, wanted: SoughtInstance) -> list[JobInstance]:
        return await read_pages(
            self._read,
            lambda offset: calls.instances(
                wanted.trace.job_id, submitted_from=wanted.listed_from, offset=offset
            ),
        )


def _only(runs: Sequence[JobInstance]) -> str:
    if len(runs) > 1:
        raise _several(runs)
    return runs[0].id


def _several(runs: Sequence[JobInstance]) -> Unclear:
    ids = [run.id for run in runs]
    if len(ids) == 1:
        why = (
            "Alma lists an instance without almaflow's marker that could be this submission or "
            f"another user's: {ids[0]}"
        )
        return Unclear(why, ids)
    return Unclear(
        f"Alma lists several instances that could be this submission: {' and '.join(ids)}", ids
    )


def _age(run: JobInstance) -> tuple[str, str]:
    return (run.submit_time.isoformat() if run.submit_time else "", run.id)
