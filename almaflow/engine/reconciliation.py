"""Looking in Alma for what became of a write whose answer was lost, until that is sure.

The first look comes after a few seconds, later ones less and less often, the last when nothing can
show up any more. What a write leaves in Alma is its trace (`alma/traces.py`), recorded with its
intent; `submission.py` decides what follows from a finding.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeVar

from almaflow.alma import calls
from almaflow.alma.calls import Call
from almaflow.alma.directory import Directory, read_pages
from almaflow.alma.errors import AlmaRefused
from almaflow.alma.reading import normal_name
from almaflow.alma.traces import MembersTrace, RunTrace, SetTrace, Trace, read_trace
from almaflow.alma.wire import JobInstance
from almaflow.clock import Clock
from almaflow.engine.institutions import Door
from almaflow.steps.endings import StepFailed
from almaflow.store import Entry

T = TypeVar("T")

# The first look comes this long after the answer was lost; the pause before the next one grows.
FIRST, GROWTH, LONGEST = timedelta(seconds=5), 1.5, timedelta(minutes=1)

# How long a trace may still show up where a person is asked afterwards (`settle: never`).
UNTIL_ASKED = timedelta(minutes=10)

# How far Alma's clock may be from what its answers told us of it.
TOLERANCE = timedelta(minutes=1)

_MARKER = re.compile(r"\[af-[0-9a-f]{10}\]")
# The account of the API, as Alma writes it: `exl_api`, `API`, `API, Ex Libris`.
_API = re.compile(r"(?<![a-z])api(?![a-z])", re.IGNORECASE)
# What Alma puts behind a run's name: ` - 2026-03-02 9:15 AM`, ` - 03/02/2026 09:15`.
_TIME_BEHIND = re.compile(r" - [\d/-]{8,10} \d{1,2}:\d\d( [AP]M)?$")


class Unclear(Exception):
    """Only a person can tell what became of a submission; the text says why.

    *instance_ids* are the runs that may be it, as far as they are known.
    """

    def __init__(self, why: str, instance_ids: Sequence[str] = ()) -> None:
        super().__init__(why)
        self.why = why
        self.instance_ids = list(instance_ids)


class Looker(Protocol):
    """What looking needs of the step that lost an answer."""

    clock: Clock
    door: Door
    directory: Directory

    async def read(self, call: Call[T], *, poll: bool = False) -> T:
        """Send a read, again after transient faults."""
        ...

    async def wait_until(self, instant: datetime, reason: str, detail: str = "") -> None:
        """Wait, with a reason that is shown."""
        ...

    def known_markers(self) -> Collection[str]:
        """Return the markers of every submission of this attempt."""
        ...

    async def claimed(self, job_id: str) -> Collection[str]:
        """Return the runs of a job that are known to be another submission's."""
        ...

    async def lost_beside(self, job_id: str) -> int:
        """Return how many other submissions of the job are looked for."""
        ...

    async def keeps_marker(self, job_id: str) -> bool | None:
        """Whether Alma is seen to keep the marker in this job's names; None: never seen."""
        ...

    async def resolution(self, effect: str) -> Mapping[str, Any] | None:
        """Return what a person said became of a lost write, None when nobody did."""
        ...


@dataclass(frozen=True)
class Finding:
    """What a lost write was found to have given; *by* is the person who said so, else empty.

    *result* is None when it was not taken.
    """

    result: Any
    by: str = ""


async def find(looker: Looker, entry: Entry) -> Finding:
    """Return what became of the lost write in *entry*, as soon as that is sure.

    Raises:
        Unclear: more than one run may be it, or Alma does not list the job's runs.
        StepFailed: something else stands in its place.
    """
    trace = read_trace(entry.value["trace"])
    look_at, pause = entry.changed_at + FIRST, FIRST
    while True:
        said = await looker.resolution(entry.effect)
        if said is not None:
            return Finding(said["instance_id"], said["by"])
        now, sure_at = looker.clock.now(), sure_by(entry, looker.door)
        reason = (
            f"looking in Alma for what became of the request to {entry.value['name']}, whose "
            f"answer was lost; sure by {sure_at:%H:%M:%S} UTC"
        )
        await looker.wait_until(max(now, min(look_at, sure_at)), reason)
        look = _Look(looker, entry, looker.clock.now())
        result = await look.at(trace)
        if result is not None or look.is_last():
            return Finding(result)
        pause = min(LONGEST, pause * GROWTH)
        look_at = looker.clock.now() + pause


def sure_by(entry: Entry, door: Door) -> datetime:
    """Return when a lost write that is not in Alma is sure not to have been taken."""
    patience = read_trace(entry.value["trace"]).patience
    if patience is None:
        patience = UNTIL_ASKED if door.settle is None else door.settle
    # Should our clock have been set forward since the sending, that time has not passed.
    moved = timedelta(seconds=entry.value["ahead"] or 0) - door.client.ahead
    if entry.value["ahead"] is None or moved < TOLERANCE:
        moved = timedelta()
    return datetime.fromisoformat(entry.value["sent_at"]) + patience + moved


