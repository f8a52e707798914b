"""Job instances: the life of a run is a plan made at its start, read off whenever a caller asks."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from almaflow.alma.simulator.library import Job
from almaflow.alma.simulator.scenario import CounterLine
from almaflow.alma.simulator.scenario_fields import NEVER
from almaflow.alma.simulator.texts import TERMINAL_STATUSES

Progress = Literal["linear", "zero", "overshoot", "stuck"]

# Phases as a share of the whole run, and at most so many seconds.
_PENDING, _QUEUED, _INITIALIZING, _FINALIZING = (0.03, 20), (0.03, 15), (0.08, 90), (0.05, 45)
# How often Alma is not seen in a phase at all.
_PASSED_OVER = 0.15
# Where a `stuck` progress stays (percent).
_STUCK = 40
_OVERSHOOT = 101.3


@dataclass(frozen=True)
class Timeline:
    """When a run enters each phase; instants are aware. Equal neighbours: phase passed over."""

    submitted_at: datetime
    queued_at: datetime
    initializing_at: datetime
    running_at: datetime
    ended_at: datetime
    """The work is done, FINALIZING begins; what the API calls `end_time`."""
    final_at: datetime
    """The terminal status shows."""


def make_timeline(
    submitted_at: datetime,
    duration: timedelta,
    rng: random.Random,
    *,
    pending: timedelta = timedelta(0),
    skip_phases: bool = False,
    never_ends: bool = False,
) -> Timeline:
    """Plan a run of *duration* from submission to end; *pending* comes on top of it."""

    def phase(share: tuple[float, int]) -> timedelta:
        if rng.random() < _PASSED_OVER or skip_phases:
            return timedelta(0)
        return min(duration * share[0], timedelta(seconds=share[1]))

    queued_at = submitted_at + phase(_PENDING) + pending
    initializing_at = queued_at + phase(_QUEUED)
    running_at = initializing_at + phase(_INITIALIZING)
    final_at = submitted_at + pending + (NEVER if never_ends else duration)
    ended_at = max(final_at - phase(_FINALIZING), running_at)
    return Timeline(submitted_at, queued_at, initializing_at, running_at, ended_at, final_at)


@dataclass
class Instance:
    """One run of a job."""

    id: str
    external_id: str
    job: Job
    name: str
    submitted_by: str
    timeline: Timeline
    outcome: str
    number: int
    """Which run of its job this is, from 1."""
    parameters: tuple[tuple[str, str], ...] = ()
    set_id: str | None = None
    members: int = 0
    """Members of its set (for an import: records) when it was submitted."""
    progress_style: Progress = "linear"
    running_status: str = "RUNNING"
    told_counters: tuple[CounterLine, ...] | None = None
    """What the scenario wants in the report; None: what the job itself has to say."""
    told_alerts: tuple[str, ...] | None = None
    counter_lag: timedelta = timedelta(0)
    counters: tuple[CounterLine, ...] = ()
    actions: tuple[tuple[str, int], ...] = ()
    """Populations of an import run and how many records are in each."""
    reported: bool = False

    @property
    def submitted_at(self) -> datetime:
        return self.timeline.submitted_at

    @property
    def started_by_api(self) -> bool:
        """Whether the run counts for Alma's limit of API-started runs."""
        return self.submitted_by == "exl_api"

    def status(self, now: datetime) -> str:
        """Return Alma's code at *now*."""
        line = self.timeline
        if now >= line.final_at:
            return self.outcome
        if now >= line.ended_at:
            return "FINALIZING"
        if now >= line.running_at:
            return self.running_status
        if now >= line.initializing_at:
            return "INITIALIZING"
        return "QUEUED" if now >= line.queued_at else "PENDING"

    def status_at(self, now: datetime) -> datetime:
        """Return when the status of *now* began."""
        line = self.timeline
        steps = (
            line.final_at, line.ended_at, line.running_at, line.initializing_at, line.queued_at
        )  # fmt: skip
        return next((step for step in steps if now >= step), line.submitted_at)

    def is_over(self, now: datetime) -> bool:
        return now >= self.timeline.final_at

    def started_at(self, now: datetime) -> datetime | None:
        """Return when the work began; None while it waits."""
        begun = self.timeline.initializing_at
        return begun if now >= begun else None

    def ended_at(self, now: datetime) -> datetime | None:
        """Return the end of the work, which shows from FINALIZING on."""
        return self.timeline.ended_at if now >= self.timeline.ended_at else None

    def progress(self, now: datetime) -> int | float:
        """Return the percentage that Alma shows; not a reliable thing."""
        line = self.timeline
        if self.progress_style == "zero":
            return 0
        if now >= line.ended_at:
            if self.is_over(now) and self.outcome in ("FAILED", "SKIPPED"):
                return 0
            return _OVERSHOOT if self.progress_style == "overshoot" else 100
        if now < line.running_at:
            return 0
        share = (now - line.running_at) / (line.ended_at - line.running_at)
        percent = min(99, int(100 * share))
        return min(percent, _STUCK) if self.progress_style == "stuck" else percent

    def alerts(self, now: datetime) -> tuple[str, ...]:
        """Return the codes of the report's alerts; none before the end."""
        if not self.is_over(now):
            return ()
        if self.told_alerts is not None:
            return self.told_alerts
        if self.outcome in ("COMPLETED_SUCCESS", "COMPLETED_NO_BULKS"):
            return ("alert_general_success",)
        return ("alert_general_error",) if self.outcome in TERMINAL_STATUSES else ()

    def shown_counters(self, now: datetime) -> tuple[CounterLine, ...]:
        """Return the report's counters, once they have arrived."""
        there = now >= self.timeline.final_at + self.counter_lag
        return self.counters if there else ()
