"""`almaflow store`: checks the store of a project, and moves it from SQLite into PostgreSQL."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from almaflow.cli import bootstrap
from almaflow.cli.options import JsonOption
from almaflow.cli.render.listing import print_table
from almaflow.cli.render.terminal import emit_json, say
from almaflow.clock import SystemClock
from almaflow.errors import RequestWrong
from almaflow.settings import Project
from almaflow.settings.secret_parts import store_address
from almaflow.store import Store, read_url
from almaflow.store.health import examine
from almaflow.store.transfer import TableHash, data

app = typer.Typer(
    help="Check the store, or move it into PostgreSQL.", add_completion=False, rich_markup_mode=None
)


@app.command("check")
def check(as_json: JsonOption = False) -> None:
    """Read every row of the store, and show how many each table holds.

    Exits with 1 if the store is damaged or belongs to another program or version.
    """
    project = bootstrap.open_project()
    health = examine(project.store_url)
    if health is None:
        raise RequestWrong(
            f"There is no store at {read_url(project.store_url)} yet. The first run makes it."
        )
    with bootstrap.open_store(project) as store:
        found = store.contents()
    if as_json:
        emit_json({"store": health.place, "faults": list(health.faults), "tables": data(found)})
    else:
        _print(found)
        for fault in health.faults:
            say(f"The store {health.place} is damaged: {fault}. Put back a backup.", err=True)
    raise typer.Exit(1 if health.faults else 0)


@app.command("migrate")
def migrate(
    target: Annotated[
        str,
        typer.Argument(
            metavar="[TARGET]",
            help="An empty database: postgresql://user@host/database, or env:NAME when the "
            "address has a password; default: the project's store, with `--from`.",
        ),
    ] = "",
    source: Annotated[
        Path | None,
        typer.Option(
            "--from", metavar="FILE", help="The file of the store; default: the project's store."
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Copy and verify everything, then take it back.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Copy the store from SQLite into an empty PostgreSQL database, with every run and tick.

    Stop every almaflow process first. The copy is verified by counts and hashes of all rows. Then
    the old file gets the ending `.migrated`, so that nobody continues with it.
    """
    project = bootstrap.open_project()
    old, file = _source(project, source)
    url = _target(project, target)
    with (
        bootstrap.open_store_at(old, SystemClock()) as store,
        bootstrap.open_store_at(url, SystemClock()) as other,
    ):
        _refuse_while_used(store)
        found = store.migrate_to(other, dry_run=dry_run)
        address = other.address
    if not dry_run:
        file.rename(_moved(file))
    if as_json:
        emit_json({"from": str(file), "to": address, "dry_run": dry_run, "tables": data(found)})
        return
    _print(found)
    if dry_run:
        say(f"Everything can be moved to {address}. Nothing was kept, because of `--dry-run`.")
    else:
        change = f" Write `store: {target}` in almaflow.yaml on every host." if target else ""
        say(f"Moved everything to {address}.{change} The old store is {_moved(file).name}.")


def _moved(file: Path) -> Path:
    """Return how the file of a store is called after its content was moved."""
    return file.with_name(f"{file.name}.migrated")


def _source(project: Project, source: Path | None) -> tuple[str, Path]:
    """Return address and file of the store to move; Raises: RequestWrong."""
    url = project.store_url if source is None else f"sqlite:///{source.absolute()}"
    location = read_url(url)
    if location.file is None:
        raise RequestWrong(
            f"The project's store {location} is not a file. To move a file into it, write "
            "`almaflow store migrate --from FILE`."
        )
    if not location.file.is_file():
        moved = _moved(location.file)
        before = f" It was moved before: {moved.name} is what was left." * moved.is_file()
        raise RequestWrong(
            f"The store {location} is not a file that exists; there is nothing to move.{before}"
        )
    return url, location.file


def _target(project: Project, target: str) -> str:
    """Return the address of the database to move to; Raises: RequestWrong."""
    url = _address(target, project.folder) if target else project.store_url
    if read_url(url).url is not None:
        return url
    if not target:
        raise RequestWrong(
            "The project's store is not in PostgreSQL. Name the database: `almaflow store migrate "
            "postgresql://user@host/database`."
        )
    raise RequestWrong(f"`{target}` is not in PostgreSQL. Write `postgresql://user@host/database`.")


def _address(target: str, folder: Path) -> str:
    """Return the address that *target* is or names; Raises: RequestWrong."""
    url = store_address(target, folder)
    location = read_url(url)
    if url == target and location.url is not None and location.url.password is not None:
        raise RequestWrong(
            "The address has a password, which other users could see in the list of processes. "
            "Put it into an environment variable and write `env:NAME`."
        )
    return url


def _refuse_while_used(store: Store) -> None:
    """Raise `RequestWrong` when another process works with the store."""
    working = store.at_work()
    if working:
        one = working[0].process
        raise RequestWrong(
            f"Process {one.pid} on {one.host} works with the store {store.address}. Stop every "
            "almaflow process first; `almaflow workers` lists them."
        )


def _print(found: Mapping[str, TableHash]) -> None:
    rows = [(name, str(one.rows), one.digest[:16]) for name, one in found.items()]
    print_table(("TABLE", "ROWS", "HASH"), rows)
