"""Reads from Alma for commands: one institution, one event loop, each read sent once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from almaflow.cli import bootstrap
from almaflow.cli.interrupt import EXIT_INTERRUPTED, Interrupted, run_interruptible
from almaflow.late_dataclasses import dataclass
from almaflow.operations.alma_reading import OpenInstitution
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
    return LiveAlma(project).ask(question, institution)


@dataclass(frozen=True)
class LiveAlma:
    """Runs questions with the institutions of almaflow.yaml, each in a separate event loop."""

    project: Project

    def ask(
        self, question: Callable[[OpenInstitution], Awaitable[T]], institution: str | None
    ) -> T:
        """Run *question* with an institution of almaflow.yaml and return its result."""
        name = self.project.institution(institution).name
        mask = Mask(self.project.known_secrets(strict=False))
        return _ask(question, bootstrap.live_connections(self.project, mask)(name), virtual=False)


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
