"""`almaflow install-service`: a systemd unit that keeps `almaflow serve` or `worker` running."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from almaflow.cli import bootstrap
from almaflow.cli.render.terminal import emit_document, say
from almaflow.cli.systemd_unit import WRITTEN_BY, SystemdUnit
from almaflow.errors import RequestWrong
from almaflow.settings import FILE_NAME, Project
from almaflow.settings.references import SecretSource
from almaflow.store.location import read_url
from almaflow.text_files import FileUnreadable, read_text
from almaflow.whole_files import write_whole

UNITS = Path("/etc/systemd/system")
"""The folder of a machine's system units."""

# Bytes: a unit of almaflow has some two thousand.
_LONGEST_UNIT = 64 * 1024


def install_service(
    write: Annotated[
        bool,
        typer.Option(
            "--write", help="Write the unit to /etc/systemd/system; this usually needs sudo."
        ),
    ] = False,
    user: Annotated[
        str | None,
        typer.Option(
            "--user",
            metavar="NAME",
            help="The account that the service runs as; default: the owner of the folder.",
        ),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(
            "--name",
            metavar="NAME",
            help="The name of the unit; default: almaflow, or almaflow-worker.",
        ),
    ] = None,
    worker: Annotated[
        bool, typer.Option("--worker", help="The service is `almaflow worker` (PostgreSQL).")
    ] = False,
) -> None:
    """Print a systemd unit for this project, or write it where systemd finds it.

    The service can write to the project's folder and nowhere else. The unit names a separate file
    for the values of the environment variables in almaflow.yaml.
    """
    project = bootstrap.open_project()
    runs = "worker" if worker else "serve"
    unit = make_unit(project, user, name or ("almaflow-worker" if worker else "almaflow"), runs)
    text = unit.text()
    if unit.user == "root":
        say(
            "The service would run as root, which it does not need. Name an account with "
            "`--user`, and make it the owner of the folder.",
            err=True,
        )
    if not write:
        emit_document(text.rstrip("\n"))
        return
    path = UNITS / f"{unit.name}.service"
    _write(path, text)
    for line in _next_moves(unit, path):
        say(line)


def make_unit(project: Project, user: str | None, name: str, runs: str = "serve") -> SystemdUnit:
    """Return the unit of a project that *runs* `serve` or `worker`; Raises: RequestWrong."""
    if project.document is None:
        raise RequestWrong(
            f"There is no {FILE_NAME} in {project.folder} or a folder above it, so there is "
            "nothing to serve. Change to the project's folder."
        )
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.@-]*", name):
        raise RequestWrong(
            f"`{name}` is not a valid name for a unit. Use letters, digits, `_`, `.`, `@` and `-`."
        )
    file = read_url(project.store_url).file
    if runs == "worker" and file is not None:
        raise RequestWrong(
            f"A worker shares the runs of a store in PostgreSQL; {file} is a file. Leave "
            "`--worker` out, or move the store with `almaflow store migrate`."
        )
    return SystemdUnit(
        name=name.removesuffix(".service"),
        user=user or _owner(project.folder),
        folder=project.folder,
        command=_command(),
        store=file,
        variables=_variables(project),
        runs=runs,
    )


def _owner(folder: Path) -> str:
    try:
        return folder.owner()
    except (KeyError, NotImplementedError) as error:
        raise RequestWrong(
            f"The owner of {folder} is not known. Specify the account of the service with "
            "`--user NAME`."
        ) from error


def _command() -> list[str]:
    """Return the command that starts this installation of almaflow."""
    python = Path(sys.executable)
    script = python.with_name("almaflow")
    return [str(script)] if script.is_file() else [str(python), "-m", "almaflow"]


def _variables(project: Project) -> list[str]:
    names = (one.name for _, one in project.references() if one.origin is SecretSource.ENV)
    return list(dict.fromkeys(names))


def _write(path: Path, text: str) -> None:
    """Write a unit, replacing only units of almaflow; Raises: RequestWrong, OSError."""
    if path.exists() and not _is_ours(path):
        raise RequestWrong(
            f"{path} already exists and was not written by almaflow. Move it away, or choose a "
            "different `--name`."
        )
    try:
        write_whole(path, text.encode())
    except PermissionError as error:
        raise RequestWrong(
            f"{path} cannot be written by this user. Use sudo, or print the unit without "
            "`--write` and copy it there yourself."
        ) from error


def _is_ours(path: Path) -> bool:
    """Whether almaflow wrote the file at *path*; False when it cannot be read."""
    try:
        return read_text(path, _LONGEST_UNIT).startswith(WRITTEN_BY)
    except FileUnreadable:
        return False


def _next_moves(unit: SystemdUnit, path: Path) -> Iterator[str]:
    yield f"Written: {path}. Next:"
    if unit.variables:
        yield (
            f"  write {', '.join(unit.variables)} into {unit.environment_file}, one NAME=value a "
            "line, for root only (mode 0600)"
        )
    yield "  systemctl daemon-reload"
    yield f"  systemctl enable --now {unit.name}"
    yield f"  journalctl -fu {unit.name}"
