"""`almaflow sets`: Alma's saved lists of records."""

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
from almaflow.cli.render.listing import Listing, facts
from almaflow.cli.render.text_layout import on_one_line
from almaflow.cli.sources import ServerOption, TokenOption, is_remote, open_lists
from almaflow.json_data import as_data
from almaflow.operations.alma_finding import SetFound, find_set
from almaflow.operations.alma_lists import SetList, SetView, matching, read_sets, set_view
from almaflow.operations.alma_reading import OpenInstitution

app = typer.Typer(help="List and show sets.", add_completion=False, rich_markup_mode=None)

_SETS: Listing[SetView] = Listing(
    "set",
    headers=("ID", "TYPE", "CONTENT", "NAME"),
    row=lambda one: (one.id, one.type, one.content, one.name),
    flexible=(2, 3),
)


@app.command("list")
def list_sets(
    institution: InstitutionOption = None,
    name: NameOption = None,
    content: Annotated[
        str | None,
        typer.Option(
            "--content", metavar="TYPE", help="Only sets with this content, such as BIB_MMS."
        ),
    ] = None,
    simulate: SimulateOption = False,
    as_json: JsonOption = False,
    server: ServerOption = None,
    token: TokenOption = None,
) -> None:
    """List the sets that the API can see; private sets of users are not visible to it."""

    async def question(alma: OpenInstitution) -> SetList:
        found = [one for one in await read_sets(alma, content) if matching(name, one.name)]
        return SetList(alma.institution, tuple(map(set_view, found)))

    if is_remote(server, token, simulated=simulate):
        with open_lists(server, token) as lists:
            found = lists.sets(institution, name, content)
    else:
        found = ask(question, institution, simulated=simulate)
    _SETS.print_all(found.institution, found.sets, as_json=as_json)


@app.command("show")
def show_set(
    alma_set: Annotated[str, typer.Argument(metavar="ID|NAME", help="The set's id or exact name.")],
    institution: InstitutionOption = None,
    simulate: SimulateOption = False,
    as_json: JsonOption = False,
    server: ServerOption = None,
    token: TokenOption = None,
) -> None:
    """Show one set and how many members it has."""

    async def question(alma: OpenInstitution) -> SetFound:
        return await find_set(alma, alma_set)

    if is_remote(server, token, simulated=simulate):
        with open_lists(server, token) as lists:
            found = lists.set(institution, alma_set)
    else:
        found = ask(question, institution, simulated=simulate)
    _SETS.print_one(found.institution, as_data(found.set), _lines(found.set), as_json=as_json)


def _lines(alma_set: SetView) -> Iterator[str]:
    yield f"{alma_set.id}  {on_one_line(alma_set.name)}"
    yield from facts(as_data(alma_set), columns=12)
