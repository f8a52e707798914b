"""Puts jobs, profiles and runs that a caller wants into a new institution."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from almaflow.alma.simulator import library
from almaflow.alma.simulator.institution import Institution
from almaflow.alma.simulator.library import Job, JobKind
from almaflow.alma.simulator.made_up import made_up_job
from almaflow.alma.simulator.profile_furnishing import (
    INTEGRATION,
    add_import,
    add_integration,
    add_job,
)
from almaflow.alma.simulator.scenario import OtherRun
from almaflow.alma.simulator.scenario_fields import Moment
from almaflow.alma.simulator.texts import plain
from almaflow.alma.simulator.wanted import Wanted, WantedJob, WantedProfile

# Wanted runs begin this often, the first so long before the start: one is always near.
_EVERY, _LASTS = timedelta(hours=1), timedelta(minutes=5)
_RECORDS = 120


def furnish_wanted(institution: Institution) -> None:
    """Let the jobs and profiles exist that a caller wants, and runs of them begin."""
    if institution.wanted is None:
        return
    wanted: Wanted = institution.wanted
    for job in wanted.jobs:
        _add_job(institution, job)
    for profile in wanted.profiles:
        _add_profile(institution, profile)
    for run in wanted.runs:
        started = run.job
        found = (
            _add_job(institution, started)
            if isinstance(started, WantedJob)
            else _add_profile(institution, started)
        )
        other = OtherRun(
            job=found.id,
            at=Moment(since_start=-_EVERY),
            every=_EVERY,
            duration=_LASTS,
            by="System",
            name=run.name or None,
        )
        institution.add_other_run(other)


def _add_job(institution: Institution, wanted: WantedJob) -> Job:
    """Return the job that is wanted, made where it is missing, under the caller's name for it."""
    known = institution.jobs.get(wanted.id)
    if known is None and not wanted.id:
        jobs = institution.jobs.values()
        known = next((job for job in jobs if plain(job.name) == plain(wanted.name)), None)
    if known is None:
        job_id = wanted.id or f"{'S' if wanted.scheduled else 'M'}{institution.new_id()}"
        known = made_up_job(job_id, wanted.name or f"Job {job_id}")
    elif wanted.name and plain(known.name) != plain(wanted.name):
        # The library knows another job of that id: what this one works on is not known.
        known = replace(known, name=wanted.name, works_on=())
    institution.jobs[known.id] = known
    return known


def _add_profile(institution: Institution, wanted: WantedProfile) -> Job:
    """Return the job of the profile that is wanted, made where it is missing."""
    if wanted.is_import:
        return _add_import_profile(institution, wanted)
    profile_id = _integration(institution, wanted)
    jobs = _jobs_of(institution, profile_id, INTEGRATION)
    if wanted.job:
        begin = plain(wanted.job)
        fitting = [job for job in jobs if plain(job.name).startswith(begin)]
        if fitting:
            return fitting[0]
    elif jobs:
        # Nothing says which of several jobs is meant, so the profile has one.
        for job in jobs[1:]:
            del institution.jobs[job.id]
        return jobs[0]
    profile = institution.integration_profiles[profile_id]
    model = library.PROFILE_JOBS[_KIND][0]
    kind = JobKind(wanted.job or f"Job of {profile.code}", model.category, model.effect, 240)
    return add_job(institution, kind, profile.name, profile_id, INTEGRATION)


_KIND = "REMOTE_STORAGE"


def _integration(institution: Institution, wanted: WantedProfile) -> str:
    for profile in institution.integration_profiles.values():
        pairs = ((wanted.id, profile.id), (wanted.code, profile.code), (wanted.name, profile.name))
        if any(text and plain(text) == plain(there) for text, there in pairs):
            return profile.id
    code = wanted.code or "_".join((wanted.name or f"PROFILE {wanted.id}").upper().split())
    jobs = (wanted.job,) if wanted.job else (f"Job of {code}",)
    profile_id = wanted.id or institution.new_id()
    add_integration(
        institution, code, wanted.name or code, _KIND, profile_id=profile_id, job_names=jobs
    )
    return profile_id


def _add_import_profile(institution: Institution, wanted: WantedProfile) -> Job:
    for profile in institution.import_profiles.values():
        if wanted.id == profile.id or (wanted.name and plain(wanted.name) == plain(profile.name)):
            return institution.jobs[profile.job_id]
    name = wanted.name or f"Profile {wanted.id}"
    return add_import(institution, name, _RECORDS, wanted.id or None)


def _jobs_of(institution: Institution, profile_id: str, profile_path: str) -> list[Job]:
    return [
        job
        for job in institution.jobs.values()
        if (job.profile_id, job.profile_path) == (profile_id, profile_path)
    ]
