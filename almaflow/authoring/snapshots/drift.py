"""What has changed in Alma since a snapshot, and which of it the project's workflows use."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import StrEnum

from almaflow.alma.value_parsing import job_label
from almaflow.authoring.snapshots.used_steps import UsedStep
from almaflow.check.against_snapshot.jobs import job_of, job_reference
from almaflow.check.against_snapshot.profiles import profile_handle, profiles_named
from almaflow.late_dataclasses import dataclass
from almaflow.snapshot.model import (
    CONTENTS,
    IMPORT_PROFILES,
    INTEGRATION_PROFILES,
    JOBS,
    STATUSES,
    JobEntry,
    ProfileEntry,
    Section,
)
from almaflow.steps.which_kind import is_create_set, is_job_step, names_profile


class ChangeKind(StrEnum):
    """How something in Alma differs from the snapshot."""

    JOB_GONE = "job-gone"
    JOB_NEW = "job-new"
    JOB_RENAMED = "job-renamed"
    JOB_AMBIGUOUS = "job-ambiguous"
    """Several jobs have the name by which a workflow names one."""
    JOB_CHANGED = "job-changed"
    """It is of another kind, or works on other sets."""
    PROFILE_GONE = "profile-gone"
    PROFILE_NEW = "profile-new"
    PROFILE_RENAMED = "profile-renamed"
    """Its name or code is another one."""
    PROFILE_JOBS_CHANGED = "profile-jobs-changed"
    CODE_GONE = "code-gone"
    CODE_NEW = "code-new"


@dataclass(frozen=True)
class Change:
    """One difference. *used* are the places of the workflows that name what has changed."""

    kind: ChangeKind
    subject: str
    text: str
    used: tuple[str, ...] = ()


def changes_between(old: Section, new: Section, steps: Sequence[UsedStep]) -> list[Change]:
    """Return the differences between a snapshot and Alma now, those that are used first."""
    uses = _Uses(old, steps)
    changes = [*_tables(old, new, uses)]
    if old.knows(JOBS) and new.knows(JOBS):
        changes += [*_jobs(old, new, uses), *_ambiguous(old, new, steps)]
    for kind, part in (("integration", INTEGRATION_PROFILES), ("import", IMPORT_PROFILES)):
        if old.knows(part) and new.knows(part):
            changes += _profiles(kind, old, new, uses)
    return sorted(changes, key=lambda one: (not one.used, one.kind, one.subject))


class _Uses:
    """Where the workflows name jobs, profiles and codes, by their ids in the snapshot."""

    def __init__(self, section: Section, steps: Sequence[UsedStep]) -> None:
        self.jobs: defaultdict[str, list[str]] = defaultdict(list)
        self.profiles: defaultdict[str, list[str]] = defaultdict(list)
        self.codes: defaultdict[str, list[str]] = defaultdict(list)
        for one in steps:
            self._add(one, section)

    def _add(self, one: UsedStep, section: Section) -> None:
        kind = one.placed.kind
        if job_reference(kind) is not None and (job := job_of(one.placed, section)):
            self.jobs[job.id].append(one.place("job"))
        if names_profile(kind) and (handle := profile_handle(kind)):
            for profile in profiles_named(kind, section):
                self.profiles[profile.id].append(one.place(handle[0]))
        if is_create_set(kind):
            self.codes[kind.content].append(one.place("content"))
        if is_job_step(kind):
            for code in kind.accept:
                self.codes[code].append(one.place("accept"))
        for code in one.placed.step.retry.on if one.placed.step.retry else ():
            self.codes[code].append(one.place())


# --- jobs -----------------------------------------------------------------------------------------


def _jobs(old: Section, new: Section, uses: _Uses) -> Iterator[Change]:
    before, now = old.job_lookup.by_id, new.job_lookup.by_id
    for id, job in before.items():
        used = tuple(uses.jobs.get(id, ()))
        if id not in now:
            yield Change(ChangeKind.JOB_GONE, id, f"Job {job.title} is gone.", used)
        else:
            yield from _of_job(job, now[id], used)
    for id in now.keys() - before.keys():
        yield Change(ChangeKind.JOB_NEW, id, f"Job {now[id].title} is new.")


def _of_job(job: JobEntry, now: JobEntry, used: tuple[str, ...]) -> Iterator[Change]:
    if job_label(job.name) != job_label(now.name):
        text = f"Job {job.id} was renamed: `{job.name}` is now `{now.name}`."
        yield Change(ChangeKind.JOB_RENAMED, job.id, text, used)
    for what, before, after in (
        ("kind", job.type, now.type),
        ("content of its sets", job.content, now.content),
    ):
        # What a list leaves out has not changed.
        if before and after and before != after:
            text = f"Job {now.title} has changed: the {what} was {before} and is now {after}."
            yield Change(ChangeKind.JOB_CHANGED, job.id, text, used)


def _ambiguous(old: Section, new: Section, steps: Iterable[UsedStep]) -> Iterator[Change]:
    """Yield names of jobs in workflows that meant one job and now mean several."""
    places: defaultdict[str, list[str]] = defaultdict(list)
    for one in steps:
        reference = job_reference(one.placed.kind)
        if reference is None or reference.id is not None or not reference.name:
            continue
        several = len(new.job_lookup.named(reference.name)) > 1
        if several and job_of(one.placed, old) and job_of(one.placed, new) is None:
            places[reference.name].append(one.place("job"))
    for name, used in places.items():
        ids = ", ".join(job.id for job in new.job_lookup.named(name))
        text = f"Several jobs have the name `{name}` now: {ids}. Write the id of the one you mean."
        yield Change(ChangeKind.JOB_AMBIGUOUS, name, text, tuple(used))


# --- profiles -------------------------------------------------------------------------------------


def _profiles(kind: str, old: Section, new: Section, uses: _Uses) -> Iterator[Change]:
    before = old.profile_lookup.of_kind(kind)
    now = new.profile_lookup.of_kind(kind)
    by_id = {one.id: one for one in now}
    for profile in before:
        used = tuple(uses.profiles.get(profile.id, ()))
        if profile.id in by_id:
            yield from _of_profile(profile, by_id[profile.id], used)
        else:
            text = f"The {kind} profile {_titled(profile)} is gone."
            yield Change(ChangeKind.PROFILE_GONE, profile.id, text, used)
    known = {one.id for one in before}
    for profile in now:
        if profile.id not in known:
            text = f"The {kind} profile {_titled(profile)} is new."
            yield Change(ChangeKind.PROFILE_NEW, profile.id, text)


def _of_profile(
    profile: ProfileEntry, now: ProfileEntry, used: tuple[str, ...]
) -> Iterator[Change]:
    for what, before, after in (("code", profile.code, now.code), ("name", profile.name, now.name)):
        if before != after:
            text = (
                f"The {what} of the {profile.kind} profile {profile.id} was changed: `{before}` is "
                f"now `{after}`."
            )
            yield Change(ChangeKind.PROFILE_RENAMED, profile.id, text, used)
    if profile.jobs and now.jobs and set(profile.jobs) != set(now.jobs):
        text = (
            f"The {profile.kind} profile {_titled(now)} has other jobs: "
            f"{', '.join(sorted(profile.jobs))} became {', '.join(sorted(now.jobs))}. "
            "`run_profile` finds the job when it runs; a step that names the job by its id does "
            "not."
        )
        yield Change(ChangeKind.PROFILE_JOBS_CHANGED, profile.id, text, used)


def _titled(profile: ProfileEntry) -> str:
    return f"{profile.id} ({' '.join(one for one in (profile.code, profile.name) if one)})"


# --- codes ----------------------------------------------------------------------------------------


def _tables(old: Section, new: Section, uses: _Uses) -> Iterator[Change]:
    tables: tuple[tuple[str, str, Callable[[Section], Mapping[str, str]]], ...] = (
        (STATUSES, "status of jobs", lambda one: one.statuses),
        (CONTENTS, "content of sets", lambda one: one.contents),
    )
    for part, what, table_of in tables:
        before, now = table_of(old), table_of(new)
        # An empty table was not read.
        if not (before and now and old.knows(part) and new.knows(part)):
            continue
        for code in before.keys() - now.keys():
            used = tuple(uses.codes.get(code, ()))
            yield Change(ChangeKind.CODE_GONE, code, f"The {what} `{code}` is gone.", used)
        for code in now.keys() - before.keys():
            yield Change(ChangeKind.CODE_NEW, code, f"The {what} `{code}` is new.")
