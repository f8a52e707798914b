"""`almaflow retry`: a new attempt at a finished run, which keeps its successful steps."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from almaflow.cli import bootstrap
from almaflow.cli.handoff import continue_here
from almaflow.cli.options import JsonOption, RunArgument, StrictOption
from almaflow.cli.prompts import who
from almaflow.cli.render.run_report import exit_code_of
from almaflow.cli.repeated_submissions import confirm_retry
from almaflow.cli.sources import ServerOption, TokenOption, is_remote
from almaflow.operations.action_documents import retry_preview
from almaflow.operations.retrying import preview_retry, reopen_run


def retry(
    run: RunArgument,
    start: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="STEP",
            help="Start again from this step (its id or path), whatever its outcome.",
        ),
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Submit jobs again without asking.")
    ] = False,
    strict: StrictOption = False,
    as_json: JsonOption = False,
    server: ServerOption = None,
    token: TokenOption = None,
) -> None:
    """Retry the steps of a run that failed, and the steps after them.

    The run continues as a new attempt with its recorded definition and inputs, and keeps the
    outputs of its other steps. almaflow lists jobs that were submitted before, and submits them
    again only if you confirm it.
    """
    if is_remote(server, token):
        from almaflow.cli.remote_commands import retry_there

        retry_there(server, token, run, start, yes=yes, as_json=as_json)
        return
    project = bootstrap.open_project()
    with bootstrap.open_store(project) as store:
        coming = preview_retry(store, run, start)
        # A missing key is reported before anything is recorded.
        project.institution(coming.plan.institution).key()
        confirm_retry(retry_preview(coming), coming.plan.zone, yes=yes, as_json=as_json)
        reopen = partial(reopen_run, store, coming, who())
        plan = coming.plan
        ended = continue_here(project, store, coming.run, plan, before=reopen, as_json=as_json)
        raise typer.Exit(exit_code_of(ended, strict=strict))
