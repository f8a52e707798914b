"""`almaflow cancel`: cancels a run, in the process that executes it or here."""

from __future__ import annotations

from almaflow.cli import bootstrap
from almaflow.cli.handoff import hand_over
from almaflow.cli.options import JsonOption, RunArgument
from almaflow.cli.prompts import who
from almaflow.cli.sources import ServerOption, TokenOption, is_remote
from almaflow.operations.cancellation import ask_cancel


def cancel(
    run: RunArgument,
    as_json: JsonOption = False,
    server: ServerOption = None,
    token: TokenOption = None,
) -> None:
    """Cancel a run: its steps stop, then its `finally` steps and notifications follow.

    The process that executes the run does this within seconds. A run that no process is executing
    is cancelled here. Alma's API cannot cancel jobs: a job that was started keeps running there.
    """
    if is_remote(server, token):
        from almaflow.cli.remote_commands import cancel_there

        cancel_there(server, token, run, as_json=as_json)
        return
    project = bootstrap.open_project()
    with bootstrap.open_store(project) as store:
        record = ask_cancel(store, run, who())
        hand_over(
            project,
            store,
            record,
            here=f"No process is executing run {record.id}; cancelling it here.",
            there="has been asked to cancel it; its `finally` steps and notifications follow",
            as_json=as_json,
            asked=True,
        )
