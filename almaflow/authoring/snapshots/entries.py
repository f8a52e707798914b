"""The entries of a snapshot, made of what Alma shows of jobs and profiles."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from almaflow.alma.wire import ImportProfile, IntegrationProfile, Job
from almaflow.snapshot.model import FROM_ALMA, JobEntry, ProfileEntry
from almaflow.steps.content_type import CONTENT_CODES


def job_entry(job: Job) -> JobEntry:
    """Return a job as a list shows it."""
    return JobEntry(
        job.id,
        job.name,
        _description(job),
        job.type,
        job.category,
        job.content,
        "",
        job.schedule,
        job.profile_id,
        *_parameters(job),
    )


def _description(job: Job) -> str:
    # Alma repeats the name of many jobs.
    return "" if job.description == job.name else job.description


def _parameters(job: Job) -> tuple[tuple[str, ...], str]:
    names = tuple(dict.fromkeys(one.name for one in job.parameters if one.name))
    return names, FROM_ALMA if names else ""


def detailed(entry: JobEntry, details: Job) -> JobEntry:
    """Return *entry* with what the job itself shows."""
    label = getattr(details, "content_label", "")
    parameters, source = _parameters(details)
    return replace(
        entry,
        description=_description(details) or entry.description,
        content=details.content or entry.content,
        # The labels of the usual codes are known.
        content_label="" if details.content in CONTENT_CODES or label == details.content else label,
        schedule=details.schedule or entry.schedule,
        profile=details.profile_id or entry.profile,
        parameters=parameters or entry.parameters,
        parameters_from=source or entry.parameters_from,
    )


def with_earlier(entry: JobEntry, earlier: JobEntry) -> JobEntry:
    """Return *entry* with the details that an earlier snapshot had."""
    return replace(
        entry,
        description=entry.description or earlier.description,
        content=entry.content or earlier.content,
        content_label=entry.content_label or earlier.content_label,
        parameters=entry.parameters or earlier.parameters,
        parameters_from=entry.parameters_from or earlier.parameters_from,
    )


def jobs_by_profile(jobs: Iterable[JobEntry]) -> Callable[[str], tuple[str, ...]]:
    """Return the function that gives the ids of the jobs of a profile."""
    owned: dict[str, list[str]] = {}
    for job in jobs:
        if job.profile:
            owned.setdefault(job.profile, []).append(job.id)
    return lambda profile: tuple(sorted(owned.get(profile, ())))


def integration_entry(
    one: IntegrationProfile, owned: Callable[[str], tuple[str, ...]]
) -> ProfileEntry:
    """Return an integration profile; *owned* gives its jobs."""
    return ProfileEntry("integration", one.id, one.code, one.name, one.type, owned(one.id))


def import_entry(one: ImportProfile, owned: Callable[[str], tuple[str, ...]]) -> ProfileEntry:
    """Return an import profile; *owned* gives its jobs where it does not name one itself."""
    jobs = (one.job_id,) if one.job_id else owned(one.id)
    return ProfileEntry("import", one.id, "", one.name, one.type, jobs)