@dataclass(frozen=True)
class _Look:
    """One look in Alma for the lost write in *entry*, begun at an instant of our clock."""

    looker: Looker
    entry: Entry
    begun_at: datetime

    def is_last(self) -> bool:
        """Whether nothing can show up any more; the look's own answers tell how late it is."""
        return self.begun_at >= sure_by(self.entry, self.looker.door)

    async def at(self, trace: Trace | RunTrace) -> Any | None:
        """Return what the write gave; None when there is nothing (yet).

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
                raise Unclear(f"Alma does not list the runs of the job: {error}") from error
            return None

    async def _read(self, call: Call[T]) -> T:
        return await self.looker.read(call, poll=True)

    async def _set(self, trace: SetTrace) -> dict[str, Any] | None:
        found = await self.looker.directory.set_named(trace.name)
        if found is None:
            return None
        whole = await self._read(calls.alma_set(found.id))
        if (whole.type, whole.content) != (trace.kind, trace.content):
            raise StepFailed(
                f"There is a set `{trace.name}` ({whole.id}) now, but it is {whole.type} of "
                f"{whole.content}, not what was asked for; somebody else has made it."
            )
        return trace.result(whole)

    async def _members(self, trace: MembersTrace) -> dict[str, Any] | None:
        found = await self._read(calls.alma_set(trace.set_id))
        grown = (found.member_count or 0) - trace.before
        done = -grown if trace.change == "delete_members" else grown
        # With ids that Alma leaves out, the number stops on the way.
        is_there = done >= trace.size or (done > 0 and self.is_last())
        return trace.result(found) if is_there else None

    async def _run(self, trace: RunTrace) -> str | None:
        """Return the id of the run that a lost submission started; Raises: Unclear."""
        looker = self.looker
        listed = await self._runs(trace.job_id)
        claimed = await looker.claimed(trace.job_id)
        free = [run for run in listed if run.id not in claimed]
        markers = looker.known_markers()
        marked = [run for run in free if any(one in normal_name(run.name) for one in markers)]
        if marked:
            return _only(marked)
        keeps = await looker.keeps_marker(trace.job_id) if trace.name else False
        since = self._sent_at() - TOLERANCE
        possible = [
            run
            for run in free
            if (run.submit_time is None or run.submit_time >= since) and may_be(run, trace, keeps)
        ]
        if not possible or not self.is_last():
            # A name proves it at once; without one it is the only run when nothing can come.
            return None
        beside = await looker.lost_beside(trace.job_id)
        if beside and trace.plain and len(possible) <= beside + 1:
            # Runs without parameters are alike: each of those who look takes one, the oldest first.
            return min(possible, key=_age).id
        if beside and not trace.plain:
            raise _several(possible)
        return _only(possible)

    async def _runs(self, job_id: str) -> list[JobInstance]:
        """Return the job's runs since the day before the sending.

        The zone of Alma's dates and the order of its list are not documented.
        """
        day = (self._sent_at() - timedelta(days=1)).date()
        return await read_pages(
            self._read,
            lambda offset: calls.instances(job_id, submitted_from=day, offset=offset),
        )

    def _sent_at(self) -> datetime:
        """Return when the write was sent by Alma's clock, the earliest that it may have been.

        Our clock may have been set between the sending and this look.
        """
        now, then = self.looker.door.client.ahead, self.entry.value["ahead"]
        ahead = now if then is None else min(now, timedelta(seconds=then))
        return datetime.fromisoformat(self.entry.value["sent_at"]) + ahead


def may_be(run: JobInstance, trace: RunTrace, keeps: bool | None) -> bool:
    """Whether a run without our marker may be the one that was asked for.

    *keeps* says whether Alma is seen to keep the marker in names of this job.
    """
    name = normal_name(run.name)
    if not by_api(run) or _MARKER.search(name):
        return False
    if not trace.name or keeps is False:
        return True
    base = _TIME_BEHIND.sub("", name)
    # A name that Alma cut inside ours is no proof of absence.
    cut = bool(base) and normal_name(trace.name).startswith(base.rstrip())
    return cut or (keeps is None and base in ("", normal_name(trace.job_name)))


def by_api(run: JobInstance) -> bool:
    """Whether the API started a run; when Alma does not say who, it may have been.

    Source: alma-api.md, 5 (`exl_api` seen, `API` documented).
    """
    return not run.submitted_by or _API.search(run.submitted_by) is not None


def _only(runs: Sequence[JobInstance]) -> str:
    if len(runs) > 1:
        raise _several(runs)
    return runs[0].id


def _several(runs: Sequence[JobInstance]) -> Unclear:
    ids = [run.id for run in runs]
    if len(ids) == 1:
        return Unclear(f"Alma shows a run that may be it, or another submission's: {ids[0]}", ids)
    return Unclear(f"Alma shows several runs that may be it: {' and '.join(ids)}", ids)


def _age(run: JobInstance) -> tuple[str, str]:
    return (run.submit_time.isoformat() if run.submit_time else "", run.id)
