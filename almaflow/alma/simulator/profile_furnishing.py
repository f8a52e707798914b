"""Puts profiles and the jobs that they bring into an institution."""

from __future__ import annotations

from collections.abc import Sequence

from almaflow.alma.simulator import library
from almaflow.alma.simulator.institution import Institution
from almaflow.alma.simulator.library import Effect, Job, JobKind
from almaflow.alma.simulator.profiles import ImportProfile, IntegrationProfile

# Where the API shows profiles.
INTEGRATION, IMPORT = "integration-profiles", "md-import-profiles"


def add_integration(
    institution: Institution,
    code: str,
    name: str,
    kind: str,
    *,
    system: str = "OTHER",
    profile_id: str | None = None,
    job_names: Sequence[str] = (),
) -> None:
    """Let an integration profile exist, with the jobs of its kind or those of these names."""
    profile = IntegrationProfile(profile_id or institution.new_id(), code, name, kind, system)
    institution.integration_profiles[profile.id] = profile
    kinds = library.PROFILE_JOBS.get(kind, ())
    if job_names:
        model = kinds[0] if kinds else JobKind("", "REMOTE_STORAGE", Effect.SILENT, 240)
        kinds = tuple(
            JobKind(job_name, model.category, model.effect, model.seconds) for job_name in job_names
        )
    for job_kind in kinds:
        add_job(institution, job_kind, name, profile.id, INTEGRATION)


def add_import(
    institution: Institution, name: str, records: int, profile_id: str | None = None
) -> Job:
    """Let an import profile and its job exist."""
    profile_id = profile_id or institution.new_id()
    job = add_job(institution, library.IMPORT_JOB, name, profile_id, IMPORT, records=records)
    institution.import_profiles[profile_id] = ImportProfile(profile_id, name, job.id)
    return job


def add_job(
    institution: Institution,
    kind: JobKind,
    profile_name: str,
    profile_id: str,
    profile_path: str,
    *,
    records: int = 0,
) -> Job:
    """Let the job of a profile exist."""
    name = kind.name.replace("{name}", profile_name)
    job = Job(
        id=f"S{institution.new_id()}",
        name=name,
        category=kind.category,
        description=kind.name.replace("{name}", "").removesuffix("using profile ").strip(),
        effect=kind.effect,
        seconds=kind.seconds,
        per_member=0.1,
        profile_id=profile_id,
        profile_path=profile_path,
        records=records,
    )
    institution.jobs[job.id] = job
    return job
