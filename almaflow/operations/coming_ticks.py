"""When workflows are due: what `next`, the API and the page show of the future."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from heapq import merge
from itertools import islice
from typing import TYPE_CHECKING, Any, Self

from almaflow.errors import RequestWrong
from almaflow.late_dataclasses import dataclass
from almaflow.store import SchedulePause, Store, TickEnding
from almaflow.timetable_entries import TimetableEntry, entries_of

if TYPE_CHECKING:
    from almaflow.settings import Project
    from almaflow.workflow_loader import LoadedWorkflow

FAR = timedelta(days=20 * 366)
"""How far ahead ticks are searched for."""


@dataclass(frozen=True)
class ComingTick:
    """A coming tick; its instants are in the zone of its timetable."""

    at: datetime
    """The scheduled time."""
    starts_at: datetime
    """When its run is to begin: `at`, and its jitter."""
    workflow: str
    """The workflow that is due."""
    entry: str
    """The key of the schedule entry."""
    timetable: str
    """The timetable in plain English."""
    skipped: str | None
    """Why it will not run; None when it will."""


@dataclass(frozen=True)
class Timetables:
    """The schedule entries of some workflows; *remarks* are sentences about what is omitted."""

    entries: tuple[TimetableEntry, ...]
    remarks: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return them as JSON data, without inputs."""
        entries = [[one.workflow, one.key, one.to_json()] for one in self.entries]
        return {"entries": entries, "remarks": self.remarks}

    @classmethod
    def from_json(cls, data: Any) -> Self:
        """Return what `to_json` made data of."""
        entries = (TimetableEntry.from_json(*one) for one in data["entries"])
        return cls(tuple(entries), tuple(data["remarks"]))


def timetables_of(name: str, project: Project) -> Timetables:
    """Return the schedule entries of the workflow, or the file, *name*.

    Raises:
        RequestWrong: there is none, it is invalid or has no timetable, or its calendar is broken.
    """
    from almaflow.workflow_loader import find_workflow, load_workflow

    loaded = load_workflow(find_workflow(name, project), project)
    return Timetables(_some(entries_of(loaded.name, loaded.workflow, project), f"{name} has no"))


def all_timetables(project: Project) -> Timetables:
    """Return the schedule entries of all valid workflows.

    A broken calendar affects its workflows only.

    Raises:
        RequestWrong: there are none.
    """
    from almaflow.workflow_loader import load_paths

    loaded, problems = load_paths([project.workflows], project)
    invalid = {problem.location.file for problem in problems if problem.severity == "error"}
    return timetables_in(
        [one for one in loaded if one.document.file not in invalid],
        project,
        (
            f"{file} is invalid and therefore omitted; `almaflow validate` shows why."
            for file in sorted(invalid)
        ),
    )


def timetables_in(
    workflows: Iterable[LoadedWorkflow], project: Project, omitted: Iterable[str] = ()
) -> Timetables:
    """Return the schedule entries of *workflows*; *omitted* are remarks that come first.

    Raises:
        RequestWrong: there are none.
    """
    entries: list[TimetableEntry] = []
    remarks = list(omitted)
    left_out = bool(remarks)
    for loaded in workflows:
        try:
            entries += entries_of(loaded.name, loaded.workflow, project)
        except RequestWrong as error:
            left_out = True
            remarks.append(f"{loaded.name} is omitted: {error}")
    return Timetables(
        tuple(entries) if left_out else _some(entries, "No workflow has a"), tuple(remarks)
    )


def _some(entries: Sequence[TimetableEntry], what: str) -> tuple[TimetableEntry, ...]:
    if not entries:
        raise RequestWrong(
            f'{what} timetable. Add one to its file, such as `schedule: [{{cron: "30 2 * * *"}}]`; '
            "`almaflow explain schedule` describes it."
        )
    return tuple(entries)


def coming_ticks(
    entries: Sequence[TimetableEntry],
    store: Store | None,
    after: datetime,
    until: datetime,
    count: int,
    instants: Callable[[TimetableEntry], Iterable[datetime]] | None = None,
) -> list[ComingTick]:
    """Return the first *count* ticks later than *after*, up to *until*, in the order of time.

    *instants* gives those of an entry when they are known already. Pauses and the ticks that
    `skip-next` skips come from the store; None: there is none yet.
    """
    pauses: Sequence[SchedulePause] = () if store is None else store.pauses(since=after)
    reasons = {} if store is None else _skipped(store, after)

    def of(entry: TimetableEntry) -> Iterator[tuple[datetime, ComingTick]]:
        words, zone = entry.words(), entry.timetable.zone
        between = entry.timetable.between(after, until) if instants is None else instants(entry)
        for at in between:
            reason = reasons.get((entry.workflow, entry.key, at))
            skipped = reason or entry.day_off(at) or _paused(entry, at, pauses)
            yield (
                at,
                ComingTick(
                    at=at.astimezone(zone),
                    starts_at=entry.starts_at(at).astimezone(zone),
                    workflow=entry.workflow,
                    entry=entry.key,
                    timetable=words,
                    skipped=skipped or None,
                ),
            )

    every = merge(*(of(entry) for entry in entries), key=lambda pair: pair[0])
    return [tick for _, tick in islice(every, count)]


def _skipped(store: Store, after: datetime) -> dict[tuple[str, str, datetime], str]:
    rows = store.ticks(since=after, endings=[TickEnding.SKIPPED])
    return {(one.workflow, one.entry, one.at): one.reason.rstrip(".") for one in rows}


def _paused(entry: TimetableEntry, at: datetime, pauses: Iterable[SchedulePause]) -> str:
    for one in pauses:
        if one.workflow == entry.workflow and one.holds(at):
            return f"paused by {one.by}" + (f": {one.note}" if one.note else "")
    return ""
