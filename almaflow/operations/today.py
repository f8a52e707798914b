"""How the last night was, and what is running: the first page, and `/api/today`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo

from almaflow.late_dataclasses import dataclass
from almaflow.operations.coming_ticks import ComingTick, coming_ticks
from almaflow.outcome import Outcome
from almaflow.scheduler.workflow_files import WorkflowSnapshot
from almaflow.settings import Project
from almaflow.store import (
    RunRecord,
    SchedulePause,
    Store,
    Tick,
    TickEnding,
    WorkflowSource,
    overview,
)
from almaflow.waiting import WaitingKind

# The evening from which a night counts, and how old it is at least: at 19:00 the first page still
# shows the night before.
_EVENING = time(18)
_AT_LEAST = timedelta(hours=6)
# Rows of each list, and how far ahead coming ticks are searched for.
_ROWS = 50
_DONE = 15
_NEXT = 8
_AHEAD = timedelta(hours=36)
_SEARCHED = 500
_HOUR = timedelta(hours=1)

_OF_A_PERSON = (WaitingKind.PERSON, WaitingKind.RESOLVE, WaitingKind.RESUME)


@dataclass(frozen=True)
class InstitutionUse:
    """How much of an institution's limits is used."""

    names: tuple[str, ...]
    """The entries of almaflow.yaml that share the limits."""
    running: int
    """Jobs of ours that run in Alma."""
    most_running: int
    queued: int
    """Jobs that wait for one of these places."""
    starts: int
    """How often the most started job was started within the hour."""
    most_starts: int
    most_started: str
    """That job's id; empty when none was started."""
    calls_left: int | None
    """API calls left for this day, where Alma reported them."""


@dataclass(frozen=True)
class Today:
    """The state of a project's runs at one moment."""

    now: datetime
    since: datetime
    """From when on runs count as those of the night."""
    ended: int
    """How many runs ended since."""
    went_well: int
    failed: Sequence[RunRecord]
    """Those that ended badly, the last first."""
    recovered: frozenset[str]
    """Workflows of which a later run went well."""
    for_a_person: Sequence[RunRecord]
    """Unfinished runs that wait for a person, whenever they began."""
    running: Sequence[RunRecord]
    """The other unfinished runs, newest first."""
    more_running: int
    """How many of them are left out."""
    done: Sequence[overview.DoneRuns]
    """Those that went well, by workflow and outcome, the last first."""
    more_done: int
    """How many of these rows are left out."""
    missed: Sequence[Tick]
    """Ticks since then that did not become a run."""
    coming: Sequence[ComingTick]
    institutions: Sequence[InstitutionUse]
    paused: Sequence[SchedulePause]
    invalid: Sequence[WorkflowSource]
    """Files whose last edit is invalid."""
    undelivered: int
    """Notices that have not reached their channel yet."""


def today(
    project: Project,
    store: Store,
    snapshot: WorkflowSnapshot,
    calls_left: Mapping[str, int],
    now: datetime,
) -> Today:
    """Return how the night was and what is running; *calls_left* is by institution."""
    since = night_before(now, ZoneInfo(project.settings.timezone))
    accounts = _accounts(project)
    with store.read() as tx:
        seen = overview.read(tx, since, now - _HOUR, list(accounts), _ROWS)
    entries = [entry for one in snapshot.active.values() for entry in one.entries]
    waiting = [run for run in seen.unfinished if waits_for_person(run)]
    well = sum(count for outcome, count in seen.counts.items() if outcome.is_good)
    return Today(
        now=now,
        since=since,
        ended=sum(seen.counts.values()),
        went_well=well,
        failed=seen.ended_badly,
        recovered=_recovered(seen.ended_badly, seen.ended_well),
        for_a_person=waiting,
        running=[run for run in seen.unfinished if run not in waiting],
        more_running=seen.more_unfinished,
        done=seen.ended_well[:_DONE],
        more_done=seen.more_well + max(0, len(seen.ended_well) - _DONE),
        missed=store.ticks(since=since, until=now, endings=[TickEnding.MISSED], limit=_ROWS),
        coming=_first_of_each(coming_ticks(entries, store, now, now + _AHEAD, _SEARCHED)),
        institutions=[
            _institution(project, names, seen.use[account], calls_left)
            for account, names in accounts.items()
        ],
        paused=[one for one in store.pauses(since=now) if one.holds(now)],
        invalid=seen.invalid,
        undelivered=seen.undelivered,
    )


def night_before(now: datetime, zone: tzinfo) -> datetime:
    """Return since when the last night counts: 18:00, at least six hours ago."""
    local = now.astimezone(zone)
    evening = datetime.combine(local.date(), _EVENING, zone)
    while now - evening < _AT_LEAST:
        evening = datetime.combine(evening.date() - timedelta(days=1), _EVENING, zone)
    return evening


def waits_for_person(run: RunRecord) -> bool:
    """Whether an unfinished run continues only after a person has done something."""
    return run.held or any(wait.kind in _OF_A_PERSON for wait in run.waits)


def _first_of_each(ticks: Sequence[ComingTick]) -> list[ComingTick]:
    """Return the first coming tick of each workflow: an hourly one would fill the list."""
    first: dict[str, ComingTick] = {}
    for tick in ticks:
        first.setdefault(tick.workflow, tick)
    return list(first.values())[:_NEXT]


def _recovered(failed: Sequence[RunRecord], done: Sequence[overview.DoneRuns]) -> frozenset[str]:
    good = [
        group.last for group in done if group.last.outcome in (Outcome.SUCCEEDED, Outcome.WARNING)
    ]
    last_good = {run.workflow: run.requested_at for run in reversed(good)}
    return frozenset(
        run.workflow
        for run in failed
        if run.workflow in last_good and last_good[run.workflow] > run.requested_at
    )


def _accounts(project: Project) -> dict[str, tuple[str, ...]]:
    accounts: dict[str, tuple[str, ...]] = {}
    for name in project.institutions:
        account = project.institution(name).account
        accounts[account] = (*accounts.get(account, ()), name)
    return accounts


def _institution(
    project: Project, names: tuple[str, ...], use: overview.SlotUse, calls_left: Mapping[str, int]
) -> InstitutionUse:
    limits = project.institution(names[0]).limits
    left = [calls_left[name] for name in names if name in calls_left]
    return InstitutionUse(
        names=names,
        running=len(use.holders),
        most_running=limits.running_jobs,
        queued=use.queued,
        starts=use.starts,
        most_starts=limits.starts_per_hour,
        most_started=use.most_started,
        calls_left=min(left, default=None),
    )
