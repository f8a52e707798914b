"""Puts the built-in library, and what a scenario adds to it, into a new institution."""

from __future__ import annotations

from datetime import datetime, timedelta

from almaflow.alma.simulator import library
from almaflow.alma.simulator.furnish_wanted import furnish_wanted
from almaflow.alma.simulator.institution import Institution
from almaflow.alma.simulator.kept import add_department, add_desk, add_library
from almaflow.alma.simulator.library import Effect, Job
from almaflow.alma.simulator.profile_furnishing import (
    IMPORT,
    INTEGRATION,
    add_import,
    add_integration,
    add_job,
)
from almaflow.alma.simulator.records import Members
from almaflow.alma.simulator.scenario_library import ExtraJob, ExtraLibrary, ExtraSet

# How long ago the library's own things were made.
_AGE = timedelta(days=200)
# Nights that the library's history goes back.
_NIGHTS = 3
# Days that the history of the common jobs goes back.
_DAYS_OF_HISTORY = 31


def furnish(institution: Institution) -> None:
    """Fill *institution* with jobs, profiles, sets and a little history."""
    for job in library.MANUAL_JOBS:
        institution.jobs[job.id] = job
    for name, category in library.SYSTEM_JOBS:
        job_id = f"S{institution.new_id()}"
        institution.jobs[job_id] = Job(job_id, name, category, name, effect=Effect.SILENT)
    _add_profiles(institution)
    _add_sets(institution)
    _add_extras(institution)
    furnish_wanted(institution)
    _add_history(institution)


def _add_profiles(institution: Institution) -> None:
    for code, name, kind, system in library.INTEGRATION_PROFILES:
        add_integration(institution, code, name, kind, system=system)
    for name, records in library.IMPORT_PROFILES:
        add_import(institution, name, records)
    for name in library.PUBLISHING_PROFILES:
        _add_publishing(institution, name)


def _drop_integration(institution: Institution, code: str, profile_id: str | None) -> None:
    """Make room: the scenario's profile takes the place of one of that code or id."""
    for profile in list(institution.integration_profiles.values()):
        if profile.code == code or profile.id == profile_id:
            del institution.integration_profiles[profile.id]
            _drop_jobs(institution, profile.id, INTEGRATION)


def _drop_import(institution: Institution, name: str) -> None:
    for profile in list(institution.import_profiles.values()):
        if profile.name == name:
            del institution.import_profiles[profile.id]
            _drop_jobs(institution, profile.id, IMPORT)


def _drop_jobs(institution: Institution, profile_id: str, profile_path: str) -> None:
    # Profiles of two kinds may have the same id.
    for job in list(institution.jobs.values()):
        if (job.profile_id, job.profile_path) == (profile_id, profile_path):
            del institution.jobs[job.id]


def _add_publishing(institution: Institution, name: str, profile_id: str | None = None) -> None:
    # No endpoint shows publishing profiles: their id is known by their job only.
    add_job(institution, library.PUBLISHING_JOB, name, profile_id or institution.new_id(), "")


def _add_sets(institution: Institution) -> None:
    made_at = institution.started_at - _AGE
    for kind in library.SETS:
        institution.add_set(
            kind.name,
            kind.content,
            Members.computed(
                institution.records,
                kind.content,
                kind.query or kind.name,
                institution.members_count(kind.name, kind.query or None, kind.members),
            ),
            created_at=made_at,
            created_by=kind.created_by,
            query=kind.query,
            private=kind.private,
        )


