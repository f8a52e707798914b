"""`almaflow resolve`: records a person's decision about an unconfirmed submission."""

from __future__ import annotations

from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from almaflow.cli import bootstrap
from almaflow.cli.alma_queries import LiveAlma
from almaflow.cli.handoff import hand_over
from almaflow.cli.options import JsonOption, RunArgument
from almaflow.cli.prompts import who
from almaflow.cli.render.terminal import emit
from almaflow.cli.repeated_submissions import may_submit_once_more
from almaflow.cli.sources import ServerOption, TokenOption, is_remote
from almaflow.errors import RequestWrong
from almaflow.operations.action_documents import unconfirmed
from almaflow.operations.resolution import (
    UnconfirmedRequest,
    candidates,
    check_instance,
    find_unconfirmed,
    record_decision,
)
from almaflow.settings import Project
from almaflow.store import RunRecord, Store


def resolve(
    run: RunArgument,
    step: Annotated[str, typer.Argument(metavar="STEP", help="The step's path or id.")],
    instance: Annotated[
        str | None,
        typer.Option(
            "--instance", metavar="ID", help="Alma accepted it: the id of the job instance."
        ),
    ] = None,
    not_submitted: Annotated[
        bool,
        typer.Option(
            "--not-submitted", help="Alma did not accept it; almaflow submits it once more."
        ),
    ] = False,
    as_json: JsonOption = False,
    server: ServerOption = None,
    token: TokenOption = None,
) -> None:
    """Record whether Alma accepted a submission whose response was lost, and continue the run.

    Check in Alma first (Admin > Monitor Jobs). almaflow verifies an instance: it must exist, belong
    to the job, have been submitted after ours was sent, and not belong to another step.
    """
    if (instance is not None) is not_submitted:
        raise RequestWrong(
            "Confirm the outcome of the submission: `--instance ID` if Alma runs it, or "
            "`--not-submitted` if Alma did not accept it."
        )
    if is_remote(server, token):
        from almaflow.cli.remote_commands import resolve_there

        instance = None if instance is None else instance.strip()
        resolve_there(server, token, run, step, instance, as_json=as_json)
        return
    project = bootstrap.open_project()
    with bootstrap.open_store(project) as store:
        record = store.find_run(run)
        lost = find_unconfirmed(store, record, step)
        if instance is not None:
            instance = instance.strip()
            check_instance(project, store, LiveAlma(project), lost, instance)
        elif not _not_there(project, store, record, lost, as_json=as_json):
            emit("Nothing was recorded.")
            raise typer.Exit(1)
        record_decision(store, record, lost, instance, who())
        outcome = f"runs in Alma as {instance}" if instance else "was not accepted by Alma"
        hand_over(
            project,
            store,
            record,
            here=f"Step {lost.path} {outcome}. No process is executing run {record.id}, so it "
            "continues here.",
            there=f"continues now that step {lost.path} {outcome}",
            as_json=as_json,
            resolved=lost.path,
            instance=instance,
        )


def _not_there(
    project: Project, store: Store, record: RunRecord, lost: UnconfirmedRequest, *, as_json: bool
) -> bool:
    """Show the possible instances in Alma's list, and return whether to submit the job anyway.

    Raises:
        RequestWrong: Alma lists an instance with the submission's own marker.
    """
    found = candidates(project, store, LiveAlma(project), record, lost)
    if not found.instances or as_json:
        return True
    return may_submit_once_more(unconfirmed(record.id, lost, found), ZoneInfo("UTC"))
