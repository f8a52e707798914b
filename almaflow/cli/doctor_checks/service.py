"""Checks whether a `serve` is running, and its state."""

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


def check_scheduler(project: Project, loaded: Sequence[LoadedWorkflow]) -> Findings:
    """Check which scheduler leads an up-to-date store, and how it is doing."""
    findings, clock = Findings(), SystemClock()
    with findings.about(_WHAT), bootstrap.open_store(project, clock) as store:
        findings.append(_leader(store, sum(bool(one.workflow.schedule) for one in loaded)))
        findings.extend(_files(store))
        findings.extend(_notices(store))
        findings.extend(_pauses(store, clock.now()))
    return findings


def _leader(store: Store, timetables: int) -> Finding:
    leader = store.leader()
    if leader is None:
        if not timetables:
            return good(_WHAT, "no `almaflow serve` is running, and no workflow has a timetable")
        text = (
            f"no `almaflow serve` is running, so nothing runs the timetables of {timetables} "
            "workflow"
        )
        text += "s" * (timetables > 1)
        return doubtful(
            _WHAT, text, "Start it; `almaflow install-service` shows how to keep it running."
        )
    text = f"`almaflow serve` is running as process {leader.pid} on {leader.host}"
    if leader.version != __version__:
        text += f" with version {leader.version}, but this is version {__version__}"
        return doubtful(_WHAT, text, "Restart it; its runs continue.")
    return good(_WHAT, text)


def _files(store: Store) -> Iterator[Finding]:
    for source in store.sources():
        if source.problem:
            text = f"{source.path}: the last valid version stays active: {source.problem}"
            yield doubtful(_WHAT, text, f"`almaflow validate {source.path}` shows what to correct.")


def _notices(store: Store) -> Iterator[Finding]:
    waiting = [one for one in store.notices(limit=1000) if one.next_at is not None and one.error]
    if waiting:
        channels = ", ".join(sorted({one.channel for one in waiting}))
        notices = "a notice has" if len(waiting) == 1 else f"{len(waiting)} notices have"
        text = f"{notices} not been delivered to {channels}: {waiting[0].error}"
        yield doubtful(_WHAT, text, "`almaflow doctor --send` tries the channels.")


def _pauses(store: Store, now: datetime) -> Iterator[Finding]:
    names = sorted({one.workflow for one in store.pauses(since=now) if one.holds(now)})
    if names:
        yield good(_WHAT, f"paused: {', '.join(names)}; `almaflow why NAME` shows why")
