"""`almaflow approve`: replies to a step that waits for a person."""

from __future__ import annotations

from typing import Annotated

import typer

from almaflow.cli import bootstrap
from almaflow.cli.options import JsonOption, RunArgument
from almaflow.cli.prompts import who
from almaflow.cli.render.terminal import emit_json, say
from almaflow.cli.sources import ServerOption, TokenOption, is_remote
from almaflow.json_data import as_data
from almaflow.operations.action_documents import ReplyGiven
from almaflow.operations.approval import reply


def approve(
    run: RunArgument,
    step: Annotated[
        str | None,
        typer.Argument(
            metavar="STEP", help="The step's path or id; optional if only one step is waiting."
        ),
    ] = None,
    reject: Annotated[bool, typer.Option("--reject", help="Reject; the step fails.")] = False,
    comment: Annotated[
        str,
        typer.Option(
            "--comment", "-m", metavar="TEXT", help="A comment to record with the answer."
        ),
    ] = "",
    as_json: JsonOption = False,
    server: ServerOption = None,
    token: TokenOption = None,
) -> None:
    """Approve an `approve` step of a run, or reject it with `--reject`.

    The process that executes the run continues within seconds. If there is none, the answer is
    kept in the record until `almaflow resume`.
    """
    if is_remote(server, token):
        from almaflow.cli.remote_commands import reply_there

        approved = not reject
        reply_there(server, token, run, step, approved=approved, comment=comment, as_json=as_json)
        return
    project = bootstrap.open_project()
    with bootstrap.open_store(project) as store:
        given = reply(store, run, step, approved=not reject, comment=comment, by=who())
    if as_json:
        emit_json(as_data(given))
    else:
        say(_text(given))


def _text(given: ReplyGiven) -> str:
    decision = "approved" if given.approved else "rejected"
    run = given.run
    return f"Step {given.step} of run {run} is {decision}. " + (
        "The process that executes the run will continue with it; follow it with `almaflow "
        f"logs -f {run}`. If that process does not respond, take over the run with "
        f"`almaflow resume {run}`."
        if given.worked_on
        else f"No process is executing the run; continue it with `almaflow resume {run}`."
    )
