"""The timetable of a workflow: every text that is a time, and the inputs its runs are given."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice, pairwise
from typing import Any
from zoneinfo import ZoneInfo

from almaflow import timetable
from almaflow.check.collector import ProblemCollector
from almaflow.check.declarations import DeclaredNames
from almaflow.check.given_inputs import check_given_inputs
from almaflow.check.loader import CheckContext
from almaflow.check.references import check_calendar
from almaflow.document import PathTo
from almaflow.errors import RequestWrong
from almaflow.problems import Severity
from almaflow.schedule_entry import ScheduleEntry
from almaflow.timetable import Cron, TimetableInvalid, find_zone, parse_cron
from almaflow.workflow import Workflow

# The years whose days off are checked: fixed ones, so that a file always has the same problems.
_LOOKED_AT = (datetime(2026, 1, 1, tzinfo=UTC), datetime(2032, 1, 1, tzinfo=UTC))
# What people write who start a workflow by hand.
_NEVER = ("none", "never", "manual", "manually", "null", "off", "no", "false", "@once", "@none")
_LACKING = (
    "No run of this entry could start: {} has no default. Specify a value here under `inputs`, or "
    "add a `default` to its declaration."
)
# What an expression consists of that is cron for certain.
_PLAIN_CRON = frozenset("0123456789*/,- ")
_RARE = timedelta(days=28)
_MOST = 6 * 14


def check_zone(notes: ProblemCollector, path: PathTo, name: str | None) -> None:
    """Note a time zone that does not exist."""
    if name is not None:
        _read(notes, path, "bad-timezone", find_zone, name)


def check_schedule(
    workflow: Workflow, notes: ProblemCollector, around: CheckContext, declared: DeclaredNames
) -> None:
    """Check every entry of the schedule."""
    seen: dict[str, int] = {}
    for place, entry in enumerate(workflow.schedule):
        path = ("schedule", place)
        if entry.id is not None:
            line = notes.document.location_of((*path, "id")).line
            if entry.id in seen:
                notes.at(
                    (*path, "id"),
                    "duplicate-id",
                    f"Two schedule entries have the id `{entry.id}`. The first is in line "
                    f"{seen[entry.id]}. Give each entry its own id.",
                )
            seen.setdefault(entry.id, line)
        _check_times(notes, path, entry)
        for number, name in enumerate(entry.except_):
            check_calendar(notes, around, (*path, "except", number), name)
        if around.settings_count and entry.except_:
            # A time, a date or a zone that cannot be read is noted where it is written.
            with suppress(TimetableInvalid):
                _check_days_off(notes, around, path, entry, workflow)
        given, check_value = entry.inputs, declared.check_value
        check_given_inputs(notes, path, given, workflow, lacking=_LACKING, check_value=check_value)


def _check_times(notes: ProblemCollector, path: PathTo, entry: ScheduleEntry) -> None:
    check_zone(notes, (*path, "timezone"), entry.timezone)
    if entry.cron is not None:
        is_short = not any(notes.document.has((*one, "cron")) for one in (path, path[:-1]))
        _read(notes, (*path, "cron"), "bad-cron", partial(_read_cron, is_short), entry.cron)
    for key in ("daily", "weekly", "monthly"):
        text = getattr(entry, key)
        if text is not None:
            _read(notes, (*path, key), "bad-time", partial(timetable.day_time_cron, key), text)
    if entry.dates is not None and not entry.dates:
        notes.at((*path, "dates"), "bad-value", "`dates` must not be empty.")
    for place, text in enumerate(entry.dates or []):
        _read_date(notes, (*path, "dates", place), text)
    first, last = (
        None if text is None else _read_date(notes, (*path, key), text)
        for key, text in (("starts", entry.starts), ("ends", entry.ends))
    )
    if first is not None and last is not None and _instant(last) <= _instant(first):
        notes.at(
            (*path, "ends"), "bad-date", "`ends` is not after `starts`, so no run is ever due."
        )
    for key, duration in (("jitter", entry.jitter), ("max_age", entry.max_age)):
        if duration is not None and duration <= timedelta():
            notes.at(
                (*path, key),
                "bad-duration",
                f"`{key}` must be longer than zero. Remove it if you do not need it.",
            )


def _read_date(notes: ProblemCollector, path: PathTo, text: str) -> datetime | None:
    moment: datetime | None = _read(notes, path, "bad-date", timetable.parse_moment, text)
    return moment


def _read_cron(is_short: bool, text: str) -> Cron:
    """Return a cron expression; Raises: TimetableInvalid, for a time of day with what to write.

    *is_short* says that the expression is all that is written of its entry.
    """
    if len(text.split()) == 5 and _PLAIN_CRON.issuperset(text):
        # To find out what else might be meant takes several patterns.
        return parse_cron(text)
    word = text.strip().casefold()
    if word in _NEVER:
        raise TimetableInvalid(
            "A workflow that has no timetable has no `schedule`, and `almaflow run` starts it. "
            "Remove this entry."
        )
    words = timetable.words_of_cron(text)
    why = "is not a cron expression"
    if not words and (time := timetable.time_meant(text)):
        why, words = "is a time of day, not a cron expression", f'daily: "{time}"'
    elif words:
        why = "is not a cron expression as crontab has it"
    if words := words or timetable.words_of_text(text):
        form, place = (f"{{{words}}}", "it") if is_short else (words, "`cron` and the expression")
        has_time = any(map(str.isdigit, text)) or words.startswith("every")
        end = "" if has_time else ", with the time that you want"
        raise TimetableInvalid(f"`{text}` {why}. Write `{form}` in place of {place}{end}.")
    return parse_cron(text)


def _instant(moment: datetime) -> datetime:
    """Return the instant of a date, near enough to compare two in whatever zone they are meant."""
    return timetable.instant_of(moment, ZoneInfo("UTC"))


def _check_days_off(
    notes: ProblemCollector,
    around: CheckContext,
    path: PathTo,
    entry: ScheduleEntry,
    workflow: Workflow,
) -> None:
    """Warn when a day off takes away a tick of something that comes monthly or more rarely."""
    known = around.project.settings.calendars
    if not entry.except_ or any(name not in known for name in entry.except_):
        return
    # Few entries have days off, and no other check lays out a timetable.
    from almaflow.timetable_entries import calendar_of, timetable_of

    zone = find_zone(entry.timezone or workflow.timezone or around.project.settings.timezone)
    try:
        calendars = [calendar_of(name, around.project, {}) for name in entry.except_]
    except RequestWrong as error:
        notes.at((*path, "except"), "bad-calendar", str(error))
        return
    laid_out = timetable_of(entry, zone)
    ticks = list(islice(laid_out.between(_LOOKED_AT[0], _LOOKED_AT[1]), _MOST))
    if len(ticks) == _MOST or any(later - tick < _RARE for tick, later in pairwise(ticks)):
        return
    for tick in ticks:
        day = tick.astimezone(laid_out.zone).date()
        for calendar in calendars:
            if what := calendar.day_off(day):
                notes.at(
                    (*path, "except"),
                    "tick-on-day-off",
                    f"{day} is {what} in the calendar `{calendar.name}`, so the run of that "
                    "day is skipped and not replaced. A run that is due once a month or less "
                    "often would then be missing. Choose another day, or remove `except`.",
                    Severity.WARNING,
                )
                return


def _read(
    notes: ProblemCollector, path: PathTo, code: str, read: Callable[[Any], Any], value: Any
) -> Any:
    """Return what *read* makes of *value*; None, and a note, when it is invalid."""
    try:
        return read(value)
    except TimetableInvalid as error:
        notes.within(path, error.offset, error.length, code, str(error))
        return None
