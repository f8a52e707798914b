"""`almaflow sets`: Alma's saved lists of records."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import asdict
from typing import Annotated, Any

import typer

from almaflow.alma import calls
from almaflow.alma.directory import read_pages
from almaflow.alma.errors import AlmaRefused, NotInAlma
from almaflow.alma.wire import AlmaSet
from almaflow.cli.asking import (
    Asked,
    InstitutionOption,
    JsonOption,
    NameOption,
    SimulateOption,
    ask,
    matching,
)
from almaflow.cli.output import columns_of, emit, emit_json
from almaflow.cli.texts import on_one_line, padded, table

app = typer.Typer(help="List and show sets.", add_completion=False, rich_markup_mode=None)


@app.command("list")
def list_sets(
    institution: InstitutionOption = None,
    name: NameOption = None,
    content: Annotated[
        str | None,
        typer.Option("--content", metavar="TYPE", help="Only of this content, such as BIB_MMS."),
    ] = None,
    simulate: SimulateOption = False,
    as_json: JsonOption = False,
) -> None:
    """List the sets that the API sees; private sets of persons are not among them."""

    async def question(alma: Asked) -> tuple[str, list[AlmaSet]]:
        found = await read_pages(
            alma.read, lambda offset: calls.list_sets(content=content, offset=offset)
        )
        return alma.institution, found

    asked, found = ask(question, institution, simulated=simulate)
    found = sorted((one for one in found if matching(name, one.name)), key=lambda one: one.name)
    if as_json:
        emit_json({"institution": asked, "sets": [_as_data(one) for one in found]})
        return
    if not found:
        emit(f"{asked} has no such set.")
        return
    lines = table(
        ("ID", "TYPE", "CONTENT", "NAME"),
        [(one.id, one.type, one.content, one.name) for one in found],
        columns=columns_of(sys.stdout),
        flexible=(2, 3),
    )
    emit("\n".join(lines))


@app.command("show")
def show_set(
    alma_set: Annotated[str, typer.Argument(metavar="ID|NAME", help="The set's id or exact name.")],
    institution: InstitutionOption = None,
    simulate: SimulateOption = False,
    as_json: JsonOption = False,
) -> None:
    """Show one set and how many members it has."""

    async def question(alma: Asked) -> tuple[str, AlmaSet]:
        return alma.institution, await _find(alma, alma_set)

    asked, found = ask(question, institution, simulated=simulate)
    if as_json:
        emit_json({"institution": asked, "set": _as_data(found)})
    else:
        emit("\n".join(_lines(found)))


async def _find(alma: Asked, wanted: str) -> AlmaSet:
    """Return the set of this id or name; Raises: AlmaError."""
    if wanted.isdecimal():
        try:
            return await alma.read(calls.alma_set(wanted))
        except AlmaRefused as error:
            # A set may be called 2026, too.
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
            advice="The name must be exact. `almaflow sets list` shows those that the API sees.",
        )
    return named


def _lines(found: AlmaSet) -> Iterator[str]:
    yield f"{found.id}  {on_one_line(found.name)}"
    for name, value in _as_data(found).items():
        if value not in ("", None) and name not in ("id", "name", "link"):
            yield f"  {padded(name, 12)} {on_one_line(str(value))}"


def _as_data(found: AlmaSet) -> dict[str, Any]:
    at = found.created_at
    return {**asdict(found), "created_at": at.isoformat() if at is not None else ""}
