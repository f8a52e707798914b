"""Which instance in Alma is the one that a submission started: the rules, without any reading.

Our instance has our marker in its name. An instance without it is a *candidate* when the API
started it since the sending and Alma was not seen to keep markers in such names. A name alone
proves nothing: other users of the API start the same jobs under the same names. The engine
(`reconciliation.py`) and `almaflow resolve` both decide by these rules.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from almaflow.alma.evidence import RunTrace
from almaflow.alma.value_parsing import normal_name
from almaflow.alma.wire import JobInstance
from almaflow.late_dataclasses import dataclass
from almaflow.store import MarkerHabit

# How far Alma's clock may differ from the time in its responses.
TOLERANCE = timedelta(minutes=1)

_MARKER = re.compile(r"\[af-[0-9a-f]{10}\]")
# What is left of a marker where Alma has cut the name inside of it.
_CUT_MARKER = re.compile(r"\[af-[0-9a-f]{0,10}$")
# The account of the API, as Alma writes it: `exl_api`, `API`, `API, Ex Libris`.
_API = re.compile(r"(?<![a-z])api(?![a-z])", re.IGNORECASE)
# What Alma puts behind a run's name: ` - 2026-03-02 9:15 AM`, ` - 03/02/2026 09:15`.
_TIME_BEHIND = re.compile(r" - [\d/-]{8,10} \d{1,2}:\d\d( [AP]M)?$")


class Mismatch(StrEnum):
    """Why an instance in Alma cannot be the one that a submission started."""

    OTHER_JOB = "other job"
    EARLIER = "earlier"
    """Alma accepted it before ours was sent."""
    OTHER_MARKER = "other marker"
    """Its name has the marker of another submission of almaflow's."""
    NOT_BY_API = "not by API"
    """A person or Alma's own scheduler started it."""


@dataclass(frozen=True)
class SoughtInstance:
    """The instance that is searched for.

    *markers* are those of every submission of the attempt: one that came late may run under the
    marker of the first. *since* is the earliest that Alma may have accepted it, by Alma's clock.
    """

    trace: RunTrace
    markers: Collection[str]
    since: datetime

    @property
    def listed_from(self) -> date:
        """The day from which Alma's list is read: the zone of its dates is not documented."""
        return (self.since - timedelta(days=1)).date()

    def is_marked(self, run: JobInstance) -> bool:
        """Whether an instance has one of our markers in its name."""
        name = normal_name(run.name)
        return any(marker and marker in name for marker in self.markers)

    def mismatch(self, run: JobInstance) -> Mismatch | None:
        """Return why an instance cannot be ours; None when it is ours, or may be."""
        if run.job_id and run.job_id != self.trace.job_id:
            return Mismatch.OTHER_JOB
        if self.is_marked(run):
            return None
        if run.submit_time is not None and run.submit_time < self.since:
            return Mismatch.EARLIER
        if self._has_other_marker(run):
            return Mismatch.OTHER_MARKER
        return None if by_api(run) else Mismatch.NOT_BY_API

    def is_candidate(self, run: JobInstance, habit: MarkerHabit) -> bool:
        """Whether an instance without our marker may be ours all the same.

        *habit* is what Alma was seen to do to the names of this job's instances.
        """
        if self.mismatch(run) is not None:
            return False
        sent = normal_name(self.trace.name)
        if not sent:
            return True
        keeps = habit.keeps(len(sent))
        if keeps is None and habit.kept is not None:
            # Alma keeps the marker in shorter names. What it cuts of ours is at least as long.
            shown_name = shown_length(run, sent)
            return shown_name is not None and shown_name >= habit.kept
        return keeps is not True

    def may_adopt(self, run: JobInstance, habit: MarkerHabit) -> bool:
        """Whether the only candidate is adopted without a person's word."""
        sent = normal_name(self.trace.name)
        if not sent:
            return True
        if habit.keeps(len(sent)) is not False:
            return False
        # Where names are cut, ours would show its beginning; where they are dropped, the job's.
        dropped = base_name(run) in ("", normal_name(self.trace.job_name))
        return dropped or shown_length(run, sent) is not None

    def _has_other_marker(self, run: JobInstance) -> bool:
        if _MARKER.search(normal_name(run.name)):
            return True
        cut = _CUT_MARKER.search(base_name(run))
        return cut is not None and not any(one.startswith(cut[0]) for one in self.markers)


def by_api(run: JobInstance) -> bool:
    """Whether the API started an instance; when Alma does not say who, it may have been.

    Source: alma-api.md, 5 (`exl_api` seen, `API` documented).
    """
    return not run.submitted_by or _API.search(run.submitted_by) is not None


def base_name(run: JobInstance) -> str:
    """Return an instance's name without the time that Alma puts behind it."""
    return _TIME_BEHIND.sub("", normal_name(run.name)).rstrip()


def shown_length(run: JobInstance, sent: str) -> int | None:
    """Return how many characters of the name *sent* an instance shows; None: another name."""
    base = base_name(run)
    return len(base) if base and sent.startswith(base) else None


def sent_since(value: Mapping[str, Any], ahead: timedelta) -> datetime:
    """Return the earliest that Alma may have accepted a write, by Alma's clock.

    *value* is the write's in the journal, *ahead* how far Alma's clock is ahead of ours now. Our
    clock may have been set between the sending and now.
    """
    then = value["ahead"]
    if then is not None:
        ahead = min(ahead, timedelta(seconds=then))
    return datetime.fromisoformat(value["sent_at"]) + ahead - TOLERANCE


def habit_after(habit: MarkerHabit, run: JobInstance, trace: RunTrace) -> MarkerHabit:
    """Return *habit* after Alma has shown an instance that surely is the one of *trace*."""
    sent = normal_name(trace.name)
    if trace.marker in normal_name(run.name):
        return habit.with_kept(len(sent))
    return habit.with_cut(shown_length(run, sent) or 0)
