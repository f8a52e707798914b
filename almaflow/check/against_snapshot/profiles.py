"""The profiles that steps name: whether the snapshot has them, and which of their jobs is meant."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from almaflow.alma.value_parsing import job_label
from almaflow.check.against_snapshot.uses import PlacedStep
from almaflow.check.collector import ProblemCollector
from almaflow.document import PathTo
from almaflow.problems import Severity, did_you_mean
from almaflow.snapshot.model import (
    IMPORT_PROFILES,
    INTEGRATION_PROFILES,
    JOBS,
    JobEntry,
    ProfileEntry,
    Section,
)
from almaflow.steps.base import Kind
from almaflow.steps.which_kind import names_profile

if TYPE_CHECKING:
    from almaflow.steps.run_profile import RunProfile
    from almaflow.steps.wait_for_run import WaitForRun

_Kind = Literal["integration", "import"]
_Handle = tuple[_Kind, str, str]
"""A kind of profile, the field by which it is named (`id`, `code`, `name`), and its value."""

_PARTS = {"integration": INTEGRATION_PROFILES, "import": IMPORT_PROFILES}
_MOST = 5


def profile_handle(kind: RunProfile | WaitForRun) -> _Handle | None:
    """Return how a step names its profile; None when it names none."""
    if kind.integration is not None:
        one = kind.integration
        given = {"id": one.id, "code": one.code, "name": one.name}
        return next(
            ("integration", key, value) for key, value in given.items() if value is not None
        )
    if kind.import_ is not None:
        if kind.import_.id is not None:
            return "import", "id", kind.import_.id
        return "import", "name", kind.import_.name or ""
    return None


def profiles_named(kind: Kind, section: Section) -> list[ProfileEntry]:
    """Return the profiles that a step may mean."""
    handle = profile_handle(kind) if names_profile(kind) else None
    return section.profile_lookup.matching(*handle) if handle is not None else []


def jobs_of_profile(kind: RunProfile | WaitForRun, section: Section) -> list[JobEntry]:
    """Return the jobs of the profile of a step, those that its `job` selects."""
    profiles = profiles_named(kind, section)
    if len(profiles) != 1:
        return []
    jobs = jobs_owned(profiles[0], section)
    prefix = _job_prefix(kind)
    if not prefix:
        return jobs
    label = job_label(prefix)
    chosen = [job for job in jobs if job_label(job.name).startswith(label)]
    return [job for job in chosen if job_label(job.name) == label] or chosen


def jobs_owned(profile: ProfileEntry, section: Section) -> list[JobEntry]:
    """Return the jobs of a profile."""
    by_id = section.job_lookup.by_id
    ids = dict.fromkeys(
        [*profile.jobs, *(job.id for job in section.jobs if job.profile == profile.id)]
    )
    return [by_id[id] for id in ids if id in by_id]


def _job_prefix(kind: RunProfile | WaitForRun) -> str:
    job = kind.job
    return (job if isinstance(job, str) else job.name or "") if job is not None else ""


def check_profile(notes: ProblemCollector, placed: PlacedStep, section: Section) -> None:
    """Note a profile that the snapshot does not have, and a job that it does not settle."""
    kind = placed.kind
    if not names_profile(kind):
        return
    handle = profile_handle(kind)
    if handle is None or not section.knows(_PARTS[handle[0]]):
        return
    place = place_of(notes, (*placed.inside, handle[0]), handle[1])
    profiles = section.profile_lookup.matching(*handle)
    if not profiles:
        _note_missing(notes, place, handle, section)
    elif len(profiles) > 1:
        ids = ", ".join(one.id for one in profiles[:_MOST])
        notes.at(
            place,
            "profile-name-not-unique",
            f"In {section.source}, {len(profiles)} {handle[0]} profiles have the {handle[1]} "
            f"`{handle[2]}`: {ids}. Write `{handle[0]}: {{id: {profiles[0].id}}}` with the id of "
            "the one that you mean.",
        )
    elif handle[0] == "integration" and section.knows(JOBS):
        _check_jobs(notes, placed, profiles[0], section)


def _note_missing(
    notes: ProblemCollector, place: PathTo, handle: _Handle, section: Section
) -> None:
    kind, field, value = handle
    hint = _meant(handle, section)
    if not hint:
        there = [getattr(one, field) for one in section.profile_lookup.of_kind(kind)]
        near = did_you_mean(value, [one for one in there if one]) or "."
        hint = f"{near} If Alma has it by now, run `almaflow snapshot`."
    notes.at(
        place,
        "profile-not-in-snapshot",
        f"There is no {kind} profile with the {field} `{value}` in {section.source}{hint}",
        Severity.WARNING,
    )


def _meant(handle: _Handle, section: Section) -> str:
    """Return that a profile is named by another field or is of the other kind, as a clause."""
    kind, field, value = handle
    for other in ("code", "name", "id"):
        if other != field and section.profile_lookup.matching(kind, other, value):
            return f", but it is the {other} of one. Write `{kind}: {{{other}: {value}}}`."
    other_kind: Literal["integration", "import"] = (
        "import" if kind == "integration" else "integration"
    )
    for other in ("code", "name", "id"):
        if value and section.profile_lookup.matching(other_kind, other, value):
            return (
                f", but there is an {other_kind} profile with this {other}. Write "
                f"`{other_kind}: {{{other}: {value}}}`."
            )
    return ""


def _check_jobs(
    notes: ProblemCollector, placed: PlacedStep, profile: ProfileEntry, section: Section
) -> None:
    kind = placed.kind
    assert names_profile(kind)
    jobs = jobs_owned(profile, section)
    if not jobs:
        # Slim lists of jobs do not say which profile they belong to.
        return
    chosen, prefix = jobs_of_profile(kind, section), _job_prefix(kind)
    if len(chosen) == 1:
        return
    named = profile.name or profile.code or profile.id
    listed = ", ".join(f"`{job.name}`" for job in jobs[:_MOST])
    if not chosen:
        notes.at(
            place_of(notes, (*placed.inside, "job"), "name"),
            "profile-job-not-in-snapshot",
            f"In {section.source}, no job of the profile `{named}` has a name that begins with "
            f"`{prefix}`. Its jobs are {listed}. If Alma has it by now, run `almaflow snapshot`.",
            Severity.WARNING,
        )
        return
    notes.at(
        (*placed.inside, "job") if prefix else (*placed.inside, "integration"),
        "profile-has-several-jobs",
        f"In {section.source}, the profile `{named}` has {len(jobs)} jobs"
        + (f", and {len(chosen)} of them begin with `{prefix}`" if prefix else "")
        + f": {listed}. Select one with `job`, such as {_example(kind, chosen)}.",
    )


def _example(kind: Kind, jobs: Sequence[JobEntry]) -> str:
    begins = _beginning(jobs)
    return f"`job: {{name: {begins}}}`" if kind.key == "wait_for_run" else f"`job: {begins}`"


def _beginning(jobs: Sequence[JobEntry]) -> str:
    """Return the first words of the name of the first job, as many as none of the others has."""
    words = jobs[0].name.split()
    for count in range(1, len(words)):
        begins = " ".join(words[:count])
        label = job_label(begins)
        if sum(job_label(job.name).startswith(label) for job in jobs) == 1:
            return begins
    return jobs[0].name


def place_of(notes: ProblemCollector, place: PathTo, key: str) -> PathTo:
    """Return the place of `id` or `name`, which the short form leaves out."""
    return (*place, key) if notes.document.has((*place, key)) else place
