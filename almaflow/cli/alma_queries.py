"""Reads from Alma for commands: one institution, one event loop, each read sent once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from almaflow.alma.calls import AlmaRequest
from almaflow.alma.directory import Directory
from almaflow.cli import bootstrap
from almaflow.cli.interrupt import EXIT_INTERRUPTED, Interrupted, run_interruptible
from almaflow.clock import SystemClock
from almaflow.plan import SIMULATED_INSTITUTION
from almaflow.redaction import Mask
from almaflow.settings import Project

if TYPE_CHECKING:
    from almaflow.engine.alma_writes.institutions import InstitutionConnection

T = TypeVar("T")

# Options that `jobs`, `profiles` and `sets` share.
InstitutionOption = Annotated[
    str | None,
    typer.Option(
        "--institution",
        metavar="NAME",
        help="An entry of almaflow.yaml; default: its default_institution.",
    ),
]
SimulateOption = Annotated[
    bool, typer.Option("--simulate", help="Query a simulated Alma, as `run --simulate` uses it.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
NameOption = Annotated[
    str | None,
    typer.Option("--name", metavar="TEXT", help="Only those whose name contains this text."),
]


class OpenInstitution:
    """An open institution; *directory* finds jobs, profiles and sets by name."""

    def __init__(self, connection: InstitutionConnection) -> None:
        self.institution = connection.name
        self.directory = Directory(self.read, SystemClock(), connection.name)
        self._connection = connection

    @property
    def ahead(self) -> timedelta:
        """How far Alma's clock is ahead of ours, according to its last response."""
        return self._connection.client.ahead

    async def read(self, call: AlmaRequest[T], /) -> T:
        """Send *call* once; Raises: AlmaError."""
        return await self._connection.client.send(call)


def ask(
    question: Callable[[OpenInstitution], Awaitable[T]], institution: str | None, *, simulated: bool
) -> T:
    """Run *question* with a real or a simulated institution and return its result.

    Raises:
        RequestWrong: there is no such institution, or its key is missing.
        AlmaError: Alma did not respond, or refused the request.
    """
    project = bootstrap.open_project()
    if simulated:
        from almaflow.alma.simulator import Scenario

        simulation = bootstrap.Simulation.make(project, Scenario(), "production")
        name = institution or project.default_institution or SIMULATED_INSTITUTION
        return _ask(question, simulation.open_connection(name), virtual=True)
    return ask_live(question, project, institution)


def ask_live(
    question: Callable[[OpenInstitution], Awaitable[T]], project: Project, institution: str | None
) -> T:
    """Run *question* with an institution of almaflow.yaml and return its result."""
    name = project.institution(institution).name
    mask = Mask(project.known_secrets(strict=False))
    return _ask(question, bootstrap.live_connections(project, mask)(name), virtual=False)


def _ask(
    question: Callable[[OpenInstitution], Awaitable[T]],
    connection: InstitutionConnection,
    *,
    virtual: bool,
) -> T:
    async def main() -> T:
        return await question(OpenInstitution(connection))

    try:
        return run_interruptible(main, virtual=virtual)
    except Interrupted:
        raise typer.Exit(EXIT_INTERRUPTED) from None
    finally:
        connection.client.close()


def matching(text: str | None, *names: str) -> bool:
    """Whether one of *names* contains *text*, ignoring case."""
    return text is None or any(text.casefold() in name.casefold() for name in names)
