"""`almaflow profiles`: integration and import profiles, whose jobs `run_profile` starts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import typer

from almaflow.cli.alma_queries import (
    InstitutionOption,
    JsonOption,
    NameOption,
    SimulateOption,
    ask,
)
from almaflow.cli.render.listing import Listing, fact, facts
from almaflow.cli.render.text_layout import on_one_line
from almaflow.cli.sources import ServerOption, TokenOption, is_remote, open_lists
from almaflow.json_data import as_data
from almaflow.operations.alma_finding import ProfileDetails, ProfileFound, find_profile
from almaflow.operations.alma_lists import (
    ProfileList,
    ProfileView,
    matching,
    profile_code,
    profile_view,
    read_profiles,
)
from almaflow.operations.alma_reading import OpenInstitution
from almaflow.operations.pasted_steps import profile_step

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
    server: ServerOption = None,
    token: TokenOption = None,
) -> None:
    """List the integration and import profiles of an institution."""

    async def question(alma: OpenInstitution) -> ProfileList:
        known = await read_profiles(alma)
        found = [one for one in known if matching(name, one.name, profile_code(one))]
        return ProfileList(alma.institution, tuple(map(profile_view, found)))

    if is_remote(server, token, simulated=simulate):
        with open_lists(server, token) as lists:
            found = lists.profiles(institution, name)
    else:
        found = ask(question, institution, simulated=simulate)
    _PROFILES.print_all(found.institution, found.profiles, as_json=as_json)


@app.command("show")
def show_profile(
    profile: Annotated[
        str, typer.Argument(metavar="ID|CODE|NAME", help="The profile's id, code or exact name.")
    ],
    institution: InstitutionOption = None,
    simulate: SimulateOption = False,
    as_json: JsonOption = False,
    server: ServerOption = None,
    token: TokenOption = None,
) -> None:
    """Show a profile, the jobs that belong to it, and the step that runs it."""

    async def question(alma: OpenInstitution) -> ProfileFound:
        return await find_profile(alma, profile)

    if is_remote(server, token, simulated=simulate):
        with open_lists(server, token) as lists:
            found = lists.profile(institution, profile)
    else:
        found = ask(question, institution, simulated=simulate)
    details = found.profile
    _PROFILES.print_one(found.institution, as_data(details), _lines(details), as_json=as_json)


def _lines(profile: ProfileDetails) -> Iterator[str]:
    yield f"{profile.id}  {on_one_line(profile.name)}"
    yield from facts(as_data(profile), columns=16)
    for job in profile.jobs:
        yield fact("job", f"{job.id}  {job.name}", columns=16)
    if not profile.jobs:
        yield "It has no job to run: its action is not configured, or not active, in Alma."
        return
    yield ""
    yield "In a workflow:"
    yield from (f"  {line}" for line in profile_step(profile, profile.jobs))


_PROFILES: Listing[ProfileView] = Listing(
    "profile",
    headers=("KIND", "ID", "CODE", "TYPE", "NAME"),
    row=lambda one: (one.kind, one.id, getattr(one, "code", ""), one.type, one.name),
    flexible=(3, 4),
)
