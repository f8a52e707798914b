"""`almaflow profiles`: integration and import profiles, whose jobs `run_profile` starts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import typer

from almaflow.alma import calls
from almaflow.alma.directory import read_pages
from almaflow.alma.errors import NotInAlma
from almaflow.alma.wire import ImportProfile, Job
from almaflow.cli.alma_queries import (
    InstitutionOption,
    JsonOption,
    NameOption,
    SimulateOption,
    ask,
)
from almaflow.cli.render.listing import Listing, fact, facts
from almaflow.cli.render.text_layout import on_one_line
from almaflow.operations.alma_lists import Profile, data_of, matching, profile_code, read_profiles
from almaflow.operations.alma_reading import OpenInstitution
from almaflow.operations.pasted_steps import profile_step
from almaflow.problems import did_you_mean

app = typer.Typer(
    help="List and show integration and import profiles.",
    add_completion=False,
    rich_markup_mode=None,
)


@app.command("list")
def list_profiles(
    institution: InstitutionOption = None,
    name: NameOption = None,
    simulate: SimulateOption = False,
    as_json: JsonOption = False,
) -> None:
    """List the integration and import profiles of an institution."""

    async def question(alma: OpenInstitution) -> tuple[str, list[Profile]]:
        return alma.institution, await read_profiles(alma)

    institution_name, profiles = ask(question, institution, simulated=simulate)
    profiles = [one for one in profiles if matching(name, one.name, profile_code(one))]
    _PROFILES.print_all(institution_name, profiles, as_json=as_json)


@app.command("show")
def show_profile(
    profile: Annotated[
        str, typer.Argument(metavar="ID|CODE|NAME", help="The profile's id, code or exact name.")
    ],
    institution: InstitutionOption = None,
    simulate: SimulateOption = False,
    as_json: JsonOption = False,
) -> None:
    """Show a profile, the jobs that belong to it, and the step that runs it."""

    async def question(alma: OpenInstitution) -> tuple[str, Profile, list[Job]]:
        match = _one(await read_profiles(alma), profile, alma.institution)
        return alma.institution, match, await _jobs(alma, match)

    institution_name, match, jobs = ask(question, institution, simulated=simulate)
    listed = [{"id": job.id, "name": job.name} for job in jobs]
    data = {**_as_data(match), "jobs": listed}
    _PROFILES.print_one(institution_name, data, _lines(match, jobs), as_json=as_json)


async def _jobs(alma: OpenInstitution, profile: Profile) -> list[Job]:
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
        listed = ", ".join(f"{one.id} ({_kind(one)})" for one in matches)
        text = f"{institution} has several profiles named '{wanted}': {listed}."
        raise NotInAlma(text, noun="profile", name=wanted, advice="Specify the id of one.")
    names = [name for one in profiles for name in (one.id, profile_code(one), one.name) if name]
    raise NotInAlma(
        f"{institution} has no profile '{wanted}'{did_you_mean(wanted, names) or '.'}",
        noun="profile",
        name=wanted,
        advice="`almaflow profiles list` shows all profiles.",
    )


def _lines(profile: Profile, jobs: list[Job]) -> Iterator[str]:
    yield f"{profile.id}  {on_one_line(profile.name)}"
    yield from facts(_as_data(profile), columns=16)
    for job in jobs:
        yield fact("job", f"{job.id}  {job.name}", columns=16)
    if not jobs:
        yield "It has no job to run: its action is not configured, or not active, in Alma."
        return
    yield ""
    yield "In a workflow:"
    yield from (f"  {line}" for line in profile_step(profile, jobs))


def _kind(profile: Profile) -> str:
    return "import" if isinstance(profile, ImportProfile) else "integration"


def _as_data(profile: Profile) -> dict[str, Any]:
    return {"kind": _kind(profile), **data_of(profile)}


_PROFILES: Listing[Profile] = Listing(
    "profile",
    headers=("KIND", "ID", "CODE", "TYPE", "NAME"),
    row=lambda one: (_kind(one), one.id, profile_code(one), one.type, one.name),
    as_data=_as_data,
    flexible=(3, 4),
)
