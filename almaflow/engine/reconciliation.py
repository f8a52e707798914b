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
# What Alma puts behind a run's name: ` - 2026-03-02 9:15 AM`, ` - 03/02/2026 09:15`.
_TIME_BEHIND = re.compile(r" - [\d/-]{8,10} \d{1,2}:\d\d( [AP]M)?$")


class Several(Exception):
    """More than one run may be the one that was asked for: a person has to look."""

    def __init__(self, instance_ids: Sequence[str]) -> None:
        super().__init__(", ".join(instance_ids))
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
        Several: more than one run may be it.
        StepFailed: something else stands in its place.
    """
    trace = read_trace(entry.value["trace"])
    sure_at = sure_by(entry, looker.door)
    look_at, pause = entry.changed_at + FIRST, FIRST
    while True:
        said = await looker.resolution(entry.effect)
        if said is not None:
            return Finding(said["instance_id"], said["by"])
        now = looker.clock.now()
        reason = (
            f"looking in Alma for what became of the request to {entry.value['name']}, whose "
            f"answer was lost; sure by {sure_at:%H:%M:%S} UTC"
        )
        await looker.wait_until(max(now, min(look_at, sure_at)), reason)
        last = looker.clock.now() >= sure_at
        result = await _look(looker, trace, entry, last=last)
        if result is not None or last:
            return Finding(result)
        pause = min(LONGEST, pause * GROWTH)
        look_at = looker.clock.now() + pause


def sure_by(entry: Entry, door: Door) -> datetime:
    """Return when a lost write that is not in Alma is sure not to have been taken."""
    patience = read_trace(entry.value["trace"]).patience
    if patience is None:
        patience = UNTIL_ASKED if door.settle is None else door.settle
    return datetime.fromisoformat(entry.value["sent_at"]) + patience


async def _look(looker: Looker, trace: Trace | RunTrace, entry: Entry, *, last: bool) -> Any | None:
    """Look once and return the write's result; None when there is nothing (yet)."""
    match trace:
        case RunTrace():
            return await _run(looker, trace, entry, last=last)
        case SetTrace():
            return await _set(looker, trace)
        case MembersTrace():
            return await _members(looker, trace, last=last)


async def _set(looker: Looker, trace: SetTrace) -> dict[str, Any] | None:
    found = await looker.directory.set_named(trace.name)
    if found is None:
        return None
    whole = await looker.read(calls.alma_set(found.id), poll=True)
    if (whole.type, whole.content) != (trace.kind, trace.content):
        raise StepFailed(
            f"There is a set `{trace.name}` ({whole.id}) now, but it is {whole.type} of "
            f"{whole.content}, not what was asked for; somebody else has made it."
        )
    return trace.result(whole)


async def _members(looker: Looker, trace: MembersTrace, *, last: bool) -> dict[str, Any] | None:
    found = await looker.read(calls.alma_set(trace.set_id), poll=True)
    count = found.member_count or 0
    match trace.change:
        case "add_members":
            whole, begun = count >= trace.before + trace.size, count > trace.before
        case "delete_members":
            whole, begun = count <= trace.before - trace.size, count < trace.before
        case "replace_members":
            whole = begun = count == trace.size != trace.before
    # With ids that Alma leaves out, the number stops on the way.
    return trace.result(found) if whole or (begun and last) else None


# --- runs of jobs ---------------------------------------------------------------------------------


async def _run(looker: Looker, trace: RunTrace, entry: Entry, *, last: bool) -> str | None:
    """Return the id of the run that a lost submission started; Raises: Several."""
    sent_at = datetime.fromisoformat(entry.value["sent_at"])
    listed = await runs_since(looker, trace.job_id, sent_at)
    claimed = await looker.claimed(trace.job_id)
    free = [run for run in listed if run.id not in claimed]
    markers = looker.known_markers()
    marked = [run for run in free if any(marker in normal_name(run.name) for marker in markers)]
    if marked:
        return _only(marked)
    keeps = await looker.keeps_marker(trace.job_id) if trace.name else False
    possible = [run for run in free if may_be(run, trace, keeps)]
    if not possible or not last:
        # A name proves it at once; without one it is the only run when nothing more can come.
        return None
    beside = await looker.lost_beside(trace.job_id)
    if beside and trace.plain and len(possible) <= beside + 1:
        # Runs without parameters are alike: each of those who look takes one, the oldest first.
        return min(possible, key=_age).id
    if beside and not trace.plain:
        raise Several([run.id for run in possible])
    return _only(possible)


async def runs_since(looker: Looker, job_id: str, sent_at: datetime) -> list[JobInstance]:
    """Return a job's runs since an instant of our clock, with tolerance for Alma's.

    The zone of Alma's dates and the order of its list are not documented.
    """
    day = (sent_at + looker.door.client.ahead - timedelta(days=1)).date()

    async def read(call: Call[T]) -> T:
        return await looker.read(call, poll=True)

    listed = await read_pages(
        read, lambda offset: calls.instances(job_id, submitted_from=day, offset=offset)
    )
    # Learned from the answers that have just come.
    since = sent_at + looker.door.client.ahead - TOLERANCE
    return [run for run in listed if run.submit_time is None or run.submit_time >= since]


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
    return not run.submitted_by or "api" in run.submitted_by.casefold()


def _only(runs: Sequence[JobInstance]) -> str:
    if len(runs) > 1:
        raise Several([run.id for run in runs])
    return runs[0].id


def _age(run: JobInstance) -> tuple[str, str]:
    return (run.submit_time.isoformat() if run.submit_time else "", run.id)
