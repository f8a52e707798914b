"""`almaflow next`: when workflows are due, and what will happen to each tick."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from heapq import merge
from itertools import islice
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from almaflow.cli import bootstrap
from almaflow.cli.render.terminal import emit, emit_json, say
from almaflow.clock import SystemClock
from almaflow.errors import RequestWrong
from almaflow.late_dataclasses import dataclass
from almaflow.operations.typed_times import HOW, read_end, read_past
from almaflow.settings import Project
from almaflow.store import SchedulePause, Store, Tick, TickEnding
from almaflow.store.location import read_url
from almaflow.timetable_entries import TimetableEntry, entries_of
from almaflow.workflow_loader import LoadedWorkflow, find_workflow, load_paths, load_workflow

# How far ahead ticks are searched for.
_FAR = timedelta(days=20 * 366)


@dataclass(frozen=True)
class _Coming:
    """A coming tick; *skipped* says why it will not run, empty when it will."""

    at: datetime
    entry: TimetableEntry
    skipped: str

    def as_data(self) -> dict[str, Any]:
        zone = self.entry.timetable.zone
        return {
            "at": self.at.astimezone(zone).isoformat(),
            "starts_at": self.entry.starts_at(self.at).astimezone(zone).isoformat(),
            "workflow": self.entry.workflow,
            "entry": self.entry.key,
            "timetable": self.entry.words(),
            "skipped": self.skipped or None,
        }


def next_(
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="A workflow or its file; default: all workflows."),
    ] = None,
    count: Annotated[
        int,
        typer.Option(
            "--count", "-n", metavar="N", min=1, max=10_000, help="The number of ticks to show."
        ),
    ] = 10,
    since: Annotated[
        str | None,
        typer.Option("--from", metavar="WHEN", help=f"{HOW} how long ago; default: now."),
    ] = None,
    until: Annotated[
        str | None, typer.Option("--until", metavar="WHEN", help=f"{HOW} how long from now.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Show when workflows are due, with days off, pauses and the ticks that `skip-next` skips.

    This uses the current files, whether `almaflow serve` has read them or not.
    """
    project, clock = bootstrap.open_project(), SystemClock()
    zone = ZoneInfo(project.settings.timezone)
    now = clock.now()
    after = now if since is None else read_past(since, "--from", now, zone)
    last = after + _FAR if until is None else read_end(until, "--until", now, zone)
    if last < after:
        raise RequestWrong(
            f"`--until {until}` is before the beginning, "
            f"{after.astimezone(zone):%Y-%m-%d %H:%M}. Use a later end, or an earlier "
            "beginning with `--from`."
        )
    entries = _entries(name, project)
    pauses, ticks = _recorded(project, after)
    coming = list(islice(_coming(entries, after, last, pauses, ticks), count))
    if as_json:
        emit_json([one.as_data() for one in coming])
        return
    for tick in coming:
        emit(_line(tick, named=name is None))
    if not coming:
        say("No tick is due in the future." if until is None else "No tick is due until then.")


def _workflows(name: str | None, project: Project) -> Sequence[LoadedWorkflow]:
    """Return the requested valid workflows; Raises: RequestWrong."""
    if name is not None:
        return [load_workflow(find_workflow(name, project), project)]
    loaded, problems = load_paths([project.workflows], project)
    invalid = {problem.location.file for problem in problems if problem.severity == "error"}
    for file in sorted(invalid):
        say(f"{file} is invalid and therefore omitted; `almaflow validate` shows why.", err=True)
    return [one for one in loaded if one.document.file not in invalid]


def _entries(name: str | None, project: Project) -> list[TimetableEntry]:
    """Return the requested schedule entries; a broken calendar affects its workflows only.

    Raises:
        RequestWrong: there are none, or the calendar of the one named workflow is broken.
    """
    entries: list[TimetableEntry] = []
    left_out = False
    for loaded in _workflows(name, project):
        try:
            entries += entries_of(loaded.name, loaded.workflow, project)
        except RequestWrong as error:
            if name is not None:
                raise
            left_out = True
            say(f"{loaded.name} is omitted: {error}", err=True)
    if not entries and not left_out:
        raise RequestWrong(_nothing(name))
    return entries


def _nothing(name: str | None) -> str:
    what = "No workflow has a" if name is None else f"{name} has no"
    return (
        f'{what} timetable. Add one to its file, such as `schedule: [{{cron: "30 2 * * *"}}]`; '
        "`almaflow explain schedule` describes it."
    )


def _recorded(project: Project, after: datetime) -> tuple[Sequence[SchedulePause], Iterable[Tick]]:
    """Return pauses and decided ticks from the store, if there is one."""
    file = read_url(project.store_url).file
    if file is not None and not file.exists():
        # This command must not create a store.
        return (), ()
    with bootstrap.open_store(project) as store:
        return _of(store, after)


def _of(store: Store, after: datetime) -> tuple[Sequence[SchedulePause], Iterable[Tick]]:
    return store.pauses(since=after), store.ticks(since=after)


def _coming(
    entries: Sequence[TimetableEntry],
    after: datetime,
    until: datetime,
    pauses: Sequence[SchedulePause],
    ticks: Iterable[Tick],
) -> Iterator[_Coming]:
    decided = {
        (one.workflow, one.entry, one.at): one for one in ticks if one.ending is TickEnding.SKIPPED
    }

    def of(entry: TimetableEntry) -> Iterator[_Coming]:
        for at in entry.timetable.between(after, until):
            row = decided.get((entry.workflow, entry.key, at))
            held = [one for one in pauses if one.workflow == entry.workflow and one.holds(at)]
            skipped = row.reason.rstrip(".") if row is not None else entry.day_off(at)
            if not skipped and held:
                skipped = f"paused by {held[0].by}" + (f": {held[0].note}" if held[0].note else "")
            yield _Coming(at, entry, skipped)

    return merge(*(of(entry) for entry in entries), key=lambda tick: tick.at)


def _line(tick: _Coming, *, named: bool) -> str:
    when = tick.at.astimezone(tick.entry.timetable.zone).strftime("%a %Y-%m-%d %H:%M:%S%z")
    when = f"{when[:-2]}:{when[-2:]}"
    what = f"{tick.entry.workflow}  " if named else ""
    fate = f"  skipped: {tick.skipped}" if tick.skipped else ""
    return f"{when}  {what}{tick.entry.words()}{fate}"
