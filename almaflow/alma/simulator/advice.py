"""What a scenario would have to hold for a refusal not to come: one line for each kind of thing.

A line fits what the callers want: a set has the content of the job that runs on it, a report the
columns that are read of it. `hints` writes the lines.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from almaflow.alma.simulator.hints import hint
from almaflow.alma.simulator.institution import Institution
from almaflow.alma.simulator.library import Job
from almaflow.alma.simulator.made_up import wanted_report
from almaflow.alma.simulator.records import digest
from almaflow.alma.simulator.scenario_fields import fits
from almaflow.alma.simulator.texts import plain
from almaflow.alma.simulator.wanted import WantedJob, WantedProfile

_MEMBERS = 25
# Rows of a report, as many as a person reads in a line.
_ROWS = 3


def set_named(institution: Institution, name: str) -> str:
    """Return the line for a set of that name; empty for one that a caller has deleted."""
    if name in institution.gone:
        return ""
    return hint("sets", name=name, content=content_of(institution, name), members=_MEMBERS)


def set_with_id(institution: Institution, set_id: str, job: Job | None = None) -> str:
    """Return the line for a set of that id, which *job* runs on; empty for what is not an id."""
    if not set_id.isdecimal() or set_id in institution.gone:
        return ""
    content = job.works_on[0] if job and job.works_on else content_of(institution, set_id)
    return hint("sets", id=set_id, name=f"Set {set_id}", content=content, members=_MEMBERS)


def set_of_other_content(institution: Institution, set_id: str, job: Job) -> str:
    """Return the line for a furnished set that should hold what *job* takes."""
    there = institution.sets[set_id]
    if there.created_at >= institution.started_at:
        return ""
    members = len(there.members)
    return hint("sets", id=set_id, name=there.name, content=job.works_on[0], members=members)


def content_of(institution: Institution, key: str) -> str:
    """Return what the set with that name or id should hold."""
    for pattern, content in institution.wants.contents.items():
        if fits(pattern, key):
            return content
    for use in institution.wants.uses:
        job = _job(institution, use.job) if fits(use.set, key) else None
        if job is not None and job.works_on:
            return job.works_on[0]
    return "BIB_MMS"


def _job(institution: Institution, wanted: WantedJob) -> Job | None:
    if wanted.id:
        return institution.jobs.get(wanted.id)
    jobs = institution.jobs.values()
    return next((job for job in jobs if plain(job.name) == plain(wanted.name)), None)


def job_with_id(institution: Institution, job_id: str) -> str:
    """Return the line for a job of that id."""
    wanted = next((job for job in institution.wants.jobs if job.id == job_id), None)
    name = (wanted.name if wanted else "") or f"Job {job_id}"
    return hint("library.jobs", id=job_id, name=name, **_content(institution, job_id, name))


def job_named(institution: Institution, name: str) -> str:
    """Return the line for a job of that name."""
    wanted = [job for job in institution.wants.jobs if plain(job.name) == plain(name)]
    kind = "S" if any(job.scheduled for job in wanted) else "M"
    job_id = f"{kind}9{digest(name) % 10**9:09d}"
    return hint("library.jobs", id=job_id, name=name, **_content(institution, job_id, name))


def _content(institution: Institution, job_id: str, name: str) -> dict[str, str]:
    """Return what a manual job works on: what its sets hold; empty when it is given none."""
    if not job_id.startswith("M"):
        return {}
    used = [
        use.set
        for use in institution.wants.uses
        if use.job.id == job_id or (use.job.name and plain(use.job.name) == plain(name))
    ]
    if used:
        return {"content": _content_of_any(institution, used)}
    # A caller that has said which jobs it wants gives this one no set.
    return {"content": ""} if institution.wants.jobs else {}


def _content_of_any(institution: Institution, keys: Sequence[str]) -> str:
    for alma_set in institution.sets.values():
        if any(key == alma_set.id or fits(key, alma_set.name) for key in keys):
            return alma_set.content
    contents = institution.wants.contents
    return next((contents[key] for key in keys if key in contents), "BIB_MMS")


def profile_with_id(institution: Institution, profile_id: str) -> str:
    """Return the line for an integration profile of that id."""
    wanted = WantedProfile(profile_id, f"PROFILE_{profile_id}")
    return _profile(institution, wanted, id=profile_id, code=wanted.code)


def profile_called(institution: Institution, field: str, text: str) -> str:
    """Return the line for an integration profile with that code, or of that name."""
    if field == "code":
        return _profile(institution, WantedProfile(code=text), code=text)
    return _profile(institution, WantedProfile(name=text), code=text, name=text)


def _profile(institution: Institution, profile: WantedProfile, **fields: str) -> str:
    # One job: of several, a step must say which one.
    jobs = [
        wanted.job
        for wanted in institution.wants.profiles
        if wanted.job
        and (
            (profile.id and wanted.id == profile.id)
            or (profile.code and wanted.code == profile.code)
            or (profile.name and wanted.name == profile.name)
        )
    ]
    return hint(
        "library.integration_profiles",
        **fields,
        type="REMOTE_STORAGE",
        jobs=list(dict.fromkeys(jobs)) or [f"Job of {fields['code']}"],
    )


def import_profile(institution: Institution, *, name: str = "", profile_id: str = "") -> str:
    """Return the line for an import profile of that name or id."""
    if profile_id:
        return hint("library.import_profiles", id=profile_id, name=name or f"Profile {profile_id}")
    return hint("library.import_profiles", name=name)


def profile_named(institution: Institution, text: str) -> str:
    """Return the line for the profile that a caller names so, whatever its kind."""
    for wanted in institution.wants.profiles:
        if text == wanted.name and wanted.is_import:
            return import_profile(institution, name=text)
        if text in (wanted.code, wanted.name):
            return profile_called(institution, "code" if text == wanted.code else "name", text)
    return profile_called(institution, "code", text)


def job_of_profile(institution: Institution, begin: str) -> str:
    """Return the line for the profile whose job begins so; empty when no caller wants one."""
    for wanted in institution.wants.profiles:
        if wanted.job and plain(wanted.job) == plain(begin):
            if wanted.id:
                return profile_with_id(institution, wanted.id)
            field = "code" if wanted.code else "name"
            return profile_called(institution, field, wanted.code or wanted.name)
    return ""


def report(institution: Institution, path: str) -> str:
    """Return the line for a report of that path, with the columns and rows that are read."""
    made = wanted_report(institution, path, _ROWS)
    rows: list[Any] = [list(row) for row in made.rows]
    return hint("reports", path=path, columns=list(made.columns), rows=rows)


def members(institution: Institution, refused: Sequence[str]) -> str:
    """Return the line for ids of members that are not known."""
    if len(refused) == 1:
        return hint("known_members", *refused)
    patterns: Iterable[str] = institution.scenario.unknown_members
    common = (one for one in patterns if all(fits(one, text) for text in refused))
    return hint("known_members", next(common, "*"))
