"""`schedule-too-dense` and `set-shared`: what timetables of an institution do to each other.

Four weeks are laid out, always the same ones, so that a file always has the same problems.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise

from almaflow.check.lints.jobs import changes_data, submissions
from almaflow.check.lints.subject import Subject
from almaflow.errors import RequestWrong
from almaflow.field_types import Template
from almaflow.late_dataclasses import dataclass
from almaflow.problems import Severity
from almaflow.settings.limits import LimitSettings
from almaflow.steps.tree import StepNode
from almaflow.steps.which_kind import is_for_each, is_submit_job, names_profile
from almaflow.timetable import TimetableInvalid
from almaflow.timetable_entries import entries_of

_WEEKS = (datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 29, tzinfo=UTC))
_HOUR = timedelta(hours=1)
# More starts of one job in a run than this are too many whatever the limit is.
_MANY = 100
# Of an entry with more ticks than this only the first are laid out: it repeats itself.
_MOST = 2000


@dataclass(frozen=True)
class Start:
    """A start of a job by the schedule entry *place* of a workflow, at an instant."""

    at: datetime
    subject: Subject
    place: int


def lint_timetables(subjects: Sequence[Subject]) -> None:
    """Note the entries that start a job more often than Alma allows, and sets that are shared."""
    ticks = {id(one): list(_ticks(one)) for one in subjects if one.workflow.schedule}
    jobs: dict[tuple[str | None, str], list[Start]] = {}
    sets: dict[tuple[str | None, str], list[Start]] = {}
    for subject in subjects:
        for job, times in _jobs(subject):
            starts = jobs.setdefault((subject.institution, job), [])
            starts += [one for one in ticks.get(id(subject), ()) for _ in range(times)]
        for name in _fixed_sets(subject):
            sets.setdefault((subject.institution, name), []).extend(ticks.get(id(subject), ()))
    dense: dict[tuple[int, int], list[_Dense]] = {}
    for (institution, job), starts in jobs.items():
        found = _dense(institution, job, sorted(starts, key=lambda one: one.at))
        if found is not None:
            dense.setdefault((id(found.last.subject), found.last.place), []).append(found)
    for of_one_entry in dense.values():
        _note_dense(of_one_entry)
    for (_, name), starts in sets.items():
        _note_shared(name, sorted(starts, key=lambda one: one.at))


def _ticks(subject: Subject) -> Iterator[Start]:
    if subject.broken.at_top("schedule", "timezone", "institution"):
        return
    # What is wrong with a timetable is a problem of its own.
    with suppress(RequestWrong, TimetableInvalid):
        entries = entries_of(subject.file.name, subject.workflow, subject.project)
        for place, entry in enumerate(entries):
            for at in islice(entry.timetable.between(*_WEEKS), _MOST):
                yield Start(at, subject, place)


def _jobs(subject: Subject) -> Iterator[tuple[str, int]]:
    """Yield each job that a run starts, with how often at least."""
    counts: dict[str, int] = {}
    for node in subject.nodes:
        key = "" if subject.broken.around(node.keys) else _job_key(node)
        if key and node.step.institution is None:
            counts[key] = counts.get(key, 0) + _times(node)
    yield from counts.items()


def _times(node: StepNode) -> int:
    """Return how often a step runs: once for each item that is written out around it."""
    times = 1
    for outer in node.around:
        kind = outer.step.kind
        if outer.step.if_ is not None or kind.key == "branch":
            return 0
        if is_for_each(kind) and isinstance(kind.items, list):
            times = min(times * len(kind.items), _MANY)
    return 0 if node.step.if_ is not None else times


def _job_key(node: StepNode) -> str:
    kind = node.step.kind
    if is_submit_job(kind):
        return kind.job.id or " ".join((kind.job.name or "").split()).casefold()
    if kind.key == "run_profile" and names_profile(kind):
        profile = kind.integration or kind.import_ or getattr(kind, "publishing", None)
        named = profile and (profile.id or profile.name or getattr(profile, "code", None))
        return f"the profile {named}" if named else ""
    return ""


@dataclass(frozen=True)
class _Dense:
    """A job that is started too often: *last* is a start that is one too many within an hour."""

    job: str
    last: Start
    count: int
    allowed: int
    others: frozenset[str]
    """The names of other workflows that start it in that hour."""


def _dense(institution: str | None, job: str, starts: Sequence[Start]) -> _Dense | None:
    """Return the first hour in which *job* is started too often; None: there is none."""
    if not starts:
        return None
    entry = starts[0].subject.project.institutions.get(institution or "")
    limits = entry.limits if entry is not None else None
    allowed = (limits or LimitSettings()).starts_per_hour
    for first, last in zip(starts, starts[allowed:], strict=False):
        if last.at - first.at < _HOUR:
            here = [one for one in starts if first.at <= one.at < first.at + _HOUR]
            others = {one.subject.file.name for one in here} - {last.subject.file.name}
            return _Dense(job, last, len(here), allowed, frozenset(others))
    return None


def _note_dense(found: Sequence[_Dense]) -> None:
    """Note one entry that starts jobs too often."""
    worst = max(found, key=lambda one: one.count)
    others = sorted({name for one in found for name in one.others})
    jobs = " and ".join(_named(one.job) for one in found)
    together = f", together with {' and '.join(f'`{one}`' for one in others)}" if others else ""
    worst.last.subject.notes.at(
        ("schedule", worst.last.place),
        "schedule-too-dense",
        f"This entry starts {jobs} {worst.count} times within an hour{together}, and Alma allows "
        f"{worst.allowed} starts of one job an hour, so runs would wait and fall behind. Use a "
        "longer interval or other times.",
        Severity.WARNING,
    )


def _named(job: str) -> str:
    return job if job.startswith("the profile ") else f"the job {job}"


def _fixed_sets(subject: Subject) -> Iterator[str]:
    """Yield the names and ids of the sets on which the workflow starts a job."""
    used = [
        node.step.kind.set.text
        for node in submissions(subject)
        if is_submit_job(node.step.kind) and node.step.kind.set is not None
    ]
    yield from {text for text in used if text.isdecimal()}
    for node in subject.nodes:
        if node.step.kind.key != "find_set" or node.step.id is None:
            continue
        if subject.broken.in_step(node.keys):
            continue
        name = getattr(node.step.kind, "name", None)
        is_used = any(f"steps.{node.step.id}." in text for text in used)
        if is_used and isinstance(name, Template) and "{{" not in name.text:
            yield name.text


def _note_shared(name: str, starts: Sequence[Start]) -> None:
    for first, second in pairwise(starts):
        mine, its = second.subject, first.subject
        if mine is its or second.at - first.at >= _HOUR:
            continue
        if not any(changes_data(one) for one in (mine, its)):
            continue
        mine.notes.at(
            ("schedule", second.place),
            "set-shared",
            f"This workflow and `{its.file.name}` start jobs on the set `{name}` within an hour "
            f"({first.at:%H:%M} and {second.at:%H:%M} UTC), so one may change what the other is "
            "working on. Choose times that are further apart.",
            Severity.NOTE,
        )
        return
