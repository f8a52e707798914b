"""`almaflow profiles`: integration and import profiles, whose jobs `run_profile` starts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import typer

from almaflow.cli.alma_queries import InstitutionOption, NameOption, SimulateOption, open_lists
from almaflow.cli.options import JsonOption
from almaflow.cli.render.listing import fact, facts, print_list, print_one
from almaflow.cli.render.text_layout import on_one_line
from almaflow.cli.sources import ServerOption, TokenOption
from almaflow.json_data import as_data
from almaflow.operations.alma_finding import ProfileDetails
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
    with open_lists(server, token, simulated=simulate) as lists:
        found = lists.profiles(institution, name)
    rows = [
        (one.kind, one.id, getattr(one, "code", ""), one.type, one.name) for one in found.profiles
    ]
    headers = ("KIND", "ID", "CODE", "TYPE", "NAME")
    print_list(found, "profile", headers, rows, flexible=(3, 4), as_json=as_json)


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
    with open_lists(server, token, simulated=simulate) as lists:
        found = lists.profile(institution, profile)
    print_one(found, _lines(found.profile), as_json=as_json)


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
