"""`almaflow import-cron`: workflows of the lines of a crontab that start jobs of Alma."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated

import typer

from almaflow.alma.payload import LARGEST_PAYLOAD, PayloadInvalid, decode_payload
from almaflow.authoring.new_files import check_missing, way_to_schemas, write_missing
from almaflow.authoring.new_workflow.cron_workflows import CronWorkflow, workflow_of
from almaflow.authoring.new_workflow.crontab import (
    CronCommand,
    ReadCrontab,
    UnreadLine,
    read_crontab,
)
from almaflow.authoring.new_workflow.shell_commands import NotRead, ShellReader
from almaflow.cli.input_files import STDIN, read_input
from almaflow.cli.options import JsonOption
from almaflow.cli.render.terminal import emit, emit_json, say
from almaflow.cli.settings_above import find_existing_project
from almaflow.errors import RequestWrong
from almaflow.settings import Project
from almaflow.text_files import FileUnreadable, decode, display_path, read_bytes

# Bytes of a crontab or script.
_LARGEST = 256 * 1024
_SYSTEM_FOLDER = "/etc"


def import_cron(
    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE",
            help="The crontab; default: standard input, as in `crontab -l | almaflow import-cron`.",
            show_default=False,
        ),
    ] = STDIN,
    users: Annotated[
        bool,
        typer.Option(
            "--user-column", help="The sixth column is a user; so it is for files below /etc."
        ),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Write a workflow for each line of a crontab that starts jobs of Alma.

    Reads curl and wget, chains with `&&`, `sleep`, flock, variables and scripts next to the
    crontab. A line that has more than that is listed with the reason, and no workflow is made of
    it. API keys are never copied. Exits with 1 if a line was not read.
    """
    project = find_existing_project()
    has_users = users or os.path.abspath(file).startswith(_SYSTEM_FOLDER + os.sep)
    crontab = read_crontab(_text(file), has_users=has_users)
    folder = Path.cwd() if file == STDIN else Path(os.path.abspath(file)).parent
    unread, made = list(crontab.unread), []
    for command in crontab.commands:
        try:
            made.append(_made(command, folder, project))
        except NotRead as error:
            unread.append(UnreadLine(command.line, str(error)))
    unread.sort(key=lambda one: one.line)
    names = [name for workflow in made for name in workflow.files]
    check_missing(project.workflows, names, "Rename or remove what an earlier import has written.")
    for workflow in made:
        write_missing(project.workflows, workflow.files)
    if as_json:
        emit_json(_data(made, unread))
    else:
        _report(project, crontab, made, unread)
    raise typer.Exit(1 if unread else 0)


def _text(file: str) -> str:
    try:
        return decode(read_input(file, _LARGEST, "crontab"))
    except FileUnreadable as error:
        name = "The crontab on standard input" if file == STDIN else file
        raise RequestWrong(f"{name} cannot be read: {error.reason}.") from error


def _made(command: CronCommand, folder: Path, project: Project) -> CronWorkflow:
    reader = ShellReader(lambda name: _beside(folder, name), command.variables)
    actions = list(reader.actions(command.command))
    schemas = way_to_schemas(project.folder / "schemas", project.workflows)
    return workflow_of(command, actions, f"cron-line-{command.line}", schemas)


def _beside(folder: Path, name: str) -> str | None:
    """Return the text of a file that a command names, from the folder of the crontab only."""
    path = folder / os.path.basename(name)
    try:
        return decode_payload(read_bytes(path, LARGEST_PAYLOAD))
    except (FileUnreadable, PayloadInvalid):
        return None


def _data(made: list[CronWorkflow], unread: list[UnreadLine]) -> Mapping[str, object]:
    return {
        "workflows": [
            {"line": one.line, "name": one.name, "files": list(one.files), "had_key": one.has_key}
            for one in made
        ],
        "unread": [{"line": one.line, "reason": one.reason} for one in unread],
    }


def _report(
    project: Project, crontab: ReadCrontab, made: list[CronWorkflow], unread: list[UnreadLine]
) -> None:
    for workflow in made:
        path = display_path(project.workflows / f"{workflow.name}.yaml")
        emit(f"Line {workflow.line}: wrote {path}.")
    for one in unread:
        emit(f"Line {one.line}: not read. {one.reason}")
    if not made and not unread:
        emit("The crontab has no commands.")
    for advice in _advice(project, crontab, made):
        say(advice)


def _advice(project: Project, crontab: ReadCrontab, made: list[CronWorkflow]) -> Iterator[str]:
    keyed = [str(one.line) for one in made if one.has_key]
    if keyed:
        lines = "line" if len(keyed) == 1 else "lines"
        yield (
            f"The commands of {lines} {', '.join(keyed)} hold an API key as it is. It was not "
            "copied: almaflow uses `api_key` of almaflow.yaml. Revoke the key, because a crontab "
            "is no place for it."
        )
    if made and not any(command.zone for command in crontab.commands):
        yield (
            f"The times mean the zone of almaflow.yaml, {project.settings.timezone}; cron used "
            "that of its machine."
        )
    if made and crontab.mail_to:
        yield (
            f"cron wrote to {', '.join(crontab.mail_to)}. Name a channel with this address under "
            "`channels` in almaflow.yaml, and in `notify` of the workflows."
        )
    if made:
        yield (
            "Check them with `almaflow validate` and `almaflow plan NAME`, and remove the lines "
            "from the crontab before `almaflow serve` runs them."
        )
