"""The service: whether a `serve` runs, and what it has to say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from almaflow import __version__
from almaflow.cli import bootstrap
from almaflow.cli.doctor_checks.findings import Finding, Findings, doubtful, good
from almaflow.clock import SystemClock
from almaflow.settings import Project
from almaflow.store import Store
from almaflow.workflow_loader import LoadedWorkflow

_WHAT = "service"


def look_at_service(project: Project, loaded: Sequence[LoadedWorkflow]) -> Findings:
    """Look into a store that is up to date for who serves it, and how that goes."""
    found, clock = Findings(), SystemClock()
    with found.about(_WHAT), bootstrap.open_store(project, clock) as store:
        found.append(_leader(store, sum(bool(one.workflow.schedule) for one in loaded)))
        found.extend(_files(store))
        found.extend(_notices(store))
        found.extend(_pauses(store, clock.now()))
    return found


def _leader(store: Store, timetables: int) -> Finding:
    leader = store.leader()
    if leader is None:
        if not timetables:
            return good(_WHAT, "no `almaflow serve` is running, and no workflow has a timetable")
        told = (
            f"no `almaflow serve` is running, so nothing runs the timetables of {timetables} "
            "workflow"
        )
        told += "s" * (timetables > 1)
        return doubtful(
            _WHAT, told, "Start it; `almaflow install-service` shows how to keep it running."
        )
    told = f"`almaflow serve` is running as process {leader.pid} on {leader.host}"
    if leader.version != __version__:
        told += f" with version {leader.version}, but this is version {__version__}"
        return doubtful(_WHAT, told, "Restart it; its runs continue.")
    return good(_WHAT, told)


def _files(store: Store) -> Iterator[Finding]:
    for source in store.sources():
        if source.problem:
            told = f"{source.path}: the last valid version stays active: {source.problem}"
            yield doubtful(_WHAT, told, f"`almaflow validate {source.path}` shows what to correct.")


def _notices(store: Store) -> Iterator[Finding]:
    waiting = [one for one in store.notices(limit=1000) if one.next_at is not None and one.error]
    if waiting:
        channels = ", ".join(sorted({one.channel for one in waiting}))
        notices = "a notice has" if len(waiting) == 1 else f"{len(waiting)} notices have"
        told = f"{notices} not been delivered to {channels}: {waiting[0].error}"
        yield doubtful(_WHAT, told, "`almaflow doctor --send` tries the channels.")


def _pauses(store: Store, now: datetime) -> Iterator[Finding]:
    names = sorted({one.workflow for one in store.pauses(since=now) if one.holds(now)})
    if names:
        yield good(_WHAT, f"paused: {', '.join(names)}; `almaflow why NAME` shows why")