def _add_extras(institution: Institution) -> None:
    extras, name = institution.scenario.library, institution.name
    for job in extras.jobs:
        if job.meant_for(name):
            institution.jobs[job.id] = _job(job)
    for profile in extras.integration_profiles:
        if profile.meant_for(name):
            _drop_integration(institution, profile.code, profile.id)
            add_integration(
                institution,
                profile.code,
                profile.name or profile.code,
                profile.type,
                profile_id=profile.id,
                job_names=profile.jobs,
            )
    for imported in extras.import_profiles:
        if imported.meant_for(name):
            _drop_import(institution, imported.name)
            add_import(institution, imported.name, imported.records, imported.id)
    for published in extras.publishing_profiles:
        if published.meant_for(name):
            _add_publishing(institution, published.name, published.id)
    for unit in extras.libraries:
        if unit.meant_for(name):
            _add_library(institution, unit)
    for extra in institution.scenario.sets:
        if extra.meant_for(name):
            _add_extra_set(institution, extra)


def _job(extra: ExtraJob) -> Job:
    manual = extra.id.startswith("M")
    duration = extra.duration
    works_on: tuple[str, ...] = ()
    if manual:
        works_on = library.sets_of(extra.content)
    return Job(
        id=extra.id,
        name=extra.name,
        category=extra.category or ("INFORMATION_UPDATE" if manual else "PUBLISHING"),
        description=extra.description or extra.name,
        content=extra.content if manual else "",
        works_on=works_on,
        effect=Effect.CHANGE if manual else Effect.SILENT,
        seconds=120 if duration is None else duration.total_seconds(),
        per_member=0.1 if duration is None else 0.0,
        tasks=extra.tasks,
        mandatory=("set_id", *extra.mandatory) if works_on else extra.mandatory,
    )


def _add_extra_set(institution: Institution, extra: ExtraSet) -> None:
    created = institution.started_at - _AGE
    if extra.created is not None:
        created = extra.created.first(institution.started_at, institution.zone)
    # The scenario's set takes the place of a built-in one of that name.
    if namesake := institution.set_named(extra.name):
        del institution.sets[namesake.id]
    if isinstance(extra.members, int):
        seed = extra.query or extra.name
        members = Members.computed(institution.records, extra.content, seed, extra.members)
    else:
        members = Members(extra.members)
    institution.add_set(
        extra.name,
        extra.content,
        members,
        created_at=created,
        created_by=extra.created_by,
        query=extra.query or "",
        private=extra.private,
        set_id=extra.id,
    )


def _add_history(institution: Institution) -> None:
    """Let the timer have run a few jobs in the last nights, and a person one by day."""
    started = institution.started_at
    jobs = list(institution.jobs.values())
    nightly = [
        job
        for job in jobs
        if job.name.startswith(("Send Requests", "SIS Synchronize", "Publishing Platform"))
    ]
    for night in range(_NIGHTS, 0, -1):
        for place, job in enumerate(nightly):
            at = started - timedelta(days=night) + timedelta(minutes=20 * place)
            _add_past_run(institution, job, at, job.name, "System")
    change = next(job for job in jobs if job.id == "M18")
    at = started - timedelta(days=1, hours=2)
    _add_past_run(institution, change, at, f"{change.name} - Weeding candidates 2025", "jdoe")


def _add_past_run(
    institution: Institution, job: Job, at: datetime, name: str, submitted_by: str
) -> None:
    institution.start_run(job, at, name=name, submitted_by=submitted_by, history=True)


def add_past_runs(institution: Institution) -> None:
    """Let people have run each common export and change once a day, for weeks."""
    for job_id in ("M44", "M48", "M18"):
        job = institution.jobs[job_id]
        for day in range(_DAYS_OF_HISTORY, 1, -1):
            at = institution.started_at - timedelta(days=day, hours=3)
            _add_past_run(institution, job, at, f"{job.name} - {at:%Y-%m-%d}", "jdoe")


def _add_library(institution: Institution, extra: ExtraLibrary) -> None:
    store, code = institution.kept, extra.code
    locations = {one.code: one.name or one.code for one in extra.locations}
    add_library(store, institution.code, code, extra.name or code, locations)
    for desk in extra.desks:
        add_desk(store, code, desk.code, desk.name or desk.code)
    for one in extra.departments:
        add_department(store, code, one.code, one.name or one.code, one.type)
