"""`almaflow sets`: Alma's saved lists of records."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import typer

from almaflow.cli.alma_queries import InstitutionOption, NameOption, SimulateOption, open_lists
from almaflow.cli.options import JsonOption
from almaflow.cli.render.listing import facts, print_list, print_one
from almaflow.cli.render.text_layout import on_one_line
from almaflow.cli.sources import ServerOption, TokenOption
from almaflow.json_data import as_data
from almaflow.operations.alma_lists import SetView

app = typer.Typer(help="List and show sets.", add_completion=False, rich_markup_mode=None)


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
    with open_lists(server, token, simulated=simulate) as lists:
        found = lists.sets(institution, name, content)
    headers = ("ID", "TYPE", "CONTENT", "NAME")
    rows = [(one.id, one.type, one.content, one.name) for one in found.sets]
    print_list(found, "set", headers, rows, flexible=(2, 3), as_json=as_json)


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
    with open_lists(server, token, simulated=simulate) as lists:
        found = lists.set(institution, alma_set)
    print_one(found, _lines(found.set), as_json=as_json)


def _lines(alma_set: SetView) -> Iterator[str]:
    yield f"{alma_set.id}  {on_one_line(alma_set.name)}"
    yield from facts(as_data(alma_set), columns=12)
