"""`almaflow backup`: a copy of the store, made while it is in use."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from almaflow.cli import bootstrap
from almaflow.cli.render.terminal import say


def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The copy; must not be there yet.")],
) -> None:
    """Copy the store of a project into a file, also while `serve` and runs go on.

    The copy is a store of its own, readable by its owner only; to go back to it, stop all almaflow
    processes and put it where `store` in almaflow.yaml says. A store in PostgreSQL is copied with
    `pg_dump`.
    """
    project = bootstrap.open_project()
    with bootstrap.open_store(project) as store:
        store.backup(file)
    say(f"The store is copied to {file}.")
