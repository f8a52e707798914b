"""`almaflow backup`: a copy of the store, made while it is in use."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from almaflow.cli import bootstrap
from almaflow.cli.render.terminal import say


def backup(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="The file to write; it must not exist yet.")
    ],
) -> None:
    """Copy the store of a project into a file, even while `serve` and runs are active.

    The copy is a complete store, readable by its owner only. To restore it, stop all almaflow
    processes and move it to the path of `store` in almaflow.yaml. Copy a store in PostgreSQL with
    `pg_dump`.
    """
    project = bootstrap.open_project()
    with bootstrap.open_store(project) as store:
        store.backup(file)
    say(f"Copied the store to {file}.")
