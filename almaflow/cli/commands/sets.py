"""`almaflow sets`: Alma's saved lists of records."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import typer

from almaflow.alma import calls
from almaflow.alma.errors import AlmaRefused, NotInAlma
from almaflow.alma.wire import AlmaSet
from almaflow.cli.alma_queries import (
    InstitutionOption,
    JsonOption,
    NameOption,
    SimulateOption,
    ask,
)
from almaflow.cli.render.listing import Listing, facts
from almaflow.cli.render.text_layout import on_one_line
from almaflow.operations.alma_lists import data_of, matching, read_sets
from almaflow.operations.alma_reading import OpenInstitution

app = typer.Typer(help="List and show sets.", add_completion=False, rich_markup_mode=None)

_SETS: Listing[AlmaSet] = Listing(
    "set",
    headers=("ID", "TYPE", "CONTENT", "NAME"),
    row=lambda one: (one.id, one.type, one.content, one.name),
    as_data=data_of,
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
) -> None:
    """List the sets that the API can see; private sets of users are not visible to it."""

    async def question(alma: OpenInstitution) -> tuple[str, list[AlmaSet]]:
        return alma.institution, await read_sets(alma, content)

    institution_name, alma_sets = ask(question, institution, simulated=simulate)
    matches = [one for one in alma_sets if matching(name, one.name)]
    _SETS.print_all(institution_name, matches, as_json=as_json)


@app.command("show")
def show_set(
    alma_set: Annotated[str, typer.Argument(metavar="ID|NAME", help="The set's id or exact name.")],
    institution: InstitutionOption = None,
    simulate: SimulateOption = False,
    as_json: JsonOption = False,
) -> None:
    """Show one set and how many members it has."""

    async def question(alma: OpenInstitution) -> tuple[str, AlmaSet]:
        return alma.institution, await _find(alma, alma_set)

    institution_name, match = ask(question, institution, simulated=simulate)
    _SETS.print_one(institution_name, data_of(match), _lines(match), as_json=as_json)


async def _find(alma: OpenInstitution, wanted: str) -> AlmaSet:
    """Return the set of this id or name; Raises: AlmaError."""
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
            advice=(
                "The name must match exactly. `almaflow sets list` shows the sets that the API "
                "can see."
            ),
        )
    return named


def _lines(alma_set: AlmaSet) -> Iterator[str]:
    yield f"{alma_set.id}  {on_one_line(alma_set.name)}"
    yield from facts(data_of(alma_set), columns=12)
