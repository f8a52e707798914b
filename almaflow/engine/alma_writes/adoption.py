"""The rules that decide which instance in Alma a submission started. Nothing is read here.

Our instance has our marker in its name. An instance without the marker is a *candidate* if the API
started it after the request was sent and Alma is not known to keep markers in such names. A name
alone proves nothing, because other users of the API start the same jobs under the same names. The
engine (`reconciliation.py`) and `almaflow resolve` both decide by these rules.
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
from almaflow.late_patterns import late_pattern
from almaflow.store import MarkerHabit

# How far Alma's clock may differ from the time in its responses.
TOLERANCE = timedelta(minutes=1)

_MARKER = late_pattern(r"\[af-[0-9a-f]{10}\]")
# The rest of a marker when Alma has cut the name within it.
_CUT_MARKER = late_pattern(r"\[af-[0-9a-f]{0,10}$")
# The account of the API, as Alma writes it: `exl_api`, `API`, `API, Ex Libris`.
_API = late_pattern(r"(?<![a-z])api(?![a-z])", re.IGNORECASE)
# What Alma appends to an instance's name: ` - 2026-03-02 9:15 AM`, ` - 03/02/2026 09:15`.
_TIME_BEHIND = late_pattern(r" - [\d/-]{8,10} \d{1,2}:\d\d( [AP]M)?$")


class Mismatch(StrEnum):
    """Why an instance in Alma cannot be the one that a submission started."""

    OTHER_JOB = "other job"
    EARLIER = "earlier"
    """Alma accepted it before our request was sent."""
    OTHER_MARKER = "other marker"
    """Its name has the marker of another submission by almaflow."""
    NOT_BY_API = "not by API"
    """A person or Alma's own scheduler started it."""


@dataclass(frozen=True)
class SoughtInstance:
    """Describes the instance that is searched for.

    *markers* are those of all submissions of the attempt, because a delayed request may run under
    the marker of the first. *since* is the earliest time at which Alma may have accepted it, by
    Alma's clock.
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
        """Return why an instance cannot be ours; None when it can be."""
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
        """Whether an instance without our marker may still be ours.

        *habit* says what Alma has done to the names of this job's instances.
        """
        if self.mismatch(run) is not None:
            return False
        sent = normal_name(self.trace.name)
        if not sent:
            return True
        keeps = habit.keeps(len(sent))
        if keeps is None and habit.kept is not None:
            # Alma keeps the marker in shorter names, and cuts ours to at least that length.
            shown_name = shown_length(run, sent)
            return shown_name is not None and shown_name >= habit.kept
        return keeps is not True

    def may_adopt(self, run: JobInstance, habit: MarkerHabit) -> bool:
        """Whether the only candidate is adopted without a person's confirmation."""
        sent = normal_name(self.trace.name)
        if not sent:
            return True
        if habit.keeps(len(sent)) is not False:
            return False
        # If Alma cuts names, the instance shows the beginning of ours; if it drops them, the job's
        # name.
        dropped = base_name(run) in ("", normal_name(self.trace.job_name))
        return dropped or shown_length(run, sent) is not None

    def _has_other_marker(self, run: JobInstance) -> bool:
        if _MARKER.search(normal_name(run.name)):
            return True
        cut = _CUT_MARKER.search(base_name(run))
        return cut is not None and not any(one.startswith(cut[0]) for one in self.markers)


def by_api(run: JobInstance) -> bool:
    """Whether the API may have started an instance; if Alma names no user, it may have.

    Source: alma-api.md, 5 (`exl_api` seen, `API` documented).
    """
    return not run.submitted_by or _API.search(run.submitted_by) is not None


def base_name(run: JobInstance) -> str:
    """Return an instance's name without the time that Alma appends."""
    return _TIME_BEHIND.sub("", normal_name(run.name)).rstrip()


def shown_length(run: JobInstance, sent: str) -> int | None:
    """Return how many characters of the name *sent* an instance shows; None for another name."""
    base = base_name(run)
    return len(base) if base and sent.startswith(base) else None


def sent_since(value: Mapping[str, Any], ahead: timedelta) -> datetime:
    """Return the earliest time at which Alma may have accepted a write, by Alma's clock.

    *value* is that of the journal entry; *ahead* is how far Alma's clock is ahead of ours now. Our
    clock may have been set after the request was sent.
    """
    then = value["ahead"]
    if then is not None:
        ahead = min(ahead, timedelta(seconds=then))
    return datetime.fromisoformat(value["sent_at"]) + ahead - TOLERANCE


def habit_after(habit: MarkerHabit, run: JobInstance, trace: RunTrace) -> MarkerHabit:
    """Return *habit* updated with the name of an instance that certainly belongs to *trace*."""
    sent = normal_name(trace.name)
    if trace.marker in normal_name(run.name):
        return habit.with_kept(len(sent))
    return habit.with_cut(shown_length(run, sent) or 0)
