"""The jobs, profiles and sets of an institution, as Alma shows them: all that fit, or one."""

from __future__ import annotations

from collections.abc import Sequence

from almaflow.alma import calls
from almaflow.alma.directory import read_pages
from almaflow.alma.errors import AlmaRefused, NotInAlma
from almaflow.alma.pasted_payload import JOB_ID
from almaflow.alma.wire import AlmaSet, ImportProfile, Job
from almaflow.late_dataclasses import dataclass
from almaflow.operations.alma_lists import (
    ImportProfileView,
    IntegrationProfileView,
    JobList,
    JobView,
    Profile,
    ProfileList,
    SetList,
    SetView,
    job_view,
    matching,
    profile_code,
    profile_view,
    read_jobs,
    read_profiles,
    read_sets,
    set_view,
)
from almaflow.operations.alma_reading import AlmaReader, OpenInstitution
from almaflow.problems import did_you_mean


@dataclass(frozen=True)
class JobFound:
    """The document of `jobs show --json`."""

    institution: str
    """The institution that was asked, by its name in almaflow.yaml."""
    job: JobView
    """The job."""


@dataclass(frozen=True)
class JobOfProfile:
    """A job of a profile."""

    id: str
    """Alma's id of the job."""
    name: str
    """Alma's name of the job."""


@dataclass(frozen=True)
class IntegrationProfileDetails(IntegrationProfileView):
    """An integration profile and its jobs."""

    jobs: tuple[JobOfProfile, ...]
    """The jobs that it can run."""


@dataclass(frozen=True)
class ImportProfileDetails(ImportProfileView):
    """An import profile and its jobs."""

    jobs: tuple[JobOfProfile, ...]
    """The jobs that it can run."""


ProfileDetails = IntegrationProfileDetails | ImportProfileDetails


@dataclass(frozen=True)
class ProfileFound:
    """The document of `profiles show --json`."""

    institution: str
    """The institution that was asked, by its name in almaflow.yaml."""
    profile: ProfileDetails
    """The profile."""


@dataclass(frozen=True)
class SetFound:
    """The document of `sets show --json`."""

    institution: str
    """The institution that was asked, by its name in almaflow.yaml."""
    set: SetView
    """The set."""


class LocalLists:
    """What *alma* has, asked without a server; each method raises `RequestWrong` or `AlmaError`."""

    def __init__(self, alma: AlmaReader) -> None:
        self._alma = alma

    def jobs(self, institution: str | None, name: str | None, type: str | None) -> JobList:
        """Return the jobs of a type whose name contains *name*."""

        async def question(alma: OpenInstitution) -> JobList:
            found = [job for job in await read_jobs(alma, type) if matching(name, job.name)]
            return JobList(alma.institution, tuple(map(job_view, found)))

        return self._alma.ask(question, institution)

    def profiles(self, institution: str | None, name: str | None) -> ProfileList:
        """Return the profiles whose name or code contains *name*."""

        async def question(alma: OpenInstitution) -> ProfileList:
            known = await read_profiles(alma)
            found = [one for one in known if matching(name, one.name, profile_code(one))]
            return ProfileList(alma.institution, tuple(map(profile_view, found)))

        return self._alma.ask(question, institution)

    def sets(self, institution: str | None, name: str | None, content: str | None) -> SetList:
        """Return the sets of a content whose name contains *name*."""

        async def question(alma: OpenInstitution) -> SetList:
            found = [one for one in await read_sets(alma, content) if matching(name, one.name)]
            return SetList(alma.institution, tuple(map(set_view, found)))

        return self._alma.ask(question, institution)

    def job(self, institution: str | None, wanted: str) -> JobFound:
        """Return one job, by id or name."""
        return self._alma.ask(lambda alma: find_job(alma, wanted), institution)

    def profile(self, institution: str | None, wanted: str) -> ProfileFound:
        """Return one profile, by id, code or name."""
        return self._alma.ask(lambda alma: find_profile(alma, wanted), institution)

    def set(self, institution: str | None, wanted: str) -> SetFound:
        """Return one set, by id or name."""
        return self._alma.ask(lambda alma: find_set(alma, wanted), institution)


async def find_job(alma: OpenInstitution, wanted: str) -> JobFound:
    """Return the job of this id or name; Raises: AlmaError."""
    if JOB_ID.fullmatch(wanted):
        return JobFound(alma.institution, job_view(await alma.directory.job(id=wanted)))
    named = await alma.directory.job(name=wanted, type=None)
    # An entry of a list has fewer details than the job itself.
    return JobFound(alma.institution, job_view(await alma.directory.job(id=named.id)))


async def find_profile(alma: OpenInstitution, wanted: str) -> ProfileFound:
    """Return the profile of this id, code or name, with its jobs; Raises: AlmaError."""
    match = _one(await read_profiles(alma), wanted, alma.institution)
    jobs = tuple(JobOfProfile(job.id, job.name) for job in await _jobs(alma, match))
    view = profile_view(match)
    details: ProfileDetails
    if isinstance(view, ImportProfileView):
        details = ImportProfileDetails(**vars(view), jobs=jobs)
    else:
        details = IntegrationProfileDetails(**vars(view), jobs=jobs)
    return ProfileFound(alma.institution, details)


async def find_set(alma: OpenInstitution, wanted: str) -> SetFound:
    """Return the set of this id or name; Raises: AlmaError."""
    return SetFound(alma.institution, set_view(await _set(alma, wanted)))


async def _jobs(alma: OpenInstitution, profile: Profile) -> Sequence[Job]:
    if isinstance(profile, ImportProfile) and profile.job_id:
        return [await alma.directory.job(id=profile.job_id)]
    jobs = await read_pages(
        alma.read,
        lambda offset: calls.list_jobs(type="SCHEDULED", profile_id=profile.id, offset=offset),
    )
    return [job for job in jobs if job.profile_id in ("", profile.id)]


def _one(profiles: list[Profile], wanted: str, institution: str) -> Profile:
    """Return the profile of this id, code or name; Raises: NotInAlma."""
    matches = [one for one in profiles if wanted in (one.id, profile_code(one), one.name)]
    if len(matches) == 1:
        return matches[0]
    if matches:
        listed = ", ".join(f"{one.id} ({profile_view(one).kind})" for one in matches)
        text = f"{institution} has several profiles named '{wanted}': {listed}."
        raise NotInAlma(text, noun="profile", name=wanted, advice="Specify the id of one.")
    names = [name for one in profiles for name in (one.id, profile_code(one), one.name) if name]
    raise NotInAlma(
        f"{institution} has no profile '{wanted}'{did_you_mean(wanted, names) or '.'}",
        noun="profile",
        name=wanted,
        advice="`almaflow profiles list` shows all profiles.",
    )


async def _set(alma: OpenInstitution, wanted: str) -> AlmaSet:
    if wanted.isdecimal():
        try:
            return await alma.read(calls.alma_set(wanted))
        except AlmaRefused as error:
            # The name of a set may also be a number, such as 2026.
            named = await alma.directory.set_named(wanted)
            if named is None:
                raise error
            return named
    named = await alma.directory.set_named(wanted)
    if named is None:
        raise NotInAlma(
            f"{alma.institution} has no set '{wanted}'.",
            noun="set",
            name=wanted,
            advice="The name must match exactly. `almaflow sets list` shows the sets that the API "
            "can see.",
        )
    return named
