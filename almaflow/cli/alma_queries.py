"""Reads from Alma for commands: one institution, one event loop, each read sent once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from almaflow.cli import bootstrap
from almaflow.cli.interrupt import EXIT_INTERRUPTED, Interrupted, run_interruptible
from almaflow.cli.sources import is_remote, open_server
from almaflow.late_dataclasses import dataclass
from almaflow.operations.alma_reading import AlmaReader, OpenInstitution
from almaflow.plan import SIMULATED_INSTITUTION
from almaflow.redaction import Mask
from almaflow.settings import Project

if TYPE_CHECKING:
    from almaflow.engine.alma_writes.institutions import InstitutionConnection
    from almaflow.operations.alma_finding import LocalLists
    from almaflow.operations.remote_source import RemoteLists

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
NameOption = Annotated[
    str | None,
    typer.Option("--name", metavar="TEXT", help="Only those whose name contains this text."),
]


@contextmanager
def open_lists(
    server: str | None, token: str | None, *, simulated: bool
) -> Iterator[LocalLists | RemoteLists]:
    """Open what a server, or else a real or a simulated Alma, lists; Raises: RequestWrong."""
    if is_remote(server, token, simulated=simulated):
        from almaflow.operations.remote_source import RemoteLists

        with open_server(server, token) as connection:
            yield RemoteLists(connection)
    else:
        from almaflow.operations.alma_finding import LocalLists

        yield LocalLists(alma_reader(simulated=simulated))


def alma_reader(*, simulated: bool) -> AlmaReader:
    """Return what asks the institutions of the project, or simulated ones; Raises: RequestWrong."""
    project = bootstrap.open_project()
    return SimulatedReader(project) if simulated else LiveAlma(project)


@dataclass(frozen=True)
class LiveAlma:
    """Runs questions with the institutions of almaflow.yaml, each in a separate event loop."""

    project: Project

    def ask(
        self, question: Callable[[OpenInstitution], Awaitable[T]], institution: str | None, /
    ) -> T:
        """Run *question* and return its result; see `AlmaReader`."""
        name = self.project.institution(institution).name
        mask = Mask(self.project.known_secrets(strict=False))
        return _ask(question, bootstrap.live_connections(self.project, mask)(name), virtual=False)


@dataclass(frozen=True)
class SimulatedReader:
    """Runs questions with a simulated Alma, in which every institution named exists."""

    project: Project

    def ask(
        self, question: Callable[[OpenInstitution], Awaitable[T]], institution: str | None, /
    ) -> T:
        """Run *question* in virtual time and return its result; see `AlmaReader`."""
        from almaflow.alma.simulator import Scenario

        simulation = bootstrap.Simulation.make(self.project, Scenario(), "production")
        name = institution or self.project.default_institution or SIMULATED_INSTITUTION
        return _ask(question, simulation.open_connection(name), virtual=True)


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
