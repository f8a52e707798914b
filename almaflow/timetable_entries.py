"""The schedule entries of a workflow, ready to be laid out: timetable, days off, jitter, keys."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, Self
from zoneinfo import ZoneInfo

from almaflow.durations import format_duration
from almaflow.errors import RequestWrong
from almaflow.late_dataclasses import dataclass
from almaflow.problems import did_you_mean
from almaflow.settings import data_path
from almaflow.text_files import MIB, FileUnreadable, read_text
from almaflow.timetable import Calendar, Timetable, TimetableInvalid, days_of_ics, find_zone

if TYPE_CHECKING:
    from almaflow.schedule_entry import ScheduleEntry
    from almaflow.settings import Project
    from almaflow.workflow import Workflow

_KEY = 10


@dataclass(frozen=True)
class TimetableEntry:
    """One schedule entry of a workflow."""

    workflow: str
    key: str
    """What its ticks are recorded under: its `id`, else a hash of timing, zone and inputs."""
    timetable: Timetable
    calendars: tuple[Calendar, ...] = ()
    """Those under `except`."""
    inputs: Mapping[str, Any] = field(default_factory=dict)
    jitter: timedelta | None = None
    missed: Literal["latest", "all", "none"] = "latest"
    max_age: timedelta | None = None

    def run_key(self, at: datetime) -> str:
        """Return the key of the run of the tick *at* (aware), unique in a store."""
        return f"{self.workflow}/{self.key}/{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"

    def starts_at(self, at: datetime) -> datetime:
        """Return when the run of a tick begins: the same delay whenever it is asked for."""
        seconds = 0 if self.jitter is None else int(self.jitter.total_seconds())
        if seconds < 1:
            return at
        dice = int.from_bytes(hashlib.sha256(self.run_key(at).encode()).digest()[:8], "big")
        return at + timedelta(seconds=dice % seconds)

    def day_off(self, at: datetime) -> str:
        """Return why a tick is not to run, a sentence without its end; empty when it is."""
        day = at.astimezone(self.timetable.zone).date()
        for calendar in self.calendars:
            if what := calendar.day_off(day):
                return f"{day} is {what} in the calendar `{calendar.name}`"
        return ""

    def words(self) -> str:
        """Return a description of the entry in plain English."""
        words = self.timetable.words()
        if self.calendars:
            words += f", except on days of {' and '.join(one.name for one in self.calendars)}"
        if self.jitter is not None:
            words += f", each up to {format_duration(self.jitter)} later"
        return words

    def to_json(self) -> dict[str, Any]:
        """Return all that its ticks follow from, as JSON data; the inputs are not part of it."""
        return {
            "timetable": self.timetable.to_json(),
            "calendars": [calendar.to_json() for calendar in self.calendars],
            "jitter": None if self.jitter is None else self.jitter.total_seconds(),
            "missed": self.missed,
            "max_age": None if self.max_age is None else self.max_age.total_seconds(),
        }

    @classmethod
    def from_json(cls, workflow: str, key: str, timing: Mapping[str, Any]) -> Self:
        """Return the entry that `to_json` made data of, without inputs."""
        jitter, max_age = timing["jitter"], timing["max_age"]
        return cls(
            workflow,
            key,
            timetable_from_json(timing),
            tuple(Calendar.from_json(one) for one in timing["calendars"]),
            {},
            None if jitter is None else timedelta(seconds=jitter),
            timing["missed"],
            None if max_age is None else timedelta(seconds=max_age),
        )


def timetable_from_json(timing: Mapping[str, Any]) -> Timetable:
    """Return the timetable in the data of `TimetableEntry.to_json`."""
    return Timetable.from_json(timing["timetable"])


def calendars_of_json(timing: Mapping[str, Any]) -> dict[str, Calendar]:
    """Return the calendars in the data of `TimetableEntry.to_json`, by name."""
    calendars = [Calendar.from_json(one) for one in timing["calendars"]]
    return {calendar.name: calendar for calendar in calendars}


def entries_of(
    name: str, workflow: Workflow, project: Project, kept: Mapping[str, Calendar] | None = None
) -> list[TimetableEntry]:
    """Return the schedule entries of a valid workflow that is called *name*.

    *kept* are calendars that count where almaflow.yaml has none of that name. Two entries that
    mean the same are one.

    Raises:
        RequestWrong: there is no such calendar, or its file cannot be read.
    """
    zone = ZoneInfo(workflow.timezone or project.settings.timezone)
    entries: dict[str, TimetableEntry] = {}
    for declared in workflow.schedule:
        timetable = timetable_of(declared, zone)
        entry = TimetableEntry(
            name,
            declared.id or _hash(timetable, declared.inputs),
            timetable,
            tuple(calendar_of(one, project, kept or {}) for one in declared.except_),
            declared.inputs,
            declared.jitter,
            declared.missed,
            declared.max_age,
        )
        entries.setdefault(entry.key, entry)
    return list(entries.values())


def timetable_of(entry: ScheduleEntry, zone: ZoneInfo) -> Timetable:
    """Return the timetable of an entry that is valid; *zone* is the workflow's."""
    return Timetable(
        find_zone(entry.timezone) if entry.timezone is not None else zone,
        entry.expression,
        entry.every,
        None if entry.dates is None else tuple(entry.dates),
        entry.starts,
        entry.ends,
    )


def calendar_of(name: str, project: Project, kept: Mapping[str, Calendar]) -> Calendar:
    """Return a calendar of almaflow.yaml, else of *kept*.

    Raises:
        RequestWrong: there is none, or its file cannot be read.
    """
    calendar = project.settings.calendars.get(name)
    if calendar is None:
        if name in kept:
            return kept[name]
        hint = did_you_mean(name, project.settings.calendars)
        raise RequestWrong(f"almaflow.yaml has no calendar `{name}`{hint or '.'}")
    text = None if calendar.ics is None else _ics_text(calendar.ics, project)
    return Calendar(name, calendar.country, calendar.subdivision, tuple(calendar.dates), text)


LARGEST_CALENDAR = 4 * MIB
"""Bytes of the longest calendar file that is read."""


def _ics_text(name: str, project: Project) -> str:
    try:
        text = read_text(data_path(project.folder, name), LARGEST_CALENDAR)
        days_of_ics(text)
    except (FileUnreadable, TimetableInvalid) as error:
        reason = str(error).removesuffix(".")
        raise RequestWrong(f"The calendar file {name} cannot be read: {reason}.") from error
    return text


def _hash(timetable: Timetable, inputs: Mapping[str, Any]) -> str:
    identity = json.dumps([timetable.to_json(), _plain(inputs)], sort_keys=True)
    return hashlib.sha256(identity.encode()).hexdigest()[:_KEY]


def _plain(value: Any) -> Any:
    """Return an input's value as JSON data, as it is written."""
    # Entries that were kept have no inputs, and need no models.
    from almaflow.field_types import Plain, Template

    match value:
        case Template() | Plain():
            return value.text
        case dict():
            return {str(key): _plain(item) for key, item in value.items()}
        case list():
            return [_plain(item) for item in value]
    return value
